use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use super::clock::Clock;
use super::fault::Halt;
use super::file::{self, File};
use super::flash::{Flash, MOST_AUTHORITIES, authority_urls, resource_urls};
use super::lan::Lan;
use super::power::{Order, Woken};
use super::url::Url;
use super::wire::GLANCE;
use super::{Fault, Identity, Remote, Stage, sntp, trust};

/// How a phone is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plug {
    /// By an interface of the namespace in which it runs; it gets everything by DHCP.
    Lan {
        /// Name of the interface.
        interface: String,
    },
    /// By whatever network there is, with what DHCP would have said.
    Given {
        /// The provisioning URL, as in option 66.
        url: String,
        /// The time server, as in option 42.
        time_server: Option<SocketAddr>,
    },
}

/// What it takes to make a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What it is.
    pub identity: Identity,
    /// How it is connected.
    pub plug: Plug,
    /// How many seconds of its own waits pass in one of ours; at least 1.
    pub pace: u32,
    /// A provisioning URL that takes the place of the one in its lease: somebody else's DHCP options.
    pub instead: Option<String>,
}

/// A simulated phone, to be [`run`](Phone::run) in a thread of its own.
#[derive(Debug)]
pub struct Phone {
    pub(super) setup: Setup,
    pub(super) remote: Remote,
    pub(super) flash: Flash,
    pub(super) clock: Arc<Clock>,
    /// Exchanges since power-on.
    pub(super) exchanges: usize,
    lan: Option<Lan>,
    time_server: Option<SocketAddr>,
}

/// Files that were accepted in one round.
#[derive(Debug, Default)]
struct Files {
    accepted: Vec<File>,
    digest: Md5,
    /// Whether the own file is among them, and whether a login was needed for it over TLS.
    own: Option<bool>,
    /// Why the own file is not.
    fault: Option<Fault>,
}

impl Phone {
    /// A phone in its factory state, and the remote control for it.
    pub fn new(setup: Setup) -> (Self, Remote) {
        let remote = Remote::new(setup.identity.mac);
        let lan = match &setup.plug {
            Plug::Lan { interface } => Some(Lan::new(interface.clone(), setup.identity.mac, remote.clone())),
            Plug::Given { .. } => None,
        };
        let clock = Arc::new(Clock::at_power_on(setup.pace));
        let phone = Self {
            setup,
            remote: remote.clone(),
            flash: Flash::default(),
            clock,
            exchanges: 0,
            lan,
            time_server: None,
        };
        (phone, remote)
    }

    /// Switches the phone on, and returns when it is stopped for good. With [`Plug::Lan`] the calling thread must
    /// stand in the namespace that the interface is in, and must not run asynchronous tasks.
    pub fn run(mut self) {
        loop {
            let Err(_) = self.power_on();
            self.unplug();
            match self.remote.take_order() {
                Some(Order::Stop) | None => break,
                Some(Order::FactoryReset) => {
                    self.flash = Flash::default();
                    self.remote.hold(self.flash.holding());
                    self.remote.note("reset to factory settings");
                }
                Some(Order::Reboot) => self.remote.note("off and on"),
            }
        }
        self.remote.finish();
    }

    pub(super) fn unplug(&mut self) {
        if let Some(lan) = &mut self.lan {
            lan.unplug();
        }
        self.remote.tell(|report| report.address = None);
    }

    fn power_on(&mut self) -> Result<Infallible, Order> {
        self.clock = Arc::new(Clock::at_power_on(self.setup.pace));
        self.exchanges = 0;
        self.time_server = None;
        self.remote.tell(|report| {
            report.starts += 1;
            report.forget_stages();
        });
        let given = self.attach()?;
        self.learn_time()?;
        // At each start the DHCP URL wins over the one in flash [facts: B1.1].
        let mut start = given.or_else(|| self.flash.server_url().map(str::to_owned));
        loop {
            self.round(start.as_deref())?;
            let pause = self.flash.polling();
            self.remote.tell(|report| report.asks_again = pause.is_some());
            self.rest(pause)?;
            // Between starts the one in flash holds, once there is one.
            start = self.flash.server_url().map(str::to_owned).or(start);
        }
    }

    /// Gets on the network; what comes back is the provisioning URL that was given there.
    fn attach(&mut self) -> Result<Option<String>, Order> {
        let url = match &self.setup.plug {
            Plug::Given { url, time_server } => {
                self.time_server = *time_server;
                Some(url.clone())
            }
            Plug::Lan { .. } => self.attach_lan()?,
        };
        let url = self.setup.instead.clone().or(url);
        match &url {
            None if self.flash.server_url().is_none() => self.remote.failed(Stage::Dhcp, Fault::NoProvisioningUrl),
            _ => self.remote.done(Stage::Dhcp),
        }
        Ok(url)
    }

    fn attach_lan(&mut self) -> Result<Option<String>, Order> {
        let custom = self.flash.custom_options();
        loop {
            let Some(lan) = &mut self.lan else { return Ok(None) };
            match lan.attach(&self.clock, &custom) {
                Ok(()) => {}
                Err(Halt::Power(order)) => return Err(order),
                Err(Halt::Fault(fault)) => {
                    self.remote.failed(Stage::Dhcp, fault);
                    self.pause(Duration::from_secs(60))?;
                    continue;
                }
            }
            let Some(lease) = &lan.lease else { continue };
            let terms = lease.terms.clone();
            self.time_server = terms.time_server.map(|server| (server, 123).into());
            let place = match &terms.url {
                Some((code, url)) => format!("option {code} is {url}"),
                None => "no provisioning URL".into(),
            };
            self.remote.tell(|report| report.address = Some(terms.address));
            self.remote.note(format!("has {} from {}: {place}", terms.address, terms.server));
            return Ok(terms.url.map(|(_, url)| url));
        }
    }

    /// Waits `span` of the phone's time, whatever else is asked of it.
    fn pause(&self, span: Duration) -> Result<(), Order> {
        let until = Instant::now() + self.clock.wait(span);
        while Instant::now() < until {
            self.remote.wait(until.saturating_duration_since(Instant::now()))?;
        }
        Ok(())
    }

    /// Waits until it is time to look for files again, keeping the lease meanwhile.
    fn rest(&mut self, pause: Option<Duration>) -> Result<(), Order> {
        const LONG: Duration = Duration::from_secs(3600);
        let poll_at = pause.map(|pause| Instant::now() + self.clock.wait(pause));
        loop {
            let renew_at = self.lan.as_ref().and_then(|lan| lan.lease.as_ref()).map(|lease| lease.renew_at);
            let next = [poll_at, renew_at].into_iter().flatten().min();
            let span = next.map_or(LONG, |next| next.saturating_duration_since(Instant::now()));
            match self.remote.wait(span)? {
                Woken::Poll => return Ok(()),
                Woken::Renew => self.renew()?,
                Woken::Time => {
                    let now = Instant::now();
                    if renew_at.is_some_and(|at| at <= now) {
                        self.renew()?;
                    }
                    if poll_at.is_some_and(|at| at <= now) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn renew(&mut self) -> Result<(), Order> {
        let custom = self.flash.custom_options();
        let Some(lan) = &mut self.lan else { return Ok(()) };
        match lan.renew(&self.clock, &custom) {
            Ok(()) => Ok(()),
            Err(Halt::Power(order)) => Err(order),
            Err(Halt::Fault(fault)) => {
                self.remote.failed(Stage::Dhcp, fault);
                self.remote.tell(|report| report.address = None);
                self.attach().map(|_| ())
            }
        }
    }

    /// Asks for the time until somebody says it, at most three times.
    fn learn_time(&mut self) -> Result<(), Order> {
        let named = || Some(SocketAddr::new(self.flash.get("local_time.ntp_server1")?.parse().ok()?, 123));
        let Some(server) = self.time_server.or_else(named) else {
            self.remote.failed(Stage::Time, Fault::NoTimeServer);
            return Ok(());
        };
        let mut why = "gave no answer";
        for _ in 0..3 {
            match self.ask_time(server) {
                Ok(unix) => {
                    self.clock.set(unix);
                    self.remote.note(format!("{server} says that it is {}", self.clock.display()));
                    self.remote.done(Stage::Time);
                    return Ok(());
                }
                Err(said) => why = said,
            }
            if let Some(order) = self.remote.ordered() {
                return Err(order);
            }
        }
        self.remote.failed(Stage::Time, Fault::NoTime { server: server.ip(), why });
        Ok(())
    }

    fn ask_time(&self, server: SocketAddr) -> Result<u64, &'static str> {
        let question = sntp::question(self.clock.unix());
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|_| "cannot be asked")?;
        socket.set_read_timeout(Some(GLANCE)).map_err(|_| "cannot be asked")?;
        socket.connect(server).map_err(|_| "cannot be reached")?;
        socket.send(&question).map_err(|_| "cannot be reached")?;
        let until = Instant::now() + self.clock.patience(Duration::from_secs(5));
        let mut buffer = [0; 128];
        while Instant::now() < until && self.remote.ordered().is_none() {
            if let Ok(length) = socket.recv(&mut buffer) {
                return sntp::answer(&question, buffer.get(..length).unwrap_or_default());
            }
        }
        Err("gave no answer")
    }

    /// Looks for its files once.
    fn round(&mut self, start: Option<&str>) -> Result<(), Order> {
        self.remote.tell(|report| report.rounds += 1);
        let Some(start) = start else { return Ok(()) };
        if !self.clock.is_set() {
            self.learn_time()?;
        }
        let stage = if start.starts_with("https:") { Stage::Configuration } else { Stage::Bootstrap };
        let result = match Url::parse(start) {
            Ok(base) => self.provision(&base),
            Err(fault) => Err(fault.into()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(Halt::Power(order)) => Err(order),
            Err(Halt::Fault(fault)) if self.remote.report().in_service() => {
                self.remote.note(format!("keeps its configuration: {fault}"));
                Ok(())
            }
            Err(Halt::Fault(fault)) => {
                self.remote.failed(stage, fault);
                Ok(())
            }
        }
    }

    fn provision(&mut self, base: &Url) -> Result<(), Halt> {
        let mut files = self.download(base)?;
        let digest: [u8; 16] = std::mem::take(&mut files.digest).finalize().into();
        if self.flash.applied == Some(digest) {
            self.remote.note("the files are the same as before: nothing is applied");
            self.flash.by_login |= files.own == Some(true);
        } else {
            self.apply(&files, digest)?;
        }
        if base.tls {
            self.judge_secured(&files);
        } else {
            self.judge_bootstrap(&files);
        }
        Ok(())
    }

    fn apply(&mut self, files: &Files, digest: [u8; 16]) -> Result<(), Halt> {
        self.flash.applied = None;
        for file in &files.accepted {
            self.flash.apply(file);
        }
        if let Some(by_login) = files.own {
            self.flash.by_login = by_login;
        }
        self.remote.hold(self.flash.holding());
        if !self.clock.is_set() {
            self.learn_time().map_err(Halt::Power)?;
        }
        let mut complete = true;
        for url in files.accepted.iter().flat_map(authority_urls) {
            match self.install(url) {
                Ok(()) => {}
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Authority, fault);
                }
            }
        }
        for text in files.accepted.iter().flat_map(resource_urls) {
            let fetched = match Url::parse(text) {
                Ok(url) => self.fetch(&url),
                Err(fault) => Err(fault.into()),
            };
            match fetched {
                Ok(_) => {
                    self.flash.fetched.insert(text.into());
                }
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Resources, fault);
                }
            }
        }
        // Files whose resources are missing are worked through again at the next poll [assumed].
        self.flash.applied = complete.then_some(digest);
        self.remote.hold(self.flash.holding());
        Ok(())
    }

    fn install(&mut self, text: &str) -> Result<(), Halt> {
        let url = Url::parse(text)?;
        let body = self.fetch(&url)?.body;
        for der in trust::read(text, &body)? {
            if !self.flash.authorities.contains(&der) && self.flash.authorities.len() < MOST_AUTHORITIES {
                self.remote.note(format!("installs the CA \"{}\"", trust::name(&der)));
                self.flash.authorities.push(der);
            }
        }
        self.flash.fetched.insert(text.into());
        Ok(())
    }

    /// What a round over plain HTTP was good for: the way to HTTPS.
    fn judge_bootstrap(&mut self, files: &Files) {
        self.remote.done(Stage::Bootstrap);
        if let Some(fault) = &files.fault {
            self.remote.note(fault.to_string());
        }
        if self.flash.authorities.is_empty() {
            if files.accepted.iter().flat_map(authority_urls).next().is_none() {
                self.remote.failed(Stage::Authority, Fault::NoAuthorityUrl);
            }
        } else if let Some(why) = self.flash.trust_fault() {
            self.remote.failed(Stage::Authority, Fault::TrustSwitch(why));
        } else {
            self.remote.done(Stage::Authority);
        }
        let fault = match self.flash.server_url() {
            None => Some(Fault::NoServerUrl),
            Some(url) if !url.starts_with("https://") => Some(Fault::PlainServerUrl(url.into())),
            Some(_) => self.flash.polling().is_none().then_some(Fault::NoPolling),
        };
        if let Some(fault) = fault {
            self.remote.failed(Stage::Configuration, fault);
        }
    }

    /// What a round over HTTPS was good for: service.
    fn judge_secured(&mut self, files: &Files) {
        // Whatever led here, the server's certificate was checked against a CA of the phone's.
        self.remote.done(Stage::Bootstrap);
        if files.accepted.iter().flat_map(authority_urls).all(|url| self.flash.fetched.contains(url)) {
            self.remote.done(Stage::Authority);
        }
        if let Some(fault) = &files.fault {
            self.remote.failed(Stage::Configuration, fault.clone());
            return;
        }
        if !self.flash.by_login {
            let file = self.setup.identity.own_file();
            self.remote.failed(Stage::Configuration, Fault::NoLoginAsked { file });
            return;
        }
        self.remote.done(Stage::Configuration);
        let mut named = files.accepted.iter().flat_map(|file| authority_urls(file).chain(resource_urls(file)));
        if !named.all(|url| self.flash.fetched.contains(url)) {
            return;
        }
        self.remote.done(Stage::Resources);
        if self.flash.accounts().is_empty() {
            self.remote.failed(Stage::InService, Fault::NoAccount);
        } else {
            self.remote.done(Stage::InService);
        }
    }

    /// Fetches boot files and what they name, or the common and the own file \[facts: B1.3\].
    fn download(&mut self, base: &Url) -> Result<Files, Halt> {
        let own = self.setup.identity.own_file();
        let mut names = vec![self.setup.identity.common_file(), own.clone()];
        for boot in [self.setup.identity.own_boot_file(), Identity::COMMON_BOOT_FILE.into()] {
            let found = match self.attempt(base, &boot) {
                Ok(fetched) => file::includes(&boot, &fetched.body, &self.setup.identity.model).map_err(Halt::Fault),
                Err(halt) => Err(halt),
            };
            match found {
                Ok(includes) => {
                    names = includes;
                    break;
                }
                Err(Halt::Fault(fault)) if local(&fault) => self.remote.note(format!("goes on: {fault}")),
                Err(halt) => return Err(halt),
            }
        }
        let mut files = Files::default();
        for name in names {
            let parsed = match self.attempt(base, &name) {
                Ok(fetched) => file::parse(&name, &fetched.body).map(|file| (file, fetched)).map_err(Halt::Fault),
                Err(halt) => Err(halt),
            };
            match parsed {
                Ok((file, fetched)) => {
                    if !file.skipped.is_empty() {
                        self.remote.note(format!("{name}: skips lines {:?}, which are no settings", file.skipped));
                    }
                    if name.ends_with(&own) {
                        files.own = Some(fetched.by_login);
                    }
                    files.digest.update(&fetched.body);
                    files.accepted.push(file);
                }
                Err(Halt::Fault(fault)) if local(&fault) => {
                    self.remote.note(format!("goes on: {fault}"));
                    files.fault = Some(fault).filter(|_| name.ends_with(&own)).or(files.fault);
                }
                Err(halt) => return Err(halt),
            }
        }
        if files.own.is_none() && files.fault.is_none() {
            files.fault = Some(Fault::NotFound { file: own });
        }
        match files.fault.take_if(|_| files.accepted.is_empty()) {
            Some(fault) => Err(fault.into()),
            None => Ok(files),
        }
    }

    /// Fetches one file; a connection that fails is tried three times, with 5 s between \[facts: B1.3\].
    fn attempt(&mut self, base: &Url, name: &str) -> Result<super::fetch::Fetched, Halt> {
        let url = base.file(name)?;
        let mut left = 3;
        loop {
            left -= 1;
            match self.fetch(&url) {
                Err(Halt::Fault(Fault::Unreachable { .. } | Fault::Broken { .. })) if left > 0 => {
                    self.pause(Duration::from_secs(5)).map_err(Halt::Power)?;
                }
                result => return result,
            }
        }
    }
}

/// Whether a fault is of one file alone, so that it makes sense to ask for the next.
fn local(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::NotFound { .. }
            | Fault::LoginAsked { .. }
            | Fault::LoginRefused { .. }
            | Fault::LoginUnknown { .. }
            | Fault::Status { .. }
            | Fault::NoVersionLine { .. }
            | Fault::Html { .. }
            | Fault::NotText { .. }
            | Fault::NotHttp { .. }
            | Fault::BadUrl { .. }
    )
}
