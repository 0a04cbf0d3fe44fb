//! The server as a process: where it lives, what it logs, how it starts and ends.

use super::INT_MAX;
use super::Kind::*;
use super::Meaning::{self, Accepted, Later, Live};
use crate::config::value::rules;
use crate::config::words::LogLevel;

const NO_SYSLOG: Meaning =
    Accepted("the log goes to a file or to standard output, whence journald or logger take it");
const NO_CHILD: Meaning = Accepted(
    "no child process is ever forked; give the service its priority or processors in its unit",
);

rows! {
    "databases", Integer(1, INT_MAX), "16", Immutable, Live;
    "dir", Directory, ".", Protected + settled_by_load, Live;
    "daemonize", Bool, "no", Immutable, Live;
    "pidfile", Text(rules::any), "", Immutable, Live;
    "loglevel", Choice(LogLevel::WORDS), "notice", Modifiable, Live;
    "logfile", Text(rules::any), "", Immutable, Live;
    "always-show-logo", Bool, "no", Immutable, Live;
    "set-proc-title", Bool, "yes", Immutable, Accepted("the process keeps the name that it was started with");
    "proc-title-template", Text(rules::proc_title), "{title} {listen-addr} {server-mode}", Modifiable, Accepted("the process keeps the name that it was started with");
    "shutdown-timeout", Integer(0, INT_MAX), "10", Modifiable, Later;
    "hz", Integer(0, INT_MAX), "10", Modifiable, Live;
    "supervised", Choice(&["upstart", "systemd", "auto", "no"]), "no", Immutable, Later;
    "shutdown-on-sigint", ShutdownFlags, "default", Modifiable, Later;
    "shutdown-on-sigterm", ShutdownFlags, "default", Modifiable, Later;
    "dynamic-hz", Bool, "yes", Modifiable, Accepted("housekeeping follows deadlines, not the number of clients");
    "syslog-enabled", Bool, "no", Immutable, NO_SYSLOG;
    "syslog-ident", Text(rules::any), "redis", Immutable, NO_SYSLOG;
    "syslog-facility", Choice(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]), "local0", Immutable, NO_SYSLOG;
    "crash-log-enabled", Bool, "yes", Modifiable, Accepted("a crash is reported by the runtime, no signal handler writes a log");
    "crash-memcheck-enabled", Bool, "yes", Modifiable, Accepted("memory is not tested after a crash");
    "disable-thp", Bool, "yes", Immutable, Accepted("huge pages hurt processes that fork, and this one does not");
    "oom-score-adj", Choice(&["no", "yes", "relative=yes", "absolute"]), "no", Modifiable, NO_CHILD;
    "oom-score-adj-values", OomScores, "0 200 800", Modifiable, NO_CHILD;
    "bgsave_cpulist", Text(rules::any), "", Immutable, NO_CHILD;
    "aof_rewrite_cpulist", Text(rules::any), "", Immutable, NO_CHILD;
    "server_cpulist", Text(rules::any), "", Immutable, Accepted("taskset or the unit's CPUAffinity pin a process as well");
    "bio_cpulist", Text(rules::any), "", Immutable, Accepted("taskset or the unit's CPUAffinity pin a process as well");
    "ignore-warnings", Text(rules::any), "", Modifiable, Accepted("the kernel fault that it is about concerns forking");
    "locale-collate", Text(rules::any), "", Modifiable, Accepted("text is compared byte by byte, the same on every machine");
    "loading-process-events-interval-bytes", Integer(1024, INT_MAX), "2097152", Modifiable + hidden, Later;
    "use-exit-on-panic", Bool, "no", Modifiable + hidden, Accepted("a failed assertion always ends the process");
    "enable-debug-assert", Bool, "no", Immutable + hidden, Accepted("debug assertions are a matter of the build");
    "watchdog-period", Integer(0, INT_MAX), "0", Modifiable + hidden, Accepted("no signal interrupts the loops");
    "key-load-delay", Integer(i32::MIN as i64, INT_MAX), "0", Modifiable + hidden, Later;
    "rdb-key-save-delay", Integer(i32::MIN as i64, INT_MAX), "0", Modifiable + hidden, Later;
}
