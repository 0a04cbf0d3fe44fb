//! A large file goes by parts.
//!
//! ```text
//!   ████████████████  cut ─► pause ─► ████████████  cut ─► pause ─► ████  remove
//! ```
//!
//! To remove a gigabyte in one call a file system frees all of its blocks at once, and whoever
//! writes to the same disk meanwhile may wait for that: on ext4 a client once waited 130 ms for
//! the log that a rewrite had replaced. So the file is cut shorter step by step, and others
//! come in between. Whoever has to leave says so then, and the rest of the file stays for another
//! time: nobody shall wait for the removal of what nobody reads.
//!
//! A file that has another name too is somebody's copy, a backup made by a hard link: only our
//! name is removed, and its bytes stay.

use std::ops::ControlFlow;
use std::path::Path;

use super::{Access, Storage};
use crate::error::Trouble;

/// What is cut off in one step.
pub(crate) const PART_BYTES: u64 = 16 << 20;

/// What is done between two parts: usually a little wait. A break leaves the rest.
pub type Pause<'a> = &'a dyn Fn() -> ControlFlow<()>;

/// Removes a file that nobody reads any more, and calls `pause` between its parts. After a break
/// it is there, and shorter.
pub(crate) fn remove_by_parts(
    storage: &dyn Storage,
    path: &Path,
    pause: Pause<'_>,
) -> Result<ControlFlow<()>, Trouble> {
    // Cutting is a courtesy: whatever comes in its way, what counts is the removal.
    match cut(storage, path, pause) {
        Ok(ControlFlow::Break(())) => Ok(ControlFlow::Break(())),
        Ok(ControlFlow::Continue(())) | Err(_) => {
            storage.remove(path)?;
            Ok(ControlFlow::Continue(()))
        }
    }
}

fn cut(storage: &dyn Storage, path: &Path, pause: Pause<'_>) -> Result<ControlFlow<()>, Trouble> {
    let file = storage.open(path, Access::Write)?;
    let mut len = file.len()?;
    while len > PART_BYTES && file.links()? == 1 {
        len -= PART_BYTES;
        file.set_len(len)?;
        if pause().is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::storage::Disk;

    /// Removes a file of so many parts and a byte; returns the pauses, and what a second name of
    /// it has then.
    fn removed(parts: u64, has_backup: bool) -> (u64, Option<u64>) {
        let name = format!("ochre-removal-{}-{parts}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let backup = path.with_extension("backup");
        let _ = std::fs::remove_file(&backup);
        let file = Disk.open(&path, Access::Create).expect("a new file");
        file.set_len(parts * PART_BYTES + 1).expect("a sparse file");
        if has_backup {
            std::fs::hard_link(&path, &backup).expect("another name");
        }
        let pauses = Cell::new(0);
        let pause = || {
            pauses.set(pauses.get() + 1);
            ControlFlow::Continue(())
        };
        let removed = remove_by_parts(&Disk, &path, &pause).expect("it is there");
        assert!(removed.is_continue() && !path.exists());
        let kept = has_backup.then(|| backup.metadata().expect("it stays").len());
        let _ = std::fs::remove_file(&backup);
        (pauses.get(), kept)
    }

    #[test]
    fn a_large_file_goes_by_parts() {
        assert_eq!(removed(0, false), (0, None));
        assert_eq!(removed(3, false), (3, None));
    }

    #[test]
    fn who_has_to_leave_leaves_the_rest() {
        let name = format!("ochre-removal-rest-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = Disk.open(&path, Access::Create).expect("a new file");
        file.set_len(4 * PART_BYTES).expect("a sparse file");
        let left = Cell::new(2);
        let pause = || {
            left.set(left.get() - 1);
            match left.get() {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        let removed = remove_by_parts(&Disk, &path, &pause).expect("it is there");
        assert!(removed.is_break());
        assert_eq!(file.len().expect("it is open"), 2 * PART_BYTES);
        let go_on = || ControlFlow::Continue(());
        let removed = remove_by_parts(&Disk, &path, &go_on).expect("it is there");
        assert!(removed.is_continue() && !path.exists());
    }

    #[test]
    fn a_backup_keeps_its_bytes() {
        assert_eq!(removed(2, true), (0, Some(2 * PART_BYTES + 1)));
    }
}
