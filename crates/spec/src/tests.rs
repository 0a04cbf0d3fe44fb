//! What must hold for the whole table, and how it is spelled.

use crate::arg::{key, one_of, pure, text};
use crate::keys::tests::keys;
use crate::*;

/// A generator of any old quality that repeats itself: the tests print nothing but must not vary.
pub(crate) fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |n| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % n
    }
}

#[test]
fn the_table_is_sorted_and_every_name_is_found() {
    assert!(COMMANDS.windows(2).all(|two| two[0].name < two[1].name));
    for (at, spec) in COMMANDS.iter().enumerate() {
        assert!(std::ptr::eq(find(spec.name.as_bytes()).unwrap(), *spec));
        assert_eq!(
            table::position(spec.name.to_uppercase().as_bytes()),
            Some(at)
        );
        assert_eq!(spec.container, None);
        assert!(
            spec.subcommands
                .windows(2)
                .all(|two| two[0].name < two[1].name),
            "{spec:?}"
        );
        for sub in spec.subcommands {
            assert_eq!(sub.container, Some(spec.name));
            assert!(sub.subcommands.is_empty(), "there is no third level");
            assert!(std::ptr::eq(
                find_sub(spec, sub.name.to_uppercase().as_bytes()).unwrap(),
                *sub
            ));
        }
    }
    let long = "g".repeat(10_000);
    // The last has the ends of a long name, and another middle.
    let strangers = [
        "",
        "gett",
        "ge",
        "get ",
        "client|id",
        &long,
        "georadiusbynember_ro",
    ];
    for stranger in strangers {
        assert!(find(stranger.as_bytes()).is_none());
    }
    assert!(find_sub(&connection::CLIENT, b"nosuch").is_none());
    assert!(find_sub(&string::GET, b"get").is_none());
}

#[test]
fn every_spec_is_complete_and_agrees_with_itself() {
    for spec in every() {
        let lower = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
        assert!(spec.name.bytes().all(lower), "{spec:?}");
        assert!(
            spec.summary.ends_with('.') && spec.summary.len() < 100,
            "{spec:?}"
        );
        assert!(spec.complexity.ends_with('.'), "{spec:?}");
        assert!(is_version(spec.since), "{spec:?}");
        assert!(
            spec.history
                .iter()
                .all(|(since, what)| is_version(since) && what.ends_with('.'))
        );
        assert!(
            !spec.flags.contains(Flags::WRITE | Flags::READONLY),
            "{spec:?}"
        );
        let writes_keys = spec.keys.iter().any(|key| key.access.writes());
        assert!(
            !writes_keys || spec.is_write() || spec.flags.contains(Flags::MAY_REPLICATE),
            "{spec:?} changes keys without saying so"
        );
        assert!(
            !spec.flags.contains(Flags::DENYOOM) || spec.is_write(),
            "{spec:?}"
        );
        for key in spec.keys {
            check_key_spec(spec, key);
        }
        for arg in spec.args {
            check_arg(spec, arg);
        }
    }
}

fn is_version(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u32>().is_ok())
}

fn check_key_spec(spec: &Spec, key: &KeySpec) {
    let stated = [KeyFlags::RO, KeyFlags::RW, KeyFlags::OW, KeyFlags::RM];
    assert_eq!(
        stated
            .iter()
            .filter(|flag| key.access.contains(**flag))
            .count(),
        1,
        "{spec:?}"
    );
    match (key.begin, key.find) {
        (Begin::Unknown, find) => assert_eq!(find, Find::Unknown),
        (Begin::Index(index), Find::Range { step, .. }) => assert!(index > 0 && step > 0),
        (Begin::Index(index), Find::KeyNum { first, step, .. }) => {
            assert!(index > 0 && first > 0 && step > 0);
        }
        (Begin::Keyword { start_from, .. }, _) => assert_ne!(start_from, 0),
        (Begin::Index(_), Find::Unknown) => panic!("{spec:?} has half a key spec"),
    }
    let unsure = key
        .access
        .intersects(KeyFlags::VARIABLE_FLAGS | KeyFlags::INCOMPLETE);
    let needs_code = unsure || key.find == Find::Unknown;
    assert!(
        !needs_code || spec.find_keys.is_some(),
        "{spec:?} cannot tell its keys"
    );
}

fn check_arg(spec: &Spec, arg: &Arg) {
    assert!(!arg.name.is_empty(), "{spec:?}");
    assert!(arg.bounds.0 <= arg.bounds.1);
    assert!(arg.since.is_none_or(is_version));
    // A pattern may name keys.
    assert!(
        arg.kind == ArgKind::Pattern || (arg.kind == ArgKind::Key) == arg.key_spec_index.is_some(),
        "{spec:?}"
    );
    if let Some(index) = arg.key_spec_index {
        assert!(
            usize::from(index) < spec.keys.len(),
            "{spec:?}: {}",
            arg.name
        );
    }
    // Signs have names of their own.
    let is_word = |token: &str| token.starts_with(|first: char| first.is_ascii_alphabetic());
    // Redis has words of its own for these.
    let is_renamed = ["change", "increment", "sorting"].contains(&arg.name);
    if arg.kind == ArgKind::PureToken && arg.token.is_some_and(is_word) && !is_renamed {
        assert_eq!(
            arg.token.map(str::to_ascii_lowercase).as_deref(),
            Some(arg.name),
            "{spec:?}"
        );
    }
    arg.children()
        .iter()
        .for_each(|child| check_arg(spec, child));
}

#[test]
fn arity_agrees_with_the_grammar() {
    for spec in every().filter(|spec| !spec.is_container()) {
        let names = 1 + usize::from(spec.container.is_some());
        let fewest = names + spec.args.iter().map(Arg::words_min).sum::<usize>();
        assert_eq!(spec.argc_min(), fewest, "{spec:?}");
        let fixed = spec.args.iter().all(Arg::is_fixed);
        // QUIT takes no argument but has never minded one. COMMAND may be followed by a subcommand.
        if !["quit", "command"].contains(&spec.name) {
            assert_eq!(spec.arity > 0, fixed, "{spec:?}");
        }
    }
    assert!(string::GET.arity_ok(2) && !string::GET.arity_ok(1) && !string::GET.arity_ok(3));
    assert!(string::MGET.arity_ok(2) && string::MGET.arity_ok(900) && !string::MGET.arity_ok(1));
}

#[test]
fn samples_have_a_right_arity_and_known_keys() {
    let mut below = draws(1);
    for spec in every() {
        for _ in 0..200 {
            let line = sample(spec, &mut below);
            let named = find(&line[0]).unwrap();
            let named = match named.is_container() || spec.container.is_some() {
                true => find_sub(named, &line[1]).unwrap(),
                false => named,
            };
            assert!(spec.is_container() || std::ptr::eq(named, spec));
            assert!(named.arity_ok(line.len()), "{named:?}: {line:?}");
            let keys = keys(named, &line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            assert!(
                keys.iter().all(|key| line[key.index].starts_with(b"k")),
                "{line:?}: {keys:?}"
            );
            let are_keys = |line: &[Vec<u8>]| line.iter().filter(|word| is_key(word)).count();
            assert_eq!(keys.len(), are_keys(&line), "{line:?}: {keys:?}");
        }
    }
}

/// The sampler's keys are `k` and a number.
fn is_key(word: &[u8]) -> bool {
    word.strip_prefix(b"k")
        .is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit))
}

#[test]
fn samples_reach_every_token() {
    fn tokens(args: &[Arg], out: &mut Vec<&'static str>) {
        for arg in args {
            out.extend(arg.token);
            tokens(arg.children(), out);
        }
    }
    let mut below = draws(2);
    for spec in every() {
        let mut missing = Vec::new();
        tokens(spec.args, &mut missing);
        for _ in 0..500 {
            let line = sample(spec, &mut below);
            missing.retain(|token| {
                !line
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(token.as_bytes()))
            });
        }
        assert!(missing.is_empty(), "{spec:?} never drew {missing:?}");
    }
}

#[test]
fn names_are_spelled_as_on_the_wire() {
    let names = |spec: &Spec| {
        let flags: Vec<_> = spec.flags.names().collect();
        let categories: Vec<_> = spec.implied().names().collect();
        format!(
            "{} {} @{}",
            spec.full_name(),
            flags.join(" "),
            categories.join(" @")
        )
    };
    assert_eq!(
        names(&string::SET),
        "set write denyoom @write @string @slow"
    );
    assert_eq!(
        names(&connection::CLIENT_KILL),
        "client|kill admin noscript loading stale @admin @slow @dangerous @connection"
    );
    assert_eq!(
        names(&transaction::WATCH),
        "watch noscript loading stale fast allow_busy @fast @transaction"
    );
    assert_eq!(
        names(&server::DBSIZE),
        "dbsize readonly fast @keyspace @read @fast"
    );
    assert_eq!(Categories::find(b"SortedSet"), Some(Categories::SORTEDSET));
    assert_eq!(Categories::find(b"@read"), None);
    let scripts = Categories::SCRIPTING.implied(Flags::READONLY | Flags::BLOCKING | Flags::PUBSUB);
    assert_eq!(
        scripts.names().collect::<Vec<_>>(),
        ["pubsub", "slow", "blocking", "scripting"]
    );
}

#[test]
fn usage_lines() {
    assert_eq!(string::GET.usage(), "GET key");
    assert_eq!(
        string::SET.usage(),
        "SET key value [NX | XX | IFEQ comparison-value] [GET] \
         [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]"
    );
    assert_eq!(string::MSET.usage(), "MSET key value [key value ...]");
    assert_eq!(
        bitmap::BITOP.usage(),
        "BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]"
    );
    assert_eq!(
        bitmap::BITFIELD_RO.usage(),
        "BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]"
    );
    assert_eq!(
        connection::CLIENT_REPLY.usage(),
        "CLIENT REPLY <ON | OFF | SKIP>"
    );
    assert_eq!(
        connection::CLIENT_LIST.usage(),
        "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB> | ID client-id [client-id ...]]"
    );
    assert_eq!(server::COMMAND.usage(), "COMMAND");
    assert_eq!(connection::CLIENT.usage(), "CLIENT subcommand ...");
    static ODD: Spec = Spec::new("odd", at_least(2)).args(&[
        one_of(&[pure("a", "A"), text("b")])
            .named("choice")
            .multiple(),
        key("k").optional(),
    ]);
    assert_eq!(ODD.usage(), "ODD <A | b> [choice ...] [k]");
}
