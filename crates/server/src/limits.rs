//! The limit on open files, and how many clients fit under it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not clients: listeners, epolls, logs, data files.
const RESERVED: u64 = 32;

/// Raise the limit so that `maxclients` fit. Returns how many do, and a line
/// for the log if that is not what was asked for.
pub(crate) fn fit_clients(maxclients: u32) -> (u32, Option<String>) {
    let wanted = u64::from(maxclients) + RESERVED;
    let limit = getrlimit(Resource::Nofile);
    let present = limit.current.unwrap_or(u64::MAX);
    if present >= wanted {
        return (maxclients, None);
    }
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    let reachable = raise(wanted, maximum, present);
    if reachable >= wanted {
        let line = format!(
            "Increased maximum number of open files to {wanted} (it was originally set to {present})."
        );
        return (maxclients, Some(line));
    }
    let fitting = reachable.saturating_sub(RESERVED).max(1) as u32;
    let line = format!(
        "You requested maxclients of {maxclients} requiring at least {wanted} max file \
         descriptors. Current maximum open files is {reachable}. maxclients has been reduced to \
         {fitting} to compensate for low ulimit. If you need higher maxclients increase \
         'ulimit -n'."
    );
    (fitting, Some(line))
}

/// As near to `wanted` as we are allowed to go: root may raise the hard limit
/// too, others stop there.
fn raise(wanted: u64, maximum: u64, present: u64) -> u64 {
    for (current, maximum) in [
        (wanted, maximum.max(wanted)),
        (wanted.min(maximum), maximum),
    ] {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        };
        if setrlimit(Resource::Nofile, limit).is_ok() {
            return current;
        }
    }
    present
}
