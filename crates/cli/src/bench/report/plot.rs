//! Plots as SVG text: scales with readable ticks, a frame, lines, bars.
//!
//! ```text
//!   value ─► Scale (linear or logarithmic, ticks at 1 2 5) ─► 0…1 ─► pixels of a Frame
//! ```
//!
//! Colours are classes (`s0`, `s1`, …) that the page's style sheet defines for
//! light and dark. Everything that a person typed goes through [`escape`].

use std::fmt::Write;

/// Series with colours of their own; more repeat them.
pub const COLOURS: usize = 6;

/// Text that is safe between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Maps values to the length of an axis.
#[derive(Debug, Clone)]
pub enum Scale {
    Linear { low: f64, high: f64 },
    Log { low: f64, high: f64 },
}

impl Scale {
    /// From zero to a round number not below `highest`.
    pub fn from_zero(highest: f64) -> Scale {
        let step = round_step(highest.max(1e-12) / 4.0);
        Scale::Linear {
            low: 0.0,
            high: (highest.max(1e-12) / step - 1e-9).ceil() * step,
        }
    }

    /// Around all of `values` that are above zero, with a little air.
    pub fn log_around(values: impl IntoIterator<Item = f64>) -> Scale {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for value in values
            .into_iter()
            .filter(|value| *value > 0.0 && value.is_finite())
        {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        Scale::Log {
            low: low / 1.15,
            high: (high * 1.15).max(low * 2.0),
        }
    }

    /// Where a value falls, 0 at the low end and 1 at the high one.
    pub fn place(&self, value: f64) -> f64 {
        let place = match *self {
            Scale::Linear { low, high } => (value - low) / (high - low),
            Scale::Log { low, high } => (value.max(low) / low).log10() / (high / low).log10(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Round values along the axis.
    pub fn ticks(&self) -> Vec<f64> {
        match *self {
            Scale::Linear { low, high } => {
                let step = round_step((high - low) / 4.0);
                let count = ((high - low) / step + 1e-9) as usize;
                (0..=count).map(|i| low + step * i as f64).collect()
            }
            Scale::Log { low, high } => {
                let decades = (high / low).log10();
                let multiples: &[f64] = if decades > 4.0 {
                    &[1.0]
                } else if decades > 1.0 {
                    &[1.0, 2.0, 5.0]
                } else {
                    &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0]
                };
                let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
                (first..=last)
                    .flat_map(|power| multiples.iter().map(move |m| m * 10f64.powi(power)))
                    .filter(|tick| (low..=high).contains(tick))
                    .collect()
            }
        }
    }
}

/// The next of 1, 2, 5 times a power of ten that is not below `about`.
fn round_step(about: f64) -> f64 {
    let power = 10f64.powf(about.log10().floor());
    let multiple = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|m| m * power >= about * 0.999_999);
    multiple.unwrap_or(10.0) * power
}

/// A drawing with one plot in it.
pub struct Frame {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    body: String,
}

impl Frame {
    pub fn new(width: f64, height: f64) -> Frame {
        Frame {
            width,
            height,
            left: 64.0,
            right: 18.0,
            top: 12.0,
            bottom: 40.0,
            body: String::new(),
        }
    }

    pub fn x(&self, place: f64) -> f64 {
        self.left + place * (self.width - self.left - self.right)
    }

    pub fn y(&self, place: f64) -> f64 {
        self.height - self.bottom - place * (self.height - self.top - self.bottom)
    }

    /// Horizontal lines with labels at the left.
    pub fn y_axis(&mut self, ticks: &[(f64, String)]) {
        for (place, label) in ticks {
            let (y, x0, x1) = (self.y(*place), self.left, self.width - self.right);
            self.put(format_args!(
                "<line class=\"grid\" x1=\"{x0:.1}\" x2=\"{x1:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            self.text(x0 - 8.0, y + 4.0, "end", label);
        }
    }

    /// Vertical lines with labels below.
    pub fn x_axis(&mut self, ticks: &[(f64, String)]) {
        for (place, label) in ticks {
            let (x, y0, y1) = (self.x(*place), self.top, self.height - self.bottom);
            self.put(format_args!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y0:.1}\" y2=\"{y1:.1}\"/>"
            ));
            self.text(x, y1 + 17.0, "middle", label);
        }
    }

    /// What the horizontal axis means.
    pub fn x_title(&mut self, title: &str) {
        let x = (self.left + self.width - self.right) / 2.0;
        self.text(x, self.height - 4.0, "middle", title);
    }

    pub fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escape(text);
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A line through points given as places on both axes.
    pub fn line(&mut self, points: &[(f64, f64)], class: &str) {
        if points.is_empty() {
            return;
        }
        let mut path = String::new();
        for (i, &(px, py)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(px), self.y(py));
        }
        self.put(format_args!("<path class=\"line {class}\" d=\"{path}\"/>"));
    }

    /// The space between a line and the bottom.
    pub fn area(&mut self, points: &[(f64, f64)], class: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let mut path = format!("M{:.1} {:.1}", self.x(first.0), self.y(0.0));
        for &(px, py) in points {
            let _ = write!(path, "L{:.1} {:.1}", self.x(px), self.y(py));
        }
        let _ = write!(path, "L{:.1} {:.1}Z", self.x(last.0), self.y(0.0));
        self.put(format_args!("<path class=\"area {class}\" d=\"{path}\"/>"));
    }

    /// A dot that tells more when pointed at.
    pub fn dot(&mut self, place: (f64, f64), radius: f64, class: &str, hint: &str) {
        let (x, y) = (self.x(place.0), self.y(place.1));
        let hint = escape(hint);
        self.put(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"><title>{hint}</title></circle>"
        ));
    }

    /// A box in pixels.
    pub fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str, hint: &str) {
        let hint = escape(hint);
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\"><title>{hint}</title></rect>"
        ));
    }

    /// A straight stroke in pixels.
    pub fn stroke(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// The finished drawing; `label` is for those who cannot see it.
    pub fn svg(self, label: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg>",
            self.width,
            self.height,
            escape(label),
            self.body
        )
    }

    fn put(&mut self, piece: std::fmt::Arguments) {
        let _ = self.body.write_fmt(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_scales_end_on_round_numbers() {
        let scale = Scale::from_zero(83_000.0);
        assert_eq!(scale.ticks(), [0.0, 50_000.0, 100_000.0]);
        assert_eq!(scale.place(50_000.0), 0.5);
        assert_eq!(Scale::from_zero(4.0).ticks(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(Scale::from_zero(0.0).place(0.0).is_finite());
    }

    #[test]
    fn log_scales_hold_their_values_and_have_ticks() {
        for values in [
            vec![0.02, 3.0, 180.0],
            vec![0.95, 1.02],
            vec![1e-6, 1e6],
            vec![],
        ] {
            let scale = Scale::log_around(values.clone());
            assert!(scale.ticks().len() >= 2, "{values:?}: {:?}", scale.ticks());
            for value in values {
                let place = scale.place(value);
                assert!(place > 0.0 && place < 1.0, "{value}: {place}");
            }
        }
        assert_eq!(Scale::log_around([1.0, 10.0]).place(0.0), 0.0);
    }

    #[test]
    fn user_text_cannot_become_markup() {
        let mut frame = Frame::new(100.0, 100.0);
        frame.text(0.0, 0.0, "end", "<script>&\"");
        let svg = frame.svg("\"><b>");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
    }
}
