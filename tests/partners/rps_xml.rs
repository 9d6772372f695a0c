//! The redirection service's oldest interface, XML-RPC with Basic, as three public clients of it have methods, order of
//! parameters and texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::cloud::{Answer, Request};
use crate::rps::{ACCOUNT, SECRET, Sent, Service, is_mac};

impl Service {
    pub(crate) fn xml_rpc(&mut self, request: &Request) -> Answer {
        if request.header("authorization") != format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{SECRET}"))) {
            return Answer::new(401, "text/html", "<html><body>Unauthorized</body></html>");
        }
        if request.method != "POST" || !request.header("content-type").starts_with("text/xml") {
            self.complaints.push(format!("{} of {}", request.method, request.header("content-type")));
        }
        let (method, texts) = call(&request.body);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (went, text) = match (method.as_str(), &texts[..]) {
            ("redirect.listDevices", []) => {
                let macs = self.phones.keys().map(|mac| format!("<value><string>{mac}</string></value>\n"));
                return answer(&macs.collect::<String>());
            }
            ("redirect.checkDevice", [mac]) => {
                if !is_mac(mac) {
                    (false, "Error:Invalid MAC".to_owned())
                } else if self.phones.contains_key(*mac) {
                    (true, "Registered".into())
                } else if self.theirs.contains(*mac) {
                    (true, "Registered Elsewhere".into())
                } else {
                    (self.went_well, "Unregistered".into())
                }
            }
            ("redirect.addServer", [name, url]) if !url.is_empty() => match self.makes_server(name) {
                Ok(_) => (true, "OK".into()),
                Err(_) => (false, "Error:Existing server".into()),
            },
            ("redirect.registerDevice", [mac, name]) => self.registers(mac, name, "", false),
            ("redirect.registerDevice", [mac, name, over]) => self.registers(mac, name, "", *over == "1"),
            ("redirect.registerDeviceWithUniqueUrl", [mac, name, url, over]) => {
                self.registers(mac, name, url, *over == "1")
            }
            ("redirect.deRegisterDevice", [mac]) => {
                let gone = self.phones.remove(*mac).is_some();
                self.changes += usize::from(gone);
                if gone { (true, "OK".into()) } else { (false, format!("Error:Invalid MAC(s):{mac}")) }
            }
            (method, texts) => {
                self.complaints.push(format!("there is no {method} with {texts:?}"));
                (false, "Error:Unknown method".into())
            }
        };
        // A text may stand in its value with no type around it.
        answer(&format!("<value><boolean>{}</boolean></value><value>{text}</value>", u8::from(went)))
    }

    fn registers(&mut self, mac: &str, server: &str, url: &str, over: bool) -> (bool, String) {
        if !is_mac(mac) || self.theirs.contains(mac) {
            return (false, format!("Error:Invalid MAC(s):{mac}"));
        }
        if !self.servers.contains_key(server) {
            return (false, "Error:Invalid server".into());
        }
        if self.phones.contains_key(mac) && !over {
            return (false, format!("Error:Existing MAC(s):{mac}"));
        }
        self.changes += 1;
        let sent = Sent { url: url.to_owned(), server: server.to_owned(), ..Sent::default() };
        self.phones.insert(mac.to_owned(), sent);
        (true, "OK".into())
    }
}

fn answer(inner: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodResponse><params><param><value><array><data>{inner}</data></array>\
         </value></param></params></methodResponse>"
    );
    Answer::new(200, "text/xml", text)
}

/// The method of a call, and the texts of its parameters.
fn call(text: &str) -> (String, Vec<String>) {
    let mut reader = Reader::from_str(text);
    let (mut method, mut texts, mut held, mut path) = (String::new(), Vec::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().expect("a call is XML") {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                held.clear();
            }
            Event::Empty(empty) if empty.name().as_ref() == "string" => texts.push(String::new()),
            Event::Text(text) => held += &text,
            Event::GeneralRef(reference) => {
                held += match &*reference {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    other => panic!("&{other};"),
                };
            }
            Event::End(_) => {
                let place = path.join("/");
                path.pop();
                if place == "methodCall/methodName" {
                    method = held.trim().to_owned();
                }
                // A value with no type is a text; around one that has its type there is nothing to take.
                let typed = place == "methodCall/params/param/value/string";
                if typed || place == "methodCall/params/param/value" && !held.trim().is_empty() {
                    texts.push(std::mem::take(&mut held));
                }
            }
            Event::Eof => return (method, texts),
            _ => {}
        }
    }
}

#[test]
fn calls_are_read_with_and_without_types() {
    let text = "<?xml version=\"1.0\"?><methodCall><methodName>a.b</methodName><params><param><value><string>x&amp;y</string>\
                </value></param> <param><value>z</value></param></params></methodCall>";
    assert_eq!(call(text), ("a.b".to_owned(), vec!["x&y".to_owned(), "z".to_owned()]));
}
