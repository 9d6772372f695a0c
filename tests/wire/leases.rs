//! Leases of another server that are taken over while the box serves.

use std::fs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::dhcp::{ACK, DISCOVER, NAK, OFFER};
use crate::ground::Ground;
use crate::hand::{Hand, message, takes};

fn address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 66, 0, host)
}

#[test]
fn a_lease_that_is_given_while_leases_are_taken_over_is_not_forgotten() {
    /// Leases that are given at once.
    const ROUND: u8 = 15;
    let ground = Ground::new();
    let appliance = ground.start("pool = \"10.66.0.2-10.66.0.250\"\nlease-time = \"1h\"");
    let clients = Hand::at(&ground.client());
    let file = ground.data().join("dnsmasq.leases");
    let words = ["dhcp", "import-leases", "--form", "dnsmasq", file.to_str().unwrap()];
    let mut free = 2;
    for round in 0..12_usize {
        // The order is to come while packets are decided: how long the file is says when it comes.
        let lines = (0..round * 150).map(|_| "0 02:00:00:00:67:01 192.0.2.1 * *\n");
        fs::write(&file, lines.collect::<String>()).unwrap();
        appliance.signal(Signal::SIGSTOP);
        for host in free..free + ROUND {
            clients.send(&takes(host, address(host)));
        }
        thread::scope(|scope| {
            let import = scope.spawn(|| ground.block66(&words, ""));
            thread::sleep(Duration::from_millis(150));
            appliance.signal(Signal::SIGCONT);
            import.join().unwrap();
        });
        let answers = clients.answers(Duration::from_millis(300));
        assert_eq!(answers.iter().filter(|answer| answer.kind == ACK).count(), usize::from(ROUND), "{answers:?}");
        // Whoever comes next is offered the first address that nobody has.
        let next = free + ROUND;
        clients.send(&message(DISCOVER, next, &[]));
        let answers = clients.answers(Duration::from_millis(1000));
        let offered = answers.iter().find(|answer| answer.kind == OFFER).map(|answer| answer.yiaddr);
        assert_eq!(offered, Some(address(next)), "round {round}: {answers:?}");
        clients.send(&takes(next, address(next)));
        assert_eq!(clients.answers(Duration::from_millis(300)).len(), 1);
        free = next + 1;
    }
    appliance.stop();
}

#[test]
fn what_the_box_gave_and_what_is_over_keeps_no_lease_of_the_other_server_out() {
    let ground = Ground::new();
    let appliance = ground.start("pool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"");
    let clients = Hand::at(&ground.client());
    clients.send(&takes(1, address(100)));
    clients.send(&takes(2, address(101)));
    assert_eq!(clients.answers(Duration::from_millis(500)).len(), 2);
    thread::sleep(Duration::from_secs(15));
    clients.send(&takes(2, address(101)));
    assert_eq!(clients.answers(Duration::from_secs(6)).len(), 1);
    // The lease of the first is over, that of the second runs.
    let file = "0 02:00:00:00:67:01 10.66.0.100 * *\n0 02:00:00:00:67:02 10.66.0.101 * *\n";
    let said = ground.block66(&["dhcp", "import-leases", "--form", "dnsmasq", "-"], file);
    assert!(said.starts_with("1 leases taken over on office; 1 left out"), "{said}");
    // It is held for the other server's client.
    clients.send(&takes(3, address(100)));
    let answers = clients.answers(Duration::from_millis(500));
    assert_eq!(answers.iter().map(|answer| answer.kind).collect::<Vec<_>>(), [NAK], "{answers:?}");
    appliance.stop();
}
