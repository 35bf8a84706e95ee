//! The right layer for every tile, as people see it: the picture follows the size of its tile, what nobody looks at is not even encoded,
//! and a narrow line gets a smaller picture instead of a frozen one.

use std::time::{Duration, Instant};

use tests::e2e::browser::Browser;
use tests::e2e::lossy::LossyProxy;
use tests::e2e::page::Page;
use tests::e2e::relay::RelayProcess;
use tests::e2e::{eventually, stage};
use tokio::time::sleep;

use crate::{LIMIT, SOME_FRAMES, through};

/// Lines of the test picture, and of its three layers.
const FULL: u64 = 540;
const HALF: u64 = 270;
const QUARTER: u64 = 135;
/// Encoders round up to whole blocks.
const BLOCK: u64 = 16;
/// A window in which one tile shows no more than the lowest layer has, and one that can show all of the highest.
const SMALL: (u32, u32, f64) = (230, 270, 1.0);
const LARGE: (u32, u32, f64) = (1_280, 800, 1.0);
/// The same where two people share the stage: screens of fewer and of more pixels.
const SMALL_SHARED: (u32, u32, f64) = (230, 270, 0.5);
const LARGE_SHARED: (u32, u32, f64) = (1_280, 800, 2.0);
/// Unused layers are to be paused within 5 s; three more for a busy machine, on which the browser obeys and counts.
const PAUSED: Duration = Duration::from_secs(5 + 3);
/// Width and height of a picture held upright, the width of its middle layer, and the pixels for which that one is enough.
const PORTRAIT: (u64, u64) = (720, 1_280);
const PORTRAIT_HALF: u64 = 360;
const HALF_FILLS: u64 = 450;
/// A window whose one tile is wider than that, and not as high.
const WIDE: (u32, u32, f64) = (620, 520, 1.0);
/// So narrow that panels lie over the stage.
const NARROW: (u32, u32, f64) = (520, 800, 1.0);

#[tokio::test]
async fn the_picture_follows_the_size_of_its_tile_and_what_nobody_sees_is_not_sent() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    let (anna, bo) = pair(&mut browser, &relay, "", ["", ""]).await;
    let who = anna.participant().await;

    shows(&bo, who, SMALL, QUARTER, "vp8, small tile").await;
    bo.screenshot("tile-small").await;
    let higher = ["h", "m"];
    pauses(&anna, &higher, "small tile").await;
    bo.sees(who, "camera", SOME_FRAMES).await;
    shows(&bo, who, LARGE, FULL, "vp8, large tile").await;
    bo.screenshot("tile-large").await;
    // The same tile with twice the pixels for each: a window of a quarter of the size is as sharp.
    shows(&bo, who, (LARGE.0 / 2, LARGE.1 / 2, 2.0), FULL, "vp8, half the tile on a dense screen").await;

    bo.eval(HIDE).await;
    pauses(&anna, &higher, "hidden").await;
    bo.eval(SHOW).await;
    shows(&bo, who, LARGE, FULL, "vp8, page shown again").await;

    browser.close(bo).await;
    pauses(&anna, &["h", "m", "l"], "nobody is there").await;
    let again = browser.open_prepared(&relay.page_url("bo", "&video=0"), WATCH).await;
    again.joined().await;
    again.sees(who, "camera", SOME_FRAMES).await;
    content(&[&anna, &again]).await;
}

#[tokio::test]
async fn simulcast_of_vp9_and_av1_and_scalable_streams_follow_the_tile_as_well() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    for (more, codec) in [
        ("&codec=vp9", "VP9"),
        ("&codec=av1", "AV1"),
        ("&codec=h264", "H264"),
        ("&codec=vp9&svc=L3T3_KEY", "VP9"),
        ("&codec=av1&svc=L3T3_KEY", "AV1"),
    ] {
        let (anna, bo) = pair(&mut browser, &relay, more, ["", ""]).await;
        let who = anna.participant().await;
        assert!(anna.outbound().await.iter().any(|sent| sent.codec == codec), "{more}: {:?}", anna.outbound().await);
        shows(&bo, who, SMALL, QUARTER, more).await;
        bo.sees(who, "camera", SOME_FRAMES).await;
        shows(&bo, who, LARGE, FULL, more).await;
        bo.sees(who, "camera", SOME_FRAMES).await;
        content(&[&anna, &bo]).await;
        browser.close(bo).await;
        anna.eval("window.relayMeeting.leave()").await;
    }
}

/// The publisher has to send two sizes at the same time, and each page gets its own; in a room of two one would be enough.
#[tokio::test]
async fn two_pages_see_one_person_at_two_sizes_at_the_same_time() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    for (more, codec) in [("", "VP8"), ("&codec=vp9", "VP9")] {
        let (anna, bo) = pair(&mut browser, &relay, more, ["", ""]).await;
        let cleo = browser.open_prepared(&relay.page_url("cleo", "&video=0"), WATCH).await;
        cleo.joined().await;
        let who = anna.participant().await;
        assert!(anna.outbound().await.iter().any(|sent| sent.codec == codec), "{codec}: {:?}", anna.outbound().await);
        at_once(&anna, [(&bo, SMALL_SHARED, QUARTER), (&cleo, LARGE_SHARED, FULL)], &format!("{codec}, bo small and cleo large")).await;
        at_once(&anna, [(&bo, LARGE_SHARED, FULL), (&cleo, SMALL_SHARED, QUARTER)], &format!("{codec}, bo large and cleo small")).await;
        bo.sees(who, "camera", SOME_FRAMES).await;
        cleo.sees(who, "camera", SOME_FRAMES).await;
        content(&[&anna, &bo, &cleo]).await;
        browser.close(bo).await;
        browser.close(cleo).await;
        anna.eval("window.relayMeeting.leave()").await;
    }
}

/// Many clients name their encodings the smallest first, where RFC 8853 wants the best.
#[tokio::test]
async fn encodings_may_be_named_in_the_other_order() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    for codec in ["", "&codec=h264"] {
        let (anna, bo) = pair(&mut browser, &relay, codec, [SMALLEST_FIRST, ""]).await;
        let who = anna.participant().await;
        let offered = anna.eval("return window.offered").await;
        assert_eq!(offered.as_str(), Some("l;m;h"), "the page's order is the other one");
        shows(&bo, who, LARGE, FULL, "smallest first").await;
        shows(&bo, who, SMALL, QUARTER, "smallest first").await;
        pauses(&anna, &["h", "m"], "smallest first").await;
        content(&[&anna, &bo]).await;
        browser.close(bo).await;
        anna.eval("window.relayMeeting.leave()").await;
    }
}

#[tokio::test]
async fn a_narrow_line_gets_a_smaller_picture_and_the_large_one_when_it_is_wide_again() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let proxy = LossyProxy::start(relay.media_port(), 11);
    let mut browser = Browser::start().await;
    let (anna, bo) = pair(&mut browser, &relay, "", ["", &through(&relay, &proxy)]).await;
    let who = anna.participant().await;
    shows(&bo, who, LARGE, FULL, "wide line").await;

    let before = bo.from(who, "camera").await.expect("the picture is there");
    proxy.narrow(Some(250_000));
    let narrow = Instant::now();
    eventually("a smaller picture", LIMIT, async || bo.lines(who, "camera").await <= HALF + BLOCK).await;
    println!("250 kbit/s: smaller picture after {:?}", narrow.elapsed());
    let (mut frames, settled) = (before.frames, bo.from(who, "camera").await.expect("the picture stays").frames);
    for second in 1..=5 {
        sleep(Duration::from_secs(1)).await;
        let seen = bo.from(who, "camera").await.expect("the picture stays").frames;
        assert!(seen > frames, "second {second} without a picture");
        frames = seen;
    }
    println!("250 kbit/s: {} pictures in {:?}", frames - before.frames, narrow.elapsed());
    // The line carries the small picture at its full rate of 15 a second; half of them is what a busy machine may miss.
    assert!(frames - settled >= 5 * 15 / 2, "{} pictures in 5 s", frames - settled);
    bo.screenshot("narrow-line").await;
    bo.sees(who, "camera", SOME_FRAMES).await;

    proxy.narrow(None);
    let wide = Instant::now();
    eventually("the large picture again", 2 * LIMIT, async || bo.lines(who, "camera").await >= FULL).await;
    println!("wide again: large picture after {:?}", wide.elapsed());
    content(&[&anna, &bo]).await;
}

/// A browser that tells of nothing but its losses, each second: what is sent beyond need shows that the line carries the large picture, and a
/// full line is seen later, but seen.
#[tokio::test]
async fn losses_are_enough_to_find_the_picture_that_a_line_carries() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let proxy = LossyProxy::start(relay.media_port(), 12);
    let mut browser = Browser::start().await;
    let behind = format!("{}\n{LOSSES_ONLY}", through(&relay, &proxy));
    let (anna, bo) = pair(&mut browser, &relay, "", ["", &behind]).await;
    let who = anna.participant().await;
    bo.resize(LARGE.0, LARGE.1, LARGE.2).await;
    let start = Instant::now();
    eventually("the large picture", 2 * LIMIT, async || bo.lines(who, "camera").await >= FULL).await;
    println!("losses only: large picture after {:?}", start.elapsed());
    proxy.narrow(Some(250_000));
    eventually("a smaller picture", LIMIT, async || bo.lines(who, "camera").await <= HALF + BLOCK).await;
    bo.sees(who, "camera", SOME_FRAMES).await;
    content(&[&anna, &bo]).await;
}

/// A phone held upright fills a wide tile with a part of its picture: it has to be as sharp as the whole of it is large.
#[tokio::test]
async fn a_portrait_camera_is_sharp_in_a_wide_tile() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    let (anna, bo) = pair(&mut browser, &relay, "", [UPRIGHT, ""]).await;
    let who = anna.participant().await;

    bo.resize(WIDE.0, WIDE.1, WIDE.2).await;
    eventually("a wide tile, for whose height the middle layer is enough", LIMIT, async || {
        let [width, height, ..] = drawn(&bo, who).await;
        width > HALF_FILLS && (1..HALF_FILLS).contains(&height)
    })
    .await;
    eventually("the size of the whole picture is told", LIMIT, async || {
        let [width, _, across, down] = drawn(&bo, who).await;
        across.abs_diff(width) <= 2 && down.abs_diff(width * PORTRAIT.1 / PORTRAIT.0) <= 4
    })
    .await;
    let [width, height, across, down] = drawn(&bo, who).await;
    println!("portrait: a tile of {width} by {height} shows a part of {across} by {down}");

    let start = Instant::now();
    eventually("more than the middle layer", 2 * LIMIT, async || columns(&bo, who).await > PORTRAIT_HALF + BLOCK).await;
    println!("portrait: {} of {} columns after {:?}", columns(&bo, who).await, PORTRAIT.0, start.elapsed());
    sleep(Duration::from_secs(3)).await;
    let stays = columns(&bo, who).await;
    assert!(stays > PORTRAIT_HALF + BLOCK, "the sharp picture stays: {stays} columns");
    bo.sees(who, "camera", SOME_FRAMES).await;
    bo.screenshot("portrait-wide-tile").await;
    content(&[&anna, &bo]).await;
}

/// On a narrow page the chat lies over the stage: what is behind it is not paid for, and is back when the chat is closed.
#[tokio::test]
async fn what_a_panel_covers_is_not_sent() {
    let _stage = stage().await;
    let relay = RelayProcess::start();
    let mut browser = Browser::start().await;
    let (anna, bo) = pair(&mut browser, &relay, "", ["", ""]).await;
    let who = anna.participant().await;
    bo.resize(NARROW.0, NARROW.1, NARROW.2).await;
    eventually("the picture is drawn", LIMIT, async || drawn(&bo, who).await[2] > 0).await;
    bo.press('c').await;
    eventually("nothing is seen of it", LIMIT, async || drawn(&bo, who).await[2] == 0).await;
    pauses(&anna, &["h", "m"], "covered").await;
    bo.screenshot("panel-over-the-stage").await;
    bo.press('c').await;
    eventually("the picture is drawn again", LIMIT, async || drawn(&bo, who).await[2] > 0).await;
    bo.sees(who, "camera", SOME_FRAMES).await;
    content(&[&anna, &bo]).await;
}

/// Somebody who is seen, and somebody who only looks: two encoders would be one too many for a small machine.
/// `scripts` are run in their pages before the pages' own.
async fn pair(browser: &mut Browser, relay: &RelayProcess, more: &str, scripts: [&str; 2]) -> (Page, Page) {
    let [publisher, viewer] = scripts.map(|script| format!("{WATCH}\n{script}"));
    let anna = browser.open_prepared(&relay.page_url("anna", more), &publisher).await;
    let bo = browser.open_prepared(&relay.page_url("bo", "&video=0"), &viewer).await;
    anna.joined().await;
    bo.joined().await;
    bo.sees(anna.participant().await, "camera", SOME_FRAMES).await;
    (anna, bo)
}

/// Gives the window a size and waits until the picture has the lines that go with it.
async fn shows(viewer: &Page, who: u64, (width, height, ratio): (u32, u32, f64), lines: u64, what: &str) {
    let start = Instant::now();
    viewer.resize(width, height, ratio).await;
    // H.264 has no odd sizes.
    let fits = lines - 1..=lines + BLOCK;
    eventually(&format!("{what}: {lines} lines"), LIMIT, async || fits.contains(&viewer.lines(who, "camera").await)).await;
    println!("{what}: {lines} lines after {:?}", start.elapsed());
}

/// Gives two windows their sizes and waits until each has the picture that goes with its own; both keep it, and new pictures come of it,
/// while the publisher encodes the lowest and the best.
async fn at_once(publisher: &Page, viewers: [(&Page, (u32, u32, f64), u64); 2], what: &str) {
    let who = publisher.participant().await;
    for (viewer, (width, height, ratio), _) in viewers {
        viewer.resize(width, height, ratio).await;
    }
    let lines = async || [viewers[0].0.lines(who, "camera").await, viewers[1].0.lines(who, "camera").await];
    let fit = |seen: [u64; 2]| seen.iter().zip(viewers).all(|(seen, (.., lines))| (lines - 1..=lines + BLOCK).contains(seen));
    let start = Instant::now();
    eventually(&format!("{what}: each its size"), LIMIT, async || fit(lines().await)).await;
    let took = start.elapsed();

    let frames = async || {
        let (sent, [one, other]) = (publisher.outbound().await, viewers.map(|(viewer, ..)| viewer.from(who, "camera")));
        let of = |rid: &str| sent.iter().filter(|sent| sent.rid.as_deref() == Some(rid)).map(|sent| sent.frames).sum::<u64>();
        let seen = [one.await, other.await].map(|seen| seen.map_or(0, |seen| seen.frames));
        [of("l"), of("h"), seen[0], seen[1]]
    };
    let before = frames().await;
    for _ in 0..8 {
        sleep(Duration::from_millis(250)).await;
        let seen = lines().await;
        assert!(fit(seen), "{what}: each keeps its size: {seen:?}");
    }
    let rose: Vec<u64> = frames().await.iter().zip(before).map(|(after, before)| after - before).collect();
    println!("{what}: after {took:?}; in 2 s pictures encoded of the lowest and of the best, decoded by each: {rose:?}");
    // Half of the 30 that there are is what a busy machine may miss.
    assert!(rose.iter().all(|frames| *frames >= SOME_FRAMES), "{what}: {rose:?}");
}

/// Width and height of somebody's tile, and those that the relay was told of the picture in it; CSS pixels at ratio 1.
async fn drawn(viewer: &Page, who: u64) -> [u64; 4] {
    let script = format!(
        "const tile = document.querySelector(\"meeting-tile[data-participant='{who}'][data-source=camera].has-picture\");
         const told = window.relayMeeting.tiles[tile?.dataset.mid] ?? [0, 0];
         return [tile?.offsetWidth ?? 0, tile?.offsetHeight ?? 0, ...told];"
    );
    let sizes = viewer.eval(&script).await;
    [0_usize, 1, 2, 3].map(|at| sizes[at].as_u64().unwrap_or_default())
}

/// Width of the last picture of somebody's camera; 0 without one.
async fn columns(viewer: &Page, who: u64) -> u64 {
    viewer.from(who, "camera").await.map_or(0, |inbound| inbound.width)
}

/// Waits until these layers are not sent any more.
async fn pauses(publisher: &Page, rids: &[&str], what: &str) {
    let start = Instant::now();
    eventually(&format!("{what}: {rids:?} stand still"), PAUSED, async || stand_still(publisher, rids).await).await;
    println!("{what}: {rids:?} have stood still for half a second after {:?}", start.elapsed());
}

/// Whether not one picture of these layers is encoded in half a second.
async fn stand_still(publisher: &Page, rids: &[&str]) -> bool {
    let frames = async || -> u64 {
        let sent = publisher.outbound().await;
        let these = sent.iter().filter(|one| one.source == "camera" && one.rid.as_deref().is_some_and(|rid| rids.contains(&rid)));
        these.map(|one| one.frames).sum()
    };
    let before = frames().await;
    sleep(Duration::from_millis(500)).await;
    before > 0 && frames().await == before
}

/// No page had anything to complain about.
async fn content(people: &[&Page]) {
    for page in people {
        let complaints = page.eval("return window.complaints").await;
        assert_eq!(complaints.as_array().map(Vec::len), Some(0), "{complaints}");
    }
}

/// Notes what goes wrong in the page.
const WATCH: &str = "
    window.complaints = [];
    const complain = console.error;
    console.error = (...what) => { window.complaints.push(what.map(String).join(' ')); complain(...what); };
    addEventListener('error', ({ message }) => window.complaints.push(message));
    addEventListener('unhandledrejection', ({ reason }) => window.complaints.push(String(reason)));";

/// A page that names its encodings in the other order, and the order of its camera's.
const SMALLEST_FIRST: &str = "
    const add = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function (what, init) {
        const encodings = init?.sendEncodings?.reverse() ?? [];
        if (encodings.length > 1) window.offered ??= encodings.map(({ rid }) => rid).join(';');
        return add.call(this, what, init);
    };";

/// A camera held upright: the test picture turned by a quarter, 720 by 1280.
const UPRIGHT: &str = "
    const capture = HTMLCanvasElement.prototype.captureStream;
    HTMLCanvasElement.prototype.captureStream = function (rate) {
        const scale = 1280 / this.width;
        Object.assign(this, { width: 720, height: 1280 });
        this.getContext('2d').setTransform(0, scale, -scale, 0, 720, 0);
        return capture.call(this, rate);
    };";

/// A browser that knows nothing of transport-wide numbers. Chromium sends no estimate of its own (REMB) in their place.
const LOSSES_ONLY: &str = "
    const offer = RTCPeerConnection.prototype.createOffer;
    RTCPeerConnection.prototype.createOffer = async function (options) {
        const { type, sdp } = await offer.call(this, options);
        return { type, sdp: sdp.split('\\r\\n').filter((line) => !/transport-(cc|wide)/.test(line)).join('\\r\\n') };
    };";

/// Headless windows are always in sight; the page is told otherwise.
const HIDE: &str = "
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
    document.dispatchEvent(new Event('visibilitychange'));";
const SHOW: &str = "
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));";
