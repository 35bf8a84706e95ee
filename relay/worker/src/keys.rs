//! Keys of the worker's tables. They carry a generation, so that a stale key finds nobody.

use slotmap::new_key_type;

new_key_type! {
    /// A peer of this worker.
    pub(crate) struct PeerKey;
    /// A room of this worker.
    pub(crate) struct HallKey;
}
