//! GEOSEARCH and GEORADIUS, with their relatives: members within a shape.
//!
//! ```text
//!   middle   FROMMEMBER m │ FROMLONLAT lon lat          (GEORADIUS: lon lat, BYMEMBER: m)
//!   shape    BYRADIUS r unit │ BYBOX w h unit           (GEORADIUS: r unit)
//!   which    [ASC │ DESC] [COUNT n [ANY]]
//!   what     [WITHCOORD] [WITHDIST] [WITHHASH], or to another key
//! ```
//!
//! COUNT without an order means the nearest, but with ANY the first that are met. A search that
//! goes to another key is in the log as the members that it found: their distances are the work
//! of this machine's sines.

use std::ops::Range;

use resp::Reply;
use store::{Direction, Key, NewZSet, ScoreBound, ScoreRange, ZSetView};
use structs::geo::{Area, Place, Shape};

use super::{answer_distance, answer_place, effect_of_scores, place, unit_m};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn georadius(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::Radius { stores: true }, reply)
}

pub(super) fn georadius_ro(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::Radius { stores: false }, reply)
}

pub(super) fn georadiusbymember(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::ByMember { stores: true }, reply)
}

pub(super) fn georadiusbymember_ro(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::ByMember { stores: false }, reply)
}

pub(super) fn geosearch(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::Search { stores: false }, reply)
}

pub(super) fn geosearchstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    search(ctx, args, Form::Search { stores: true }, reply)
}

/// How the request is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Radius { stores: bool },
    ByMember { stores: bool },
    Search { stores: bool },
}

fn search(
    ctx: &mut Ctx,
    args: &mut Args,
    form: Form,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let destination = match form {
        Form::Search { stores: true } => Some(args.key()?),
        _ => None,
    };
    let source = args.key()?;
    let is_there = ctx.zset(&source)?.is_some();
    let mut query = Query {
        destination,
        ..Query::default()
    };
    let mut reading = Reading {
        ctx,
        source: &source,
        is_there,
        form,
    };
    reading.read(args, &mut query)?;
    query.check(args, form)?;
    let found = match query.area() {
        Some(area) if is_there => Found::collect(ctx, &source, &area, &query),
        _ => Found::default(),
    };
    match &query.destination {
        Some(destination) => {
            ctx.keep_found(destination, &found, &query);
            reply.count(found.points.len());
        }
        None => found.answer(&query, reply),
    }
    Ok(())
}

/// What was asked for.
#[derive(Default)]
struct Query<'a> {
    middle: Middle,
    shape: Option<Shape>,
    unit_m: f64,
    order: Option<Order>,
    /// 0 for all.
    count: usize,
    any: bool,
    with_coord: bool,
    with_dist: bool,
    with_hash: bool,
    destination: Option<Key<'a>>,
    /// The scores there are distances.
    stores_dist: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Middle {
    #[default]
    Unsaid,
    Place(Place),
    /// Of a missing key, it is nowhere.
    Member(Option<Place>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

impl Query<'_> {
    /// Does it go together?
    fn check(&self, args: &Args, form: Form) -> Result<(), CommandError> {
        if self.destination.is_some() && (self.with_coord || self.with_dist || self.with_hash) {
            let who = match form {
                Form::Search { .. } => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CommandError::err(format_args!(
                "{who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let missing = match (form, self.middle, self.shape) {
            (Form::Search { .. }, Middle::Unsaid, _) => Some("FROMMEMBER or FROMLONLAT"),
            (Form::Search { .. }, _, None) => Some("BYRADIUS and BYBOX"),
            _ => None,
        };
        if let Some(missing) = missing {
            let name = args.argv().get(0);
            let name = String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]);
            let line = format!("ERR exactly one of {missing} can be specified for {name}");
            return Err(CommandError::Line(line.into()));
        }
        if self.any && self.count == 0 {
            let text = "the ANY argument requires COUNT argument";
            return Err(CommandError::err(text));
        }
        Ok(())
    }

    fn area(&self) -> Option<Area> {
        let middle = match self.middle {
            Middle::Unsaid => None,
            Middle::Place(place) => Some(place),
            Middle::Member(place) => place,
        };
        Some(Area {
            middle: middle?,
            shape: self.shape?,
            unit_m: self.unit_m,
        })
    }

    fn order(&self) -> Option<Order> {
        let nearest = self.count > 0 && !self.any;
        self.order.or(nearest.then_some(Order::Ascending))
    }
}

/// A request on its way to a query.
struct Reading<'r, 'c, 'a> {
    ctx: &'r mut Ctx<'c>,
    source: &'r Key<'a>,
    is_there: bool,
    form: Form,
}

impl<'a> Reading<'_, '_, 'a> {
    fn read(&mut self, args: &mut Args<'a>, query: &mut Query<'a>) -> Result<(), CommandError> {
        match self.form {
            Form::Radius { .. } => {
                query.middle = Middle::Place(place(args)?);
                radius(args, query)?;
            }
            // Of a missing key not even the radius is looked at.
            Form::ByMember { .. } if !self.is_there => args.skip(3),
            Form::ByMember { .. } => {
                query.middle = self.member(args)?;
                radius(args, query)?;
            }
            Form::Search { .. } => {}
        }
        while !args.is_done() {
            let taken = plain_option(args, query)?
                || match self.form {
                    Form::Search { stores } => self.option_of_search(args, query, stores)?,
                    Form::Radius { stores } | Form::ByMember { stores } => {
                        stores && option_of_radius(args, query)?
                    }
                };
            if !taken {
                return Err(CommandError::Syntax);
            }
        }
        Ok(())
    }

    /// What GEOSEARCH alone knows. What is said twice must be said in the same way.
    fn option_of_search(
        &mut self,
        args: &mut Args<'a>,
        query: &mut Query<'a>,
        stores: bool,
    ) -> Result<bool, CommandError> {
        let left = args.left();
        let is_place = matches!(query.middle, Middle::Place(_));
        let is_member = matches!(query.middle, Middle::Member(_));
        let is_circle = matches!(query.shape, Some(Shape::Circle { .. }));
        let is_rectangle = matches!(query.shape, Some(Shape::Rectangle { .. }));
        if stores && args.word("STOREDIST") {
            query.stores_dist = true;
        } else if left >= 2 && !is_place && args.word("FROMMEMBER") {
            query.middle = self.member(args)?;
        } else if left >= 3 && !is_member && args.word("FROMLONLAT") {
            query.middle = Middle::Place(place(args)?);
        } else if left >= 3 && !is_rectangle && args.word("BYRADIUS") {
            radius(args, query)?;
        } else if left >= 4 && !is_circle && args.word("BYBOX") {
            rectangle(args, query)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn member(&mut self, args: &mut Args<'a>) -> Result<Middle, CommandError> {
        let member = args.bytes()?;
        if !self.is_there {
            return Ok(Middle::Member(None));
        }
        let slot = self.ctx.find(self.source).expect("it was there");
        let score = self.ctx.zset_at(self.source, slot).score(member);
        let score =
            score.ok_or_else(|| CommandError::err("could not decode requested zset member"))?;
        Ok(Middle::Member(Some(Place::of_score(score))))
    }
}

/// What all forms know.
fn plain_option(args: &mut Args, query: &mut Query) -> Result<bool, CommandError> {
    if args.word("WITHDIST") {
        query.with_dist = true;
    } else if args.word("WITHHASH") {
        query.with_hash = true;
    } else if args.word("WITHCOORD") {
        query.with_coord = true;
    } else if args.word("ANY") {
        query.any = true;
    } else if args.word("ASC") {
        query.order = Some(Order::Ascending);
    } else if args.word("DESC") {
        query.order = Some(Order::Descending);
    } else if args.left() >= 2 && args.word("COUNT") {
        let count = args.i64()?;
        if count <= 0 {
            return Err(CommandError::err("COUNT must be > 0"));
        }
        query.count = count as usize;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// STORE and STOREDIST: the last one holds.
fn option_of_radius<'a>(args: &mut Args<'a>, query: &mut Query<'a>) -> Result<bool, CommandError> {
    if args.left() < 2 {
        return Ok(false);
    }
    let stores_dist = args.word("STOREDIST");
    if !stores_dist && !args.word("STORE") {
        return Ok(false);
    }
    let key = args.bytes()?;
    query.destination = Some(args.key_of(key));
    query.stores_dist = stores_dist;
    Ok(true)
}

fn radius(args: &mut Args, query: &mut Query) -> Result<(), CommandError> {
    let radius = number(args, "need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::err("radius cannot be negative"));
    }
    query.unit_m = unit_m(args)?;
    query.shape = Some(Shape::Circle { radius });
    Ok(())
}

fn rectangle(args: &mut Args, query: &mut Query) -> Result<(), CommandError> {
    let width = number(args, "need numeric width")?;
    let height = number(args, "need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::err("height or width cannot be negative"));
    }
    query.unit_m = unit_m(args)?;
    query.shape = Some(Shape::Rectangle { width, height });
    Ok(())
}

fn number(args: &mut Args, otherwise: &'static str) -> Result<f64, CommandError> {
    let number = base::parse_f64(args.bytes()?);
    number.ok_or_else(|| CommandError::err(otherwise))
}

/// As much of a client's own words is repeated.
const NAME_BYTES_MAX: usize = 128;

/// The members within an area.
#[derive(Default)]
struct Found {
    names: Vec<u8>,
    points: Vec<Point>,
}

struct Point {
    name: Range<usize>,
    score: f64,
    place: Place,
    distance_m: f64,
}

impl Found {
    fn collect(ctx: &mut Ctx, source: &Key<'_>, area: &Area, query: &Query<'_>) -> Found {
        let mut found = Found::default();
        let limit = match query.any {
            true => query.count,
            false => usize::MAX,
        };
        let slot = ctx.find(source).expect("it was there");
        let zset = ctx.zset_at(source, slot);
        for scores in area.scores() {
            if !found.take(zset, scores, area, limit) {
                break;
            }
        }
        found.choose(query);
        found
    }

    /// What a cell has. Says whether there may be more.
    fn take(&mut self, zset: ZSetView<'_>, scores: Range<u64>, area: &Area, limit: usize) -> bool {
        let bound = |score: u64, is_exclusive| ScoreBound {
            score: score as f64,
            is_exclusive,
        };
        let range = ScoreRange {
            min: bound(scores.start, false),
            max: bound(scores.end, true),
        };
        for (name, score) in zset.walk(range.ranks(zset), Direction::Up) {
            let place = Place::of_score(score);
            let Some(distance_m) = area.distance_m(place) else {
                continue;
            };
            let start = self.names.len();
            name.append_to(&mut self.names);
            self.points.push(Point {
                name: start..self.names.len(),
                score,
                place,
                distance_m,
            });
            if self.points.len() >= limit {
                return false;
            }
        }
        true
    }

    /// Put them in order, and leave as many as are wanted.
    fn choose(&mut self, query: &Query<'_>) {
        let count = match query.count {
            0 => usize::MAX,
            count => count,
        };
        let points = &mut self.points;
        if let Some(order) = query.order() {
            // Those that are equally far stay in the order in which they were found.
            let compare = |a: &Point, b: &Point| {
                let farther = a.distance_m.total_cmp(&b.distance_m);
                let farther = match order {
                    Order::Ascending => farther,
                    Order::Descending => farther.reverse(),
                };
                farther.then_with(|| a.name.start.cmp(&b.name.start))
            };
            if count < points.len() {
                points.select_nth_unstable_by(count, compare);
                points.truncate(count);
            }
            points.sort_unstable_by(compare);
        }
        points.truncate(count);
    }

    fn name(&self, point: &Point) -> &[u8] {
        &self.names[point.name.clone()]
    }

    fn answer(&self, query: &Query<'_>, reply: &mut Reply) {
        let [dist, hash, coord] = [query.with_dist, query.with_hash, query.with_coord];
        let more = usize::from(dist) + usize::from(hash) + usize::from(coord);
        reply.array(self.points.len());
        for point in &self.points {
            if reply.has_overflowed() {
                break;
            }
            if more > 0 {
                reply.array(1 + more);
            }
            reply.bulk(self.name(point));
            if dist {
                answer_distance(point.distance_m / query.unit_m, reply);
            }
            if hash {
                reply.int(point.score as i64);
            }
            if coord {
                answer_place(point.place, reply);
            }
        }
    }
}

impl Ctx<'_> {
    /// Keep what was found at another key; of nothing, no key remains.
    fn keep_found(&mut self, destination: &Key<'_>, found: &Found, query: &Query<'_>) {
        let score = |point: &Point| match query.stores_dist {
            true => point.distance_m / query.unit_m,
            false => point.score,
        };
        let members = found.points.iter();
        let members = members.map(|point| (found.name(point), score(point)));
        let mut members: Vec<(&[u8], f64)> = members.collect();
        members.sort_unstable_by(|(name, score), (other, others)| {
            score.total_cmp(others).then_with(|| name.cmp(other))
        });
        let taken = self.find(destination);
        if taken.is_some() {
            self.effect(&[b"DEL", destination.bytes]);
        }
        if members.is_empty() {
            if let Some(slot) = taken {
                self.remove(destination, slot);
            }
            return;
        }
        let (limits, hasher) = (self.config().live.zset_limits(), self.engine.hasher);
        let value = NewZSet::of_sorted(limits, hasher, &members);
        self.set(destination, value, None);
        let told = members.iter().map(|(name, score)| (*score, *name));
        effect_of_scores(self, destination, told);
    }
}
