//! From a command line to a running server, and from there to its end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use base::Now;
use engine::config::{Config, Launch, Live, Loaded, Mode, StartUp, USAGE, parse_command_line};
use engine::{Engine, EngineOptions, Threads};
use persist::Trouble;

use crate::banner::Banner;
use crate::files::Disk;
use crate::garbage::Allocator;
use crate::listener::listen;
use crate::log::Log;
use crate::loops;
use crate::signals::Signals;
use crate::world::{Birth, World};
use crate::{facts, limits};

/// `ochre server ARGUMENTS`: runs until it is asked to end.
pub fn serve(arguments: &[OsString], allocator: Allocator) -> ExitCode {
    let launch = match parse_command_line(arguments) {
        Ok(StartUp::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(StartUp::Version) => {
            println!("{}", version_line(allocator));
            return ExitCode::SUCCESS;
        }
        Ok(StartUp::Serve(launch)) => launch,
        Err(error) => {
            eprint!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let port = std::env::var_os("OCHRE_PORT");
    let loaded = match launch.configure(&Disk, port.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprint!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let log = Log::new(loaded.config.live.loglevel);
    match run(&launch, loaded, log, allocator) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("ochre: {line}");
            ExitCode::FAILURE
        }
    }
}

/// `Ochre v=0.1.0 ... bits=64`, in the shape of redis-server's.
pub fn version_line(allocator: Allocator) -> String {
    format!(
        "Ochre v={} redis={} malloc={} bits={}",
        engine::OCHRE_VERSION,
        engine::REDIS_VERSION,
        allocator.name,
        usize::BITS
    )
}

fn run(launch: &Launch, loaded: Loaded, log: Log, allocator: Allocator) -> Result<(), String> {
    let Loaded {
        config, notices, ..
    } = loaded;
    crate::os::refuse_huge_pages();
    // Before `dir` moves us, so that CONFIG REWRITE finds it again.
    let config_file = launch.config_file.as_deref().map(absolute).transpose()?;
    let live = &config.live;
    if let Some(path) = &live.logfile {
        log.set_file(Some(path))
            .map_err(|error| format!("Can't open the log file {}: {error}", path.display()))?;
    }
    if live.daemonize {
        return Err(
            "daemonize is not supported: start Ochre with a service manager, \
                    or in the background with 'ochre server ... &'"
                .into(),
        );
    }
    std::env::set_current_dir(&live.dir)
        .map_err(|error| format!("Can't chdir to '{}': {error}", live.dir.display()))?;
    let config = with_absolute_dir(config)?;
    let live = config.live.clone();
    let mut signals = Signals::install().map_err(|error| format!("signals: {error}"))?;
    for notice in &notices {
        log.warning(notice);
    }
    let (maxclients, line) = limits::fit_clients(live.maxclients);
    if let Some(line) = line {
        log.notice(&line);
    }
    let listeners = listen(&live, &[], &log)?;
    let threads = threads(&live);
    let world = Arc::new(
        World::new(Birth {
            log,
            listeners: listeners.clone(),
            config_file,
            run_id: hex(&random_bytes::<20>()),
            mode: live.mode.word(),
            threads,
            multiplexing: "epoll",
            maxclients,
            allocator,
        })
        .map_err(|error| format!("Can't start a thread: {error}"))?,
    );
    greet(&world, &live, threads, maxclients);
    let load = world.open(&config).map_err(|trouble| trouble.to_string())?;
    let engine = new_engine(config, &world, &live, threads);
    engine.set_loading(true);
    write_pidfile(&world, &live);
    let ended = match live.mode {
        Mode::Eventloop => {
            loops::event::run(&engine, &world, listeners, &mut signals, threads, load)
        }
        Mode::Threaded => loops::threaded::run(&engine, &world, listeners, &mut signals, load),
    };
    if let Some(path) = &live.pidfile {
        let _ = std::fs::remove_file(path);
    }
    // The last hold on a unix socket removes its file.
    world.listeners.lock().clear();
    ended.map_err(|error| error.to_string())?;
    farewell(&engine, &world)?;
    world.log.notice("Ochre is now ready to exit, bye bye...");
    Ok(())
}

/// Nobody is served any more: save what is to be saved, and end the log well.
fn farewell(engine: &Arc<Engine>, world: &World) -> Result<(), String> {
    let how = world.shutdown.lock().take().unwrap_or_default();
    let wanted = how
        .save
        .unwrap_or(!engine.config().live.save_points.is_empty());
    let switched = match engine.is_loading() {
        true => Ok(()),
        false => world.persistence().switch_at_last(&mut engine.executor()),
    };
    let saved = match wanted && !engine.is_loading() {
        true => {
            let line = "Saving the final RDB snapshot before exiting.";
            world.log.notice(line);
            world.persistence().save_at_last(&mut engine.executor())
        }
        false => Ok(()),
    };
    let closed = world.persistence().close();
    let outcomes = [switched, saved, closed];
    for trouble in outcomes.iter().filter_map(|it| it.as_ref().err()) {
        world.log.warning(&trouble.to_string());
    }
    let all: Result<(), Trouble> = outcomes.into_iter().collect();
    all.map_err(|trouble| trouble.to_string())
}

fn new_engine(config: Config, world: &Arc<World>, live: &Live, threads: usize) -> Arc<Engine> {
    let drivers = match live.mode {
        Mode::Eventloop if threads == 1 => Threads::One,
        Mode::Eventloop => Threads::Many(threads),
        // Any number of clients, but no more run at once than processors.
        Mode::Threaded => Threads::Many(processors()),
    };
    let random = random_bytes::<16>();
    let half = |at: usize| u64::from_le_bytes(random[at..at + 8].try_into().expect("8 bytes"));
    let options = EngineOptions {
        config,
        threads: drivers,
        seed: [half(0), half(8)],
        now: Now::read(),
    };
    Engine::new(options, world.clone())
}

fn greet(world: &World, live: &Live, threads: usize, maxclients: u32) {
    let banner = Banner {
        version: engine::OCHRE_VERSION,
        mode: live.mode.word(),
        threads,
        port: world.port(),
        unixsocket: live.unixsocket.as_ref().map(|p| p.display().to_string()),
        process_id: std::process::id(),
    };
    world
        .log
        .notice("oO0OoO0OoO0Oo Ochre is starting oO0OoO0OoO0Oo");
    world.log.notice(&banner.line());
    let on_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    if live.logfile.is_none() && (on_terminal || live.always_show_logo) {
        println!("{}", banner.drawn());
    }
    if maxclients < live.maxclients {
        world
            .log
            .warning(&format!("maxclients is now {maxclients}"));
    }
    world.log.notice(&format!(
        "Server initialized on {}, {} MiB of memory",
        facts::operating_system(),
        facts::system_memory_bytes() >> 20
    ));
}

fn write_pidfile(world: &World, live: &Live) {
    if let Some(path) = &live.pidfile
        && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
    {
        let line = format!("Failed to write PID file: {}: {error}", path.display());
        world.log.warning(&line);
    }
}

/// How many loops, and so how many threads execute commands at once.
fn threads(live: &Live) -> usize {
    match live.mode {
        Mode::Eventloop => live.loops(processors()),
        Mode::Threaded => processors(),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn absolute(path: &std::path::Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// CONFIG GET dir answers where the server really is.
fn with_absolute_dir(config: Config) -> Result<Config, String> {
    let here = std::env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
    let here = std::os::unix::ffi::OsStrExt::as_bytes(here.as_os_str());
    config
        .set_at_start(&[(b"dir", here)])
        .map_err(|error| error.to_string())
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
