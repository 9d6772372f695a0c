//! The maker's redirection service by each of its interfaces, as public clients of them show: signatures, logins and tokens
//! are checked, phones are kept, one belongs to somebody else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::cloud::{Answer, Cloud, Request};
use crate::ground::Ground;
use crate::place::address;

const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 75);
const URL: &str = "https://prov.branch.example/p/";
const THEIRS: &str = "805ec0000003";

/// What the service holds.
#[derive(Default)]
struct Service {
    /// This account's phones, with where they are sent.
    phones: BTreeMap<String, String>,
    servers: Vec<String>,
    /// Everything that was changed.
    changes: usize,
    nonces: Vec<String>,
    cut: bool,
}

fn done(body: String) -> Answer {
    (200, Vec::new(), body)
}

impl Service {
    fn answer(&mut self, request: &Request) -> Answer {
        let mut answer = match request.path.as_str() {
            "/xmlrpc" => self.xml(request),
            "/v2/token" => self.token(request),
            path if path.starts_with("/v2/") => self.cloud(request),
            _ => self.rest(request),
        };
        if std::mem::take(&mut self.cut) {
            answer.2.truncate(answer.2.len() / 2);
        }
        answer
    }

    /// POST text/xml with Basic; arrays of a boolean and a text.
    fn xml(&mut self, request: &Request) -> Answer {
        let login = STANDARD.encode("account:the secret");
        if request.headers.get("authorization") != Some(&format!("Basic {login}")) {
            return (401, Vec::new(), String::new());
        }
        let between = |text: &str, from: &str, to: &str| {
            text.split(from).nth(1).map(|rest| rest.split(to).next().unwrap().to_owned())
        };
        let method = between(&request.body, "<methodName>", "</methodName>").unwrap();
        let texts: Vec<&str> =
            request.body.split("<string>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        let said = |right: bool, text: &str| {
            done(format!(
                "<?xml version=\"1.0\"?><methodResponse><params><param><value><array><data><value><boolean>{}</boolean></value><value><string>{text}</string></value></data></array></value></param></params></methodResponse>",
                u8::from(right)
            ))
        };
        match (method.as_str(), &texts[..]) {
            ("redirect.listDevices", []) => {
                let macs: String =
                    self.phones.keys().map(|mac| format!("<value><string>{mac}</string></value>")).collect();
                done(format!(
                    "<methodResponse><params><param><value><array><data>{macs}</data></array></value></param></params></methodResponse>"
                ))
            }
            ("redirect.checkDevice", [mac]) => said(*mac == THEIRS || self.phones.contains_key(*mac), "OK"),
            ("redirect.addServer", [name, _]) => {
                let new = !self.servers.contains(&(*name).to_owned());
                self.servers.push((*name).to_owned());
                said(new, if new { "OK" } else { "Existing server" })
            }
            ("redirect.registerDeviceWithUniqueUrl", [mac, name, url, _])
                if self.servers.contains(&(*name).to_owned()) =>
            {
                self.changes += 1;
                self.phones.insert((*mac).to_owned(), (*url).to_owned());
                said(true, "OK")
            }
            ("redirect.deRegisterDevice", [mac]) => {
                self.changes += 1;
                said(self.phones.remove(*mac).is_some(), "OK")
            }
            _ => said(false, "Error:Invalid server"),
        }
    }

    /// Headers sorted by name, then the path without its slash, then the sorted query; each nonce once.
    fn rest(&mut self, request: &Request) -> Answer {
        let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
        let mut text = format!("{}\n", request.method);
        if request.method == "POST" {
            text += &format!("Content-MD5:{}\n", STANDARD.encode(Md5::digest(request.body.as_bytes())));
        }
        for (name, shown) in
            [("X-Ca-Key", "x-ca-key"), ("X-Ca-Nonce", "x-ca-nonce"), ("X-Ca-Timestamp", "x-ca-timestamp")]
        {
            text += &format!("{name}:{}\n", header(shown));
        }
        text += request.path.trim_start_matches('/');
        if request.method == "GET" && !request.query.is_empty() {
            let pairs: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            text += &format!("\n{}", pairs.join("&"));
        }
        let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"the secret"), text.as_bytes());
        let right = header("x-ca-signature") == STANDARD.encode(made.as_ref());
        let fresh = !self.nonces.contains(&header("x-ca-nonce")) && header("x-ca-timestamp").len() == 13;
        if !right || !fresh || header("x-ca-key") != "account" {
            return (401, Vec::new(), json!({ "ret": -1, "error": { "msg": "signature" } }).to_string());
        }
        self.nonces.push(header("x-ca-nonce"));
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let good = |data: Value| done(json!({ "ret": 1, "data": data, "error": null }).to_string());
        let bad = |what: &str| {
            done(json!({ "ret": -1, "data": null, "error": { "msg": what, "fieldErrors": [] } }).to_string())
        };
        match request.path.trim_start_matches("/api/open/v1/") {
            "device/list" => good(json!({ "total": self.phones.len(), "data": self.list() })),
            // Says of nobody's phone that it is free, even where it is not: registering it tells.
            "device/checkMac" => good(json!({ "existed": self.phones.contains_key(&request.query["mac"]) })),
            "server/list" => {
                let servers: Vec<Value> =
                    self.servers.iter().map(|name| json!({ "id": format!("s-{name}"), "serverName": name })).collect();
                good(json!({ "data": servers }))
            }
            "server/add" => {
                let name = body["serverName"].as_str().unwrap().to_owned();
                self.servers.push(name.clone());
                good(json!({ "id": format!("s-{name}") }))
            }
            "device/add" if body["macs"][0] == THEIRS => bad("device.mac.existed"),
            "device/add" if body["serverId"] == "s-branch-7" => {
                self.changes += 1;
                self.phones
                    .insert(body["macs"][0].as_str().unwrap().into(), body["uniqueServerUrl"].as_str().unwrap().into());
                good(Value::Null)
            }
            "device/edit" => {
                self.changes += 1;
                let mac = body["id"].as_str().unwrap().trim_start_matches("d-").to_owned();
                self.phones.insert(mac, body["uniqueServerUrl"].as_str().unwrap().into());
                good(Value::Null)
            }
            "device/delete" => {
                self.changes += 1;
                self.phones.remove(body["macs"][0].as_str().unwrap());
                good(Value::Null)
            }
            other => bad(other),
        }
    }

    fn token(&mut self, request: &Request) -> Answer {
        let login = STANDARD.encode("account:the secret");
        let stamped = ["timestamp", "nonce"].iter().all(|name| request.headers.contains_key(*name));
        let right = request.headers.get("authorization") == Some(&format!("Basic {login}"))
            && request.body.contains("client_credentials");
        if right && stamped {
            done(json!({ "access_token": "token-1" }).to_string())
        } else {
            (401, Vec::new(), String::new())
        }
    }

    fn cloud(&mut self, request: &Request) -> Answer {
        if request.headers.get("authorization").map(String::as_str) != Some("Bearer token-1") {
            return (401, Vec::new(), String::new());
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match request.path.as_str() {
            "/v2/rps/listDevices" => done(json!({ "code": 200, "data": { "data": self.list() } }).to_string()),
            "/v2/rps/addDevicesByMac" if body[0]["mac"] == THEIRS => {
                done(json!({ "code": 800_003, "message": "exists" }).to_string())
            }
            "/v2/rps/addDevicesByMac" => {
                self.changes += 1;
                self.phones.insert(
                    body[0]["mac"].as_str().unwrap().into(),
                    body[0]["uniqueServerUrl"].as_str().unwrap().into(),
                );
                done(json!({ "code": 200 }).to_string())
            }
            "/v2/rps/delDevices" => {
                self.changes += 1;
                self.phones.remove(body["macs"][0].as_str().unwrap());
                done(json!({ "code": 200 }).to_string())
            }
            _ => done(json!({ "code": 900_001, "message": "no such call" }).to_string()),
        }
    }

    fn list(&self) -> Vec<Value> {
        let one =
            |(mac, url): (&String, &String)| json!({ "id": format!("d-{mac}"), "mac": mac, "uniqueServerUrl": url });
        self.phones.iter().map(one).collect()
    }
}

#[test]
fn phones_are_registered_updated_and_taken_out_by_each_interface() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let place = ground.client();
    address(&place, SERVICE);
    let service = Arc::new(Mutex::new(Service::default()));
    let cloud = {
        let service = service.clone();
        Cloud::serve(&place, SERVICE, move |request| service.lock().unwrap().answer(request))
    };
    for number in 1..=3 {
        let mac = format!("80:5e:c0:00:00:0{number}");
        let name = format!("Desk {number}");
        let arguments =
            ["phones", "add", &mac, "--name", &name, "--brand", "yealink", "--user", "201", "--server", "pbx.example"];
        ground.block66(&arguments, "line-secret\n");
    }
    let (address, authority) =
        (format!("service=https://{SERVICE}:8443"), format!("authorities=@{}", cloud.authority.display()));
    let set = |changes: &[&str]| ground.block66(&[&["partners", "yealink-rps", "settings"], changes].concat(), "");
    set(&[&address, &authority, "account=account", "server-name=branch-7", &format!("url={URL}")]);
    ground.block66(&["partners", "yealink-rps", "secret"], "not the secret\n");
    assert!(says(&ground, &["plan"]).contains("does not take this account"));
    ground.block66(&["partners", "yealink-rps", "secret"], "the secret\n");
    for interface in ["rest", "cloud", "xml-rpc"] {
        set(&[&format!("interface={interface}")]);
        *service.lock().unwrap() = Service::default();
        if interface != "xml-rpc" {
            // One that was sent elsewhere before. The oldest interface does not tell where.
            service.lock().unwrap().phones.insert("805ec0000002".into(), "https://old.example/".into());
        }
        let plan = says(&ground, &["plan"]);
        assert!(plan.contains("- register 80:5e:c0:00:00:01"), "{interface}: {plan}");
        if interface == "xml-rpc" {
            assert!(plan.contains("80:5e:c0:00:00:03 is claimed by somebody else"), "{plan}");
        } else {
            assert!(plan.contains("- send 80:5e:c0:00:00:02 to this box"), "{interface}: {plan}");
        }
        assert_eq!(service.lock().unwrap().changes, 0, "a plan changes nothing");

        service.lock().unwrap().cut = true;
        let broken = says(&ground, &["apply"]);
        assert!(broken.contains("broke off") && service.lock().unwrap().changes == 0, "{interface}: {broken}");

        let applied = says(&ground, &["apply"]);
        let phones = service.lock().unwrap().phones.clone();
        assert_eq!(phones.len(), 2, "{interface}: {applied}");
        assert!(phones.values().all(|url| url == URL), "{interface}: {phones:?}");
        assert!(!phones.contains_key(THEIRS));
        if interface != "xml-rpc" {
            assert!(applied.contains("claimed by somebody else"), "{interface}: {applied}");
        }
        says(&ground, &["apply", "--remove"]);
        assert!(service.lock().unwrap().phones.is_empty(), "{interface}");
    }
    assert!(!appliance.log().contains("the secret"));
    appliance.stop();
}

/// What the command line says, whether the box did it or not.
fn says(ground: &Ground, arguments: &[&str]) -> String {
    let mut command = ground.command(std::path::Path::new(env!("CARGO_BIN_EXE_block66")));
    command.arg("--socket").arg(ground.data().join("../socket")).args(["partners", "yealink-rps"]).args(arguments);
    let output = command.output().unwrap();
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

/// What AudioCodes' phones ask their maker's server in the factory state: the MAC in capitals and nothing else.
#[test]
fn a_phone_that_asks_by_its_mac_alone_is_sent_to_its_folder() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let phone = ground.client();
    address(&phone, Ipv4Addr::new(10, 66, 0, 50));
    for (scheme, folder) in [("http", "http://10.66.0.1/p/"), ("https", "https://10.66.0.1/p/")] {
        let url = format!("{scheme}://10.66.0.1/00908F123456");
        let form = "%{http_code} %{redirect_url} %{size_download}";
        let output =
            phone.run("curl", &["-sk", "--max-time", "20", "--noproxy", "*", "-o", "/dev/null", "-w", form, &url]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("302 {folder} 0"));
    }
    appliance.stop();
}
