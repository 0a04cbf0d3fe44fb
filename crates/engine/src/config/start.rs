//! The command line of the server, and the way from it to a configuration.
//!
//! ```text
//!  ochre server [config-file | port | -] [--name value ... | --name=value ...] [-]
//!
//!  default  <  file  <  standard input  <  OCHRE_PORT  <  command line        what stands further right wins
//! ```
//!
//! Options are directives of the configuration: `--port 7` is the line `port 7`. An option takes the arguments up to
//! the next one that starts with `--`; the first argument after a name is always its value, whatever it looks like.
//! Redis' allowances hold: `--save` alone or before another option is `--save ""`, name and value may come as one
//! argument, and words before the first option are a directive too. `--name=value` is ours, and so is a bare port.

use super::Config;
use super::draft::Draft;
use super::file::{ConfigFiles, Failure, Follower, Text, unbalanced};
use super::params::{self, Meaning, PARAMS};
use super::start_error::{Origin, Refusal, StartError};
use super::value::{Value, quoted};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: ochre server [config-file | port | -] [options] [-]

  config-file     settings in the syntax of redis.conf
  port            the same as --port
  -               settings from standard input, after those of the file
  --name value    a setting; lists take several values: --save 900 1 300 10
  --name=value    the same

  -h, --help      this text
  -v, --version   the version

A setting on the command line overrides the environment (OCHRE_PORT), which
overrides the file.

Examples:
  ochre server
  ochre server 7000
  ochre server /etc/ochre.conf --loglevel verbose
  ochre server --port 7000 --maxmemory 2gb --maxmemory-policy allkeys-lfu
  echo 'maxmemory 1gb' | ochre server -
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartUp {
    Help,
    Version,
    Serve(Launch),
}

/// Where the configuration of a server comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    pub config_file: Option<PathBuf>,
    pub reads_stdin: bool,
    /// Names and arguments from the command line.
    pub directives: Vec<Vec<Vec<u8>>>,
}

/// A configuration ready to be put into effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub config: Config,
    /// What was set but does nothing here, one sentence each, for the log.
    pub notices: Vec<String>,
}

/// Reads the arguments after `ochre server`.
pub fn parse_command_line(arguments: &[impl AsRef<OsStr>]) -> Result<StartUp, StartError> {
    let arguments: Vec<&[u8]> = arguments.iter().map(|a| a.as_ref().as_bytes()).collect();
    let mut launch = Launch::default();
    let mut rest = match arguments.as_slice() {
        [b"-h", ..] => return Ok(StartUp::Help),
        [b"-v", ..] => return Ok(StartUp::Version),
        [b"-", rest @ ..] => {
            launch.reads_stdin = true;
            rest
        }
        [port, rest @ ..] if !port.is_empty() && port.iter().all(u8::is_ascii_digit) => {
            let directive = vec![b"port".to_vec(), port.to_vec()];
            launch.directives.push(directive);
            rest
        }
        [path, rest @ ..] if !path.starts_with(b"-") => {
            launch.config_file = Some(PathBuf::from(OsStr::from_bytes(path)));
            rest
        }
        options => options,
    };

    // The directive being read; it takes arguments until the next option.
    let mut open: Option<Vec<Vec<u8>>> = None;
    // Its name has been read, but no argument yet, so that the next one cannot be an option.
    let mut awaits_value = false;
    while let [argument, after @ ..] = rest {
        rest = after;
        if !awaits_value && after.is_empty() && *argument == b"-" {
            launch.reads_stdin = true;
        } else if let Some(option) = argument.strip_prefix(b"--").filter(|_| !awaits_value) {
            match option {
                b"help" => return Ok(StartUp::Help),
                b"version" => return Ok(StartUp::Version),
                _ => {}
            }
            let mut words = option_words(option)?;
            awaits_value = words.len() == 1;
            // Whoever builds the arguments from an empty list of save points leaves just the name.
            let is_save = awaits_value && base::eq_ignore_case(&words[0], b"save");
            if is_save && after.first().is_none_or(|next| next.starts_with(b"--")) {
                words.push(Vec::new());
                awaits_value = false;
            }
            launch.directives.extend(open.replace(words));
        } else {
            open.get_or_insert_default().push(argument.to_vec());
            awaits_value = false;
        }
    }
    launch.directives.extend(open);
    Ok(StartUp::Serve(launch))
}

impl Launch {
    /// Reads everything and settles what each parameter is. `environment_port` is the value of `OCHRE_PORT`.
    pub fn configure(
        &self,
        files: &dyn ConfigFiles,
        environment_port: Option<&OsStr>,
    ) -> Result<Loaded, StartError> {
        let mut draft = Draft::default();
        let mut follower = Follower::new(&mut draft, files);
        if let Some(path) = &self.config_file {
            let text = files
                .read(path)
                .map_err(|error| unreadable(&path.to_string_lossy(), error))?;
            follower.follow_text(Text::File(path), &text)?;
        }
        if self.reads_stdin {
            let text = files
                .read_stdin()
                .map_err(|error| unreadable("standard input", error))?;
            follower.follow_text(Text::StandardInput, &text)?;
        }
        if let Some(port) = environment_port {
            let directive = vec![b"port".to_vec(), port.as_bytes().to_vec()];
            let origin = Origin::Environment("OCHRE_PORT");
            follow(&mut follower, &directive, origin)?;
        }
        for directive in &self.directives {
            follow(&mut follower, directive, Origin::CommandLine)?;
        }
        check_whole(&draft)?;
        let notices = notices(&draft);
        Ok(Loaded {
            config: draft.finish(),
            notices,
        })
    }
}

fn follow(
    follower: &mut Follower,
    directive: &[Vec<u8>],
    origin: Origin,
) -> Result<(), StartError> {
    follower.follow(directive).map_err(|failure| match failure {
        Failure::There(error) => error,
        Failure::Here(refusal) => refusal.at(origin, &as_line(directive)),
    })
}

/// The words of an option without its dashes: name and perhaps value.
fn option_words(option: &[u8]) -> Result<Vec<Vec<u8>>, StartError> {
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let name_len = option.iter().take_while(|b| is_of_name(b)).count();
    let (name, rest) = option.split_at(name_len);
    if let Some(value) = rest.strip_prefix(b"=").filter(|_| name_len > 0) {
        return Ok(vec![name.to_vec(), value.to_vec()]);
    }
    match base::split_args(option) {
        None => Err(unbalanced().at(Origin::CommandLine, option)),
        Some(words) if words.is_empty() => {
            Err(Refusal::unknown(b"").at(Origin::CommandLine, b"--"))
        }
        Some(words) => Ok(words),
    }
}

/// A directive as a line would have it.
fn as_line(directive: &[Vec<u8>]) -> Vec<u8> {
    let (name, arguments) = directive.split_first().expect("a directive has a name");
    let mut line = name.clone();
    for argument in arguments {
        line.push(b' ');
        line.extend(quoted(argument));
    }
    line
}

fn unreadable(name: &str, error: std::io::Error) -> StartError {
    StartError {
        origin: Origin::Whole,
        directive: None,
        reason: format!("can't open config file '{name}': {error}").into(),
        advice: Some(
            "Check the path; relative ones are taken from where the server is started.".into(),
        ),
    }
}

/// Settings that are fine one by one but not together.
fn check_whole(draft: &Draft) -> Result<(), StartError> {
    let is = |name: &str, wanted: &dyn Fn(&Value) -> bool| {
        params::find(name.as_bytes()).is_some_and(|found| wanted(draft.value(found.index)))
    };
    let clustered = is("cluster-enabled", &|value| *value == Value::Bool(true));
    if clustered && is("replicaof", &|value| *value != Value::Primary(None)) {
        return Err(StartError {
            origin: Origin::Whole,
            directive: None,
            reason: "replicaof directive not allowed in cluster mode".into(),
            advice: Some("Remove replicaof, or set cluster-enabled to no.".into()),
        });
    }
    Ok(())
}

/// What directives have set to something else than the default although nothing listens to it.
fn notices(draft: &Draft) -> Vec<String> {
    let defaults = Draft::default();
    draft
        .directed()
        .filter(|index| PARAMS[*index].meaning != Meaning::Live)
        .filter(|index| draft.value(*index) != defaults.value(*index))
        .map(|index| format!("{}: {}", PARAMS[index].name, PARAMS[index].meaning))
        .collect()
}
