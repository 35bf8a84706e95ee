//! An answerer with counted entropy, the recorded offers, and a view of an answer's sections.

use std::collections::BTreeMap;

use signal::message::Source;
use signal::sdp::{Answered, Answerer, Candidate, Local, SdpError, ufrag_prefix};
use wire::ids::Fingerprint;

macro_rules! fixtures {
    ($($name:ident),* $(,)?) => {
        $(pub(crate) const $name: &str = include_str!(concat!("../fixtures/", stringify!($name), ".sdp"));)*
        /// Every recorded offer with its name.
        pub(crate) const FIXTURES: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// Chromium's are recorded from version 156; the others are written after those clients' documentation and the RFCs.
#[allow(non_upper_case_globals)]
mod recorded {
    fixtures! {
        chromium_meeting, chromium_simulcast, chromium_svc, chromium_viewer, chromium_data_channel,
        firefox_meeting, obs_whip, gstreamer_whip,
    }
}
pub(crate) use recorded::*;

/// One client's answerer.
pub(crate) struct Client {
    pub(crate) answerer: Answerer,
    counter: u32,
}

impl Client {
    pub(crate) fn new() -> Self {
        let address = "192.0.2.1:7882".parse().unwrap();
        let v6 = "[2001:db8::1]:7882".parse().unwrap();
        let answerer = Answerer::new(Local {
            ufrag_prefix: ufrag_prefix(3),
            fingerprint: Fingerprint([0x5a; 32]),
            candidates: vec![Candidate { address }, Candidate { address: v6 }],
            session_id: 4711,
        });
        Self { answerer, counter: 0 }
    }

    pub(crate) fn offer(&mut self, offer: &str) -> Result<Answered, SdpError> {
        self.offer_with(offer, &[])
    }

    pub(crate) fn offer_with(&mut self, offer: &str, sources: &[(&str, Source)]) -> Result<Answered, SdpError> {
        let sources: BTreeMap<String, Source> = sources.iter().map(|(mid, source)| ((*mid).to_owned(), *source)).collect();
        let counter = &mut self.counter;
        self.answerer.answer(offer, &sources, &mut |buffer| fill(counter, buffer))
    }

    pub(crate) fn restart(&mut self, fragment: &str) -> Result<Option<signal::sdp::Restarted>, SdpError> {
        let fragment = signal::sdp::parse_fragment(fragment)?;
        let counter = &mut self.counter;
        self.answerer.restart(&fragment, &mut |buffer| fill(counter, buffer))
    }
}

/// Bytes that look random and never are: the same for every run.
fn fill(counter: &mut u32, buffer: &mut [u8]) {
    for byte in buffer {
        *counter = counter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (*counter >> 24) as u8;
    }
}

/// The answer to a first offer.
pub(crate) fn answer(offer: &str) -> Answered {
    Client::new().offer(offer).unwrap()
}

/// Why a first offer is refused.
pub(crate) fn refusal(offer: &str) -> SdpError {
    Client::new().offer(offer).unwrap_err()
}

/// The lines of the session (0) and of each m-line (1, 2, ...).
pub(crate) fn sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections = vec![Vec::new()];
    for line in sdp.split_terminator("\r\n") {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        sections.last_mut().unwrap().push(line);
    }
    sections
}

/// The values of an attribute in a section.
pub(crate) fn values<'a>(section: &[&'a str], key: &str) -> Vec<&'a str> {
    let prefix = format!("a={key}:");
    section.iter().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
}

/// The offer without its m-line number `index`, as a text.
pub(crate) fn without_line(offer: &str, index: usize) -> String {
    let mut sections = sections(offer);
    sections.remove(index + 1);
    join(&sections)
}

/// Sections to text.
pub(crate) fn join(sections: &[Vec<&str>]) -> String {
    sections.iter().flatten().map(|line| format!("{line}\r\n")).collect()
}
