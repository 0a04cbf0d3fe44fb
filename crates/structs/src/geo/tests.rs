//! Places, distances and areas beside figures of redis-server 7.0, and beside a search that looks
//! at everything.

use base::Rng;

use super::*;

const PALERMO: Place = Place {
    longitude: 13.361389,
    latitude: 38.115556,
};
const CATANIA: Place = Place {
    longitude: 15.087269,
    latitude: 37.502669,
};

#[test]
fn two_towns_in_sicily() {
    assert_eq!(PALERMO.score(), 3479099956230698);
    assert_eq!(CATANIA.score(), 3479447370796909);
    let (palermo, catania) = (
        Place::of_score(3479099956230698.0),
        Place::of_score(3479447370796909.0),
    );
    assert_eq!(format!("{:.17}", palermo.longitude), "13.36138933897018433");
    assert_eq!(format!("{:.17}", palermo.latitude), "38.11555639549629859");
    assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
    assert_eq!(&catania.geohash(), b"sqdtr74hyu0");
    assert_eq!(format!("{:.4}", palermo.distance_m(catania)), "166274.1516");
}

#[test]
fn the_map_has_edges() {
    for (longitude, latitude) in [(180.0, 85.05112878), (-180.0, -85.05112878), (0.0, 0.0)] {
        assert!(Place::new(longitude, latitude).is_some());
    }
    for (longitude, latitude) in [
        (180.1, 0.0),
        (-180.1, 0.0),
        (0.0, 85.06),
        (0.0, -85.06),
        (f64::NAN, 0.0),
        (0.0, f64::INFINITY),
    ] {
        assert!(Place::new(longitude, latitude).is_none());
    }
}

#[test]
fn any_score_is_a_place() {
    for score in [0.0, -1.0, 1e300, -1e300, f64::INFINITY, 0.5, 2f64.powi(52)] {
        let place = Place::of_score(score);
        assert!(Place::new(place.longitude, place.latitude).is_some());
        let _ = place.geohash();
    }
}

#[test]
fn a_place_comes_back_within_its_cell() {
    let mut rng = Rng::new(5);
    for _ in 0..10_000 {
        let place = anywhere(&mut rng, 85.0);
        let back = Place::of_score(place.score() as f64);
        assert_eq!(back.score(), place.score());
        assert!(place.distance_m(back) < 0.5);
    }
}

#[test]
fn an_area_misses_nothing_away_from_the_poles() {
    let mut rng = Rng::new(6);
    let places: Vec<Place> = (0..2_000).map(|_| anywhere(&mut rng, 70.0)).collect();
    let mut scores: Vec<u64> = places.iter().map(|place| place.score()).collect();
    scores.sort_unstable();
    for _ in 0..500 {
        let middle = Place {
            longitude: 0.8 * anywhere(&mut rng, 60.0).longitude,
            ..anywhere(&mut rng, 60.0)
        };
        let size = 10f64.powf(rng.f64() * 3.0);
        let shape = match rng.below(2) {
            0 => Shape::Circle { radius: size },
            _ => Shape::Rectangle {
                width: size,
                height: size * rng.f64(),
            },
        };
        let area = Area {
            middle,
            shape,
            unit_m: 1000.0,
        };
        let is_inside = |score: &&u64| area.distance_m(Place::of_score(**score as f64)).is_some();
        let all: Vec<u64> = scores.iter().filter(is_inside).copied().collect();
        let ranges: Vec<_> = area.scores().collect();
        let mut found: Vec<u64> = ranges
            .iter()
            .flat_map(|range| scores.iter().filter(|score| range.contains(score)))
            .filter(is_inside)
            .copied()
            .collect();
        found.sort_unstable();
        assert_eq!(found, all, "{area:?}");
    }
}

#[test]
fn any_area_has_cells() {
    let mut rng = Rng::new(7);
    for _ in 0..10_000 {
        let length = |rng: &mut Rng| match rng.below(6) {
            0 => 0.0,
            1 => f64::MAX,
            2 => f64::MIN_POSITIVE,
            _ => 10f64.powf(rng.f64() * 12.0 - 4.0),
        };
        let shape = match rng.below(2) {
            0 => Shape::Circle {
                radius: length(&mut rng),
            },
            _ => Shape::Rectangle {
                width: length(&mut rng),
                height: length(&mut rng),
            },
        };
        let area = Area {
            middle: anywhere(&mut rng, 85.0),
            shape,
            unit_m: 0.3048,
        };
        let ranges: Vec<_> = area.scores().collect();
        assert!((1..=9).contains(&ranges.len()));
        assert!(ranges.iter().all(|range| range.start < range.end));
    }
}

fn anywhere(rng: &mut Rng, latitude_max: f64) -> Place {
    Place {
        longitude: 360.0 * rng.f64() - 180.0,
        latitude: latitude_max * (2.0 * rng.f64() - 1.0),
    }
}
