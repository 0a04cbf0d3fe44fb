//! Instructions per command of every family, counted by callgrind.
//!
//! A count depends on the binary and the input, not on the neighbours, so it
//! is the figure to watch from commit to commit. It is user space only: what
//! the kernel does for a request is not ours to change. One connection sends
//! its pipelines one after the other; what a server does once for each of them
//! is shared by the commands in it. What it does by the clock counts too, so a
//! server that is held up for long shows more than it should.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base::Rng;

use crate::Result;
use crate::client::Client;
use crate::server::{Commands, Server};
use crate::workload::{self, Workload};

/// Callgrind is some fifty times slower than the processor: fewer commands do.
const FEWER: usize = 8;

pub(crate) fn run(commands: &Commands, only: Option<&str>) -> Result<()> {
    println!("Instructions in user space per command, one connection\n");
    println!("| command | pipeline | ours | beside |");
    println!("|---|---|---|---|");
    for workload in workload::named(only) {
        let mut cells = Vec::new();
        for command in commands.each() {
            let counted = count(workload, command, commands.dumps());
            let counted = counted.map_err(|error| format!("{}: {error}", workload.name))?;
            cells.push(counted.to_string());
        }
        let cells = cells.join(" | ");
        println!("| {} | {} | {cells} |", workload.name, workload.pipeline);
    }
    println!("\nours: {}", commands.ours());
    Ok(())
}

fn count(workload: &Workload, command: &str, kept: Option<&Path>) -> Result<usize> {
    let out = std::env::temp_dir().join(format!("ochre-callgrind-{}", std::process::id()));
    let file = format!("--callgrind-out-file={}", out.display());
    let wrapper = ["valgrind", "--tool=callgrind", "-q", &file];
    let server = Server::start_under(&wrapper, command, Duration::from_secs(60))?;
    let mut client = server.connect()?;
    let calls = workload.calls / FEWER;
    (workload.fill)(&mut client, 2 * calls)?;
    let mut rng = Rng::new(7);
    // A first round grows what grows, and does not count.
    send(workload, calls, &mut rng, &mut client)?;
    control(&server, "--zero")?;
    send(workload, calls, &mut rng, &mut client)?;
    control(&server, "--dump")?;
    let dump = newest(&out)?;
    let total = total(&std::fs::read_to_string(&dump)?)?;
    if let Some(kept) = kept {
        std::fs::create_dir_all(kept)?;
        let name = format!("{} {}.out", server.name, workload.name);
        std::fs::copy(&dump, kept.join(name.replace([' ', ','], "-")))?;
    }
    std::fs::remove_file(dump)?;
    Ok(total / calls)
}

fn send(workload: &Workload, calls: usize, rng: &mut Rng, client: &mut Client) -> Result<()> {
    let mut left = calls;
    let mut requests = Vec::new();
    while left > 0 {
        let count = workload.pipeline.min(left);
        left -= count;
        requests.clear();
        (0..count).for_each(|_| (workload.request)(rng, &mut requests));
        client.send(&requests)?;
        client.expect_replies(count)?;
    }
    Ok(())
}

fn control(server: &Server, what: &str) -> Result<()> {
    let status = Command::new("callgrind_control")
        .args([what, &server.process_id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("callgrind_control {what} failed").into());
    }
    Ok(())
}

/// The newest dump; each has a file of its own, beside the one that was named.
fn newest(out: &Path) -> Result<PathBuf> {
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
    Ok(path)
}

fn total(dump: &str) -> Result<usize> {
    let line = dump.lines().find_map(|line| {
        line.strip_prefix("totals:")
            .or_else(|| line.strip_prefix("summary:"))
    });
    Ok(line.ok_or("no totals in the dump")?.trim().parse()?)
}
