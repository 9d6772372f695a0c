//! The life of a lease in the hands of clients that other people wrote: they get it, renew it, ask anybody for more
//! time when their server does not answer, release it, and come back to the same address.

use std::fs;
use std::thread;

use nix::sys::signal::Signal;

use crate::capture::{Capture, Seen};
use crate::dhcp::{ACK, DISCOVER, RELEASE, UDHCPC, script};
use crate::ground::{BOX, Client, Ground, Process, ip, version};

/// Leases so short that each client renews and rebinds while a test waits.
const HASTY: &str = "pool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"";

pub(crate) const DHCLIENT: &str = "#!/bin/sh
echo \"event $reason ip=$new_ip_address\"
case $reason in
    BOUND|REBOOT|RENEW|REBIND)
        ip -4 addr flush dev $interface; ip addr add $new_ip_address/$new_subnet_mask dev $interface
        ip route replace default via $new_routers dev $interface ;;
    RELEASE|EXPIRE|STOP|FAIL) ip -4 addr flush dev $interface ;;
esac
";

/// A DHCP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Udhcpc,
    Dhclient,
    Dhcpcd,
    Networkd,
}

impl Program {
    pub(crate) const ALL: [Self; 4] = [Self::Udhcpc, Self::Dhclient, Self::Dhcpcd, Self::Networkd];

    fn version(self) -> String {
        match self {
            Self::Udhcpc => version("busybox", &["--help"]),
            Self::Dhclient => version("dhclient", &["--version"]),
            Self::Dhcpcd => version("dhcpcd", &["--version"]),
            Self::Networkd => version("networkctl", &["--version"]),
        }
    }

    /// Switches the device on. `class` is its vendor class.
    fn start(self, client: &Client, class: Option<&str>) -> Process {
        let file = |name: &str, text: String| {
            let path = client.directory.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let says = |line: &str, end: &str| class.map(|class| format!("{line}{class}{end}\n")).unwrap_or_default();
        let command = match self {
            Self::Udhcpc => {
                let script = script(client, "udhcpc.sh", UDHCPC);
                let class = class.map(|class| ["-V", class]);
                let fixed = ["-f", "-i", "eth0", "-s", &script, "-t", "10", "-T", "1"];
                client.command("udhcpc", &[&fixed[..], class.as_ref().map_or(&[], |class| &class[..])].concat())
            }
            Self::Dhclient => {
                // It waits longer and longer between its questions, else, and misses the time in which it may ask
                // anybody.
                let class = says("send vendor-class-identifier \"", "\";");
                let conf = file("dhclient.conf", format!("initial-interval 1; backoff-cutoff 1;\n{class}"));
                client.command(
                    "dhclient",
                    &[&["-d"], &dhclient(client, &conf).each_ref().map(String::as_str)[..]].concat(),
                )
            }
            Self::Dhcpcd => {
                let class = says("vendorclassid ", "");
                let conf = file(
                    "dhcpcd.conf",
                    format!("clientid\nnoarp\nnohook resolv.conf, timesyncd, ntp, chrony\n{class}"),
                );
                client.command("dhcpcd", &["-B", "-4", "-f", &conf, "eth0"])
            }
            Self::Networkd => {
                fs::create_dir_all(client.directory.join("run/systemd/network")).unwrap();
                let class = says("VendorClassIdentifier=", "");
                file(
                    "run/systemd/network/10-eth0.network",
                    format!(
                        "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\n\
                             ClientIdentifier=mac\nSendHostname=no\n{class}"
                    ),
                );
                // Where /sys can be written it waits for udev.
                let start = "mount -o remount,bind,ro /sys; exec /lib/systemd/systemd-networkd";
                client.command("sh", &["-c", start])
            }
        };
        Process::start(command)
    }

    /// Has the client release its lease and switches it off.
    fn release(self, client: &Client, mut process: Process) {
        match self {
            Self::Udhcpc => {
                process.signal(Signal::SIGUSR2);
                process.says("event deconfig", 2);
            }
            Self::Dhclient => {
                let conf = client.directory.join("dhclient.conf");
                let state = dhclient(client, conf.to_str().unwrap());
                client.run("dhclient", &[&["-r"], &state.each_ref().map(String::as_str)[..]].concat());
            }
            Self::Dhcpcd => {
                let conf = client.directory.join("dhcpcd.conf");
                client.run("dhcpcd", &["-4", "-f", conf.to_str().unwrap(), "-k", "eth0"]);
            }
            Self::Networkd => {
                process.signal(Signal::SIGTERM);
                process.ends();
            }
        }
    }
}

fn dhclient(client: &Client, conf: &str) -> [String; 10] {
    let script = script(client, "dhclient.sh", DHCLIENT);
    ["-4", "-sf", &script, "-lf", "/var/lib/dhcp/leases", "-pf", "/run/dhclient.pid", "-cf", conf, "eth0"]
        .map(str::to_owned)
}

/// Lets each client live its whole life on the wire, all at the same time.
pub(crate) fn live(capture: &Capture, clients: &[(&Client, Program)], class: Option<&str>) {
    thread::scope(|scope| {
        for &(client, program) in clients {
            scope.spawn(move || live_one(capture, client, program, class));
        }
    });
}

fn live_one(capture: &Capture, client: &Client, program: Program, class: Option<&str>) {
    let process = program.start(client, class);
    let address = client.address();
    capture.wait_for_ack_to(client, 0, |seen| seen.kind == DISCOVER);
    capture.wait_for_ack_to(client, 0, Seen::is_renewal);

    // From here on it cannot reach its server alone, only all together.
    let cut = format!("-n {} route add blackhole {BOX}/32", client.namespace);
    ip(&cut);
    // A socket that is bound to an interface takes a neighbour for one whatever the routes say.
    let neighbour =
        format!("-n {} neigh replace {BOX} lladdr 02:00:00:00:ff:ff nud permanent dev eth0", client.namespace);
    ip(&neighbour);
    let before = capture.of(client).len();
    capture.wait_for_ack_to(client, before, Seen::is_rebinding);
    // Some clients take it away for a moment, to put it back.
    assert_eq!(client.address(), address, "{program:?}");
    ip(&cut.replace(" add ", " del "));
    // It is gone already where a client set its interface up anew.
    ip(&format!("-n {} neigh flush dev eth0 nud permanent", client.namespace));

    program.release(client, process);
    let released = capture.wait_for(client, |seen| seen.kind == RELEASE);
    assert_eq!(released.ciaddr, address, "{program:?}");
    let before = capture.of(client).len();
    let process = program.start(client, class);
    capture.wait_for_ack_to(client, before, |seen| !seen.from_server);
    assert_eq!(client.address(), address, "{program:?} comes back to it");
    drop(process);
    let refused = capture.of(client).iter().filter(|seen| seen.kind == crate::dhcp::NAK).count();
    assert_eq!(refused, 0, "{program:?}");
    capture.report(client, &format!("{program:?}").to_lowercase(), &program.version());
}

#[test]
fn every_client_lives_with_the_lans_dhcp_server() {
    let ground = Ground::new();
    let appliance = ground.start(HASTY);
    let capture = Capture::start(&ground);
    let clients = Program::ALL.map(|program| (ground.client(), program));
    live(&capture, &clients.each_ref().map(|(client, program)| (client, *program)), None);
    appliance.stop();
}

#[test]
fn every_phone_lives_with_a_server_for_phones_only() {
    let ground = Ground::new();
    let appliance = ground.start_as(&format!("mode = \"phones-only\"\n{HASTY}"));
    ground.dhcp_says("phones alone");
    let capture = Capture::start(&ground);
    let clients = Program::ALL.map(|program| (ground.client(), program));
    live(&capture, &clients.each_ref().map(|(client, program)| (client, *program)), Some("yealink"));
    let laptop = ground.client();
    let process = Program::Udhcpc.start(&laptop, None);
    capture.wait_for(&laptop, |seen| seen.kind == DISCOVER);
    process.says("event leasefail", 1);
    assert_eq!(capture.exchanges(&laptop), 0, "whoever is no phone is left to the other server");
    assert!(capture.of(&laptop).iter().all(|seen| seen.kind != ACK));
    appliance.stop();
}
