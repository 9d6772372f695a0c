//! Clients behind a relay agent that other people wrote.

use std::net::Ipv4Addr;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::capture::Capture;
use crate::dhcp::{ACK, DHCLIENT, script, udhcpc};
use crate::ground::{Client, Ground, Process, version};

const DHCP: &str = "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"\nrelays = [\"10.70.0.1\"]\n\
                    [[network.dhcp.subnet]]\nsubnet = \"10.70.0.0/24\"\npool = \"10.70.0.100-10.70.0.120\"\n\
                    gateway = \"10.70.0.1\"";

fn run(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A router between the LAN of the box and a second one, with one place there.
fn behind(ground: &Ground) -> (Client, Client, Process) {
    let router = ground.client();
    router.add_address("10.66.0.254/24");
    let far = ground.client();
    // What was its wire to the bridge becomes one to the router.
    run(&format!("-n {} link del eth0", far.namespace));
    let pair = format!("name eth1 netns {}", router.namespace);
    run(&format!("-n {} link add eth0 address {} type veth peer {pair}", far.namespace, far.mac));
    run(&format!("-n {} addr add 10.70.0.1/24 dev eth1", router.namespace));
    run(&format!("-n {} link set eth1 up", router.namespace));
    run(&format!("-n {} link set eth0 up", far.namespace));
    router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    let arguments = ["-d", "-4", "-a", "-id", "eth1", "-iu", "eth0", "10.66.0.1"];
    let relay = Process::start(router.command("dhcrelay", &arguments));
    relay.says("Sending on", 1);
    (router, far, relay)
}

#[test]
fn clients_behind_dhcrelay_get_renew_and_come_back_to_addresses_of_their_subnet() {
    let ground = Ground::new();
    let capture = Capture::start(&ground);
    let appliance = ground.start_as(DHCP);
    let (_router, far, _relay) = behind(&ground);
    // The box answers renewals by the router.
    let route = ground
        .command(std::path::Path::new("ip"))
        .args(["route", "add", "10.70.0.0/24", "via", "10.66.0.254"])
        .output();
    assert!(route.unwrap().status.success());
    let in_subnet = |address: Ipv4Addr| address.octets()[..3] == [10, 70, 0];

    let process = udhcpc(&far, &[]);
    process.says("event bound", 1);
    let first = far.address();
    assert!(in_subnet(first), "{first}");
    let ack = capture.wait_for(&far, |seen| seen.kind == ACK);
    assert_eq!(ack.get(3), Some(&[10, 70, 0, 1][..]), "the gateway of its own subnet");
    assert!(ack.get(82).is_some(), "what the relay added comes back to it");
    assert_eq!(ack.options.last().unwrap().0, 82, "and stands last");
    process.signal(Signal::SIGUSR1);
    process.says("event renew", 1);
    process.signal(Signal::SIGUSR2);
    drop(process);

    let script = script(&far, "dhclient.sh", DHCLIENT);
    let arguments =
        ["-4", "-d", "-sf", &script, "-lf", "/var/lib/dhcp/leases", "-pf", "/run/pid", "-cf", "/dev/null", "eth0"];
    let process = Process::start(far.command("dhclient", &arguments));
    process.says("event BOUND", 1);
    assert!(in_subnet(far.address()));
    process.says("event RENEW", 1);
    drop(process);

    let conf = far.directory.join("dhcpcd.conf");
    std::fs::write(&conf, "clientid\nnoarp\nnohook resolv.conf\n").unwrap();
    run(&format!("-n {} addr flush dev eth0", far.namespace));
    let process = Process::start(far.command("dhcpcd", &["-B", "-4", "-f", conf.to_str().unwrap(), "eth0"]));
    assert!(in_subnet(far.address()));
    drop(process);
    capture.report(&far, "dhcrelay", &version("dhcrelay", &["--version"]));
    appliance.stop();
}
