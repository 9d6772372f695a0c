//! Devices that are not on the list of phones have journeys too: one of them may be a phone that is listed later. Since
//! anybody can come with as many names as he likes, few are kept.

use std::collections::VecDeque;

use crate::model::Mac;

/// The most journeys of devices that are not listed.
const MOST: usize = 1000;

/// Devices with a journey that were not listed when it went on, in the order in which they were last heard of.
#[derive(Debug, Default)]
pub(super) struct Strangers(VecDeque<Mac>);

impl Strangers {
    /// Those that are known from an earlier run, in no order.
    pub(super) fn known(macs: impl Iterator<Item = Mac>) -> Self {
        Self(macs.collect())
    }

    /// The journey of `mac` goes on.
    pub(super) fn met(&mut self, mac: Mac) {
        // Whoever comes again is most often among the last.
        if let Some(at) = self.0.iter().rposition(|other| *other == mac) {
            self.0.remove(at);
        }
        self.0.push_back(mac);
    }

    /// One whose journey is to be forgotten, as long as there are too many: the one that was not heard of for longest.
    pub(super) fn too_many(&mut self) -> Option<Mac> {
        if self.0.len() > MOST { self.0.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(number: u16) -> Mac {
        let [high, low] = number.to_be_bytes();
        Mac::new([2, 0, 0, 0, high, low])
    }

    #[test]
    fn who_was_not_heard_of_for_longest_gives_way() {
        let mut strangers = Strangers::known([mac(1), mac(2)].into_iter());
        strangers.met(mac(1));
        for number in 3..=1000 {
            strangers.met(mac(number));
        }
        assert_eq!(strangers.too_many(), None);
        strangers.met(mac(1001));
        assert_eq!(strangers.too_many(), Some(mac(2)));
        assert_eq!(strangers.too_many(), None);
    }
}
