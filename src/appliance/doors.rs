//! The doors of the box: opened together, supervised one by one.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::given::Given;
use super::listening::{alternate, bind, entrance_plain, taken, trivial};
use super::supervision::Supervisor;
use super::{CARE, names, over_tftp, overlays, port};
use crate::admin::{self, Admin};
use crate::brands::Registry;
use crate::config::{Config, Mode, Network};
use crate::depot::Depot;
use crate::dhcp;
use crate::http::firmware::FirmwareDoor;
use crate::http::listeners::Entrance;
use crate::http::provision::{Foundations, Provision};
use crate::http::{Workers, dispatch};
use crate::journal::Journal;
use crate::model::{Door, Event, Id, Reason, Secret};
use crate::pairing::Pairing;
use crate::partners::{self, Partners, gateway_snmp};
use crate::pki::{Authority, Certificates};
use crate::sip;
use crate::store::{Key, Store};
use crate::sys::clock::Clock;
use crate::sys::{random, sockets};
use crate::tftp;

/// How long the local socket may take to answer after the start.
const LOCAL_SOCKET: Duration = Duration::from_secs(5);
/// How often it is looked whether DHCP can start in a network, which its address or its port kept it from: phones that
/// start with the box wait for it.
const ADDRESS: Duration = Duration::from_millis(500);

/// What the doors stand on.
pub(super) struct Doors {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) depot: Depot,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) authority: Arc<Authority>,
    pub(super) key: Key,
    /// Where the service manager hands over the key, where it does.
    pub(super) credential: Option<PathBuf>,
    /// Cancelled when the box is to start anew.
    pub(super) restart: CancellationToken,
    pub(super) certificates: Certificates,
    pub(super) origin: Id,
    /// What page and command line see of DHCP.
    pub(super) control: dhcp::Control,
    /// Told when a network is there again or has another address.
    pub(super) arrived: Arc<Notify>,
}

impl Doors {
    /// The brands, with the administrator's folders over them; what became of those is on record.
    fn brands(&self) -> anyhow::Result<Registry> {
        let (folders, unreadable) = overlays::read(&self.config.data_directory);
        let (registry, refused) = Registry::with_overlays(&folders).context("the brand folders are damaged")?;
        let now = self.clock.now().wall;
        let mut bad: Vec<(String, String)> =
            refused.into_iter().map(|refused| (refused.brand, refused.error.to_string())).collect();
        bad.extend(unreadable.into_iter().map(|folder| (folder.brand, folder.what)));
        for folder in folders.into_iter().filter(|folder| bad.iter().all(|(brand, _)| *brand != folder.id)) {
            self.journal.record(Event::new(now, Door::Box, Reason::OverlayInForce { brand: folder.id }));
        }
        for (brand, what) in bad {
            tracing::error!(brand, what, "a brand folder is not in force");
            self.journal.record(Event::new(now, Door::Box, Reason::OverlayRefused { brand, what }));
        }
        Ok(registry)
    }

    /// Takes every port, then serves. A port that cannot be had fails the start: nobody would notice later.
    pub(super) async fn open(self, supervisor: &Supervisor) -> anyhow::Result<(JoinSet<()>, Option<Secret>)> {
        let mut parts = JoinSet::new();
        let registry = Arc::new(self.brands()?);
        let listen = self.config.listen;
        let plain = bind("http", listen.http)?;
        let alternate = alternate(&listen)?;
        let trivial = trivial(&listen)?;
        let held = alternate.iter().map(|(at, socket)| port(*at, socket.local_addr()));
        let also: Vec<u16> = held.chain(trivial.iter().map(|(at, socket)| port(*at, socket.local_addr()))).collect();
        let tls = bind("https", listen.https)?;
        let time = sockets::datagrams(listen.ntp).with_context(|| taken("ntp", listen.ntp))?;
        let ports =
            admin::Ports { http: port(listen.http, plain.local_addr()), https: port(listen.https, tls.local_addr()) };

        let (sip, orders) = sip::channel();
        let library = self.library(&registry).context("the files of firmware cannot be used")?;
        // One for all doors and the page: who waits is the same whoever asks.
        let pairing = Pairing::new(self.store.clone(), self.origin);
        pairing.forget_closed(self.clock.now().wall);
        let partners = Partners::open(&partners::Foundations {
            store: self.store.clone(),
            library: library.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            ports: (ports.http, ports.https),
            origin: self.origin,
            stop: supervisor.stop.clone(),
        });
        let foundations = Foundations {
            store: self.store.clone(),
            depot: self.depot.clone(),
            pairing: pairing.clone(),
            journal: self.journal.clone(),
            registry: registry.clone(),
            authority: &self.authority,
            clock: self.clock.clone(),
            networks: self.config.networks.iter().flat_map(Network::subnets).collect(),
            policy: self.config.policy,
            http: ports.http,
            https: ports.https,
        };
        let provision = Arc::new(Provision::new(foundations).pointing_at(library.clone()));
        let rehearsals = self.rehearsals(&registry, ports, &library);
        let outlets = self.outlets(&provision);
        let services = (library.clone(), sip.clone(), pairing.clone(), &partners);
        let admin = self.admin(&registry, ports, services, (rehearsals.clone(), outlets.clone()))?;
        let setup_code = admin.setup_code().await.context("the setup code could not be stored")?;
        let service = dispatch::service(provision.clone(), admin.service(), self.authority.fingerprint(), ports.https);
        let images =
            FirmwareDoor::new(library.clone(), provision.clone(), self.clock.clone(), FirmwareDoor::PER_SOURCE);
        let serves = provision.clone();
        let service =
            partners.in_front_of(images.in_front_of(service), Arc::new(move |address| serves.serves(address)));
        let service = rehearsals.in_front_of(service);

        let tftp = tftp::Door {
            files: over_tftp::files(provision.clone(), library.clone(), (self.journal.clone(), self.clock.clone())),
            keep: over_tftp::keep(provision.clone()),
            takes: Arc::new({
                let library = library.clone();
                move || library.settings().tftp_uploads
            }),
            serves: Arc::new({
                let provision = provision.clone();
                move |address| provision.serves(address)
            }),
            limits: tftp::Limits::default(),
            single_port: Arc::new({
                let library = library.clone();
                move || library.settings().tftp_single_port
            }),
        };

        let workers = Workers::start().context("no threads for connections")?;
        let entrance_plain = || entrance_plain(&service, &self.clock, &workers);
        self.listen(&mut parts, supervisor, "http", (listen.http, plain), entrance_plain());
        // Where phones ask that know no other port; DHCP sends them here only while the port is held.
        if let Some(alternate) = alternate {
            self.listen(&mut parts, supervisor, "http-alternate", alternate, entrance_plain());
        }
        let entrance = Entrance {
            tls: Some((
                self.certificates.clone(),
                Arc::new(move |peer, reason| {
                    if !rehearsals.overhears(peer, &reason) {
                        provision.handshake_failed(peer, reason);
                    }
                }),
            )),
            ..entrance_plain()
        };
        self.listen(&mut parts, supervisor, "https", (listen.https, tls), entrance);
        self.tell_time(&mut parts, supervisor, (listen.ntp, time));
        self.speak_sip(&mut parts, supervisor, (&registry, pairing.clone()), ports, orders);
        if let Some(trivial) = trivial {
            self.serve_tftp(&mut parts, supervisor, trivial, tftp);
        }
        for network in &self.config.networks {
            self.lease(&mut parts, supervisor, network, (&registry, &pairing, &partners), (ports, &also));
        }
        self.roll_out(&mut parts, supervisor, &library, sip);
        self.let_out(&mut parts, supervisor, outlets);
        self.local_socket(&mut parts, supervisor, admin);
        self.answers_locally().await;
        self.care_for_certificates(&mut parts, supervisor);
        Ok((parts, setup_code))
    }

    /// A port that is another program's does not keep the box from serving phones: the part tries again and again.
    fn speak_sip(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        (registry, pairing): (&Arc<Registry>, Pairing),
        ports: admin::Ports,
        orders: sip::Receiver,
    ) {
        let on = sip::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            pairing,
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
                registrar: self.config.sip.registrar,
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
        (registry, pairing, partners): (&Arc<Registry>, &Pairing, &Partners),
        (ports, also): (admin::Ports, &[u16]),
    ) {
        let server = dhcp::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            pairing: pairing.clone(),
            provisioning: dhcp::Provisioning {
                registry: registry.clone(),
                http: ports.http,
                https: ports.https,
                also: also.to_vec(),
                strangers: partners.for_strangers(),
            },
            clock: self.clock.clone(),
            box_id: self.origin,
            control: self.control.clone(),
        };
        let (network, arrived, stop) = (network.clone(), self.arrived.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep(format!("dhcp on {}", network.name), move || {
            let (network, arrived, server, stop) = (network.clone(), arrived.clone(), server.clone(), stop.clone());
            async move {
                let mut told = String::new();
                let (mut served, mut port_taken) = (false, false);
                loop {
                    let free = if port_taken { dhcp::may_answer(&network) } else { Ok(()) };
                    let mut running = match free.and_then(|()| dhcp::serve(&network, server.clone())) {
                        Ok(running) => running,
                        Err(error) => match wait_for_network(&network, &server, error, (&mut told, served)) {
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
                    // Phones come as soon as they have an address: by then there is a certificate for the box's.
                    arrived.notify_one();
                    served = true;
                    told.clear();
                    let ended = tokio::select! {
                        ended = running.ended() => Some(ended),
                        () = stop.cancelled() => None,
                    };
                    tokio::task::spawn_blocking(move || running.stop()).await?;
                    match ended {
                        None | Some(dhcp::Ended::Stopped) => return Ok(()),
                        Some(dhcp::Ended::Changed) => tracing::info!(network = network.name, "its address changed"),
                        // It comes to that when it is about to answer: from now on it is seen to before it starts.
                        Some(dhcp::Ended::Failed(error)) if error.kind() == ErrorKind::AddrInUse => port_taken = true,
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
            async move { Ok(admin.serve_local(&path, stop).await?) }
        }));
    }

    /// Waits until the local socket answers: who is told that the box is up may ask it at once. A socket that cannot be
    /// made keeps nobody from his phones, so the wait ends.
    async fn answers_locally(&self) {
        let answered = async {
            while UnixStream::connect(&self.config.socket).await.is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(LOCAL_SOCKET, answered).await.is_err() {
            tracing::warn!(path = %self.config.socket.display(), "the local socket does not answer");
        }
    }

    /// Certificates are made anew when an address changed or their end is near, and those that administrators gave are
    /// put in force; connections go on undisturbed.
    fn care_for_certificates(self, parts: &mut JoinSet<()>, supervisor: &Supervisor) {
        let stop = supervisor.stop.clone();
        let (doors, given) = (Arc::new(self), Arc::new(Given::default()));
        parts.spawn(supervisor.clone().keep("certificates".to_owned(), move || {
            let (doors, given, stop) = (doors.clone(), given.clone(), stop.clone());
            async move {
                loop {
                    tokio::select! {
                        () = tokio::time::sleep(CARE) => {}
                        () = doors.arrived.notified() => {}
                        () = stop.cancelled() => return Ok(()),
                    }
                    let (doors, given) = (doors.clone(), given.clone());
                    tokio::task::spawn_blocking(move || {
                        given.follow(&doors.store, &doors.certificates, &doors.journal, doors.clock.now());
                        doors.renew()
                    })
                    .await??;
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

/// What to do where DHCP cannot start: try again after a while, give up for this run, or fail. What was `told` last is
/// not logged again. Where it `served` before, the end of that is on record.
fn wait_for_network(
    network: &Network,
    server: &dhcp::Parts,
    error: dhcp::Error,
    (told, served): (&mut String, bool),
) -> Result<Option<Duration>, dhcp::Error> {
    let alarm = network.dhcp.mode != Mode::Auto || network.dhcp.pool.is_some();
    let wait = match &error {
        dhcp::Error::NoAddress { .. } | dhcp::Error::PortTaken => Some(ADDRESS),
        dhcp::Error::Io(error) if error.kind() == ErrorKind::PermissionDenied => None,
        dhcp::Error::Io(_) => return Err(error),
    };
    let why = error.to_string();
    if *told != why {
        tracing::warn!(network = network.name, %error, "DHCP does not run");
        if served {
            let reason = Reason::DhcpDeaf { network: network.name.clone(), why: why.clone() };
            server.journal.record(Event::new(server.clock.now().wall, Door::Dhcp, reason));
        }
        told.clone_from(&why);
    }
    server.control.deaf(&network.name, why, alarm);
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
