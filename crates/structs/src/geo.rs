//! Places on Earth as numbers of 52 bits, so that what is near is found in a sorted set.
//!
//! ```text
//!   longitude  -180 ──────────── 180      halved 26 times: a bit for each half
//!   latitude    -85.05 ──────── 85.05     halved 26 times
//!
//!   bit   51  50  49  48  ...   1   0
//!         lon lat lon lat ...  lon lat    the score of a place
//! ```
//!
//! The first 2 n bits are a cell of n steps, whose places have neighbouring scores: a
//! search looks through the cell around its middle and through those around that, see [`area`].
//! A place comes back as the middle of its cell of 26 steps, about 0.6 m wide.
//!
//! The results are compared with those of redis-server digit by digit, so the arithmetic is done
//! in its order: the projection ends at ±85.05112878 degrees, and Earth is a ball.

mod area;
mod cell;

pub use area::{Area, Shape};
use cell::{Cell, Span};

/// The ball's.
const RADIUS_M: f64 = 6_372_797.560856;

const LONGITUDES: Span = Span {
    min: -180.0,
    max: 180.0,
};
/// Those of the usual square map.
const LATITUDES: Span = Span {
    min: -85.05112878,
    max: 85.05112878,
};

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

impl Place {
    /// Bytes of [`Place::geohash`].
    pub const GEOHASH_BYTES: usize = 11;

    /// `None` if it is not on the map; too far north or south, for example.
    pub fn new(longitude: f64, latitude: f64) -> Option<Place> {
        let on_map = LONGITUDES.contains(longitude) && LATITUDES.contains(latitude);
        on_map.then_some(Place {
            longitude,
            latitude,
        })
    }

    /// Its number.
    pub fn score(self) -> u64 {
        Cell::around(self, LONGITUDES, LATITUDES, Cell::STEPS_MAX).bits
    }

    /// The place with this number. Every number is one: a sorted set may hold anything.
    pub fn of_score(score: f64) -> Place {
        // As a machine of Redis' converts it: what is below zero wraps, what is too large is zero.
        let bits = if score < TWO_TO_63 {
            score as i64 as u64
        } else if score < 2.0 * TWO_TO_63 {
            score as u64
        } else {
            0
        };
        let steps = Cell::STEPS_MAX;
        Cell { bits, steps }.middle()
    }

    /// Along a great circle, in meters.
    pub fn distance_m(self, other: Place) -> f64 {
        let (from, to) = (radians(self.longitude), radians(other.longitude));
        let across = ((to - from) / 2.0).sin();
        if across == 0.0 {
            return self.distance_north_m(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let along = ((to - from) / 2.0).sin();
        let chord = along * along + from.cos() * to.cos() * across * across;
        2.0 * RADIUS_M * chord.sqrt().asin()
    }

    /// As if one were due north of the other.
    fn distance_north_m(self, other: Place) -> f64 {
        RADIUS_M * (radians(other.latitude) - radians(self.latitude)).abs()
    }

    /// The geohash that others use, which reaches to the poles. The last letter is always 0, as
    /// there are no bits left for it.
    pub fn geohash(self) -> [u8; Place::GEOHASH_BYTES] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let to_the_poles = Span {
            min: -90.0,
            max: 90.0,
        };
        let bits = Cell::around(self, LONGITUDES, to_the_poles, Cell::STEPS_MAX).bits;
        let mut text = [b'0'; Place::GEOHASH_BYTES];
        for (at, letter) in text[..10].iter_mut().enumerate() {
            *letter = LETTERS[(bits >> (47 - 5 * at)) as usize & 31];
        }
        text
    }
}

fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}

#[cfg(test)]
mod tests;
