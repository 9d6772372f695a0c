//! What the box's page says to its administrator.

use std::net::Ipv4Addr;

use block66::lab::Lab;
use block66::model::Mac;
use serde_json::json;

use crate::place::Place;

const PASSWORD: &str = "correct horse battery";

/// A computer on the LAN with an address of its own.
pub(crate) fn place(lab: &Lab, mac: Mac, address: Ipv4Addr) -> Place {
    let namespace = lab.ground().place(&format!("desk{}", address.octets()[3]), mac, address).unwrap();
    let pem = lab.api().get("ca").unwrap()["pem"].as_str().unwrap().to_owned();
    Place::new(namespace, mac, address, pem.into_bytes())
}

/// The computer of an administrator.
pub(crate) struct Page {
    place: Place,
    cookie: String,
}

impl Page {
    /// Claims the box, and plugs the administrator's computer in.
    pub(crate) fn claim(lab: &Lab) -> Self {
        lab.api().post("claim", &json!({ "password": PASSWORD })).unwrap();
        let place = place(lab, Mac::new([2, 0, 0, 0, 0, 0x66]), Ipv4Addr::new(10, 66, 3, 200));
        let mut page = Self { place, cookie: String::new() };
        page.sign_in();
        page
    }

    /// Signs in; to be done again after the box was started anew.
    pub(crate) fn sign_in(&mut self) {
        let body = json!({ "password": PASSWORD }).to_string();
        let json = "Content-Type: application/json\r\n";
        let reply = self.place.ask(true, "POST", "/api/v1/session", json, body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        let cookie = reply.fields("set-cookie").next().unwrap();
        cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
    }

    /// The overview, as it is sent to the browser.
    pub(crate) fn overview(&self) -> String {
        let reply = self.place.ask(true, "GET", "/", &format!("Cookie: {}\r\n", self.cookie), b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text()
    }
}
