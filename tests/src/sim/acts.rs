//! What people and booking systems do on the stage.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::light::{Client, Setup};
use room::{Code, Command, ParticipantId};
use signal::message::{ClientMessage, Source};
use transport::Certificate;
use worker::ClientKind;

use super::link::LinkSpec;
use super::network::PersonIx;
use super::oracle::Newcomer;
use super::person::Person;
use super::stage::{Cause, Sim};
use super::ticket::Ticket;

/// A reply to a command takes two ways of signalling.
const REPLY_LIMIT: Duration = Duration::from_millis(100);

impl Sim {
    /// Somebody comes into the usual room over a good network, and offers.
    pub fn join(&mut self, name: &str, setup: Setup) -> PersonIx {
        self.enter(Ticket::guest(name), setup)
    }

    /// The same with a host's token, or without.
    pub fn join_as(&mut self, name: &str, host: bool, setup: Setup) -> PersonIx {
        self.enter(Ticket { host, ..Ticket::guest(name) }, setup)
    }

    /// Somebody comes into the usual room over these links.
    pub fn join_over(&mut self, name: &str, setup: Setup, up: LinkSpec, down: LinkSpec) -> PersonIx {
        self.enter(Ticket::guest(name).over(up, down), setup)
    }

    /// Somebody comes into a room; everything is said.
    pub fn join_room(&mut self, room: &str, name: &str, setup: Setup, up: LinkSpec, down: LinkSpec, kind: ClientKind) -> PersonIx {
        self.enter(Ticket { room: room.to_owned(), kind, ..Ticket::guest(name).over(up, down) }, setup)
    }

    /// Somebody comes with this ticket, and offers. Whether the relay takes them shows in `refusals`.
    pub fn enter(&mut self, ticket: Ticket, setup: Setup) -> PersonIx {
        let ix = self.network.connect(self.seed().wrapping_mul(1_000) + self.people.len() as u64, ticket.up.clone(), ticket.down.clone());
        let publisher = setup.publisher;
        assert!(self.people.iter().all(|person| person.publisher != publisher), "author {publisher} is taken");
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes certificates"));
        let client = Client::new(self.now, self.true_time(), Setup { seed: setup.seed ^ self.seed(), ..setup }, certificate);
        let settings = self.settings.clone();
        self.settle();
        let id = self.node.join(self.now, &ticket, &settings);
        let interactive = ticket.kind == ClientKind::Interactive;
        self.people.push(Person::new(ticket, publisher, client, id));
        if interactive {
            self.absorb(&Cause::Command(None));
        } else {
            self.absorb(&Cause::Silent(ix));
        }
        if !self.people[ix].ended {
            self.people[ix].offer();
        }
        self.settle();
        ix
    }

    /// Whom the oracle should know of, once the relay gave them an id.
    pub(super) fn newcomer(&self, who: PersonIx, id: u64) -> Newcomer {
        let Person { ticket, publisher, .. } = &self.people[who];
        Newcomer {
            author: *publisher,
            id: ParticipantId(id),
            identity: ticket.identity.clone(),
            name: ticket.name.clone(),
            host_token: ticket.host,
            viewer: ticket.kind == ClientKind::Whep,
            device: ticket.device,
        }
    }

    /// The participant id of somebody who was welcomed.
    #[must_use]
    pub fn id(&self, who: PersonIx) -> ParticipantId {
        ParticipantId(self.people[who].participant.expect("the person was welcomed"))
    }

    /// Somebody asks something of the room; the reply comes later.
    pub fn ask(&mut self, who: PersonIx, command: Command) -> u32 {
        let number = self.people[who].ask(command);
        self.settle();
        number
    }

    /// Somebody asks something of the room, and the time passes until the reply is there.
    pub fn command(&mut self, who: PersonIx, command: Command) -> Result<(), Code> {
        let number = self.ask(who, command);
        self.run_until("a reply", REPLY_LIMIT, |sim| sim.people[who].replies.contains_key(&number));
        self.people[who].replies[&number]
    }

    /// The same, and it has to be carried out.
    pub fn obey(&mut self, who: PersonIx, command: Command) {
        let said = format!("{command:?}");
        assert_eq!(self.command(who, command), Ok(()), "{}: {said}", self.people[who].name);
    }

    /// A booking system asks something of the usual room, and is answered at once.
    pub fn serve(&mut self, command: Command) -> Result<(), Code> {
        self.settle();
        self.node.serve(self.now, super::ticket::ROOM, command.clone());
        self.absorb(&Cause::Command(Some((None, command))));
        self.node.take_acted().expect("a service is answered at once")
    }

    /// Somebody shows these slots so large, and the others in full.
    pub fn show_tiles(&mut self, who: PersonIx, tiles: BTreeMap<String, [u16; 2]>) {
        self.people[who].say(ClientMessage::Tiles { tiles });
        self.settle();
    }

    /// Somebody switches a source of their own, politely: the client stops or starts and the relay is told.
    pub fn set_source(&mut self, who: PersonIx, source: Source, active: bool) {
        self.people[who].client.set_active(source, active);
        self.people[who].say(ClientMessage::SetSource { source, active });
        self.settle();
    }

    /// Somebody tells the relay that a source is off, and goes on sending.
    pub fn pretend_muted(&mut self, who: PersonIx, source: Source) {
        self.people[who].say(ClientMessage::SetSource { source, active: false });
        self.settle();
    }

    /// Somebody leaves.
    pub fn leave(&mut self, who: PersonIx) {
        self.people[who].say(ClientMessage::Leave);
        self.settle();
    }

    /// The WebSocket breaks, or is back. Messages under way in either direction are lost when it breaks.
    pub fn set_attached(&mut self, who: PersonIx, attached: bool) {
        self.people[who].attached = attached;
        if !attached {
            self.lose_messages(who);
        }
        let id = self.people[who].id;
        self.node.set_attached(self.now, id, attached);
        self.settle();
    }

    /// The person offers again, for example after `restart_ice` or `want_slots` of the client.
    pub fn offer_again(&mut self, who: PersonIx) {
        self.people[who].offer();
        self.settle();
    }

    /// Does something with a person's client, and sends what comes of it.
    pub fn with_client<T>(&mut self, who: PersonIx, act: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let result = act(&mut self.people[who].client, self.now);
        self.settle();
        result
    }

    /// A datagram from anywhere in the world reaches the relay's media port.
    pub fn inject(&mut self, source: SocketAddr, bytes: &[u8]) {
        self.network.forge(self.now, source, bytes);
    }
}
