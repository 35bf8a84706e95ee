//! Plays a timetable to its end on all threads and gives what came out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thiserror::Error;
use transport::Certificate;

use super::collector::{Collector, Live};
use super::mirror::Mirror;
use super::thread::Thread;
use crate::full::{self, Crowd};
use crate::light::SizeTrace;
use crate::measure::process::Taken;
use crate::measure::{SecondTally, Tally, Watched};
use crate::scenario::{Meeting, Profile, Timetable};
use crate::summary::{Clients, Second};
use crate::target::{Courier, Janus, Relay, Role, TargetError, Whip};

/// From the making of the threads to the first join: sockets, tokens and memory are there by then.
const HEAD_START: Duration = Duration::from_millis(100);
/// How often the collector looks whether somebody wants to stop.
const PACE: Duration = Duration::from_millis(200);

/// Why nothing could be played.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The server cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A thread has no poll, timer or certificate.
    #[error("the generator cannot work here: {0}")]
    System(String),
    /// There is one room only.
    #[error(
        "there is one room, for one meeting after the other; the scenario needs {0} at a time: for a relay give --key-id and --secret-file, for others leave --room out, or play `meeting`"
    )]
    OneRoom(u64),
    /// Not so many guests.
    #[error(
        "{wanted} independent clients are too many: {there} people of this run may come as one, for hosts, waiting rooms and breakouts are \
         the light client's; play more meetings or larger ones"
    )]
    TooFewGuests {
        /// Asked for.
        wanted: u32,
        /// Possible.
        there: usize,
    },
    /// A target that they cannot enter.
    #[error("independent clients enter a relay by its own protocol only: leave out --full")]
    NoRelay,
}

/// Against what is played.
pub enum Against {
    /// A relay, by its own protocol.
    Relay(Relay),
    /// Any server, by WHIP and WHEP.
    Whip(Box<Whip>),
    /// A Janus, by its videoroom.
    Janus(Janus),
    /// Nobody: everything comes straight back.
    Mirror(Mirror),
}

impl Against {
    /// Its name in a summary.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Relay(_) => "relay",
            Self::Whip(_) => "whip",
            Self::Janus(_) => "janus",
            Self::Mirror(_) => "mirror",
        }
    }

    /// Its address, without secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Relay(relay) => relay.url(),
            Self::Whip(whip) => whip.url(),
            Self::Janus(janus) => janus.url(),
            Self::Mirror(_) => "",
        }
    }

    /// Asks whether it is there; gives what it says of its version.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn greet(&self) -> Result<Option<String>, TargetError> {
        match self {
            Self::Relay(relay) => relay.greet(),
            Self::Whip(whip) => whip.greet(),
            Self::Janus(janus) => janus.greet(),
            Self::Mirror(_) => Ok(None),
        }
    }

    /// Where its signalling is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Relay(relay) => relay.address(),
            Self::Whip(whip) => whip.address(),
            Self::Janus(janus) => janus.address(),
            Self::Mirror(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    /// Whether meetings can be led: mute, one-way, waiting room, breakouts.
    pub(super) fn leads(&self) -> bool {
        matches!(self, Self::Relay(relay) if relay.has_key())
    }

    /// Whether each meeting has a room of its own.
    fn has_rooms(&self) -> bool {
        match self {
            Self::Relay(relay) => relay.has_key(),
            Self::Whip(whip) => whip.has_rooms(),
            Self::Janus(janus) => janus.has_rooms(),
            Self::Mirror(_) => true,
        }
    }

    /// Connections that somebody in a meeting of so many has beside the one they publish on.
    pub(super) fn connections_beside(&self, people: usize) -> usize {
        match self {
            Self::Whip(whip) if whip.is_one_connection() => 0,
            Self::Whip(whip) if whip.plays_one_person() => people.saturating_sub(1),
            Self::Whip(_) | Self::Janus(_) => 1,
            Self::Relay(_) | Self::Mirror(_) => 0,
        }
    }
}

/// How to play.
pub struct Options {
    /// Against what.
    pub against: Against,
    /// The room that needs no key; used without one.
    pub room: String,
    /// What.
    pub profile: Profile,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// Threads that drive clients.
    pub threads: u32,
    /// Never sleep.
    pub poll: bool,
    /// The server's process, if it can be watched.
    pub server: Option<Watched>,
    /// Set by whoever wants to stop early.
    pub stop: Arc<AtomicBool>,
    /// Some guests come with the independent client.
    pub full: Option<full::Wanted>,
    /// Sizes and keyframes of light clients' cameras, where they are recorded ones.
    pub trace: Option<Arc<SizeTrace>>,
}

/// What all threads need to know.
pub(super) struct Shared {
    pub(super) against: Against,
    pub(super) profile: Profile,
    pub(super) seed: u64,
    pub(super) poll: bool,
    pub(super) epoch: Instant,
    pub(super) wall: Duration,
    pub(super) measured_from: Duration,
    pub(super) measured_to: Duration,
    pub(super) certificate: Arc<Certificate>,
    pub(super) local: IpAddr,
    pub(super) stop: Arc<AtomicBool>,
    /// Carries requests where sessions are opened over HTTP.
    pub(super) courier: Option<Courier>,
    /// An address of ours that the server could reach.
    pub(super) candidate: Option<IpAddr>,
    /// Numbers of those who come with the independent client.
    pub(super) full: BTreeSet<u32>,
    pub(super) trace: Option<Arc<SizeTrace>>,
    room: String,
    ports: Mutex<BTreeSet<u16>>,
}

impl Shared {
    /// The room of a meeting: one of its own in each run, also of two that begin in the same millisecond; or the open one.
    pub(super) fn room(&self, meeting: u32) -> String {
        if !self.against.has_rooms() {
            return self.room.clone();
        }
        format!("load-{:x}-{:x}-{meeting}", self.wall.as_millis() & 0xff_ffff_ffff, std::process::id())
    }

    pub(super) fn note_port(&self, port: u16) {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    }
}

/// Who came, and what went wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    pub(super) clients: Clients,
    pub(super) complaints: Vec<String>,
    /// People by what protects their media.
    pub(super) srtp: BTreeMap<&'static str, u64>,
    /// Acts of the timetable that this server knows nothing of, by name.
    pub(super) left_out: BTreeMap<String, u64>,
}

/// From a thread to the collector.
pub(super) enum Report {
    Second(u32, Box<SecondTally>),
    Ended(Box<(Tally, Ended)>),
}

/// A run that was played.
#[derive(Debug, Default)]
pub struct Played {
    /// When it began, seconds since 1970.
    pub started: u64,
    /// Length of the measured part.
    pub measured: Duration,
    /// Sum of all threads.
    pub tally: Tally,
    /// The busiest thread's share, 0 to 1.
    pub busiest: f64,
    /// Seconds of the measured part.
    pub series: Vec<Second>,
    /// Latency in each of them, as a summary holds it; left out in runs of over an hour.
    pub latencies: Vec<String>,
    /// People.
    pub clients: Clients,
    /// Meetings at one time.
    pub meetings_peak: u64,
    /// Datagrams that the generator's sockets lost.
    pub socket_drops: u64,
    /// What the server's process had taken before anybody came, when the measured part began, and when it ended.
    pub server: Option<[Taken; 3]>,
    /// Its resident memory at the peak, bytes.
    pub memory_peak: u64,
    /// What went wrong, in words, the first of it.
    pub complaints: Vec<String>,
    /// People by what protects their media, as IANA names it; of independent clients nobody knows.
    pub srtp: BTreeMap<String, u64>,
    /// Acts of the timetable that were left out because this server knows nothing of them, by name.
    pub left_out: BTreeMap<String, u64>,
    /// Somebody stopped it.
    pub interrupted: bool,
    /// What independent clients found, where some came.
    pub full: Option<full::Figures>,
}

/// Plays; `each_second` sees every second as it ends.
///
/// # Errors
/// [`EngineError`]: nothing was played.
pub fn play(options: Options, mut each_second: impl FnMut(&Live)) -> Result<Played, EngineError> {
    let timetable = Timetable::new(&options.profile, options.seed);
    if !options.against.has_rooms() && timetable.peak().0 > 1 {
        return Err(EngineError::OneRoom(timetable.peak().0));
    }
    let chosen = chosen(&options, &timetable)?;
    let tokens = tokens(&options, &timetable)?;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + HEAD_START;
    let certificate = Certificate::generate().map_err(|error| EngineError::System(error.to_string()))?;
    let threads = (options.threads.max(1) as usize).min(timetable.meetings.len().max(1));
    let Options { against, room, profile, seed, poll, server, stop, full, trace, .. } = options;
    let local = match against.address().ip() {
        // A server on one loopback address may not be able to answer another one.
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let courier = match &against {
        Against::Whip(whip) => Some(Courier::start(whip.trust()).map_err(|error| EngineError::System(error.to_string()))?),
        _ => None,
    };
    let shared = Arc::new(Shared {
        courier,
        candidate: candidate(&against, local),
        against,
        profile,
        seed,
        poll,
        epoch: Instant::now() + HEAD_START,
        wall,
        measured_from: timetable.measured_from,
        measured_to: timetable.measured_to,
        certificate: Arc::new(certificate),
        local,
        stop: stop.clone(),
        full: chosen.iter().map(|chosen| chosen.number).collect(),
        trace,
        room,
        ports: Mutex::default(),
    });
    let crowd = full.map(|wanted| crowd(&shared, &wanted, &chosen)).transpose()?;
    let (sender, reports) = mpsc::channel();
    let mut workers = Vec::new();
    for (number, meetings) in dealt_out(timetable.meetings, threads).into_iter().enumerate() {
        let tokens = if number == 0 { tokens.clone() } else { VecDeque::new() };
        let thread = Thread::new(shared.clone(), meetings, tokens, sender.clone());
        let thread = thread.map_err(|error| EngineError::System(error.to_string()))?;
        workers.push(std::thread::Builder::new().name(format!("load-{number}")).spawn(move || thread.play()));
    }
    drop(sender);
    let second = |at: Duration| u32::try_from(at.as_secs_f64().round() as u64).unwrap_or(u32::MAX);
    let measured = (second(shared.measured_from), second(shared.measured_to));
    let collector = Collector::new(threads, server.as_ref(), &shared.ports, measured);
    let mut played = collect(collector, &reports, threads, &mut each_second);
    for worker in workers {
        let ended = worker.map_err(|error| EngineError::System(error.to_string()))?.join();
        let ended = ended.map_err(|_| EngineError::System("a thread panicked; please report it with the seed".to_owned()))?;
        ended.map_err(|error| EngineError::System(error.to_string()))?;
    }
    played.complaints.extend(shared.courier.iter().flat_map(Courier::finish));
    if let Some(crowd) = crowd {
        let figures = crowd.finish().ok_or_else(|| EngineError::System("the independent clients' thread panicked".to_owned()))?;
        played.complaints.extend(figures.complaints.iter().cloned());
        played.full = Some(figures);
    }
    played.started = wall.as_secs();
    played.interrupted = stop.load(std::sync::atomic::Ordering::Relaxed);
    Ok(played)
}

/// The address that servers are told which check paths themselves; our relay does not ask.
fn candidate(against: &Against, local: IpAddr) -> Option<IpAddr> {
    if matches!(against, Against::Relay(_) | Against::Mirror(_)) {
        return None;
    }
    if local.is_loopback() {
        return Some(local);
    }
    // No packet is sent: the system only says by which of its addresses it would go.
    let socket = UdpSocket::bind(SocketAddr::new(local, 0)).ok()?;
    socket.connect(against.address()).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn collect(mut collector: Collector<'_>, reports: &Receiver<Report>, threads: usize, each_second: &mut impl FnMut(&Live)) -> Played {
    let mut played = Played::default();
    let mut left = threads;
    while left > 0 {
        match reports.recv_timeout(PACE) {
            Ok(Report::Second(at, tally)) => collector.second(at, &tally).iter().for_each(&mut *each_second),
            Ok(Report::Ended(ended)) => {
                left -= 1;
                let (tally, ended) = *ended;
                played.busiest = played.busiest.max(tally.busy_share());
                played.measured = played.measured.max(tally.span);
                played.tally.add(&tally);
                played.clients.planned += ended.clients.planned;
                played.clients.joined += ended.clients.joined;
                played.clients.failed += ended.clients.failed;
                played.complaints.extend(ended.complaints);
                ended.srtp.into_iter().for_each(|(name, count)| *played.srtp.entry(name.to_owned()).or_default() += count);
                ended.left_out.into_iter().for_each(|(name, count)| *played.left_out.entry(name).or_default() += count);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    played.series = std::mem::take(&mut collector.series);
    played.latencies = std::mem::take(&mut collector.latencies);
    played.clients.peak = collector.clients_peak;
    played.meetings_peak = collector.meetings_peak;
    played.socket_drops = collector.lost_datagrams;
    played.memory_peak = collector.memory_peak;
    played.server = (collector.end.cpu > Duration::ZERO).then_some([collector.idle, collector.begin, collector.end]);
    played
}

/// Whole meetings to each thread, by their places, so that one that ends is followed by the next on the same thread.
fn dealt_out(meetings: Vec<Meeting>, threads: usize) -> Vec<Vec<Meeting>> {
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut people = vec![0; threads];
    let mut parts: Vec<Vec<Meeting>> = (0..threads).map(|_| Vec::new()).collect();
    for meeting in meetings {
        let least = (0..threads).min_by_key(|thread| people[*thread]).unwrap_or(0);
        let thread = *places.entry(meeting.place).or_insert_with(|| {
            // Media grows with the square of the people.
            people[least] += meeting.people.len() * meeting.people.len();
            least
        });
        parts[thread].push(meeting);
    }
    parts
}

/// Who comes with the independent client.
fn chosen(options: &Options, timetable: &Timetable) -> Result<Vec<full::Chosen>, EngineError> {
    let Some(wanted) = &options.full else { return Ok(Vec::new()) };
    full::choose(timetable, wanted.people).map_err(|there| EngineError::TooFewGuests { wanted: wanted.people, there })
}

fn crowd(shared: &Shared, wanted: &full::Wanted, chosen: &[full::Chosen]) -> Result<Crowd, EngineError> {
    let Against::Relay(relay) = &shared.against else { return Err(EngineError::NoRelay) };
    let plan = full::Plan {
        relay,
        profile: &shared.profile,
        wanted,
        chosen,
        epoch: shared.epoch,
        measured: (shared.measured_from, shared.measured_to),
        local: shared.local,
        stop: shared.stop.clone(),
    };
    let crowd = Crowd::start(&plan, |meeting| shared.room(meeting), |people| super::person::tile(&shared.profile, people));
    crowd.map_err(|error| EngineError::System(error.to_string()))
}

/// Without a key each person's token is asked for before anything runs.
fn tokens(options: &Options, timetable: &Timetable) -> Result<VecDeque<String>, TargetError> {
    let Against::Relay(relay) = &options.against else { return Ok(VecDeque::new()) };
    if relay.has_key() {
        return Ok(VecDeque::new());
    }
    (0..timetable.people())
        .map(|number| relay.token(&options.room, &format!("Person {number}"), Role::Participant, timetable.measured_to))
        .collect()
}
