//! How long criterion looks at one bench: short, so that all of them together take less than three minutes. Noise is dealt with by A/A
//! rounds of the verdict, not by longer measurements on a shared machine.

use std::time::Duration;

/// Before anything is measured.
pub const WARM_UP: Duration = Duration::from_millis(100);
/// The measurement.
pub const MEASURING: Duration = Duration::from_millis(400);
/// Samples of it.
pub const SAMPLES: usize = 20;
