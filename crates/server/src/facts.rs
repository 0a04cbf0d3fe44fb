//! What the process knows about itself, read where the kernel keeps it.

use std::fs;

/// Resident memory now and at its highest, in bytes.
pub(crate) fn resident_bytes() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    (kib_field(&status, "VmRSS:"), kib_field(&status, "VmHWM:"))
}

/// All memory of this machine, in bytes.
pub(crate) fn system_memory_bytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    kib_field(&info, "MemTotal:")
}

/// `Linux 6.1.0 x86_64`.
pub(crate) fn operating_system() -> String {
    let names = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let (system, release) = (part(names.sysname()), part(names.release()));
    format!("{system} {release} {}", part(names.machine()))
}

fn kib_field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        assert_eq!(kib_field("A: 1 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), 12 * 1024);
        assert_eq!(kib_field("", "VmRSS:"), 0);
        assert!(resident_bytes().0 > 0 && system_memory_bytes() > 0);
        assert!(operating_system().starts_with("Linux "));
    }
}
