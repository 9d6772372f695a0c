//! PURE. What a tenant should hold, what it holds, and the steps between them.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use crate::model::Secret;

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Secret>;

/// One group of a tenant: what it should hold, or what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub exists: bool,
    /// Profiles with their attributes.
    pub profiles: BTreeMap<String, Attributes>,
    /// Users by name.
    pub users: BTreeMap<String, Subscriber>,
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscriber {
    /// The profile that they have.
    pub profile: String,
    /// Their attributes.
    pub attributes: Attributes,
    /// The password that their app signs in with, where it is to be set; it cannot be read back.
    pub password: Secret,
}

/// One change of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Makes the group.
    MakeGroup,
    /// Makes a profile.
    MakeProfile {
        /// Its name.
        profile: String,
    },
    /// Sets an attribute of a profile.
    SetOfProfile {
        /// The profile.
        profile: String,
        /// What is set.
        attribute: Attribute,
    },
    /// Makes a user.
    MakeUser {
        /// Their name.
        user: String,
        /// The profile that they get.
        profile: String,
        /// What their app signs in with.
        password: Secret,
    },
    /// Gives a user another profile.
    MoveUser {
        /// Their name.
        user: String,
        /// The profile that they get.
        profile: String,
    },
    /// Sets an attribute of a user.
    SetOfUser {
        /// Their name.
        user: String,
        /// What is set.
        attribute: Attribute,
    },
    /// Removes a user with all that is theirs.
    RemoveUser {
        /// Their name.
        user: String,
    },
    /// Removes a profile, whoever has it.
    RemoveProfile {
        /// Its name.
        profile: String,
    },
}

/// Changes in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The changes.
    pub steps: Vec<Step>,
}

impl Plan {
    /// What makes `present` hold all of `desired`. What it holds besides stays: others work on a tenant, too.
    pub fn between(desired: &Group, present: &Group) -> Self {
        let mut steps = Vec::new();
        if !present.exists {
            steps.push(Step::MakeGroup);
        }
        for (profile, attributes) in &desired.profiles {
            let there = present.profiles.get(profile);
            if there.is_none() {
                steps.push(Step::MakeProfile { profile: profile.clone() });
            }
            let set = |attribute| Step::SetOfProfile { profile: profile.clone(), attribute };
            steps.extend(missing(attributes, there).map(set));
        }
        for (user, wanted) in &desired.users {
            let there = present.users.get(user);
            match there {
                None => steps.push(Step::MakeUser {
                    user: user.clone(),
                    profile: wanted.profile.clone(),
                    password: wanted.password.clone(),
                }),
                // A tenant that does not tell profiles of users cannot be asked to change one.
                Some(there) if !there.profile.is_empty() && there.profile != wanted.profile => {
                    steps.push(Step::MoveUser { user: user.clone(), profile: wanted.profile.clone() });
                }
                Some(_) => {}
            }
            let set = |attribute| Step::SetOfUser { user: user.clone(), attribute };
            steps.extend(missing(&wanted.attributes, there.map(|there| &there.attributes)).map(set));
        }
        Self { steps }
    }

    /// What takes `desired` out of `present` again: its users and its profiles. The group stays, with whatever else is
    /// in it.
    pub fn removing(desired: &Group, present: &Group) -> Self {
        let users = desired.users.keys().filter(|user| present.users.contains_key(*user));
        let profiles = desired.profiles.keys().filter(|profile| present.profiles.contains_key(*profile));
        let users = users.map(|user| Step::RemoveUser { user: user.clone() });
        let profiles = profiles.map(|profile| Step::RemoveProfile { profile: profile.clone() });
        Self { steps: users.chain(profiles).collect() }
    }
}

/// The attributes that are not there as they should be.
fn missing<'a>(wanted: &'a Attributes, there: Option<&'a Attributes>) -> impl Iterator<Item = Attribute> + 'a {
    let holds = move |name: &str, value: &Secret| there.and_then(|there| there.get(name)) == Some(value);
    let differing = wanted.iter().filter(move |(name, value)| !holds(name, value));
    differing.map(|(name, value)| Attribute { name: name.clone(), value: value.clone() })
}

impl Step {
    /// What it does, in words without any secret.
    pub fn in_words(&self, group: &str) -> String {
        let shown = |attribute: &Attribute| {
            let secret = attribute.name.to_ascii_lowercase().contains("password");
            let value = if secret { "••••••" } else { attribute.value.expose() };
            format!("{} = {value}", attribute.name)
        };
        match self {
            Self::MakeGroup => format!("make the group {group}"),
            Self::MakeProfile { profile } => format!("make the profile {profile} in {group}"),
            Self::SetOfProfile { profile, attribute } => format!("in the profile {profile}: {}", shown(attribute)),
            Self::MakeUser { user, profile, .. } => format!("make the user {user}@{group} with the profile {profile}"),
            Self::MoveUser { user, profile } => format!("give {user}@{group} the profile {profile}"),
            Self::SetOfUser { user, attribute } => format!("for {user}@{group}: {}", shown(attribute)),
            Self::RemoveUser { user } => format!("remove the user {user}@{group}"),
            Self::RemoveProfile { profile } => format!("remove the profile {profile} from {group}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect()
    }

    fn desired() -> Group {
        let ann = Subscriber {
            profile: "phones".into(),
            attributes: attributes(&[("account1.credentials.password", "hunter2"), ("account1.accountName", "Ann")]),
            password: Secret::new("app-password"),
        };
        Group {
            name: "branch.example".into(),
            exists: true,
            profiles: BTreeMap::from([("phones".into(), attributes(&[("account1.briaPush.enabled", "1")]))]),
            users: BTreeMap::from([("ann".into(), ann)]),
        }
    }

    /// A tenant that takes what it is told.
    fn apply(present: &mut Group, plan: &Plan) {
        for step in plan.steps.clone() {
            match step {
                Step::MakeGroup => present.exists = true,
                Step::MakeProfile { profile } => drop(present.profiles.insert(profile, Attributes::new())),
                Step::SetOfProfile { profile, attribute } => {
                    present.profiles.get_mut(&profile).unwrap().insert(attribute.name, attribute.value);
                }
                Step::MakeUser { user, profile, .. } => {
                    present.users.insert(user, Subscriber { profile, ..Subscriber::default() });
                }
                Step::MoveUser { user, profile } => present.users.get_mut(&user).unwrap().profile = profile,
                Step::SetOfUser { user, attribute } => {
                    present.users.get_mut(&user).unwrap().attributes.insert(attribute.name, attribute.value);
                }
                Step::RemoveUser { user } => drop(present.users.remove(&user)),
                Step::RemoveProfile { profile } => drop(present.profiles.remove(&profile)),
            }
        }
    }

    #[test]
    fn a_plan_leads_there_and_then_there_is_none() {
        let mut present = Group { name: "branch.example".into(), ..Group::default() };
        let plan = Plan::between(&desired(), &present);
        assert_eq!(plan.steps.len(), 6);
        assert_eq!(plan.steps[0], Step::MakeGroup);
        apply(&mut present, &plan);
        assert_eq!(Plan::between(&desired(), &present), Plan::default());
        present.users.insert("somebody".into(), Subscriber::default());
        present.profiles.insert("other".into(), Attributes::new());
        assert_eq!(Plan::between(&desired(), &present), Plan::default(), "what is others' stays");
        present.users.get_mut("ann").unwrap().profile = "other".into();
        let plan = Plan::between(&desired(), &present);
        assert_eq!(plan.steps, [Step::MoveUser { user: "ann".into(), profile: "phones".into() }]);
        apply(&mut present, &plan);

        let removal = Plan::removing(&desired(), &present);
        apply(&mut present, &removal);
        assert_eq!((present.users.len(), present.profiles.len()), (1, 1));
        assert_eq!(Plan::removing(&desired(), &present), Plan::default());
    }

    #[test]
    fn words_hold_no_secret() {
        let plan = Plan::between(&desired(), &Group::default());
        let words: Vec<String> = plan.steps.iter().map(|step| step.in_words("branch.example")).collect();
        assert!(words.iter().any(|text| text == "in the profile phones: account1.briaPush.enabled = 1"), "{words:?}");
        let words = words.join("\n") + &format!("{plan:?}");
        assert!(!words.contains("hunter2") && !words.contains("app-password"), "{words}");
    }
}
