//! Who gets what, over every file of every brand: the answers that leave the doors are those of the table in
//! `docs/security.md`, and no secret is in one that refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use block66::brands::{Brand, FileKind, FileMatch, FileRule, Places, Registry};
use block66::model::{
    FirstContact, Lease, LeaseState, Login, Mac, Phone, Policy, ResourceKind, Secret, SecretPolicy, Via,
};
use block66::store::Write;
use hyper::StatusCode;

use crate::ground::{Answer, BOX, DESK, Ground, OTHER, STRANGER, ask, digest, mac};
use crate::kinds::{AWAY, add_book, add_resource};
use crate::table::{Case, Row, cases, rows};

/// Where the phone that is on no list is.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 12);
/// What the phone sent up.
const SENT_UP: &str = "sent-up-secret";
/// What stands in the phone book and in the picture.
const ENTRY: &str = "Entry of the book";
const PICTURE: &str = "not really a picture";

/// A file of a brand that can be asked for, and how.
struct Subject<'r> {
    brand: &'r Brand,
    rule: &'r FileRule,
    /// The column "File" of the table.
    file: &'static str,
    sends: bool,
}

fn subjects(registry: &Registry) -> Vec<Subject<'_>> {
    let mut all = Vec::new();
    // Phones of a brand without files are given nobody's.
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        for rule in brand.files() {
            let Some((file, sends)) = column(rule) else { continue };
            // Where several rules fit one name, the first has it: the others are other phones' names.
            let name = name_of(rule, mac(1)).to_lowercase();
            let found = registry.file_of(&name, Some(&brand.id));
            let first = matches!(found, FileMatch::Served { rule: first, .. } if std::ptr::eq(first, rule));
            // Nobody says here what brand he is: a name without a MAC is that of the first brand that has it.
            let alone = match registry.file_of(&name, None) {
                FileMatch::Served { rule: other, places, .. } => {
                    places.mac.is_some() && other.kind != FileKind::Redirect || column(other) == Some((file, sends))
                }
                FileMatch::Withheld | FileMatch::Unknown => false,
            };
            if first && alone {
                all.push(Subject { brand, rule, file, sends });
                if file == "kept" {
                    all.push(Subject { brand, rule, file, sends: true });
                }
            }
        }
    }
    all
}

/// The column "File" of the table, and whether it is only ever sent up; `None` for what nobody is given.
fn column(rule: &FileRule) -> Option<(&'static str, bool)> {
    Some(match rule.kind {
        FileKind::Own if rule.secret => ("own", false),
        FileKind::Upload if rule.given_back => ("kept", false),
        FileKind::Own | FileKind::Book => ("personal", false),
        FileKind::Upload => ("personal", true),
        FileKind::Resource => ("shared", false),
        FileKind::Common | FileKind::Firmware => ("common", false),
        FileKind::Redirect | FileKind::Withheld => return None,
    })
}

fn name_of(rule: &FileRule, mac: Mac) -> String {
    let digits = rule.name().split("{code:").nth(1).and_then(|rest| rest.split('}').next()?.parse().ok());
    let places = Places {
        mac: Some(mac),
        code: Some("0".repeat(digits.unwrap_or_default())),
        model: Some("x1".into()),
        id: Some("1213".into()),
        kind: Some("t4x".into()),
        file: Some("hills.jpg".into()),
    };
    rule.name_for(&places).unwrap()
}

impl Subject<'_> {
    fn names_a_mac(&self) -> bool {
        self.rule.name().to_lowercase().contains("{mac}")
    }

    /// Whether a case can be brought about. A name without a MAC is about whoever has the address.
    fn takes(&self, case: &Case, registry: &Registry) -> bool {
        let unlisted = case.stage == "unlisted";
        let nobodys = || {
            let name = name_of(self.rule, STRANGER).to_lowercase();
            matches!(registry.file_of(&name, None), FileMatch::Served { rule, .. } if std::ptr::eq(rule, self.rule))
        };
        (self.names_a_mac() || case.lan == "agrees")
            && (!unlisted || nobodys())
            && (case.channel != "TFTP" || !self.sends)
            // What asks a phone for its login is a file that needs one.
            && (case.asked == "no" || !unlisted)
    }
}

/// The ground, and what is there for the answers to hold.
struct Field {
    ground: Ground,
    own: Login,
    newer: Login,
}

async fn field() -> Field {
    let ground = Ground::new().await;
    add_book(&ground, 1213, "branch", &[(ENTRY, "201")]).await;
    for (at, kind) in ResourceKind::ALL.into_iter().enumerate() {
        add_resource(&ground, "hills.jpg", kind, "branch", format!("{PICTURE}{}", " ".repeat(at)).as_bytes()).await;
    }
    let now = ground.clock.now().wall;
    let lease = Lease {
        address: ELSEWHERE,
        mac: STRANGER,
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: now.plus(Duration::from_secs(86_400)),
        seconds_left: 86_400,
        via: Via::Wire,
    };
    ground.store.commit(vec![Write::PutLease { network: "office".into(), lease }]).await.unwrap();
    let login = |user: &str| Login { user: user.into(), password: Secret::new(format!("{user}-password")) };
    let mut other = ground.phone(2);
    other.login = Some(login("neighbour"));
    other.first_contact = FirstContact::Closed { at: now };
    ground.change(other).await;
    Field { ground, own: login("phone"), newer: login("newer") }
}

impl Field {
    /// Phone, policy and what was asked before are as the case says.
    async fn prepare(&mut self, case: &Case, subject: &Subject<'_>) {
        self.ground.restart();
        let policy = Policy {
            secret_files: match case.policy[0] {
                "own" => SecretPolicy::Own,
                "on-lan" => SecretPolicy::OrganisationOnLan,
                _ => SecretPolicy::Organisation,
            },
            plain_http: case.policy.contains(&"plain"),
            lan_alone: case.policy.contains(&"lan-alone"),
            ..Policy::default()
        };
        let unlisted = case.stage == "unlisted";
        if case.asked == "yes" {
            self.ground.policy("branch", Policy::default()).await;
            let closed = FirstContact::Closed { at: self.ground.clock.now().wall };
            self.ground.change(self.phone(subject, closed, false)).await;
            let challenged =
                self.ground.once(&ask(format!("/p/toy{}.txt", mac(1).plain())).from(case.from()), None).await;
            assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
        }
        self.ground.policy("branch", policy).await;
        let now = self.ground.clock.now().wall;
        let address: IpAddr = case.from().into();
        let ago = |window: Duration| block66::model::Timestamp::from_secs(now.secs() - window.as_secs() as i64);
        let contact = match case.stage {
            "open" => FirstContact::Open { since: now, address },
            "over" => FirstContact::Open { since: ago(FirstContact::WINDOW), address },
            // A while ago: closing it once more is a change.
            "closed" | "renewing" => FirstContact::Closed { at: ago(FirstContact::WINDOW) },
            "reset" => FirstContact::Reset { at: ago(FirstContact::WINDOW) },
            _ => FirstContact::Waiting,
        };
        let newer = case.stage == "renewing" || matches!(case.login, "old" | "new");
        if !unlisted {
            self.ground.change(self.phone(subject, contact, newer)).await;
        }
    }

    fn phone(&self, subject: &Subject<'_>, first_contact: FirstContact, newer: bool) -> Phone {
        Phone {
            brand: Some(subject.brand.id.clone()),
            login: Some(self.own.clone()),
            pending_login: newer.then(|| self.newer.clone()),
            first_contact,
            ..self.ground.phone(1)
        }
    }

    async fn answer(&self, case: &Case, subject: &Subject<'_>) -> Answer {
        let name = name_of(subject.rule, case.mac());
        if case.channel == "TFTP" {
            let given = self.ground.provision.file_over_tftp(&name, case.from().into(), BOX.into()).await;
            let (status, text) = match given {
                Ok(bytes) => (StatusCode::OK, String::from_utf8_lossy(&bytes).into_owned()),
                Err(status) => (status, String::new()),
            };
            return Answer { status, headers: Default::default(), text };
        }
        let mut asked = ask(format!("/p/{name}")).from(case.from());
        asked.tls = case.channel == "HTTPS";
        asked.certificate = match case.certificate {
            "own" => Some(case.mac()),
            "another" => Some(mac(7)),
            _ => None,
        };
        if subject.sends {
            asked = asked.send("PUT", SENT_UP);
        }
        let login = self.login(case);
        let authorization = match login {
            None => None,
            Some(login) if asked.tls => {
                let pair = format!("{}:{}", login.user, login.password.expose());
                Some(format!("Basic {}", BASE64.encode(pair)))
            }
            Some(login) => {
                // A nonce that this phone was not asked with.
                let other = ask(format!("/p/toy{}.txt", mac(9).plain())).from(case.from()).plain();
                let nonce = self.ground.once(&other, None).await.nonce();
                Some(digest(&asked, &login.user, login.password.expose(), &nonce, Some(1)))
            }
        };
        self.ground.once(&asked, authorization).await
    }

    fn login(&self, case: &Case) -> Option<Login> {
        Some(match case.login {
            "none" => return None,
            "wrong" => Login { password: Secret::new("guessed"), ..self.own.clone() },
            "own" | "old" => self.own.clone(),
            "new" => self.newer.clone(),
            "organisation" => self.ground.organisation("branch").login,
            // Another phone's and another organisation's are the same to the table.
            _ if case.stage == "unlisted" || case.lan == "agrees" => self.ground.phone(2).login.unwrap(),
            _ => self.ground.organisation("rival").login,
        })
    }

    /// All that nobody may read but this phone.
    fn secrets(&self) -> [String; 4] {
        let password = |login: &Login| login.password.expose().to_owned();
        ["line-secret-1".to_owned(), password(&self.own), password(&self.newer), SENT_UP.to_owned()]
    }

    /// How the phone has changed since it was prepared.
    async fn change(&self, before: &FirstContact) -> &'static str {
        // Changes that are not waited for have come before this.
        self.ground.store.commit(Vec::new()).await.unwrap();
        match (before, &self.ground.phone(1).first_contact) {
            (before, after) if before == after => "–",
            (_, FirstContact::Open { .. }) => "open",
            (_, FirstContact::Closed { .. }) => "close",
            (_, FirstContact::Reset { .. }) => "reset",
            (_, FirstContact::Waiting) => "waiting",
        }
    }
}

impl Case {
    fn mac(&self) -> Mac {
        if self.stage == "unlisted" { STRANGER } else { mac(1) }
    }

    fn from(&self) -> Ipv4Addr {
        match self.lan {
            "agrees" if self.stage == "unlisted" => ELSEWHERE,
            "agrees" => DESK,
            "disagrees" => OTHER,
            _ => AWAY,
        }
    }
}

/// What an answer that the table calls so looks like from outside.
fn check(field: &Field, subject: &Subject<'_>, row: &Row, answer: &Answer) -> Result<(), String> {
    let status = match row.answer.as_str() {
        "401" => StatusCode::UNAUTHORIZED,
        "403" => StatusCode::FORBIDDEN,
        "404" => StatusCode::NOT_FOUND,
        // Nothing is in the catalogue: a name for firmware is as good as unknown to whoever may ask.
        _ if subject.rule.kind == FileKind::Firmware => StatusCode::NOT_FOUND,
        _ if subject.sends => answer.status,
        _ => StatusCode::OK,
    };
    if answer.status != status || (subject.sends && row.answer.parse::<u16>().is_err() && !status.is_success()) {
        return Err(format!("{} instead of {}: {}", answer.status, row.answer, answer.text));
    }
    let allowed = match row.answer.as_str() {
        "everything" => [true; 4],
        "login" => [false, true, true, false],
        _ => [false; 4],
    };
    for (secret, allowed) in field.secrets().iter().zip(allowed) {
        if !allowed && answer.text.contains(secret.as_str()) {
            return Err(format!("{} holds {secret}", row.answer));
        }
    }
    let foreign = ["line-secret-2", "branch-password", "rival-password", "neighbour-password"];
    if let Some(secret) = foreign.iter().find(|secret| answer.text.contains(**secret)) {
        return Err(format!("it holds {secret}"));
    }
    let granted = row.answer.parse::<u16>().is_err();
    if !granted && (answer.text.contains(ENTRY) || answer.text.contains(PICTURE)) {
        return Err("a refusal holds what it refuses".into());
    }
    if granted && subject.file == "kept" && !subject.sends && answer.text != SENT_UP {
        return Err("what was sent up did not come back".into());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_of_every_brand_is_given_as_the_table_says() {
    let all = async {
        let mut field = field().await;
        let registry = crate::toy::registry();
        let rows = rows();
        // Combinations by the row that holds for them.
        let mut by_row: BTreeMap<(&str, usize), Vec<Case>> = BTreeMap::new();
        for file in ["own", "kept", "personal", "shared", "common"] {
            for case in cases(file) {
                let row = rows.iter().position(|row| row.fits(&case)).unwrap_or_else(|| panic!("no row: {case:?}"));
                by_row.entry((file, row)).or_default().push(case);
            }
        }
        let mut wrong = Vec::new();
        let (mut asked, mut showed, mut seen) = (0, BTreeSet::new(), BTreeSet::new());
        for (number, subject) in subjects(&registry).iter().enumerate() {
            let name = subject.rule.name();
            let about = format!("{} {name} {}", subject.brand.id, if subject.sends { "sent" } else { "asked for" });
            for ((_, row), cases) in by_row.iter().filter(|((file, _), _)| *file == subject.file) {
                let fit: Vec<&Case> = cases.iter().filter(|case| subject.takes(case, &registry)).collect();
                // Another one of them for each file, so that all of them have their turn.
                let Some(case) = fit.get(number.wrapping_mul(7919) % fit.len().max(1)) else { continue };
                let row_number = *row;
                let row = &rows[row_number];
                field.prepare(case, subject).await;
                let phone = field.ground.phone(1);
                if subject.file == "kept" {
                    let kept = name_of(subject.rule, mac(1)).to_lowercase();
                    let at = field.ground.clock.now().wall;
                    field.ground.depot.forget(phone.id).unwrap();
                    if !subject.sends {
                        field
                            .ground
                            .depot
                            .keep(phone.id, &kept, "text/plain", SENT_UP.as_bytes(), at, || true)
                            .unwrap();
                    }
                }
                let answer = field.answer(case, subject).await;
                asked += 1;
                seen.insert(row_number);
                let change = field.change(&phone.first_contact).await;
                let mut said = check(&field, subject, row, &answer);
                if change != row.change && !subject.sends {
                    said = said.and(Err(format!("the phone's first contact: {change} instead of {}", row.change)));
                }
                if row.answer == "everything" && field.secrets().iter().any(|secret| answer.text.contains(secret)) {
                    showed.insert(&subject.brand.id);
                }
                if let Err(what) = said {
                    wrong.push(format!("{about}, {case:?}, row {}: {what}", row_number + 1));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {asked} differ, among them\n{}",
            wrong.len(),
            wrong[..wrong.len().min(12)].join("\n")
        );
        let reachable: BTreeSet<usize> = by_row.keys().map(|(_, row)| *row).collect();
        assert_eq!(seen, reachable, "rows that no file came to");
        // The harness can tell: where everything is given, secrets are found.
        for brand in registry.brands().filter(|brand| brand.files().iter().any(|rule| rule.secret && rule.is_made())) {
            assert!(showed.contains(&brand.id), "{} never showed its secret to whoever may have it", brand.id);
        }
        println!("{asked} requests for {} files, {} rows", subjects(&registry).len(), seen.len());
    };
    tokio::time::timeout(Duration::from_secs(300), all).await.expect("in time");
}

/// Whether a case is one that a fixed row speaks of.
type Speaks = Box<dyn Fn(&Case) -> bool>;

/// What must hold whatever else the table comes to say.
#[test]
fn the_table_holds_its_fixed_rows() {
    let rows = rows();
    let answer = |case: &Case| rows.iter().find(|row| row.fits(case)).map(|row| row.answer.clone()).unwrap();
    let gives = |case: &Case| matches!(answer(case).as_str(), "login" | "everything");
    let all: Vec<Case> = ["own", "kept"].into_iter().flat_map(cases).collect();
    let evidence_is_wanted = |case: &Case| !case.policy.contains(&"lan-alone");
    let fixed: [(&str, Speaks); 6] = [
        (
            "a cloned MAC after first contact closed",
            Box::new(|case| case.stage == "closed" && case.login == "none" && case.certificate == "none"),
        ),
        ("the right login and another organisation's MAC", Box::new(|case| case.login == "another")),
        ("a factory certificate of another MAC", Box::new(|case| case.certificate == "another")),
        ("a phone on no list", Box::new(|case| case.stage == "unlisted")),
        (
            "TFTP for a file with secrets, without policy",
            Box::new(|case| case.channel == "TFTP" && !case.policy.contains(&"plain")),
        ),
        (
            "plain HTTP for a file with secrets, without policy",
            Box::new(|case| {
                let settled = matches!(case.stage, "over" | "closed" | "renewing" | "reset");
                case.channel == "HTTP" && !case.policy.contains(&"plain") && settled
            }),
        ),
    ];
    for (what, holds) in fixed {
        let mut checked = 0;
        for case in all.iter().filter(|case| holds(case) && evidence_is_wanted(case)) {
            assert!(!gives(case), "{what}: {case:?}");
            checked += 1;
        }
        assert!(checked > 10, "{what}: {checked}");
    }
}
