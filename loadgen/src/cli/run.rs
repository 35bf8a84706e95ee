//! `loadgen run`, and `loadgen` alone: plays a scenario, shows it while it goes on, says how it went.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use loadgen::engine::{self, Against, Options, Played};
use loadgen::full::Wanted;
use loadgen::light::SizeTrace;
use loadgen::measure::process::Process;
use loadgen::measure::{Metrics, Watched, machine};
use loadgen::recording::Recording;
use loadgen::report;
use loadgen::scenario::{Impairment, Profile};
use loadgen::summary::{Summary, Target, Verdict};
use loadgen::target::{Janus, Key, Relay, TargetError, Trust, Whip, WhipSettings};
use loadgen::verdict::{self, Slo};

use super::live::LiveLine;
use super::summarise::{Made, summarise};

/// Where runs lie that were given no folder.
const FOLDER: &str = "loadgen-runs";
/// Where servers usually are.
const RELAY: &str = "http://127.0.0.1:7880";
const JANUS: &str = "ws://127.0.0.1:8188";
/// The room of a development relay that anybody may enter.
const OPEN_ROOM: &str = "demo";

/// What kind of server it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// The relay of this project, by its own protocol.
    Relay,
    /// Any server that speaks WHIP and WHEP.
    Whip,
    /// Janus, by its videoroom (multistream, over WebSocket).
    Janus,
}

/// Where the server is, and how one gets in.
#[derive(Clone, Debug, Args)]
pub(crate) struct TargetArgs {
    /// How to get in. By others than `relay` nothing can be led: mutes, waiting rooms, one-way and breakouts are left out and counted.
    #[arg(long = "target", value_enum, default_value = "relay")]
    pub(crate) kind: Kind,
    /// Address of the server, http(s):// or for janus ws(s):// [default: http://127.0.0.1:7880; for janus ws://127.0.0.1:8188].
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Certificates (PEM) that are trusted behind https:// and wss://, for --metrics too, instead of the public ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The one room of all meetings, one after the other [default: a room each; without a key of a relay its open room, demo].
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Where people publish, for --target whip: a path or an address with {room} and {person} in it.
    #[arg(long, value_name = "TEMPLATE", default_value = "/v1/rooms/{room}/whip")]
    pub(crate) whip: String,
    /// Where people receive, for --target whip: a room in one session, or with {peer} one person each.
    #[arg(long, value_name = "TEMPLATE", default_value = "/v1/rooms/{room}/whep", conflicts_with = "one_connection")]
    pub(crate) whep: String,
    /// Publish and receive over one connection, for --target whip and servers that take both in one offer, as our relay does.
    #[arg(long)]
    pub(crate) one_connection: bool,
    /// Bearer token of every session, for --target whip.
    #[arg(long, env = "LOADGEN_TOKEN", hide_env_values = true, conflicts_with = "key_id")]
    pub(crate) token: Option<String>,
    /// Id of an HS256 key of the relay, with which tokens for many rooms are signed.
    #[arg(long, requires = "secret")]
    pub(crate) key_id: Option<String>,
    /// File with the key's secret.
    #[arg(long, group = "secret")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The secret itself; other processes can see it on the command line, so better in the environment.
    #[arg(long = "secret", env = "LOADGEN_SECRET", hide_env_values = true, group = "secret")]
    pub(crate) secret_text: Option<String>,
    /// Process of the server, to watch its processor and memory; found by itself where it listens on this machine's loopback.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Prometheus metrics of the server, to watch its processor and memory where it is on another machine, for example
    /// http://10.0.0.1:7890/metrics.
    #[arg(long, value_name = "URL", conflicts_with = "pid")]
    pub(crate) metrics: Option<String>,
    /// Threads that drive clients [default: half of the cores].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Never sleep: costs a whole core for each thread. For comparisons of servers, which pay for waking a sleeping peer.
    #[arg(long)]
    pub(crate) poll: bool,
    /// How late 99 of 100 packets may leave before the run proves nothing.
    #[arg(long, default_value = "1ms", value_parser = humantime::parse_duration)]
    pub(crate) max_lateness: Duration,
}

impl TargetArgs {
    /// Whether each meeting has a room of its own.
    pub(crate) fn has_rooms(&self) -> bool {
        if self.kind == Kind::Relay { self.key_id.is_some() } else { self.room.is_none() }
    }
}

/// What to play.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// visits, meeting, lecture, join-storm, breakout-recall, churn, soak, or a profile's file (.toml) [default: visits with a key,
    /// meeting without].
    #[arg(long)]
    pub(crate) scenario: Option<String>,
    /// Meetings open at any time.
    #[arg(long)]
    pub(crate) meetings: Option<u32>,
    /// People in each meeting, instead of the profile's mix.
    #[arg(long)]
    pub(crate) people: Option<u32>,
    /// How long is measured, for example 60s or 5m.
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    pub(crate) length: Option<Duration>,
    /// Any other key of the profile, for example camera_share=0.5; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Everybody's line, for example loss=2%,burst=3,delay=5ms,jitter=2ms,rate=2mbit; each direction.
    #[arg(long, value_parser = super::impair::parse)]
    pub(crate) impair: Option<Impairment>,
    /// Thresholds instead of the profile's, for example 'e2e_p99<=20ms,loss<=0.1%'.
    #[arg(long)]
    pub(crate) slo: Option<String>,
    /// Folder for the report [default: loadgen-runs/SCENARIO-TIME].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// So many of the guests come with an independent client (webrtc-rs) instead of the light one: behaviour that nobody here wrote. It
    /// takes many times the processor, so a few are enough.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) full: Option<u32>,
    /// Folder with camera.ivf (VP8) or camera.h264 (Annex B), and microphone.ogg (Opus): what independent clients send, over and over. Light
    /// clients take from it how large pictures are, relative to their rate, and where keyframes come; the rest of theirs is what proves
    /// that it arrived.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) media: Option<PathBuf>,
    /// Seed of everything that is drawn; the same seed plays the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Plays once. The exit code is the verdict's.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, String> {
    let profile = profile(args)?;
    let slos = slos(args.slo.as_deref(), &profile)?;
    let summary = play(&args.target, &profile, args.seed, &slos, true, &media(args, &profile)?)?;
    let own = || Path::new(FOLDER).join(format!("{}-{}", summary.scenario.name, summary.started));
    let folder = args.out.clone().unwrap_or_else(own);
    let written = report::write(&folder, &summary);
    // What was found out is shown even where it cannot be kept.
    super::print(&format!("{}\n", report::table(&summary)))?;
    let paths = written.map_err(|error| format!("{error}; name another folder with --out"))?;
    super::print(&format!("{}\n", paths.page.display()))?;
    Ok(ExitCode::from(summary.verdict.exit_code()))
}

/// Plays a profile against the target, and judges.
pub(super) fn play(
    target: &TargetArgs,
    profile: &Profile,
    seed: u64,
    slos: &[(Slo, bool)],
    shown: bool,
    media: &Media,
) -> Result<Summary, String> {
    let trust = Trust::new(target.ca.as_deref()).map_err(|error| error.to_string())?;
    let against = against(target, key(target)?, &trust).map_err(|error| error.to_string())?;
    let version = against.greet().map_err(|error| error.to_string())?;
    let server = match (&target.metrics, target.pid) {
        (Some(url), _) => Some(Watched::Metrics(Metrics::new(url, &trust)?)),
        (None, Some(pid)) => Some(Watched::Process(Process::new(pid)?)),
        (None, None) => Process::listening_on(against.address()).map(Watched::Process),
    };
    let sources = media.full.as_ref().map(|wanted| wanted.recording.sources()).unwrap_or_default();
    let named = Target { kind: against.kind().to_owned(), url: against.url().to_owned(), version };
    let threads = target.threads.unwrap_or_else(|| (machine::cores() / 2).max(1));
    let stop = stopper();
    let options = Options {
        against,
        room: target.room.clone().unwrap_or_else(|| OPEN_ROOM.to_owned()),
        profile: profile.clone(),
        seed,
        threads,
        poll: target.poll,
        server,
        stop: stop.clone(),
        full: media.full.clone(),
        trace: media.trace.clone(),
    };
    let mut live = shown.then(|| LiveLine::new(profile));
    let played = engine::play(options, |second| live.iter_mut().for_each(|live| live.show(second))).map_err(|error| error.to_string())?;
    if let Some(live) = live {
        live.finish();
    }
    if shown {
        complain(&played);
    }
    let latest = target.max_lateness.as_secs_f64() * 1e6;
    let lateness_limit = Some(latest).filter(|latest| *latest != verdict::LATEST);
    let made = Made { target: named, profile, seed, threads, lateness_limit, sources };
    let mut summary = summarise(&made, &played);
    summary.generator.invalid = verdict::invalid(&summary, latest);
    summary.thresholds = verdict::judge(&summary, slos);
    summary.verdict = verdict::verdict(&summary, played.interrupted);
    Ok(summary)
}

fn against(target: &TargetArgs, key: Option<Key>, trust: &Trust) -> Result<Against, TargetError> {
    let url = |usual: &str| target.url.clone().unwrap_or_else(|| usual.to_owned());
    Ok(match target.kind {
        Kind::Relay => Against::Relay(Relay::new(&url(RELAY), key, trust)?),
        Kind::Whip => {
            let settings = WhipSettings {
                publish: target.whip.clone(),
                play: (!target.one_connection).then(|| target.whep.clone()),
                token: target.token.clone(),
                key,
                room: target.room.clone(),
            };
            Against::Whip(Box::new(Whip::new(&url(RELAY), settings, trust)?))
        }
        Kind::Janus => Against::Janus(Janus::new(&url(JANUS), target.room.clone(), trust)?),
    })
}

/// Who comes with the independent client, and what is recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Media {
    full: Option<Wanted>,
    trace: Option<Arc<SizeTrace>>,
}

pub(super) fn media(args: &RunArgs, profile: &Profile) -> Result<Media, String> {
    let recording = match &args.media {
        Some(folder) => Recording::open(folder, profile.fps).map_err(|error| error.to_string())?,
        None => Recording::default(),
    };
    let trace = SizeTrace::new(&recording.sizes()).map(Arc::new);
    Ok(Media { full: args.full.map(|people| Wanted { people, recording }), trace })
}

/// The first things that went wrong, in words.
fn complain(played: &Played) {
    for complaint in played.complaints.iter().take(5) {
        let short: String = complaint.chars().take(300).collect();
        eprintln!("loadgen: {short}");
    }
    if played.complaints.len() > 5 {
        eprintln!("loadgen: and {} more", played.complaints.len() - 5);
    }
}

fn key(target: &TargetArgs) -> Result<Option<Key>, String> {
    let Some(id) = target.key_id.clone() else { return Ok(None) };
    let secret = match (&target.secret_file, &target.secret_text) {
        (Some(path), _) => std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
        (None, Some(text)) => text.clone().into_bytes(),
        (None, None) => return Err("--key-id needs --secret-file, or LOADGEN_SECRET in the environment".to_owned()),
    };
    Ok(Some(Key { id, secret }))
}

/// The profile with what the command line changes.
pub(super) fn profile(args: &RunArgs) -> Result<Profile, String> {
    let name = match &args.scenario {
        Some(name) => name.as_str(),
        None if args.target.has_rooms() => "visits",
        None => {
            let room = args.target.room.as_deref().unwrap_or(OPEN_ROOM);
            eprintln!(
                "loadgen: one meeting in the room `{room}`; for `visits` in many rooms of a relay give --key-id and --secret-file of a key in its configuration, for others leave --room out"
            );
            "meeting"
        }
    };
    let profile = if name.ends_with(".toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        Profile::parse(&text).map_err(|error| format!("{name}: {error}"))?
    } else {
        Profile::built_in(name).map_err(|error| error.to_string())?
    };
    let mut table: toml::Table = profile.to_toml().parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut set = |key: &str, value: toml::Value| table.insert(key.to_owned(), value);
    if let Some(meetings) = args.meetings {
        set("meetings", i64::from(meetings).into());
    }
    if let Some(people) = args.people {
        let size = toml::Table::from_iter([("people".to_owned(), i64::from(people).into()), ("share".to_owned(), 1.0.into())]);
        set("sizes", vec![size].into());
    }
    if let Some(length) = args.length {
        set("seconds", length.as_secs_f64().into());
    }
    for change in &args.set {
        let one: toml::Table =
            change.parse().map_err(|_| format!("--set {change}: expected KEY=VALUE as in a profile, texts in quotes"))?;
        one.into_iter().for_each(|(key, value)| drop(set(&key, value)));
    }
    let mut profile = Profile::parse(&table.to_string()).map_err(|error| error.to_string())?;
    profile.impairments.extend(args.impair);
    profile.check().map_err(|error| error.to_string())?;
    Ok(profile)
}

/// The thresholds that are asked for, or the profile's own, which count only where something was measured.
pub(super) fn slos(asked: Option<&str>, profile: &Profile) -> Result<Vec<(Slo, bool)>, String> {
    let parse = |text: &str, own: bool| match verdict::parse(text) {
        Ok(slos) => Ok(slos.into_iter().map(|slo| (slo, own)).collect::<Vec<_>>()),
        Err(error) => Err(format!("{}: {error}", if own { "--slo" } else { "slo of the profile" })),
    };
    match asked {
        Some(text) => parse(text, true),
        None => parse(&profile.slo.join(","), false),
    }
}

/// Set by the first interrupt: the run ends and is reported. The second one ends the process.
pub(super) fn stopper() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = stop.clone();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if set.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(Verdict::Interrupted.exit_code()));
                }
            }
        });
    });
    stop
}
