//! Keeps one source from pushing everything else out of the record.
//!
//! The record holds so many events and no more. Who asks for ever another name, or in ever another MAC's name, makes a
//! new event each time; after enough of them the traces of what it did before would be gone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Event, Reason};

/// How long the events of one source are counted together.
const WINDOW: Duration = Duration::from_secs(600);
/// Different events of one address in that time. A phone that starts makes some twenty.
const OF_ONE: u32 = 200;
/// Different events in that time of those that are known by no address, or of addresses that are too many to be told
/// apart: a branch of a thousand devices that all ask for an address at once makes so many.
const OF_ALL_OTHERS: u32 = 2000;
/// Addresses that are told apart.
const MOST: usize = 1024;

/// How many different events there were lately, by source.
#[derive(Debug, Default)]
pub(super) struct Floods {
    begun: Duration,
    of_address: HashMap<IpAddr, u32>,
    of_others: u32,
}

impl Floods {
    /// Takes an event that was not there before, at `now` since the start. One too many comes back as a mere count of
    /// its source.
    pub(super) fn tame(&mut self, event: Event, now: Duration) -> Event {
        if now.saturating_sub(self.begun) >= WINDOW {
            *self = Self { begun: now, ..Self::default() };
        }
        let apart = |address: &IpAddr| self.of_address.len() < MOST || self.of_address.contains_key(address);
        let (count, most) = match event.address.filter(apart) {
            Some(address) => (self.of_address.entry(address).or_default(), OF_ONE),
            None => (&mut self.of_others, OF_ALL_OTHERS),
        };
        if *count < most {
            *count += 1;
            return event;
        }
        let address = event.address.filter(|address| self.of_address.contains_key(address));
        Event { mac: None, organisation: None, file: None, user_agent: None, address, reason: Reason::Flooded, ..event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, Timestamp};

    const START: Duration = Duration::from_secs(5);

    fn asks(last: u8, name: &str) -> Event {
        let event = Event::new(Timestamp::from_secs(1), Door::Http, Reason::NoCredentials);
        event.from_address(Some(IpAddr::from([10, 66, 0, last]))).for_file(name)
    }

    #[test]
    fn a_source_of_many_different_events_is_only_counted_and_others_are_not() {
        let mut floods = Floods::default();
        for number in 0..OF_ONE {
            assert!(floods.tame(asks(6, &number.to_string()), START).file.is_some());
        }
        let tamed = floods.tame(asks(6, "one more"), START);
        assert_eq!((tamed.reason.clone(), tamed.file.clone()), (Reason::Flooded, None));
        assert_eq!(tamed.address, asks(6, "").address);
        assert!(floods.tame(asks(6, "and one"), START).repeats(&tamed), "they become one event with a count");
        assert!(floods.tame(asks(7, "another's"), START).file.is_some());
        assert!(floods.tame(asks(6, "later"), START + WINDOW).file.is_some());
    }

    #[test]
    fn sources_without_number_are_one() {
        let mut floods = Floods::default();
        let mut left = 0;
        for number in 0..10_000_u16 {
            let [high, low] = number.to_be_bytes();
            let event = Event { address: Some(IpAddr::from([10, 0, high, low])), ..asks(0, "x") };
            left += usize::from(floods.tame(event, START).file.is_some());
        }
        assert_eq!(left, MOST + OF_ALL_OTHERS as usize);
        assert_eq!(floods.of_address.len(), MOST);
    }
}
