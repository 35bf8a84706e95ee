//! One run of the process: log, start, wait for a signal, drain, stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::banner::banner;
use crate::config::Config;
use crate::log::{self, LogError};
use crate::node::{Mode, Node, StartError};

/// Why a run ended badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The runtime or its signal handlers.
    #[error("cannot set up the process: {0}")]
    Process(#[from] io::Error),
    /// The node.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A second signal came.
    #[error("ended at once by a second signal")]
    Impatient,
}

/// Runs the node until it is told to stop.
///
/// # Errors
/// [`RunError`].
pub(crate) fn run(config: &Config, mode: Mode) -> Result<(), RunError> {
    log::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("control").build()?;
    let outcome = runtime.block_on(serve(config, mode));
    // Ended by a second signal, tasks may still run; they are not waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: &Config, mode: Mode) -> Result<(), RunError> {
    let mut signals = Signals::new()?;
    let node = Node::start(config, mode)?;
    let (http, admin, media) = (node.http_addresses(), node.admin_address(), node.media_addresses());
    tracing::info!(?http, %admin, ?media, workers = node.workers(), "listening");
    if mode != Mode::Configured {
        print!("{}", banner(config, mode, &node));
    }
    signals.next().await;
    let orderly = async {
        node.drain(config.timeouts.drain()).await;
        node.stop().await;
    };
    tokio::select! {
        () = orderly => Ok(()),
        () = signals.next() => Err(RunError::Impatient),
    }
}

/// SIGTERM from a service manager, SIGINT from a terminal: both mean the same.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
