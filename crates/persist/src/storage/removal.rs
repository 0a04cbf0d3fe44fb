//! A large file goes by parts.
//!
//! ```text
//!   ████████████████  cut ─► pause ─► ████████████  cut ─► pause ─► ████  remove
//! ```
//!
//! To remove a gigabyte in one call a file system frees all of its blocks at once, and whoever
//! writes to the same disk meanwhile may wait for that: on ext4 a client once waited 130 ms for
//! the log that a rewrite had replaced. So the file is cut shorter step by step, and others
//! come in between.
//!
//! A file that has another name too is somebody's copy, a backup made by a hard link: only our
//! name is removed, and its bytes stay.

use std::path::Path;

use super::{Access, Storage};
use crate::error::Trouble;

/// What is cut off in one step.
pub(crate) const PART_BYTES: u64 = 16 << 20;

/// Removes a file that nobody reads any more, and calls `pause` between its parts.
pub(crate) fn remove_by_parts(
    storage: &dyn Storage,
    path: &Path,
    pause: &dyn Fn(),
) -> Result<(), Trouble> {
    // Cutting is a courtesy: whatever comes in its way, what counts is the removal.
    let _ = cut(storage, path, pause);
    storage.remove(path)
}

fn cut(storage: &dyn Storage, path: &Path, pause: &dyn Fn()) -> Result<(), Trouble> {
    let file = storage.open(path, Access::Write)?;
    let mut len = file.len()?;
    while len > PART_BYTES && file.links()? == 1 {
        len -= PART_BYTES;
        file.set_len(len)?;
        pause();
    }
    Ok(())
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
        let pause = || pauses.set(pauses.get() + 1);
        remove_by_parts(&Disk, &path, &pause).expect("it is there");
        assert!(!path.exists());
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
    fn a_backup_keeps_its_bytes() {
        assert_eq!(removed(2, true), (0, Some(2 * PART_BYTES + 1)));
    }
}
