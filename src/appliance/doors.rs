//! The doors of the box: opened together, supervised one by one.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::task::JoinSet;

use super::supervision::Supervisor;
use super::{CARE, names, port};
use crate::admin::{self, Admin};
use crate::brands::Registry;
use crate::config::{Config, Mode, Network};
use crate::dhcp;
use crate::http::listeners::{self, Entrance};
use crate::http::provision::{Foundations, Provision};
use crate::http::{Limits, Service, dispatch};
use crate::journal::Journal;
use crate::model::{Door, Event, Id, Reason, Secret};
use crate::partners::gateway_snmp;
use crate::pki::{Authority, Certificates};
use crate::sip::{self, Sip};
use crate::sntp;
use crate::store::Store;
use crate::sys::clock::Clock;
use crate::sys::{interfaces, random};

/// What the doors stand on.
pub(super) struct Doors {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) authority: Authority,
    pub(super) certificates: Certificates,
    pub(super) origin: Id,
    pub(super) restored: bool,
    /// What page and command line see of DHCP.
    pub(super) control: dhcp::Control,
}

impl Doors {
    /// Takes every port, then serves. A port that cannot be had fails the start: nobody would notice later.
    pub(super) async fn open(self, supervisor: &Supervisor) -> anyhow::Result<(JoinSet<()>, Option<Secret>)> {
        let mut parts = JoinSet::new();
        let registry = Arc::new(Registry::builtin().context("the brand folders are damaged")?);
        let listen = self.config.listen;
        let plain = bind("http", listen.http)?;
        let tls = bind("https", listen.https)?;
        let time = sntp::bind(listen.ntp).with_context(|| taken("ntp", listen.ntp))?;
        let ports =
            admin::Ports { http: port(listen.http, plain.local_addr()), https: port(listen.https, tls.local_addr()) };

        let (sip, orders) = sip::channel();
        let admin = self.admin(&registry, ports, sip)?;
        let setup_code = admin.setup_code().await.context("the setup code could not be stored")?;
        let provision = Arc::new(Provision::new(Foundations {
            store: self.store.clone(),
            journal: self.journal.clone(),
            registry: registry.clone(),
            authority: &self.authority,
            clock: self.clock.clone(),
            networks: self.config.networks.iter().map(|network| network.subnet).collect(),
            policy: self.config.policy,
            http: ports.http,
            https: ports.https,
        }));
        let service = dispatch::service(provision.clone(), admin.service(), self.authority.fingerprint(), ports.https);

        self.listen(&mut parts, supervisor, "http", (listen.http, plain), entrance_plain(&service, &self.clock));
        let entrance = Entrance {
            tls: Some((
                self.certificates.server_config(),
                Arc::new(move |peer, reason| provision.handshake_failed(peer, reason)),
            )),
            ..entrance_plain(&service, &self.clock)
        };
        self.listen(&mut parts, supervisor, "https", (listen.https, tls), entrance);
        self.tell_time(&mut parts, supervisor, (listen.ntp, time));
        self.speak_sip(&mut parts, supervisor, &registry, ports, orders);
        for network in &self.config.networks {
            self.lease(&mut parts, supervisor, network, &registry, ports);
        }
        self.local_socket(&mut parts, supervisor, admin);
        self.care_for_certificates(&mut parts, supervisor);
        Ok((parts, setup_code))
    }

    fn admin(&self, registry: &Arc<Registry>, ports: admin::Ports, sip: Sip) -> anyhow::Result<Admin> {
        let fingerprint = self.authority.fingerprint();
        let facts = admin::Facts {
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            box_id: self.origin,
            brands: registry.brands().map(|brand| (brand.id.clone(), brand.name.clone())).collect(),
            networks: self.config.networks.clone(),
            ports,
            authority: admin::Authority {
                pem: self.authority.root_pem().to_owned(),
                fingerprint: fingerprint.to_string(),
                words: fingerprint.words(),
                not_before: self.authority.not_before(),
                not_after: self.authority.not_after(),
            },
            sip,
            addresses: Arc::new(|| interfaces::reachable().unwrap_or_default()),
            registry: registry.clone(),
            dhcp: self.control.clone(),
        };
        Admin::new(self.store.clone(), self.journal.clone(), self.clock.clone(), facts)
            .context("the page's templates are damaged")
    }

    /// The socket that was opened at the start serves first; after a death a new one is opened.
    fn listen(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        name: &'static str,
        (at, socket): (SocketAddr, TcpListener),
        entrance: Entrance,
    ) {
        let stop = supervisor.stop.clone();
        let first = std::sync::Mutex::new(Some(socket));
        parts.spawn(supervisor.clone().keep(name.to_owned(), move || {
            let socket = first.lock().ok().and_then(|mut first| first.take());
            let (entrance, stop) = (entrance.clone(), stop.clone());
            async move {
                let socket = match socket {
                    Some(socket) => socket,
                    None => listeners::bind(at)?,
                };
                Ok(listeners::serve(socket, entrance, stop).await?)
            }
        }));
    }

    fn tell_time(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        (at, socket): (SocketAddr, tokio::net::UdpSocket),
    ) {
        let first = std::sync::Mutex::new(Some(socket));
        let (clock, stop) = (self.clock.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep("ntp".to_owned(), move || {
            let socket = first.lock().ok().and_then(|mut first| first.take());
            let (clock, stop) = (clock.clone(), stop.clone());
            async move {
                let socket = match socket {
                    Some(socket) => socket,
                    None => sntp::bind(at)?,
                };
                tokio::select! {
                    ended = sntp::serve(socket, clock) => Ok(ended?),
                    () = stop.cancelled() => Ok(()),
                }
            }
        }));
    }

    /// A port that is another program's does not keep the box from serving phones: the part tries again and again.
    fn speak_sip(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        registry: &Arc<Registry>,
        ports: admin::Ports,
        orders: sip::Receiver,
    ) {
        let on = sip::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            registry: registry.clone(),
            clock: self.clock.clone(),
            networks: self.config.networks.clone(),
            http: ports.http,
            https: ports.https,
            tls: self.certificates.server_config(),
            settings: sip::Settings {
                listen: self.config.listen.sip,
                listen_tls: self.config.listen.sips,
                proxy: self.config.sip.proxy,
                realms: self.config.sip.realms.clone(),
                resync_on_change: self.config.sip.resync_on_change,
            },
            otherwise: Arc::new(
                self.config.sip.snmp.iter().map(|access| ("snmp".to_owned(), by_snmp(access))).collect(),
            ),
        };
        let (stop, orders) = (supervisor.stop.clone(), Arc::new(tokio::sync::Mutex::new(orders)));
        parts.spawn(supervisor.clone().keep("sip".to_owned(), move || {
            let (on, stop, orders) = (on.clone(), stop.clone(), orders.clone());
            async move { Ok(sip::serve(on, orders, stop).await?) }
        }));
    }

    fn lease(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        network: &Network,
        registry: &Arc<Registry>,
        ports: admin::Ports,
    ) {
        let server = dhcp::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            provisioning: dhcp::Provisioning {
                registry: registry.clone(),
                http: ports.http,
                https: ports.https,
                also: Vec::new(),
            },
            clock: self.clock.clone(),
            restored: self.restored,
            box_id: self.origin,
            control: self.control.clone(),
        };
        let (network, stop) = (network.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep(format!("dhcp on {}", network.name), move || {
            let (network, server, stop) = (network.clone(), server.clone(), stop.clone());
            async move {
                loop {
                    let mut running = match dhcp::serve(&network, server.clone()) {
                        Ok(running) => running,
                        Err(error) => match wait_for_network(&network, &server.control, error) {
                            // It will not come while this program runs: the other doors go on without.
                            Ok(None) => {
                                stop.cancelled().await;
                                return Ok(());
                            }
                            Ok(Some(wait)) => {
                                tokio::select! {
                                    () = tokio::time::sleep(wait) => continue,
                                    () = stop.cancelled() => return Ok(()),
                                }
                            }
                            Err(error) => return Err(error.into()),
                        },
                    };
                    let ended = tokio::select! {
                        ended = running.ended() => Some(ended),
                        () = stop.cancelled() => None,
                    };
                    tokio::task::spawn_blocking(move || running.stop()).await?;
                    match ended {
                        None | Some(dhcp::Ended::Stopped) => return Ok(()),
                        Some(dhcp::Ended::Changed) => tracing::info!(network = network.name, "its address changed"),
                        Some(dhcp::Ended::Failed(error)) => return Err(error.into()),
                        Some(dhcp::Ended::Panicked) => return Err(anyhow!("its thread panicked")),
                    }
                }
            }
        }));
    }

    fn local_socket(&self, parts: &mut JoinSet<()>, supervisor: &Supervisor, admin: Admin) {
        let (path, stop) = (self.config.socket.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep("local socket".to_owned(), move || {
            let (admin, path, stop) = (admin.clone(), path.clone(), stop.clone());
            async move {
                tokio::select! {
                    ended = admin.serve_local(&path) => ended.map(|never: Infallible| match never {}).map_err(Into::into),
                    () = stop.cancelled() => Ok(()),
                }
            }
        }));
    }

    /// Certificates are made anew when an address changed or their end is near; connections go on undisturbed.
    fn care_for_certificates(self, parts: &mut JoinSet<()>, supervisor: &Supervisor) {
        let stop = supervisor.stop.clone();
        let doors = Arc::new(self);
        parts.spawn(supervisor.clone().keep("certificates".to_owned(), move || {
            let (doors, stop) = (doors.clone(), stop.clone());
            async move {
                loop {
                    tokio::select! {
                        () = tokio::time::sleep(CARE) => {}
                        () = stop.cancelled() => return Ok(()),
                    }
                    let doors = doors.clone();
                    tokio::task::spawn_blocking(move || doors.renew()).await??;
                }
            }
        }));
    }

    fn renew(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        if let Some(why) = self.certificates.keep(&self.authority, &names(&self.config)?, now)? {
            tracing::info!(%why, "made a new server certificate");
            let reason = Reason::LeafIssued { because: why.to_string() };
            self.journal.record(Event::new(now.wall, Door::Box, reason));
        }
        Ok(())
    }
}

/// What to do where DHCP cannot start: try again after a while, give up for this run, or fail.
fn wait_for_network(
    network: &Network,
    control: &dhcp::Control,
    error: dhcp::Error,
) -> Result<Option<Duration>, dhcp::Error> {
    let alarm = network.dhcp.mode != Mode::Auto || network.dhcp.pool.is_some();
    let wait = match &error {
        dhcp::Error::NoAddress { .. } => Some(CARE),
        dhcp::Error::Io(error) if error.kind() == ErrorKind::PermissionDenied => None,
        dhcp::Error::Io(_) => return Err(error),
    };
    tracing::warn!(network = network.name, %error, "DHCP does not run");
    control.deaf(&network.name, error.to_string(), alarm);
    Ok(wait)
}

/// Tells a gateway by SNMP to fetch its files.
fn by_snmp(access: &gateway_snmp::Access) -> sip::Otherwise {
    let access = access.clone();
    Arc::new(move |address| {
        let access = access.clone();
        Box::pin(async move {
            let number = u32::from_be_bytes(random::bytes()) >> 2;
            let agent = SocketAddr::new(address, gateway_snmp::PORT);
            match gateway_snmp::update_now(agent, &access, number).await {
                Ok(gateway_snmp::Progress::Failure(reason)) => Err(reason),
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
    })
}

fn entrance_plain(service: &Service, clock: &Clock) -> Entrance {
    Entrance { service: service.clone(), tls: None, limits: Limits::default(), clock: clock.clone() }
}

fn bind(name: &str, at: SocketAddr) -> anyhow::Result<TcpListener> {
    listeners::bind(at).with_context(|| taken(name, at))
}

fn taken(name: &str, at: SocketAddr) -> String {
    format!("{name} cannot listen on {at}; set another address under [listen], or run as root or by the service unit")
}
