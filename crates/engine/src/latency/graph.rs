//! A series as a picture of letters: four lines high, a column a sample, its age below.
//!
//! ```text
//!   command - high 300 ms, low 11 ms (all time high 300 ms)
//!   --------------------------------------------------------------------------------
//!     #
//!     |
//!    #|           a cell has three heights, _ o and #, and is | below the top
//!   _||#_
//!
//!   54321
//!   sssss         the third is five seconds old
//! ```
//!
//! The shape is that of Redis, since people paste these and tools cut them.

use super::monitor::{Sample, Series};

const COLUMNS: usize = 80;
const ROWS: usize = 4;
/// What the top of a column looks like, from low to high in its cell.
const TOPS: [char; 3] = ['_', 'o', '#'];
const BODY: char = '|';
const HEIGHTS: usize = ROWS * TOPS.len();

pub(super) fn draw(name: &str, series: &Series, now_unix_secs: i64) -> String {
    let samples: Vec<&Sample> = series.samples().collect();
    let low = samples.iter().map(|it| it.ms).min().unwrap_or(0);
    let high = samples.iter().map(|it| it.ms).max().unwrap_or(0);
    let worst = series.worst_ms();
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {worst} ms)\n");
    text.extend(std::iter::repeat_n('-', COLUMNS));
    text.push('\n');
    for (index, part) in samples.chunks(COLUMNS).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let heights: Vec<_> = part.iter().map(|it| height(it.ms, low, high)).collect();
        let ages: Vec<_> = part
            .iter()
            .map(|it| age(now_unix_secs - it.unix_secs))
            .collect();
        draw_columns(&mut text, &heights);
        draw_ages(&mut text, &ages);
    }
    text
}

/// From 0 for the lowest to the last of the heights for the highest.
fn height(ms: u64, low: u64, high: u64) -> usize {
    let above = (ms - low) as f64 * HEIGHTS as f64;
    let height = above / (high - low).max(1) as f64;
    (height as usize).min(HEIGHTS - 1)
}

fn draw_columns(text: &mut String, heights: &[usize]) {
    for row in (0..ROWS).rev() {
        let bottom = row * TOPS.len();
        let cell = |height: &usize| match height.checked_sub(bottom) {
            None => ' ',
            Some(above) => TOPS.get(above).copied().unwrap_or(BODY),
        };
        text.extend(heights.iter().map(cell));
        text.push('\n');
    }
}

/// The ages from top to bottom, after an empty line.
fn draw_ages(text: &mut String, ages: &[String]) {
    let longest = ages.iter().map(String::len).max().unwrap_or(0);
    text.extend(std::iter::repeat_n(' ', ages.len()));
    text.push('\n');
    for line in 0..longest {
        let letter = |age: &String| age.as_bytes().get(line).map_or(' ', |byte| *byte as char);
        text.extend(ages.iter().map(letter));
        text.push('\n');
    }
}

fn age(secs: i64) -> String {
    match secs.max(0) {
        secs @ 0..60 => format!("{secs}s"),
        secs @ 60..3600 => format!("{}m", secs / 60),
        secs @ 3600..86_400 => format!("{}h", secs / 3600),
        secs => format!("{}d", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Monitor};

    fn graph(samples: &[(i64, u64)], now_unix_secs: i64) -> String {
        let monitor = Monitor::default();
        monitor.set_threshold_ms(1);
        for &(unix_secs, ms) in samples {
            monitor.observe(Event::Command, unix_secs, ms * 1000);
        }
        let drawn = monitor.graph(b"command", now_unix_secs);
        drawn.expect("there are samples")
    }

    /// What redis-server 7.0.15 drew of the same samples.
    #[test]
    fn a_picture_is_that_of_redis() {
        let samples = [(1, 20), (2, 150), (3, 300), (4, 80), (5, 11)];
        let dashes = "-".repeat(80);
        let due = format!(
            "command - high 300 ms, low 11 ms (all time high 300 ms)\n{dashes}\n\
             \x20 #  \n\x20 |  \n #|  \n_||#_\n     \n54321\nsssss\n"
        );
        assert_eq!(graph(&samples, 6), due);
    }

    #[test]
    fn one_sample_is_low_and_ages_have_units() {
        let dashes = "-".repeat(80);
        let head = format!("command - high 7 ms, low 7 ms (all time high 7 ms)\n{dashes}\n");
        let drawn = graph(&[(0, 7)], 59);
        assert_eq!(drawn, format!("{head} \n \n \n_\n \n5\n9\ns\n"));
        for (age, letters) in [(61, "1\nm\n"), (7200, "2\nh\n"), (864_000, "1\n0\nd\n")] {
            assert!(graph(&[(0, 7)], age).ends_with(letters), "{age}");
        }
    }

    #[test]
    fn eighty_columns_are_followed_by_another_picture() {
        let samples: Vec<_> = (0..100).map(|second| (second, 5)).collect();
        let drawn = graph(&samples, 100);
        let widths: Vec<_> = drawn.lines().skip(2).map(str::len).collect();
        assert_eq!(widths[..7], [80; 7]);
        assert_eq!(widths[7..9], [80, 0]);
        assert_eq!(widths[9], 20);
    }
}
