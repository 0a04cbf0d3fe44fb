//! `latency-tracking-info-percentiles`: which percentiles INFO shows for each command.

use crate::config::error::Reason;

/// Percentiles; one empty word, or none at all, is none.
pub fn parse(words: &[&[u8]]) -> Result<Box<[f64]>, Reason> {
    if words == [b""] {
        return Ok(Box::default());
    }
    words.iter().map(|word| percentile(word)).collect()
}

/// A percentile with as many of its six decimals as it needs.
pub fn shown(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percentile(word: &[u8]) -> Result<f64, Reason> {
    let number = base::parse_f64(word)
        .filter(|number| !number.is_nan())
        .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
    if !(0.0..=100.0).contains(&number) {
        return Err(
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into(),
        );
    }
    // Kept as it is shown, so that what is written to a file is what is read from it; and no zero below zero.
    let rounded: f64 = shown(number).parse().expect("a number just written");
    Ok(rounded.abs())
}
