//! The floor as a process: see `bench::plain`. Anything that speaks WHIP and WHEP can drive it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use bench::plain::{Http, router, start};
use clap::Parser;
use transport::Certificate;

/// The relay's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The plainest forwarding SFU: what any relay has to do at least, behind WHIP and WHEP endpoints.
#[derive(Parser)]
struct Arguments {
    /// Where WHIP and WHEP are served; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7980")]
    http: SocketAddr,
    /// Where media is received: an address that clients reach; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7982")]
    media: SocketAddr,
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}; is another one running? See --help for other addresses");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let certificate = Arc::new(Certificate::generate().map_err(io::Error::other)?);
    let shared = start(arguments.media, Arc::clone(&certificate))?;
    // One thread: media has the core to itself but for joins.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(arguments.http).await?;
        let (http, media) = (listener.local_addr()?, shared.media);
        println!("floor: http://{http}/v1/rooms/ROOM/whip and /whep, http://{http}/counters; media {media}/udp");
        axum::serve(listener, router(Http::new(shared, certificate))).await
    })
}
