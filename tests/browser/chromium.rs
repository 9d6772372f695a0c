//! Chromium, spoken to by WebDriver (W3C Recommendation of 2018-06-05) as one JSON document a request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::lab::namespace::Namespace;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long the page may take to show what is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The key under which WebDriver hands out elements (section 11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser in a namespace. Dropped, it leaves no process behind.
pub(crate) struct Chromium {
    namespace: Namespace,
    port: u16,
    session: String,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// An element of the page that is shown.
pub(crate) struct Element(Value);

impl Chromium {
    /// Starts a browser that knows nothing yet, with a window of this many pixels.
    pub(crate) fn start(namespace: &Namespace, (width, height): (u32, u32)) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // A port that is free in the namespace, where nobody else takes it. Without IPv6 the driver does not say its
        // own.
        let free = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let port = namespace.run(free).unwrap().unwrap().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own: the browser and all its parts end with it.
        command.process_group(0).env("HOME", profile.path());
        let mut driver = namespace
            .run(|| command.spawn())
            .unwrap()
            .unwrap_or_else(|error| panic!("chromedriver ({error}): `tests/run` installs Debian's chromium-driver"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("started successfully")), "chromedriver does not start");
        // It dies of a pipe that nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser =
            Self { namespace: namespace.clone(), port, session: String::new(), driver, _profile: profile };
        let options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--lang=en",
        ];
        let mut options: Vec<String> = options.map(str::to_owned).to_vec();
        options.push(format!("--user-data-dir={}", browser._profile.path().join("profile").display()));
        options.push(format!("--window-size={width},{height}"));
        let begun = browser.ask(
            "POST",
            "/session",
            &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                // The box's certificate is its own authority's.
                "acceptInsecureCerts": true,
                "unhandledPromptBehavior": "dismiss",
                "goog:loggingPrefs": { "browser": "ALL" },
                "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": options },
            }}}),
        );
        browser.session = begun["sessionId"].as_str().unwrap().to_owned();
        println!("client: Chromium {}", begun["capabilities"]["browserVersion"].as_str().unwrap_or_default());
        browser
    }

    /// Loads a page.
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.get("url").as_str().unwrap().to_owned()
    }

    /// The element that a CSS selector names; waits until it is there.
    pub(crate) fn find(&self, selector: &str) -> Element {
        let found = until(|| {
            let found = self.post("elements", &json!({ "using": "css selector", "value": selector }));
            found.as_array().and_then(|found| found.first().cloned())
        });
        Element(found.unwrap_or_else(|| panic!("nothing is {selector} on {}:\n{}", self.url(), self.text())))
    }

    /// How many elements a CSS selector names now.
    pub(crate) fn count(&self, selector: &str) -> usize {
        let found = self.post("elements", &json!({ "using": "css selector", "value": selector }));
        found.as_array().map_or(0, Vec::len)
    }

    /// Clicks on what a CSS selector names. What was exchanged between finding and clicking is found again.
    pub(crate) fn click(&self, selector: &str) {
        let clicked = until(|| {
            let element = self.find(selector).0[ELEMENT].as_str()?.to_owned();
            self.try_ask("POST", &self.path(&format!("element/{element}/click")), &json!({})).ok()
        });
        clicked.unwrap_or_else(|| panic!("{selector} cannot be clicked on {}", self.url()));
    }

    /// Clicks on what sends a form, and waits until the page is another one.
    pub(crate) fn submit(&self, selector: &str) {
        let page = self.path(&format!("element/{}/name", self.find("html").id()));
        self.click(selector);
        let gone = until(|| self.try_ask("GET", &page, &Value::Null).is_err().then_some(()));
        gone.unwrap_or_else(|| panic!("{selector} leads nowhere from {}", self.url()));
    }

    /// Puts a text into a field, in the place of what stands there.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("element/{}/clear", element.id()), &json!({}));
        self.type_into(&element, text);
    }

    /// Types into an element. For a field of files the text is a path.
    pub(crate) fn type_into(&self, element: &Element, text: &str) {
        self.post(&format!("element/{}/value", element.id()), &json!({ "text": text }));
    }

    /// Chooses the option of this value.
    pub(crate) fn choose(&self, selector: &str, value: &str) {
        self.click(&format!("{selector} option[value=\"{value}\"]"));
    }

    /// Presses a key, wherever the focus is.
    pub(crate) fn press(&self, key: &str) {
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": [
            { "type": "keyDown", "value": key }, { "type": "keyUp", "value": key },
        ]}]});
        self.post("actions", &actions);
    }

    /// Runs a script in the page and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.run_with(script, &json!([]))
    }

    /// The same with arguments.
    pub(crate) fn run_with(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Runs a script that calls its last argument with what it found.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// What can be read on the page.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this can be read on the page.
    pub(crate) fn reads(&self, wanted: &str) {
        if until(|| self.text().contains(wanted).then_some(())).is_none() {
            panic!("\"{wanted}\" cannot be read on {}:\n{}", self.url(), self.text());
        }
    }

    /// Waits until the path is this one; a query does not count.
    pub(crate) fn is_at(&self, path: &str) {
        let own = || self.run("return location.pathname").as_str().unwrap_or_default().to_owned();
        if until(|| (own() == path).then_some(())).is_none() {
            panic!("at {} and not at {path}:\n{}", self.url(), self.text());
        }
    }

    /// What the browser itself has to say since it was asked last: refused scripts, missing files.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let said = self.post("se/log", &json!({ "type": "browser" }));
        let said = said.as_array().cloned().unwrap_or_default();
        // What it merely recommends is not meant.
        let severe = said.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of the whole page as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let shot = self.develop("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": true }));
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// The size of the window, as a page sees it.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.develop("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the system around the browser prefers, as `prefers-color-scheme` to `dark`.
    pub(crate) fn prefer(&self, what: &[(&str, &str)]) {
        let features: Vec<Value> = what.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.develop("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Forgets all cookies.
    pub(crate) fn forget(&self) {
        self.ask("DELETE", &self.path("cookie"), &Value::Null);
    }

    /// A command of the browser's own protocol.
    pub(crate) fn develop(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn path(&self, rest: &str) -> String {
        format!("/session/{}/{rest}", self.session)
    }

    fn get(&self, what: &str) -> Value {
        self.ask("GET", &self.path(what), &Value::Null)
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &self.path(what), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        // A socket stands in the namespace in which it was made.
        let mut stream = self.namespace.run(|| TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))).unwrap().unwrap();
        stream.set_read_timeout(Some(3 * LIMIT)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        if answer["value"]["error"].is_string() { Err(answer["value"].clone()) } else { Ok(answer["value"].clone()) }
    }
}

impl Element {
    fn id(&self) -> &str {
        self.0[ELEMENT].as_str().unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            let _ = self.try_ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        // Its own group, which nobody else is in.
        let _ = killpg(Pid::from_raw(i32::try_from(self.driver.id()).unwrap()), Signal::SIGKILL);
        let _ = self.driver.wait();
    }
}

/// Asks until there is an answer, or for as long as a page may take.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(30));
    }
}
