use std::collections::BTreeMap;

use block66::lab::{Lab, LabPhone};
use serde_json::{Value, json};

/// What happens in a branch, at random by a seed.
pub(crate) struct Life {
    chance: u64,
    counts: BTreeMap<&'static str, u32>,
    edits: u32,
    images: Vec<String>,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: seed, counts: BTreeMap::new(), edits: 0, images: Vec::new() }
    }

    /// A number below `limit` (Steele and others, SplitMix64).
    fn below(&mut self, limit: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// One thing happens.
    pub(crate) fn step(&mut self, lab: &Lab) {
        let number = usize::try_from(self.below(lab.phones().len() as u64)).unwrap();
        let phone = &lab.phones()[number];
        let api = lab.api();
        let what = match self.below(100) {
            0..30 => {
                phone.remote.poll();
                "looks"
            }
            30..45 => {
                phone.remote.renew();
                "renewals"
            }
            45..65 => {
                self.edits += 1;
                list(lab, phone, &format!("Name {}", self.edits));
                "edits"
            }
            65..75 => {
                let _ = api.post(&format!("phones/{}/resync", phone.mac), &Value::Null);
                "messages"
            }
            75..83 => {
                phone.remote.reboot();
                "restarts"
            }
            83..86 => {
                phone.remote.factory_reset();
                let _ = api.post(&format!("phones/{}/first-contact", phone.mac), &json!({}));
                "resets"
            }
            86..89 => {
                let _ = api.delete(&format!("phones/{}", phone.mac));
                list(lab, phone, "Back again");
                phone.remote.factory_reset();
                "replacements"
            }
            89..94 => {
                self.roll(lab);
                "images"
            }
            _ => {
                let _ = api.get("events?limit=200");
                let _ = api.get("phones");
                "pages"
            }
        };
        *self.counts.entry(what).or_default() += 1;
    }

    /// A new image comes and the oldest one goes.
    fn roll(&mut self, lab: &Lab) {
        let release = format!("108.86.{}.{}", self.edits / 100, self.edits % 100 + 100 * (self.below(9) as u32));
        let mut bytes = format!("image {release}\n").into_bytes();
        bytes.resize(256 << 10, 0x66);
        let path = format!("firmware?brand=yealink&version={release}&name={release}.rom&model=T46U");
        if let Ok(image) = lab.api().put_file(&path, &bytes)
            && let Some(id) = image["id"].as_str()
        {
            self.images.push(id.to_owned());
        }
        if self.images.len() > 3 {
            let _ = lab.api().delete(&format!("firmware/{}", self.images.remove(0)));
        }
    }

    /// Everybody of these is on the list, and starts over.
    pub(crate) fn rest(&self, lab: &Lab, of: impl Fn(&LabPhone) -> bool) {
        for phone in lab.phones().iter().filter(|phone| of(phone)) {
            list(lab, phone, &phone.name);
            let _ = lab.api().post(&format!("phones/{}/first-contact", phone.mac), &json!({}));
            phone.remote.factory_reset();
        }
    }

    /// What happened how often.
    pub(crate) fn counts(&self) -> String {
        let all: Vec<_> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        all.join(", ")
    }
}

/// Puts a phone on the list, or changes what it shows, as an import of a list does.
fn list(lab: &Lab, phone: &LabPhone, display: &str) {
    let csv = format!(
        "mac,name,extension,password,server,display\n{},{},{},{},10.66.3.254,{display}\n",
        phone.mac,
        phone.name,
        phone.user,
        phone.password.expose()
    );
    let done = lab.api().post_text("phones/import", "text/csv", &csv);
    done.unwrap_or_else(|error| panic!("{error}"));
}
