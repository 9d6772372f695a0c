//! What the kernel knows of neighbours, asked of a real one.

use std::process::Command;

use block66::lab::namespace::Namespace;
use block66::sys::neighbours;

#[test]
fn a_neighbour_is_known_where_the_entry_is_complete_and_the_address_on_a_link() {
    let place = Namespace::new().unwrap();
    let ip = |words: &str| {
        let done = place.run(|| Command::new("ip").args(words.split(' ')).status()).unwrap().unwrap();
        assert!(done.success(), "ip {words}");
    };
    ip("link add eth0 type veth peer name far0");
    ip("link add eth1 type veth peer name far1");
    ip("address add 10.66.0.1/24 dev eth0");
    ip("address add 10.67.0.1/24 dev eth1");
    ip("link set far0 up");
    ip("link set far1 up");
    ip("link set eth0 up");
    ip("link set eth1 up");
    ip("route add 10.68.0.0/16 via 10.66.0.254");
    ip("neigh add 10.66.0.10 lladdr 80:5e:c0:12:34:56 nud reachable dev eth0");
    ip("neigh add 10.66.0.11 lladdr 80:5e:c0:12:34:57 nud stale dev eth0");
    ip("neigh add 10.66.0.12 lladdr 80:5e:c0:12:34:58 nud permanent dev eth0");
    ip("neigh add 10.66.0.13 nud incomplete dev eth0");
    ip("neigh add 10.66.0.14 nud failed dev eth0");
    ip("neigh add 10.67.0.10 lladdr 80:5e:c0:12:34:59 nud reachable dev eth1");
    ip("neigh add 10.67.0.11 lladdr 80:5e:c0:12:34:5a nud reachable dev eth0");
    ip("neigh add 10.66.0.254 lladdr 80:5e:c0:00:00:fe nud reachable dev eth0");
    let known = |address: &str| {
        let address = address.parse().unwrap();
        place.run(|| neighbours::lookup(address)).unwrap().map(|mac| mac.to_string())
    };
    let expected = [
        ("10.66.0.10", Some("80:5e:c0:12:34:56")),
        ("::ffff:10.66.0.10", Some("80:5e:c0:12:34:56")),
        ("10.66.0.11", Some("80:5e:c0:12:34:57")),
        ("10.66.0.12", Some("80:5e:c0:12:34:58")),
        ("10.66.0.13", None),
        ("10.66.0.14", None),
        ("10.66.0.15", None),
        ("10.67.0.10", Some("80:5e:c0:12:34:59")),
        // On another link than where its address would be.
        ("10.67.0.11", None),
        // Behind a router, whose address is not its own.
        ("10.68.0.10", None),
        // The box itself, nowhere, and what is no IPv4 address.
        ("10.66.0.1", None),
        ("127.0.0.1", None),
        ("192.0.2.1", None),
        ("fe80::1", None),
    ];
    for (address, mac) in expected {
        assert_eq!(known(address).as_deref(), mac, "{address}");
    }
}
