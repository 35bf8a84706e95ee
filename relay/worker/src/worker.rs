//! The worker itself: its tables, its timers, and the doors through which everything comes in and goes out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::allocator::Grant;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustc_hash::FxHashMap;
use signal::message::{ByeReason, ServerMessage};
use slotmap::SlotMap;
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtcp::SenderInfo;

use crate::beat::Beats;
use crate::command::{ClientId, ClientKind, Command, RoomId};
use crate::config::WorkerConfig;
use crate::counters::Counters;
use crate::event::Event;
use crate::hall::Hall;
use crate::keys::{HallKey, PeerKey};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::translate::Router;

/// One core's whole SFU.
pub struct Worker {
    pub(crate) config: WorkerConfig,
    pub(crate) peers: SlotMap<PeerKey, Peer>,
    pub(crate) halls: SlotMap<HallKey, Hall>,
    pub(crate) by_client: HashMap<ClientId, PeerKey>,
    pub(crate) by_room: HashMap<RoomId, HallKey>,
    /// Only addresses from which an authenticated check came (the transport keeps at most 8 for a peer): few can be chosen to collide,
    /// so the hash may be a fast one. It is looked into for every datagram.
    pub(crate) by_address: FxHashMap<SocketAddr, PeerKey>,
    /// Our own ufrags, given out in answers.
    pub(crate) by_ufrag: HashMap<String, PeerKey>,
    /// Entries may be stale; a peer's `scheduled` tells which one counts.
    pub(crate) timers: BinaryHeap<Reverse<(Instant, PeerKey)>>,
    pub(crate) beats: Beats,
    pub(crate) outbox: Outbox,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) router: Router,
    /// Memory that is kept: the grants of one viewer, the members of one room, the reports of one peer.
    pub(crate) grants: Vec<Grant>,
    pub(crate) members: Vec<PeerKey>,
    pub(crate) reports: Vec<(Ssrc, SenderInfo)>,
    pub(crate) lost: Vec<media::Flight>,
    /// Rooms whose lines have to be shared out anew, and since when.
    pub(crate) unshared: Vec<HallKey>,
    pub(crate) unshared_since: Option<Instant>,
}

impl Worker {
    /// A worker without rooms.
    #[must_use]
    pub fn new(config: WorkerConfig) -> Self {
        Self {
            rng: ChaCha12Rng::from_seed(config.seed),
            config,
            peers: SlotMap::with_key(),
            halls: SlotMap::with_key(),
            by_client: HashMap::new(),
            by_room: HashMap::new(),
            by_address: FxHashMap::default(),
            by_ufrag: HashMap::new(),
            timers: BinaryHeap::new(),
            beats: Beats::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            router: Router::default(),
            grants: Vec::new(),
            members: Vec::new(),
            reports: Vec::new(),
            lost: Vec::new(),
            unshared: Vec::new(),
            unshared_since: None,
        }
    }

    /// Carries out one command.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Join(join) => self.join(now, join),
            Command::Detach { client } => self.detach(now, client),
            Command::Attach { client } => self.attach(now, client),
            Command::Negotiate { client, session } => self.negotiate(now, client, *session),
            Command::Act { client, id, command } => self.act(now, client, id, command),
            Command::ActFor { room, by, command, request } => self.act_for(now, &room, by, command, request),
            Command::Configure { room, settings } => self.configure(now, &room, &settings),
            Command::Tiles { client, tiles } => self.tiles(now, client, &tiles),
            Command::Leave { client, reason } => self.leave(now, client, reason),
            Command::Inspect { room, request } => self.inspect(now, &room, request),
            Command::Why { room, viewer, request } => self.why(now, &room, viewer, request),
            Command::Shutdown => self.shutdown(now),
        }
    }

    /// Time has passed: everything that is due now is done.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            if self.peers.get(key).is_some_and(|peer| peer.scheduled == Some(at)) {
                self.peers[key].scheduled = None;
                self.peer_timeout(now, key);
                self.schedule(now, key);
            }
        }
        self.share_unshared(now);
        while let Some((at, hall)) = self.beats.take_due(now) {
            if self.halls.contains_key(hall) {
                // First: a room in which something panics is looked at again.
                self.beats.go_on(now, at, hall);
                self.look_at(now, hall);
            }
        }
    }

    /// When `handle_timeout` wants to be called; `None` while there is no room.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        timer.into_iter().chain(self.beats.next()).chain(self.unshared_since).min()
    }

    /// The next thing the control plane should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Datagrams to send; the caller clears it.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Totals.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Rooms with anybody in them, and peers at present.
    #[must_use]
    pub fn population(&self) -> (usize, usize) {
        (self.halls.values().filter(|hall| hall.empty_since.is_none()).count(), self.peers.len())
    }

    /// After a panic: closes the peer behind an address, which is most likely what caused it, so that everybody else goes on.
    pub fn quarantine(&mut self, now: Instant, address: SocketAddr) {
        if let Some(key) = self.by_address.get(&address).copied() {
            self.close(now, key, ByeReason::TransportFailed);
        }
    }

    /// Makes sure that `peer_timeout` comes when the peer's link wants it.
    pub(crate) fn schedule(&mut self, now: Instant, key: PeerKey) {
        if let Some(at) = self.link(key).map(|link| link.deadline(now)) {
            self.schedule_at(at, key);
        }
    }

    /// The same after a packet of one of the peer's layers, which changes nothing but when the peer is to hear of it. Comes for every
    /// packet: mostly there is a timer, and nothing else needs to be known.
    pub(crate) fn schedule_feedback(&mut self, now: Instant, key: PeerKey, (publication, layer): (usize, usize)) {
        let Some(peer) = self.peers.get(key) else { return };
        let Some(link) = peer.link.as_deref() else { return };
        let Some(due) = link.receiver.poll_timeout_of(publication, layer) else { return };
        // Without a path feedback cannot go anywhere; the check that brings the path back schedules anew.
        if peer.scheduled.is_none_or(|scheduled| due < scheduled) && link.path(now).is_some() {
            self.schedule_at(due, key);
        }
    }

    /// Makes sure that `peer_timeout` comes by then.
    pub(crate) fn schedule_at(&mut self, at: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.scheduled.is_none_or(|scheduled| at < scheduled) {
            peer.scheduled = Some(at);
            self.timers.push(Reverse((at, key)));
        }
    }

    /// Wall time, as rooms want it.
    pub(crate) fn time(&self, now: Instant) -> room::Time {
        let since_1970 = self.ntp(now).since(Ntp::from_unix(Duration::ZERO)).unwrap_or_default();
        room::Time(since_1970.as_millis() as u64)
    }

    pub(crate) fn ntp(&self, now: Instant) -> Ntp {
        let (start, ntp) = self.config.epoch;
        ntp.plus(now.saturating_duration_since(start))
    }

    pub(crate) fn entropy(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Tells one client something, if it can be told.
    pub(crate) fn tell(&mut self, key: PeerKey, message: ServerMessage) {
        let Some(peer) = self.peers.get(key) else { return };
        if peer.kind == ClientKind::Interactive && peer.detached.is_none() {
            self.events.push_back(Event::Message { client: peer.client, message });
        }
    }

    /// What time alone changes in a room and for everybody in it.
    fn look_at(&mut self, now: Instant, hall: HallKey) {
        self.speakers_tick(now, hall);
        self.room_timeout(now, hall);
        self.share_room(now, hall);
        let Some(mut members) = self.lend_members(hall) else { return };
        for key in members.drain(..) {
            if self.expired(now, key) {
                self.close(now, key, ByeReason::TimedOut);
            } else {
                self.note_strain(now, key);
                self.protect(now, key);
                self.tell_layers(now, key);
            }
        }
        self.members = members;
        self.close_hall_if_over(now, hall);
    }

    /// Whether a peer's grace is over: no WebSocket and, for those who never had one, no media path either.
    fn expired(&self, now: Instant, key: PeerKey) -> bool {
        let Some(peer) = self.peers.get(key) else { return false };
        let Some(since) = peer.detached else { return false };
        let silent = match peer.kind {
            ClientKind::Interactive => since,
            ClientKind::Whip | ClientKind::Whep => {
                let heard = peer.link.as_deref().and_then(|link| link.transport.last_heard());
                heard.map_or(since, |heard| heard.max(since))
            }
        };
        now.saturating_duration_since(silent) > self.config.limits.grace
    }
}
