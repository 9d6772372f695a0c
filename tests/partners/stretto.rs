//! A tenant of the maker's platform for softphones, as two public clients of its management interface use it: Digest,
//! parameters in the query and nothing in the body, the method by itself or in the query, answers in XML, and an error
//! as the text of the root, with the status of success.

use std::collections::BTreeMap;

use crate::cloud::{Answer, Request};
use crate::digest::{Guard, Verdict};

pub(crate) const USER: &str = "api";
pub(crate) const PASSWORD: &str = "tenant-password";
/// What the interface takes.
const PARAMETERS: [&str; 13] = [
    "method",
    "groupName",
    "parentGroupName",
    "maxUsers",
    "profileName",
    "force",
    "userName",
    "password",
    "emailAddress",
    "serviceLevelName",
    "includeDevices",
    "attributeName",
    "attributeValue",
];

pub(crate) type Attributes = BTreeMap<String, String>;

/// A user of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) password: String,
    pub(crate) profile: String,
    pub(crate) attributes: Attributes,
}

/// What is wrong with its next list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection breaks in the middle.
    Broken,
    /// The document ends in the middle, and the answer does not.
    Half,
    /// Entities that become huge.
    Entities,
    /// A page of somebody in between.
    Page,
}

/// A group with its profiles and users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) profiles: BTreeMap<String, Attributes>,
    pub(crate) users: BTreeMap<String, User>,
}

/// What the tenant holds.
pub(crate) struct Tenant {
    pub(crate) guard: Guard,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Changes that were made.
    pub(crate) changes: usize,
    pub(crate) trouble: Option<Trouble>,
    /// Takes attributes of this name and forgets them.
    pub(crate) forgets: Option<&'static str>,
    /// Wants a service level of every new user.
    pub(crate) levels: bool,
    /// The verb must stand in the query.
    pub(crate) tunnelled: bool,
    /// Knows its users as `user@group`, which is also what they sign in with.
    pub(crate) qualified: bool,
    pub(crate) complaints: Vec<String>,
}

impl Tenant {
    pub(crate) fn new() -> Self {
        let guard =
            Guard { realm: "Stretto Provisioning", user: USER, password: PASSWORD, qop: true, nonces: BTreeMap::new() };
        Self {
            guard,
            groups: [("root".to_owned(), Group::default())].into(),
            changes: 0,
            trouble: None,
            forgets: None,
            levels: false,
            tunnelled: false,
            qualified: false,
            complaints: Vec::new(),
        }
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        if let Verdict::Challenge(challenge) = self.guard.looks(request, &mut self.complaints) {
            let mut answer = Answer::new(401, "text/html", "<html><body>Who are you?</body></html>");
            answer.headers.push(("www-authenticate", challenge));
            return answer;
        }
        if !request.body.is_empty() {
            self.complaints.push(format!("a body: {}", request.body));
        }
        for (name, _) in &request.query {
            if !PARAMETERS.contains(&name.as_str()) {
                self.complaints.push(format!("there is no parameter {name}"));
            }
        }
        let tunnelled = request.parameter("method");
        if self.tunnelled && tunnelled.is_none() && request.method != "PUT" {
            self.complaints.push(format!("{} without its method in the query", request.target));
        }
        let method = tunnelled.unwrap_or(&request.method).to_owned();
        let said = self.does(&method, request);
        if said.is_ok() && method != "GET" {
            self.changes += 1;
        }
        let trouble = if method == "GET" { self.trouble.take() } else { None };
        let (root, text) = match said {
            Ok(inner) => ("CcsResponse status=\"0\"", inner),
            Err(error) => ("CcsResponse", error),
        };
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>{text}</CcsResponse>\n");
        match trouble {
            None => Answer::new(200, "application/xml", text),
            Some(Trouble::Broken) => Answer { broken: true, ..Answer::new(200, "application/xml", text) },
            Some(Trouble::Half) => Answer::new(200, "application/xml", &text[..text.len() / 2]),
            Some(Trouble::Page) => Answer::new(502, "text/html", "<html><body>Bad gateway</body></html>"),
            Some(Trouble::Entities) => {
                let mut bomb = "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a0 \"aaaaaaaaaa\">".to_owned();
                for level in 1..10 {
                    bomb += &format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
                }
                Answer::new(200, "application/xml", bomb + "]><r>&a9;</r>")
            }
        }
    }

    /// What is inside the root, or the text of the error.
    fn does(&mut self, method: &str, request: &Request) -> Result<String, String> {
        let word = |name: &str| {
            let value = request.parameter(name).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or(format!("Parameter {name} is required"))
        };
        let kind = request.path.strip_prefix("/stretto/prov/").ok_or("Not found")?;
        if kind == "usergroup" {
            return self.group(method, &word("groupName")?);
        }
        let name = word("groupName")?;
        let (forgets, levels, qualified) = (self.forgets, self.levels, self.qualified);
        let user_name = || {
            let user = word("userName")?;
            Ok::<_, String>(if qualified && !user.contains('@') { format!("{user}@{name}") } else { user })
        };
        let group = self.groups.get_mut(&name).ok_or(format!("Group {name} does not exist"))?;
        match (method, kind) {
            ("GET", "profile") => Ok(group.profiles.iter().map(|(name, held)| profile(name, held)).collect()),
            ("POST", "profile") => match group.profiles.entry(word("profileName")?) {
                std::collections::btree_map::Entry::Occupied(entry) => {
                    Err(format!("Profile {} already exists", entry.key()))
                }
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(Attributes::new());
                    Ok(String::new())
                }
            },
            ("DELETE", "profile") => {
                let name = word("profileName")?;
                if group.users.values().any(|user| user.profile == name) && word("force")? != "true" {
                    return Err(format!("Profile {name} is in use"));
                }
                group.profiles.remove(&name).map(|_| String::new()).ok_or(format!("Profile {name} does not exist"))
            }
            (_, "profile/attribute") => {
                let held = group.profiles.get_mut(&word("profileName")?).ok_or("Profile does not exist")?;
                set(method, held, forgets, &word("attributeName")?, request.parameter("attributeValue"))
            }
            ("GET", "user") => {
                let wanted = request.parameter("userName").map(|_| user_name()).transpose()?;
                let users = group.users.iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == *name));
                let shown: Vec<String> = users.map(|(name, held)| user(name, held)).collect();
                if shown.is_empty() && wanted.is_some() {
                    return Err("User does not exist".into());
                }
                Ok(shown.concat())
            }
            ("POST" | "PUT", "user") => {
                let name = user_name()?;
                let there = group.users.contains_key(&name);
                if there != (method == "PUT") {
                    return Err(format!("User {name} {}", if there { "already exists" } else { "does not exist" }));
                }
                let profile = word("profileName")?;
                if !group.profiles.contains_key(&profile) {
                    return Err(format!("Profile {profile} does not exist"));
                }
                if levels && method == "POST" {
                    word("serviceLevelName")?;
                }
                let password = if there { word("password").ok() } else { Some(word("password")?) };
                let held = group.users.entry(name).or_default();
                held.profile = profile;
                held.password = password.unwrap_or_else(|| held.password.clone());
                Ok(String::new())
            }
            ("DELETE", "user") => {
                group.users.remove(&user_name()?).map(|_| String::new()).ok_or("User does not exist".into())
            }
            (_, "user/attribute") => {
                let held = group.users.get_mut(&user_name()?).ok_or("User does not exist")?;
                set(method, &mut held.attributes, forgets, &word("attributeName")?, request.parameter("attributeValue"))
            }
            _ => Err(format!("{method} {kind} is not supported")),
        }
    }

    fn group(&mut self, method: &str, name: &str) -> Result<String, String> {
        match method {
            "GET" => {
                let groups = self.groups.keys().filter(|known| name == "all" || *known == name);
                Ok(groups.map(|name| format!("<CcsUserGroup groupName=\"{}\"/>", escape(name))).collect())
            }
            "POST" if !self.groups.contains_key(name) => {
                self.groups.insert(name.to_owned(), Group::default());
                Ok(String::new())
            }
            _ => Err(format!("{method} of the group {name} is not possible")),
        }
    }
}

/// Sets or takes an attribute.
fn set(
    method: &str,
    held: &mut Attributes,
    forgets: Option<&str>,
    name: &str,
    value: Option<&str>,
) -> Result<String, String> {
    match method {
        "POST" => {
            let value = value.ok_or("Parameter attributeValue is required")?;
            if forgets != Some(name) {
                held.insert(name.to_owned(), value.to_owned());
            }
            Ok(String::new())
        }
        "DELETE" => held.remove(name).map(|_| String::new()).ok_or(format!("Attribute {name} does not exist")),
        _ => Err(format!("{method} of an attribute is not possible")),
    }
}

fn profile(name: &str, held: &Attributes) -> String {
    let inner = shown("CcsProfileAttribute", held);
    format!("\n<CcsProfile profileName=\"{}\">{inner}</CcsProfile>", escape(name))
}

fn user(name: &str, held: &User) -> String {
    let inner = shown("CcsUserAttribute", &held.attributes);
    format!(
        "\n<CcsUser userName=\"{}\" emailAddress=\"\" profileName=\"{}\">{inner}</CcsUser>",
        escape(name),
        escape(&held.profile)
    )
}

fn shown(element: &str, held: &Attributes) -> String {
    let one = |(name, value): (&String, &String)| {
        format!("\n  <{element} attributeName=\"{}\" attributeValue=\"{}\"></{element}>", escape(name), escape(value))
    };
    format!("<{element}s>{}</{element}s>", held.iter().map(one).collect::<String>())
}

/// With references to characters, too, as any program that writes XML may.
fn escape(text: &str) -> String {
    let one = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '"' => "&quot;".to_owned(),
        letter if letter.is_ascii() => letter.to_string(),
        letter => format!("&#x{:X};", u32::from(letter)),
    };
    text.chars().map(one).collect()
}
