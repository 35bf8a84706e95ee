//! What the benches share: people connected to a real worker without a network, and the physical floor to hold it against.

mod arrivals;
pub mod call;
pub mod crowd;
pub mod figures;
pub mod floor;
pub mod gate;
pub mod group;
pub mod median;
pub mod meter;
pub mod person;
pub mod plain;
pub mod quick;
pub mod side;
pub mod simulcast;
pub mod stage;
pub mod verdict;
pub mod world;
