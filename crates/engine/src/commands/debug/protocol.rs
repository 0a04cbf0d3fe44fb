//! DEBUG PROTOCOL: a reply of each type, for the tests of client libraries.

use resp::{Protocol, Reply};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn protocol(
    _ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let name = args.bytes()?.to_ascii_lowercase();
    match name.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        // The quotient is the double nearest to 3.141, which clippy would take for a bad pi.
        b"double" => reply.double(3141.0 / 1000.0),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|index| reply.int(index));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|index| reply.int(index));
        }
        b"map" => {
            reply.map(3);
            for index in 0..3 {
                reply.int(index);
                reply.bool(index == 1);
            }
        }
        b"attrib" => attributed(reply),
        b"push" => return pushed(reply),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(CommandError::err(
                "Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// An attribute is no reply: one follows it, and in RESP2 only that.
fn attributed(reply: &mut Reply) {
    if reply.protocol() == Protocol::Resp3 {
        reply.attribute(1);
        reply.bulk(b"key-popularity");
        reply.array(2);
        reply.bulk(b"key:123");
        reply.int(90);
    }
    reply.bulk(b"Some real reply following the attribute");
}

/// A push is no reply either: it goes out behind that of the command which caused it.
fn pushed(reply: &mut Reply) -> Result<(), CommandError> {
    if reply.protocol() == Protocol::Resp2 {
        return Err(CommandError::err("RESP2 is not supported by this command"));
    }
    reply.bulk(b"Some real reply following the push reply");
    reply.push(2);
    reply.bulk(b"server-cpu-usage");
    reply.int(42);
    Ok(())
}
