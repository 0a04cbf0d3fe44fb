//! What an idle connection costs.

use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::Result;
use crate::server::{Commands, Server};

const CONNECTIONS: usize = 9_990;

pub(crate) fn run(commands: &Commands) -> Result<()> {
    let limit = Some(2 * CONNECTIONS as u64);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    );
    raised.map_err(|_| "more open files are needed than this user may have")?;
    println!("{CONNECTIONS} idle connections\n");
    println!("| server | served | bytes per connection | bytes each after all have closed |");
    println!("|---|---|---|---|");
    for command in commands.each() {
        let server = Server::start(command)?;
        let before = server.resident_bytes()?;
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(TcpStream::connect(("127.0.0.1", server.port))?);
        }
        let mut served = 0;
        let mut talking = Vec::new();
        for stream in clients {
            let mut client = crate::client::Client::on(stream);
            served += usize::from(client.call(&["PING"]).is_ok());
            talking.push(client);
        }
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let each = |now: u64| now.saturating_sub(before) / CONNECTIONS as u64;
        let open = each(server.resident_bytes()?);
        drop(talking);
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let closed = each(server.resident_bytes()?);
        println!("| {} | {served} | {open} | {closed} |", server.name);
    }
    Ok(())
}
