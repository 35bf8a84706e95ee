//! One headless Chromium, driven over WebDriver; each person is a window of it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::page::Page;

/// What Chromium needs to be a participant on a machine without screen, camera, microphone and network.
const FLAGS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// Pages and scripts that take longer than this have failed.
const SCRIPT_LIMIT: Duration = Duration::from_secs(20);

/// A running browser; ends with its driver when dropped.
pub struct Browser {
    client: Client,
    first: Option<WindowHandle>,
    _driver: Driver,
}

impl Browser {
    /// Starts Debian's Chromium with a fresh profile.
    pub async fn start() -> Self {
        let driver = Driver::start();
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": FLAGS, "binary": "/usr/bin/chromium" },
            "timeouts": { "script": SCRIPT_LIMIT.as_millis(), "pageLoad": SCRIPT_LIMIT.as_millis() },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("written as an object above") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("chromedriver starts chromium");
        let first = client.window().await.ok();
        Self { client, first, _driver: driver }
    }

    /// Opens an address in a window of its own.
    pub async fn open(&mut self, url: &str) -> Page {
        self.open_prepared(url, "").await
    }

    /// Opens an address after `script` was run in the empty page, before the page's own scripts.
    pub async fn open_prepared(&mut self, url: &str, script: &str) -> Page {
        let window = match self.first.take() {
            Some(first) => first,
            None => self.client.new_window(false).await.expect("a new window").handle,
        };
        self.client.switch_to_window(window.clone()).await.expect("the window is there");
        if !script.is_empty() {
            let command = DevTools { cmd: "Page.addScriptToEvaluateOnNewDocument", params: json!({ "source": script }) };
            self.client.issue_cmd(command).await.expect("chromedriver passes the script on");
        }
        self.client.goto(url).await.expect("the page loads");
        Page::new(self.client.clone(), window)
    }

    /// Closes a person's window. At least one other window must stay open.
    pub async fn close(&mut self, page: Page) {
        self.client.switch_to_window(page.into_window()).await.expect("the window is there");
        self.client.close_window().await.expect("the window closes");
        let left = self.client.windows().await.expect("the driver knows its windows");
        let next = left.into_iter().next().expect("another window is open");
        self.client.switch_to_window(next).await.expect("the window is there");
    }
}

/// A DevTools command passed through chromedriver.
#[derive(Debug)]
pub(super) struct DevTools {
    pub(super) cmd: &'static str,
    pub(super) params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.cmd, "params": self.params }).to_string()))
    }
}

/// The chromedriver process and, in its process group, the browser's many.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver is installed (tests/run installs it)");
        let stdout = process.stdout.take().expect("stdout was asked for");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let rest = line.split("started successfully on port ").nth(1)?;
            rest.trim_end_matches('.').parse().ok()
        });
        // Its further lines must go somewhere, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port: port.expect("chromedriver says its port") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver alone would leave its browser behind, and the next test without a processor.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}
