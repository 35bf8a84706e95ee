//! The command line: what may be said, and what each command does.

use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::audit;
use crate::clock::unix_seconds;
use crate::config::{self, Config, ConfigError, LogFormat, Overrides};
use crate::node::{Material, Mode, StartError};
use crate::records::audit_file;
use crate::room_id::parse_room;
use crate::run;
use crate::tokens::{Issue, MAX_LIFE_SECONDS, TokenRole, display_name, identity};

/// Something failed that is not the configuration.
pub const EXIT_FAILURE: u8 = 1;
/// The command line is wrong.
pub const EXIT_USAGE: u8 = 2;
/// The configuration is wrong (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// A selective forwarding unit for video meetings. Without a configuration file it runs in development mode, on this machine only.
#[derive(Parser)]
#[command(name = "relay", version, args_conflicts_with_subcommands = false)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Options {
    /// Configuration file (see config/relay.toml); without one: development mode
    #[arg(long, short, env = "RELAY_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Development mode for the whole local network, over HTTPS with a throw-away certificate
    #[arg(long)]
    lan: bool,
    /// Address for page, API and WebSocket; may be given several times
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    http_listen: Vec<SocketAddr>,
    /// Address for metrics and health
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// UDP port of all media; 0 takes a free one
    #[arg(long, global = true, value_name = "PORT")]
    media_port: Option<u16>,
    /// Media threads; 0 means one per core
    #[arg(long, global = true, value_name = "N")]
    workers: Option<usize>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, for example info or info,worker=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Look at the configuration without starting
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Look at the audit log
    Audit {
        #[command(subcommand)]
        what: AuditCommand,
    },
    /// Issue a token with a configured key
    Token(TokenArgs),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Read the configuration and every file it names; exit code 78 when something is wrong
    Check {
        /// Configuration file
        file: Option<PathBuf>,
    },
    /// Print the configuration as it takes effect, with defaults, environment and flags
    Print {
        /// Configuration file
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Walk the chain; exit code 1 and the first wrong line when something was changed, removed or moved
    Verify {
        /// The log; the configured one when left out
        file: Option<PathBuf>,
        /// Hash of a line that must be there, noted elsewhere earlier: without it a cut-off end cannot be noticed
        #[arg(long, value_name = "HASH")]
        expect_last: Option<String>,
    },
}

#[derive(Args)]
struct TokenArgs {
    /// Room the token opens; a service token without one is good for all rooms
    #[arg(long)]
    room: Option<String>,
    /// Who the token is for, unique within the room
    #[arg(long)]
    identity: String,
    /// What the token allows
    #[arg(long, value_enum)]
    role: TokenRole,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// How long it is good: 90s, 30m, 1h, at most 1d
    #[arg(long, default_value = "1h", value_parser = parse_life)]
    ttl: u64,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    let outcome = match command {
        None => serve(&options),
        Some(Command::Config { what: ConfigCommand::Check { file } }) => check(&options, file),
        Some(Command::Config { what: ConfigCommand::Print { file } }) => print(&options, file),
        Some(Command::Audit { what: AuditCommand::Verify { file, expect_last } }) => verify(&options, file, expect_last.as_deref()),
        Some(Command::Token(args)) => token(&options, &args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            eprintln!("relay: {message}");
            ExitCode::from(code)
        }
    }
}

/// An exit code with a reason.
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn usage(message: &str) -> Self {
        Self { code: EXIT_USAGE, message: message.to_owned() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { code: EXIT_CONFIG, message: error.to_string() }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = if error.is_configuration() { EXIT_CONFIG } else { EXIT_FAILURE };
        Self { code, message: error.to_string() }
    }
}

impl From<run::RunError> for Failure {
    fn from(error: run::RunError) -> Self {
        match error {
            run::RunError::Start(error) => error.into(),
            error => Self { code: EXIT_FAILURE, message: error.to_string() },
        }
    }
}

fn serve(options: &Options) -> Result<(), Failure> {
    let mode = match (&options.config, options.lan) {
        (Some(_), true) => return Err(Failure::usage("--lan is for development mode and cannot be combined with --config")),
        (Some(_), false) => Mode::Configured,
        (None, true) => Mode::DevelopmentLan,
        (None, false) => Mode::Development,
    };
    let base = if mode == Mode::Configured { Config::default() } else { config::development(options.lan) };
    let config = load(&base, options.config.as_deref(), options)?;
    Ok(run::run(&config, mode)?)
}

fn check(options: &Options, file: Option<PathBuf>) -> Result<(), Failure> {
    let file = file.or_else(|| options.config.clone());
    let config = load(&Config::default(), file.as_deref(), options)?;
    Material::load(&config)?;
    let name = file.map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
    println!("{name}: ok, {} keys", config.keys.len());
    Ok(())
}

fn print(options: &Options, file: Option<PathBuf>) -> Result<(), Failure> {
    let file = file.or_else(|| options.config.clone());
    let config = load(&Config::default(), file.as_deref(), options)?;
    print!("{}", config::print(&config)?);
    Ok(())
}

fn verify(options: &Options, file: Option<PathBuf>, expected: Option<&str>) -> Result<(), Failure> {
    let file = match file {
        Some(file) => file,
        None => audit_file(&load(&Config::default(), options.config.as_deref(), options)?)
            .ok_or_else(|| Failure::usage("audit verify needs a FILE, or --config with [audit] file or [store] dir"))?,
    };
    let failed = |message: String| Failure { code: EXIT_FAILURE, message: format!("{}: {message}", file.display()) };
    let log = File::open(&file).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let verified = audit::verify(BufReader::new(log), expected).map_err(|broken| failed(broken.to_string()))?;
    println!("{}: ok, {} entries, last hash {}", file.display(), verified.entries, verified.last);
    Ok(())
}

fn token(options: &Options, args: &TokenArgs) -> Result<(), Failure> {
    if options.config.is_none() {
        return Err(Failure::usage("token needs --config FILE with a key that can sign; development keys end with their process"));
    }
    let room =
        args.room.as_deref().map(|room| parse_room(room).ok_or_else(|| Failure::usage("--room must be 1 to 64 of a-z, 0-9, - and _")));
    let room = room.transpose()?;
    if room.is_none() && args.role.in_room().is_some() {
        return Err(Failure::usage("--room is needed for this role"));
    }
    let identity =
        identity(&args.identity).ok_or_else(|| Failure::usage("--identity must be 1 to 128 bytes without control characters"))?;
    let name = args.name.as_deref().map(|name| display_name(name).ok_or_else(|| Failure::usage("--name must be 1 to 80 characters")));
    let name = name.transpose()?;
    let config = load(&Config::default(), options.config.as_deref(), options)?;
    let material = Material::load(&config)?;
    let issue = Issue {
        room: room.as_ref().map(|room| room.0.as_str()),
        identity: &identity,
        name: name.as_deref(),
        role: args.role,
        life: args.ttl,
    };
    let issued = material.keys().issue(&issue, unix_seconds()).map_err(StartError::from)?;
    println!("{}", issued.token);
    Ok(())
}

fn load(base: &Config, file: Option<&Path>, options: &Options) -> Result<Config, ConfigError> {
    let overrides = Overrides {
        http_listen: options.http_listen.clone(),
        admin_listen: options.admin_listen,
        media_port: options.media_port,
        workers: options.workers,
        log_format: options.log_format,
        log_level: options.log_level.clone(),
    };
    config::load(
        base,
        file,
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        &overrides,
    )
}

/// `90s`, `30m`, `1h`, `1d`; a bare number is seconds.
fn parse_life(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let life = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    life.filter(|life| (1..=MAX_LIFE_SECONDS).contains(life)).ok_or_else(|| "expected for example 90s, 30m, 1h, at most 1d".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lives() {
        let rows = [("90s", Some(90)), ("30m", Some(1800)), ("1h", Some(3600)), ("1d", Some(86_400)), ("5", Some(5))];
        for (text, expected) in rows {
            assert_eq!(parse_life(text).ok(), expected, "{text}");
        }
        for bad in ["", "h", "0s", "2d", "-1s", "1w", "1.5h", "99999999999999999999d", "٣h"] {
            assert!(parse_life(bad).is_err(), "{bad}");
        }
    }
}
