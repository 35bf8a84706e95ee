//! What the benches share: people connected to a real worker without a network, and the physical floor to hold it against.

mod arrivals;
pub mod call;
pub mod floor;
pub mod group;
pub mod median;
pub mod person;
pub mod simulcast;
pub mod world;
