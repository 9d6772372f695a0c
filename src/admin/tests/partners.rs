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
            desk(|order| {
                if order.body["every"] == 1 {
                    return Err(Problem::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "unfit",
                        "Not <b> so often.",
                        "Less often.",
                    ));
                }
                Ok(
                    json!({ "title": "Our PBX", "guide": "docs/x.md", "says": ["The PBX main is connected & well."], "settings": { "enabled": true, "every": 20, "url": null, "authorities": null, "names": ["a", "b"] }, "password": true, "phones": [
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

#[tokio::test]
async fn what_is_set_for_one_is_a_form_and_what_was_refused_stays_in_it() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let page = ground.browse(&browser, "/partners").await.text;
    for text in ["id=\"pbx.every\"", "value=\"a, b\"", "placeholder=\"•", "Names", "id=\"pbx.authorities\""] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let as_of =
        page.split("name=\"as-of\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let send = |fields: &str| format!("as-of={as_of}&enabled=yes&names=a&secret=hunter2-pbx&{fields}");
    let wrong = ground.submit(&browser, "/partners/pbx/settings", &send("every=daily&url=https%3A%2F%2Fa")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in [
        "Every cannot be &quot;daily&quot;.",
        "value=\"daily\"",
        "value=\"https:&#x2f;&#x2f;a\"",
        "id=\"pbx-settings\" open",
    ] {
        assert!(wrong.text.contains(text), "{text} is not in {}", wrong.text);
    }
    let refused = ground.submit(&browser, "/partners/pbx/settings", &send("every=1")).await;
    assert!(refused.text.contains("Not &lt;b&gt; so often.") && !refused.text.contains("hunter2"), "{}", refused.text);
    let set = ground.submit(&browser, "/partners/pbx/settings", &send("every=30")).await;
    assert_eq!(set.header("location"), "/partners?done=changed", "{}", set.text);
}
