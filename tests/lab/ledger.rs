//! What an administrator was told is done, to be compared with what the box knows after it was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use block66::lab::{Api, Error};
use block66::model::Mac;
use serde_json::{Value, json};

/// Phones on the list that nobody has plugged in.
const LISTED: u8 = 16;
/// Each so-manieth edit brings an image.
const IMAGE_EACH: u32 = 8;
/// Images that are there at once.
const IMAGES: usize = 3;

/// Edits phones and brings images, and remembers what was acknowledged.
pub(crate) struct Ledger {
    api: Api,
    edits: u32,
    acknowledged: u32,
    /// Of each phone the last edit that was acknowledged, and the last one that was tried.
    names: BTreeMap<Mac, (u32, u32)>,
    /// Images that came and were not taken away again.
    images: Vec<String>,
    /// Images that were taken away.
    gone: BTreeSet<String>,
}

impl Ledger {
    pub(crate) fn new(api: Api) -> Self {
        let (names, images, gone) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { api, edits: 0, acknowledged: 0, names, images, gone }
    }

    /// Number of edits that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// One edit after the other, until it is over or the box does not answer.
    pub(crate) fn edit_until(&mut self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            self.edits += 1;
            let done = if self.edits.is_multiple_of(IMAGE_EACH) { self.image() } else { self.name() };
            if done.is_none() {
                return;
            }
            self.acknowledged += 1;
        }
    }

    fn name(&mut self) -> Option<()> {
        let number = self.edits;
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0x77, 0, (number % u32::from(LISTED)).try_into().unwrap()]);
        let (_, tried) = self.names.entry(mac).or_default();
        *tried = number;
        let list = format!("mac,name\n{mac},Edit {number}\n");
        answered(self.api.post_text("phones/import", "text/csv", &list))?;
        self.names.insert(mac, (number, number));
        Some(())
    }

    /// Brings an image, and takes the oldest away when there are some.
    fn image(&mut self) -> Option<()> {
        if self.images.len() >= IMAGES {
            let oldest = self.images[0].clone();
            let gone = self.api.delete(&format!("firmware/{oldest}"));
            // Where no answer came it is there or not.
            self.images.remove(0);
            answered(gone)?;
            self.gone.insert(oldest);
        }
        let release = format!("108.87.{}.{}", self.edits / 200, self.edits % 200);
        let mut bytes = format!("image for SIP-T46U: {release}\n").into_bytes();
        bytes.resize(64 << 10, 0x66);
        let path = format!("firmware?brand=yealink&version={release}&name={release}.rom&model=T46U");
        let image = answered(self.api.put_file(&path, &bytes))?;
        self.images.push(image["id"].as_str().unwrap().to_owned());
        Some(())
    }

    /// Everything that was acknowledged is there.
    pub(crate) fn check(&mut self, when: &str) {
        for (mac, (acknowledged, tried)) in &mut self.names {
            let phone = self.api.get(&format!("phones/{mac}"));
            let found = phone.ok().and_then(|phone| phone["name"].as_str()?.strip_prefix("Edit ")?.parse().ok());
            let found: u32 = found.unwrap_or_default();
            let right = found == *acknowledged || found == *tried;
            assert!(right, "{when}: {mac} has edit {found}; {acknowledged} was acknowledged, {tried} tried");
            // What is there now has to stay.
            (*acknowledged, *tried) = (found, found);
        }
        let listed = self.api.get("firmware").unwrap();
        let is_there = |id: &String| {
            let all = listed["images"].as_array().unwrap();
            all.iter().any(|image| image["id"] == json!(id))
        };
        assert!(self.images.iter().all(is_there), "{when}: {:?} of {listed:#}", self.images);
        assert!(!self.gone.iter().any(is_there), "{when}: {:?} came back in {listed:#}", self.gone);
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "nothing lost of {} edits that were acknowledged of {}", self.acknowledged, self.edits)
    }
}

/// What the box answered; nothing where it was killed before it did. It has no reason to refuse anything.
fn answered(result: Result<Value, Error>) -> Option<Value> {
    let is_status = |why: &str| why.split(' ').next().is_some_and(|word| word.parse::<u16>().is_ok());
    match result {
        Err(Error::Api { what, why }) if is_status(&why) => panic!("{what}: {why}"),
        other => other.ok(),
    }
}
