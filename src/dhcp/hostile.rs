//! Packets bent at random, from a seed: nothing that arrives makes the server panic, grow, give a lease that cannot be
//! stored, or write a message that does not fit.

use std::collections::BTreeMap;

use super::engine::tests::{at, network};
use super::engine::{Engine, LeaseWrite};
use super::knowledge::Knowledge;
use super::packets::Packet;
use super::request::Request;
use crate::model::{Lease, Timestamp};
use crate::store::{Store, Write, samples};
use crate::sys::clock::Clock;

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

const PACKETS: usize = 60_000;
const SEED: u64 = 66;

#[test]
fn hostile_packets_neither_panic_nor_bind_what_is_not_ours() {
    println!("seed: {SEED}");
    let mut dice = Dice(SEED);
    let server = [10, 66, 0, 1].into();
    let held = [10, 66, 0, 10].into();
    let corpus: Vec<Vec<u8>> = [
        Packet::discover(1).with(55, &[1, 3, 6, 66]).with(60, b"MSFT 5.0").with(57, &[2, 64]),
        Packet::select(1, server, held).with(61, b"\x01\x80\x5e\xc0\x00\x00\x01").with(12, b"desk"),
        Packet::renew(1, held),
        Packet::reboot(2, held).with(82, &[1, 2, 3, 4]),
        Packet::decline(1, server, held),
        Packet::release(1, server, held),
        Packet::inform(3, held).with(52, &[3]),
        Packet::select(4, server, [10, 66, 0, 14].into()).with(61, &[7; 254]).with(12, &[b'h'; 255]),
        Packet::select(5, server, [10, 66, 0, 15].into()).with(61, &[7; 255]).with(60, &[b'v'; 255]),
    ]
    .iter()
    .map(Packet::bytes)
    .collect();
    let options = vec![(66, vec![b'x'; 255]), (160, vec![b'y'; 255])];
    let knowledge = Knowledge { options, ..Knowledge::default() };
    let mut engine = Engine::new(network(10, 20), Vec::new(), at(0));
    let mut read = 0;
    // Whether a lease can be stored depends on how long what it says is: one of each length will do.
    let mut leases = BTreeMap::new();
    let length = |text: Option<&str>| text.map(str::len);
    for number in 0..PACKETS {
        let mut bytes = corpus[dice.below(corpus.len())].clone();
        for _ in 0..dice.below(6) {
            match dice.below(5) {
                0 => {
                    let place = dice.below(bytes.len());
                    bytes[place] = dice.byte();
                }
                // Most of what matters stands behind the fixed part.
                1 => {
                    let place = 236 + dice.below(bytes.len().saturating_sub(236));
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = dice.byte();
                    }
                }
                2 => bytes.truncate(dice.below(bytes.len() + 1).max(1)),
                3 => {
                    let place = dice.below(bytes.len());
                    bytes.insert(place, dice.byte());
                }
                _ => bytes.extend((0..dice.below(40)).map(|_| dice.byte()).collect::<Vec<_>>()),
            }
        }
        let Ok(request) = Request::decode(&bytes) else { continue };
        read += 1;
        let now = at(number as u64 / 50);
        let decision = engine.handle(&request, &knowledge, now);
        if let Some(reply) = decision.reply {
            assert!((300..=request.longest_reply().max(300)).contains(&reply.message.len()), "{bytes:02x?}");
        }
        for write in decision.writes {
            if let LeaseWrite::Put(lease) = write {
                assert!(network(10, 20).subnet.first <= lease.address && lease.address <= network(10, 20).subnet.last);
                let said = (length(lease.host_name.as_deref()), length(lease.vendor_class.as_deref()));
                leases.insert((lease.client_id.as_ref().map(Vec::len), said), lease);
            }
        }
        engine.tick(now);
    }
    // Neither are all packets refused by the guard, nor none.
    assert!((PACKETS / 10..PACKETS * 9 / 10).contains(&read), "{read} were read");
    assert!(leases.keys().any(|(id, _)| *id == Some(Lease::LONGEST_FIELD)), "{:?}", leases.keys());
    can_be_stored(leases.into_values());
}

fn can_be_stored(leases: impl Iterator<Item = Lease>) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(Timestamp::default());
    let (store, _) = Store::open(samples::options(directory.path(), clock)).unwrap();
    let put = |lease| Write::PutLease { network: "office".into(), lease };
    store.commit(leases.map(put).collect()).wait().unwrap();
}
