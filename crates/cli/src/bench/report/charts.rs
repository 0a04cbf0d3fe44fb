//! The charts of a report: latency curves, bars, courses over time, ratios.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bench::figures::grouped;
use crate::bench::recorder::Slice;
use crate::bench::report::plot::{COLOURS, Frame, Scale, escape};
use crate::bench::statistics::Estimate;

/// A chart over the whole page, one of two and one of three next to each other. Text keeps
/// its size, so a narrow chart is a narrow drawing.
pub const WIDE: f64 = 1000.0;
pub const NARROW: f64 = 480.0;
pub const THIRD: f64 = 320.0;
/// Room for a letter of a label, in pixels.
const LETTER: f64 = 7.0;
const CURVE_POINTS: u32 = 240;
/// Percentiles with a dot on the curve, and their axis labels.
const MARKED: [(f64, &str); 7] = [
    (0.0, "0 %"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.999_9, "99.99 %"),
    (0.999_99, "99.999 %"),
];
const BAR_HEIGHT: f64 = 20.0;
const BAR_GAP: f64 = 9.0;
const LINE_HEIGHT: f64 = 16.0;
/// Longest name beside a ratio.
const NAME_CHARS: usize = 40;

/// A named latency distribution in nanoseconds.
pub struct Curve<'a> {
    pub name: &'a str,
    pub latency: &'a Histogram<u64>,
    /// Which of the colours.
    pub colour: usize,
}

/// One bar.
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub text: String,
    /// Which of the colours.
    pub colour: usize,
}

/// One ratio with its interval and the values behind it.
pub struct Ratio {
    pub name: String,
    pub estimate: Estimate,
    pub values: Vec<f64>,
}

/// Latency over percentile. The axis stretches the tail: every step to the
/// right is a tenth of the requests that are left.
pub fn percentile_curves(curves: &[Curve], width: f64) -> String {
    let mut frame = Frame::new(width, 320.0);
    let most = curves
        .iter()
        .map(|curve| curve.latency.len())
        .max()
        .unwrap_or(1);
    // No further than where a single request is left.
    let x_max = (most.max(10) as f64).log10().clamp(1.0, 6.0);
    let x_place = |quantile: f64| -(1.0 - quantile).max(1e-9).log10() / x_max;
    let extremes = curves.iter().flat_map(|curve| {
        let lowest = curve.latency.value_at_quantile(0.0);
        let end = 1.0 - 10f64.powf(-x_max);
        [lowest as f64, curve.latency.value_at_quantile(end) as f64]
    });
    let scale = Scale::log_around(extremes);
    frame.y_axis(&latency_ticks(&scale));
    let marks = MARKED
        .iter()
        .filter(|(quantile, _)| x_place(*quantile) <= 1.0);
    // The first mark is next to the second; a narrow chart has no room for both.
    let marks = marks.skip(usize::from(width < WIDE));
    let ticks: Vec<(f64, String)> = marks
        .clone()
        .map(|&(quantile, label)| (x_place(quantile), label.to_string()))
        .collect();
    frame.x_axis(&ticks);
    frame.x_title("share of requests that are faster");
    for curve in curves {
        let at = |quantile: f64| curve.latency.value_at_quantile(quantile) as f64;
        let points: Vec<(f64, f64)> = (0..=CURVE_POINTS)
            .map(|step| {
                let x = f64::from(step) / f64::from(CURVE_POINTS);
                (x, scale.place(at(1.0 - 10f64.powf(-x * x_max))))
            })
            .collect();
        let colour = curve.colour % COLOURS;
        frame.line(&points, &format!("s{colour}"));
        for &(quantile, label) in marks.clone() {
            let value = at(quantile);
            let hint = format!("{}: {label} within {}", curve.name, latency_text(value));
            let place = (x_place(quantile), scale.place(value));
            frame.dot(place, 3.5, &format!("dot s{colour}"), &hint);
        }
    }
    let names: Vec<(&str, usize)> = curves
        .iter()
        .map(|curve| (curve.name, curve.colour))
        .collect();
    legend(&names) + &frame.svg("latency by percentile")
}

/// Horizontal bars with their values at the end. Names stand beside them, or
/// above when they are long.
pub fn bars(bars: &[Bar], width: f64, label: &str) -> String {
    let highest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let scale = Scale::from_zero(highest);
    let longest = bars
        .iter()
        .map(|bar| bar.name.chars().count())
        .max()
        .unwrap_or(0) as f64;
    let is_stacked = longest * LETTER > width / 3.0;
    let row = BAR_HEIGHT + BAR_GAP + if is_stacked { LINE_HEIGHT } else { 0.0 };
    let mut frame = Frame::new(width, bars.len() as f64 * row + BAR_GAP);
    frame.left = if is_stacked {
        2.0
    } else {
        longest * LETTER + 12.0
    };
    // Room for the value behind the longest bar.
    let end = width - 84.0;
    for (i, bar) in bars.iter().enumerate() {
        let foot = (i + 1) as f64 * row;
        let y = foot - BAR_HEIGHT;
        let length = ((end - frame.left) * scale.place(bar.value)).max(2.0);
        let (left, class) = (frame.left, format!("fill s{}", bar.colour % COLOURS));
        frame.bar(
            left,
            y,
            length,
            BAR_HEIGHT,
            &class,
            &format!("{}: {}", bar.name, bar.text),
        );
        if is_stacked {
            let fitting = (width / LETTER) as usize;
            frame.text(left, y - 5.0, "start", &shortened(&bar.name, fitting));
        } else {
            frame.text(left - 8.0, y + BAR_HEIGHT * 0.72, "end", &bar.name);
        }
        frame.text(
            left + length + 7.0,
            y + BAR_HEIGHT * 0.72,
            "start",
            &bar.text,
        );
    }
    frame.svg(label)
}

/// What a line over time shows of a slice, in nanoseconds.
type Level = fn(&Slice) -> u64;

/// Throughput, and below it p50, p99 and maximum, slice after slice.
pub fn over_time(slices: &[Slice], elapsed: Duration) -> String {
    let end = elapsed.as_secs_f64().max(1e-9);
    // The last slice is usually cut short; its rate counts for its real length.
    let rate = |slice: &Slice| {
        let length = (end - slice.start.as_secs_f64()).min(slice.length.as_secs_f64());
        slice.requests as f64 / length.max(1e-9)
    };
    let whole = slices
        .iter()
        .filter(|slice| end - slice.start.as_secs_f64() > slice.length.as_secs_f64() / 2.0);
    let middle = |slice: &Slice| {
        ((slice.start.as_secs_f64() + slice.length.as_secs_f64() / 2.0) / end).min(1.0)
    };
    let time_scale = Scale::Linear {
        low: 0.0,
        high: end,
    };
    let time_ticks: Vec<(f64, String)> = time_scale
        .ticks()
        .into_iter()
        .map(|tick| (time_scale.place(tick), format!("{} s", plain(tick))))
        .collect();

    let mut frame = Frame::new(WIDE, 160.0);
    frame.bottom = 26.0;
    let scale = Scale::from_zero(whole.clone().map(rate).fold(0.0, f64::max));
    frame.y_axis(&count_ticks(&scale));
    frame.x_axis(&time_ticks);
    let points: Vec<(f64, f64)> = whole
        .clone()
        .map(|slice| (middle(slice), scale.place(rate(slice))))
        .collect();
    frame.area(&points, "s0");
    frame.line(&points, "s0");
    let rates = frame.svg("requests per second over time");

    let mut frame = Frame::new(WIDE, 230.0);
    frame.bottom = 26.0;
    let busy = slices.iter().filter(|slice| slice.requests > 0);
    let extremes = busy.flat_map(|slice| [slice.p50_ns as f64, slice.max_ns as f64]);
    let scale = Scale::log_around(extremes);
    frame.y_axis(&latency_ticks(&scale));
    frame.x_axis(&time_ticks);
    let lines: [(&str, Level); 3] = [
        ("s2", |slice| slice.max_ns),
        ("s1", |slice| slice.p99_ns),
        ("s0", |slice| slice.p50_ns),
    ];
    for (class, of) in lines {
        // Nothing ended in an empty slice, so there is no latency to draw.
        for stretch in slices.split(|slice| slice.requests == 0) {
            let points: Vec<(f64, f64)> = stretch
                .iter()
                .map(|slice| (middle(slice), scale.place(of(slice) as f64)))
                .collect();
            frame.line(&points, class);
        }
    }
    let latencies = frame.svg("latency over time");
    format!(
        "<h4>Requests per second</h4>{rates}<h4>Latency</h4>{}{latencies}",
        legend(&[("p50", 0), ("p99", 1), ("max", 2)])
    )
}

/// Ratios around 1 with their intervals, and each pair as a faint dot.
pub fn ratios(ratios: &[Ratio], label: &str) -> String {
    let row = 34.0;
    let mut frame = Frame::new(WIDE, ratios.len() as f64 * row + 44.0);
    let longest = ratios
        .iter()
        .map(|ratio| shortened(&ratio.name, NAME_CHARS).chars().count())
        .max();
    frame.left = (longest.unwrap_or(0) as f64 * LETTER + 20.0).min(WIDE / 3.0);
    frame.right = 170.0;
    frame.bottom = 34.0;
    frame.top = 6.0;
    let all = ratios.iter().flat_map(|ratio| ratio.values.iter().copied());
    let ends = ratios
        .iter()
        .flat_map(|ratio| [ratio.estimate.low, ratio.estimate.high]);
    let scale = Scale::log_around(all.chain(ends).chain([0.9, 1.1]));
    let ticks: Vec<(f64, String)> = scale
        .ticks()
        .into_iter()
        .map(|tick| (scale.place(tick), format!("{}×", plain(tick))))
        .collect();
    frame.x_axis(&ticks);
    let one = frame.x(scale.place(1.0));
    let foot = frame.height - frame.bottom;
    frame.stroke((one, frame.top), (one, foot), "one");
    for (i, ratio) in ratios.iter().enumerate() {
        let y = frame.top + row * (i as f64 + 0.5);
        let place = 1.0 - (y - frame.top) / (foot - frame.top);
        let x = |value: f64, frame: &Frame| frame.x(scale.place(value));
        let name = shortened(&ratio.name, NAME_CHARS);
        frame.text(frame.left - 12.0, y + 4.0, "end", &name);
        for &value in &ratio.values {
            frame.dot(
                (scale.place(value), place),
                3.0,
                "faint",
                &format!("one pair: {value:.3}"),
            );
        }
        let class = if ratio.estimate.excludes_one() {
            "s0"
        } else {
            "s5"
        };
        let (low, high) = (
            x(ratio.estimate.low, &frame),
            x(ratio.estimate.high, &frame),
        );
        frame.stroke((low, y), (high, y), &format!("interval {class}"));
        let text = format!(
            "{:.3}  [{:.3}, {:.3}]",
            ratio.estimate.median, ratio.estimate.low, ratio.estimate.high
        );
        let median = (scale.place(ratio.estimate.median), place);
        frame.dot(median, 5.5, &format!("dot {class}"), &text);
        let right = frame.width - frame.right + 12.0;
        frame.text(right, y + 4.0, "start", &text);
    }
    frame.svg(label)
}

/// Names with their colours.
fn legend(names: &[(&str, usize)]) -> String {
    let entry = |&(name, colour): &(&str, usize)| {
        format!(
            "<li class=\"s{}\"><span>{}</span></li>",
            colour % COLOURS,
            escape(name)
        )
    };
    let entries: String = names.iter().map(entry).collect();
    format!("<ul class=\"legend\">{entries}</ul>")
}

/// Nanoseconds in the unit that suits them.
pub fn latency_text(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{} ns", three_digits(ns)),
        ns if ns < 1e6 => format!("{} µs", three_digits(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", three_digits(ns / 1e6)),
        ns => format!("{} s", three_digits(ns / 1e9)),
    }
}

fn latency_ticks(scale: &Scale) -> Vec<(f64, String)> {
    let ticks = scale.ticks();
    ticks
        .into_iter()
        .map(|tick| (scale.place(tick), latency_text(tick)))
        .collect()
}

fn count_ticks(scale: &Scale) -> Vec<(f64, String)> {
    let text = |value: f64| match value {
        v if v >= 1e6 => format!("{} M", plain(v / 1e6)),
        v if v >= 1e4 => format!("{} k", plain(v / 1e3)),
        v => grouped(v),
    };
    scale
        .ticks()
        .into_iter()
        .map(|tick| (scale.place(tick), text(tick)))
        .collect()
}

fn three_digits(value: f64) -> String {
    let decimals = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    trimmed(format!("{value:.decimals$}"))
}

/// A round value without needless zeros.
fn plain(value: f64) -> String {
    trimmed(format!("{value:.3}"))
}

fn trimmed(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// At most so many characters. What tells names apart is mostly at their ends,
/// so the middle is left out.
fn shortened(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_string();
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1) - head;
    let (start, end) = (&letters[..head], &letters[letters.len() - tail..]);
    start.iter().chain(&['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::recorder::Recorder;

    #[test]
    fn latencies_have_units() {
        assert_eq!(latency_text(500.0), "500 ns");
        assert_eq!(latency_text(1_500.0), "1.5 µs");
        assert_eq!(latency_text(100_000.0), "100 µs");
        assert_eq!(latency_text(12_340_000.0), "12.3 ms");
        assert_eq!(latency_text(2e9), "2 s");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcdefghij", 5), "ab…ij");
        assert_eq!(shortened("µµµµ", 2), "…µ");
    }

    /// Odd inputs must not put NaN or infinity into a drawing.
    #[test]
    fn charts_survive_little_data() {
        let mut recorder = Recorder::default();
        recorder.record(10, 20, 1);
        let slices = recorder.timeline().slices();
        let curve = Curve {
            name: "<one>",
            latency: recorder.latency(),
            colour: 9,
        };
        let estimate = Estimate {
            median: 1.0,
            low: 1.0,
            high: 1.0,
            count: 1,
        };
        let drawings = [
            percentile_curves(&[curve], WIDE),
            percentile_curves(&[], NARROW),
            over_time(&slices, Duration::from_nanos(10)),
            over_time(&[], Duration::ZERO),
            bars(&[], WIDE, "none"),
            bars(
                &[Bar {
                    name: "x".into(),
                    value: 0.0,
                    text: "0".into(),
                    colour: 9,
                }],
                THIRD,
                "zero",
            ),
            ratios(
                &[Ratio {
                    name: "r".into(),
                    estimate,
                    values: vec![1.0],
                }],
                "r",
            ),
        ];
        for drawing in drawings {
            assert!(
                !drawing.contains("NaN") && !drawing.contains("inf"),
                "{drawing}"
            );
            assert!(!drawing.contains("<one>"));
        }
    }
}
