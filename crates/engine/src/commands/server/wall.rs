//! What LOLWUT draws: a rock wall with hands on it.
//!
//! The oldest pictures there are were made with ochre: a hand laid on the rock,
//! pigment blown over it, and the hand taken away. So it is done here: hands at
//! random places, a cloud of pigment around each, thinner towards its edge, and
//! below them the layers that the earth was dug from.

use base::Rng;

const WIDTH: usize = 76;
const HEIGHT: usize = 23;
/// From bare rock to solid colour.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// A left hand; its mirror image is a right one.
const HAND: [&str; 12] = [
    "       ##          ",
    "   ##  ##  ##      ",
    "   ##  ##  ##  ##  ",
    "   ##  ##  ##  ##  ",
    "   ##  ##  ##  ##  ",
    "   ##############  ",
    "## ##############  ",
    " ## #############  ",
    " ################  ",
    "   #############   ",
    "     ##########    ",
    "      ########     ",
];
const HAND_WIDTH: usize = 19;

/// Lines of text, the same for the same seed.
pub(super) fn paint(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut wall = [[0.0f64; WIDTH]; HEIGHT];
    let hands = hands(&mut rng);
    for hand in &hands {
        hand.blow(&mut wall);
    }
    roughen(&mut wall, &mut rng);
    for hand in &hands {
        hand.lift(&mut wall);
    }
    lay_strata(&mut wall, &mut rng);
    let mut text = String::new();
    for row in &wall {
        let line: String = row.iter().map(|&colour| shade(colour)).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shade(colour: f64) -> char {
    let steps = (SHADES.len() - 1) as f64;
    SHADES[(colour.clamp(0.0, 1.0) * steps).round() as usize]
}

type Wall = [[f64; WIDTH]; HEIGHT];

struct Hand {
    left: usize,
    top: usize,
    right_hand: bool,
}

/// One hand in each third of the wall, but for at most one third.
fn hands(rng: &mut Rng) -> Vec<Hand> {
    let third = WIDTH / 3;
    let left_out = rng.below(4) as usize;
    (0..3)
        .filter(|&place| place != left_out)
        .map(|place| Hand {
            left: place * third + rng.below((third - HAND_WIDTH) as u64 + 1) as usize,
            top: 1 + rng.below(5) as usize,
            right_hand: rng.below(2) == 1,
        })
        .collect()
}

impl Hand {
    /// The cloud of pigment, densest around the palm.
    fn blow(&self, wall: &mut Wall) {
        let (x, y) = (self.left as f64 + 9.5, self.top as f64 + 6.0);
        for (row, line) in wall.iter_mut().enumerate() {
            for (column, colour) in line.iter_mut().enumerate() {
                let across = (column as f64 - x) / 15.0;
                let down = (row as f64 - y) / 9.0;
                let cloud = 1.3 - across.hypot(down);
                *colour = colour.max(cloud.clamp(0.0, 0.8));
            }
        }
    }

    /// Where the hand was there is bare rock.
    fn lift(&self, wall: &mut Wall) {
        for (line, row) in HAND.iter().zip(self.top..) {
            for (column, mark) in line.bytes().enumerate() {
                let column = match self.right_hand {
                    true => HAND_WIDTH - 1 - column,
                    false => column,
                };
                if mark == b'#' {
                    wall[row][self.left + column] = 0.0;
                }
            }
        }
    }
}

/// Blown pigment comes in drops.
fn roughen(wall: &mut Wall, rng: &mut Rng) {
    for colour in wall.iter_mut().flatten() {
        *colour += (rng.f64() - 0.5) * 0.35 * f64::from(u8::from(*colour > 0.0));
        if rng.below(60) == 0 {
            *colour += 0.3;
        }
    }
}

/// Three layers at the foot of the wall, each darker than the one above.
fn lay_strata(wall: &mut Wall, rng: &mut Rng) {
    for layer in 1..=3 {
        let mut top = (HEIGHT - 5 + layer) as f64 + rng.f64();
        for column in 0..WIDTH {
            top += (rng.f64() - 0.5) * 0.6;
            top = top.clamp((HEIGHT - 5 + layer) as f64, (HEIGHT - 3 + layer) as f64);
            for line in wall.iter_mut().skip(top as usize) {
                line[column] = 0.25 + 0.25 * layer as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_gives_a_wall_of_its_own() {
        let walls: Vec<String> = (0..50).map(paint).collect();
        for wall in &walls {
            assert_eq!(wall.lines().count(), HEIGHT);
            assert!(wall.lines().all(|line| line.chars().count() <= WIDTH));
            assert!(SHADES.iter().all(|&shade| wall.contains(shade)));
            assert_eq!(walls.iter().filter(|other| *other == wall).count(), 1);
        }
        assert_eq!(paint(7), walls[7]);
    }
}
