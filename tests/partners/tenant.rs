//! A tenant whose management interface is as two public clients of it show: Digest, parameters in the query, XML.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use md5::{Digest, Md5};

use crate::cloud::{Answer, Cloud, Request};
use crate::ground::{Ground, PATIENCE, wait_until};
use crate::place::address;

const PLATFORM: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 70);
const USER: &str = "api";
const PASSWORD: &str = "tenant-password";

type Attributes = BTreeMap<String, String>;

/// What the tenant holds.
#[derive(Default)]
struct Tenant {
    groups: Vec<String>,
    profiles: BTreeMap<String, Attributes>,
    /// Profile, password and attributes.
    users: BTreeMap<String, (String, String, Attributes)>,
    nonce: u32,
    /// Changes that were made.
    changes: usize,
    /// Ends its next list in the middle.
    tired: bool,
    /// Takes attributes of this name and forgets them.
    forgets: Option<String>,
}

impl Tenant {
    fn answer(&mut self, request: &Request) -> Answer {
        if !self.is_proven(request) {
            self.nonce += 1;
            let challenge = format!("Digest realm=\"stretto\", nonce=\"n{}\", qop=\"auth\", algorithm=MD5", self.nonce);
            return (401, vec![("WWW-Authenticate", challenge)], String::new());
        }
        let of = |name: &str| request.query.get(name).cloned().unwrap_or_default();
        let method = request.query.get("method").cloned().unwrap_or_else(|| request.method.clone());
        let no = |text: &str| (400, Vec::new(), format!("<error>{text}</error>"));
        let done: Answer = (200, Vec::new(), "<ok/>".into());
        if method != "GET" {
            self.changes += 1;
        }
        match (method.as_str(), request.path.as_str()) {
            ("GET", "/stretto/prov/usergroup") => {
                let groups = self.groups.iter().map(|name| format!("<CcsUserGroup groupName=\"{name}\"/>"));
                self.list(format!(
                    "<CcsUserGroups><CcsUserGroup groupName=\"root\"/>{}</CcsUserGroups>",
                    groups.collect::<String>()
                ))
            }
            ("POST", "/stretto/prov/usergroup") => {
                self.groups.push(of("groupName"));
                done
            }
            (_, path) if !self.groups.contains(&of("groupName")) => no(&format!("no such group for {path}")),
            ("GET", "/stretto/prov/profile") => {
                let one = |(name, attributes): (&String, &Attributes)| {
                    format!(
                        "<CcsProfile profileName=\"{name}\"><CcsProfileAttributes>{}</CcsProfileAttributes></CcsProfile>",
                        shown("CcsProfileAttribute", attributes)
                    )
                };
                let text = self.profiles.iter().map(one).collect::<String>();
                self.list(format!("<CcsProfiles>{text}</CcsProfiles>"))
            }
            ("POST", "/stretto/prov/profile") => {
                self.profiles.insert(of("profileName"), Attributes::new());
                done
            }
            ("DELETE", "/stretto/prov/profile") if of("force") == "true" => {
                self.profiles.remove(&of("profileName"));
                done
            }
            ("POST", "/stretto/prov/profile/attribute") => match self.profiles.get_mut(&of("profileName")) {
                Some(attributes) => {
                    if self.forgets.as_ref() != Some(&of("attributeName")) {
                        attributes.insert(of("attributeName"), of("attributeValue"));
                    }
                    done
                }
                None => no("no such profile"),
            },
            ("GET", "/stretto/prov/user") => {
                let one = |(name, (profile, _, attributes)): (&String, &(String, String, Attributes))| {
                    format!(
                        "<CcsUser userName=\"{name}\" emailAddress=\"\" profileName=\"{profile}\"><CcsUserAttributes>{}</CcsUserAttributes></CcsUser>",
                        shown("CcsUserAttribute", attributes)
                    )
                };
                let text = self.users.iter().map(one).collect::<String>();
                self.list(format!("<CcsUsers>{text}</CcsUsers>"))
            }
            ("POST", "/stretto/prov/user") if self.profiles.contains_key(&of("profileName")) => {
                self.users.insert(of("userName"), (of("profileName"), of("password"), Attributes::new()));
                done
            }
            ("DELETE", "/stretto/prov/user") => {
                self.users.remove(&of("userName"));
                done
            }
            ("POST", "/stretto/prov/user/attribute") => match self.users.get_mut(&of("userName")) {
                Some((_, _, attributes)) => {
                    attributes.insert(of("attributeName"), of("attributeValue"));
                    done
                }
                None => no("no such user"),
            },
            _ => no("not known"),
        }
    }

    fn list(&mut self, text: String) -> Answer {
        let tired = std::mem::take(&mut self.tired);
        (200, Vec::new(), if tired { text[..text.len() / 2].to_owned() } else { text })
    }

    /// RFC 2617 with qop=auth, over the very target that was asked for, and each nonce once.
    fn is_proven(&mut self, request: &Request) -> bool {
        let Some(header) = request.headers.get("authorization") else { return false };
        let value = |name: &str| {
            let from = header.split(&format!("{name}=")).nth(1)?;
            Some(from.trim_start_matches('"').split(['"', ',']).next()?.to_owned())
        };
        let md5 = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let proof = || {
            let secret = md5(format!("{USER}:stretto:{PASSWORD}"));
            let asked = md5(format!("{}:{}", request.method, request.target));
            let (nonce, count, cnonce) = (value("nonce")?, value(" nc")?, value("cnonce")?);
            let right = nonce == format!("n{}", self.nonce) && count == "00000001" && value(" uri")? == request.target;
            let made = md5(format!("{secret}:{nonce}:{count}:{cnonce}:auth:{asked}"));
            Some(right && value("response")? == made)
        };
        let proven = proof() == Some(true);
        // A nonce is good once.
        self.nonce += u32::from(proven);
        proven
    }
}

fn shown(element: &str, attributes: &Attributes) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let one = |(name, value): (&String, &String)| {
        format!("<{element} attributeName=\"{}\" attributeValue=\"{}\"/>", escape(name), escape(value))
    };
    attributes.iter().map(one).collect()
}

fn set(ground: &Ground, changes: &[&str]) -> String {
    ground.block66(&[&["partners", "stretto", "settings"], changes].concat(), "")
}

#[test]
fn a_tenant_is_planned_written_read_back_and_left() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let place = ground.client();
    address(&place, PLATFORM);
    let tenant = Arc::new(Mutex::new(Tenant::default()));
    let cloud = {
        let tenant = tenant.clone();
        Cloud::serve(&place, PLATFORM, move |request| tenant.lock().unwrap().answer(request))
    };
    for name in ["ann", "bob"] {
        let arguments = [
            "partners",
            "bria",
            "add",
            name,
            "--user",
            name,
            "--server",
            "pbx.branch.local",
            "--display",
            "Zo\u{eb} & <co>",
        ];
        ground.block66(&arguments, &format!("password-of-{name}\nsip-of-{name}\n"));
    }
    let (platform, authority) =
        (format!("platform=https://{PLATFORM}:8443"), format!("authorities=@{}", cloud.authority.display()));
    let warned = set(
        &ground,
        &[&platform, &authority, "user=api", "group=branch.example", "profile=phones", "push.enabled=true"],
    );
    assert!(warned.contains("private-domain"), "{warned}");
    ground.block66(&["partners", "stretto", "password"], "wrong\n");
    let cli = |arguments: &[&str]| refused(&ground, &[&["partners", "stretto"], arguments].concat());
    assert!(cli(&["plan"]).contains("does not take this user and password"));
    ground.block66(&["partners", "stretto", "password"], &format!("{PASSWORD}\n"));
    let settled = set(&ground, &["push.outbound-proxy=sbc.example.com:5061", "push.auto-send-180=true"]);
    assert!(!settled.contains("Warning"), "{settled}");

    let plan = ground.block66(&["partners", "stretto", "plan"], "");
    for step in [
        "- make the group branch.example",
        "- make the profile phones in branch.example",
        "- in the profile phones: account1.briaPush.RegistrationMode = 0",
        "- in the profile phones: account1.briaPush.OutboundProxy = sbc.example.com:5061",
        "- make the user ann@branch.example with the profile phones",
        "- for bob@branch.example: account1.credentials.password = \u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}",
    ] {
        assert!(plan.contains(step), "{step} is not in\n{plan}");
    }
    assert_eq!(tenant.lock().unwrap().changes, 0, "a plan changes nothing");

    tenant.lock().unwrap().tired = true;
    let broken = cli(&["apply"]);
    assert!(broken.contains("broke off") && tenant.lock().unwrap().changes == 0, "{broken}");

    let applied = ground.block66(&["partners", "stretto", "apply"], "");
    assert!(applied.contains("Read back: the tenant holds all of it."), "{applied}");
    let changes = {
        let tenant = tenant.lock().unwrap();
        let (profile, password, attributes) = &tenant.users["ann"];
        assert_eq!((profile.as_str(), attributes["account1.credentials.password"].as_str()), ("phones", "sip-of-ann"));
        assert_eq!(attributes["account1.accountName"], "Zo\u{eb} & <co>");
        let shown = ground.block66(&["partners", "stretto", "user", "ann"], "");
        assert!(shown.contains("ann@branch.example") && shown.contains(password.as_str()) && password.len() >= 16);
        assert_eq!(tenant.profiles["phones"]["account1.push.AutoSend180"], "1");
        tenant.changes
    };
    assert!(ground.block66(&["partners", "stretto", "plan"], "").contains("Nothing is to be done."));
    ground.block66(&["partners", "stretto", "apply"], "");
    assert_eq!(tenant.lock().unwrap().changes, changes, "a second time changes nothing");

    // The other generation of names, and a tenant that takes a value and does not keep it.
    tenant.lock().unwrap().forgets = Some("account1Sip.briaPush.RegistrationMode".into());
    set(&ground, &["generation=second", "push.mode=single-device-emulation", "push.registrations=one"]);
    let lost = cli(&["apply"]);
    assert!(
        lost.contains("account1Sip.briaPush.RegistrationMode = 1") && lost.contains("although it took it"),
        "{lost}"
    );
    tenant.lock().unwrap().forgets = None;
    assert!(ground.block66(&["partners", "stretto", "apply"], "").contains("Read back"));
    assert_eq!(tenant.lock().unwrap().users["bob"].2["account1Sip.domain"], "pbx.branch.local");

    let csv = ground.block66(&["partners", "stretto", "csv"], "");
    let header = csv.lines().next().unwrap();
    assert!(header.starts_with("userName,groupName,profileName,password,account1Sip."), "{csv}");
    assert!(csv.contains("sbc.example.com:5061") && csv.contains("Zo\u{eb} & <co>"), "{csv}");

    tenant.lock().unwrap().users.insert("theirs".into(), ("phones".into(), String::new(), Attributes::new()));
    ground.block66(&["partners", "stretto", "apply", "--remove"], "");
    let left: Vec<String> = tenant.lock().unwrap().users.keys().cloned().collect();
    assert_eq!(left, ["theirs"], "what is others' stays");
    let log = appliance.log();
    for secret in [PASSWORD, "sip-of-ann", "password-of-ann"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    appliance.stop();
}

#[test]
fn every_rule_of_push_has_its_warning_and_right_settings_reach_a_login() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let add = ["partners", "bria", "add", "ann", "--user", "201", "--server", "10.0.0.5"];
    ground.block66(&add, "password-of-ann\nsip-of-201\n");
    let base = ["group=branch.example", "profile=phones", "push.enabled=true", "push.outbound-proxy=sbc.example.com"];
    assert!(!set(&ground, &base).contains("Warning"));
    for (change, back, code) in [
        ("push.outbound-proxy=", "push.outbound-proxy=sbc.example.com", "private-domain"),
        ("push.outbound-proxy=192.168.1.1", "push.outbound-proxy=sbc.example.com", "private-proxy"),
        ("push.registrations=one", "push.registrations=many", "mode-needs-many"),
        ("push.mode=single-device-takeover", "push.mode=standard", "mode-needs-one"),
    ] {
        let warned = set(&ground, &[change]);
        assert!(warned.contains(&format!("Warning ({code})")), "{change}: {warned}");
        assert!(!set(&ground, &[back]).contains("Warning"));
    }
    for change in ["push.registration-refresh=59", "push.outbound-proxy=sbc.example.com:70000"] {
        let refused = refused(&ground, &["partners", "stretto", "settings", change]);
        assert!(refused.contains("60 to 86400") || refused.contains("port from 1 to 65535"), "{refused}");
    }
    // Delivery to clients that sign in at the box.
    ground.block66(&["partners", "bria", "settings", "enabled=true", "plain-http=true"], "");
    let phone = ground.client();
    address(&phone, Ipv4Addr::new(10, 66, 0, 50));
    let body = "<?xml version=\"1.0\"?><cpc_mobile><login user=\"ann\" password=\"password-of-ann\"/></cpc_mobile>";
    let sign_in = || {
        crate::place::at(&phone, move || {
            let softphone = crate::softphone::Softphone::new("x");
            let response = softphone.post("http://10.66.0.1/p/bria/login", "text/xml", body.as_bytes());
            String::from_utf8(response.body).unwrap()
        })
    };
    assert!(!sign_in().contains("briaPush"));
    for (generation, name) in
        [("first", "account1.briaPush.OutboundProxy"), ("second", "account1Sip.briaPush.OutboundProxy")]
    {
        set(&ground, &["deliver=true", &format!("generation={generation}")]);
        let answer = sign_in();
        assert!(answer.contains(&format!("<data name=\"{name}\" value=\"sbc.example.com\"/>")), "{answer}");
    }
    assert!(wait_until(PATIENCE, || ground.block66(&["events", "--json"], "").contains("softphone.signed-in")));
    appliance.stop();
}

/// What the command line says to something that the box refuses.
fn refused(ground: &Ground, arguments: &[&str]) -> String {
    let mut command = ground.command(std::path::Path::new(env!("CARGO_BIN_EXE_block66")));
    command.arg("--socket").arg(ground.data().join("../socket")).args(arguments);
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{arguments:?} was taken");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}
