//! What is searched through for places within a distance.
//!
//! ```text
//!   ┌────┬────┬────┐
//!   │ NW │ N  │ NE │     nine cells, so large that the shape around a place in the middle one
//!   ├────┼────┼────┤     does not reach beyond them; those that it does not reach at all are
//!   │ W  │  · │ E  │     left out
//!   ├────┼────┼────┤
//!   │ SW │ S  │ SE │
//!   └────┴────┴────┘
//! ```
//!
//! The order of the cells is that of unsorted replies: middle, N, S, E, W, NE, NW, SE, SW. What a
//! cell has is then measured one by one. Near the poles, and where a shape goes around the world,
//! the cells may miss places; they are those that redis-server looks at.

use std::ops::Range;

use super::cell::{Cell, Span};
use super::{LATITUDES, LONGITUDES, Place, RADIUS_M, degrees, radians};

/// A shape around a place. Lengths are in a unit of the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub middle: Place,
    pub shape: Shape,
    pub unit_m: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Circle {
        radius: f64,
    },
    /// From west to east and from south to north.
    Rectangle {
        width: f64,
        height: f64,
    },
}

/// Half of the world's circumference on the square map.
const MAP_HALF_M: f64 = 20_037_726.37;

impl Area {
    /// How far a place is from the middle, in meters; `None` if it is outside.
    #[inline]
    pub fn distance_m(&self, place: Place) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.middle.distance_m(place);
                (distance <= radius * self.unit_m).then_some(distance)
            }
            Shape::Rectangle { width, height } => {
                // The cheaper question first.
                if place.distance_north_m(self.middle) > height * self.unit_m / 2.0 {
                    return None;
                }
                let below = Place {
                    longitude: self.middle.longitude,
                    latitude: place.latitude,
                };
                if place.distance_m(below) > width * self.unit_m / 2.0 {
                    return None;
                }
                Some(self.middle.distance_m(place))
            }
        }
    }

    /// The scores to look at, in ranges that are not in order.
    pub fn scores(&self) -> impl Iterator<Item = Range<u64>> {
        let mut before = None;
        self.cells().into_iter().flatten().filter_map(move |cell| {
            // In a large shape two neighbours can be one.
            let twice = before == Some(cell);
            before = Some(cell);
            (!twice).then(|| cell.scores())
        })
    }

    fn cells(&self) -> [Option<Cell>; 9] {
        let (longitudes, latitudes) = self.bounds();
        let at = |steps| Cell::around(self.middle, LONGITUDES, LATITUDES, steps);
        let mut middle = at(self.steps());
        let too_small = middle.north().latitudes().max < latitudes.max
            || middle.south().latitudes().min > latitudes.min
            || middle.east().longitudes().max < longitudes.max
            || middle.west().longitudes().min > longitudes.min;
        if too_small && middle.steps > 1 {
            middle = at(middle.steps - 1);
        }
        let (north, south) = (middle.north(), middle.south());
        // Of two steps all are neighbours of all.
        let is_small = middle.steps >= 2;
        let (rows, columns) = (middle.latitudes(), middle.longitudes());
        let to_south = !(is_small && rows.min < latitudes.min);
        let to_north = !(is_small && rows.max > latitudes.max);
        let to_west = !(is_small && columns.min < longitudes.min);
        let to_east = !(is_small && columns.max > longitudes.max);
        [
            Some(middle),
            to_north.then_some(north),
            to_south.then_some(south),
            to_east.then(|| middle.east()),
            to_west.then(|| middle.west()),
            (to_north && to_east).then(|| north.east()),
            (to_north && to_west).then(|| north.west()),
            (to_south && to_east).then(|| south.east()),
            (to_south && to_west).then(|| south.west()),
        ]
    }

    /// The degrees that the shape spans.
    fn bounds(&self) -> (Span, Span) {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Rectangle { width, height } => (width / 2.0, height / 2.0),
        };
        let (width_m, height_m) = (self.unit_m * width, self.unit_m * height);
        let Place {
            longitude,
            latitude,
        } = self.middle;
        let north = degrees(height_m / RADIUS_M);
        // A degree of longitude is shortest on the side of the pole.
        let nearest_pole = match latitude < 0.0 {
            true => latitude - north,
            false => latitude + north,
        };
        let east = degrees(width_m / RADIUS_M / radians(nearest_pole).cos());
        let around = |middle: f64, reach: f64| Span {
            min: middle - reach,
            max: middle + reach,
        };
        (around(longitude, east), around(latitude, north))
    }

    /// How small the cells may be, so that the next ones are enough.
    fn steps(&self) -> u32 {
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Rectangle { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut reach_m = reach * self.unit_m;
        if reach_m == 0.0 {
            return Cell::STEPS_MAX;
        }
        let mut steps = 1;
        while reach_m < MAP_HALF_M {
            reach_m *= 2.0;
            steps += 1;
        }
        // The middle may lie at the edge of its cell; cells get narrower towards the poles.
        let spare = match self.middle.latitude.abs() {
            latitude if latitude > 80.0 => 4,
            latitude if latitude > 66.0 => 3,
            _ => 2,
        };
        (steps - spare).clamp(1, Cell::STEPS_MAX as i32) as u32
    }
}
