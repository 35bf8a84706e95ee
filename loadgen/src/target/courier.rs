//! Carries HTTP requests for threads that must not wait: a few threads that wait instead, and hand answers back through a channel and a waker.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use mio::Waker;
use url::Url;

use super::error::TargetError;
use super::trust::{CONNECTIONS, Trust};
use super::whip::PATIENCE;

/// Each carries one request at a time: with answers after 50 ms still 320 sessions/s.
const THREADS: usize = CONNECTIONS;
/// Failed goodbyes that are remembered, word for word.
const MAX_COMPLAINTS: usize = 5;
/// Longest answer that is quoted, bytes.
const QUOTED: usize = 200;
const SDP: &str = "application/sdp";

/// A session that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    /// The server's answer.
    pub(crate) sdp: String,
    /// What is deleted at the end; a server that names nothing forgets by itself.
    pub(crate) resource: Option<Url>,
    /// What that takes.
    pub(crate) token: Option<String>,
}

/// What became of somebody's request.
pub(crate) struct Answered {
    /// Who asked.
    pub(crate) seat: usize,
    pub(crate) result: Result<Opened, TargetError>,
}

/// The way back to a thread.
#[derive(Clone)]
pub(crate) struct ReturnAddress {
    pub(crate) answers: Sender<Answered>,
    pub(crate) waker: Arc<Waker>,
}

enum Errand {
    Open { seat: usize, url: Url, token: Option<String>, sdp: String, back: ReturnAddress },
    Close { resource: Url, token: Option<String> },
}

/// The threads. Ends when dropped, once everything is carried.
pub(crate) struct Courier {
    errands: Mutex<Option<Sender<Errand>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Courier {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(trust: &Trust) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let (receiver, complaints) = (Arc::new(Mutex::new(receiver)), Arc::new(Mutex::new(Vec::new())));
        let agent = trust.http(PATIENCE);
        let mut threads = Vec::new();
        for number in 0..THREADS {
            let (receiver, complaints, agent) = (Arc::clone(&receiver), Arc::clone(&complaints), agent.clone());
            let run = move || carry(&agent, &receiver, &complaints);
            threads.push(std::thread::Builder::new().name(format!("http-{number}")).spawn(run)?);
        }
        Ok(Self { errands: Mutex::new(Some(sender)), threads: Mutex::new(threads), complaints })
    }

    /// POSTs an offer; the answer goes back to the seat.
    pub(crate) fn open(&self, seat: usize, url: Url, token: Option<String>, sdp: String, back: ReturnAddress) {
        self.send(Errand::Open { seat, url, token, sdp, back });
    }

    /// DELETEs a session.
    pub(crate) fn close(&self, resource: Url, token: Option<String>) {
        self.send(Errand::Close { resource, token });
    }

    /// Waits until everything is carried; gives the first goodbyes that failed, in words.
    pub(crate) fn finish(&self) -> Vec<String> {
        drop(lock(&self.errands).take());
        for thread in lock(&self.threads).drain(..) {
            // A thread that panicked has carried what it could.
            let _ = thread.join();
        }
        std::mem::take(&mut *lock(&self.complaints))
    }

    fn send(&self, errand: Errand) {
        if let Some(errands) = &*lock(&self.errands) {
            // The threads end only when the sender is gone.
            let _ = errands.send(errand);
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.finish();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carry(agent: &ureq::Agent, errands: &Mutex<Receiver<Errand>>, complaints: &Mutex<Vec<String>>) {
    loop {
        let errand = lock(errands).recv();
        match errand {
            Err(_) => return,
            Ok(Errand::Open { seat, url, token, sdp, back }) => {
                let result = open(agent, &url, token.as_deref(), &sdp);
                if back.answers.send(Answered { seat, result }).is_ok() {
                    // A poll that is gone needs no waking.
                    let _ = back.waker.wake();
                }
            }
            Ok(Errand::Close { resource, token }) => {
                if let Err(why) = close(agent, &resource, token.as_deref()) {
                    let mut complaints = lock(complaints);
                    if complaints.len() < MAX_COMPLAINTS {
                        complaints.push(format!("DELETE {resource}: {why}; the server may hold the session until it times out"));
                    }
                }
            }
        }
    }
}

fn open(agent: &ureq::Agent, url: &Url, token: Option<&str>, sdp: &str) -> Result<Opened, TargetError> {
    let refuse = |status: Option<u16>, why: String| TargetError::Session { url: url.to_string(), status, why };
    let mut request = agent.post(url.as_str()).header("content-type", SDP);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let failed = |error: &ureq::Error| TargetError::of_tls(url.as_str(), error).unwrap_or_else(|| refuse(None, error.to_string()));
    let mut answer = request.send(sdp).map_err(|error| failed(&error))?;
    let status = answer.status();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (location, kind) = (header("location"), header("content-type").unwrap_or_default());
    let body = answer.body_mut().read_to_string().map_err(|error| refuse(Some(status.as_u16()), error.to_string()))?;
    if !status.is_success() {
        let said: String = body.chars().take(QUOTED).collect();
        return Err(refuse(Some(status.as_u16()), format!("{status}: {said}")));
    }
    if !kind.starts_with(SDP) {
        return Err(refuse(Some(status.as_u16()), format!("its answer is `{kind}`, not {SDP}")));
    }
    // RFC 9725 section 4.2: a relative Location counts from the endpoint.
    Ok(Opened { sdp: body, resource: location.and_then(|location| url.join(&location).ok()), token: token.map(str::to_owned) })
}

fn close(agent: &ureq::Agent, resource: &Url, token: Option<&str>) -> Result<(), String> {
    let mut request = agent.delete(resource.as_str());
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = request.call().map_err(|error| error.to_string())?;
    // Gone already: the server has understood the goodbye in DTLS.
    let is_gone = matches!(answer.status().as_u16(), 404 | 410);
    if is_gone || answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
}
