//! This box's phones in the maker's redirection service, by each of its interfaces: planned, registered, updated, taken
//! out; and the one service that the box stands in for.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use crate::cloud::Cloud;
use crate::ground::{Appliance, Ground};
use crate::place::address;
use crate::rps::{SECRET, Sent, Service};

const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 75);
const URL: &str = "https://prov.branch.example/p/";
const NAME: &str = "branch-7";
const OURS: [&str; 2] = ["805ec0000001", "805ec0000002"];
const THEIRS: &str = "805ec0000003";
/// How many other phones the account has: more than any page.
const OTHERS: usize = 230;

/// A box with three phones, and a service that has one of them at somebody else's.
struct Branch {
    ground: Ground,
    appliance: Appliance,
    service: Arc<Mutex<Service>>,
    _cloud: Cloud,
}

impl Branch {
    fn new(interface: &str) -> Self {
        let ground = Ground::new();
        let appliance = ground.start_as("mode = \"off\"");
        let place = ground.client();
        address(&place, SERVICE);
        let mut service = Service::default();
        service.theirs.insert(THEIRS.into());
        // The account's other offices, whose phones stand before ours in every list.
        service.servers.insert("head-office".into(), "s9999".into());
        let office = Sent { url: "https://other.example/".into(), server: "s9999".into(), ..Sent::default() };
        service.phones.extend((0..OTHERS).map(|number| (format!("001565{number:06x}"), office.clone())));
        let service = Arc::new(Mutex::new(service));
        let shared = service.clone();
        let cloud = Cloud::serve(&place, SERVICE, move |request| shared.lock().unwrap().answer(request));
        for number in 1..=3 {
            let mac = format!("80:5e:c0:00:00:0{number}");
            let name = format!("Desk {number}");
            let arguments = ["phones", "add", &mac, "--name", &name, "--brand", "yealink", "--user", "201", "--server"];
            ground.block66(&[&arguments[..], &["pbx.example"]].concat(), "line-secret\n");
        }
        let address = format!("service=https://{SERVICE}:8443");
        let authority = format!("authorities=@{}", cloud.authority.display());
        let (interface, name, url) =
            (format!("interface={interface}"), format!("server-name={NAME}"), format!("url={URL}"));
        let branch = Self { ground, appliance, service, _cloud: cloud };
        branch.set(&[&address, &authority, "account=account", &interface, &name, &url]);
        branch.ground.block66(&["partners", "yealink-rps", "secret"], &format!("{SECRET}\n"));
        branch
    }

    fn set(&self, changes: &[&str]) {
        self.ground.block66(&[&["partners", "yealink-rps", "settings"], changes].concat(), "");
    }

    fn service<T>(&self, look: impl FnOnce(&mut Service) -> T) -> T {
        look(&mut self.service.lock().unwrap())
    }

    fn says(&self, arguments: &[&str]) -> String {
        says(&self.ground, arguments)
    }

    /// Plan, apply, apply again, another URL, and out again.
    fn serves_phones(self, tells_urls: bool) {
        self.ground.block66(&["partners", "yealink-rps", "secret"], "not the secret\n");
        assert!(self.says(&["plan"]).contains("does not take this account"), "{}", self.says(&["plan"]));
        self.ground.block66(&["partners", "yealink-rps", "secret"], &format!("{SECRET}\n"));
        self.service(|service| service.complaints.clear());

        if tells_urls {
            // One that was sent elsewhere before. The oldest interface does not tell where.
            let old = Sent { url: "https://old.example/".into(), server: "s9999".into(), ..Sent::default() };
            self.service(|service| service.phones.insert(OURS[1].into(), old));
        }
        let plan = self.says(&["plan"]);
        assert!(plan.contains("- register 80:5e:c0:00:00:01"), "{plan}");
        if tells_urls {
            assert!(plan.contains("- send 80:5e:c0:00:00:02 to this box"), "{plan}");
        }
        assert!(!plan.contains("00:15:65"), "other phones of the account are not ours to touch: {plan}");
        assert_eq!(self.service(|service| service.changes), 0, "a plan changes nothing");

        self.service(|service| service.broken = true);
        let broken = self.says(&["apply"]);
        assert!(broken.contains("did not answer whole") && self.service(|service| service.changes) == 0, "{broken}");

        let applied = self.says(&["apply"]);
        for mac in OURS {
            let sent = self.service(|service| service.phones.get(mac).cloned());
            assert_eq!(sent.map(|sent| sent.url).as_deref(), Some(URL), "{mac}: {applied}");
        }
        let (held, complaints) = self.service(|service| (service.phones.len(), service.complaints.clone()));
        assert_eq!(held, OTHERS + 2, "{applied}");
        let said = |line: &str| line.contains("80:5e:c0:00:00:03") && line.contains("claimed by somebody else");
        assert!(applied.lines().any(said), "{applied}");
        assert!(complaints.is_empty(), "{complaints:#?}");
        if tells_urls {
            let changes = self.service(|service| service.changes);
            self.says(&["apply"]);
            assert_eq!(self.service(|service| service.changes), changes, "a second time changes nothing");
        }

        self.set(&["url=https://moved.branch.example/p/"]);
        let moved = self.says(&["apply"]);
        for mac in OURS {
            let url = self.service(|service| service.phones[mac].url.clone());
            assert_eq!(url, "https://moved.branch.example/p/", "{mac}: {moved}");
        }
        let removed = self.says(&["apply", "--remove"]);
        let (held, complaints) = self.service(|service| (service.phones.len(), service.complaints.clone()));
        assert_eq!(held, OTHERS, "{removed}");
        assert!(complaints.is_empty(), "{complaints:#?}");
        let log = self.appliance.log();
        assert!(!log.contains(SECRET) && !log.contains("line-secret"));
        self.appliance.stop();
    }
}

#[test]
fn phones_are_registered_updated_and_taken_out_by_signed_requests() {
    Branch::new("rest").serves_phones(true);
}

#[test]
fn phones_are_registered_updated_and_taken_out_with_a_token() {
    Branch::new("cloud").serves_phones(true);
}

#[test]
fn phones_are_registered_updated_and_taken_out_by_the_oldest_interface() {
    Branch::new("xml-rpc").serves_phones(false);
}

/// The boolean of an answer may say that the call went well: the text says what came of it.
#[test]
fn the_oldest_interface_says_in_words_whose_a_phone_is() {
    let branch = Branch::new("xml-rpc");
    branch.service(|service| service.went_well = true);
    branch.serves_phones(false);
}

/// A name of the box's that somebody else in the world has taken.
#[test]
fn a_name_that_is_taken_is_said_and_nothing_is_registered() {
    for interface in ["rest", "xml-rpc"] {
        let branch = Branch::new(interface);
        branch.service(|service| service.taken.insert(NAME.into()));
        let said = branch.says(&["apply"]);
        assert!(said.contains(NAME), "{interface}: {said}");
        assert_eq!(branch.service(|service| service.changes), 0, "{interface}: {said}");
        branch.appliance.stop();
    }
}

/// The management cloud has no change of a device: it is taken out and comes anew, where the account may add any.
#[test]
fn phones_stay_where_they_are_when_none_may_be_added() {
    let branch = Branch::new("cloud");
    let old = Sent { url: "https://old.example/".into(), server: "s9999".into(), ..Sent::default() };
    branch.service(|service| {
        service.phones.extend(OURS.map(|mac| (mac.to_owned(), old.clone())));
        service.phones.insert(THEIRS.into(), Sent { url: URL.into(), ..old.clone() });
        service.no_adding = true;
    });
    let there = || branch.service(|service| OURS.map(|mac| service.phones.contains_key(mac)));
    let said = branch.says(&["apply"]);
    assert_eq!(there(), [false, true], "more than the first one is missing: {said}");
    let named = |line: &str| line.contains("80:5e:c0:00:00:01") && line.contains("is missing there now");
    assert!(said.lines().any(named), "{said}");
    // It is known to be missing, and comes when it may.
    assert!(branch.says(&["plan"]).contains("- register 80:5e:c0:00:00:01"), "{}", branch.says(&["plan"]));
    let said = branch.says(&["apply"]);
    assert_eq!(there(), [false, true], "another one each time: {said}");
    branch.service(|service| service.no_adding = false);
    let said = branch.says(&["apply"]);
    assert_eq!(there(), [true, true], "{said}");
    branch.appliance.stop();
}

/// Each phone's own login goes along where the administrator wants that, and else does not.
#[test]
fn logins_are_left_at_the_service_only_when_that_is_wished() {
    for interface in ["rest", "cloud"] {
        let branch = Branch::new(interface);
        branch.says(&["apply"]);
        let sent = branch.service(|service| service.phones[OURS[0]].clone());
        assert_eq!((sent.user.as_str(), sent.password.as_str()), ("", ""), "{interface}");
        branch.set(&["logins=true"]);
        branch.says(&["apply", "--remove"]);
        branch.says(&["apply"]);
        let [first, second] = OURS.map(|mac| branch.service(|service| service.phones[mac].clone()));
        let complaints = branch.service(|service| service.complaints.clone());
        assert!(complaints.is_empty(), "{complaints:#?}");
        assert!(!first.user.is_empty() && !first.password.is_empty(), "{interface}: {first:?}");
        assert_ne!(first.password, second.password, "{interface}: one login for two phones");
        assert!(!branch.appliance.log().contains(&first.password), "{interface}: it is in the log");
        branch.appliance.stop();
    }
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
