//! What phones are told on the wire: by the box itself, and by servers that other people wrote which were given what
//! the box wrote for them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use block66::brands::Registry;
use block66::dhcp::export::{Facts, Target, export};
use block66::model::BoxAddress;
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};

use crate::devices::{DOORS, Device, NOBODY, PHONES};
use crate::dhcp::{DISCOVER, OFFER};
use crate::ground::{BOX, Client, Ground, INTERFACE, PATIENCE, Process, version};

/// Every option by which phones find their configuration or their VLAN.
const LEADING: [u8; 15] = [43, 66, 67, 114, 120, 125, 128, 132, 150, 159, 160, 161, 176, 232, 242];

/// Devices that are no phones.
const OTHERS: [Device; 4] = [
    Device { what: "a computer", class: b"MSFT 5.0", ..NOBODY },
    Device { what: "a network boot", class: b"PXEClient:Arch:00007:UNDI:003016", ..NOBODY },
    Device {
        what: "a network boot of a phone maker's",
        mac: [0, 4, 0x13, 1, 2, 3],
        class: b"PXEClient:Arch:00007",
        ..NOBODY
    },
    Device { what: "a boot over HTTP", mac: [0, 0x15, 0x65, 1, 2, 3], class: b"HTTPClient:Arch:00016", ..NOBODY },
];

type Options = Vec<(u8, Vec<u8>)>;
type Told = &'static [(u8, &'static [u8])];

/// Sends what each device says when it looks for a server, and gives the options that it is offered.
fn offers(place: &Client, devices: &[&Device]) -> Vec<Options> {
    let namespace = format!("/run/netns/{}", place.namespace);
    thread::scope(|scope| {
        let asking = scope.spawn(move || {
            setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket.bind_device(Some(b"eth0")).unwrap();
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into()).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let socket = std::net::UdpSocket::from(socket);
            (1_u32..).zip(devices).map(|(xid, device)| offer(&socket, xid, device)).collect()
        });
        asking.join().unwrap()
    })
}

fn offer(socket: &std::net::UdpSocket, xid: u32, device: &Device) -> Options {
    let mut packet = vec![1, 1, 6, 0];
    packet.extend(xid.to_be_bytes());
    // Seconds, and the flag that asks for a broadcast answer.
    packet.extend([0, 0, 0x80, 0]);
    packet.resize(28, 0);
    packet.extend(device.mac);
    packet.resize(236, 0);
    packet.extend([99, 130, 83, 99, 53, 1, DISCOVER]);
    for (number, value) in [(60, device.class), (77, device.user_class), (55, device.requested)] {
        if !value.is_empty() {
            packet.extend([number, u8::try_from(value.len()).unwrap()]);
            packet.extend(value);
        }
    }
    packet.push(255);
    packet.resize(packet.len().max(300), 0);
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 2048];
    while Instant::now() < deadline {
        socket.send_to(&packet, (Ipv4Addr::BROADCAST, 67)).unwrap();
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            let message = &buffer[..length];
            if length < 240 || message[0] != 2 || message[4..8] != xid.to_be_bytes() {
                continue;
            }
            let options = read(&message[240..]);
            if options.iter().any(|(number, value)| *number == 53 && value == &[OFFER]) {
                return options;
            }
        }
    }
    panic!("{} is offered nothing", device.what);
}

fn read(mut rest: &[u8]) -> Options {
    let mut options = Options::new();
    while let [number, tail @ ..] = rest {
        match (number, tail) {
            (255, _) => break,
            (0, _) => rest = tail,
            (number, [length, tail @ ..]) => {
                let (value, tail) = tail.split_at(usize::from(*length));
                options.push((*number, value.to_vec()));
                rest = tail;
            }
            _ => break,
        }
    }
    options
}

/// The options of an offer that lead phones, in the order of their numbers.
fn leading(options: &Options) -> Options {
    let mut found: Options = options.iter().filter(|(number, _)| LEADING.contains(number)).cloned().collect();
    found.sort();
    found
}

fn told(device: &Device) -> Options {
    let mut told: Options = device.told.iter().map(|(number, value)| (*number, value.to_vec())).collect();
    told.sort();
    told
}

fn shown(options: &Options) -> Vec<(u8, String)> {
    options.iter().map(|(number, value)| (*number, value.escape_ascii().to_string())).collect()
}

/// VLANs that the phones of the table are told, each with those phones.
fn by_vlan() -> Vec<(Option<u16>, Vec<&'static Device>)> {
    let mut groups: Vec<(Option<u16>, Vec<&Device>)> = Vec::new();
    for device in PHONES {
        match groups.iter_mut().find(|(vlan, _)| *vlan == device.voice_vlan) {
            Some((_, devices)) => devices.push(device),
            None => groups.push((device.voice_vlan, vec![device])),
        }
    }
    groups
}

/// A server of other people's at a place on the LAN, given the snippet that was written for it.
struct Other {
    target: Target,
    name: &'static str,
    version: String,
    start: fn(&Client, &str) -> Process,
    /// What it cannot be made to say, by the start of the device's description and the option; the snippet tells the
    /// administrator so.
    unsaid: &'static [(&'static str, u8)],
}

fn place_file(place: &Client, name: &str, text: &str) -> String {
    let path = place.directory.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn dnsmasq(place: &Client, snippet: &str) -> Process {
    let conf = format!(
        "port=0\nkeep-in-foreground\nlog-facility=-\nuser=root\npid-file={0}/pid\ndhcp-leasefile={0}/leases\nno-ping\n\
         dhcp-authoritative\ndhcp-range=10.66.0.100,10.66.0.200,2m\n{snippet}",
        place.directory.display()
    );
    let process = Process::start(place.command("dnsmasq", &["-C", &place_file(place, "dnsmasq.conf", &conf)]));
    process.says("DHCP, IP range", 1);
    process
}

fn kea(place: &Client, snippet: &str) -> Process {
    let (_, parts) = snippet.split_once("\"Dhcp4\": {").unwrap();
    let conf = format!(
        "{{ \"Dhcp4\": {{\n\"interfaces-config\": {{ \"interfaces\": [\"eth0\"], \"dhcp-socket-type\": \"raw\" }},\n\
         \"lease-database\": {{ \"type\": \"memfile\", \"persist\": false }},\n\
         \"subnet4\": [{{ \"subnet\": \"10.66.0.0/24\", \"pools\": [{{ \"pool\": \"10.66.0.100-10.66.0.200\" }}] }}],\n\
         \"loggers\": [{{ \"name\": \"kea-dhcp4\", \"severity\": \"INFO\", \"output_options\": [{{ \"output\": \"stdout\" }}] \
         }}],\n{parts}"
    );
    let mut command = place.command("kea-dhcp4", &["-c", &place_file(place, "kea.conf", &conf)]);
    command.env("KEA_LOCKFILE_DIR", &place.directory).env("KEA_PIDFILE_DIR", &place.directory);
    let process = Process::start(command);
    process.says("DHCP4_STARTED", 1);
    process
}

fn isc(place: &Client, snippet: &str) -> Process {
    let snippet = place_file(place, "phones.conf", snippet);
    let conf = format!(
        "authoritative;\ninclude \"{snippet}\";\n\
         subnet 10.66.0.0 netmask 255.255.255.0 {{ range 10.66.0.100 10.66.0.200; default-lease-time 120; }}\n"
    );
    let conf = place_file(place, "dhcpd.conf", &conf);
    let leases = place_file(place, "dhcpd.leases", "");
    let arguments = ["-4", "-f", "-d", "--no-pid", "-cf", &conf, "-lf", &leases, "eth0"];
    let process = Process::start(place.command("dhcpd", &arguments));
    process.says("Server starting service", 1);
    process
}

fn others() -> [Other; 3] {
    [
        Other {
            target: Target::Dnsmasq,
            name: "dnsmasq",
            version: version("dnsmasq", &["--version"]),
            start: dnsmasq,
            // Only to those who send no class, which it cannot tell.
            unsaid: &[("fanvil", 43)],
        },
        Other {
            target: Target::Kea,
            name: "kea-dhcp4",
            version: version("kea-dhcp4", &["-v"]),
            start: kea,
            // It reads a meaning of its own into 159 (RFC 7618).
            unsaid: &[
                ("cisco spa", 159),
                ("linksys", 159),
                ("cisco mpp", 159),
                ("aastra", 159),
                ("mitel", 159),
                ("panasonic", 159),
            ],
        },
        Other {
            target: Target::Isc,
            name: "dhcpd",
            version: version("dhcpd", &["--version"]),
            start: isc,
            unsaid: &[],
        },
    ]
}

/// What phones are told by a server that knows neither their user class nor the names of their files, where that is
/// not what the box tells them.
const ELSEWHERE: [(&str, Told); 2] =
    [("audiocodes phone", &[(160, b"http://10.66.0.1/p/")]), ("audiocodes gateway", &[(160, b"http://10.66.0.1/p/")])];

/// What a device is told by another server: of that, what it asks for.
fn told_elsewhere(other: &Other, device: &Device) -> Options {
    let special = ELSEWHERE.iter().find(|(what, _)| device.what.starts_with(what));
    let told = match special {
        Some((_, told)) => told.iter().map(|(number, value)| (*number, value.to_vec())).collect(),
        None => told(device),
    };
    let unsaid =
        |number: u8| other.unsaid.iter().any(|(what, option)| device.what.starts_with(what) && *option == number);
    let said = told.into_iter().filter(|(number, _)| device.requested.contains(number) && !unsaid(*number));
    in_its_words(other, said.collect())
}

/// What this server says of a text that it knows to be one: dnsmasq ends it with a NUL.
fn in_its_words(other: &Other, options: Options) -> Options {
    let ends = |number: u8| other.target == Target::Dnsmasq && [66, 67].contains(&number);
    options
        .into_iter()
        .map(|(number, value)| {
            let nul: &[u8] = if ends(number) { b"\0" } else { b"" };
            (number, [&value, nul].concat())
        })
        .collect()
}

#[test]
fn other_servers_tell_each_brand_what_the_box_wrote_for_them() {
    let registry = Registry::builtin().unwrap();
    let mut wrong = Vec::new();
    for other in others() {
        let mut told_phones = 0;
        for (voice_vlan, phones) in by_vlan() {
            let ground = Ground::new();
            let (place, asker) = (ground.client(), ground.client());
            place.add_address("10.66.0.254/24");
            let at = BoxAddress { host: BOX.into(), http: 80, https: 443 };
            let snippet = export(other.target, &registry, &Facts { at, also: DOORS.to_vec(), voice_vlan });
            let server = (other.start)(&place, &snippet);
            let devices: Vec<&Device> = phones.iter().copied().chain(&OTHERS).collect();
            for (device, offered) in devices.iter().zip(offers(&asker, &devices)) {
                let (expected, got) = (told_elsewhere(&other, device), leading(&offered));
                if got != expected {
                    wrong.push(format!(
                        "{} tells {}: {:?}\n    not {:?}",
                        other.name,
                        device.what,
                        shown(&got),
                        shown(&expected)
                    ));
                }
            }
            told_phones += phones.len();
            drop(server);
        }
        println!("client: {} {} · {told_phones} phones told", other.name, other.version);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_command_line_prints_what_is_written_for_other_servers() {
    let registry = Registry::builtin().unwrap();
    let ground = Ground::new();
    // The box has an address that phones do not reach, too, and its pages stand at another port.
    let mut ip = ground.command("ip".as_ref());
    assert!(ip.args(["addr", "add", "10.1.0.1/24", "dev", INTERFACE]).status().unwrap().success());
    let appliance = ground.start_as("mode = \"inform-only\"\n[listen]\nhttp = \"0.0.0.0:8080\"");
    for target in Target::ALL {
        for (address, more) in [(BOX, &[][..]), ([192, 0, 2, 7].into(), &["--address", "192.0.2.7"])] {
            let at = BoxAddress { host: address.into(), http: 8080, https: 443 };
            let written = export(target, &registry, &Facts { at, also: vec![69, 6970], voice_vlan: Some(20) });
            let arguments = ["dhcp", "export", "--for", target.name(), "--voice-vlan", "20"];
            let printed = ground.block66(&[&arguments[..], more].concat(), "");
            assert_eq!(printed, written, "{}", target.name());
        }
    }
    appliance.stop();
}

/// What the box does not say, because the phones would ask at a port at which it does not answer.
const NO_DOOR: [(&str, u8); 1] = [("unify", 43)];

#[test]
fn the_box_tells_each_brand_these_bytes() {
    for (voice_vlan, phones) in by_vlan() {
        let ground = Ground::new();
        let sends = voice_vlan.map(|vlan| format!("voice-vlan = {vlan}\n")).unwrap_or_default();
        let there = voice_vlan.map(|vlan| format!("vlan = {vlan}\n")).unwrap_or_default();
        let appliance = ground.start(&format!(
            "pool = \"10.66.0.100-10.66.0.199\"\nrelays = [\"10.70.0.1\"]\n{sends}[[network.dhcp.subnet]]\n\
             subnet = \"10.70.0.0/24\"\npool = \"10.70.0.100-10.70.0.120\"\ngateway = \"10.70.0.1\"\n{there}"
        ));
        let devices: Vec<&Device> = phones.iter().copied().chain(&OTHERS).collect();
        for (device, offered) in devices.iter().zip(offers(&ground.client(), &devices)) {
            let no_door =
                |number: u8| NO_DOOR.iter().any(|(what, option)| device.what.starts_with(what) && *option == number);
            let said = |options: Options| shown(&options.into_iter().filter(|(number, _)| !no_door(*number)).collect());
            assert_eq!(said(leading(&offered)), said(told(device)), "{}", device.what);
        }
        appliance.stop();
    }
}
