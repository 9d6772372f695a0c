//! How long the DHCP engine takes to decide, with few leases and with many.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Duration;

use block66::dhcp::{Conduct, Engine, Knowledge, Network, Request, Subnet};
use block66::model::{Lease, LeaseState, Mac, Now, Timestamp, Via};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
const FIRST: u32 = u32::from_be_bytes([10, 64, 0, 10]);

fn now(seconds: u64) -> Now {
    let span = Duration::from_secs(seconds);
    Now { monotonic: span, wall: Timestamp::from_secs(1_790_000_000).plus(span), trusted: true }
}

fn mac(number: u32) -> Mac {
    let [_, a, b, c] = number.to_be_bytes();
    Mac::new([0x80, 0x5e, 0xc0, a, b, c])
}

fn engine(leases: u32) -> Engine {
    let network = Network {
        name: "office".into(),
        server: SERVER,
        subnet: Subnet {
            net: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 0, 0), 10),
            first: FIRST.into(),
            last: (FIRST + 80_000).into(),
            gateway: Some(SERVER),
            dns: vec![SERVER],
            domain: Some("branch.example".into()),
            lease_time: Duration::from_secs(43_200),
            reservations: BTreeMap::new(),
            on_link: false,
        },
        conduct: Conduct::Full { sole: true },
        marker: None,
        dated: true,
        restored: None,
    };
    let lease = |number: u32| Lease {
        address: (FIRST + number).into(),
        mac: mac(number),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: now(43_200).wall,
        seconds_left: 43_200,
        via: Via::Wire,
    };
    Engine::new(network, (0..leases).map(lease), now(0))
}

/// A packet as a phone sends it, with a class and a list of eleven parameters.
fn packet(client: u32, kind: u8, more: &[(u8, [u8; 4])]) -> Vec<u8> {
    let mut bytes = vec![1, 1, 6, 0, 1, 2, 3, 4];
    bytes.resize(28, 0);
    bytes.extend(mac(client).octets());
    bytes.resize(236, 0);
    bytes.extend([99, 130, 83, 99, 53, 1, kind, 57, 2, 5, 220]);
    bytes.extend([55, 11, 1, 3, 6, 12, 15, 42, 43, 58, 59, 66, 160, 60, 5]);
    bytes.extend(b"phone");
    for (code, value) in more {
        bytes.extend([*code, 4]);
        bytes.extend(value);
    }
    bytes.push(255);
    bytes
}

fn decisions(criterion: &mut Criterion) {
    let url = b"http://10.64.0.1/p/".to_vec();
    let phone = Knowledge { options: vec![(66, url.clone()), (160, url)], phone: true, custom: Vec::new() };
    let mut group = criterion.benchmark_group("dhcp");
    for leases in [100, 10_000, 60_000] {
        let known = packet(leases / 2, 1, &[]);
        group.bench_function(BenchmarkId::new("discover of a known client", leases), |bencher| {
            let mut engine = engine(leases);
            bencher.iter(|| engine.handle(&Request::decode(black_box(&known)).unwrap(), &phone, now(1)));
        });
        let mut strangers = engine(leases);
        let mut stranger = leases;
        group.bench_function(BenchmarkId::new("discover of a stranger", leases), |bencher| {
            bencher.iter(|| {
                stranger = stranger.wrapping_add(1) & 0x00ff_ffff;
                let bytes = packet(stranger, 1, &[]);
                strangers.handle(&Request::decode(black_box(&bytes)).unwrap(), &phone, now(1))
            });
        });
        let address = Ipv4Addr::from(FIRST + leases / 2).octets();
        let request = packet(leases / 2, 3, &[(54, SERVER.octets()), (50, address)]);
        group.bench_function(BenchmarkId::new("request", leases), |bencher| {
            let mut engine = engine(leases);
            bencher.iter(|| engine.handle(&Request::decode(black_box(&request)).unwrap(), &phone, now(1)));
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
