//! Plays a timetable against a server: threads of light clients over real sockets, everything on schedule and measured from the schedule.
//!
//! ```text
//!  Timetable ─► meetings dealt out ─► Thread: agenda (who comes, what hosts do) + wakes (clients' timers) + one poll for all sockets
//!                                       ├─ Attendee: light client ─► Line (loss, delay, rate) ─► Udp (GSO, recvmmsg, GRO)
//!                                       ├─ Watch: from a command to its effect
//!                                       └─ Tally: a row each second ─► Collector ─► live line, Played
//! ```
//! All clients share one epoch, so the capture time in each payload is a moment of this process: latency counts from the moment at which
//! a packet should have been captured and sent, however late the generator was.

mod agenda;
mod attendee;
mod collector;
mod elsewhere;
mod line;
mod mirror;
mod person;
mod run;
mod sleep;
mod stage;
mod thread;
mod udp;
mod watch;

pub use collector::Live;
pub use mirror::Mirror;
pub use run::{Against, EngineError, Options, Played, play};
