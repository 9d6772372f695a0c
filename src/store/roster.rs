use std::collections::HashMap;
use std::sync::Arc;

use super::Store;
use super::read::readable;
use super::record::{Bytes, Place};
use super::stored;
use crate::model::{Id, Journey, Mac, Phone};

/// Something that is made of every phone and of how far it came, made anew only for those of which either changed.
///
/// What is made should be small and hold no secret: it stays in memory, in the clear, for every phone of the box.
#[derive(Debug)]
pub struct Roster<T> {
    rows: HashMap<Id, Row<T>>,
    sorted: Vec<Arc<T>>,
}

#[derive(Debug)]
struct Row<T> {
    mac: Mac,
    phone: Bytes,
    journey: Option<Bytes>,
    made: Arc<T>,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), sorted: Vec::new() }
    }
}

impl<T> Row<T> {
    /// Whether both records are still the ones that it was made of.
    fn is_of(&self, phone: &Bytes, journey: Option<&Bytes>) -> bool {
        let same_journey = match (&self.journey, journey) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        };
        same_journey && Arc::ptr_eq(&self.phone, phone)
    }
}

impl<T> Roster<T> {
    /// What is made of every phone that is on the list now, in the order of `key`.
    pub fn refresh<K: Ord>(
        &mut self,
        store: &Store,
        make: impl Fn(&Phone, &Journey) -> T,
        key: impl Fn(&T) -> K,
    ) -> Vec<Arc<T>> {
        let records = store.documents(Place::Phone);
        let mut stale: Vec<(Id, Bytes)> = Vec::new();
        {
            // A phone that is known has its address at hand; journeys are found by it.
            let view = store.shared.view();
            for (id, phone) in &records {
                let current = self.rows.get(id).is_some_and(|row| row.is_of(phone, view.journey(row.mac)));
                if !current {
                    stale.push((*id, phone.clone()));
                }
            }
        }
        if stale.is_empty() && records.len() == self.rows.len() {
            return self.sorted.clone();
        }
        for (id, record) in stale {
            let Some(phone) = readable(stored::Phone::open(id, &record, &store.shared.key)) else {
                self.rows.remove(&id);
                continue;
            };
            let journey = store.shared.view().journey(phone.mac).cloned();
            let unpack = |bytes: &Bytes| readable(stored::Journey::unpack(phone.mac, bytes));
            let came = journey.as_ref().and_then(unpack).unwrap_or_default();
            let made = Arc::new(make(&phone, &came));
            self.rows.insert(id, Row { mac: phone.mac, phone: record, journey, made });
        }
        if self.rows.len() > records.len() {
            let listed: std::collections::HashSet<Id> = records.iter().map(|(id, _)| *id).collect();
            self.rows.retain(|id, _| listed.contains(id));
        }
        self.sorted = self.rows.values().map(|row| Arc::clone(&row.made)).collect();
        self.sorted.sort_by_cached_key(|made| key(made));
        self.sorted.clone()
    }
}
