//! The table itself.

use super::{get, set};
use crate::config::params::{self, PARAMS, THEMES};
use crate::config::value::Value;
use crate::config::{Asker, Config, Meaning, Mutability};
use std::collections::BTreeSet;

#[test]
fn names_are_unique_and_in_lower_case() {
    let mut seen = BTreeSet::new();
    for spelling in PARAMS.iter().flat_map(params::Param::spellings) {
        assert!(seen.insert(spelling), "{spelling} twice");
        assert_eq!(spelling, spelling.to_ascii_lowercase());
        assert_eq!(
            params::find(spelling.to_uppercase().as_bytes())
                .unwrap()
                .spelling,
            spelling
        );
    }
    assert!(seen.len() > 200, "{}", seen.len());
}

#[test]
fn themes_hold_every_row_once() {
    let rows: usize = THEMES.iter().map(|theme| theme.rows.len()).sum();
    assert_eq!(rows, PARAMS.len());
    let themed = THEMES.iter().flat_map(|theme| theme.rows);
    assert!(
        themed
            .zip(&PARAMS)
            .all(|(row, param)| row.name == param.name)
    );
}

#[test]
fn reasons_are_written_out() {
    for param in &PARAMS {
        if let Meaning::Accepted(why) | Meaning::Partly(why) = param.meaning {
            assert!(
                why.len() > 20 && !why.ends_with('.'),
                "{}: {why}",
                param.name
            );
        }
    }
}

#[test]
fn defaults_survive_being_set() {
    let config = Config::default();
    let may_everything = config
        .set_at_start(&[(b"enable-protected-configs", b"yes")])
        .expect("a legal value");
    for param in &PARAMS {
        let text = get(&config, param.name);
        let changes = [(param.name.as_bytes(), text.as_bytes())];
        let again = match param.mutability {
            Mutability::Immutable => config.set_at_start(&changes),
            _ => may_everything.set_by(Asker::default(), &changes),
        };
        let again = again.unwrap_or_else(|error| panic!("{}: {error}", param.name));
        assert_eq!(
            again.value(param.name),
            config.value(param.name),
            "{}",
            param.name
        );
    }
}

#[test]
fn directives_of_defaults_read_back() {
    let config = Config::default();
    for param in &PARAMS {
        let lines = config.value(param.name).unwrap().directives(param.name);
        let text = String::from_utf8(lines.join(&b'\n')).unwrap();
        assert_eq!(super::config_of(&text), config, "{text}");
    }
}

#[test]
fn values_have_the_type_of_their_kind() {
    // One value of each kind, as the fields and the texts have it.
    let config = Config::default();
    assert_eq!(config.live.port, 6379);
    assert_eq!(config.live.bind[1].host, "::*");
    assert!(config.live.bind[1].optional && !config.live.bind[0].optional);
    assert_eq!(config.live.requirepass, None);
    assert_eq!(config.live.unixsocket, None);
    assert_eq!(config.live.proto_max_bulk_len_bytes, 512 << 20);
    assert_eq!(
        config.live.client_output_buffer_limits.pubsub.soft_bytes,
        8 << 20
    );
    assert_eq!(
        *config.live.latency_tracking_info_percentiles,
        [50.0, 99.0, 99.9]
    );
    assert_eq!(config.value("replicaof"), Some(&Value::Primary(None)));
    let config = set(&config, "requirepass", "secret").unwrap();
    assert_eq!(
        config.live.requirepass.as_deref(),
        Some(b"secret".as_slice())
    );
}

#[test]
fn a_slip_of_the_pen_finds_the_name() {
    assert_eq!(params::nearest(b"maxmemroy"), Some("maxmemory"));
    assert_eq!(params::nearest(b"PROT"), Some("port"));
    assert_eq!(params::nearest(b"max_memory"), Some("maxmemory"));
    assert_eq!(params::nearest(b"slave-readonly"), Some("slave-read-only"));
    assert_eq!(params::nearest(b"x"), None);
    assert_eq!(params::nearest(b"completely-different"), None);
    assert_eq!(params::nearest(&[b'x'; 1000]), None);
}
