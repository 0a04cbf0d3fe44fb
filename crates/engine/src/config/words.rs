//! Closed sets of words that a parameter may take: one enum per set, its words written once.
//!
//! The parameter table takes its list of legal words from here (`LogLevel::WORDS`), and [`super::Live`] takes the
//! typed value, so the two cannot drift apart.

/// Declares an enum whose variants each have one word, as the configuration spells it.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$what])* $variant,)+ }

        impl $name {
            /// Every word, in the order in which an error message lists them.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for this value.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The value of exactly this word.
            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// How much the server's own log says; each level includes the ones after it.
    LogLevel {
        Debug = "debug",
        Verbose = "verbose",
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }
}

words! {
    /// When the log is made durable.
    FsyncPolicy {
        EverySec = "everysec",
        Always = "always",
        No = "no",
    }
}

words! {
    /// The version of snapshots: that of Redis 7.2 and Valkey, or the one that Redis 7.0 reads too.
    RdbVersion {
        Eleven = "11",
        Ten = "10",
    }
}

impl RdbVersion {
    /// As it is written down.
    pub fn number(self) -> u16 {
        match self {
            RdbVersion::Eleven => 11,
            RdbVersion::Ten => 10,
        }
    }
}

words! {
    /// What is evicted when `maxmemory` is reached.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        Noeviction = "noeviction",
    }
}

words! {
    /// Who may use a dangerous thing: nobody, everybody, or clients on this machine.
    Permission {
        No = "no",
        Yes = "yes",
        Local = "local",
    }
}

words! {
    /// How connections are driven.
    Mode {
        /// A few loops, each serving many connections.
        Eventloop = "eventloop",
        /// One thread per connection.
        Threaded = "threaded",
    }
}

impl MaxmemoryPolicy {
    /// Whether victims are ranked by how often they are used, so that entries keep a frequency, not a time.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether victims are ranked by when or how often they were used, so that every key needs a mark of its own.
    pub fn ranks_by_access(self) -> bool {
        self.is_lfu() || matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }
}

impl Permission {
    /// Whether a client may, given whether it connects from this machine.
    pub fn allows(self, client_is_local: bool) -> bool {
        match self {
            Permission::No => false,
            Permission::Yes => true,
            Permission::Local => client_is_local,
        }
    }
}
