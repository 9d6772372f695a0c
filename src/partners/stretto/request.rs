//! PURE. What is asked of a tenant's management interface, and what its answers mean.

use super::plan::{Group, Step, Subscriber};
use crate::model::Secret;
use crate::partners::xml;
use crate::sys::percent::encode;

/// A call: method, path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub(super) method: &'static str,
    /// Path on the platform's host.
    pub(super) path: &'static str,
    /// Parameters in their order. They may hold secrets.
    pub(super) parameters: Vec<(&'static str, Secret)>,
}

/// What a part of a group is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Which groups there are.
    Groups,
    /// The profiles of the group.
    Profiles,
    /// The users of the group.
    Users,
}

/// Why an answer was not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    /// It is no whole document.
    #[error("its answer broke off or is no XML: {0}")]
    Unreadable(#[from] xml::Unreadable),
    /// The platform says no, in its own words.
    #[error("it says: {0}")]
    Says(String),
    /// It answers with something else than was asked for.
    #[error("its answer has no {0}")]
    Missing(&'static str),
}

const GROUP: &str = "/stretto/prov/usergroup";
const PROFILE: &str = "/stretto/prov/profile";
const PROFILE_ATTRIBUTE: &str = "/stretto/prov/profile/attribute";
const USER: &str = "/stretto/prov/user";
const USER_ATTRIBUTE: &str = "/stretto/prov/user/attribute";

impl Ask {
    fn new(method: &'static str, path: &'static str, parameters: &[(&'static str, &str)]) -> Self {
        let parameters = parameters.iter().map(|(name, value)| (*name, Secret::new(*value))).collect();
        Self { method, path, parameters }
    }

    /// Reads a part of a group.
    pub(super) fn read(part: Part, group: &str) -> Self {
        match part {
            Part::Groups => Self::new("GET", GROUP, &[("groupName", "all")]),
            Part::Profiles => Self::new("GET", PROFILE, &[("groupName", group)]),
            Part::Users => Self::new("GET", USER, &[("groupName", group)]),
        }
    }

    /// Makes one change.
    pub(super) fn step(step: &Step, group: &str, service_level: Option<&str>) -> Self {
        let in_group = ("groupName", group);
        match step {
            Step::MakeGroup => Self::new("POST", GROUP, &[in_group]),
            Step::MakeProfile { profile } => Self::new("POST", PROFILE, &[("profileName", profile), in_group]),
            Step::SetOfProfile { profile, attribute } => {
                let (name, value) = (attribute.name.as_str(), attribute.value.expose());
                let said =
                    [("profileName", profile.as_str()), in_group, ("attributeName", name), ("attributeValue", value)];
                Self::new("POST", PROFILE_ATTRIBUTE, &said)
            }
            Step::MakeUser { user, profile, password } => {
                let mut said = vec![("userName", user.as_str()), in_group, ("password", password.expose())];
                said.push(("profileName", profile));
                said.extend(service_level.map(|level| ("serviceLevelName", level)));
                Self::new("POST", USER, &said)
            }
            Step::MoveUser { user, profile } => {
                Self::new("PUT", USER, &[("userName", user), in_group, ("profileName", profile)])
            }
            Step::SetOfUser { user, attribute } => {
                let (name, value) = (attribute.name.as_str(), attribute.value.expose());
                let said = [("userName", user.as_str()), in_group, ("attributeName", name), ("attributeValue", value)];
                Self::new("POST", USER_ATTRIBUTE, &said)
            }
            Step::RemoveUser { user } => Self::new("DELETE", USER, &[("userName", user), in_group]),
            Step::RemoveProfile { profile } => {
                Self::new("DELETE", PROFILE, &[("profileName", profile), in_group, ("force", "true")])
            }
        }
    }

    /// Path and query, with every value encoded. With `tunnelled`, the method stands in the query, too, for platforms
    /// that read it there.
    pub(super) fn target(&self, tunnelled: bool) -> Secret {
        let mut text = String::from(self.path);
        let method = tunnelled.then(|| ("method", Secret::new(self.method)));
        for (index, (name, value)) in method.iter().chain(&self.parameters).enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            text += &format!("{mark}{name}={}", encode(value.expose()));
        }
        Secret::new(text)
    }
}

/// Adds to `group` what an answer says about a part of it.
///
/// # Errors
/// When it is not whole, or not what was asked for; `group` is as it was then.
pub(super) fn take(part: Part, answer: &[u8], group: &mut Group) -> Result<(), Wrong> {
    let mut read = group.clone();
    let (mut owner, mut elements) = (String::new(), 0_usize);
    let said = xml::walk(answer, |name, attributes| {
        let text = |name: &str| attributes.get(name).cloned().unwrap_or_default();
        match name {
            "CcsUserGroup" if part == Part::Groups => {
                elements += 1;
                read.exists |= text("groupName").eq_ignore_ascii_case(&read.name);
            }
            "CcsProfile" if part == Part::Profiles => {
                elements += 1;
                owner = text("profileName");
                read.profiles.entry(owner.clone()).or_default();
            }
            "CcsProfileAttribute" if part == Part::Profiles => {
                let (name, value) = (text("attributeName"), Secret::new(text("attributeValue")));
                drop(read.profiles.entry(owner.clone()).or_default().insert(name, value));
            }
            "CcsUser" if part == Part::Users => {
                elements += 1;
                owner = bare(&text("userName"), &read.name).to_owned();
                let profile = text("profileName");
                read.users.insert(owner.clone(), Subscriber { profile, ..Subscriber::default() });
            }
            "CcsUserAttribute" if part == Part::Users => {
                let (name, value) = (text("attributeName"), Secret::new(text("attributeValue")));
                drop(read.users.entry(owner.clone()).or_default().attributes.insert(name, value));
            }
            _ => {}
        }
    })?;
    if elements == 0 && !said.is_empty() {
        return Err(Wrong::Says(said.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    if elements == 0 && part == Part::Groups {
        return Err(Wrong::Missing("groups"));
    }
    *group = read;
    Ok(())
}

/// A user's name without the group's, which a platform may put behind it.
fn bare<'a>(user: &'a str, group: &str) -> &'a str {
    match user.rsplit_once('@') {
        Some((name, behind)) if behind.eq_ignore_ascii_case(group) => name,
        _ => user,
    }
}

/// Whether an answer to a change says that it was made.
///
/// # Errors
/// What the platform says instead.
pub(super) fn done(answer: &[u8]) -> Result<(), Wrong> {
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let mut elements = 0_usize;
    let said = xml::walk(answer, |_, _| elements += 1)?;
    // An error is the text of the root, with nothing in it besides.
    if elements == 1 && !said.is_empty() && !said.eq_ignore_ascii_case("ok") && !said.eq_ignore_ascii_case("success") {
        return Err(Wrong::Says(said.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partners::stretto::Attribute;

    fn attribute(name: &str, value: &str) -> Attribute {
        Attribute { name: name.into(), value: Secret::new(value) }
    }

    #[test]
    fn calls_are_these() {
        let group = "branch.example";
        let target = |ask: Ask, tunnelled: bool| (ask.method, ask.target(tunnelled).expose().to_owned());
        assert_eq!(
            target(Ask::read(Part::Groups, group), false),
            ("GET", "/stretto/prov/usergroup?groupName=all".into())
        );
        let step = Step::SetOfProfile {
            profile: "p".into(),
            attribute: attribute("account1.briaPush.OutboundProxy", "sbc:5061"),
        };
        assert_eq!(
            target(Ask::step(&step, group, None), false),
            ("POST", "/stretto/prov/profile/attribute?profileName=p&groupName=branch.example&attributeName=account1.briaPush.OutboundProxy&attributeValue=sbc%3A5061".into())
        );
        let step = Step::MakeUser { user: "ann".into(), profile: "p".into(), password: Secret::new("a&b c") };
        assert_eq!(
            target(Ask::step(&step, group, Some("BasicBundle")), true),
            ("POST", "/stretto/prov/user?method=POST&userName=ann&groupName=branch.example&password=a%26b%20c&profileName=p&serviceLevelName=BasicBundle".into())
        );
        let step = Step::RemoveProfile { profile: "p".into() };
        assert_eq!(
            target(Ask::step(&step, group, None), false),
            ("DELETE", "/stretto/prov/profile?profileName=p&groupName=branch.example&force=true".into())
        );
        let step = Step::MoveUser { user: "ann".into(), profile: "q".into() };
        assert_eq!(Ask::step(&step, group, None).method, "PUT");
        let step =
            Step::SetOfUser { user: "ann".into(), attribute: attribute("account1.credentials.password", "hunter2") };
        assert!(!format!("{:?}", Ask::step(&step, group, None)).contains("hunter2"));
    }

    #[test]
    fn answers_are_read() {
        let mut group = Group { name: "branch.example".into(), ..Group::default() };
        take(Part::Groups, b"<CcsUserGroups><CcsUserGroup groupName=\"other\"/><CcsUserGroup groupName=\"Branch.example\"/></CcsUserGroups>", &mut group).unwrap();
        assert!(group.exists);
        take(
            Part::Profiles,
            b"<CcsProfiles><CcsProfile profileName=\"p\"><CcsProfileAttributes><CcsProfileAttribute attributeName=\"a\" \
              attributeValue=\"1 &amp; 2\"/></CcsProfileAttributes></CcsProfile><CcsProfile profileName=\"q\"/></CcsProfiles>",
            &mut group,
        )
        .unwrap();
        assert_eq!(group.profiles["p"]["a"], Secret::new("1 & 2"));
        assert!(group.profiles["q"].is_empty());
        take(
            Part::Users,
            b"<CcsUsers><CcsUser userName=\"ann\" emailAddress=\"a@b\" profileName=\"p\"><CcsUserAttributes>\
              <CcsUserAttribute attributeName=\"b\" attributeValue=\"3\"/></CcsUserAttributes></CcsUser></CcsUsers>",
            &mut group,
        )
        .unwrap();
        assert_eq!((group.users["ann"].profile.as_str(), group.users["ann"].attributes.len()), ("p", 1));
        let whole =
            b"<CcsUsers><CcsUser userName=\"bob@Branch.example\"/><CcsUser userName=\"bob@elsewhere\"/></CcsUsers>";
        take(Part::Users, whole, &mut group).unwrap();
        assert_eq!(group.users.keys().collect::<Vec<_>>(), ["ann", "bob", "bob@elsewhere"]);
    }

    #[test]
    fn half_a_list_is_no_list() {
        let mut group = Group { name: "g".into(), ..Group::default() };
        let whole = b"<CcsUsers><CcsUser userName=\"ann\"/><CcsUser userName=\"bob\"/></CcsUsers>";
        for end in 1..whole.len() {
            assert!(take(Part::Users, &whole[..end], &mut group).is_err(), "{end}");
            assert!(group.users.is_empty());
        }
        let said = take(Part::Groups, b"<error>Not authorised</error>", &mut group);
        assert_eq!(said, Err(Wrong::Says("Not authorised".into())));
        assert_eq!(take(Part::Groups, b"<html/>", &mut group), Err(Wrong::Missing("groups")));
    }

    #[test]
    fn a_change_is_made_unless_the_root_says_otherwise() {
        for answer in [&b""[..], b"<ok/>", b"<result>OK</result>", b"<CcsUser userName=\"a\"><x/></CcsUser>"] {
            assert_eq!(done(answer), Ok(()));
        }
        assert_eq!(done(b"<error>group exists</error>"), Err(Wrong::Says("group exists".into())));
        assert!(done(b"<html>").is_err());
    }
}
