//! What a run found out, as `summary.json` holds it: the one thing that verdict, report, comparison and plan share.
//!
//! Times are microseconds unless the name says otherwise, rates bit/s, shares 0 to 1. A reader refuses another [`SCHEMA`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of this format; another one is refused, never guessed at.
pub const SCHEMA: u32 = 1;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the generator.
    pub generator_version: String,
    /// Start, seconds since 1970.
    pub started: u64,
    /// Length of the measured part, seconds; warm-up and ramp are not in it.
    pub seconds: f64,
    /// Against what.
    pub target: Target,
    /// On what machine.
    pub machine: Machine,
    /// What was played.
    pub scenario: Scenario,
    /// Whether the figures may be believed.
    pub generator: Generator,
    /// Who came.
    pub clients: Clients,
    /// Meetings open at the peak.
    pub meetings_peak: u64,
    /// Media, by kind: `audio`, `video`, `screen`.
    pub media: BTreeMap<String, Media>,
    /// How long people waited: names as in [`JOIN_TIMES`].
    pub joins: BTreeMap<String, Distribution>,
    /// From a host's command to its effect, by command: `mute`, `one_way`, `admit`, `move`.
    pub control: BTreeMap<String, Distribution>,
    /// The server's process, where it could be watched.
    pub server: Option<Server>,
    /// One row a second.
    pub series: Vec<Second>,
    /// Each threshold and how it went.
    pub thresholds: Vec<Threshold>,
    /// All in all.
    pub verdict: Verdict,
    /// The command line that repeats the run, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Latency of all media in each second of [`Summary::series`], µs, HDR V2 compressed, base64; an empty text is a second without
    /// packets. All or none: runs of over an hour leave it out, their whole distributions are in [`Summary::media`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<String>,
    /// Acts of the timetable that were left out in the measured time because this server knows nothing of them, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// What people found who came with the independent client, where some did. They are in no other figure but `meetings_peak`, and the
    /// server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub independent: Option<Independent>,
}

/// What people found who came with WebRTC software that was not made for this relay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Independent {
    /// How many there were; who failed is in no other figure here.
    pub clients: Clients,
    /// How long they waited: names as in [`JOIN_TIMES`].
    pub joins: BTreeMap<String, Distribution>,
    /// What they got in the measured part, by kind: `audio`, and `video` with shared screens in it.
    pub media: BTreeMap<String, IndependentMedia>,
    /// Packets they sent in the measured part.
    pub sent: u64,
    /// How late these left, against their schedule.
    pub send_lateness: Distribution,
    /// Keyframes they asked for.
    pub keyframe_requests: u64,
    /// Packets of theirs that light clients received.
    pub received_by_others: u64,
    /// What they sent: names of files, `built-in` where none was given.
    pub sources: Vec<String>,
}

/// One kind of media as independent clients got it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndependentMedia {
    /// Packets that should have come, by their numbers.
    pub expected: u64,
    /// Packets that never came, retransmission included.
    pub lost: u64,
    /// Pictures that could be decoded; 0 for sound.
    pub pictures: u64,
    /// Pictures that could not, because of losses.
    pub incomplete: u64,
    /// Pictures that stood still for over 200 ms.
    pub freezes: u64,
    /// Their length together, seconds.
    pub frozen_seconds: f64,
}

/// Names in [`Summary::joins`]: from the offer to the answer, to keys in place, to the first packet, to the first whole picture.
pub const JOIN_TIMES: [&str; 4] = ["offer_to_answer", "offer_to_secure", "offer_to_first_packet", "offer_to_first_frame"];

/// What the load was played against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `relay`, `whip` or `janus`.
    pub kind: String,
    /// Where, without secrets.
    pub url: String,
    /// What it says of itself.
    pub version: Option<String>,
}

/// The machine of the generator. Runs of different machines are not compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Processor's name.
    pub cpu: String,
    /// Cores.
    pub cores: u32,
    /// Memory, bytes.
    pub memory: u64,
    /// Kernel release.
    pub kernel: String,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The seed that repeats it.
    pub seed: u64,
    /// The profile with everything filled in, as TOML.
    pub profile: String,
}

/// The generator's own state. A run in which it was late or saturated proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Threads that drive clients.
    pub threads: u32,
    /// How late packets left, against their schedule.
    pub send_lateness: Distribution,
    /// Busiest thread's share of its time on a core, 0 to 1.
    pub busiest_thread: f64,
    /// Packets sent and received by all clients.
    pub packets_sent: u64,
    /// Of those that came, including retransmissions.
    pub packets_received: u64,
    /// Datagrams that the generator's own sockets lost because it did not read in time.
    pub socket_drops: u64,
    /// Cost of one packet sent or received, µs of a thread's processor time.
    pub cpu_per_packet: f64,
    /// Why the run is invalid, if it is.
    pub invalid: Option<String>,
    /// Lateness at P99 up to which the run was held to be valid, µs, where it was not 1 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_limit: Option<f64>,
    /// Share of the measured time in which the machine ran at its own speed, 0 to 1, by a small piece of work timed again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm_share: Option<f64>,
    /// How late packets left in that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm_lateness: Option<Distribution>,
    /// People by the SRTP profile that protects their media, as IANA names it: all are offered, the server chooses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub srtp: BTreeMap<String, u64>,
}

/// People.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// Who should have come.
    pub planned: u64,
    /// Whose media flowed.
    pub joined: u64,
    /// Who was refused or never got through.
    pub failed: u64,
    /// At once.
    pub peak: u64,
}

/// One kind of media as all its receivers got it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// One-way latency of each packet, from the moment it should have been sent.
    pub latency: Distribution,
    /// The same of packets that came while the machine ran at its own speed, where somebody looked and it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm: Option<Distribution>,
    /// Packets that should have come: sent by the server or skipped in its numbering.
    pub expected: u64,
    /// Packets that never came, retransmission included.
    pub lost: u64,
    /// Packets that came by retransmission.
    pub recovered: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets overtaken by later ones.
    pub reordered: u64,
    /// Pictures that stood still for over 200 ms, or silences of over 60 ms in speech.
    pub freezes: u64,
    /// Their length together, seconds.
    pub frozen_seconds: f64,
    /// Time between frames that could be decoded (audio: between packets in speech).
    pub gaps: Distribution,
    /// Received, bit/s, all receivers together, by layer: height of the picture, or `sound`.
    pub layers: BTreeMap<String, u64>,
}

/// A distribution: percentiles of an HDR histogram, and the histogram itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Least.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95 of 100 are not above.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// Greatest.
    pub max: f64,
    /// The histogram, values in µs, HDR V2 compressed, base64: merged, never averaged.
    pub hdr: String,
}

/// The server's process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Processor time in the measured part, seconds.
    pub cpu_seconds: f64,
    /// Whole-core time of the cores it was pinned to, softirq included, seconds; where that is known.
    pub core_seconds: Option<f64>,
    /// Resident memory at the peak, bytes.
    pub memory_peak: u64,
    /// Resident memory before anybody came, bytes.
    pub memory_idle: u64,
    /// Media packets it forwarded, by its metrics or by what receivers counted.
    pub forwarded: u64,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Since the start, seconds.
    pub at: u32,
    /// Clients whose media may flow.
    pub clients: u64,
    /// Meetings open.
    pub meetings: u64,
    /// Joins completed.
    pub joins: u64,
    /// Packets sent by clients.
    pub sent: u64,
    /// Packets received by clients.
    pub received: u64,
    /// Bytes received by clients.
    pub bytes: u64,
    /// Packets lost for good.
    pub lost: u64,
    /// Latency of all media, median, µs.
    pub p50: f64,
    /// And the 99th percentile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
    /// The generator's own lateness, 99th percentile, µs.
    pub lateness_p99: f64,
    /// The server's processor, cores.
    pub server_cpu: f64,
    /// The server's memory, bytes.
    pub server_memory: u64,
    /// The generator's processor, all its threads, cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_cpu: Option<f64>,
    /// The generator's memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_memory: Option<u64>,
}

/// A threshold and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// As written: `e2e_p99<=20ms`.
    pub text: String,
    /// What was measured, in the unit of the text.
    pub measured: f64,
    /// Whether it holds.
    pub met: bool,
}

/// All in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every threshold holds: exit code 0.
    Pass,
    /// One does not: 99.
    Missed,
    /// The generator itself was the bottleneck: 98.
    Invalid,
    /// Somebody stopped it; what there is was written: 105.
    Interrupted,
}

impl Verdict {
    /// The exit code that says so.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Missed => 99,
            Self::Invalid => 98,
            Self::Interrupted => 105,
        }
    }
}
