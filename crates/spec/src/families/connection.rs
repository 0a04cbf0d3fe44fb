//! Connections: who the client is, which database it uses, and what others may do to it.

use super::{ADMIN, ALL_NODES, ALL_SHARDS, ANY_TIME, VARIES, help};
use crate::arg::{Arg, block, int, one_of, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::spec::{Group, Spec, at_least, exactly};

pub static AUTH: Spec = connection("auth", at_least(2))
    .flags(HANDSHAKE)
    .since("1.0.0")
    .summary("Proves who the client is.")
    .complexity("O(N), N the number of passwords of the user.")
    .history(&[("6.0.0", "A user's name before the password.")])
    .args(&[text("username").optional().since("6.0.0"), text("password")]);

pub static CLIENT: Spec = Spec::holding("client")
    .subcommands(&[
        &CLIENT_GETNAME,
        &CLIENT_HELP,
        &CLIENT_ID,
        &CLIENT_INFO,
        &CLIENT_KILL,
        &CLIENT_LIST,
        &CLIENT_NO_EVICT,
        &CLIENT_NO_TOUCH,
        &CLIENT_PAUSE,
        &CLIENT_REPLY,
        &CLIENT_SETINFO,
        &CLIENT_SETNAME,
        &CLIENT_UNBLOCK,
        &CLIENT_UNPAUSE,
    ])
    .group(Group::Connection)
    .since("2.4.0")
    .summary("Looks at connections and directs them.");

pub static CLIENT_GETNAME: Spec = client("getname", exactly(2))
    .flags(ANY_TIME)
    .since("2.6.9")
    .summary("Returns the name of this connection.");

pub static CLIENT_HELP: Spec = help("client", Group::Connection, Categories::CONNECTION, "5.0.0");

pub static CLIENT_ID: Spec = client("id", exactly(2))
    .flags(ANY_TIME)
    .since("5.0.0")
    .summary("Returns the number of this connection, which no other ever has.");

pub static CLIENT_INFO: Spec = client("info", exactly(2))
    .flags(ANY_TIME)
    .since("6.2.0")
    .summary("Describes this connection as CLIENT LIST does.")
    .tips(VARIES);

pub static CLIENT_KILL: Spec = client("kill", at_least(3))
    .flags(ADMIN)
    .since("2.4.0")
    .summary("Closes the connections that match an address or filters.")
    .complexity("O(N), N the number of connections.")
    .history(&[
        ("2.8.12", "Filters by word, among them `ID`."),
        ("3.2.0", "`TYPE master`."),
        ("5.0.0", "`TYPE replica`, the new word for `slave`."),
        ("6.2.0", "Filter `LADDR`."),
        ("7.4.0", "Filter `MAXAGE`."),
    ])
    .args(&[one_of(&[
        ADDRESS.named("old-format").deprecated("2.8.12"),
        one_of(&[
            int("client-id")
                .token("ID")
                .within(1, i64::MAX)
                .since("2.8.12"),
            one_of(&[
                pure("normal", "NORMAL"),
                pure("master", "MASTER").since("3.2.0"),
                pure("slave", "SLAVE"),
                pure("replica", "REPLICA").since("5.0.0"),
                pure("pubsub", "PUBSUB"),
            ])
            .named("client-type")
            .token("TYPE")
            .since("2.8.12"),
            text("username").token("USER").like(&["default"]),
            ADDRESS.named("addr").token("ADDR"),
            ADDRESS.named("laddr").token("LADDR").since("6.2.0"),
            one_of(&[pure("yes", "YES"), pure("no", "NO")])
                .named("skipme")
                .token("SKIPME"),
            int("maxage")
                .token("MAXAGE")
                .within(1, i64::MAX)
                .since("7.4.0"),
        ])
        .named("new-format")
        .multiple(),
    ])
    .named("filter")]);

pub static CLIENT_LIST: Spec = client("list", at_least(2))
    .flags(ADMIN)
    .since("2.4.0")
    .summary("Describes connections, one per line.")
    .complexity("O(N), N the number of connections.")
    .history(&[
        ("2.8.12", "Field `id`."),
        ("5.0.0", "Filter `TYPE`."),
        ("6.0.0", "Field `user`."),
        (
            "6.2.0",
            "Fields `argv-mem`, `tot-mem`, `laddr` and `redir`; filter `ID`.",
        ),
        ("7.0.0", "Fields `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "Field `ssub`."),
        ("7.2.0", "Fields `lib-name` and `lib-ver`."),
    ])
    .tips(VARIES)
    .args(&[one_of(&[
        one_of(&[
            pure("normal", "NORMAL"),
            pure("master", "MASTER"),
            pure("replica", "REPLICA"),
            pure("pubsub", "PUBSUB"),
        ])
        .named("client-type")
        .token("TYPE")
        .since("5.0.0"),
        int("client-id").token("ID").multiple().since("6.2.0"),
    ])
    .named("filter")
    .optional()]);

pub static CLIENT_NO_EVICT: Spec = client("no-evict", exactly(3))
    .flags(ADMIN)
    .since("7.0.0")
    .summary("Spares this connection when client memory runs short, or no longer.")
    .args(ON_OFF);

pub static CLIENT_NO_TOUCH: Spec = client("no-touch", exactly(3))
    .flags(ANY_TIME)
    .since("7.2.0")
    .summary("Lets commands of this connection leave no trace in how recently keys were used.")
    .args(ON_OFF);

pub static CLIENT_PAUSE: Spec = client("pause", at_least(3))
    .flags(ADMIN)
    .since("3.0.0")
    .summary("Holds back the commands of all clients, or their writes, for some milliseconds.")
    .history(&[("6.2.0", "Modes `WRITE` and `ALL`.")])
    .args(&[
        int("timeout").within(0, i64::MAX),
        one_of(&[pure("write", "WRITE"), pure("all", "ALL")])
            .named("mode")
            .optional()
            .since("6.2.0"),
    ]);

pub static CLIENT_REPLY: Spec = client("reply", exactly(3))
    .flags(ANY_TIME)
    .since("3.2.0")
    .summary("Turns replies to this connection off and on, or skips the next one.")
    .args(&[one_of(&[pure("on", "ON"), pure("off", "OFF"), pure("skip", "SKIP")]).named("action")]);

pub static CLIENT_SETINFO: Spec = client("setinfo", exactly(4))
    .flags(ANY_TIME)
    .since("7.2.0")
    .summary("Notes the name or version of the client's library, for CLIENT LIST.")
    .tips(ALL_NODES)
    .args(&[one_of(&[
        text("libname").token("LIB-NAME"),
        text("libver").token("LIB-VER"),
    ])
    .named("attr")]);

pub static CLIENT_SETNAME: Spec = client("setname", exactly(3))
    .flags(ANY_TIME)
    .since("2.6.9")
    .summary("Names this connection.")
    .tips(ALL_NODES)
    .args(&[text("connection-name")]);

pub static CLIENT_UNBLOCK: Spec = client("unblock", at_least(3))
    .flags(ADMIN)
    .since("5.0.0")
    .summary("Wakes a client from a blocking command, as if its time were over or with an error.")
    .complexity("O(log N), N the number of connections.")
    .args(&[
        int("client-id"),
        one_of(&[pure("timeout", "TIMEOUT"), pure("error", "ERROR")])
            .named("unblock-type")
            .optional(),
    ]);

pub static CLIENT_UNPAUSE: Spec = client("unpause", exactly(2))
    .flags(ADMIN)
    .since("6.2.0")
    .summary("Ends a CLIENT PAUSE.")
    .complexity("O(N), N the number of clients held back.");

pub static ECHO: Spec = connection("echo", exactly(2))
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .since("1.0.0")
    .summary("Returns its argument.")
    .args(&[text("message")]);

pub static HELLO: Spec = connection("hello", at_least(1))
    .flags(HANDSHAKE)
    .since("6.0.0")
    .summary("Chooses the protocol version, and may authenticate and name the connection too.")
    .history(&[(
        "6.2.0",
        "`protover` may be left out, to learn about the connection.",
    )])
    .args(&[block(&[
        int("protover").within(2, 3),
        block(&[text("username"), text("password")])
            .named("auth")
            .token("AUTH")
            .optional(),
        text("clientname").token("SETNAME").optional(),
    ])
    .named("arguments")
    .optional()]);

pub static PING: Spec = connection("ping", at_least(1))
    .flags(Flags::FAST)
    .since("1.0.0")
    .summary("Answers PONG, or with its argument.")
    .tips(ALL_SHARDS)
    .args(&[text("message").optional()]);

pub static QUIT: Spec = connection("quit", at_least(1))
    .flags(HANDSHAKE)
    .since("1.0.0")
    .deprecated("7.2.0", "closing the connection")
    .summary("Answers OK and closes the connection.");

pub static RESET: Spec = connection("reset", exactly(1))
    .flags(HANDSHAKE)
    .since("6.2.0")
    .summary("Puts the connection back to the state in which it was accepted.");

pub static SELECT: Spec = connection("select", exactly(2))
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .since("1.0.0")
    .summary("Chooses the database that this connection uses.")
    .args(&[int("index").within(0, i64::MAX).like(&["0", "1", "2", "9"])]);

/// Must be answered to whoever has just connected, whatever state the server is in.
const HANDSHAKE: Flags = ANY_TIME
    .with(Flags::FAST)
    .with(Flags::NO_AUTH)
    .with(Flags::ALLOW_BUSY);
const ON_OFF: &[Arg] = &[one_of(&[pure("on", "ON"), pure("off", "OFF")]).named("enabled")];
const ADDRESS: Arg = text("addr")
    .display("ip:port")
    .like(&["127.0.0.1:1", "[::1]:1"]);

const fn connection(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity)
        .group(Group::Connection)
        .category(Categories::CONNECTION)
}

const fn client(name: &'static str, arity: i16) -> Spec {
    connection(name, arity).of("client")
}
