//! Real browsers, the real page, the real binary: people in headless Chromium who see and hear each other.

#[path = "e2e/layers.rs"]
mod layers;
#[path = "e2e/rooms.rs"]
mod rooms;

use std::time::{Duration, Instant};

use tests::e2e::browser::Browser;
use tests::e2e::lossy::LossyProxy;
use tests::e2e::page::Page;
use tests::e2e::relay::RelayProcess;
use tests::e2e::{eventually, stage};
use tokio::time::sleep;

/// Room for a busy machine: what takes longer is broken rather than slow.
const LIMIT: Duration = Duration::from_secs(15);
/// Pictures that prove a running video: the test picture has 15 a second, and each of them differs from the last.
const SOME_FRAMES: u64 = 15;
/// How long rows of losses are played.
const ROWS_LAST: Duration = Duration::from_secs(20);

#[tokio::test]
async fn two_people_see_and_hear_each_other() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    assert_eq!(relay.stop(), Some(0), "SIGTERM ends the relay in good order");
}

#[tokio::test]
async fn three_people_see_and_hear_each_other() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo, cleo]) = meeting(&relay, ["anna", "bo", "cleo"]).await;
    meet(&[&anna, &bo, &cleo]).await;
}

#[tokio::test]
async fn two_people_meet_over_ipv6() {
    let _stage = stage().await;
    let relay = RelayProcess::start_v6();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
}

#[tokio::test]
async fn a_muted_microphone_and_a_switched_off_camera_send_nothing_until_they_are_on_again() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    let who = anna.participant().await;

    anna.eval("window.relayMeeting.setMicrophone(false)").await;
    eventually("the sound stops", LIMIT, async || rises(&bo, who, "microphone", |heard| heard.packets as f64).await == 0.0).await;
    anna.eval("window.relayMeeting.setMicrophone(true)").await;
    bo.hears(who).await;

    anna.eval("window.relayMeeting.setCamera(false)").await;
    eventually("the picture leaves its slot", LIMIT, async || bo.from(who, "camera").await.is_none()).await;
    anna.eval("window.relayMeeting.setCamera(true)").await;
    bo.sees(who, "camera", SOME_FRAMES).await;
}

#[tokio::test]
async fn somebody_leaves_and_comes_back() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (mut browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    let first = anna.participant().await;

    anna.eval("window.relayMeeting.leave()").await;
    eventually("bo is alone", LIMIT, async || bo.roster().await == 1).await;
    assert!(bo.from(first, "camera").await.is_none(), "nothing of whoever left stays in a slot");

    let again = browser.open(&relay.page_url("anna", "")).await;
    again.joined().await;
    assert_ne!(again.participant().await, first, "participant ids are never used twice");
    meet(&[&again, &bo]).await;
}

#[tokio::test]
async fn a_shared_screen_is_seen_beside_the_camera() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    let who = anna.participant().await;

    anna.eval_async(SHARE_A_DRAWING).await;
    bo.sees(who, "screen", SOME_FRAMES).await;
    bo.sees(who, "camera", SOME_FRAMES).await;
    anna.eval_async("window.relayMeeting.setScreen(null)").await;
    eventually("the screen leaves its slot", LIMIT, async || bo.from(who, "screen").await.is_none()).await;
}

#[tokio::test]
async fn ten_percent_loss_freezes_nobody_for_a_second() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let proxy = LossyProxy::start(relay.media_port(), 10);
    let (_browser, [anna, bo]) = meeting_through(&relay, ["anna", "bo"], &through(&relay, &proxy)).await;
    meet(&[&anna, &bo]).await;
    let who = anna.participant().await;

    let spell = suffer(&bo, who, &proxy, Duration::from_secs(15), || proxy.lose(0.1)).await;
    assert!(spell.nacks > 0, "lost packets were asked for again");
    assert!(spell.frames > 15 * 8, "{spell:?}");
    assert!(spell.frozen < Duration::from_secs(1), "{spell:?}");
}

/// Rows of losses, as radio has them, and a way that takes its time: towards a viewer alone, as in the simulator.
#[tokio::test]
async fn a_tenth_lost_in_rows_of_three_freezes_nobody_for_a_second() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let proxy = LossyProxy::start(relay.media_port(), 12);
    let mut browser = Browser::start().await;
    let anna = browser.open(&relay.page_url("anna", "")).await;
    let bo = browser.open_prepared(&relay.page_url("bo", "&video=0"), &through(&relay, &proxy)).await;
    anna.joined().await;
    bo.joined().await;
    let who = anna.participant().await;
    proxy.delay(Duration::from_millis(10));
    bo.sees(who, "camera", 4 * SOME_FRAMES).await;

    let before = bo.from(who, "microphone").await.expect("the sound is there");
    let spell = suffer(&bo, who, &proxy, ROWS_LAST, || proxy.lose_in_rows(0.1, 3.0)).await;
    let sound = bo.from(who, "microphone").await.expect("the sound stays");
    let concealed = (sound.concealed - before.concealed).as_secs_f64() / (sound.played - before.played).as_secs_f64();
    println!("{:.1} % of the sound was made up by the browser, which got {:?}", concealed * 100.0, sound.codec);
    assert!(relay.counted("rtp_redundant") > 100, "copies go along: {}", relay.counted("rtp_redundant"));
    assert!(concealed < 0.05, "a tenth of the packets was lost: {concealed}");
    let empty = relay.counted("rtp_empty");
    println!("a tenth in rows of three, {ROWS_LAST:?}: {spell:?}, {empty} empty packets behind pictures");
    assert!(empty > 15 * ROWS_LAST.as_secs(), "this browser's pictures are followed: {empty}");
    assert!(spell.frames > 15 * ROWS_LAST.as_secs() * 8 / 10, "{spell:?}");
    assert!(spell.frozen < Duration::from_secs(1), "{spell:?}");
}

#[tokio::test]
async fn media_flows_on_while_a_broken_websocket_comes_back() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    let who = anna.participant().await;

    anna.eval("window.relayMeeting.cutSignalling()").await;
    bo.sees(who, "camera", SOME_FRAMES).await;
    anna.joined().await;
    assert_eq!(anna.participant().await, who, "the session was taken up, not begun anew");
    meet(&[&anna, &bo]).await;
}

#[tokio::test]
async fn an_ice_restart_keeps_the_call() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let (_browser, [anna, bo]) = meeting(&relay, ["anna", "bo"]).await;
    meet(&[&anna, &bo]).await;
    let ufrag = "return window.relayMeeting.peerConnection.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]";
    let before = anna.eval(ufrag).await;

    anna.eval("window.relayMeeting.restartIce()").await;
    eventually("new credentials", LIMIT, async || anna.eval(ufrag).await != before).await;
    meet(&[&anna, &bo]).await;
}

/// From the offer to the first decoded picture of somebody who is there already; 20 joins. The budget is 500 ms; the machine is shared, so
/// the verdict is printed and only a multiple of the budget fails.
#[tokio::test]
async fn joining_takes_half_a_second() {
    const BUDGET_MS: f64 = 500.0;
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    let host = browser.open(&relay.page_url("host", "")).await;
    host.joined().await;
    let mut times = Vec::new();
    for number in 0..20 {
        let guest = browser.open_prepared(&relay.page_url(&format!("guest{number}"), "&video=0&audio=0"), FIRST_FRAME).await;
        eventually("the first picture", LIMIT, async || guest.eval("return window.firstFrame ?? 0").await.as_f64() > Some(0.0)).await;
        let offered = guest.eval("return window.relayMeeting.timings.offered").await.as_f64().expect("the page notes when it offered");
        let shown = guest.eval("return window.firstFrame").await.as_f64().expect("the first picture was noted");
        times.push(shown - offered);
        browser.close(guest).await;
    }
    times.sort_by(f64::total_cmp);
    let (median, p95) = (times[times.len() / 2], times[times.len() * 95 / 100 - 1]);
    let verdict = if p95 <= BUDGET_MS { "within" } else { "OVER" };
    println!(
        "join: offer to first decoded picture, 20 joins: median {median:.0} ms, p95 {p95:.0} ms: {verdict} the budget of {BUDGET_MS} ms"
    );
    assert!(p95 <= 4.0 * BUDGET_MS, "p95 {p95:.0} ms: {times:.0?}");
}

/// Everybody sees and hears everybody else, now.
async fn meet(people: &[&Page]) {
    for viewer in people {
        viewer.joined().await;
    }
    for (index, viewer) in people.iter().enumerate() {
        for (other, publisher) in people.iter().enumerate() {
            if index != other {
                let who = publisher.participant().await;
                viewer.sees(who, "camera", SOME_FRAMES).await;
                viewer.hears(who).await;
            }
        }
    }
}

/// What a viewer had of somebody's camera while the line was bad.
#[derive(Debug)]
struct Spell {
    frames: u64,
    /// By the browser's count, and all of them together.
    #[expect(dead_code, reason = "printed")]
    freezes: u64,
    frozen: Duration,
    nacks: u64,
}

/// The line goes bad by `begin`, for so long; asserts that it did.
async fn suffer(viewer: &Page, who: u64, proxy: &LossyProxy, lasts: Duration, begin: impl FnOnce()) -> Spell {
    let (_, lost_before) = proxy.counts();
    let before = viewer.from(who, "camera").await.expect("the picture is there");
    begin();
    sleep(lasts).await;
    let after = viewer.from(who, "camera").await.expect("the picture stays");
    let (_, lost) = proxy.counts();
    assert!(lost - lost_before > 100, "the fault happened: {} datagrams lost", lost - lost_before);
    Spell {
        frames: after.frames - before.frames,
        freezes: after.freezes - before.freezes,
        frozen: after.frozen - before.frozen,
        nacks: after.nacks - before.nacks,
    }
}

/// How much a count of one source rises within a second.
async fn rises(viewer: &Page, participant: u64, source: &str, count: impl Fn(&tests::e2e::page::Inbound) -> f64) -> f64 {
    let before = viewer.from(participant, source).await.as_ref().map_or(0.0, &count);
    sleep(Duration::from_secs(1)).await;
    viewer.from(participant, source).await.as_ref().map_or(0.0, &count) - before
}

async fn meeting<const N: usize>(relay: &RelayProcess, names: [&str; N]) -> (Browser, [Page; N]) {
    meeting_through(relay, names, "").await
}

async fn meeting_through<const N: usize>(relay: &RelayProcess, names: [&str; N], script: &str) -> (Browser, [Page; N]) {
    let start = Instant::now();
    let mut browser = Browser::start().await;
    let mut pages = Vec::new();
    for name in names {
        pages.push(browser.open_prepared(&relay.page_url(name, ""), script).await);
    }
    println!("browser with {N} pages after {:?}", start.elapsed());
    let pages = pages.try_into().unwrap_or_else(|_| unreachable!("one page for each name"));
    (browser, pages)
}

/// Lets the page believe that the relay is where the proxy is.
fn through(relay: &RelayProcess, proxy: &LossyProxy) -> String {
    format!(
        "const real = RTCPeerConnection.prototype.setRemoteDescription;
         RTCPeerConnection.prototype.setRemoteDescription = function (description) {{
           const sdp = description.sdp.replaceAll(' 127.0.0.1 {} typ', ' 127.0.0.1 {} typ');
           return real.call(this, {{ type: description.type, sdp }});
         }};",
        relay.media_port(),
        proxy.port()
    )
}

/// Notes when the first picture of anybody was decoded and shown.
const FIRST_FRAME: &str = "
    const real = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function (description) {
      if (!this.watched) {
        this.watched = true;
        this.addEventListener('track', ({ track }) => {
          if (track.kind !== 'video') return;
          const video = document.createElement('video');
          video.muted = true;
          video.srcObject = new MediaStream([track]);
          video.requestVideoFrameCallback((now) => { window.firstFrame ??= now; });
          void video.play();
        });
      }
      return real.call(this, description);
    };";

/// Shares a canvas that changes all the time, as a screen.
const SHARE_A_DRAWING: &str = "{
      const canvas = document.createElement('canvas');
      canvas.width = 640;
      canvas.height = 360;
      const context = canvas.getContext('2d');
      setInterval(() => {
        context.fillStyle = `hsl(${performance.now() % 360} 60% 50%)`;
        context.fillRect(0, 0, 640, 360);
      }, 66);
      return window.relayMeeting.setScreen(canvas.captureStream(15));
    }";
