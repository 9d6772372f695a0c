//! The registrar says where a phone is.

use block66::model::Mac;

use crate::ground::Ground;
use crate::notify::{MAC, leased, sipp};

#[test]
fn a_phone_is_told_where_it_is_registered() {
    // The second place of the ground; the first is the phone's.
    let ground = Ground::configured("[sip]\nregistrar = \"udp:10.66.3.152:5060\"");
    let place = leased(&ground, "udp");
    let system: Mac = "02:00:00:00:00:09".parse().unwrap();
    let registrar = ground.place(system);
    assert_eq!(registrar.address.to_string(), "10.66.3.152");
    // Nobody but the registrar knows of this port.
    std::fs::write(registrar.file("contact"), format!("{}:5077", place.address)).unwrap();
    let mut asked = sipp(&registrar, "registrar", 5060, &[]);
    let mut phone = sipp(&place, "takes-it", 5077, &[]);
    let outcome = ground.tell(MAC, "resync");
    assert!(asked.succeeds(), "{}", registrar.read("registrar.log"));
    assert!(phone.succeeds(), "{outcome}\n{}", place.read("takes-it.log"));
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
}

#[test]
fn a_registrar_that_is_silent_costs_three_seconds() {
    let ground = Ground::configured("[sip]\nregistrar = \"udp:10.66.3.152:5060\"");
    let place = leased(&ground, "udp");
    let mut phone = sipp(&place, "takes-it", 5060, &[]);
    let began = std::time::Instant::now();
    let outcome = ground.tell(MAC, "resync");
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
    assert!(began.elapsed().as_secs() >= 2 && phone.succeeds());
}
