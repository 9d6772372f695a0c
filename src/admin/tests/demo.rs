//! A branch as it looks on an ordinary day, on every page.

use super::*;

struct Story {
    number: u8,
    name: &'static str,
    model: &'static str,
    reached: usize,
    trouble: Option<(Step, Reason)>,
}

fn reason(step: Step, host: u8) -> Reason {
    match step {
        Step::Lease => Reason::Leased { network: "office".into(), address: [10, 66, 0, host].into() },
        Step::Ca => Reason::CaGiven,
        Step::Resynced => Reason::NotModified { own_login: true, revision: "c41f".into(), resources: Vec::new() },
        _ => Reason::Success { own_file: true, own_login: true, revision: "c41f".into(), resources: Vec::new() },
    }
}

fn stories() -> Vec<Story> {
    let story = |number, name, model, reached, trouble| Story { number, name, model, reached, trouble };
    vec![
        story(1, "Reception", "T54W", 7, None),
        story(2, "Meeting room 1", "CP965", 7, None),
        story(3, "Meeting room 2", "CP965", 3, Some((Step::Configuration, Reason::TlsUnknownCa))),
        story(4, "Kitchen", "T31P", 6, None),
        story(5, "Anna Lindqvist", "T46U", 7, None),
        story(6, "Bjørn Aas", "T46U", 6, None),
        story(7, "Workshop", "T31P", 2, Some((Step::Configuration, Reason::WasReset))),
        story(8, "Warehouse gate", "W70B", 2, None),
        story(9, "Despatch", "T33G", 1, None),
        story(10, "Fax adapter", "", 0, None),
        story(11, "Canteen", "T31P", 6, None),
        story(12, "Spare, shelf 4", "T33G", 0, None),
    ]
}

async fn branch(ground: &Ground) {
    let now = ground.admin.0.clock.now().wall;
    let ago = |seconds: i64| Timestamp::from_secs(now.secs() - seconds);
    let mut writes = Vec::new();
    for story in stories() {
        let mut phone: Phone = test_data::phone(story.number);
        phone.name = story.name.into();
        phone.model = Some(story.model.to_owned()).filter(|m| !m.is_empty());
        phone.first_contact = match (&story.trouble, story.reached) {
            (Some((_, Reason::WasReset)), _) => FirstContact::Reset { at: ago(1500) },
            (_, 6..) => FirstContact::Closed { at: ago(90_000) },
            (_, 3..) => FirstContact::Closed { at: ago(7200) },
            (_, 2) => FirstContact::Open { since: ago(20), address: [10, 66, 0, 9 + story.number].into() },
            _ => FirstContact::Waiting,
        };
        let host = 9 + story.number;
        let mut journey = Journey::default();
        for (index, step) in Step::ALL.into_iter().take(story.reached).enumerate() {
            let reason = reason(step, host);
            let outcome = reason.outcome();
            journey.lights.insert(step, Light { at: ago(3600 - 8 * index as i64), outcome, reason });
        }
        if let Some((step, reason)) = &story.trouble {
            let light = Light { at: ago(1500), outcome: reason.outcome(), reason: reason.clone() };
            journey.lights.insert(*step, light);
        }
        if story.reached > 0 {
            let lease = Lease {
                address: [10, 66, 0, host].into(),
                mac: phone.mac,
                client_id: None,
                host_name: None,
                vendor_class: None,
                state: LeaseState::Bound,
                expires: ago(-40_000),
                seconds_left: 40_000,
                via: crate::model::Via::Wire,
            };
            writes.push(Write::PutLease { network: "office".into(), lease });
            writes.push(Write::PutJourney { mac: phone.mac, journey });
        }
        writes.push(Write::PutPhone { phone, expect: None });
    }
    let mac = |n| Some(test_data::phone(n).mac);
    let event = |seconds, door, reason, n: u8, file: &str| {
        let event = Event::new(ago(seconds), door, reason).from_address(IpAddr::from([10, 66, 0, 9 + n]));
        let event = if n > 0 { event.about(mac(n)) } else { event };
        if file.is_empty() { event } else { event.for_file(file).by_agent(Some("Acme SIP-T54W 96.86.0.70")) }
    };
    let mut events = vec![
        Event::new(ago(86_000), Door::Box, Reason::Started { version: "0.1.0".into() }),
        Event::new(ago(85_000), Door::Admin, Reason::Claimed).from_address(IpAddr::from([10, 66, 0, 200])),
        event(3600, Door::Dhcp, reason(Step::Lease, 10), 1, ""),
        event(3590, Door::Http, Reason::CaGiven, 1, "/p/ca.pem"),
        event(3570, Door::Https, reason(Step::Configuration, 10), 1, "/p/805ec0123401.cfg"),
        event(2400, Door::Https, Reason::MacUnknown, 0, "/p/805ec0aabbcc.cfg"),
        event(1520, Door::Https, Reason::TlsUnknownCa, 3, ""),
        event(1500, Door::Http, Reason::WasReset, 7, "/p/805ec0123407.cfg"),
        event(300, Door::Https, Reason::WrongCredentials, 0, "/p/805ec0123405.cfg"),
        event(24, Door::Dhcp, reason(Step::Lease, 17), 8, ""),
        event(20, Door::Http, Reason::FirstContactGiven, 8, "/p/805ec0123408.cfg"),
        event(7, Door::Dhcp, reason(Step::Lease, 18), 9, ""),
    ];
    if let Some(event) = events.get_mut(8) {
        event.count = 4;
    }
    writes.extend((1..).zip(events).map(|(sequence, event)| Write::PutEvent { sequence, event }));
    ground.store.commit(writes).await.unwrap();
}

/// Where to keep the pages, for somebody who wants to look at them.
fn keep(name: &str, page: &Answered) {
    let Some(directory) = std::env::var_os("BLOCK66_PAGES").map(std::path::PathBuf::from) else { return };
    let mut text = page.text.replace("&#x2f;", "/");
    for asset in ["style.css", "icon.svg", "live.js"] {
        let (_, bytes) = crate::admin::pages::render::asset::find(asset).unwrap();
        std::fs::write(directory.join(asset), bytes).unwrap();
        let at = text.find(&format!("/assets/{asset}?v="));
        if let Some(at) = at {
            let end = at + text[at..].find('"').unwrap();
            text.replace_range(at..end, asset);
        }
    }
    std::fs::write(directory.join(format!("{name}.html")), text).unwrap();
}

#[tokio::test]
async fn every_page_says_what_matters() {
    let ground = Ground::new().await;
    keep("claim", &ground.call(BROWSER, Request::get("/claim"), "").await);
    let browser = ground.claim().await;
    keep("empty", &ground.browse(&browser, "/").await);
    keep("sign-in", &ground.call(BROWSER, Request::get("/sign-in"), "").await);
    branch(&ground).await;

    let overview = ground.browse(&browser, "/").await;
    keep("overview", &overview);
    assert_eq!(overview.status, StatusCode::OK, "{}", overview.text);
    for said in [
        "2 phones need your attention.",
        "Does not trust this box",
        "Was reset to factory settings",
        "Let it start over",
        "10.66.0.10",
        "MAC is unknown",
    ] {
        assert!(overview.text.contains(said), "{said}");
    }
    let order = |name: &str| overview.text.find(&format!(">{name}</a>")).unwrap();
    assert!(order("Workshop") < order("Anna Lindqvist"), "what needs attention comes first");
    assert!(!overview.text.contains("secret"), "no password on the page");

    let one = ground.browse(&browser, "/phones/805ec0123407").await;
    keep("phone", &one);
    assert!(
        one.text.contains("Workshop") && one.text.contains("start-over") && one.text.contains("Its way into service")
    );
    let healthy = ground.browse(&browser, "/phones/805ec0123401").await.text;
    assert!(healthy.contains("id=\"reopen\"") && !one.text.contains("id=\"reopen\""), "the remedy is offered once");
    keep("healthy", &ground.browse(&browser, "/phones/805ec0123401").await);

    let found = ground.browse(&browser, "/phones?q=T46U&state=in-service").await;
    assert!(found.text.contains("Anna Lindqvist") && !found.text.contains(">Reception</a> <span"));
    assert!(found.text.contains("1 to 2 of 2"), "{}", found.text);
    assert!(ground.browse(&browser, "/phones?q=nobody").await.text.contains("No phone matches"));

    keep("events", &ground.browse(&browser, "/events?kind=http").await);
    keep("new", &ground.submit(&browser, "/phones/new", "mac=12&user=201@pbx&password=x&server=pbx:5060").await);
    keep("import", &ground.browse(&browser, "/phones/import").await);
    let list =
        "list=mac,name,extension,password,server,room%0A805ec0123401,Front+desk,201,a,pbx%0A805ec0aaaa01,New,301,b,pbx";
    keep("plan", &ground.submit(&browser, "/phones/import", &format!("{list}&do=check")).await);
    let certificate = ground.browse(&browser, "/certificate").await;
    assert!(certificate.text.contains("harbor") && certificate.text.contains("10.66.0.1"), "{}", certificate.text);
    keep("lost", &ground.browse(&browser, "/phones/805ec0999999").await);
}

#[tokio::test]
async fn hundreds_of_phones_are_shown_fifty_at_a_time() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let mut list = String::from("mac,name,user,password,server\n");
    for n in 0..250_u32 {
        list.push_str(&format!("805ec0{n:06x},Desk {n:03},{},secret{n},pbx.example.net\n", 200 + n));
    }
    let request = Request::post("/api/v1/phones/import").header("content-type", "text/csv");
    assert_eq!(ground.call(Origin::Local, request, &list).await.json()["added"], 250);
    let rows = |page: &Answered| page.text.matches("<tr class=\"phone ").count();
    let first = ground.browse(&browser, "/phones").await;
    assert_eq!((rows(&first), first.text.contains("offset=50\">Later ones")), (50, true));
    let last = ground.browse(&browser, "/phones?offset=200").await;
    assert_eq!((rows(&last), last.text.contains("Later ones")), (50, false));
    assert!(last.text.contains("offset=150\">Earlier ones"));
    assert_eq!(rows(&ground.browse(&browser, "/").await), 8, "the overview has the most urgent ones");
    let own = ground.browse(&browser, "/phones?brand=nobody").await;
    assert!(own.text.contains("No phone matches"), "{}", own.text);
    assert_eq!(rows(&ground.browse(&browser, "/phones?q=desk+449").await), 1);
}
