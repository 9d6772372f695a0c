use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::Bytes;
use crate::model::{Id, Organisation, Phone};

/// Documents that were read lately, opened: whoever asks twice for one that has not changed gets it without its record
/// being decrypted and parsed anew.
///
/// There are so many that those who are served at one moment find theirs, and no more: secrets in them are in the clear
/// while they are here, and wiped when they leave. An entry counts only while its record is the one in the view, by
/// identity, so nothing here is ever out of date.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) phones: Recent<Id, Phone>,
    pub(super) organisations: Recent<Id, Organisation>,
}

impl Default for Opened {
    fn default() -> Self {
        Self { phones: Recent::new(64), organisations: Recent::new(16) }
    }
}

/// The documents of one kind that were read last.
pub(super) struct Recent<K, T> {
    most: usize,
    entries: Mutex<Entries<K, T>>,
}

struct Entries<K, T> {
    by_key: HashMap<K, Entry<T>>,
    clock: u64,
}

struct Entry<T> {
    record: Bytes,
    document: Arc<T>,
    used: u64,
}

impl<K: Copy + Eq + Hash, T> Recent<K, T> {
    fn new(most: usize) -> Self {
        Self { most, entries: Mutex::new(Entries { by_key: HashMap::with_capacity(most), clock: 0 }) }
    }

    /// The document of this record, which `open` reads where it is not at hand.
    pub(super) fn get(&self, key: K, record: &Bytes, open: impl FnOnce() -> Option<T>) -> Option<Arc<T>> {
        let found = self.entries().find(key, record);
        if found.is_some() {
            return found;
        }
        // Not under the lock: decrypting takes its time.
        let document = Arc::new(open()?);
        self.entries().keep(key, record, &document, self.most);
        Some(document)
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, T> Entries<K, T> {
    fn find(&mut self, key: K, record: &Bytes) -> Option<Arc<T>> {
        self.clock += 1;
        let entry = self.by_key.get_mut(&key)?;
        if !Arc::ptr_eq(&entry.record, record) {
            self.by_key.remove(&key);
            return None;
        }
        entry.used = self.clock;
        Some(Arc::clone(&entry.document))
    }

    fn keep(&mut self, key: K, record: &Bytes, document: &Arc<T>, most: usize) {
        if self.by_key.len() >= most
            && !self.by_key.contains_key(&key)
            && let Some(oldest) = self.by_key.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key)
        {
            self.by_key.remove(&oldest);
        }
        let entry = Entry { record: Arc::clone(record), document: Arc::clone(document), used: self.clock };
        self.by_key.insert(key, entry);
    }
}

impl<K, T> std::fmt::Debug for Recent<K, T> {
    /// What is in it may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_opened_once_until_its_record_changes() {
        let recent: Recent<u32, String> = Recent::new(2);
        let record = |text: &str| -> Bytes { text.as_bytes().into() };
        let mut opened = 0;
        let mut get = |key, record: &Bytes| {
            let open = || {
                opened += 1;
                String::from_utf8(record.to_vec()).ok()
            };
            let text = recent.get(key, record, open).unwrap();
            (text.as_str().to_owned(), opened)
        };
        let (one, equal, two) = (record("one"), record("one"), record("two"));
        assert_eq!(get(1, &one), ("one".into(), 1));
        assert_eq!(get(1, &one), ("one".into(), 1));
        assert_eq!(get(1, &equal), ("one".into(), 2), "equal bytes are not the same record");
        assert_eq!(get(1, &two), ("two".into(), 3));
        assert_eq!(get(1, &one), ("one".into(), 4), "what was there before is gone");
        assert_eq!(recent.get(9, &two, || None), None);
    }

    #[test]
    fn the_one_that_was_read_longest_ago_makes_room() {
        let recent: Recent<u32, u32> = Recent::new(2);
        let record: Bytes = [0].into();
        for key in [1, 2, 1, 3] {
            recent.get(key, &record, || Some(key));
        }
        let entries = recent.entries();
        let mut left: Vec<u32> = entries.by_key.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3]);
    }
}
