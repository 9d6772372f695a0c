//! Other servers that come, go and come back, beside a box that gives addresses: also when its power fails in between.

use proptest::prelude::*;

use super::tests::{Lan, OTHER_BOX, OWN, Pair, ROUTER, at, id, offer, setting};
use super::*;
use crate::config::Pool;

const SILENT: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 253);
const SOLE: Conduct = Conduct::Full { sole: true };
const NOT_SOLE: Conduct = Conduct::Full { sole: false };

impl Lan {
    fn name(&mut self, server: Ipv4Addr) {
        let now = at(self.clock());
        self.coexistence.hear_named(server, now);
    }

    fn hear(&mut self, answer: &Answer) {
        let now = at(self.clock());
        self.coexistence.hear(answer, now);
    }

    /// The box is off and on again, with what it had stored, as it was stored.
    fn cut(&mut self, setting: Setting) {
        let stored = serde_json::to_value(self.coexistence.memory()).unwrap();
        *self = Self { router: self.router, ..Self::new(setting, serde_json::from_value(stored).unwrap()) };
    }

    /// Lets time pass. What is done and told in it, one after the other.
    fn told(&mut self, seconds: u64) -> Vec<Standing> {
        let mut told: Vec<Standing> = Vec::new();
        for _ in 0..seconds {
            let standing = self.pass(1);
            if told.last() != Some(&standing) {
                told.push(standing);
            }
        }
        told
    }
}

fn gives(server: Ipv4Addr, given: u8) -> Answer {
    Answer { server, ..offer(given) }
}

#[test]
fn after_a_power_cut_full_is_not_alone_until_the_server_had_its_time() {
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.router = true;
    assert_eq!(lan.pass(60).conduct, NOT_SOLE);
    // The box is up in 20 seconds, the router in three minutes.
    lan.router = false;
    lan.cut(setting(Mode::Full));
    assert_eq!(lan.pass(3).conduct, NOT_SOLE);
    assert_eq!(lan.pass(177).conduct, NOT_SOLE);
    lan.router = true;
    assert_eq!(lan.pass(600).conduct, NOT_SOLE);
    // It never comes back: then nothing is wrong, and a restart is no reason to think so again.
    lan.router = false;
    lan.cut(setting(Mode::Full));
    assert_eq!(lan.pass(290).conduct, NOT_SOLE);
    let standing = lan.pass(15);
    assert_eq!((standing.conduct, standing.alarm), (SOLE, false));
    lan.cut(setting(Mode::Full));
    assert_eq!(lan.pass(3).conduct, SOLE);
    // Unless it is heard again, be it by a client.
    lan.name(ROUTER);
    lan.cut(setting(Mode::Full));
    assert_eq!(lan.pass(3).conduct, NOT_SOLE);
}

#[test]
fn after_a_power_cut_a_server_that_answers_no_probe_counts_for_a_day_again() {
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.name(SILENT);
    lan.pass(60);
    lan.cut(setting(Mode::Full));
    lan.coexistence.hear(
        &gives(ROUTER, 10),
        Now { monotonic: Duration::from_secs(1), wall: Timestamp::from_secs(0), trusted: false },
    );
    assert_eq!(lan.pass(86_300).conduct, NOT_SOLE);
    assert_eq!(lan.pass(200).conduct, SOLE);
}

#[test]
fn what_was_stored_before_servers_could_leave_is_read() {
    let stored = r#"{"servers":{"10.66.0.254":{"seen":1790000000000,"answers":true}},"served":false}"#;
    let memory: Memory = serde_json::from_str(stored).unwrap();
    assert_eq!(Lan::new(setting(Mode::Full), memory.clone()).pass(3).conduct, NOT_SOLE);
    assert_eq!(Lan::new(setting(Mode::PhonesOnly), memory).pass(3).conduct, Conduct::PhonesOnly);
}

#[test]
fn a_server_is_asked_again_before_it_counts_as_gone_however_seldom_probes_are_sent() {
    let seldom = || Setting { probe_interval: Duration::from_secs(3600), ..setting(Mode::Full) };
    let mut lan = Lan::new(seldom(), Memory::default());
    lan.router = true;
    lan.pass(5);
    lan.router = false;
    lan.cut(seldom());
    lan.pass(180);
    lan.router = true;
    let told = lan.told(1000);
    assert!(told.iter().all(|standing| standing.conduct == NOT_SOLE), "{told:?}");
}

#[test]
fn after_a_power_cut_phones_only_still_knows_of_the_overlap() {
    let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
    assert_eq!(lan.pass(5).conduct, Conduct::PhonesOnly);
    lan.hear(&gives(ROUTER, 110));
    assert_eq!(lan.pass(1).conduct, Conduct::InformOnly);
    lan.cut(setting(Mode::PhonesOnly));
    let refused = lan.pass(3);
    assert_eq!((refused.conduct, refused.reason.code().as_str()), (Conduct::InformOnly, "dhcp.pool-overlaps"));
    assert!(refused.alarm);
    // Its clients have their addresses though it is gone, and those that are off answer no probe of an address.
    assert_eq!(lan.pass(3600).conduct, Conduct::InformOnly);
    lan.cut(setting(Mode::PhonesOnly));
    assert_eq!(lan.pass(86_000).conduct, Conduct::InformOnly);
    assert_eq!(lan.pass(403).conduct, Conduct::PhonesOnly, "it gave none of ours for a day");
    lan.cut(setting(Mode::PhonesOnly));
    assert_eq!(lan.pass(3).conduct, Conduct::PhonesOnly);
}

#[test]
fn another_pool_ends_an_overlap() {
    let elsewhere = || Setting {
        pool: Some(Pool { first: [10, 66, 0, 200].into(), last: [10, 66, 0, 220].into() }),
        ..setting(Mode::PhonesOnly)
    };
    let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
    lan.hear(&gives(ROUTER, 110));
    lan.cut(elsewhere());
    assert_eq!(lan.pass(3).conduct, Conduct::PhonesOnly);
    assert!(lan.coexistence.take_memory().is_some(), "it is forgotten for good");
    lan.cut(setting(Mode::PhonesOnly));
    assert_eq!(lan.pass(3).conduct, Conduct::PhonesOnly);
}

#[test]
fn an_address_of_any_pool_on_the_wire_is_an_overlap() {
    let both = || Setting {
        further_pools: vec![Pool { first: [10, 67, 0, 10].into(), last: [10, 67, 0, 20].into() }],
        ..setting(Mode::PhonesOnly)
    };
    let given = Ipv4Addr::new(10, 67, 0, 15);
    let mut lan = Lan::new(both(), Memory::default());
    lan.hear(&Answer { given: [10, 67, 0, 21].into(), ..offer(10) });
    assert_eq!(lan.pass(3).conduct, Conduct::PhonesOnly);
    lan.hear(&Answer { given, ..offer(10) });
    let overlaps = Reason::DhcpPoolOverlaps { network: "office".into(), server: ROUTER, address: given };
    assert_eq!(lan.pass(1).reason, overlaps);
    lan.cut(both());
    assert_eq!(lan.pass(3).reason, overlaps, "nor is it forgotten");
    lan.cut(setting(Mode::PhonesOnly));
    assert_eq!(lan.pass(3).conduct, Conduct::PhonesOnly);
}

#[test]
fn a_server_that_answers_and_leaves_takes_no_silent_one_with_it() {
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.pass(5);
    lan.name(SILENT);
    lan.pass(60);
    lan.hear(&gives(ROUTER, 10));
    assert_eq!(lan.pass(1).reason, Reason::DhcpNotAlone { network: "office".into(), server: ROUTER });
    let told = lan.told(86_000);
    assert!(told.iter().all(|standing| standing.conduct == NOT_SOLE && standing.alarm), "{told:?}");
    assert_eq!(told.len(), 2, "first the one that answers is named, then the other: {told:?}");
    assert_eq!(lan.pass(400).conduct, SOLE, "nobody named it for a day");
}

#[test]
fn what_can_be_nobodys_address_is_no_server() {
    for server in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 255]] {
        for mode in [Mode::Auto, Mode::Full] {
            let mut lan = Lan::new(setting(mode), Memory { served: true, ..Memory::default() });
            assert_eq!(lan.pass(20).conduct, SOLE);
            lan.name(server.into());
            lan.hear(&gives(server.into(), 110));
            assert_eq!(lan.pass(1).conduct, SOLE, "{mode:?} beside {server:?}");
            assert_eq!(lan.coexistence.memory().servers.len(), 0);
        }
    }
}

#[test]
fn of_two_servers_that_answer_the_same_one_is_named_each_time() {
    for mode in [Mode::Full, Mode::Auto] {
        let mut lan = Lan::new(setting(mode), Memory::default());
        let mut told = Vec::new();
        for second in 0..3600 {
            lan.now += 10;
            let now = lan.clock();
            if !lan.coexistence.probe(now) {
                continue;
            }
            for server in [ROUTER, SILENT] {
                lan.now += 1;
                lan.hear(&gives(server, 10));
                let now = lan.clock();
                let standing = lan.coexistence.decide(now, false);
                if second > 20 && told.last() != Some(&standing) {
                    told.push(standing);
                }
            }
        }
        assert_eq!(told.len(), 1, "{mode:?}: each change is an event: {told:?}");
    }
}

#[test]
fn the_address_of_an_overlap_that_is_told_does_not_change_with_each_packet() {
    let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
    lan.pass(5);
    lan.hear(&gives(ROUTER, 110));
    let first = lan.pass(1);
    for given in [111, 105, 110] {
        lan.hear(&gives(ROUTER, given));
        assert_eq!(lan.pass(1), first);
    }
}

#[test]
fn however_many_servers_are_named_the_one_that_counts_longest_is_kept() {
    let mut lan = Lan::new(setting(Mode::Full), Memory::default());
    lan.pass(5);
    lan.name(SILENT);
    for host in 1..200 {
        lan.hear(&gives([10, 66, 1, host].into(), 10));
    }
    assert!(lan.coexistence.memory().servers.len() <= 8);
    let told = lan.told(86_000);
    assert!(told.iter().all(|standing| standing.conduct == NOT_SOLE), "{told:?}");
}

#[test]
fn what_the_other_box_confirms_to_its_clients_does_not_keep_this_one_from_taking_its_place() {
    // Its ACKs go to everybody where a client asks for that, and carry no marker.
    let confirms = Answer { to_us: false, ..gives(OWN, 110) };
    for mode in [Mode::PhonesOnly, Mode::Full] {
        for early in [false, true] {
            let mut pair = Pair::new([mode; 2], &Memory::default());
            if early {
                // It is heard before the two know each other.
                pair.boxes[1].hear(&confirms, at(pair.clock()));
            }
            assert_eq!(pair.pass(3000), [true, false], "{mode:?}");
            pair.boxes[1].hear(&confirms, at(pair.clock()));
            pair.off[0] = true;
            assert_eq!(pair.pass(2 * 1200), [false, true], "{mode:?}, early: {early}");
            let now = pair.clock();
            let standing = pair.boxes[1].decide(now, false);
            let alone = if mode == Mode::Full { SOLE } else { Conduct::PhonesOnly };
            assert_eq!((standing.conduct, standing.alarm), (alone, false), "early: {early}");
            // Nor after a power cut.
            let memory = pair.boxes[1].memory().clone();
            let setting = Setting { own: OTHER_BOX, ..setting(mode) };
            assert_eq!(Lan::new(setting, memory).pass(3).conduct, alone, "early: {early}");
        }
    }
}

#[test]
fn the_end_of_an_overlap_silences_nobody_whom_it_did_not_keep_from_serving() {
    let mut full = Lan::new(setting(Mode::Full), Memory::default());
    full.pass(5);
    full.hear(&gives(ROUTER, 110));
    let mut stand_in = Lan::new(setting(Mode::Auto), Memory::default());
    stand_in.pass(5);
    stand_in.hear(&gives(ROUTER, 110));
    stand_in.pass(140);
    let now = stand_in.clock();
    stand_in.coexistence.take_over(now, false).unwrap();
    for mut lan in [full, stand_in] {
        lan.pass(10);
        let told = lan.told(86_500);
        assert!(told.iter().all(|standing| standing.conduct.gives_addresses()), "{told:?}");
    }
    // Where it did, another box may have waited for the same.
    let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
    lan.pass(5);
    lan.hear(&gives(ROUTER, 110));
    let told: Vec<_> = lan.told(86_500).iter().map(|standing| standing.conduct).collect();
    assert_eq!(told, [Conduct::InformOnly, Conduct::Silent, Conduct::PhonesOnly]);
    // So it is where that server turns out to be a box which does not serve; one that serves is waited for.
    for (part, then) in [
        (Part::Guest, [Conduct::InformOnly, Conduct::Silent, Conduct::PhonesOnly]),
        (Part::Serving, [Conduct::InformOnly; 3]),
    ] {
        let mut lan = Lan::new(setting(Mode::PhonesOnly), Memory::default());
        lan.pass(5);
        lan.hear(&gives(OTHER_BOX, 110));
        let before = lan.pass(1);
        let now = at(lan.clock());
        lan.coexistence.hear_box(&Marker { id: id(1), part, asks: false }, OTHER_BOX, now);
        assert_eq!([before, lan.pass(1), lan.pass(2)].map(|standing| standing.conduct), then);
    }
}

/// Servers that answer no probe.
const NAMED: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 66, 0, 240), Ipv4Addr::new(10, 66, 0, 241), Ipv4Addr::new(10, 66, 0, 242)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn full_is_alone_only_where_every_server_had_its_time(
        steps in proptest::collection::vec((0_u8..7, 0_usize..3, 1_u64..400), 1..30),
    ) {
        let mut lan = Lan::new(setting(Mode::Full), Memory::default());
        // Until when each of them counts, and the router.
        let mut named = [None; 3];
        let mut router = None;
        for (what, number, span) in steps {
            match what {
                0 | 1 => lan.router = what == 0,
                2 | 3 => {
                    lan.name(NAMED[number]);
                    named[number] = Some(lan.now + 864_000);
                }
                4 => {
                    let now = lan.now;
                    lan.cut(setting(Mode::Full));
                    named = named.map(|until| until.filter(|until| *until > now).map(|_| 864_000));
                    router = router.filter(|until| *until > now).map(|_| 3000);
                }
                _ => {}
            }
            // Minutes, second by second, or days.
            let (steps, pace) = if what == 5 { (span * 10, 300) } else { (span, 10) };
            for _ in 0..steps {
                lan.now += pace;
                let now = lan.clock();
                if lan.coexistence.probe(now) && lan.router {
                    lan.hear(&offer(10));
                    router = Some(lan.now + 3000);
                }
                let standing = lan.coexistence.decide(now, false);
                let until = named.iter().chain([&router]).filter_map(|until| *until).max();
                let counts = until.is_some_and(|until| until > lan.now);
                prop_assert!(standing.conduct != SOLE || !counts, "{:?} {:?} {:?}", standing, named, router);
                // Some minutes more for probes that are left unanswered.
                let over = lan.now > until.unwrap_or_default().max(3000) + 3000;
                prop_assert!(standing.conduct != NOT_SOLE || !over, "{:?} {:?} {:?}", standing, named, router);
            }
        }
    }
}
