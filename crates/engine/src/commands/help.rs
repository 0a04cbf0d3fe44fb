//! `<container> HELP`: the subcommands, each with a line about it.
//!
//! The texts are those of the spec table: its usage lines, its summaries.
//! The frame around them is Redis', as people and shells know it:
//!
//! ```text
//!   CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
//!   GETNAME
//!       Returns the name of this connection.
//!   ...
//!   HELP
//!       Print this help.
//! ```

use resp::Reply;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// The handler of every HELP whose container keeps its subcommands in the spec table.
pub(super) fn help(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let container = spec::find(args.argv().get(0));
    let container = container.expect("a subcommand that runs has a container");
    let prefix = container.name.len() + 1;
    let others = container
        .subcommands
        .iter()
        .filter(|sub| sub.name != "help");
    let mut lines: Vec<_> = others
        .map(|sub| (sub.usage()[prefix..].to_owned(), sub.summary))
        .collect();
    lines.sort_unstable();
    write(reply, &container.name.to_ascii_uppercase(), &lines);
    Ok(())
}

/// The same frame around lines that no spec holds: a usage and a sentence each.
pub(super) fn write<U: AsRef<str>>(reply: &mut Reply, container: &str, lines: &[(U, &str)]) {
    reply.array(2 * lines.len() + 3);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for (usage, sentence) in lines {
        reply.simple(usage.as_ref());
        reply.simple(&format!("    {sentence}"));
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
