//! Configuration files on the real file system.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use engine::config::ConfigFiles;

/// The file system.
pub(crate) struct Disk;

impl ConfigFiles for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        io::stdin().lock().read_to_end(&mut all)?;
        Ok(all)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}

/// Replace a file by new content, whole or not at all, also over a power cut:
/// write aside, sync, rename, sync the directory.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut aside_name = name.to_owned();
    aside_name.push(format!(".{}.tmp", std::process::id()));
    let aside = directory.join(aside_name);
    let written = write_aside(&aside, path, content).and_then(|()| {
        fs::rename(&aside, path)?;
        File::open(&directory)?.sync_all()
    });
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write_aside(aside: &Path, original: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(aside)?;
    let mode = fs::metadata(original).map_or(0o644, |metadata| metadata.permissions().mode());
    file.set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions() {
        let directory = std::env::temp_dir().join(format!("ochre-files-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("a.conf");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert!(replace(&directory.join("no/such/place"), b"x").is_err());
        fs::remove_dir_all(&directory).unwrap();
    }
}
