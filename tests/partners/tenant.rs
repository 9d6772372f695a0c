//! Users, a profile and their attributes at a tenant of the softphones' platform: planned, written, read back, left.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use crate::cloud::Cloud;
use crate::ground::{Appliance, Ground, PATIENCE, wait_until};
use crate::place::address;
use crate::stretto::{PASSWORD, Tenant, Trouble, User};

const PLATFORM: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 70);
const GROUP: &str = "branch.example";

/// A box with two users, and a tenant that it is to write to.
struct Office {
    ground: Ground,
    appliance: Appliance,
    tenant: Arc<Mutex<Tenant>>,
    _cloud: Cloud,
}

impl Office {
    fn new(tenant: Tenant) -> Self {
        let ground = Ground::new();
        let appliance = ground.start_as("mode = \"off\"");
        let place = ground.client();
        address(&place, PLATFORM);
        let tenant = Arc::new(Mutex::new(tenant));
        let shared = tenant.clone();
        let cloud = Cloud::serve(&place, PLATFORM, move |request| shared.lock().unwrap().answer(request));
        for name in ["ann", "bob"] {
            let arguments = ["partners", "bria", "add", name, "--user", name, "--server", "pbx.branch.local"];
            let display = ["--display", "Zo\u{eb} & <co> +%;=/?#"];
            ground.block66(&[&arguments[..], &display].concat(), &format!("password-of-{name}\nsip-of-{name}\n"));
        }
        let platform = format!("platform=https://{PLATFORM}:8443");
        let authority = format!("authorities=@{}", cloud.authority.display());
        let group = format!("group={GROUP}");
        let settings = [&platform, &authority, "user=api", &group, "profile=phones", "push.enabled=true"];
        let warned = set(&ground, &settings);
        assert!(warned.contains("private-domain"), "{warned}");
        let settled = set(&ground, &["push.outbound-proxy=sbc.example.com:5061", "push.auto-send-180=true"]);
        assert!(!settled.contains("Warning"), "{settled}");
        ground.block66(&["partners", "stretto", "password"], &format!("{PASSWORD}\n"));
        Self { ground, appliance, tenant, _cloud: cloud }
    }

    fn tenant<T>(&self, look: impl FnOnce(&mut Tenant) -> T) -> T {
        look(&mut self.tenant.lock().unwrap())
    }

    fn says(&self, arguments: &[&str]) -> String {
        self.ground.block66(&[&["partners", "stretto"], arguments].concat(), "")
    }

    /// What it says to something that cannot be done.
    fn refuses(&self, arguments: &[&str]) -> String {
        refused(&self.ground, &[&["partners", "stretto"], arguments].concat())
    }

    fn user(&self, name: &str) -> User {
        self.tenant(|tenant| tenant.groups[GROUP].users[name].clone())
    }

    /// Writes everything, and then finds nothing more to do.
    fn settles(&self) {
        let applied = self.says(&["apply"]);
        assert!(applied.contains("Read back: the tenant holds all of it."), "{applied}");
        let changes = self.tenant(|tenant| tenant.changes);
        let plan = self.says(&["plan"]);
        assert!(plan.contains("Nothing is to be done."), "{plan}");
        self.says(&["apply"]);
        assert_eq!(self.tenant(|tenant| tenant.changes), changes, "a second time writes nothing");
    }

    /// The end: no secret was logged, and nothing was sent that the interface does not know.
    fn closes(self) {
        let log = self.appliance.log();
        for secret in [PASSWORD, "sip-of-ann", "password-of-ann"] {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
        let complaints = self.tenant(|tenant| tenant.complaints.clone());
        assert!(complaints.is_empty(), "{complaints:#?}");
        self.appliance.stop();
    }
}

#[test]
fn a_tenant_is_planned_written_read_back_and_left() {
    let office = Office::new(Tenant::new());
    let plan = office.says(&["plan"]);
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
    assert_eq!(office.tenant(|tenant| tenant.changes), 0, "a plan changes nothing");
    office.settles();
    let ann = office.user("ann");
    assert_eq!(
        (ann.profile.as_str(), ann.attributes["account1.credentials.password"].as_str()),
        ("phones", "sip-of-ann")
    );
    assert_eq!(ann.attributes["account1.accountName"], "Zo\u{eb} & <co> +%;=/?#");
    let shown = office.says(&["user", "ann"]);
    assert!(shown.contains("ann@branch.example") && shown.contains(&ann.password) && ann.password.len() >= 16);
    let held = office.tenant(|tenant| tenant.groups[GROUP].profiles["phones"].clone());
    assert_eq!(held["account1.push.AutoSend180"], "1");

    // The other generation of names, and a tenant that takes a value and does not keep it.
    office.tenant(|tenant| tenant.forgets = Some("account1Sip.briaPush.RegistrationMode"));
    set(&office.ground, &["generation=second", "push.mode=single-device-emulation", "push.registrations=one"]);
    let lost = office.refuses(&["apply"]);
    let named = lost.contains("account1Sip.briaPush.RegistrationMode = 1") && lost.contains("although it took it");
    assert!(named, "{lost}");
    office.tenant(|tenant| tenant.forgets = None);
    office.settles();
    assert_eq!(office.user("bob").attributes["account1Sip.domain"], "pbx.branch.local");

    let csv = office.says(&["csv"]);
    let header = csv.lines().next().unwrap();
    assert!(header.starts_with("userName,groupName,profileName,password,account1Sip."), "{csv}");
    assert!(csv.contains("sbc.example.com:5061") && csv.contains("Zo\u{eb} & <co>"), "{csv}");

    // Somebody changes a value there: that one is put right.
    office.tenant(|tenant| {
        let held = tenant.groups.get_mut(GROUP).unwrap().users.get_mut("bob").unwrap();
        held.attributes.insert("account1Sip.domain".into(), "elsewhere.example".into());
        tenant.changes = 0;
    });
    let plan = office.says(&["plan"]);
    assert_eq!(plan.matches("\n- ").count() + usize::from(plan.starts_with("- ")), 1, "{plan}");
    office.says(&["apply"]);
    assert_eq!(office.tenant(|tenant| tenant.changes), 1);

    // What is others' stays, in the group and beside it.
    let theirs = User { password: "x".into(), profile: "other".into(), ..User::default() };
    office.tenant(|tenant| {
        let group = tenant.groups.get_mut(GROUP).unwrap();
        group.profiles.insert("other".into(), [("a".to_owned(), "b".to_owned())].into());
        group.users.insert("theirs".into(), theirs.clone());
    });
    office.says(&["apply", "--remove"]);
    let (left, groups) = office.tenant(|tenant| (tenant.groups[GROUP].clone(), tenant.groups.len()));
    assert_eq!((left.users, groups), ([("theirs".to_owned(), theirs)].into(), 2));
    assert_eq!(left.profiles.keys().collect::<Vec<_>>(), ["other"]);
    office.closes();
}

#[test]
fn an_answer_that_breaks_off_or_is_none_is_named_and_nothing_is_written() {
    let office = Office::new(Tenant::new());
    office.ground.block66(&["partners", "stretto", "password"], "wrong\n");
    for asked in ["plan", "apply"] {
        assert!(office.refuses(&[asked]).contains("does not take this user and password"));
    }
    let wrong = office.tenant(|tenant| std::mem::take(&mut tenant.complaints));
    assert!(!wrong.is_empty() && wrong.iter().all(|reason| reason == "the password is wrong"), "{wrong:?}");
    office.ground.block66(&["partners", "stretto", "password"], &format!("{PASSWORD}\n"));
    // An empty tenant first, and then a full one, whose list would seem to miss what there is.
    for _ in 0..2 {
        let before = office.tenant(|tenant| (tenant.groups.clone(), tenant.changes));
        for (trouble, named) in [
            (Trouble::Broken, "did not answer whole"),
            (Trouble::Half, "broke off"),
            (Trouble::Entities, "XML"),
            (Trouble::Page, "502"),
        ] {
            for arguments in [&["plan"][..], &["apply"], &["apply", "--remove"]] {
                office.tenant(|tenant| tenant.trouble = Some(trouble));
                let said = office.refuses(arguments);
                assert!(said.contains(named), "{trouble:?}, {arguments:?}: {said}");
                assert_eq!(office.tenant(|tenant| (tenant.groups.clone(), tenant.changes)), before, "{trouble:?}");
            }
        }
        office.settles();
    }
    office.closes();
}

#[test]
fn a_tenant_of_other_habits_is_written_all_the_same() {
    // Digest without a quality of protection, verbs in the query, a bundle for each user.
    let mut tenant = Tenant::new();
    (tenant.guard.qop, tenant.levels, tenant.tunnelled) = (false, true, true);
    let office = Office::new(tenant);
    set(&office.ground, &["tunnelled=true"]);
    // The error is the text of the root, and comes with the status of success.
    let refused = office.refuses(&["apply"]);
    assert!(refused.contains("serviceLevelName"), "{refused}");
    set(&office.ground, &["service-level=BasicBundle"]);
    office.settles();
    office.says(&["apply", "--remove"]);
    let left = office.tenant(|tenant| tenant.groups[GROUP].clone());
    assert!(left.users.is_empty() && left.profiles.is_empty(), "{left:?}");
    office.closes();
}

#[test]
fn a_tenant_that_knows_its_users_with_their_group_is_written_once() {
    let mut tenant = Tenant::new();
    tenant.qualified = true;
    let office = Office::new(tenant);
    office.settles();
    let names = || office.tenant(|tenant| tenant.groups[GROUP].users.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(), ["ann@branch.example", "bob@branch.example"]);
    office.says(&["apply", "--remove"]);
    assert!(names().is_empty(), "{:?}", names());
    office.closes();
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

/// What is said to changed settings.
fn set(ground: &Ground, changes: &[&str]) -> String {
    ground.block66(&[&["partners", "stretto", "settings"], changes].concat(), "")
}

/// What the command line says to something that the box refuses.
fn refused(ground: &Ground, arguments: &[&str]) -> String {
    let mut command = ground.command(std::path::Path::new(env!("CARGO_BIN_EXE_block66")));
    command.arg("--socket").arg(ground.data().join("../socket")).args(arguments);
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{arguments:?} was taken");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}
