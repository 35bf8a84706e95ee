//! One person's meeting page in a browser window: what it shows of the call, and what the person does.

use std::time::Duration;

use fantoccini::Client;
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use super::browser::DevTools;

/// One window with the meeting page.
#[derive(Clone)]
pub struct Page {
    client: Client,
    window: WindowHandle,
}

/// What `getStats` says of one thing that arrives.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Whose it is, by participant id.
    pub participant: Option<u64>,
    /// `microphone`, `camera`, `screen`, `screen_audio`.
    pub source: Option<String>,
    /// Pictures decoded since the slot exists.
    pub frames: u64,
    /// Sound energy since the slot exists.
    pub energy: f64,
    /// Width of the last picture.
    pub width: u64,
    /// Freezes as the browser counts them.
    pub freezes: u64,
    /// All freezes together.
    pub frozen: Duration,
    /// RTP packets.
    pub packets: u64,
    /// Requests for lost packets.
    pub nacks: u64,
    /// `opus`, `red`, `VP8` and so on: that of the last packet.
    pub codec: Option<String>,
    /// Sound that was played.
    pub played: Duration,
    /// How much of it the browser made up because nothing was there.
    pub concealed: Duration,
}

/// What `getStats` says of one encoding that is sent.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// `camera`, `screen`.
    pub source: String,
    /// The simulcast layer.
    pub rid: Option<String>,
    /// `VP8`, `VP9`, `AV1`, `H264`.
    pub codec: String,
    /// Pictures encoded since the connection exists.
    pub frames: u64,
}

impl Page {
    pub(super) fn new(client: Client, window: WindowHandle) -> Self {
        Self { client, window }
    }

    pub(super) fn into_window(self) -> WindowHandle {
        self.window
    }

    /// Runs a script in the page; `return` gives its value.
    pub async fn eval(&self, script: &str) -> Value {
        self.look().await;
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Presses a key of the page's own.
    pub async fn press(&self, key: char) {
        self.eval(&format!("document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))")).await;
    }

    /// Runs an asynchronous expression in the page and gives what it resolves to.
    pub async fn eval_async(&self, expression: &str) -> Value {
        self.look().await;
        let script = format!(
            "const done = arguments[arguments.length - 1];
             Promise.resolve().then(() => {expression}).then(value => done({{ value }}), error => done({{ error: String(error) }}));"
        );
        let mut outcome = self.client.execute_async(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert!(outcome.get("error").is_none(), "{expression}: {}", outcome["error"]);
        outcome["value"].take()
    }

    /// `prejoin`, `joining`, `connected`, `reconnecting`, `left` or `failed`.
    pub async fn state(&self) -> String {
        self.eval("return window.relayMeeting?.state() ?? 'loading'").await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the person is in the meeting and media can flow.
    pub async fn joined(&self) {
        super::eventually("the page joins", Duration::from_secs(15), async || {
            self.state().await == "connected" && self.eval("return window.relayMeeting.path()").await == Value::Bool(true)
        })
        .await;
    }

    /// The person's own participant id.
    pub async fn participant(&self) -> u64 {
        self.eval("return window.relayMeeting.participant").await.as_u64().expect("a joined page knows its participant id")
    }

    /// Everything that arrives.
    pub async fn inbound(&self) -> Vec<Inbound> {
        let stats = self.eval_async("window.relayMeeting.stats()").await;
        stats["inbound"].as_array().map(|all| all.iter().map(read).collect()).unwrap_or_default()
    }

    /// What arrives of one source of one person; `None` while it is in no slot.
    pub async fn from(&self, participant: u64, source: &str) -> Option<Inbound> {
        let all = self.inbound().await;
        all.into_iter().find(|inbound| inbound.participant == Some(participant) && inbound.source.as_deref() == Some(source))
    }

    /// Waits until `frames` new pictures of this person were decoded.
    pub async fn sees(&self, participant: u64, source: &str, frames: u64) {
        let before = self.from(participant, source).await.map_or(0, |inbound| inbound.frames);
        super::eventually(&format!("{frames} pictures of {participant}'s {source}"), Duration::from_secs(15), async || {
            self.from(participant, source).await.is_some_and(|inbound| inbound.frames >= before + frames)
        })
        .await;
    }

    /// Waits until sound of this person was heard.
    pub async fn hears(&self, participant: u64) {
        let before = self.from(participant, "microphone").await.map_or(0.0, |inbound| inbound.energy);
        super::eventually(&format!("sound of {participant}"), Duration::from_secs(15), async || {
            self.from(participant, "microphone").await.is_some_and(|inbound| inbound.energy > before + 1e-6)
        })
        .await;
    }

    /// Asks something of the room, as the page's buttons do; panics when it is refused.
    pub async fn command(&self, command: &Value) {
        let _ = self.eval_async(&format!("window.relayMeeting.command({command})")).await;
    }

    /// Whether the page shows the waiting room.
    pub async fn waits(&self) -> bool {
        self.eval("return window.relayMeeting?.scene?.state ?? ''").await == "waiting"
    }

    /// Everything decoded of anybody since the page was opened: pictures, and sound energy.
    pub async fn decoded(&self) -> (u64, f64) {
        let all = self.inbound().await;
        (all.iter().map(|inbound| inbound.frames).sum(), all.iter().map(|inbound| inbound.energy).sum())
    }

    /// Saves what the window shows under `target/screenshots`, for people to look at.
    pub async fn screenshot(&self, name: &str) {
        self.look().await;
        let picture = self.client.screenshot().await.expect("the browser takes a picture");
        let folder = std::env::current_exe().ok().and_then(|test| Some(test.ancestors().nth(3)?.join("screenshots")));
        let folder = folder.expect("test binaries lie in target/release/deps");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("the picture is saved");
    }

    /// Makes the page's window so large, in CSS pixels, with so many physical pixels for each.
    pub async fn resize(&self, width: u32, height: u32, ratio: f64) {
        self.look().await;
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": ratio, "mobile": false });
        let command = DevTools { cmd: "Emulation.setDeviceMetricsOverride", params };
        self.client.issue_cmd(command).await.expect("chromedriver passes the size on");
    }

    /// Lines of the picture that somebody's tile shows now; 0 without one.
    pub async fn lines(&self, participant: u64, source: &str) -> u64 {
        let tile = format!("meeting-tile[data-participant='{participant}'][data-source={source}].has-picture video");
        self.eval(&format!("return document.querySelector(\"{tile}\")?.videoHeight ?? 0")).await.as_u64().unwrap_or_default()
    }

    /// Every encoding of pictures that was ever sent.
    pub async fn outbound(&self) -> Vec<Outbound> {
        let stats = self.eval_async("window.relayMeeting.stats()").await;
        let all = stats["outbound"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|one| one["kind"] == "video").map(outbound).collect()
    }

    /// Number of people in the roster.
    pub async fn roster(&self) -> usize {
        self.eval("return window.relayMeeting.roster.length").await.as_u64().unwrap_or_default() as usize
    }

    async fn look(&self) {
        self.client.switch_to_window(self.window.clone()).await.expect("the window is there");
    }
}

/// Samples of sound in a second, as browsers count them.
const SAMPLES: f64 = 48_000.0;

fn outbound(value: &Value) -> Outbound {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Outbound {
        source: text("source").unwrap_or_default(),
        rid: text("rid"),
        codec: text("codec").unwrap_or_default(),
        frames: value["framesEncoded"].as_u64().unwrap_or_default(),
    }
}

fn read(value: &Value) -> Inbound {
    let number = |key: &str| value[key].as_u64().unwrap_or_default();
    Inbound {
        participant: value["participant"].as_u64(),
        source: value["source"].as_str().map(str::to_owned),
        frames: number("framesDecoded"),
        energy: value["totalAudioEnergy"].as_f64().unwrap_or_default(),
        width: number("frameWidth"),
        freezes: number("freezeCount"),
        frozen: Duration::from_secs_f64(value["totalFreezesDuration"].as_f64().unwrap_or_default()),
        packets: number("packetsReceived"),
        nacks: number("nackCount"),
        codec: value["codec"].as_str().map(str::to_owned),
        played: Duration::from_secs_f64(value["totalSamplesDuration"].as_f64().unwrap_or_default()),
        concealed: Duration::from_secs_f64(number("concealedSamples") as f64 / SAMPLES),
    }
}
