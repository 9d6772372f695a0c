use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cast::Cast;
use super::finding::{self, Finding};
use super::play::Played;
use crate::model::{Language, Mac, Phone, Reason};
use crate::phonesim::{self, Stage};

/// What a rehearsal showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rehearsal {
    /// The phone.
    pub mac: Mac,
    /// What people call it.
    pub name: String,
    /// Brand and model of the simulated phone that played it.
    pub played_by: String,
    /// The network on which it was played.
    pub network: String,
    /// Whether the phone would come into service and could come back.
    pub passes: bool,
    /// The first thing that would stop it.
    pub stopped_by: Option<Finding>,
    /// How far it came.
    pub parts: Vec<Part>,
    /// What the phone did and saw, in its order.
    pub steps: Vec<Step>,
    /// What the box thought of it, in its order.
    pub said: Vec<Said>,
    /// What a rehearsal cannot see, a sentence each.
    pub unseen: Vec<String>,
}

/// A part of the way into service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// `dhcp`, `time`, `bootstrap`, `ca`, `https`, `resources` or `in service`.
    pub name: String,
    /// `done`, `failed` or `not-reached`.
    pub state: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Rehearsal {
    /// The same in another language: the box's reasons have sentences of their own in each, all else is what `retold`
    /// makes of it.
    #[must_use]
    pub fn told(mut self, language: Language, retold: impl Fn(&str) -> String) -> Self {
        let tell = |text: &mut String| *text = retold(text);
        if let Some(finding) = &mut self.stopped_by {
            tell(&mut finding.next);
            match &finding.because {
                None => tell(&mut finding.says),
                Some(because) => {
                    let seen = finding.says.strip_suffix(&because.sentence()).unwrap_or_default().trim_end();
                    finding.says = format!("{} {}", retold(seen), because.sentence_in(language));
                }
            }
        }
        self.parts.iter_mut().filter_map(|part| part.why.as_mut()).for_each(tell);
        self.steps.iter_mut().map(|step| &mut step.says).chain(&mut self.unseen).for_each(tell);
        for said in &mut self.said {
            said.says = said.reason.as_ref().map_or_else(|| said.says.clone(), |reason| reason.sentence_in(language));
        }
        self
    }
}

/// Something that the phone did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Milliseconds since it was switched on.
    pub after_ms: u64,
    /// What it was, as a phrase.
    pub says: String,
}

impl Step {
    /// What DHCP told the phone, or why it tells nothing.
    pub(super) fn informed(informed: &Result<String, phonesim::Fault>) -> Self {
        let says = match informed {
            Ok(told) => format!("informs itself: {told}"),
            Err(fault) => format!("informs itself: {fault}"),
        };
        Self { after_ms: 0, says }
    }

    pub(super) fn of(moment: &phonesim::Moment) -> Self {
        Self { after_ms: u64::try_from(moment.at.as_millis()).unwrap_or(u64::MAX), says: moment.what.clone() }
    }
}

/// What the box thought of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its stable code.
    pub code: String,
    /// The same as a sentence.
    pub says: String,
    /// What it is made of.
    #[serde(skip)]
    pub(super) reason: Option<Reason>,
}

impl Said {
    pub(super) fn of(file: Option<&str>, reason: &Reason) -> Self {
        Self {
            file: file.map(str::to_owned),
            code: reason.code(),
            says: reason.sentence(),
            reason: Some(reason.clone()),
        }
    }
}

/// What a rehearsal from inside the box never sees.
const UNSEEN: [&str; 4] = [
    "The switch between phone and box: its cable, its power, its port, and whether the port learns the phone's address.",
    "The voice VLAN: whether the phone is put into the network that this was played on.",
    "DHCP snooping and relays, and what another DHCP server tells the phone: `block66 dhcp ask` asks those.",
    "A firewall on the way, or one on this box that looks at the interface: this was asked from the box itself.",
];

/// Puts together what was played and what the box said meanwhile.
pub(super) fn of(phone: &Phone, cast: &Cast, network: &str, played: Played, said: Vec<Said>) -> Rehearsal {
    let stopped_by = finding::of(&played, &said);
    let mut steps = vec![Step::informed(&played.informed)];
    steps.extend(played.report.iter().flat_map(|report| &report.log).map(Step::of));
    if played.report.is_none()
        && let Some((stage, fault)) = played.fault.as_ref().filter(|(stage, _)| *stage != Stage::Dhcp)
    {
        steps.push(Step { after_ms: 0, says: format!("{}: {fault}", stage.name()) });
    }
    let mut unseen: Vec<String> = UNSEEN.iter().map(|text| (*text).to_owned()).collect();
    unseen.push("What the real phone keeps from before: it was played as one that comes out of its box.".into());
    if let Some(model) = &cast.instead_of {
        unseen.push(format!("What a {model} does otherwise than the {} that played it.", cast.name()));
    }
    Rehearsal {
        mac: phone.mac,
        name: phone.name.clone(),
        played_by: cast.name(),
        network: network.to_owned(),
        passes: stopped_by.is_none(),
        stopped_by,
        parts: Stage::ALL.into_iter().map(|stage| part(stage, &played)).collect(),
        steps,
        said,
        unseen,
    }
}

fn part(stage: Stage, played: &Played) -> Part {
    let stopped = played.fault.as_ref().filter(|(at, _)| *at == stage).map(|(_, fault)| fault.to_string());
    let (state, why) = match (&played.report, stopped) {
        (_, Some(why)) => ("failed", Some(why)),
        (None, None) if stage == Stage::Dhcp => ("done", None),
        (None, None) => ("not-reached", None),
        (Some(report), None) => match report.outcome(stage) {
            phonesim::Outcome::Done { .. } => ("done", None),
            phonesim::Outcome::Failed { fault, .. } => ("failed", Some(fault.to_string())),
            phonesim::Outcome::NotYet => ("not-reached", None),
        },
    };
    Part { name: stage.name().to_owned(), state: state.to_owned(), why }
}
