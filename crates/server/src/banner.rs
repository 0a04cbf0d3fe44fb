//! What a person sees first.

/// The facts of the start banner.
pub(crate) struct Banner<'a> {
    pub(crate) version: &'a str,
    pub(crate) mode: &'a str,
    pub(crate) threads: usize,
    pub(crate) port: u16,
    pub(crate) unixsocket: Option<String>,
    pub(crate) process_id: u32,
}

impl Banner<'_> {
    /// The banner with its picture, for a terminal.
    pub(crate) fn drawn(&self) -> String {
        let door = match (&self.unixsocket, self.port) {
            (Some(path), 0) => format!("redis-cli -s {path}"),
            (_, port) => format!("redis-cli -p {port}"),
        };
        let right = [
            format!("Ochre {}", self.version),
            format!("mode={} threads={}", self.mode, self.threads),
            format!("port={} pid={}", self.port, self.process_id),
            String::new(),
            format!("try it:  {door}"),
        ];
        let mut text = String::from("\n");
        for (picture, words) in HAND.iter().zip(right.iter()) {
            text.push_str(format!("    {picture}    {words}").trim_end());
            text.push('\n');
        }
        text
    }

    /// The same as one line, for a log.
    pub(crate) fn line(&self) -> String {
        format!(
            "Ochre version={}, mode={}, threads={}, port={}, pid={}, just started",
            self.version, self.mode, self.threads, self.port, self.process_id
        )
    }
}

/// A hand on a cave wall, as people left them in red earth.
const HAND: [&str; 5] = [
    r"  | | | |   ",
    r"  | | | |  /",
    r"  |       / ",
    r"   \     /  ",
    r"    |   |   ",
];
