use proptest::prelude::*;

use super::*;
use crate::config::Pool;
use crate::model::Id;

pub(super) const OWN: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
pub(super) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 254);
pub(super) const OTHER_BOX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 2);
const WALL: Timestamp = Timestamp::from_secs(1_790_000_000);

pub(super) fn id(number: u128) -> Id {
    Id::new(WALL, number)
}

pub(super) fn setting(mode: Mode) -> Setting {
    Setting {
        network: "office".into(),
        mode,
        pool: Some(Pool { first: [10, 66, 0, 100].into(), last: [10, 66, 0, 120].into() }),
        further_pools: Vec::new(),
        static_address: true,
        own: OWN,
        box_id: id(5),
        probe_interval: Duration::from_secs(120),
        quiet_time: Duration::from_secs(300),
    }
}

/// A moment of the monotonic clock.
pub(super) fn at(monotonic: Duration) -> Now {
    Now { monotonic, wall: WALL, trusted: true }
}

pub(super) fn offer(given: u8) -> Answer {
    Answer { server: ROUTER, given: [10, 66, 0, given].into(), to_us: true }
}

/// A box, its time in tenths of a second, and what its LAN answers.
pub(super) struct Lan {
    pub(super) coexistence: Coexistence,
    pub(super) now: u64,
    pub(super) router: bool,
    pub(super) has_leases: bool,
}

impl Lan {
    pub(super) fn new(setting: Setting, memory: Memory) -> Self {
        Self {
            coexistence: Coexistence::new(setting, memory, Duration::ZERO),
            now: 0,
            router: false,
            has_leases: false,
        }
    }

    pub(super) fn clock(&self) -> Duration {
        Duration::from_millis(self.now * 100)
    }

    /// Lets time pass; the router, where there is one, answers every probe. What is done at the end.
    pub(super) fn pass(&mut self, seconds: u64) -> Standing {
        for _ in 0..seconds * 10 {
            self.now += 1;
            if self.coexistence.probe(self.clock()) && self.router {
                self.coexistence.hear(&offer(10), at(self.clock()));
            }
            self.coexistence.decide(self.clock(), self.has_leases);
        }
        self.coexistence.decide(self.clock(), self.has_leases)
    }
}

#[test]
fn an_empty_lan_is_served_only_after_slow_servers_had_their_time() {
    let mut lan = Lan::new(setting(Mode::Auto), Memory::default());
    assert_eq!(lan.pass(9).conduct, Conduct::Silent, "nothing is answered before it is known who else is there");
    let waits = lan.pass(200);
    assert_eq!((waits.conduct, waits.reason.code().as_str()), (Conduct::InformOnly, "dhcp.waits"));
    let sole = lan.pass(100);
    assert_eq!((sole.conduct, sole.reason.code().as_str()), (Conduct::Full { sole: true }, "dhcp.sole"));
    assert!(lan.coexistence.take_memory().is_some_and(|memory| memory.served));
    // It was the only one before the power cut, so it does not let its clients wait as long.
    let memory = Memory { served: true, ..Memory::default() };
    assert_eq!(Lan::new(setting(Mode::Auto), memory).pass(11).conduct, Conduct::Full { sole: true });
}

#[test]
fn a_server_is_never_competed_with_even_when_it_is_late() {
    let mut lan = Lan::new(setting(Mode::Auto), Memory::default());
    assert_eq!(lan.pass(60).conduct, Conduct::InformOnly);
    lan.router = true;
    assert_eq!(lan.pass(121).reason.code(), "dhcp.beside");
    let memory = lan.coexistence.take_memory().cloned().unwrap();
    // After a power cut the box is up long before the router.
    let mut lan = Lan::new(setting(Mode::Auto), memory);
    assert_eq!(lan.pass(11).reason.code(), "dhcp.server-awaited");
    assert_eq!(lan.pass(200).conduct, Conduct::InformOnly);
    let gone = lan.pass(400);
    assert_eq!((gone.conduct, gone.alarm), (Conduct::InformOnly, true));
    assert_eq!(lan.pass(100_000).conduct, Conduct::InformOnly, "not after a day either");
}

#[test]
fn a_server_that_turns_up_is_stepped_down_for_at_once() {
    for hear in [
        |coexistence: &mut Coexistence, now| coexistence.hear(&Answer { to_us: false, ..offer(10) }, now),
        |coexistence: &mut Coexistence, now| coexistence.hear_named(ROUTER, now),
    ] {
        let mut lan = Lan::new(setting(Mode::Auto), Memory { served: true, ..Memory::default() });
        assert_eq!(lan.pass(20).conduct, Conduct::Full { sole: true });
        lan.has_leases = true;
        let now = at(lan.clock());
        hear(&mut lan.coexistence, now);
        let down = lan.coexistence.decide(lan.clock(), true);
        assert_eq!((down.conduct, down.reason.code().as_str()), (Conduct::InformOnly, "dhcp.stepping-down"));
        lan.has_leases = false;
        assert_eq!(lan.pass(1).reason.code(), "dhcp.beside");
        assert!(lan.coexistence.take_memory().is_some_and(|memory| memory.servers.contains_key(&ROUTER)));
    }
}

#[test]
fn a_box_without_a_pool_is_not_offered_in_the_place_of_a_server_that_died() {
    let mut lan = Lan::new(Setting { pool: None, ..setting(Mode::Auto) }, Memory::default());
    lan.coexistence.claimed(true);
    lan.router = true;
    lan.pass(30);
    lan.router = false;
    let gone = lan.pass(140);
    assert!(gone.alarm && !gone.may_take_over);
    assert!(matches!(gone.reason, Reason::DhcpServerGone { may_stand_in: false, .. }), "{:?}", gone.reason);
}

#[test]
fn a_server_that_dies_raises_an_alarm_and_its_place_is_taken_only_by_hand() {
    let mut lan = Lan::new(setting(Mode::Auto), Memory::default());
    lan.router = true;
    let beside = lan.pass(30);
    assert!(!beside.alarm && !beside.may_take_over);
    let now = lan.clock();
    assert!(lan.coexistence.take_over(now, false).is_err());
    lan.router = false;
    let gone = lan.pass(140);
    assert_eq!((gone.conduct, gone.reason.code().as_str()), (Conduct::InformOnly, "dhcp.server-gone"));
    assert!(gone.alarm && gone.may_take_over);
    assert!(matches!(gone.reason, Reason::DhcpServerGone { may_stand_in: true, .. }));
    let now = lan.clock();
    lan.coexistence.take_over(now, false).unwrap();
    assert_eq!(lan.pass(3000).conduct, Conduct::StandIn);
    lan.router = true;
    lan.has_leases = true;
    assert_eq!(lan.pass(121).reason.code(), "dhcp.stepping-down");
    lan.router = false;
    assert_eq!(lan.pass(200).conduct, Conduct::InformOnly, "what was allowed once is not allowed for ever");
}

#[test]
fn modes_do_what_they_say() {
    let conduct = |setting, seconds| Lan::new(setting, Memory::default()).pass(seconds);
    assert_eq!(conduct(setting(Mode::Off), 1000).conduct, Conduct::Silent);
    assert_eq!(conduct(setting(Mode::InformOnly), 0).conduct, Conduct::InformOnly);
    assert_eq!(conduct(setting(Mode::PhonesOnly), 1).conduct, Conduct::Silent);
    assert_eq!(conduct(setting(Mode::PhonesOnly), 3).conduct, Conduct::PhonesOnly);
    assert_eq!(conduct(setting(Mode::Full), 3).conduct, Conduct::Full { sole: true });
    for mode in [Mode::Full, Mode::PhonesOnly, Mode::Auto] {
        let leased = Setting { static_address: false, ..setting(mode) };
        let standing = conduct(leased, 1000);
        assert_eq!((standing.conduct, standing.alarm), (Conduct::InformOnly, mode != Mode::Auto));
    }
    let unconfirmed = || Setting { pool: None, ..setting(Mode::Auto) };
    let mut lan = Lan::new(unconfirmed(), Memory::default());
    assert_eq!(lan.pass(1000).conduct, Conduct::Silent, "nobody administers it");
    assert!(!lan.coexistence.probe(lan.clock() + Duration::from_secs(1000)), "then not even a probe is sent");
    lan.coexistence.claimed(true);
    assert_eq!(lan.pass(1000).conduct, Conduct::InformOnly);
}

#[test]
fn full_beside_another_server_sends_no_nak_and_says_so() {
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.router = true;
    let standing = lan.pass(5);
    assert_eq!((standing.conduct, standing.alarm), (Conduct::Full { sole: false }, true));
    // It starts anew, which takes some minutes: meanwhile nobody is told that an address is not theirs.
    lan.router = false;
    assert_eq!(lan.pass(200).conduct, Conduct::Full { sole: false });
    // Somebody had plugged a router in by mistake: once it is gone, nothing is wrong any more.
    let standing = lan.pass(110);
    assert_eq!((standing.conduct, standing.alarm), (Conduct::Full { sole: true }, false));
    lan.router = true;
    assert_eq!(lan.pass(130).conduct, Conduct::Full { sole: false });
}

#[test]
fn a_server_that_answers_no_probe_is_not_gone_because_another_one_is() {
    let silent = Ipv4Addr::new(10, 66, 0, 253);
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.router = true;
    lan.pass(5);
    lan.router = false;
    let now = at(lan.clock());
    lan.coexistence.hear_named(silent, now);
    let standing = lan.pass(3600);
    assert_eq!(standing.reason, Reason::DhcpNotAlone { network: "office".into(), server: silent });
    assert_eq!(lan.pass(24 * 3600).conduct, Conduct::Full { sole: true }, "nobody named it for a day");
}

#[test]
fn a_pool_that_overlaps_the_other_servers_is_not_used() {
    let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
    lan.router = true;
    assert_eq!(lan.pass(5).conduct, Conduct::PhonesOnly);
    let now = at(lan.clock());
    lan.coexistence.hear(&offer(110), now);
    let refused = lan.pass(1);
    assert_eq!((refused.conduct, refused.alarm), (Conduct::InformOnly, true));
    assert_eq!(
        refused.reason,
        Reason::DhcpPoolOverlaps { network: "office".into(), server: ROUTER, address: [10, 66, 0, 110].into() }
    );
    // A router that starts anew knows its leases still, and gives the same addresses again.
    lan.router = false;
    assert_eq!(lan.pass(3600).conduct, Conduct::InformOnly);
    lan.router = true;
    assert_eq!(lan.pass(22 * 3600).conduct, Conduct::InformOnly);
    // It gave none of ours for a day: its range is another one now.
    assert_eq!(lan.pass(3610).conduct, Conduct::PhonesOnly);
}

#[test]
fn markers_are_read_back_and_others_values_are_not() {
    let marker = Marker { id: id(7), part: Part::Candidate, asks: true };
    let bytes = marker.bytes();
    assert!(bytes.starts_with(b"block66\x82"));
    assert_eq!(Marker::read(&bytes), Some(marker));
    for length in 0..bytes.len() {
        assert_eq!(Marker::read(&bytes[..length]), None);
    }
    assert_eq!(Marker::read(&[&bytes[..], b"x"].concat()), None);
    assert_eq!(Marker::read(b"block66\x09aaaaaaaaaaaaaaaa"), None);
}

/// Two boxes on one wire. Each hears what the other sends, unless it is lost or the other is off.
pub(super) struct Pair {
    pub(super) boxes: [Coexistence; 2],
    pub(super) off: [bool; 2],
    now: u64,
}

impl Pair {
    pub(super) fn new(modes: [Mode; 2], memory: &Memory) -> Self {
        let one = |number: usize, mode| {
            let own = [OWN, OTHER_BOX][number];
            let setting = Setting { own, box_id: id(number as u128 + 1), ..setting(mode) };
            Coexistence::new(setting, memory.clone(), Duration::ZERO)
        };
        Self { boxes: [one(0, modes[0]), one(1, modes[1])], off: [false; 2], now: 0 }
    }

    fn tell(&mut self, from: usize, asks: bool) {
        let to = 1 - from;
        let address = [OWN, OTHER_BOX][from];
        let marker = self.boxes[from].marker(asks);
        if !self.off[to] && self.boxes[to].hear_box(&marker, address, at(self.clock())) {
            self.tell(to, false);
        }
    }

    pub(super) fn clock(&self) -> Duration {
        Duration::from_millis(self.now * 100)
    }

    pub(super) fn pass(&mut self, tenths: u64) -> [bool; 2] {
        for _ in 0..tenths {
            self.now += 1;
            let now = self.clock();
            for number in 0..2 {
                if !self.off[number] {
                    if self.boxes[number].probe(now) {
                        self.tell(number, true);
                    }
                    self.boxes[number].decide(now, false);
                }
            }
        }
        self.serving()
    }

    fn serving(&mut self) -> [bool; 2] {
        let now = self.clock();
        [0, 1].map(|number| !self.off[number] && self.boxes[number].decide(now, false).conduct.gives_addresses())
    }
}

#[test]
fn of_two_boxes_that_start_in_the_same_second_the_lower_id_serves() {
    for mode in [Mode::Full, Mode::PhonesOnly, Mode::Auto] {
        let mut pair = Pair::new([mode; 2], &Memory { served: true, ..Memory::default() });
        for _ in 0..3000 {
            let [one, two] = pair.pass(1);
            assert!(!(one && two), "{mode:?}: both serve after {} tenths", pair.now);
        }
        assert_eq!(pair.serving(), [true, false], "{mode:?}");
        let now = pair.clock();
        let banner = pair.boxes[1].decide(now, false);
        assert!(matches!(banner.reason, Reason::DhcpOtherBox { .. }) && banner.alarm, "{mode:?}: {banner:?}");
    }
}

#[test]
fn the_box_that_serves_already_goes_first_and_the_other_follows_when_it_is_gone() {
    let mut pair = Pair::new([Mode::Full; 2], &Memory::default());
    pair.off[0] = true;
    assert_eq!(pair.pass(100), [false, true]);
    // The lower id comes later.
    pair.boxes[0] =
        Coexistence::new(Setting { box_id: id(1), ..setting(Mode::Full) }, Memory::default(), Duration::from_secs(10));
    pair.off[0] = false;
    assert_eq!(pair.pass(3000), [false, true]);
    pair.off[1] = true;
    assert_eq!(pair.pass(2 * 1200), [true, false]);
}

#[test]
fn a_third_box_does_not_have_the_second_serve_beside_the_first() {
    let mut pair = Pair::new([Mode::Full; 2], &Memory::default());
    assert_eq!(pair.pass(3000), [true, false]);
    let third = Marker { id: id(9), part: Part::Guest, asks: false };
    for _ in 0..600 {
        let now = at(pair.clock());
        pair.boxes[1].hear_box(&third, [10, 66, 0, 9].into(), now);
        assert_eq!(pair.pass(5), [true, false], "after {} tenths", pair.now);
    }
    // Nor does it keep the second waiting for the first, once that is gone.
    pair.off[0] = true;
    for _ in 0..600 {
        let now = at(pair.clock());
        pair.boxes[1].hear_box(&third, [10, 66, 0, 9].into(), now);
        pair.pass(5);
    }
    assert_eq!(pair.pass(1), [false, true]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn where_a_server_was_ever_seen_auto_never_serves_by_itself(
        steps in proptest::collection::vec((0_u8..6, 1_u64..400), 1..30),
    ) {
        let mut lan = Lan::new(setting(Mode::Auto), Memory::default());
        let mut stored = Memory::default();
        let (mut seen, mut allowed) = (false, false);
        for (what, span) in steps {
            match what {
                0 => lan.router = true,
                1 => lan.router = false,
                2 => {
                    let now = at(lan.clock());
                    lan.coexistence.hear_named(ROUTER, now);
                    seen = true;
                    allowed = false;
                }
                3 => {
                    let now = lan.clock();
                    allowed |= lan.coexistence.take_over(now, false).is_ok();
                }
                4 => {
                    stored = lan.coexistence.take_memory().cloned().unwrap_or(stored);
                    lan = Lan { router: lan.router, ..Lan::new(setting(Mode::Auto), stored.clone()) };
                    allowed = false;
                }
                _ => {}
            }
            for _ in 0..span {
                let standing = lan.pass(1);
                stored = lan.coexistence.take_memory().cloned().unwrap_or(stored);
                seen |= !stored.servers.is_empty();
                allowed &= !(lan.router && standing.conduct == Conduct::InformOnly);
                prop_assert!(!seen || allowed || !standing.conduct.gives_addresses(), "{:?}", standing);
                let full = matches!(standing.conduct, Conduct::Full { .. });
                prop_assert!(!(full && seen), "{:?}", standing);
            }
        }
    }
}
