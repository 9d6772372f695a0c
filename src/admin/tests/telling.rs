//! Having phones told: whom a campaign means, and the forms of the page.

use super::*;
use crate::admin::telling::CampaignDraft;
use crate::model::{Group, Scope, Settings};

async fn hall(ground: &Ground) -> Vec<Mac> {
    let group = |number, name: &str, scope| Group {
        id: Id::new(Timestamp::from_secs(3), number),
        version: 0,
        origin: Id::new(Timestamp::from_secs(1), 0),
        organisation: test_data::organisation().id,
        name: name.into(),
        scope,
        settings: Settings::NONE,
        created: Timestamp::from_secs(3),
    };
    let hall = group(1, "Hall", Scope::Members);
    let old = group(2, "Old ones", Scope::Model { brand: "toy".into(), model: Some("x1".into()) });
    let phones: Vec<Phone> = (1..=3).map(test_data::phone).collect();
    let macs = phones.iter().map(|phone| phone.mac).collect();
    let mut writes =
        vec![Write::PutGroup { group: hall.clone(), expect: None }, Write::PutGroup { group: old, expect: None }];
    for (number, phone) in phones.into_iter().enumerate() {
        let model = if number == 2 { "X1" } else { "X2" };
        let group = (number == 1).then_some(hall.id);
        let phone = Phone { brand: Some("toy".into()), model: Some(model.into()), group, ..phone };
        writes.push(Write::PutPhone { phone, expect: None });
    }
    ground.store.commit(writes).await.unwrap();
    macs
}

#[tokio::test]
async fn a_campaign_means_those_who_fit_all_that_is_said() {
    let ground = Ground::new().await;
    let macs = hall(&ground).await;
    let meant = |draft: Value| {
        let draft: CampaignDraft = serde_json::from_value(draft).unwrap();
        let mut meant = ground.admin.phones_meant(&draft).unwrap();
        meant.sort_unstable();
        meant
    };
    assert_eq!(meant(json!({ "told": "resync" })), macs);
    assert_eq!(meant(json!({ "told": "resync", "group": "hall" })), [macs[1]]);
    assert_eq!(meant(json!({ "told": "resync", "group": "Old ones" })), [macs[2]]);
    assert_eq!(meant(json!({ "told": "reboot", "model": "x2", "organisation": "branch" })), macs[..2]);
    assert_eq!(meant(json!({ "told": "reboot", "macs": [macs[0]] })), [macs[0]]);
    assert_eq!(meant(json!({ "told": "reboot", "group": "Hall", "model": "X1" })), []);
    let wrong = ground.post("campaigns", &json!({ "told": "resync", "group": "nobody" })).await;
    assert_eq!(
        (wrong.status, wrong.json()["errors"][0]["field"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("group"))
    );
    // Nothing speaks SIP here.
    assert_eq!(ground.post("campaigns", &json!({ "told": "resync" })).await.code(), "sip-not-running");
}

#[tokio::test]
async fn the_page_has_a_button_for_one_phone_and_a_form_for_many() {
    let ground = Ground::new().await;
    hall(&ground).await;
    let browser = ground.claim().await;
    let page = ground.browse(&browser, "/campaigns").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for text in ["Branch · Hall", "No campaign yet.", "action=\"/campaigns\"", "<option value=\"toy\">"] {
        assert!(page.text.contains(text), "no {text} in {}", page.text);
    }
    assert!(!page.text.contains(" style=") && !page.text.contains("onclick"));
    let wrong = ground.submit(&browser, "/campaigns", "told=reboot&at-most=x&offset=25&group=&between=").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["Write a whole number.", "Write it as in +01:00.", "value=\"x\""] {
        assert!(wrong.text.contains(text), "no {text} in {}", wrong.text);
    }
    let hours = ground.submit(&browser, "/campaigns", "told=reboot&between=25:00").await;
    assert!(hours.text.contains("Write hours as in 22:00-06:00."), "{}", hours.text);
    let phone = ground.browse(&browser, "/phones/805ec0123401").await;
    assert!(phone.text.contains("action=\"/phones/805ec0123401/reboot\""), "{}", phone.text);
    assert!(phone.text.contains("It was told nothing since the box started."));
    for path in ["/phones/805ec0123401/resync", "/campaigns"] {
        let answer = ground.submit(&browser, path, "told=resync").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.text);
    }
    let forged = Request::post("/campaigns").header("cookie", &browser.cookie).header("origin", "https://box.lan");
    assert_eq!(ground.call(BROWSER, forged, "told=reboot").await.status, StatusCode::FORBIDDEN);
}

#[test]
fn the_page_says_how_campaigns_stand() {
    use crate::admin::pages::render::{CampaignsPage, Frame, Pages};
    use crate::sip::CampaignView;
    use crate::sip::campaign::{State, Tally};
    let campaign = |number, state, outcomes: &[(&str, usize)]| CampaignView {
        id: Id::new(Timestamp::from_secs(4), number),
        told: crate::brands::Told::Reboot,
        begun: Timestamp::from_secs(1_700_000_000),
        state,
        phones: Tally { waiting: 1, running: 2, done: 3, failed: 4 },
        outcomes: outcomes.iter().map(|(code, count)| ((*code).into(), *count)).collect(),
    };
    let campaigns = vec![
        campaign(1, State::Running, &[("sip.restarted", 3), ("sip.no-answer", 4)]),
        campaign(2, State::Failing, &[]),
        campaign(3, State::Ended, &[]),
        campaign(4, State::Stopped, &[]),
    ];
    let reader = |role| Frame {
        csrf: Some("token".into()),
        reader: Some(("anna".into(), role)),
        now: "2023-11-14T22:13:20Z".into(),
        ..Frame::default()
    };
    let page = CampaignsPage { campaigns, ..CampaignsPage::default() };
    let pages = Pages::new(&std::collections::BTreeMap::new()).unwrap();
    let shown = |role| pages.campaigns(&reader(role), &page).unwrap();
    let text = shown(crate::admin::Role::Administrator);
    for said in ["Goes on", "Stopped: too many fail", "Over", "4 × <code>sip.no-answer</code>", "3 done, 4 failed"] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    assert_eq!(text.matches("/stop\"").count(), 1, "what is over cannot be stopped");
    let looked_at = shown(crate::admin::Role::Operator);
    assert!(looked_at.contains("Goes on") && !looked_at.contains("action=\"/campaigns"), "{looked_at}");
}
