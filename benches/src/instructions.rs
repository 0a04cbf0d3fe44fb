//! Instructions per command, counted by callgrind.
//!
//! A count depends on the binary and the input, not on the neighbours, so it
//! is the figure to watch from commit to commit. It is user space only: what
//! the kernel does for a request is not ours to change.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base::Rng;

use crate::Result;
use crate::client::{key, push};
use crate::server::{Commands, Server};

const KEYS: u64 = 100_000;
const CALLS: u64 = 20_480;

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!("Instructions in user space per command, {KEYS} keys, 64-byte values\n");
    println!("| server | SET, pipeline of 256 | GET, pipeline of 256 |");
    println!("|---|---|---|");
    for command in commands.each() {
        println!("{}", measure(command)?);
    }
    println!("\nours: {}", commands.ours());
    Ok(())
}

fn measure(command: &str) -> Result<String> {
    let out = std::env::temp_dir().join(format!("ochre-callgrind-{}", std::process::id()));
    let file = format!("--callgrind-out-file={}", out.display());
    let wrapper = ["valgrind", "--tool=callgrind", "-q", &file];
    let server = Server::start_under(&wrapper, command, Duration::from_secs(60))?;
    let mut client = server.connect()?;
    let value = "v".repeat(64);
    let set = |number: u64, out: &mut Vec<u8>| push(out, &["SET", &key(number), &value]);
    client.pipeline(0..KEYS, set)?;
    let mut rng = Rng::new(1);
    let mut counted = Vec::new();
    for name in ["SET", "GET"] {
        control(&server, "--zero")?;
        client.pipeline(0..CALLS, |_, out| {
            let key = key(rng.below(KEYS));
            match name {
                "SET" => push(out, &["SET", &key, &value]),
                _ => push(out, &["GET", &key]),
            }
        })?;
        control(&server, "--dump")?;
        counted.push(total(&out)? / CALLS);
    }
    Ok(format!(
        "| {} | {} | {} |",
        server.name, counted[0], counted[1]
    ))
}

fn control(server: &Server, what: &str) -> Result<()> {
    let status = Command::new("callgrind_control")
        .args([what, &server.process_id().to_string()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("callgrind_control {what} failed").into());
    }
    Ok(())
}

/// The instructions of the newest dump; each dump has a file of its own.
fn total(out: &Path) -> Result<u64> {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let directory = out.parent().unwrap_or(Path::new("."));
    let mut newest = None;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if file.starts_with(&*name) {
            let modified = std::fs::metadata(&path)?.modified()?;
            if newest.as_ref().is_none_or(|(when, _)| modified > *when) {
                newest = Some((modified, path));
            }
        }
    }
    let (_, path) = newest.ok_or("callgrind wrote nothing")?;
    let text = std::fs::read_to_string(&path)?;
    std::fs::remove_file(&path)?;
    let line = text.lines().find_map(|line| {
        line.strip_prefix("totals:")
            .or_else(|| line.strip_prefix("summary:"))
    });
    Ok(line.ok_or("no totals in the dump")?.trim().parse()?)
}
