//! Why a server cannot be used, and what to do about it.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use rustls::CertificateError as Objection;
use thiserror::Error;
use tokio_tungstenite::tungstenite;

/// Why a server cannot be used.
#[derive(Clone, PartialEq, Debug, Error)]
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
    /// What is to be trusted cannot be read.
    #[error("--ca {path}: {why}; expected a file with one or more certificates in PEM", path = path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Its certificate comes from nobody who is trusted.
    #[error(
        "{url} shows a certificate that is not trusted ({why}); give the certificate of its authority with --ca, or its own if it signed \
         itself"
    )]
    Untrusted {
        /// Where.
        url: String,
        /// What the check said.
        why: String,
    },
    /// Its certificate has run out, or is not valid yet.
    #[error("{url} shows a certificate that is not valid at this time ({why}); renew it, or set this machine's clock")]
    Expired {
        /// Where.
        url: String,
        /// What the check said.
        why: String,
    },
    /// Its certificate is for others.
    #[error("{url} shows a certificate for another name ({why}); call the server in --url as its certificate does")]
    OtherName {
        /// Where.
        url: String,
        /// What the check said.
        why: String,
    },
    /// Its certificate cannot serve.
    #[error(
        "{url} shows a certificate that cannot be used ({why}); a server's own has CA:FALSE among its basicConstraints and its name or \
         address in subjectAltName"
    )]
    Certificate {
        /// Where.
        url: String,
        /// What the check said.
        why: String,
    },
    /// It and we do not understand each other before any certificate is checked.
    #[error("{url} does not speak TLS as we do ({why}); is that the port behind TLS? Without it the address begins with http:// or ws://")]
    NoTls {
        /// Where.
        url: String,
        /// What the protocol said.
        why: String,
    },
    /// TLS does not work here.
    #[error("TLS cannot be used here: {0}; please report it")]
    Tls(rustls::Error),
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

impl TargetError {
    /// What TLS has against the server, where that is why a request or a WebSocket failed.
    pub(crate) fn of_tls(url: &str, error: &(dyn StdError + 'static)) -> Option<Self> {
        let io = match (error.downcast_ref(), error.downcast_ref()) {
            (Some(ureq::Error::Io(io)), _) | (_, Some(tungstenite::Error::Io(io))) => Some(io),
            _ => error.downcast_ref::<io::Error>(),
        };
        let error = io?.get_ref()?.downcast_ref::<rustls::Error>()?;
        let (url, why) = (url.to_owned(), error.to_string());
        let rustls::Error::InvalidCertificate(objection) = error else { return Some(Self::NoTls { url, why }) };
        Some(match objection {
            // Signed by another authority of the same name, for example the one that was there before.
            Objection::UnknownIssuer | Objection::BadSignature => Self::Untrusted { url, why },
            Objection::Expired | Objection::ExpiredContext { .. } | Objection::NotValidYet | Objection::NotValidYetContext { .. } => {
                Self::Expired { url, why }
            }
            Objection::NotValidForName | Objection::NotValidForNameContext { .. } => Self::OtherName { url, why },
            _ => Self::Certificate { url, why },
        })
    }
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
