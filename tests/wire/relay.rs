//! Clients behind a relay agent that other people wrote.

use std::net::Ipv4Addr;
use std::process::Command;

use crate::capture::Capture;
use crate::dhcp::{ACK, udhcpc_once};
use crate::ground::{Client, Ground, Process, version};

pub(crate) const DHCP: &str = "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"\nrelays = [\"10.70.0.1\"]\n\
                    [[network.dhcp.subnet]]\nsubnet = \"10.70.0.0/24\"\npool = \"10.70.0.100-10.70.0.120\"\n\
                    gateway = \"10.70.0.1\"";

fn run(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The relay's own address there.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 70, 0, 1);

/// A second LAN, with places on it.
pub(crate) struct Behind<const PLACES: usize> {
    pub(crate) places: [Client; PLACES],
    _router: Client,
    _relay: Process,
}

/// A router between the LAN of the box and a second one, with a relay agent on it.
pub(crate) fn behind<const PLACES: usize>(ground: &Ground) -> Behind<PLACES> {
    let router = ground.client();
    router.add_address("10.66.0.254/24");
    run(&format!("-n {} link add lan1 address 02:00:00:00:02:00 type bridge forward_delay 0", router.namespace));
    run(&format!("-n {} addr add 10.70.0.1/24 dev lan1", router.namespace));
    run(&format!("-n {} link set lan1 up", router.namespace));
    let places = std::array::from_fn(|number| {
        let far = ground.client();
        // What was its wire to the bridge of the box becomes one to the router.
        run(&format!("-n {} link del eth0", far.namespace));
        let pair = format!("name port{number} netns {}", router.namespace);
        run(&format!("-n {} link add eth0 address {} type veth peer {pair}", far.namespace, far.mac));
        run(&format!("-n {} link set port{number} master lan1 up", router.namespace));
        run(&format!("-n {} link set eth0 up", far.namespace));
        far
    });
    router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    let arguments = ["-d", "-4", "-a", "-id", "lan1", "-iu", "eth0", "10.66.0.1"];
    let relay = Process::start(router.command("dhcrelay", &arguments));
    relay.says("Sending on", 1);
    // The box answers renewals by the router.
    let route = ["route", "add", "10.70.0.0/24", "via", "10.66.0.254"];
    let route = ground.command(std::path::Path::new("ip")).args(route).output();
    assert!(route.unwrap().status.success());
    Behind { places, _router: router, _relay: relay }
}

#[test]
fn what_a_relay_adds_comes_back_to_it() {
    let ground = Ground::new();
    let capture = Capture::start(&ground);
    let appliance = ground.start_as(DHCP);
    let behind = behind::<1>(&ground);
    let [far] = &behind.places;
    let (address, _) = udhcpc_once(far, &[]);
    assert_eq!(address.octets()[..3], [10, 70, 0], "an address of its own subnet");
    let ack = capture.wait_for(far, |seen| seen.kind == ACK);
    assert_eq!(ack.get(3), Some(&[10, 70, 0, 1][..]), "the gateway of its own subnet");
    assert!(ack.get(82).is_some(), "what the relay added comes back to it");
    assert_eq!(ack.options.last().unwrap().0, 82, "and stands last");
    capture.report(far, "dhcrelay", &version("dhcrelay", &["--version"]));
    appliance.stop();
}
