//! Encrypted connections.

use super::Kind::*;
use super::{INT_MAX, Meaning::Later};
use crate::config::value::rules;

rows! {
    "tls-port", Integer(0, 65535), "0", Modifiable, Later;
    "tls-cert-file", Text(rules::any), "", Modifiable, Later;
    "tls-key-file", Text(rules::any), "", Modifiable, Later;
    "tls-key-file-pass", Text(rules::any), "", Modifiable + sensitive, Later;
    "tls-client-cert-file", Text(rules::any), "", Modifiable, Later;
    "tls-client-key-file", Text(rules::any), "", Modifiable, Later;
    "tls-client-key-file-pass", Text(rules::any), "", Modifiable + sensitive, Later;
    "tls-dh-params-file", Text(rules::any), "", Modifiable, Later;
    "tls-ca-cert-file", Text(rules::any), "", Modifiable, Later;
    "tls-ca-cert-dir", Text(rules::any), "", Modifiable, Later;
    "tls-auth-clients", Choice(&["no", "yes", "optional"]), "yes", Modifiable, Later;
    "tls-replication", Bool, "no", Modifiable, Later;
    "tls-cluster", Bool, "no", Modifiable, Later;
    "tls-protocols", Text(rules::any), "", Modifiable, Later;
    "tls-ciphers", Text(rules::any), "", Modifiable, Later;
    "tls-ciphersuites", Text(rules::any), "", Modifiable, Later;
    "tls-prefer-server-ciphers", Bool, "no", Modifiable, Later;
    "tls-session-caching", Bool, "yes", Modifiable, Later;
    "tls-session-cache-size", Integer(0, INT_MAX), "20480", Modifiable, Later;
    "tls-session-cache-timeout", Integer(0, INT_MAX), "300", Modifiable, Later;
}
