//! A durable commit: what a burst of DHCP requests waits for before its replies leave.
//!
//! Each commit stores leases that were there before, as renewals do, on the disk of the target directory; a second
//! group adds 10 ms to each sync, as flash would. Aim: a commit of 256 takes less than three times a commit of one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::Ipv4Addr;
use std::time::Duration;

use block66::model::{Lease, LeaseState, Mac, Timestamp, Via};
use block66::store::{Disk, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const LEASES: u32 = 4096;

fn put(number: u32) -> Write {
    let [_, a, b, c] = number.to_be_bytes();
    let lease = Lease {
        address: Ipv4Addr::new(10, a, b, c),
        mac: Mac::new([0x80, 0x5e, 0xc0, a, b, c]),
        client_id: None,
        host_name: Some("SIP-T54W".into()),
        vendor_class: Some("yealink".into()),
        state: LeaseState::Bound,
        expires: Timestamp::from_secs(1_700_000_000 + i64::from(number)),
        seconds_left: 3600,
        via: Via::Wire,
    };
    Write::PutLease { network: "office".into(), lease }
}

fn commits(criterion: &mut Criterion, name: &str, sync_delay: Duration) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (store, _) = Store::open(Options {
        directory: directory.path().into(),
        key: Key::new(&block66::sys::random::bytes()),
        clock: Clock::new(Timestamp::default()),
        disk: Disk { sync_delay },
    })
    .unwrap();
    store.commit((0..LEASES).map(put).collect()).wait().unwrap();
    let mut group = criterion.benchmark_group(name);
    for size in [1, 32, 256] {
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |bencher, &size| {
            let mut next = 0;
            bencher.iter(|| {
                let writes = (0..size).map(|offset| put((next + offset * 7) % LEASES)).collect();
                next += size;
                store.commit(writes).wait().unwrap();
            });
        });
    }
    group.finish();
    store.close();
}

fn durable(criterion: &mut Criterion) {
    commits(criterion, "durable commit of leases", Duration::ZERO);
    commits(criterion, "durable commit of leases, 10 ms flash", Duration::from_millis(10));
}

criterion_group!(benches, durable);
criterion_main!(benches);
