use std::collections::HashMap;
use std::time::Duration;

use super::super::request::{Kind, Request};
use crate::model::Mac;

/// Requests of one device at once: several boots in a row, with all their repetitions.
const BURST: u32 = 40;
/// How long it takes until one more is allowed.
const REFILL: Duration = Duration::from_millis(250);
/// What a DISCOVER must leave of a device's budget: the REQUEST that its OFFER leads to. Without it a device that asks
/// as often as it is allowed would be offered an address each time, and granted none.
const FOR_THE_REQUEST: u32 = 1;
/// Strangers' DISCOVERs through one port of a relay or switch at once.
const PORT_BURST: u32 = 64;
/// The most sources that are remembered; beyond, all are forgotten at once, which costs a flood more than it gains.
const MOST: usize = 4096;

/// Who a budget is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Device(Mac),
    /// A port of a relay agent.
    Port(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
struct Budget {
    left: u32,
    at: Duration,
}

/// How often each source may ask.
#[derive(Debug, Default)]
pub(super) struct Budgets(HashMap<Source, Budget>);

impl Budgets {
    /// Whether a request is within the budgets of its source; counts it.
    pub(super) fn allow(&mut self, request: &Request, phone: bool, now: Duration) -> bool {
        let spare = if request.kind == Kind::Discover { FOR_THE_REQUEST } else { 0 };
        if !self.take(Source::Device(request.mac), BURST, spare, now) {
            return false;
        }
        // A port with many invented clients behind it: their number is what is bounded, not that of phones.
        match request.circuit().filter(|_| !phone && request.kind == Kind::Discover) {
            Some(circuit) => {
                let port = [&request.giaddr.octets()[..], circuit].concat();
                self.take(Source::Port(port), PORT_BURST, 0, now)
            }
            None => true,
        }
    }

    /// Takes one of a source's requests, if `spare` are left after it.
    fn take(&mut self, source: Source, burst: u32, spare: u32, now: Duration) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&source) {
            self.0.clear();
        }
        let budget = self.0.entry(source).or_insert(Budget { left: burst, at: now });
        let refills = now.saturating_sub(budget.at).as_millis() / REFILL.as_millis();
        let refills = u32::try_from(refills).unwrap_or(u32::MAX);
        budget.left = budget.left.saturating_add(refills).min(burst);
        // What has passed of the next refill counts on.
        budget.at = REFILL.checked_mul(refills).map_or(now, |counted| budget.at + counted);
        let Some(left) = budget.left.checked_sub(1).filter(|&left| left >= spare) else { return false };
        budget.left = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::packets::Packet;
    use super::*;

    #[test]
    fn a_device_that_never_stops_asking_is_no_longer_heard_and_others_are() {
        let mut budgets = Budgets::default();
        let noisy = Packet::discover(1).request();
        let now = Duration::from_secs(1);
        let heard = (0..100).filter(|_| budgets.allow(&noisy, false, now)).count();
        assert_eq!(heard, 39);
        assert!(budgets.allow(&Packet::discover(2).request(), false, now));
        assert!(budgets.allow(&noisy, false, now + REFILL));
        assert!(!budgets.allow(&noisy, false, now + REFILL));
    }

    #[test]
    fn a_device_that_has_used_up_its_budget_still_ends_with_an_address() {
        let mut budgets = Budgets::default();
        let (discover, request) = (
            Packet::discover(1).request(),
            Packet::select(1, [10, 66, 0, 1].into(), [10, 66, 0, 100].into()).request(),
        );
        let mut now = Duration::from_secs(1);
        while budgets.allow(&request, false, now) {}
        let whole = (0..20).filter(|_| {
            // Not a multiple of the time of a refill: what is left of it must not be lost.
            now += Duration::from_millis(400);
            budgets.allow(&discover, false, now) && budgets.allow(&request, false, now)
        });
        // 8 seconds are 32 refills, for 16 exchanges of two.
        assert_eq!(whole.count(), 16);
    }

    #[test]
    fn a_port_has_a_budget_for_strangers_that_phones_do_not_need() {
        let mut budgets = Budgets::default();
        let now = Duration::from_secs(1);
        let of_port = |client: u8| {
            let mut packet = Packet::discover(client).with(82, &[1, 2, 7, 7]);
            packet.giaddr = [10, 66, 0, 2];
            packet.request()
        };
        let heard = (0..100).filter(|client| budgets.allow(&of_port(*client), false, now)).count();
        assert_eq!(heard, 64);
        assert!(budgets.allow(&of_port(200), true, now));
        for client in 0..=255 {
            budgets.allow(&Packet::discover(client).request(), false, now);
        }
        assert!(budgets.0.len() <= MOST);
    }
}
