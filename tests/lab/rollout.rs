//! Roll-outs over simulated phones of two models: canaries, waves, an automatic stop, and the way back.

use std::time::{Duration, Instant};

use block66::lab::{Api, Lab, LabPhone, Settings};
use block66::model::Mac;
use block66::phonesim::{Fortune, breed};
use serde_json::{Value, json};

/// For everything that has to happen.
const LIMIT: Duration = Duration::from_secs(60);
/// Seconds that a phone may take to come back.
const PATIENCE: u64 = 4;
const OLD: &str = "108.86.0.20";

/// A lab whose phones are in service.
struct Branch {
    lab: Lab,
    api: Api,
}

impl Branch {
    fn new(phones: u16) -> Self {
        let settings = Settings {
            program: env!("CARGO_BIN_EXE_block66").into(),
            phones,
            brands: vec![breed("yealink").unwrap()],
            pace: Settings::USUAL_PACE,
            plant: None,
        };
        let mut lab = Lab::new(&settings).unwrap();
        lab.power_on().unwrap();
        assert!(lab.all_in_service(LIMIT), "not all phones came into service");
        let api = lab.api();
        Self { lab, api }
    }

    fn phone(&self, number: usize) -> &LabPhone {
        &self.lab.phones()[number - 1]
    }

    /// Puts an image of a quarter of a megabyte into the catalogue, for models as the box calls them.
    fn image(&self, release: &str, models: &[&str]) -> String {
        let mut bytes = format!("image for {}: {release}\n", models.join(" ")).into_bytes();
        bytes.resize(256 << 10, 0x66);
        let models: Vec<&str> = models.iter().map(|model| model.trim_start_matches("SIP-")).collect();
        let path = format!("firmware?brand=yealink&version={release}&name={release}.rom&model={}", models.join(","));
        self.api.put_file(&path, &bytes).unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn plan(&self, image: &str, may_fail: u32, phones: &[Mac]) -> String {
        let plan = json!({ "canary": 1, "wave": 9, "at_once": 5, "patience": PATIENCE, "may_fail": may_fail });
        let phones: Vec<String> = phones.iter().map(ToString::to_string).collect();
        let planned = self.api.post("rollouts", &json!({ "image": image, "phones": phones, "plan": plan })).unwrap();
        planned["id"].as_str().unwrap().to_owned()
    }

    fn order(&self, rollout: &str, order: &str) -> Value {
        self.api.post(&format!("rollouts/{rollout}/{order}"), &json!({})).unwrap()
    }

    fn look(&self, rollout: &str) -> Value {
        self.api.get(&format!("rollouts/{rollout}")).unwrap()
    }

    /// Looks at the roll-out until it is as wanted. Each look is checked against the plan.
    fn until(&self, rollout: &str, what: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let seen = self.look(rollout);
            assert!(seen["counts"]["updating"].as_u64().unwrap() <= 5, "too many at once: {seen:#}");
            let updating = of(&seen, "updating");
            let canaries = seen["wave"] == 0;
            assert!(!canaries || updating.len() <= 2, "more than the canaries: {seen:#}");
            if enough(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{what}: {seen:#}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// The phones whose turn stands so.
fn of(rollout: &Value, turn: &str) -> Vec<Mac> {
    let phones = rollout["phones"].as_array().into_iter().flatten();
    phones.filter(|phone| phone["turn"] == turn).map(|phone| phone["mac"].as_str().unwrap().parse().unwrap()).collect()
}

fn over(rollout: &Value) -> bool {
    ["finished", "stopped"].contains(&rollout["state"].as_str().unwrap())
}

#[test]
fn a_roll_out_goes_by_canaries_and_waves_stops_by_itself_and_goes_back() {
    let branch = Branch::new(20);
    let both = ["SIP-T46U", "SIP-T48U"];
    let first = branch.image("108.87.0.10", &both);
    let all = branch.plan(&first, 1, &[]);

    // Nothing vouches for the clock here.
    branch.order(&all, "start");
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        let seen = branch.look(&all);
        assert_eq!((of(&seen, "updating").len(), seen["state"].as_str()), (0, Some("running")), "{seen:#}");
        assert!(seen["holds"].as_str().unwrap().contains("clock"), "{seen:#}");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let time = branch.api.get("status").unwrap()["time"].clone();
    branch.api.post("clock", &json!({ "time": time })).unwrap();

    let (on_call, cut, dead) = (branch.phone(5).mac, branch.phone(7).mac, branch.phone(20).mac);
    branch.phone(5).remote.fare(Fortune::OnACall);
    branch.phone(7).remote.fare(Fortune::PowerFails { after: 100_000 });
    branch.phone(20).remote.fare(Fortune::Dies);

    let canaries = branch.until(&all, "the canaries", |seen| seen["wave"].as_u64() >= Some(1));
    assert_eq!(of(&canaries, "done"), [branch.phone(1).mac, branch.phone(2).mac], "one of each model");
    branch.until(&all, "the call", |seen| of(seen, "put-off").contains(&on_call));
    branch.phone(5).remote.fare(Fortune::Good);
    let ended = branch.until(&all, "the end", over);
    assert_eq!(ended["state"], "finished", "{ended:#}");
    assert_eq!(of(&ended, "failed"), [dead]);
    assert_eq!(of(&ended, "done").len(), 19);
    assert!(branch.phone(7).remote.report().starts >= 3, "its power failed once, and it restarted with the image");
    let runs = |seen: &Value, mac: Mac| {
        let phones = seen["phones"].as_array().unwrap();
        phones.iter().find(|phone| phone["mac"] == mac.to_string()).unwrap()["runs"].clone()
    };
    assert_eq!((runs(&ended, cut), runs(&ended, dead)), (json!("108.87.0.10"), json!(OLD)));
    println!("figure: {}", ended["says"].as_str().unwrap());

    // An image of the other model, assigned by hand: nobody is told of it.
    let other = branch.image("108.87.0.11", &["SIP-T48U"]);
    let wrong = branch.plan(&other, 0, &[branch.phone(1).mac]);
    branch.order(&wrong, "start");
    let refused = branch.until(&wrong, "a refusal", over);
    assert_eq!(of(&refused, "refused"), [branch.phone(1).mac], "{refused:#}");

    // The next release is a bad one for a canary: it stops before anybody else is told.
    let second = branch.image("108.88.0.1", &both);
    let bad = branch.plan(&second, 0, &[]);
    branch.phone(2).remote.fare(Fortune::Dies);
    branch.order(&bad, "start");
    let stopped = branch.until(&bad, "a stop", over);
    assert_eq!(stopped["state"], "stopped", "{stopped:#}");
    assert_eq!((of(&stopped, "failed"), of(&stopped, "done")), (vec![branch.phone(2).mac], vec![branch.phone(1).mac]));
    assert!(stopped["says"].as_str().unwrap().contains(&branch.phone(2).mac.to_string()), "{stopped:#}");
    println!("figure: {}", stopped["says"].as_str().unwrap());

    // Back to what they had.
    let back = branch.order(&bad, "back");
    let back = back["rollouts"][0]["id"].as_str().unwrap_or_else(|| panic!("{back:#}")).to_owned();
    let back = branch.until(&back, "the way back", |seen| seen["phones"][0]["turn"] == "done");
    assert_eq!(back["phones"][0]["runs"], "108.87.0.10", "{back:#}");

    let versions = branch.api.get("firmware/versions").unwrap();
    let count = |model: &str, version: &str| {
        let kinds = versions["versions"].as_array().unwrap().iter();
        let kinds = kinds.filter(|kind| kind["model"].as_str().unwrap().ends_with(model) && kind["version"] == version);
        kinds.map(|kind| kind["phones"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((count("T46U", "108.87.0.10"), count("T48U", OLD)), (10, 1), "{versions:#}");
}
