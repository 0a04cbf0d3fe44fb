//! What the numbers were measured on.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bench::figures::bytes;

/// Facts about this machine as name and value, as far as they can be had.
pub fn facts() -> Vec<(&'static str, String)> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let uname = rustix::system::uname();
    // Counted here because we may be pinned to fewer ourselves.
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let is_virtual = field(&cpuinfo, "flags")
        .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    let mut facts = Vec::new();
    if let Some(model) = field(&cpuinfo, "model name") {
        facts.push(("Processor", model.to_string()));
    }
    let kind = if is_virtual { ", virtual machine" } else { "" };
    facts.push(("Cores", format!("{cores}{kind}")));
    let kilobytes = field(&meminfo, "MemTotal")
        .and_then(|text| text.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    if let Some(kilobytes) = kilobytes {
        facts.push(("Memory", bytes(kilobytes * 1024)));
    }
    facts.push((
        "Kernel",
        format!(
            "{} {} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy(),
            uname.machine().to_string_lossy()
        ),
    ));
    facts.push((
        "Generator",
        format!("ochre bench {}", env!("CARGO_PKG_VERSION")),
    ));
    facts
}

/// This moment as `2025-01-31 12:34 UTC`.
pub fn moment() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    utc(now.as_secs())
}

fn utc(unix_seconds: u64) -> String {
    let (year, month, day) = civil(unix_seconds / 86_400);
    let minutes = unix_seconds % 86_400 / 60;
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        minutes / 60,
        minutes % 60
    )
}

/// Year, month and day of a day counted from 1970-01-01. Years are taken to
/// begin in March, which puts the leap day last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let since_march_of_0 = days + 719_468;
    let era = since_march_of_0 / DAYS_IN_400_YEARS;
    let day_of_era = since_march_of_0 % DAYS_IN_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_735_689_599), "2024-12-31 23:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00 UTC");
    }

    #[test]
    fn this_machine_has_a_kernel() {
        assert!(
            facts()
                .iter()
                .any(|(name, value)| *name == "Kernel" && value.contains("Linux"))
        );
    }
}
