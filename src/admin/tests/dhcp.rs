use hyper::{Request, StatusCode};
use serde_json::json;

use super::{Ground, Origin};
use crate::admin::{test_data, types};
use crate::dhcp::lease_file;
use crate::model::Timestamp;
use crate::store::Write;

#[tokio::test]
async fn the_page_shows_who_is_here_and_offers_to_take_over() {
    let ground = Ground::new().await;
    let network = types::DhcpNetwork {
        network: "office".into(),
        mode: "auto".into(),
        now: "inform-only".into(),
        code: "dhcp.server-gone".into(),
        says: "It no longer answers.".into(),
        alarm: true,
        advice: None,
        may_take_over: true,
        servers: Vec::new(),
        abandoned: vec![types::Abandoned { address: "10.66.0.12".into(), mac: test_data::phone(1).mac }],
        lost: vec!["Acme (1 phone) does not find this box.".into()],
    };
    let seen = types::Seen {
        mac: test_data::phone(2).mac,
        network: "office".into(),
        address: Some("10.66.0.13".into()),
        class: None,
        brand: Some("Acme".into()),
        phone: true,
        listed: None,
        came_to_us: false,
        first: "2026-11-21T10:00:00Z".into(),
        last: "2026-11-21T10:00:00Z".into(),
    };
    let admin = &ground.admin;
    let dhcp = types::Dhcp { networks: vec![network] };
    let sightings = types::Sightings {
        next: None,
        seen: vec![seen],
        missing: vec![types::Missing { mac: test_data::phone(3).mac, name: "Lobby".into() }],
    };
    let frame = crate::admin::pages::render::Frame {
        csrf: Some("x".into()),
        reader: Some(("admin".into(), crate::admin::Role::Administrator)),
        now: "2026-11-21T10:01:00Z".into(),
        ..Default::default()
    };
    let html = admin.networks_shown(&frame, &dhcp, &sightings, ("", 0)).unwrap();
    for part in [
        "/networks/office/take-over",
        "10.66.0.12",
        "Acme (1 phone)",
        "never asked this box",
        "Lobby",
        "class=\"plan-aside\"",
        "class=\"plan-box\"",
    ] {
        assert!(html.contains(part), "{part} is missing:\n{html}");
    }
    let answer = ground.get("sightings").await;
    assert_eq!((answer.status, answer.json()["seen"].as_array().map(Vec::len)), (StatusCode::OK, Some(0)));
    assert_eq!(ground.get("dhcp").await.status, StatusCode::OK);
    assert_eq!(ground.post("dhcp/office/take-over", &json!({})).await.code(), "no-dhcp-here");
    assert_eq!(ground.get("leases/export?form=kea").await.status, StatusCode::OK);
    assert_eq!(ground.get("leases/export?form=x").await.status, StatusCode::BAD_REQUEST);
}

/// As the document of the API says.
#[tokio::test]
async fn leases_are_written_and_read_as_dnsmasq_does_when_nobody_says_how() {
    let ground = Ground::new().await;
    let import = async |lines: &'static str| {
        let request = Request::post("/api/v1/leases/import").header("content-type", "text/plain");
        ground.call(Origin::Local, request, lines).await
    };
    let lines = "2100000000 80:5e:c0:12:34:56 10.66.0.40 desk 01:80:5e:c0:12:34:56\n";
    let taken = import(lines).await;
    assert_eq!(taken.code(), "no-dhcp-here", "nobody is there to take them: {}", taken.text);
    assert_eq!(import("address,hwaddr\n").await.code(), "lease-file");
    let lease = lease_file::read(lease_file::Form::Dnsmasq, lines, Timestamp::default()).unwrap().remove(0);
    let put = Write::PutLease { network: "office".into(), lease };
    ground.store.commit(vec![put]).await.unwrap();
    let written = ground.get("leases/export").await;
    assert_eq!(written.status, StatusCode::OK, "{}", written.text);
    assert!(written.text.contains("80:5e:c0:12:34:56 10.66.0.40"), "{}", written.text);
    assert_eq!(written.text, ground.get("leases/export?form=dnsmasq").await.text);
    assert_ne!(written.text, ground.get("leases/export?form=kea").await.text);
}
