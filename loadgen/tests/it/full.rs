//! People who come with the independent client, among light ones: they get everything, everybody gets theirs, and nobody takes it for
//! damage. With built-in media, and with recorded media made here by ffmpeg.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::network::{FRONT, Network};
use crate::relay::{Relay, alone};
use loadgen::summary::{Independent, Summary, Verdict};

const SEED: u64 = 31;
/// One meeting, everybody with camera and microphone; the relay has found out by then that their lines carry all of it.
const MEETING: [&str; 16] = [
    "--scenario",
    "meeting",
    "--max-lateness",
    "200ms",
    "--set",
    "ramp_seconds=0.2",
    "--set",
    "settle_seconds=7.8",
    "--set",
    "arrive_seconds=0.5",
    "--set",
    "screen_share=0.0",
    "--set",
    "camera_share=1.0",
    "--set",
    "dtx=false",
];

fn found(summary: &Summary) -> &Independent {
    summary.independent.as_ref().expect("independent clients came")
}

/// A folder that is removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("loadgen-media-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder in the temporary directory");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ffmpeg(arguments: &[&str], file: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"]).args(arguments).arg(file);
    let output = command.output().expect("ffmpeg is installed (tests/run installs it)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn they_get_everything_and_light_clients_take_theirs_for_what_it_is() {
    let _alone = alone();
    let relay = Relay::start(None);
    let slo = "failed<=0%,full_failed<=0%,full_loss<=0.1%,loss<=0.1%,full_first_frame_p95<=3s";
    let (output, summary) = relay.run(&[&MEETING[..], &["--people", "4", "--full", "2", "--for", "4s", "--slo", slo]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(summary.verdict, Verdict::Pass, "{:?}\n{said}", summary.thresholds);
    assert_eq!((summary.clients.planned, summary.clients.joined), (2, 2), "light clients are counted for themselves");
    assert!(!said.contains("damaged") && !said.contains("no VP8") && !said.contains("Unreadable"), "{said}");
    let found = found(&summary);
    assert_eq!((found.clients.planned, found.clients.joined, found.clients.failed), (2, 2, 0), "{said}");
    assert_eq!(found.joins["offer_to_first_frame"].count, 2, "each saw somebody");
    let video = found.media["video"];
    // Each of two sees two light ones at 30 pictures a second and another one at 25, for four seconds; the machine may be busy.
    assert!((550..=720).contains(&video.pictures) && video.incomplete == 0, "{video:?}");
    assert!(found.media["audio"].expected > 400 && found.media["audio"].lost == 0, "{:?}", found.media);
    // What they send reaches both light clients, packet for packet.
    let reached = found.received_by_others.abs_diff(2 * found.sent);
    assert!(found.sent > 500 && reached * 20 < 2 * found.sent, "{} sent, {} received", found.sent, found.received_by_others);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("independent clients") && table.contains("2 / 2 (0)"), "{table}");
}

#[test]
fn losses_on_their_way_are_counted_and_mended_with_keyframes() {
    let _alone = alone();
    let relay = Relay::start(Some(FRONT));
    let network = Network::start(relay.media_port(), SEED);
    network.set(Duration::ZERO, 0.03);
    let (output, summary) =
        relay.run(&[&MEETING[..], &["--people", "3", "--full", "1", "--for", "5s", "--slo", "full_loss<=0.1%"]].concat());
    assert_eq!(output.status.code(), Some(99), "the threshold is about them");
    let found = found(&summary);
    let audio = found.media["audio"];
    let share = audio.lost as f64 / audio.expected as f64;
    assert!((0.005..=0.07).contains(&share), "3 % of the sound is lost, seed {SEED}: {audio:?}");
    let video = found.media["video"];
    assert!(video.lost * 50 < video.expected, "retransmission brings pictures back: {video:?}");
    assert!(video.pictures > 150, "pictures go on: {video:?}");
}

#[test]
fn recorded_media_is_sent_over_and_over() {
    let _alone = alone();
    let relay = Relay::start(None);
    let run = |folder: &Folder| {
        let arguments =
            ["--people", "3", "--full", "2", "--media", folder.path(), "--for", "4s", "--slo", "full_loss<=0.1%,full_failed<=0%"];
        let (output, summary) = relay.run(&[&MEETING[..], &arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(summary.verdict, Verdict::Pass, "{:?}\n{said}", summary.thresholds);
        assert!(!said.contains("damaged") && !said.contains("goes back"), "{said}");
        let light = summary.media.get("video").map_or(0, |media| media.expected);
        (found(&summary).clone(), light)
    };
    // A second and a half of each, so that they go round in the measured time.
    let vp8 = Folder::new("vp8");
    let camera = "testsrc2=size=320x180:rate=30:duration=1.5";
    ffmpeg(
        &[camera, "-pix_fmt", "yuv420p", "-c:v", "libvpx", "-b:v", "200k", "-g", "15", "-deadline", "realtime"],
        &vp8.0.join("camera.ivf"),
    );
    ffmpeg(&["sine=frequency=300:duration=1.5", "-ac", "1", "-c:a", "libopus", "-b:a", "24k"], &vp8.0.join("microphone.ogg"));
    let (found, light) = run(&vp8);
    assert_eq!(found.sources, ["camera.ivf", "microphone.ogg"]);
    // A light one at 30 pictures a second and a recorded one at 30, for each of two.
    let video = found.media["video"];
    assert!((380..=560).contains(&video.pictures) && video.incomplete == 0, "{video:?}");
    assert!(light > 220, "the light one sees both, 30 pictures a second for four seconds: {light} packets");

    let h264 = Folder::new("h264");
    let x264 = ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-b:v", "200k"];
    ffmpeg(&[&[camera, "-pix_fmt", "yuv420p"], &x264[..], &["-f", "h264"]].concat(), &h264.0.join("camera.h264"));
    let (found, light) = run(&h264);
    assert_eq!((found.sources.join(" "), light), ("camera.h264 built-in".to_owned(), 0), "light clients take VP8 only");
    let video = found.media["video"];
    // Each of two sees the other, at 30 pictures a second.
    assert!((200..=280).contains(&video.pictures) && video.incomplete == 0, "H.264 reaches those who can decode it: {video:?}");
}

#[test]
fn what_cannot_be_recorded_or_played_is_said() {
    let _alone = alone();
    let relay = Relay::start(None);
    let said = |arguments: &[&str]| {
        let output = relay.load(&[&MEETING[..], arguments].concat()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = said(&["--people", "2", "--full", "5"]);
    assert!(text.contains("1 people of this run") && text.contains("play more meetings"), "{text}");
    let empty = Folder::new("empty");
    let text = said(&["--full", "1", "--media", empty.path()]);
    assert!(text.contains("camera.ivf") && text.contains(empty.path()), "{text}");
    std::fs::write(empty.0.join("camera.ivf"), b"RIFF of something else, long enough to be read").expect("written");
    let text = said(&["--full", "1", "--media", empty.path()]);
    assert!(text.contains("no IVF file"), "{text}");
}
