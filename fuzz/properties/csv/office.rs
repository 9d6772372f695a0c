use std::sync::Arc;

use block66::admin::import::{self, Action, Defaults, Listed, Plan, Planned, Refusal, Sheet, read_any};
use block66::admin::{FieldError, PhoneDraft};
use block66::model::{FirstContact, Id, Line, Login, Mac, Organisation, Phone, Policy, Secret, Settings, Timestamp};

use super::Plant;

/// The phones that are on the list already, and whose they are.
pub(super) struct Office {
    organisations: [Arc<Organisation>; 2],
    /// The group that phones of the first organisation can be put into.
    group: Id,
    pub(super) phones: Vec<Arc<Phone>>,
}

impl Office {
    /// Phones 1 to 3 have the addresses that end with their numbers; 1 and 3 have a line of the same name. 4 and 5 wait
    /// for their devices; the line of 4 inherits its server.
    pub(super) fn new() -> Self {
        let organisations = [(1, "Branch"), (2, "Rival")].map(|(number, name)| Arc::new(organisation(number, name)));
        let [branch, rival] = [&organisations[0], &organisations[1]].map(|organisation| organisation.id);
        let group = id(3);
        let desk = |number: u8| Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, number]);
        let pbx = "pbx.example.net";
        let phones = [
            Phone { group: Some(group), ..phone(1, desk(1), branch, "Desk 1", &[("201", pbx)]) },
            phone(2, desk(2), branch, "Hall", &[("202", pbx), ("212", pbx)]),
            phone(3, desk(3), rival, "Desk 3", &[("201", pbx)]),
            phone(4, Mac::placeholder([0x7f, 0, 0, 4]), branch, "Gate", &[("301", "")]),
            phone(5, Mac::placeholder([0x7f, 0, 0, 5]), branch, "Spare", &[]),
        ];
        Self { organisations, group, phones: phones.map(Arc::new).into() }
    }

    /// Reads a file as an import does.
    pub(super) fn read(&self, input: &[u8], plant: Plant) -> Result<Sheet, Refusal> {
        let mut listed = Listed::new(&self.phones);
        let named = |name: &str| self.organisation(Some(name)).map(|organisation| organisation.id);
        let known = |draft: &PhoneDraft| match plant {
            Plant::None => listed.of_draft(draft, named).map(Arc::clone),
            Plant::FirstPhone => self.phones.first().cloned(),
        };
        read_any(input, &Defaults::default(), known)
    }

    /// Says what an import would do.
    pub(super) fn plan(&self, sheet: Sheet) -> Result<Plan, Vec<FieldError>> {
        let group =
            |whose: Id, name: &str| (whose == self.organisations[0].id && name == "Reception").then_some(self.group);
        import::plan(sheet, &self.phones, |name| self.organisation(name), group)
    }

    fn organisation(&self, named: Option<&str>) -> Option<Arc<Organisation>> {
        let is = |organisation: &&Arc<Organisation>| {
            named.is_none_or(|name| name == organisation.name || name == organisation.id.to_string())
        };
        self.organisations.iter().find(is).cloned()
    }

    /// The list as it is when the plan was carried out.
    pub(super) fn after(self, plan: &Plan) -> Self {
        let mut phones = self.phones;
        for planned in &plan.phones {
            match (planned.action, &planned.before) {
                (Action::Keep, _) => {}
                (Action::Change, Some(before)) => {
                    let after = Arc::new(planned.changed(before));
                    phones
                        .iter_mut()
                        .filter(|phone| phone.id == before.id)
                        .for_each(|phone| *phone = Arc::clone(&after));
                }
                (Action::Add, _) | (Action::Change, None) => phones.push(Arc::new(fresh(planned, phones.len()))),
            }
        }
        Self { phones, ..self }
    }

    /// No text that somebody is shown says what only a phone of the list knows. What the file says itself is no secret.
    pub(super) fn check_told<'a>(&self, input: &[u8], told: impl IntoIterator<Item = &'a str>) {
        let input = String::from_utf8_lossy(input);
        let logins = |phone: &Arc<Phone>| phone.pending_login.clone().map(|login| login.password);
        let secrets: Vec<Secret> = self
            .phones
            .iter()
            .flat_map(|phone| phone.lines.iter().map(|line| line.password.clone()).chain(logins(phone)))
            .filter(|secret| !input.contains(secret.expose()))
            .collect();
        for text in told {
            assert!(!secrets.iter().any(|secret| text.contains(secret.expose())), "a secret of the list: {text}");
        }
    }
}

fn id(number: u128) -> Id {
    Id::new(Timestamp::from_secs(1), number)
}

fn organisation(number: u8, name: &str) -> Organisation {
    Organisation {
        id: id(number.into()),
        version: 1,
        origin: id(99),
        name: name.into(),
        login: Login { user: name.to_lowercase(), password: Secret::new(format!("{name}-Zc61mJx")) },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: Timestamp::default(),
    }
}

fn phone(number: u8, mac: Mac, organisation: Id, name: &str, lines: &[(&str, &str)]) -> Phone {
    let line = |(user, server): &(&str, &str)| Line {
        user: (*user).into(),
        auth_user: None,
        password: Secret::new(format!("{user}-of-{number}-Kx93vTq")),
        display: name.into(),
        server: (*server).into(),
        port: None,
        transport: None,
        expires: None,
        voicemail: None,
        settings: Settings::NONE,
    };
    Phone {
        id: id(100 + u128::from(number)),
        version: 1,
        origin: id(99),
        mac,
        organisation,
        brand: None,
        model: None,
        name: name.into(),
        lines: lines.iter().map(line).collect(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: (!mac.is_placeholder())
            .then(|| Login { user: mac.plain(), password: Secret::new(format!("login-{number}-Wm20hRz")) }),
        first_contact: FirstContact::Waiting,
        created: Timestamp::default(),
    }
}

/// A phone that is added, as the import makes it, but for what is random there.
fn fresh(planned: &Planned, number: usize) -> Phone {
    let number = u32::try_from(number).expect("few phones");
    let [_, _, high, low] = number.to_be_bytes();
    let draft = planned.draft.clone();
    let mac = if draft.mac.is_placeholder() { Mac::placeholder([0x7f, 1, high, low]) } else { draft.mac };
    Phone {
        id: id(1000 + u128::from(number)),
        brand: draft.brand,
        model: draft.model,
        lines: draft.lines,
        group: planned.group,
        settings: draft.settings,
        handsets: draft.handsets,
        ports: draft.ports,
        ..phone(0, mac, planned.organisation, &draft.name, &[])
    }
}
