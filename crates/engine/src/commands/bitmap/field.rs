//! BITFIELD and BITFIELD_RO: integers of any width within a string.
//!
//! All operations are read before the first one runs, so that a mistake in the
//! last leaves everything undone, and the string is made long enough for all
//! that write. Then they run in order, each with its reply.

use resp::Reply;
use store::bitfield::{Field, Overflow};

use super::bit_offset;
use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn bitfield(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let operations = parse(ctx, args)?;
    let Some(end) = operations.iter().filter_map(Operation::written_end).max() else {
        return read(ctx, &key, &operations, reply);
    };
    let slot = ctx.string_slot(&key)?;
    let old_len = slot.map(|slot| ctx.entry(&key, slot).string().len());
    if ctx.waits_for_copy(&key, slot, end) {
        return Ok(());
    }
    let bytes = ctx.room(&key, slot, end);
    let mut changed = old_len != Some(bytes.len());
    reply.array(operations.len());
    for operation in &operations {
        let old = operation.field.read(bytes);
        let (new, answer) = match operation.action {
            Action::Get => (None, Some(old)),
            Action::Set { value, overflow } => {
                let new = operation.field.fit(operation.given(value), overflow);
                (new, new.map(|_| old))
            }
            Action::Add { by, overflow } => {
                let sum = i128::from(old) + i128::from(by);
                let new = operation.field.fit(sum, overflow);
                (new, new)
            }
        };
        if let Some(new) = new.filter(|new| *new != old) {
            operation.field.write(bytes, new);
            changed = true;
        }
        match answer {
            Some(value) => reply.int(value),
            None => reply.null(),
        }
    }
    if changed {
        ctx.changed(&key);
        effect_as_asked(ctx, args);
    }
    Ok(())
}

pub(super) fn bitfield_ro(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let operations = parse(ctx, args)?;
    if operations
        .iter()
        .any(|operation| operation.action != Action::Get)
    {
        return Err(CommandError::err(
            "BITFIELD_RO only supports the GET subcommand",
        ));
    }
    read(ctx, &key, &operations, reply)
}

/// Run operations none of which writes.
fn read(
    ctx: &mut Ctx,
    key: &store::Key<'_>,
    operations: &[Operation],
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let string = ctx.string(key)?;
    reply.array(operations.len());
    for operation in operations {
        let value = string.map_or(0, |string| {
            string.with_bytes(|bytes| operation.field.read(bytes))
        });
        reply.int(value);
    }
    Ok(())
}

struct Operation {
    field: Field,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set { value: i64, overflow: Overflow },
    Add { by: i64, overflow: Overflow },
}

impl Operation {
    /// How many bytes the string must have.
    fn written_end(&self) -> Option<usize> {
        (self.action != Action::Get).then(|| self.field.end_bytes() as usize)
    }

    /// A value to set as the field takes it: where there is no sign, a negative
    /// number stands for a large one.
    fn given(&self, value: i64) -> i128 {
        if self.field.signed {
            i128::from(value)
        } else {
            i128::from(value as u64)
        }
    }
}

fn parse(ctx: &Ctx, args: &mut Args) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::default();
    while !args.is_done() {
        if args.left() >= 2 && args.word("OVERFLOW") {
            overflow = overflow_of(args)?;
            continue;
        }
        // A word without all that belongs to it is a syntax error, whatever
        // else is wrong with what is there.
        let verb = match args.left() {
            3.. if args.word("GET") => Verb::Get,
            4.. if args.word("SET") => Verb::Set,
            4.. if args.word("INCRBY") => Verb::Add,
            _ => return Err(CommandError::Syntax),
        };
        let field = field(ctx, args)?;
        let action = match verb {
            Verb::Get => Action::Get,
            Verb::Set => Action::Set {
                value: args.i64()?,
                overflow,
            },
            Verb::Add => Action::Add {
                by: args.i64()?,
                overflow,
            },
        };
        operations.push(Operation { field, action });
    }
    Ok(operations)
}

enum Verb {
    Get,
    Set,
    Add,
}

fn overflow_of(args: &mut Args) -> Result<Overflow, CommandError> {
    [
        ("WRAP", Overflow::Wrap),
        ("SAT", Overflow::Saturate),
        ("FAIL", Overflow::Fail),
    ]
    .into_iter()
    .find_map(|(word, overflow)| args.word(word).then_some(overflow))
    .ok_or_else(|| CommandError::err("Invalid OVERFLOW type specified"))
}

/// Take type and offset of a field, `u8 100` or `i16 #3`.
fn field(ctx: &Ctx, args: &mut Args) -> Result<Field, CommandError> {
    let (signed, bits) = field_type(args.bytes()?).ok_or_else(|| {
        CommandError::err(
            "Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
             supported but i64 is.",
        )
    })?;
    let offset = match args.bytes()? {
        [b'#', index @ ..] => bit_offset(ctx, index, bits)?,
        offset => bit_offset(ctx, offset, 1)?,
    };
    Ok(Field {
        signed,
        bits,
        offset,
    })
}

fn field_type(text: &[u8]) -> Option<(bool, u32)> {
    let (signed, width, bits_max) = match text {
        [b'i', width @ ..] => (true, width, 64),
        [b'u', width @ ..] => (false, width, 63),
        _ => return None,
    };
    let bits = base::parse_i64(width)?;
    (1..=bits_max)
        .contains(&bits)
        .then_some((signed, bits as u32))
}
