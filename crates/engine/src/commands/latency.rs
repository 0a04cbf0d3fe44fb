//! LATENCY: how long commands take, and what took too long.

use resp::Reply;

use super::{CommandId, Named, Row, bare_container, cmd, container, help};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::stats::CommandTotals;

pub(super) static TABLE: &[Row] = &[container(
    &spec::server::LATENCY,
    bare_container,
    &[
        cmd(&spec::server::LATENCY_DOCTOR, doctor),
        cmd(&spec::server::LATENCY_GRAPH, graph),
        cmd(&spec::server::LATENCY_HELP, help::help),
        cmd(&spec::server::LATENCY_HISTOGRAM, histogram),
        cmd(&spec::server::LATENCY_HISTORY, history),
        cmd(&spec::server::LATENCY_LATEST, latest),
        cmd(&spec::server::LATENCY_RESET, reset),
    ],
)];

fn latest(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let events = ctx.engine.latency.latest();
    reply.array(events.len());
    for (name, newest, worst_ms) in events {
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.int(newest.unix_secs);
        reply.int(newest.ms as i64);
        reply.int(worst_ms as i64);
    }
    Ok(())
}

fn history(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let series = ctx.engine.latency.series(args.bytes()?);
    let series = series.unwrap_or_default();
    reply.array(series.samples().len());
    for sample in series.samples() {
        reply.array(2);
        reply.int(sample.unix_secs);
        reply.int(sample.ms as i64);
    }
    Ok(())
}

fn reset(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let latency = &ctx.engine.latency;
    let forgotten = match args.is_done() {
        true => latency.reset_all(),
        false => args.rest().filter(|name| latency.reset(name)).count(),
    };
    reply.count(forgotten);
    Ok(())
}

fn graph(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let name = args.bytes()?;
    let drawn = ctx.engine.latency.graph(name, ctx.now.unix_secs());
    let drawn = drawn.ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        CommandError::err(format!("No samples available for event '{name}'"))
    })?;
    reply.verbatim("txt", drawn.as_bytes());
    Ok(())
}

fn doctor(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.verbatim("txt", ctx.engine.latency.report().as_bytes());
    Ok(())
}

/// Of the commands that are named, with their subcommands, or of all; those that were never
/// timed and those that do not exist are left out.
fn histogram(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let wanted: Vec<CommandId> = match args.is_done() {
        true => ctx.engine.commands.all().iter().map(|it| it.id).collect(),
        false => args.rest().flat_map(|name| called(ctx, name)).collect(),
    };
    let totals = ctx.engine.stats.totals();
    let timed: Vec<_> = wanted
        .iter()
        .filter_map(|id| Some((*id, totals.commands.get(id.index())?)))
        .filter(|(_, totals)| totals.latency.total() > 0)
        .collect();
    reply.map(timed.len());
    for (id, totals) in timed {
        let name = ctx.engine.commands.get(id).spec.full_name();
        reply.bulk(name.as_bytes());
        write_distribution(reply, totals);
    }
    Ok(())
}

fn write_distribution(reply: &mut Reply, totals: &CommandTotals) {
    let steps = totals.latency.cumulative_us();
    reply.map(2);
    reply.bulk(b"calls");
    reply.count(totals.latency.total() as usize);
    reply.bulk(b"histogram_usec");
    reply.map(steps.len());
    for (us, calls) in steps {
        reply.int(us as i64);
        reply.int(calls as i64);
    }
}

/// The command of this name, `config|get` included, and its subcommands.
fn called(ctx: &Ctx<'_>, name: &[u8]) -> Vec<CommandId> {
    let words: Vec<&[u8]> = name.splitn(2, |byte| *byte == b'|').collect();
    let owned = resp::OwnedArgv::new(&words);
    match ctx.engine.commands.named(owned.as_argv()) {
        Named::Command(id) if words.len() == 1 => {
            let command = ctx.engine.commands.get(id);
            std::iter::once(id)
                .chain(command.subcommands.iter().copied())
                .collect()
        }
        // A second word that names no subcommand was an argument.
        Named::Command(id) if ctx.engine.commands.get(id).words == 2 => vec![id],
        _ => Vec::new(),
    }
}
