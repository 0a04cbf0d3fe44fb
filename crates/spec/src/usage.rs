//! The usage line of a command, written from its grammar: `SET key value [NX | XX] [GET] ...`.
//!
//! Tokens and names are as a person types them, values in lower case. `[ ]` holds what is optional,
//! ` | ` stands between the forms of a choice, `< >` holds a choice that has to be made, and
//! `[x ...]` is what may be repeated.

use std::fmt::Write;

use crate::arg::{Arg, ArgKind};
use crate::spec::Spec;

impl Spec {
    /// The whole line, the command's name in capitals: for help texts, hints and the manual.
    pub fn usage(&self) -> String {
        let mut line = String::new();
        if let Some(container) = self.container {
            line.push_str(&container.to_ascii_uppercase());
            line.push(' ');
        }
        line.push_str(&self.name.to_ascii_uppercase());
        if self.is_container() {
            line.push_str(" subcommand ...");
        }
        for arg in self.args {
            line.push(' ');
            write_arg(&mut line, arg);
        }
        line
    }
}

fn write_arg(line: &mut String, arg: &Arg) {
    if arg.optional {
        line.push('[');
    }
    write_token(line, arg);
    let choice = matches!(arg.kind, ArgKind::OneOf(forms) if forms.len() > 1);
    let bracketed = choice && (!arg.optional || arg.token.is_some() || arg.multiple);
    if bracketed {
        line.push('<');
    }
    write_value(line, arg);
    if bracketed {
        line.push('>');
    }
    if arg.multiple {
        line.push_str(" [");
        if arg.multiple_token {
            write_token(line, arg);
        }
        match choice {
            true => line.push_str(arg.name),
            false => write_value(line, arg),
        }
        line.push_str(" ...]");
    }
    if arg.optional {
        line.push(']');
    }
}

fn write_token(line: &mut String, arg: &Arg) {
    if let Some(token) = arg.token {
        line.push_str(token);
        if arg.kind != ArgKind::PureToken {
            line.push(' ');
        }
    }
}

fn write_value(line: &mut String, arg: &Arg) {
    let between = match arg.kind {
        ArgKind::PureToken => return,
        ArgKind::OneOf(_) => " | ",
        ArgKind::Block(_) => " ",
        _ => return write!(line, "{}", arg.display_text()).expect("a string takes all"),
    };
    for (i, child) in arg.children().iter().enumerate() {
        if i > 0 {
            line.push_str(between);
        }
        write_arg(line, child);
    }
}
