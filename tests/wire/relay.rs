//! Clients behind a relay agent that other people wrote.

use crate::capture::Capture;
use crate::dhcp::{ACK, udhcpc_once};
use crate::ground::{BOX, Client, Ground, Process, ip, version};
use crate::life::{Program, live};

const DHCP: &str = "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"\nrelays = [\"10.70.0.1\"]\n\
                    [[network.dhcp.subnet]]\nsubnet = \"10.70.0.0/24\"\npool = \"10.70.0.100-10.70.0.120\"\n\
                    gateway = \"10.70.0.1\"";

/// A router between the LAN of the box and a second one, with these many places there; `names_ports` says whether its
/// relay agent adds option 82.
pub(crate) fn behind(ground: &Ground, places: usize, names_ports: bool) -> (Client, Vec<Client>, Process) {
    let router = ground.client();
    router.add_address("10.66.0.254/24");
    ip(&format!(
        "-n {} link add lan1 address 02:00:00:00:02:00 type bridge forward_delay 0 stp_state 0",
        router.namespace
    ));
    ip(&format!("-n {} addr add 10.70.0.1/24 dev lan1", router.namespace));
    ip(&format!("-n {} link set lan1 up", router.namespace));
    let far = |number: usize| {
        let far = ground.client();
        // What was its wire to the LAN of the box becomes one to the router.
        ip(&format!("-n {} link del eth0", far.namespace));
        let port = format!("far{number}");
        let pair = format!("name {port} netns {}", router.namespace);
        ip(&format!("-n {} link add eth0 address {} type veth peer {pair}", far.namespace, far.mac));
        ip(&format!("-n {} link set {port} master lan1 up", router.namespace));
        ip(&format!("-n {} link set eth0 up", far.namespace));
        far
    };
    let places = (1..=places).map(far).collect();
    router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    let adds: &[&str] = if names_ports { &["-a"] } else { &[] };
    let arguments = [&["-d", "-4"], adds, &["-id", "lan1", "-iu", "eth0", "10.66.0.1"]].concat();
    let relay = Process::start(router.command("dhcrelay", &arguments));
    relay.says("Sending on", 1);
    (router, places, relay)
}

#[test]
fn clients_behind_dhcrelay_live_with_addresses_of_their_subnet() {
    let ground = Ground::new();
    let capture = Capture::start(&ground);
    let appliance = ground.start_as(DHCP);
    let (_router, places, _relay) = behind(&ground, Program::ALL.len(), true);
    // The box answers renewals by the router.
    ground.route("10.70.0.0/24", "10.66.0.254");
    let places: Vec<_> = places.iter().zip(Program::ALL).collect();
    live(&capture, &places, None);
    for (far, program) in places {
        let ack = capture.wait_for(far, |seen| seen.kind == ACK);
        assert_eq!(ack.yiaddr.octets()[..3], [10, 70, 0], "{program:?}");
        assert_eq!(ack.get(3), Some(&[10, 70, 0, 1][..]), "the gateway of its own subnet");
        let relayed = capture.of(far).into_iter().find(|seen| seen.kind == ACK && !seen.giaddr.is_unspecified());
        let relayed = relayed.expect("the first ACK came by the relay");
        assert!(relayed.get(82).is_some(), "what the relay added comes back to it");
        assert_eq!(relayed.options.last().unwrap().0, 82, "and stands last");
    }
    println!("client: dhcrelay {} · before all of them", version("dhcrelay", &["--version"]));
    appliance.stop();
}

/// A phone behind a relay agent is served; its lease says who it is only where the agent named its port.
#[test]
fn a_phone_behind_a_relay_is_known_by_the_port_that_the_agent_names() {
    for names_ports in [true, false] {
        let ground = Ground::new();
        let appliance = ground.start_as(DHCP);
        let (_router, places, _relay) = behind(&ground, 1, names_ports);
        ground.route("10.70.0.0/24", "10.66.0.254");
        let [phone] = &places[..] else { panic!("one place") };
        let line = ["phones", "add", &phone.mac, "--name", "Desk", "--user", "201", "--server", "pbx.example"];
        ground.block66(&line, "sip-secret-of-the-desk\n");
        udhcpc_once(phone, &[]);
        phone.run("ip", &["route", "replace", "10.66.0.0/24", "via", "10.70.0.1"]);
        let own = phone.mac.replace(':', "");
        let own = format!("http://{BOX}/p/{own}.cfg");
        let quiet = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"];
        let asked = ["--user-agent", "Yealink SIP-T46U 108.86.0.20", "--write-out", "%{http_code}", own.as_str()];
        let output = phone.command("curl", &[&quiet[..], &asked].concat()).output().expect("curl is installed");
        let given = String::from_utf8_lossy(&output.stdout).into_owned();
        let knows = given.ends_with("200") && given.contains("static.auto_provision.server.password");
        assert_eq!(knows, names_ports, "option 82: {names_ports}: {given}");
        assert!(names_ports || given.ends_with("401"), "it is asked for a login: {given}");
        assert!(!given.contains("sip-secret"), "{given}");
        appliance.stop();
    }
}
