//! SADD, SREM, SMOVE. Each looks for a member once: whether anything changes is known behind it.

use resp::Reply;

use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn sadd(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.set_slot(&key)?;
    let (count, members) = (args.left(), args.clone().rest());
    let first = args.peek().ok_or(CommandError::Syntax)?;
    let added = ctx.change_set(&key, slot, |set| {
        // How many are named decides about the form, as it does in Redis.
        set.expect(count, first);
        members.filter(|member| set.add(member)).count()
    });
    if added > 0 {
        ctx.changed(&key);
        effect_as_asked(ctx, args);
        ctx.count_changes(added - 1);
    }
    reply.count(added);
    Ok(())
}

pub(super) fn srem(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let Some(slot) = ctx.set_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let members = args.clone().rest();
    let (removed, is_empty) = ctx.change_set(&key, Some(slot), |set| {
        let removed = members.filter(|member| set.remove(member)).count();
        (removed, set.is_empty())
    });
    if removed > 0 {
        match is_empty {
            true => ctx.remove_empty(&key),
            false => ctx.changed(&key),
        }
        effect_as_asked(ctx, args);
        ctx.count_changes(removed - 1);
    }
    reply.count(removed);
    Ok(())
}

pub(super) fn smove(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (args.key()?, args.key()?);
    let member = args.bytes()?;
    let Some(source) = ctx.find_to_change(ctx.session.database, &from) else {
        reply.int(0);
        return Ok(());
    };
    if ctx.entry(&from, source).set().is_none() {
        return Err(CommandError::WrongType);
    }
    ctx.set_slot(&to)?;
    // Looking for the other may have removed what had expired beside this one.
    let source = ctx.set_slot(&from)?.expect("it was there a moment ago");
    let is_there = ctx.set_view_at(&from, source).contains(member);
    if !is_there || from.bytes == to.bytes {
        reply.int(i64::from(is_there));
        return Ok(());
    }
    let is_empty = ctx.change_set(&from, Some(source), |set| {
        set.remove(member);
        set.is_empty()
    });
    match is_empty {
        true => ctx.remove_empty(&from),
        false => ctx.changed(&from),
    }
    let target = ctx.set_slot(&to)?;
    let is_new = ctx.change_set(&to, target, |set| {
        if target.is_none() {
            set.expect(1, member);
        }
        set.add(member)
    });
    effect_as_asked(ctx, args);
    if is_new {
        ctx.changed(&to);
        ctx.count_changes(1);
    }
    reply.int(1);
    Ok(())
}
