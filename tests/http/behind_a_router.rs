//! Who is on record as the asker where the LAN knows nobody at an address.

use std::net::Ipv4Addr;
use std::time::Duration;

use block66::model::{Lease, LeaseState, Via};
use block66::store::Write;
use hyper::StatusCode;

use crate::ground::{AGENT, DESK, Ground, ask, mac};

const FAR: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 200);

#[tokio::test]
async fn it_is_who_leased_the_address_or_who_it_says_or_who_logged_in_there() {
    let ground = Ground::new().await;
    let login = ground.settle(1, DESK).await;
    let at = |agent| ground.provision.probably_at(FAR.into(), agent);
    let (other, stranger) = (AGENT.replace("00:01", "00:02"), AGENT.replace("00:01", "00:99"));
    assert_eq!((at(None), at(Some(&other)), at(Some(&stranger))), (None, Some(mac(2)), None));

    let own = format!("/p/{}.cfg", mac(1).plain());
    assert_eq!(ground.get(ask(&own).from(FAR)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(at(None), None, "it has shown nothing");
    assert_eq!(ground.get(ask(&own).from(FAR).login(&login)).await.status, StatusCode::OK);
    assert_eq!((at(None), at(Some("loader"))), (Some(mac(1)), Some(mac(1))));
    assert_eq!(at(Some(&other)), Some(mac(2)), "several share the address of a router");

    let lease = Lease {
        address: FAR,
        mac: mac(2),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: ground.clock.now().wall.plus(Duration::from_secs(3600)),
        seconds_left: 3600,
        via: Via::Unknown,
    };
    ground.store.commit(vec![Write::PutLease { network: "office".into(), lease }]).await.unwrap();
    assert_eq!((at(None), at(Some(AGENT))), (Some(mac(2)), Some(mac(2))));
    assert!(ground.provision.phone_at(FAR.into()).is_none(), "it is no evidence");
    assert_eq!(ground.provision.probably_at(DESK.into(), Some(&other)), Some(mac(1)), "the LAN knows who it is");
}
