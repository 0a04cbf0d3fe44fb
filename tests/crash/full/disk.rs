//! A file system of 64 MB, mounted for a test and gone with it.
//!
//! It needs root. A tmpfs is there at once; an ext4 image behind a loop device is what real
//! servers have: it allocates late, keeps a journal, and hands a failed reservation back in part.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use testkit::process::Directory;

/// What a small disk is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Maker {
    Tmpfs,
    Ext4,
}

/// A mounted file system. Drop what runs on it first.
pub(super) struct SmallDisk {
    /// Where it is mounted: this very path is unmounted at the end.
    mounted: PathBuf,
    /// The mount point, and the image if there is one.
    _directory: Directory,
}

/// A file that only takes room. It stays until it is removed.
pub(super) struct Ballast(PathBuf);

const SIZE: &str = "64m";

impl SmallDisk {
    /// Mounts one, or says why this machine cannot.
    pub(super) fn mount(maker: Maker) -> Result<SmallDisk, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root may mount".into());
        }
        let directory = Directory::fresh().map_err(|error| error.to_string())?;
        let point = directory.path().join("disk");
        fs::create_dir(&point).map_err(|error| error.to_string())?;
        match maker {
            Maker::Tmpfs => run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "ochre-full"])
                .arg(&point))?,
            Maker::Ext4 => {
                let image = directory.path().join("image");
                // The blocks that are kept for root would be ours as well.
                run(Command::new("mkfs.ext4")
                    .args(["-q", "-m", "0"])
                    .arg(&image)
                    .arg(SIZE))?;
                run(Command::new("mount")
                    .args(["-t", "ext4", "-o", "loop"])
                    .arg(&image)
                    .arg(&point))?;
            }
        }
        Ok(SmallDisk {
            mounted: point,
            _directory: directory,
        })
    }

    /// Where data may be put.
    pub(super) fn data(&self) -> PathBuf {
        let data = self.mounted.join("data");
        fs::create_dir_all(&data).expect("the disk takes a directory");
        data
    }

    pub(super) fn free_bytes(&self) -> u64 {
        let stat = statvfs(&self.mounted).expect("it is mounted");
        stat.f_bavail * stat.f_frsize
    }

    /// Takes so much room.
    pub(super) fn ballast(&self, bytes: u64) -> Ballast {
        let path = self.mounted.join("ballast");
        let file = File::create(&path).expect("the disk takes a file");
        fallocate(&file, FallocateFlags::empty(), 0, bytes).expect("there is room");
        Ballast(path)
    }
}

impl Ballast {
    pub(super) fn remove(self) {
        fs::remove_file(self.0).expect("it is ours");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let plainly = run(Command::new("umount").arg(&self.mounted));
        // A server that outlived a failed test: out of sight now, gone when that is.
        if plainly.is_err() {
            let lazily = run(Command::new("umount").arg("-l").arg(&self.mounted));
            if let Err(why) = lazily {
                eprintln!("{} stays mounted: {why}", self.mounted.display());
            }
        }
    }
}

/// Files below a directory whose names say that they are not finished.
pub(super) fn unfinished(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            found.extend(unfinished(&path)?);
        } else if name.starts_with("temp") || name.ends_with(".tmp") {
            found.push(path);
        }
    }
    Ok(found)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
