use std::collections::BTreeMap;

use block66::lab::{Lab, LabPhone};
use block66::model::Mac;
use serde_json::{Value, json};

use crate::gauge::get;

/// The kinds of things that happen.
const KINDS: [&str; 11] = [
    "looks",
    "renewals",
    "edits",
    "messages",
    "restarts",
    "resets",
    "replacements",
    "strangers",
    "images",
    "roll-outs",
    "pages",
];

/// What happens in a branch, at random by a seed.
pub(crate) struct Life {
    chance: u64,
    counts: BTreeMap<&'static str, u32>,
    edits: u32,
    /// Phones that nobody saw before, so far.
    strangers: u32,
    /// Images that were brought so far.
    brought: u32,
    /// Those that are there, oldest first.
    images: Vec<String>,
    /// The roll-out that runs, and its image.
    rollout: Option<(String, String)>,
    /// Phones that the roll-outs which are over brought to their image.
    updated: u64,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let (counts, images) = (KINDS.into_iter().map(|kind| (kind, 0)).collect(), Vec::new());
        Self { chance: seed, counts, edits: 0, strangers: 0, brought: 0, images, rollout: None, updated: 0 }
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
        // Nobody pulls the plug of a phone that is to be updated.
        let spared = self.rollout.is_some() && is_rolled_out(phone);
        let what = match self.below(100) {
            75..89 if spared => {
                phone.remote.poll();
                "looks"
            }
            0..27 => {
                phone.remote.poll();
                "looks"
            }
            27..30 => {
                self.visit(lab);
                "strangers"
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
            89..92 => {
                self.bring(lab);
                "images"
            }
            92..94 if self.begins_rollout(lab) => "roll-outs",
            _ => {
                let _ = api.get("events?limit=200");
                let _ = api.get("phones");
                "pages"
            }
        };
        *self.counts.entry(what).or_default() += 1;
    }

    /// A phone that nobody saw before asks for its file, is put on the list, asks again, and is taken off it for good.
    fn visit(&mut self, lab: &Lab) {
        self.strangers += 1;
        let [_, high, middle, low] = self.strangers.to_be_bytes();
        let mac = Mac::new([0x80, 0x5e, 0xc1, high, middle, low]);
        let path = format!("/p/{}.cfg", mac.plain());
        let _ = get(lab.ground().switch(), &path);
        let csv = format!("mac,name,extension,password,server\n{mac},Visitor,9{},secret,10.66.3.254\n", self.strangers);
        lab.api().post_text("phones/import", "text/csv", &csv).unwrap_or_else(|error| panic!("{error}"));
        let _ = get(lab.ground().switch(), &path);
        lab.api().delete(&format!("phones/{mac}")).unwrap_or_else(|error| panic!("{error}"));
    }

    /// A new image comes and the oldest one goes, unless phones are just being brought to it.
    fn bring(&mut self, lab: &Lab) {
        self.brought += 1;
        let release = format!("108.87.{}.{}", self.brought / 200, self.brought % 200);
        let mut bytes = format!("image for SIP-T46U: {release}\n").into_bytes();
        bytes.resize(256 << 10, 0x66);
        let path = format!("firmware?brand=yealink&version={release}&name={release}.rom&model=T46U");
        let image = lab.api().put_file(&path, &bytes).unwrap_or_else(|error| panic!("{error}"));
        self.images.push(image["id"].as_str().unwrap().to_owned());
        let needed = self.rollout.as_ref().map(|(_, image)| image);
        let oldest = self.images.iter().position(|image| Some(image) != needed).unwrap();
        if self.images.len() > 3 {
            let gone = lab.api().delete(&format!("firmware/{}", self.images.remove(oldest)));
            gone.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Phones are to be brought to the newest image, unless that is still being done with another one.
    fn begins_rollout(&mut self, lab: &Lab) -> bool {
        let api = lab.api();
        if let Some((id, _)) = &self.rollout {
            let path = format!("rollouts/{id}");
            let seen = api.get(&path).unwrap();
            if seen["state"] == "running" {
                return false;
            }
            self.updated += seen["counts"]["done"].as_u64().unwrap();
            api.delete(&path).unwrap();
            self.rollout = None;
            return false;
        }
        let Some(image) = self.images.last().cloned() else { return false };
        let phones: Vec<String> =
            lab.phones().iter().filter(|phone| is_rolled_out(phone)).map(|phone| phone.mac.to_string()).collect();
        let plan = json!({ "canary": 1, "wave": 9, "at_once": 9, "patience": 5, "may_fail": 9 });
        let planned = api.post("rollouts", &json!({ "image": image, "phones": phones, "plan": plan })).unwrap();
        let id = planned["id"].as_str().unwrap().to_owned();
        api.post(&format!("rollouts/{id}/start"), &json!({})).unwrap();
        self.rollout = Some((id, image));
        true
    }

    /// Everybody of these is on the list, and starts over.
    pub(crate) fn rest(&self, lab: &Lab, of: impl Fn(&LabPhone) -> bool) {
        for phone in lab.phones().iter().filter(|phone| of(phone)) {
            list(lab, phone, &phone.name);
            let _ = lab.api().post(&format!("phones/{}/first-contact", phone.mac), &json!({}));
            phone.remote.factory_reset();
        }
    }

    /// What happened how often. Nothing of it may be missing.
    pub(crate) fn counts(&self) -> String {
        let missing: Vec<_> = self.counts.iter().filter(|(_, count)| **count == 0).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
        assert!(self.updated > 0, "no roll-out brought a phone to its image");
        let all: Vec<_> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        format!("{}; {} phones updated", all.join(", "), self.updated)
    }
}

/// Whether images are for this phone.
fn is_rolled_out(phone: &LabPhone) -> bool {
    phone.identity.make.model.ends_with("T46U")
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
