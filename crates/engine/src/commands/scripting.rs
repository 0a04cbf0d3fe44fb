//! FUNCTION FLUSH and SCRIPT FLUSH, which test suites and clients send to begin
//! afresh. No scripts are kept yet, so there is nothing to flush.

use resp::Reply;

use super::{Row, bare_container, cmd, container, help};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    container(
        &spec::scripting::FUNCTION,
        bare_container,
        &[
            cmd(&spec::scripting::FUNCTION_FLUSH, flush_functions),
            cmd(&spec::scripting::FUNCTION_HELP, help::help),
        ],
    ),
    container(
        &spec::scripting::SCRIPT,
        bare_container,
        &[
            cmd(&spec::scripting::SCRIPT_FLUSH, flush_scripts),
            cmd(&spec::scripting::SCRIPT_HELP, help::help),
        ],
    ),
];

fn flush_functions(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() > 1 {
        let name = crate::pipeline::shown(args.argv().get(1), crate::pipeline::SHOWN_BYTES_MAX);
        return Err(CommandError::err(format_args!(
            "unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
        )));
    }
    let text = "FUNCTION FLUSH only supports SYNC|ASYNC option";
    flush(args, reply, text)
}

fn flush_scripts(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    flush(args, reply, "SCRIPT FLUSH only support SYNC|ASYNC option")
}

fn flush(args: &mut Args, reply: &mut Reply, mistake: &str) -> Result<(), CommandError> {
    let known = args.is_done() || args.word("SYNC") || args.word("ASYNC");
    if !known || !args.is_done() {
        return Err(CommandError::err(mistake));
    }
    reply.ok();
    Ok(())
}
