//! Phones that ask by SIP multicast where their configuration is (`ua-profile`, RFC 6080).
//!
//! A phone sends a SUBSCRIBE to 224.0.1.75. It is told 200, and then, in a NOTIFY, one line: the URL that is made for
//! it. Whom the box answers is decided here: another device on the segment, most likely the telephone system that the
//! phone belongs to, may answer as well.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::address::Uri;
use super::wire::{Message, Method, parameter};
use crate::access::Lan;
use crate::brands::{Brand, DhcpQuery};
use crate::model::{BoxAddress, Mac, Scheme, provisioning_url};

/// What a phone asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The hardware address that it names.
    pub mac: Option<Mac>,
    /// Parameter `vendor` of its Event.
    pub vendor: Option<String>,
    /// Parameter `model` of its Event.
    pub model: Option<String>,
    /// Parameter `version` of its Event.
    pub version: Option<String>,
    /// What it calls itself.
    pub agent: Option<String>,
    /// Where it wants to be told, as it says.
    pub contact: Option<Uri>,
    /// Its Event, as sent.
    pub event: String,
    /// Its Call-ID.
    pub call_id: String,
}

impl Ask {
    /// Reads a SUBSCRIBE; `None` for anything that does not ask for a profile.
    pub fn read(message: &Message) -> Option<Self> {
        let (Method::Subscribe, uri) = message.as_request()? else { return None };
        let event = message.header("Event")?;
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case("ua-profile") {
            return None;
        }
        let said = |name| parameter(event, name).filter(|text| !text.is_empty()).map(str::to_owned);
        let contact = message.header("Contact").and_then(Uri::read);
        let uris = [Some(uri), message.header("From"), message.header("To"), message.header("Contact")];
        let users = uris.into_iter().flatten().filter_map(|text| Uri::read(text)?.user);
        Some(Self {
            mac: users.into_iter().find_map(|user| mac_in(&user)),
            vendor: said("vendor"),
            model: said("model"),
            version: said("version"),
            agent: message.header("User-Agent").map(str::to_owned),
            contact,
            event: event.to_owned(),
            call_id: message.header("Call-ID")?.to_owned(),
        })
    }

    /// Where the phone is told: at the port that it names, and never at another address than its own, so that nobody
    /// has us send anything to a third.
    pub fn tell_at(&self, from: SocketAddr) -> SocketAddr {
        let port =
            self.contact.as_ref().and_then(Uri::socket).filter(|at| at.ip().to_canonical() == from.ip().to_canonical());
        SocketAddr::new(from.ip(), port.map_or(from.port(), |at| at.port()))
    }
}

/// The hardware address in a user part: `MAC001565f4f9e1`, `MAC:000413A11FA7`, `MAC=…`, or the digits alone.
pub fn mac_in(user: &str) -> Option<Mac> {
    let digits = match user.get(..3) {
        Some(begin) if begin.eq_ignore_ascii_case("mac") => user.get(3..)?.trim_start_matches([':', '=', '-']),
        _ => user,
    };
    Mac::from_str(digits).ok().filter(|mac| mac.is_unicast())
}

/// What is known when a phone asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which phone it is: as it says, else as the LAN says.
    pub mac: Option<Mac>,
    /// Whether the LAN agrees.
    pub lan: Lan,
    /// Whether it is on the list.
    pub listed: bool,
    /// Whether every phone is let in at present.
    pub pairing: bool,
}

/// What becomes of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Answer(Mac),
    /// It is put on the list first.
    Adopt(Mac),
    /// It says that it is a phone that is elsewhere: silence, and an event.
    False(Mac),
    /// It is on no list: silence, and an event.
    Waiting(Mac),
    /// Nothing says which phone it is: silence.
    Nobody,
}

/// Decides whom to answer.
pub fn decide(known: &Known) -> Verdict {
    let Some(mac) = known.mac else { return Verdict::Nobody };
    match known.lan {
        Lan::Disagrees => Verdict::False(mac),
        _ if known.listed => Verdict::Answer(mac),
        // What a stranger says of itself has to be what the LAN says.
        Lan::Agrees if known.pairing => Verdict::Adopt(mac),
        _ => Verdict::Waiting(mac),
    }
}

/// What the answers are made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Our tag in this exchange.
    pub tag: &'a str,
    /// Our address and port, as the phone reaches them.
    pub local: SocketAddr,
    /// The branch of our NOTIFY.
    pub branch: &'a str,
    /// What the phone is told: its URL, without a line end.
    pub url: &'a str,
}

/// The URL that is made for this very phone, in the form that its brand reads. Only a phone that has shown that it has our
/// CA, and is `trusting` so, is sent to HTTPS at once.
pub fn url(mac: Mac, brand: Option<&Brand>, trusting: bool, at: &BoxAddress) -> String {
    let scheme = if trusting { Scheme::Https } else { Scheme::Http };
    let query = DhcpQuery {
        scheme,
        at,
        also: &[],
        mac: Some(mac),
        vendor_class: None,
        user_class: None,
        requested: None,
        voice_vlan: None,
    };
    brand.and_then(|brand| brand.pnp_answer(&query)).unwrap_or_else(|| provisioning_url(scheme, at, ""))
}

/// The 200 that comes first.
pub fn accept(ask: &Message, parts: &Parts<'_>) -> Message {
    ask.answer(200, "OK", parts.tag).with("Contact", format!("<sip:{}>", Place(parts.local))).with("Expires", "0")
}

/// The NOTIFY that comes second. Event is as the phone sent it, and From and To change places, as in any dialog
/// (RFC 6665 section 4.2.2).
pub fn tell(ask: &Message, event: &str, to: SocketAddr, parts: &Parts<'_>) -> Message {
    let uri = ask.header("Contact").and_then(contact_uri).unwrap_or_else(|| format!("sip:{}", Place(to)));
    let ours = ask.header("To").unwrap_or_default();
    let ours = if parameter(ours, "tag").is_some() { ours.to_owned() } else { format!("{ours};tag={}", parts.tag) };
    Message::request(Method::Notify, uri)
        .with("Via", format!("SIP/2.0/UDP {};branch={};rport", Place(parts.local), parts.branch))
        .with("Max-Forwards", "70")
        .with("From", ours)
        .with("To", ask.header("From").unwrap_or_default())
        .with("Call-ID", ask.header("Call-ID").unwrap_or_default())
        .with("CSeq", "1 NOTIFY")
        .with("Contact", format!("<sip:{}>", Place(parts.local)))
        .with("Event", event)
        .with("Subscription-State", "terminated;reason=timeout")
        .with_body("application/url", parts.url.as_bytes())
}

/// The URI of a Contact as it stands there, which is what the phone looks for in the request line.
fn contact_uri(contact: &str) -> Option<String> {
    Uri::read(contact)?;
    let uri = match contact.split_once('<') {
        Some((_, inside)) => inside.split_once('>')?.0,
        None => contact.split(';').next()?,
    };
    Some(uri.trim().to_owned()).filter(|uri| !uri.contains(' '))
}

/// An address and port as a URI has them.
pub(super) struct Place(pub(super) SocketAddr);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.ip().to_canonical() {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.0.port()),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.0.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire;

    /// As captured of a real phone.
    const SUBSCRIBE: &str = "SUBSCRIBE sip:MAC001565f4f9e1@224.0.1.75 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.1.3.239:5059;branch=z9hG4bK1536537630\r\n\
        From: <sip:MAC001565f4f9e1@224.0.1.75>;tag=1536537630\r\n\
        To: <sip:MAC001565f4f9e1@224.0.1.75>\r\n\
        Call-ID: 1536537630@10.1.3.239\r\n\
        CSeq: 1 SUBSCRIBE\r\n\
        Contact: <sip:MAC001565f4f9e1@10.1.3.239:5059>\r\n\
        Max-Forwards: 70\r\n\
        Expires: 0\r\n\
        Event: ua-profile;profile-type=\"device\";vendor=\"acme\";model=\"W52P\";version=\"25.81.0.10\"\r\n\
        Accept: application/url\r\n\
        Content-Length: 0\r\n\r\n";

    fn message(text: &str) -> Message {
        wire::read(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn reads_what_a_phone_asks() {
        let ask = Ask::read(&message(SUBSCRIBE)).unwrap();
        assert_eq!(ask.mac, Some("001565f4f9e1".parse().unwrap()));
        assert_eq!((ask.vendor.as_deref(), ask.model.as_deref()), (Some("acme"), Some("W52P")));
        assert_eq!(ask.version.as_deref(), Some("25.81.0.10"));
        let from = "10.1.3.239:5059".parse().unwrap();
        assert_eq!(ask.tell_at(from), from);
        let elsewhere = "10.1.3.240:40000".parse().unwrap();
        assert_eq!(ask.tell_at(elsewhere), elsewhere, "a contact of somebody else is not believed");
        assert_eq!(Ask::read(&message(&SUBSCRIBE.replace("ua-profile", "message-summary"))), None);
    }

    #[test]
    fn every_spelling_of_the_address_is_read() {
        let mac = Some("000413a11fa7".parse().unwrap());
        for user in [
            "MAC%3a000413A11FA7",
            "MAC%3A000413A11FA7",
            "MAC:000413A11FA7",
            "MAC=000413a11fa7",
            "mac000413A11FA7",
            "000413A11FA7",
        ] {
            let ask = Ask::read(&message(&SUBSCRIBE.replace("MAC001565f4f9e1", user))).unwrap();
            assert_eq!(ask.mac, mac, "{user}");
        }
        for user in ["00000001", "MAC", "MAC001565f4f9", "MACffffffffffff", "101"] {
            let ask = Ask::read(&message(&SUBSCRIBE.replace("MAC001565f4f9e1", user))).unwrap();
            assert_eq!(ask.mac, None, "{user}");
        }
    }

    #[test]
    fn answers_those_who_are_listed_and_where_they_say_to_be() {
        let mac: Mac = "001565f4f9e1".parse().unwrap();
        let known = Known { mac: Some(mac), lan: Lan::Agrees, listed: true, pairing: false };
        assert_eq!(decide(&known), Verdict::Answer(mac));
        assert_eq!(decide(&Known { lan: Lan::Unknown, ..known }), Verdict::Answer(mac));
        assert_eq!(decide(&Known { lan: Lan::Disagrees, ..known }), Verdict::False(mac));
        assert_eq!(decide(&Known { lan: Lan::Disagrees, pairing: true, ..known }), Verdict::False(mac));
        assert_eq!(decide(&Known { listed: false, ..known }), Verdict::Waiting(mac));
        assert_eq!(decide(&Known { listed: false, pairing: true, ..known }), Verdict::Adopt(mac));
        let unproven = Known { listed: false, pairing: true, lan: Lan::Unknown, ..known };
        assert_eq!(decide(&unproven), Verdict::Waiting(mac));
        assert_eq!(decide(&Known { pairing: true, ..known }), Verdict::Answer(mac));
        assert_eq!(decide(&Known { mac: None, ..known }), Verdict::Nobody);
    }

    #[test]
    fn the_answers_are_these_bytes() {
        let ask = message(SUBSCRIBE);
        let parts = Parts {
            tag: "ours",
            local: "10.1.3.1:5060".parse().unwrap(),
            branch: "z9hG4bKb",
            url: "http://10.1.3.1/p/",
        };
        let text = |message: Message| String::from_utf8(message.encode().unwrap()).unwrap();
        assert_eq!(
            text(accept(&ask, &parts)),
            "SIP/2.0 200 OK\r\n\
             Via: SIP/2.0/UDP 10.1.3.239:5059;branch=z9hG4bK1536537630\r\n\
             From: <sip:MAC001565f4f9e1@224.0.1.75>;tag=1536537630\r\n\
             To: <sip:MAC001565f4f9e1@224.0.1.75>;tag=ours\r\n\
             Call-ID: 1536537630@10.1.3.239\r\n\
             CSeq: 1 SUBSCRIBE\r\n\
             Contact: <sip:10.1.3.1:5060>\r\n\
             Expires: 0\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let event = "ua-profile;profile-type=\"device\";vendor=\"acme\";model=\"W52P\";version=\"25.81.0.10\"";
        assert_eq!(
            text(tell(&ask, event, "10.1.3.239:5059".parse().unwrap(), &parts)),
            "NOTIFY sip:MAC001565f4f9e1@10.1.3.239:5059 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.1.3.1:5060;branch=z9hG4bKb;rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:MAC001565f4f9e1@224.0.1.75>;tag=ours\r\n\
             To: <sip:MAC001565f4f9e1@224.0.1.75>;tag=1536537630\r\n\
             Call-ID: 1536537630@10.1.3.239\r\n\
             CSeq: 1 NOTIFY\r\n\
             Contact: <sip:10.1.3.1:5060>\r\n\
             Event: ua-profile;profile-type=\"device\";vendor=\"acme\";model=\"W52P\";version=\"25.81.0.10\"\r\n\
             Subscription-State: terminated;reason=timeout\r\n\
             Content-Type: application/url\r\n\
             Content-Length: 18\r\n\r\n\
             http://10.1.3.1/p/"
        );
    }
}
