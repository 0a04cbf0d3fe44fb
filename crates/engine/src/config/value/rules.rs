//! What texts and switches of particular parameters must look like.

use crate::config::error::Reason;

/// Any text that a file name or an argument of the operating system can be.
pub fn any(text: &[u8]) -> Result<(), Reason> {
    if text.contains(&0) {
        Err("argument can't contain a zero byte".into())
    } else {
        Ok(())
    }
}

/// Any bytes at all.
pub fn secret(_: &[u8]) -> Result<(), Reason> {
    Ok(())
}

/// `dbfilename`.
pub fn rdb_name(text: &[u8]) -> Result<(), Reason> {
    any(text)?;
    if is_path(text) {
        Err("dbfilename can't be a path, just a filename".into())
    } else {
        Ok(())
    }
}

/// `appendfilename`.
pub fn log_name(text: &[u8]) -> Result<(), Reason> {
    any(text)?;
    match text {
        b"" => Err("appendfilename can't be empty".into()),
        _ if is_path(text) => Err("appendfilename can't be a path, just a filename".into()),
        _ => Ok(()),
    }
}

/// `appenddirname`.
pub fn log_dir(text: &[u8]) -> Result<(), Reason> {
    any(text)?;
    match text {
        b"" => Err("appenddirname can't be empty".into()),
        _ if is_path(text) => Err("appenddirname can't be a path, just a dirname".into()),
        _ => Ok(()),
    }
}

/// `cluster-announce-hostname`.
pub fn host_name(text: &[u8]) -> Result<(), Reason> {
    if text.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if text
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    {
        return Ok(());
    }
    Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into())
}

/// `cluster-announce-human-nodename`: it stands in the cluster's file, whose marks it must not contain.
pub fn node_name(text: &[u8]) -> Result<(), Reason> {
    any(text)?;
    if text.iter().any(|b| b"!#$%&()*+:;<>?@[]^{|}~".contains(b)) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(())
}

/// `proc-title-template`: it must name only known variables and say more than the title, which may be blank.
pub fn proc_title(text: &[u8]) -> Result<(), Reason> {
    let known = |name: &[u8]| match name {
        b"title" => Some(Vec::new()),
        _ => PROC_TITLE_VARIABLES.contains(&name).then(|| b"x".to_vec()),
    };
    match expand_template(text, known) {
        Some(title) if !title.trim_ascii().is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables".into()),
    }
}

/// `activedefrag`: off is all there is.
pub fn no_defragmentation(on: bool) -> Result<(), Reason> {
    if on {
        return Err(
            "Active defragmentation cannot be enabled: the allocator in use cannot move \
                    memory, so leave activedefrag at no"
                .into(),
        );
    }
    Ok(())
}

/// The variables of `proc-title-template` beside `title`.
const PROC_TITLE_VARIABLES: &[&[u8]] = &[
    b"listen-addr",
    b"server-mode",
    b"port",
    b"tls-port",
    b"unixsocket",
    b"config-file",
];

/// The template with each `{variable}` replaced; `{{` is a brace. `None` if a brace stays open or a variable has no
/// value.
fn expand_template(
    template: &[u8],
    variable: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.iter().position(|b| *b == b'{') {
        out.extend_from_slice(&rest[..open]);
        rest = &rest[open + 1..];
        if let Some(after) = rest.strip_prefix(b"{") {
            out.push(b'{');
            rest = after;
            continue;
        }
        let close = rest.iter().position(|b| *b == b'}')?;
        out.extend(variable(&rest[..close])?);
        rest = &rest[close + 1..];
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn is_path(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, b'/' | b'\\'))
}
