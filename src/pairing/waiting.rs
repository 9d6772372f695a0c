use std::collections::BTreeMap;

use super::{Door, IpAddr, Mac, Timestamp};

/// A phone on no list that came to a door, and what it said of itself. Each field is a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its MAC.
    pub mac: Mac,
    /// Folder name of the brand that it seems to be of.
    pub brand: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The firmware that it runs.
    pub firmware: Option<String>,
    /// Where it spoke from last, once it had an address.
    pub address: Option<IpAddr>,
    /// Whether that address is known to be this MAC's.
    pub in_place: bool,
    /// The door that it came to last.
    pub door: Door,
    /// What it asked for last.
    pub asked: String,
    /// When it came first since the box started.
    pub first: Timestamp,
    /// When it came last.
    pub last: Timestamp,
    /// How often it came.
    pub count: u32,
}

/// One visit of a phone on no list.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Its MAC.
    pub mac: Mac,
    /// Folder name of the brand that it seems to be of.
    pub brand: Option<&'a str>,
    /// Its model.
    pub model: Option<&'a str>,
    /// The firmware that it runs.
    pub firmware: Option<&'a str>,
    /// Where it speaks from, if it has an address.
    pub address: Option<IpAddr>,
    /// Whether that address is known to be this MAC's.
    pub in_place: bool,
    /// The door that it came to.
    pub door: Door,
    /// What it asked for.
    pub asked: &'a str,
}

/// A bounded number of them.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<Mac, Waiting>);

impl Known {
    /// The most phones that are remembered; the one that came longest ago makes room, those not in their place first.
    const MOST: usize = 1024;
    /// The longest text that is kept of what a phone said.
    const LONGEST: usize = 100;

    pub(super) fn note(&mut self, visit: &Visit<'_>, now: Timestamp) {
        let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(Self::LONGEST).collect::<String>();
        if !self.0.contains_key(&visit.mac) && self.0.len() >= Self::MOST {
            let Some(oldest) = self.0.values().min_by_key(|known| (known.in_place, known.last)) else { return };
            if oldest.in_place && !visit.in_place {
                return;
            }
            let oldest = oldest.mac;
            self.0.remove(&oldest);
        }
        let known = self.0.entry(visit.mac).or_insert_with(|| Waiting {
            mac: visit.mac,
            brand: None,
            model: None,
            firmware: None,
            address: None,
            in_place: visit.in_place,
            door: visit.door,
            asked: String::new(),
            first: now,
            last: now,
            count: 0,
        });
        // Whoever speaks from elsewhere does not change what the phone in its place has said.
        if known.in_place && !visit.in_place {
            return;
        }
        known.address = visit.address.or(known.address);
        known.in_place = visit.in_place;
        known.door = visit.door;
        known.asked = short(visit.asked);
        known.last = now;
        known.count = known.count.saturating_add(1);
        for (field, said) in
            [(&mut known.brand, visit.brand), (&mut known.model, visit.model), (&mut known.firmware, visit.firmware)]
        {
            if let Some(said) = said {
                *field = Some(short(said));
            }
        }
    }

    pub(super) fn of(&self, mac: Mac) -> Option<Waiting> {
        self.0.get(&mac).cloned()
    }

    pub(super) fn latest(&self) -> Vec<Waiting> {
        let mut all: Vec<Waiting> = self.0.values().cloned().collect();
        all.sort_by_key(|known| std::cmp::Reverse((known.last, known.mac)));
        all
    }
}
