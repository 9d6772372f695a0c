//! The page of other people's systems, over desks that say what they are told to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{BROWSER, Ground};
use crate::admin::{Desk, Order, Problem, Said};

/// A PBX's desk with two phones, a tenant's with a plan, and one of a service that cannot be reached.
pub(super) fn desks() -> BTreeMap<&'static str, Desk> {
    let desk = |answer: fn(&Order) -> Result<Value, Problem>| -> Desk {
        Arc::new(move |order| {
            let said = answer(&order).map(Said);
            Box::pin(async move { said })
        })
    };
    BTreeMap::from([
        (
            "pbx",
            desk(|_| {
                Ok(
                    json!({ "title": "Our PBX", "guide": "docs/x.md", "says": ["The PBX main is connected & well."], "settings": { "enabled": true }, "phones": [
                    { "mac": "80:5e:c0:00:00:01", "says": "Connected to Devices and configured.", "well": true,
                      "left-out": ["STUN and TURN", "the alarm server"] },
                    { "mac": "80:5e:c0:00:00:02", "says": "Not connected to Devices: <b>.", "well": false, "left-out": [] },
                ] }),
                )
            }),
        ),
        (
            "tenant",
            desk(|order| {
                let warnings = json!([{ "code": "private-domain", "says": "the SIP domain is private" }]);
                Ok(match (order.path.is_empty(), &order.method) {
                    (true, _) => json!({ "title": "A tenant", "written": true, "settings": {}, "warnings": warnings }),
                    (_, &Method::GET) => json!({ "steps": ["make the group branch"], "warnings": warnings }),
                    _ => {
                        json!({ "planned": 2, "done": 1, "error": "it says: no", "left": ["make the user ann"], "warnings": [] })
                    }
                })
            }),
        ),
        (
            "service",
            desk(|order| match order.path.is_empty() {
                true => Ok(json!({ "title": "A service", "written": true })),
                false => Err(Problem::new(StatusCode::BAD_GATEWAY, "redirection", "Nobody answers there.", "Look.")),
            }),
        ),
    ])
}

#[tokio::test]
async fn each_system_is_shown_in_plain_words() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let page = ground.browse(&browser, "/partners").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for text in [
        "Our PBX",
        "docs&#x2f;x.md",
        "The PBX main is connected &amp; well.",
        "/phones/805ec0000001",
        "Connected to Devices and configured.",
        "Not taken over: STUN and TURN; the alarm server.",
        "Not connected to Devices: &lt;b&gt;.",
        "Warning: the SIP domain is private.",
        "href=\"/partners/tenant\"",
        "href=\"/partners/service\"",
    ] {
        assert!(page.text.contains(text), "{text} is not in {}", page.text);
    }
    assert!(!page.text.contains("href=\"/partners/pbx\""), "nothing is written there");
    assert_eq!(ground.browse(&browser, "/partners/pbx").await.status, StatusCode::NOT_FOUND);
    let nobody = ground.call(BROWSER, Request::get("/partners"), "").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER, "nobody sees it without signing in");
}

#[tokio::test]
async fn a_plan_is_shown_before_it_is_applied_and_then_what_is_left() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let plan = ground.browse(&browser, "/partners/tenant").await.text;
    assert!(plan.contains("<li>make the group branch</li>"), "{plan}");
    assert!(plan.contains("action=\"/partners/tenant/apply\""), "{plan}");
    let unreachable = ground.browse(&browser, "/partners/service").await;
    assert_eq!(unreachable.status, StatusCode::BAD_GATEWAY);
    assert!(unreachable.text.contains("Nobody answers there."), "{}", unreachable.text);

    let forged = Request::post("/partners/tenant/apply").header("cookie", &browser.cookie);
    assert_eq!(ground.call(BROWSER, forged, "").await.status, StatusCode::FORBIDDEN);
    let applied = ground.submit(&browser, "/partners/tenant/apply", "").await.text;
    for text in ["1 of 2 steps were made.", "it says: no", "<li>make the user ann</li>", "this is still to be done"] {
        assert!(applied.contains(text), "{text} is not in {applied}");
    }
}
