//! With what somebody comes: token, device, connection.

use room::Device;
use worker::ClientKind;

use super::link::LinkSpec;

/// The usual room.
pub const ROOM: &str = "meeting";

/// Everything the relay and the network know of a newcomer beside the media.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The room.
    pub room: String,
    /// The token's subject.
    pub identity: String,
    /// The token's name.
    pub name: String,
    /// The token's role is host.
    pub host: bool,
    /// What the person holds.
    pub device: Device,
    /// How the person is connected.
    pub kind: ClientKind,
    /// Towards the relay.
    pub up: LinkSpec,
    /// From the relay.
    pub down: LinkSpec,
}

impl Ticket {
    /// A guest at a desk with a good connection; the identity is the name.
    #[must_use]
    pub fn guest(name: &str) -> Self {
        Self {
            room: ROOM.to_owned(),
            identity: name.to_owned(),
            name: name.to_owned(),
            host: false,
            device: Device::Desktop,
            kind: ClientKind::Interactive,
            up: LinkSpec::default(),
            down: LinkSpec::default(),
        }
    }

    /// The same with a host's token.
    #[must_use]
    pub fn host(name: &str) -> Self {
        Self { host: true, ..Self::guest(name) }
    }

    /// Over these links instead.
    #[must_use]
    pub fn over(self, up: LinkSpec, down: LinkSpec) -> Self {
        Self { up, down, ..self }
    }
}
