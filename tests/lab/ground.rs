//! A phone and a DHCP server of a hundred lines, on the lab's ground.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use block66::lab::ground::{BOX, Ground, INTERFACE};
use block66::lab::namespace::Namespace;
use block66::model::Mac;
use block66::phonesim::{Fault, Identity, Outcome, Phone, Plug, Remote, Report, Setup, Stage};

const LIMIT: Duration = Duration::from_secs(20);
const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 7]);

/// What the server does with a message: the type of its answer, or silence.
type Mood = Arc<Mutex<fn(u8) -> Option<u8>>>;

/// RFC 2131 in its friendliest form.
fn friendly(kind: u8) -> Option<u8> {
    match kind {
        1 => Some(2),
        3 => Some(5),
        _ => None,
    }
}

/// A message as it arrived: type, source address, `ciaddr`.
type Seen = (u8, Ipv4Addr, Ipv4Addr);

fn serve(ground: &Ground, options: Vec<u8>) -> (Mood, Receiver<Seen>) {
    let mood: Mood = Arc::new(Mutex::new(friendly));
    let (seen, heard) = channel();
    let socket = ground.appliance().run(|| UdpSocket::bind(("0.0.0.0", 67)).unwrap()).unwrap();
    socket.set_broadcast(true).unwrap();
    // Without it there is no route for a broadcast.
    socket2::SockRef::from(&socket).bind_device(Some(INTERFACE.as_bytes())).unwrap();
    let feel = Arc::clone(&mood);
    std::thread::spawn(move || answer(&socket, &feel, &options, &seen));
    (mood, heard)
}

fn answer(socket: &UdpSocket, mood: &Mood, options: &[u8], seen: &Sender<Seen>) {
    let mut packet = [0; 1500];
    while let Ok((_, from)) = socket.recv_from(&mut packet) {
        let kind = packet[242];
        let held = Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
        let std::net::IpAddr::V4(source) = from.ip() else { continue };
        if seen.send((kind, source, held)).is_err() {
            return;
        }
        let Some(reply) = (mood.lock().unwrap())(kind) else { continue };
        let mut bytes = packet[..240].to_vec();
        bytes[0] = 2;
        bytes[16..20].copy_from_slice(&[10, 66, 0, 77]);
        bytes.extend([53, 1, reply, 54, 4, 10, 66, 0, 1, 1, 4, 255, 255, 252, 0, 3, 4, 10, 66, 3, 254]);
        bytes.extend([51, 4, 0, 0, 14, 16]);
        bytes.extend(options);
        bytes.push(255);
        let to = if held.is_unspecified() { Ipv4Addr::BROADCAST } else { held };
        socket.send_to(&bytes, (to, 68)).unwrap();
    }
}

struct Plugged {
    remote: Remote,
    namespace: Namespace,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Plugged {
    fn new(ground: &Ground, pace: u32) -> Self {
        let namespace = ground.plug("port1", MAC).unwrap();
        let (phone, remote) = Phone::new(Setup {
            identity: Identity::t46u(MAC),
            plug: Plug::Lan { interface: INTERFACE.into() },
            pace,
            instead: None,
            escort: None,
        });
        let thread = namespace.spawn("phone".into(), move || phone.run()).unwrap();
        Self { remote, namespace, thread: Some(thread) }
    }

    fn until(&self, enough: impl Fn(&Report) -> bool) -> Report {
        self.remote.wait_for(LIMIT, enough).unwrap_or_else(|report| panic!("{report:#?}"))
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.remote.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

fn url(text: &str) -> Vec<u8> {
    [&[66, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

#[test]
fn gets_an_address_a_route_and_the_url_and_renews() {
    let ground = Ground::new().unwrap();
    let (_mood, seen) = serve(&ground, url("http://10.66.0.1/p/"));
    let phone = Plugged::new(&ground, 60);
    let report = phone.until(|report| matches!(report.outcome(Stage::Dhcp), Outcome::Done { .. }));
    assert_eq!(report.address, Some(Ipv4Addr::new(10, 66, 0, 77)));
    assert_eq!(seen.recv_timeout(LIMIT).unwrap(), (1, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));
    // A switch that has just seen the cable may lose an answer: the phone asks again then.
    let request = std::iter::from_fn(|| seen.recv_timeout(LIMIT).ok()).find(|(kind, ..)| *kind != 1).unwrap();
    assert_eq!(request, (3, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));
    // Nothing but the address of the lease reaches the box, and everything else goes to the router.
    let seen_from = phone.namespace.run(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        socket.connect("192.0.2.1:9").unwrap();
        socket.local_addr().unwrap().ip()
    });
    assert_eq!(seen_from.unwrap(), Ipv4Addr::new(10, 66, 0, 77));
    phone.remote.renew();
    let held = Ipv4Addr::new(10, 66, 0, 77);
    assert_eq!(seen.recv_timeout(LIMIT).unwrap(), (3, held, held), "a renewal is unicast and names the address");
    phone.until(|report| report.log.iter().any(|moment| moment.what == "renewed 10.66.0.77"));
    assert!(matches!(phone.until(|report| report.rounds == 1).outcome(Stage::Dhcp), Outcome::Done { .. }));
}

#[test]
fn a_refused_renewal_starts_anew() {
    let ground = Ground::new().unwrap();
    let (mood, _seen) = serve(&ground, url("http://10.66.0.1/p/"));
    let phone = Plugged::new(&ground, 60);
    phone.until(|report| !report.asks_again);
    // NAK to every REQUEST, until the phone has noticed.
    *mood.lock().unwrap() = |kind| Some(if kind == 1 { 2 } else { 6 });
    phone.remote.renew();
    let ended = "dhcp: the lease of 10.66.0.77 has ended and no server renewed it";
    phone.until(|report| report.address.is_none() && report.log.iter().any(|moment| moment.what == ended));
    *mood.lock().unwrap() = friendly;
    phone.until(|report| report.address.is_some());
}

#[test]
fn no_server_and_no_url_are_named() {
    let ground = Ground::new().unwrap();
    let (mood, _seen) = serve(&ground, Vec::new());
    *mood.lock().unwrap() = |_| None;
    let phone = Plugged::new(&ground, 600);
    let failed = |report: &Report, fault: &Fault| report.fault() == Some((Stage::Dhcp, fault));
    phone.until(|report| failed(report, &Fault::NoLease));
    *mood.lock().unwrap() = friendly;
    phone.until(|report| failed(report, &Fault::NoProvisioningUrl));
}

#[test]
fn a_bare_host_in_option_66_means_tftp() {
    let ground = Ground::new().unwrap();
    let (_mood, _seen) = serve(&ground, url(&BOX.to_string()));
    let phone = Plugged::new(&ground, 60);
    let report = phone.until(|report| matches!(report.outcome(Stage::Bootstrap), Outcome::Failed { .. }));
    let (_, fault) = report.fault().filter(|(stage, _)| *stage != Stage::Time).unwrap_or_else(|| {
        let Outcome::Failed { fault, .. } = report.outcome(Stage::Bootstrap) else { unreachable!() };
        (Stage::Bootstrap, fault)
    });
    assert!(fault.to_string().contains("TFTP"), "{fault}");
}
