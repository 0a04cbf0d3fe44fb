//! DEBUG LISTPACK: the elements of a small collection, as they lie behind each other, in the log.

use resp::Reply;
use store::{Packing, ValueView};
use structs::listpack::Listpack;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn listpack(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (index, database) = (ctx.engine.shards.of(key.hash), ctx.session.database);
    let table = ctx.enter_shard(index).keys.database(database);
    let slot = table.find(&key).ok_or(CommandError::NoSuchKey)?;
    let line = match table.entry(slot).value() {
        ValueView::Packed(packing, packed) if packing != Packing::Integers => {
            described(packed.bytes())
        }
        _ => return Err(CommandError::err("Not a listpack encoded object.")),
    };
    ctx.leave_shards();
    ctx.engine.host.log(false, &line);
    reply.simple("Listpack structure printed on stdout");
    Ok(())
}

/// One line, of bounded length.
fn described(bytes: &[u8]) -> String {
    const ELEMENTS_MAX: usize = 128;
    const TEXT_BYTES_MAX: usize = 64;
    let pack = Listpack::new(bytes);
    let mut line = format!(
        "DEBUG LISTPACK: {} bytes, {} elements:",
        bytes.len(),
        pack.len()
    );
    for (_, element) in pack.entries().take(ELEMENTS_MAX) {
        let text = element.to_vec();
        let shown = text[..text.len().min(TEXT_BYTES_MAX)].escape_ascii();
        line.push_str(&format!(" \"{shown}\""));
    }
    line
}

#[cfg(test)]
mod tests {
    use structs::listpack::{EMPTY, Editor, Item};

    use super::*;

    #[test]
    fn one_line_whatever_is_inside() {
        let mut bytes = EMPTY.to_vec();
        let mut editor = Editor::new(&mut bytes);
        for _ in 0..200 {
            editor.push_back(Item::of(b"a\r\n"));
        }
        let line = described(&bytes);
        assert!(line.contains("200 elements: \"a\\r\\n\" \"a"), "{line}");
        assert!(line.len() < 2000 && !line.contains('\n'), "{line}");
    }
}
