//! Logging to standard error: pretty for people, JSON for collectors.
//!
//! Rule for every line at info and above: no token, PIN, resume secret, name, identity, room id or address of a person. People are
//! known by the number of their session. A test reads the log of a whole run for what must not be there.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Log, LogFormat};

/// The log level is not understood, or logging was started twice.
#[derive(Debug, thiserror::Error)]
#[error("logging cannot be started: {0}")]
pub(crate) struct LogError(String);

/// Starts logging to standard error, once per process.
///
/// # Errors
/// [`LogError`].
pub(crate) fn start(log: &Log) -> Result<(), LogError> {
    let pretty = match log.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let filter = EnvFilter::try_new(&log.level).map_err(|error| LogError(error.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(BoxMakeWriter::new(std::io::stderr));
    let started = if pretty {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    started.map_err(|error| LogError(error.to_string()))
}
