//! A headless Chromium, for what only a browser can show. Every wait has its deadline.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::error::CmdError;
pub use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{self, Runtime};
use url::{ParseError, Url};

use super::chromedriver::Chromedriver;
use super::sandbox::Sandbox;
use super::wait;

/// `*.test` are other names of this machine, for pages of strangers.
const FLAGS: [&str; 10] = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
];

/// For one command; a page is loaded within it.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the user prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark text on light ground.
    Light,
    /// The other way round.
    Dark,
}

impl Scheme {
    /// As the media feature has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The browser, with one window.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    /// Taken when it is closed.
    client: Option<Client>,
    driver: Chromedriver,
}

impl Browser {
    /// Starts one when nobody else has one, with a new profile, 1280 by 800.
    pub fn start(sandbox: &Sandbox) -> Self {
        let driver = Chromedriver::start(sandbox);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut browser = Self { runtime, client: None, driver };
        let client = browser.session();
        browser.client = Some(client);
        browser.resize(1280, 800);
        browser
    }

    fn session(&self) -> Client {
        let profile = format!("--user-data-dir={}", self.driver.profile().display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("written above") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let address = self.driver.address();
        self.complete(builder.connect(&address)).unwrap_or_else(|error| panic!("no browser: {error}"))
    }

    /// Goes to an address and waits until the page and what belongs to it are loaded.
    pub fn go(&self, url: &str) {
        self.demand(url, self.client().goto(url));
    }

    /// Opens another tab, in which everything goes on.
    pub fn new_tab(&self) {
        let opened = async {
            let tab = self.client().new_window(true).await?;
            self.client().switch_to_window(tab.handle).await
        };
        self.demand("another tab", opened);
    }

    /// Forgets what was loaded before, so that the next page comes as to a new user.
    pub fn forget(&self) {
        self.devtools("Network.clearBrowserCache", json!({}));
    }

    /// Title of the page.
    pub fn title(&self) -> String {
        self.demand("title", self.client().title())
    }

    /// What an expression in the page yields; a promise is waited for.
    pub fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_eval(&self, expression: &str) -> Result<Value, CmdError> {
        self.complete(self.client().execute(&format!("return (\n{expression}\n)"), Vec::new()))
    }

    /// Polls an expression until it is true, and fails with the page when it does not become so.
    pub fn until(&self, expression: &str) -> Value {
        let mut last = None;
        let found = wait::within(wait::PATIENCE, || {
            // A page that is being left has no answer.
            let value = self.try_eval(expression);
            let met = value.as_ref().is_ok_and(is_true);
            last = Some(value);
            met.then(|| last.take())?
        });
        let Some(value) = found else { panic!("{expression} was never true: {last:?}\n{}", self.page()) };
        value.expect("it was met")
    }

    /// The text that is shown of the element a selector names, which is waited for.
    pub fn text(&self, selector: &str) -> String {
        let found =
            self.until(&format!("(it => it && [it.innerText])(document.querySelector({}))", json!(selector)));
        text_of(&found[0])
    }

    /// How many elements a selector names.
    pub fn count(&self, selector: &str) -> u64 {
        self.eval(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap()
    }

    /// Clicks where the element is shown, once it can be.
    pub fn click(&self, selector: &str) {
        self.click_at(Locator::Css(selector));
    }

    /// Clicks the button or link with this text within the element that a selector names.
    pub fn press(&self, within: &str, text: &str) {
        let mark = format!(
            "(() => {{
                const all = document.querySelector({})?.querySelectorAll('button, a, summary') ?? [];
                const it = [...all].find(it => it.textContent.trim() === {});
                document.querySelectorAll('[data-pressed]').forEach(it => delete it.dataset.pressed);
                if (it) it.dataset.pressed = '';
                return !!it;
            }})()",
            json!(within),
            json!(text)
        );
        self.until(&mark);
        self.click_at(Locator::Css("[data-pressed]"));
    }

    fn click_at(&self, locator: Locator<'_>) {
        self.until_done(&format!("{locator:?}"), || {
            self.complete(async { self.client().find(locator).await?.click().await })
        });
    }

    /// Types into a field.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.until_done(selector, || {
            self.complete(async {
                let field = self.client().find(Locator::Css(selector)).await?;
                field.clear().await?;
                field.send_keys(text).await
            })
        });
    }

    /// Types a key where the focus is.
    pub fn key(&self, key: Key) {
        let typed = async { self.client().active_element().await?.send_keys(&key.to_string()).await };
        self.demand("a key", typed);
    }

    /// What assistive technology is told of the page: role and name of whatever is not passed over.
    pub fn accessibility(&self) -> Vec<(String, String)> {
        let tree = self.devtools("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let told = nodes.iter().filter(|it| it["ignored"] != true);
        told.map(|it| {
            (text_of(&it["role"]["value"]), it["name"]["value"].as_str().unwrap_or_default().to_owned())
        })
        .collect()
    }

    /// Sets the size of the page's view in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// Sets the user's preference, and waits until the page has changed its colours.
    pub fn prefer(&self, scheme: Scheme) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme.name()}]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.until("new Promise(requestAnimationFrame).then(() => document.getAnimations().length === 0)");
    }

    /// Whether pages may run scripts, from the next one on.
    pub fn allow_scripts(&self, allowed: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !allowed }));
    }

    /// Writes a picture of the whole page as PNG.
    pub fn picture(&self, path: &Path) {
        let shot = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
        let data = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    /// What the console has got since this was last asked: errors, refused requests, broken policies.
    pub fn console(&self) -> Vec<String> {
        let entries = self.log("browser");
        entries.iter().map(|it| format!("{} {}", it["level"], it["message"])).collect()
    }

    /// The addresses that were asked for since this was last asked, by whatever part of a page.
    pub fn requests(&self) -> Vec<String> {
        let messages = self.log("performance").into_iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            (message["method"] == "Network.requestWillBeSent").then_some(())?;
            Some(message["params"]["request"]["url"].as_str()?.to_owned())
        });
        messages.collect()
    }

    fn log(&self, kind: &'static str) -> Vec<Value> {
        let entries = self.issue(Extension { path: "se/log", body: json!({ "type": kind }) });
        entries.as_array().cloned().unwrap_or_default()
    }

    /// A command of the developer tools' protocol.
    fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.issue(Extension { path: "goog/cdp/execute", body: json!({"cmd": name, "params": parameters}) })
    }

    fn issue(&self, command: Extension) -> Value {
        let what = command.body.to_string();
        self.demand(&what, self.client().issue_cmd(command))
    }

    /// Repeats what fails while the page changes until it is done, and fails the test when it is never.
    fn until_done<T>(&self, what: &str, mut attempt: impl FnMut() -> Result<T, CmdError>) -> T {
        let mut last = None;
        let done = wait::within(wait::PATIENCE, || attempt().map_err(|error| last = Some(error)).ok());
        done.unwrap_or_else(|| panic!("{what}: {last:?}\n{}", self.page()))
    }

    fn demand<T>(&self, what: &str, work: impl Future<Output = Result<T, CmdError>>) -> T {
        self.complete(work).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    fn complete<T>(&self, work: impl Future<Output = T>) -> T {
        let done = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await });
        done.expect("a browser that answers")
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("closed when dropped")
    }

    /// The page for a failed test's message.
    fn page(&self) -> String {
        let text = self.try_eval("location.href + '\\n' + document.body.innerText");
        format!(
            "{}\n{}",
            text.map_or_else(|error| error.to_string(), |it| text_of(&it)),
            self.console().join("\n")
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let close = async { tokio::time::timeout(wait::PATIENCE, client.close()).await };
            let _killed_next = self.runtime.block_on(close);
        }
    }
}

/// As JavaScript has it, for what expressions here yield.
fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(0) && *value != json!("")
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A command that chromedriver has beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
