//! Why a server cannot be used, and what to do about it.

use thiserror::Error;

/// Why a server cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TargetError {
    /// Not an address of a relay.
    #[error("`{url}` is no address of a relay ({why}); expected for example http://127.0.0.1:7880")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers.
    #[error("{url} does not answer ({why}); start a relay with `cargo run --release`, or name one with --url")]
    Silent {
        /// Where.
        url: String,
        /// How it failed.
        why: String,
    },
    /// It gives no tokens for this room.
    #[error(
        "the relay gives no token for room `{room}` ({why}); give the id and secret of one of its keys with --key-id and --secret-file, \
         or name its open room with --room"
    )]
    Token {
        /// Which.
        room: String,
        /// What it said.
        why: String,
    },
    /// Not a place at which sessions are opened.
    #[error(
        "`{template}` makes no address of WHIP or WHEP ({why}); expected for example /v1/rooms/{{room}}/whip or http://host:8889/{{person}}/whip"
    )]
    Template {
        /// What was given.
        template: String,
        /// What is wrong with it.
        why: String,
    },
    /// A session was not opened.
    #[error("{url} opens no session ({why}){}", advice(*.status))]
    Session {
        /// Where.
        url: String,
        /// Status of the answer; `None` when there was none.
        status: Option<u16>,
        /// What it said.
        why: String,
    },
    /// Not an address of a Janus, or none that talks.
    #[error("{url} is no Janus ({why}); start one with its WebSocket transport, and name it with --url, for example ws://127.0.0.1:8188")]
    Janus {
        /// Where.
        url: String,
        /// What is wrong.
        why: String,
    },
}

/// What to do about a refused session.
const fn advice(status: Option<u16>) -> &'static str {
    match status {
        None => "; is it running, and is --url right?",
        Some(401 | 403) => "; give its token with --token, or sign tokens of our relay with --key-id and --secret-file",
        Some(404 | 405) => "; say where it opens sessions with --whip and --whep",
        Some(503) => "; it is full: play fewer people",
        Some(_) => "",
    }
}
