use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breed::Call;
use super::clock::Clock;
use super::fault::Halt;
use super::flash::Flash;
use super::lan::Lan;
use super::power::{Order, Woken};
use super::wire::GLANCE;
use super::{Fault, Identity, Remote, Stage, sntp};

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
    /// What it goes with when it only rehearses.
    pub escort: Option<Escort>,
}

/// What a phone goes with that only rehearses: it is known as such, and speaks with nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escort {
    /// A header that goes along with every request: name and value.
    pub header: (&'static str, String),
    /// The hosts that it may connect to.
    pub hosts: Vec<IpAddr>,
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

impl Phone {
    /// A phone in its factory state, and the remote control for it.
    pub fn new(setup: Setup) -> (Self, Remote) {
        let remote = Remote::new(setup.identity.mac);
        let lan = match &setup.plug {
            Plug::Lan { interface } => Some(Lan::new(interface.clone(), setup.identity, remote.clone())),
            Plug::Given { .. } => None,
        };
        let clock = Arc::new(Clock::at_power_on(setup.pace));
        let phone = Self {
            flash: Flash::new(setup.identity.breed),
            setup,
            remote: remote.clone(),
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
        if let Plug::Lan { .. } = self.setup.plug {
            let (remote, knows) = (self.remote.clone(), self.setup.identity.breed.notices.knows);
            // A thread stands in the namespace of the one that made it.
            let ear =
                std::thread::Builder::new().name("ear".into()).spawn(move || super::notified::listen(&remote, knows));
            if let Err(error) = ear {
                self.remote.note(format!("hears no SIP: {error}"));
            }
        }
        loop {
            let Err(_) = self.power_on();
            self.unplug();
            match self.remote.take_order() {
                Some(Order::Stop) | None => break,
                Some(Order::FactoryReset) => {
                    self.flash = Flash::new(self.setup.identity.breed);
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
        self.clock = Arc::new(Clock::at_power_on(self.remote.other_pace().unwrap_or(self.setup.pace)));
        self.exchanges = 0;
        self.time_server = None;
        self.remote.powered();
        let given = self.attach()?;
        self.learn_time()?;
        // At each start the DHCP URL wins over the one in flash [facts].
        let meaning = self.flash.meaning();
        let own = meaning.server_url.filter(|_| meaning.own_server);
        let mut start = own.or(given).or_else(|| self.flash.meaning().server_url);
        loop {
            self.round(start.as_deref())?;
            self.remote.tell(|report| report.looks += 1);
            let pause = self.flash.meaning().polling;
            self.remote.tell(|report| report.asks_again = pause.is_some());
            self.rest(pause)?;
            // Between starts the one in flash holds, once there is one.
            start = self.flash.meaning().server_url.or(start);
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
            None if self.flash.meaning().server_url.is_none() => {
                self.remote.failed(Stage::Dhcp, Fault::NoProvisioningUrl)
            }
            _ => self.remote.done(Stage::Dhcp),
        }
        Ok(url)
    }

    fn attach_lan(&mut self) -> Result<Option<String>, Order> {
        let custom = self.flash.meaning().custom_options;
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
    pub(super) fn pause(&self, span: Duration) -> Result<(), Order> {
        self.remote.pause(self.clock.wait(span))
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
                Woken::Notified(call) => match (self.setup.identity.breed.notices.heeds)(call, &self.flash.settings) {
                    None => self.remote.note("its settings say to ignore the message"),
                    Some(Call::Look) => return Ok(()),
                    Some(Call::Restart) => {
                        self.remote.reboot();
                        return Err(Order::Reboot);
                    }
                },
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
        let custom = self.flash.meaning().custom_options;
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
    pub(super) fn learn_time(&mut self) -> Result<(), Order> {
        let named = || Some(SocketAddr::new(self.flash.meaning().time_server?.parse().ok()?, 123));
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
}
