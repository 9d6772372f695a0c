use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::{BROWSER, Ground};
use crate::admin::test_data;
use crate::brands::{Images, Registry};
use crate::firmware::catalogue::decided;
use crate::model::{Journey, RolloutState, Settings, Timestamp, Turn};
use crate::store::Write;

/// A brand whose images these are, and whose releases begin with a number for the hardware.
pub(super) fn brand() -> String {
    let registry = Registry::builtin().unwrap();
    let fits = |images: &Images| images.hardware_numbers == 1 && images.takes("66.87.0.10.rom");
    registry.brands().find(|brand| brand.firmware.as_ref().is_some_and(fits)).unwrap().id.clone()
}

/// Puts a phone on the list that runs a release.
pub(super) async fn list(ground: &Ground, number: u8, model: &str, runs: &str) {
    let mut phone = test_data::phone(number);
    (phone.brand, phone.model) = (Some(brand()), Some(model.into()));
    let mac = phone.mac;
    let journey = Journey { firmware: Some(runs.into()), ..Journey::default() };
    ground
        .store
        .commit(vec![Write::PutPhone { phone, expect: None }, Write::PutJourney { mac, journey }])
        .await
        .unwrap();
}

pub(super) async fn image(ground: &Ground, release: &str, models: &[&str]) -> String {
    let url = format!("http://vendor.example/{release}.rom");
    let body = json!({ "brand": brand(), "version": release, "url": url, "models": models });
    ground.post("firmware", &body).await.json()["id"].as_str().unwrap().to_owned()
}

fn id(answer: &Value) -> &str {
    answer["id"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_roll_out_is_planned_started_stopped_and_taken_away() {
    let ground = Ground::new().await;
    list(&ground, 1, "T46S", "66.86.0.15").await;
    let image = image(&ground, "66.87.0.10", &["T46S"]).await;
    let plan = json!({ "canary": 2, "hours": "22:00-06:00", "days": ["fri"], "zone": "europe/berlin" });
    let planned = ground.post("rollouts", &json!({ "image": image, "model": "T46S", "plan": plan })).await;
    assert_eq!(planned.status, StatusCode::CREATED, "{}", planned.text);
    let planned = planned.json();
    assert_eq!((&planned["state"], &planned["name"]), (&json!("planned"), &json!("T46S to 66.87.0.10")));
    assert_eq!(planned["plan"]["zone"], "Europe/Berlin");
    assert_eq!((&planned["plan"]["canary"], &planned["plan"]["wave"]), (&json!(2), &json!(10)));

    let path = format!("rollouts/{}", id(&planned));
    let started = ground.post(&format!("{path}/start"), &json!({})).await.json();
    assert_eq!(started["state"], "running");
    assert!(started["holds"].as_str().unwrap().contains("clock"), "nothing vouches for it: {started}");
    assert_eq!(ground.post(&format!("{path}/start"), &json!({})).await.code(), "not-possible");
    let remove = || ground.call(crate::admin::call::Origin::Local, Request::delete(format!("/api/v1/{path}")), "");
    assert_eq!(remove().await.code(), "not-possible", "it runs");
    let stopped = ground.post(&format!("{path}/stop"), &json!({})).await.json();
    assert_eq!(stopped["state"], "stopped");
    let kept = ground.store.rollouts().remove(0);
    assert!(matches!(kept.state, RolloutState::Stopped { why: None, .. }));
    assert_eq!(ground.post(&format!("{path}/back"), &json!({})).await.code(), "not-possible");
    assert_eq!(remove().await.status, StatusCode::OK);
    assert_eq!(ground.get(&path).await.code(), "rollout-unknown");
    assert_eq!(ground.get("rollouts").await.json()["rollouts"], json!([]));
}

/// Puts a phone's turn of a roll-out, what it ran before, and what it runs since, as the roll-out itself and the phone would.
async fn comes_to(ground: &Ground, rollout: &str, (number, turn): (u8, Turn), (before, runs): (&str, &str)) {
    let mac = test_data::phone(number).mac;
    let mut rollout = ground.store.rollout(rollout.parse().unwrap()).unwrap();
    rollout.phones.insert(mac, turn);
    rollout.before.insert(mac, before.into());
    let journey = Journey { firmware: Some(runs.into()), ..Journey::default() };
    let writes = vec![Write::PutRollout { rollout, expect: None }, Write::PutJourney { mac, journey }];
    ground.store.commit(writes).await.unwrap();
}

#[tokio::test]
async fn what_is_started_again_after_the_way_back_brings_the_image_again() {
    let ground = Ground::new().await;
    let (old, new) = ("66.86.0.15", "66.87.0.10");
    list(&ground, 1, "T46S", old).await;
    image(&ground, old, &["T46S"]).await;
    let image = image(&ground, new, &["T46S"]).await;
    let planned = ground.post("rollouts", &json!({ "image": image, "model": "T46S" })).await.json();
    let path = format!("rollouts/{}", id(&planned));
    ground.post(&format!("{path}/start"), &json!({})).await;
    let done = Turn::Done { at: Timestamp::from_secs(1_700_000_000) };
    comes_to(&ground, id(&planned), (1, done.clone()), (old, new)).await;
    let back = ground.post(&format!("{path}/back"), &json!({})).await.json();
    let back = id(&back["rollouts"][0]).to_owned();
    comes_to(&ground, &back, (1, done), (new, old)).await;

    assert_eq!(ground.post(&format!("{path}/start"), &json!({})).await.status, StatusCode::OK);
    let kept = |id: &str| ground.store.rollout(id.parse().unwrap()).unwrap();
    let (again, back) = (kept(id(&planned)), kept(&back));
    assert!(again.created <= back.created && again.started > back.started, "{again:?} {back:?}");
    assert_eq!(again.phones[&test_data::phone(1).mac], Turn::Waiting);
}

#[tokio::test]
async fn the_way_back_stops_it_first_and_names_who_is_being_updated() {
    let ground = Ground::new().await;
    let (old, new) = ("66.86.0.15", "66.87.0.10");
    list(&ground, 1, "T46S", old).await;
    image(&ground, old, &["T46S"]).await;
    let image = image(&ground, new, &["T46S"]).await;
    let at = Timestamp::from_secs(1_700_000_000);
    let updating = Turn::Updating { since: at, step: Some(old.into()), fetched: Some(at), put_off: 0 };
    let mac = test_data::phone(1).mac.to_string();
    for (turn, stays) in [(updating, vec![mac]), (Turn::Waiting, vec![])] {
        let planned = ground.post("rollouts", &json!({ "image": image, "model": "T46S" })).await.json();
        let path = format!("rollouts/{}", id(&planned));
        ground.post(&format!("{path}/start"), &json!({})).await;
        comes_to(&ground, id(&planned), (1, turn.clone()), (old, old)).await;
        let back = ground.post(&format!("{path}/back"), &json!({})).await;
        assert_eq!(back.status, StatusCode::OK, "{turn:?}: {}", back.text);
        let named: Vec<Value> = back.json()["stay"].as_array().unwrap().iter().map(|one| one["mac"].clone()).collect();
        assert_eq!((named, &back.json()["rollouts"]), (stays.into_iter().map(Value::from).collect(), &json!([])));
        assert_eq!(ground.get(&path).await.json()["state"], "stopped", "{turn:?}");
    }
}

#[tokio::test]
async fn the_way_back_of_one_that_is_over_stops_it_too() {
    let ground = Ground::new().await;
    let (old, new) = ("66.86.0.15", "66.87.0.10");
    list(&ground, 1, "T46S", old).await;
    list(&ground, 2, "T46S", old).await;
    image(&ground, old, &["T46S"]).await;
    let image = image(&ground, new, &["T46S"]).await;
    let planned = ground.post("rollouts", &json!({ "image": image, "model": "T46S" })).await.json();
    let path = format!("rollouts/{}", id(&planned));
    ground.post(&format!("{path}/start"), &json!({})).await;
    let at = Timestamp::from_secs(1_700_000_000);
    comes_to(&ground, id(&planned), (1, Turn::Done { at }), (old, new)).await;
    comes_to(&ground, id(&planned), (2, Turn::Away), (old, old)).await;
    let mut over = ground.store.rollouts().remove(0);
    over.state = RolloutState::Finished { at };
    ground.store.commit(vec![Write::PutRollout { rollout: over, expect: None }]).await.unwrap();

    let back = ground.post(&format!("{path}/back"), &json!({})).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text);
    let [first, second] = [1, 2].map(|number| test_data::phone(number).mac);
    let kept = ground.store.rollouts();
    let back = kept.iter().find(|rollout| rollout.id.to_string() == id(&back.json()["rollouts"][0])).unwrap();
    assert_eq!(back.scope.phones, [first]);
    assert_eq!(ground.get(&path).await.json()["state"], "stopped");
    // Who comes now is not told of the image.
    let away = ground.store.phone_by_mac(second).unwrap();
    assert_eq!(decided(&kept, &away, |_| None, |_| true), None);
}

#[tokio::test]
async fn what_is_wrong_with_a_plan_is_named() {
    let ground = Ground::new().await;
    let image = image(&ground, "66.87.0.10", &[]).await;
    let fields = |answer: Value| -> Vec<String> {
        answer["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    let wrong = json!({
        "image": "none", "organisation": "nobody", "group": "none", "phones": ["805ec0999999"],
        "plan": { "canary": 0, "hours": "late", "patience": 0 },
    });
    let expected = ["image", "organisation", "group", "phones", "plan.canary", "plan.patience", "plan.hours"];
    assert_eq!(fields(ground.post("rollouts", &wrong).await.json()), expected);
    let hours = |more: Value| {
        let mut plan = json!({ "hours": "22:00-06:00" });
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "image": image, "organisation": "Branch", "plan": plan })
    };
    assert_eq!(fields(ground.post("rollouts", &hours(json!({}))).await.json()), ["plan.zone"], "nobody said where");
    assert_eq!(fields(ground.post("rollouts", &hours(json!({ "zone": "Mars" }))).await.json()), ["plan.zone"]);
    let late = hours(json!({ "zone": "UTC", "days": ["someday"] }));
    assert_eq!(fields(ground.post("rollouts", &late).await.json()), ["plan.days"]);

    let mut organisation = test_data::organisation();
    organisation.settings = Settings::NONE.with("regional.time_zone", "Australia/Sydney").unwrap();
    ground.store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).await.unwrap();
    let planned = ground.post("rollouts", &hours(json!({}))).await.json();
    assert_eq!(planned["plan"]["zone"], "Australia/Sydney");
}

#[tokio::test]
async fn from_who_is_behind_it_is_one_click_to_a_plan() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    for (number, model, runs) in
        [(1, "T46S", "66.86.0.15"), (2, "T46S", "66.86.0.15"), (3, "T46S", "66.87.0.10"), (4, "T54W", "96.86.0.1")]
    {
        list(&ground, number, model, runs).await;
    }
    let image = image(&ground, "66.87.0.10", &["T46S"]).await;
    let versions = ground.get("firmware/versions").await.json();
    assert_eq!(versions["behind"], 2, "{versions}");

    let page = ground.browse(&browser, "/firmware").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for part in ["2 phones are behind", "66.86.0.15", "Plan a roll-out", "fetching it is not enabled", &image] {
        assert!(page.text.contains(part), "{part} is missing:\n{}", page.text);
    }
    assert!(!page.text.contains("<script>") && !page.text.contains(" style="), "nothing inline");
    let planned = ground.submit(&browser, "/firmware/plan", &format!("image={image}&model=T46S")).await;
    let place = planned.header("location").to_owned();
    assert!(place.starts_with("/rollouts/"), "{}", planned.text);
    let path = place.split('?').next().unwrap();
    let page = ground.browse(&browser, &place).await;
    for part in ["T46S to 66.87.0.10", "Start it", "has not begun", "Remove T46S"] {
        assert!(page.text.contains(part), "{part} is missing:\n{}", page.text);
    }
    assert_eq!(ground.submit(&browser, &format!("{path}/start"), "").await.header("location"), path);
    let page = ground.browse(&browser, path).await;
    assert!(
        page.text.contains("Stop it") && page.text.contains("the clock of the box is not trusted"),
        "{}",
        page.text
    );
    // Without the token of the session nothing happens.
    let request = Request::post(format!("{path}/stop")).header("cookie", &browser.cookie);
    let forged = ground.call(BROWSER, request.header("origin", "https://box.lan"), "").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(ground.store.rollouts()[0].state, RolloutState::Running);
}

#[tokio::test]
async fn an_administrator_vouches_for_a_clock_that_says_what_theirs_does() {
    let ground = Ground::new().await;
    let status = ground.get("status").await.json();
    assert_eq!(status["time_trusted"], false);
    for wrong in ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00+02:00"] {
        assert_eq!(ground.post("clock", &json!({ "time": wrong })).await.code(), "clock-differs", "{wrong}");
    }
    assert_eq!(ground.post("clock", &json!({ "time": "noon" })).await.code(), "malformed");
    assert_eq!(ground.post("clock", &json!({ "time": status["time"] })).await.status, StatusCode::OK);
    assert_eq!(ground.get("status").await.json()["time_trusted"], true);
}
