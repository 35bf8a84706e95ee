//! What is shown while a run goes on: one line that renews itself on a terminal, a plain line every five seconds elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use loadgen::engine::Live;
use loadgen::scenario::Profile;

/// Seconds between two plain lines.
const PLAIN_EVERY: u32 = 5;

/// The line.
pub(super) struct LiveLine {
    bar: Option<ProgressBar>,
    plain: u32,
}

impl LiveLine {
    pub(super) fn new(profile: &Profile) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            // The template is constant.
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar.set_message(format!("{}: people come in", profile.name));
            bar
        });
        Self { bar, plain: 0 }
    }

    pub(super) fn show(&mut self, live: &Live) {
        let text = line(live);
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else {
            if self.plain.is_multiple_of(PLAIN_EVERY) {
                eprintln!("{text}");
            }
            self.plain += 1;
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(live: &Live) -> String {
    let second = &live.second;
    let phase = if live.measured { "measured" } else { "settling" };
    format!(
        "{phase}, {} s left | {} people, {} meetings | sent {}/s, received {}/s, {:.1} Mbit/s | latency p50 {:.2} p99 {:.2} max {:.1} ms | lost {} | server {:.2} cores, {} MB | late p99 {:.2} ms",
        live.left,
        second.clients,
        second.meetings,
        second.sent,
        second.received,
        second.bytes as f64 * 8e-6,
        second.p50 / 1e3,
        second.p99 / 1e3,
        second.max / 1e3,
        second.lost,
        second.server_cpu,
        second.server_memory >> 20,
        second.lateness_p99 / 1e3,
    )
}
