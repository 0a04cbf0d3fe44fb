//! Places on Earth: GEOADD, GEODIST, GEOHASH, GEOPOS, and searches (`search`).
//!
//! ```text
//!   GEOADD towns 13.36 38.11 Palermo   ─►  ZADD towns 3479099956230698 Palermo
//! ```
//!
//! The key is a sorted set, and a place is a score (`structs::geo`): the log and everybody else sees
//! nothing but that. What a reply says of a place is the middle of its cell, in as many digits
//! as Redis writes.

use std::fmt::Write as _;

use resp::Reply;
use store::{Key, ScoreOutcome};
use structs::geo::Place;

use super::{Row, cmd, effect_in_parts};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

mod search;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::geo::GEOADD, geoadd),
    cmd(&spec::geo::GEODIST, geodist),
    cmd(&spec::geo::GEOHASH, geohash),
    cmd(&spec::geo::GEOPOS, geopos),
    cmd(&spec::geo::GEORADIUS, search::georadius),
    cmd(&spec::geo::GEORADIUS_RO, search::georadius_ro),
    cmd(&spec::geo::GEORADIUSBYMEMBER, search::georadiusbymember),
    cmd(
        &spec::geo::GEORADIUSBYMEMBER_RO,
        search::georadiusbymember_ro,
    ),
    cmd(&spec::geo::GEOSEARCH, search::geosearch),
    cmd(&spec::geo::GEOSEARCHSTORE, search::geosearchstore),
];

fn geoadd(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let (mut only_new, mut only_old, mut counts_changes) = (false, false, false);
    loop {
        if args.word("NX") {
            only_new = true;
        } else if args.word("XX") {
            only_old = true;
        } else if args.word("CH") {
            counts_changes = true;
        } else {
            break;
        }
    }
    if args.is_done() || !args.left().is_multiple_of(3) || only_new && only_old {
        return Err(CommandError::Syntax);
    }
    let mut members: Vec<(u64, &[u8])> = Vec::with_capacity(args.left() / 3);
    while !args.is_done() {
        members.push((place(args)?.score(), args.bytes()?));
    }
    let slot = ctx.zset_slot(&key)?;
    if slot.is_none() && only_old {
        reply.int(0);
        return Ok(());
    }
    let mut outcomes = Vec::with_capacity(members.len());
    ctx.edit_zset(&key, slot, |zset| {
        if slot.is_none() {
            zset.expect(members.len());
        }
        for (score, member) in &members {
            let is_there = (only_new || only_old) && zset.view().score(member).is_some();
            outcomes.push(match (only_new, only_old, is_there) {
                (true, _, true) | (_, true, false) => ScoreOutcome::Same,
                _ => zset.set(member, *score as f64),
            });
        }
    });
    let count = |is: fn(&ScoreOutcome) -> bool| outcomes.iter().filter(|it| is(it)).count();
    let changed = count(|outcome| *outcome != ScoreOutcome::Same);
    if changed > 0 {
        ctx.changed(&key);
        let told = members.iter().zip(&outcomes);
        let told = told.filter(|(_, outcome)| **outcome != ScoreOutcome::Same);
        let told = told.map(|((score, member), _)| (*score as f64, *member));
        effect_of_scores(ctx, &key, told);
    }
    reply.count(match counts_changes {
        true => changed,
        false => count(|outcome| *outcome == ScoreOutcome::Added),
    });
    Ok(())
}

fn geodist(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, from, to) = (args.key()?, args.bytes()?, args.bytes()?);
    let unit_m = match args.left() {
        0 => 1.0,
        1 => unit_m(args)?,
        _ => return Err(CommandError::Syntax),
    };
    let scores = ctx
        .zset(&key)?
        .map(|zset| (zset.score(from), zset.score(to)));
    match scores {
        Some((Some(from), Some(to))) => {
            let distance_m = Place::of_score(from).distance_m(Place::of_score(to));
            answer_distance(distance_m / unit_m, reply);
        }
        _ => reply.null(),
    }
    Ok(())
}

fn geohash(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    for_each_place(ctx, args, reply, |place, reply| match place {
        Some(place) => reply.bulk(&place.geohash()),
        None => reply.null(),
    })
}

fn geopos(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    for_each_place(ctx, args, reply, |place, reply| match place {
        Some(place) => answer_place(place, reply),
        None => reply.null_array(),
    })
}

fn for_each_place(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    answer: fn(Option<Place>, &mut Reply),
) -> Result<(), CommandError> {
    let key = args.key()?;
    let zset = ctx.zset(&key)?;
    let members = args.rest();
    reply.array(members.len());
    for member in members {
        let score = zset.and_then(|zset| zset.score(member));
        answer(score.map(Place::of_score), reply);
    }
    Ok(())
}

/// Longitude and latitude.
fn place(args: &mut Args) -> Result<Place, CommandError> {
    let (longitude, latitude) = (args.f64()?, args.f64()?);
    Place::new(longitude, latitude).ok_or_else(|| {
        CommandError::err(format_args!(
            "invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

/// How many meters a unit is.
fn unit_m(args: &mut Args) -> Result<f64, CommandError> {
    for (name, meters) in [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)] {
        if args.word(name) {
            return Ok(meters);
        }
    }
    Err(CommandError::err(
        "unsupported unit provided. please use M, KM, FT, MI",
    ))
}

/// A string in both protocols, with four digits behind the point, rounded as Redis rounds: what lies
/// between two of them after multiplying goes to the even one, even if it was a little nearer to the
/// other before.
fn answer_distance(distance: f64, reply: &mut Reply) {
    const PARTS: u64 = 10_000;
    let parts = (distance * PARTS as f64).round_ties_even() as u64;
    reply.bulk(format!("{}.{:04}", parts / PARTS, parts % PARTS).as_bytes());
}

fn answer_place(place: Place, reply: &mut Reply) {
    reply.array(2);
    answer_degrees(place.longitude, reply);
    answer_degrees(place.latitude, reply);
}

/// Seventeen digits behind the point, less zeros at the end.
fn answer_degrees(degrees: f64, reply: &mut Reply) {
    let mut text = String::with_capacity(24);
    write!(text, "{degrees:.17}").expect("a string takes everything");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    reply.double_text(text);
}

/// Members and their scores as the log has them: ZADD.
fn effect_of_scores<'m>(
    ctx: &mut Ctx,
    key: &Key<'_>,
    members: impl Iterator<Item = (f64, &'m [u8])>,
) {
    let (mut texts, mut pairs) = (Vec::new(), Vec::new());
    for (score, member) in members {
        let start = texts.len();
        base::write_double(&mut texts, score);
        pairs.push((start..texts.len(), member));
    }
    let words = pairs
        .iter()
        .flat_map(|(text, member)| [&texts[text.clone()], *member]);
    let words: Vec<&[u8]> = words.collect();
    effect_in_parts(ctx, &[b"ZADD", key.bytes], &words, 2);
}
