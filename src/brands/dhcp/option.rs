use super::super::manifest::{self, UrlScheme};
use super::super::recognise::{boots_from_network, plain_class};
use super::answer::{DhcpAnswer, DhcpOption, DhcpQuery, LeftOut, Omission};
use super::value::{LONGEST, Value};
use crate::model::Scheme;

/// One way to say an option, checked.
#[derive(Debug)]
pub(in super::super) struct OptionRule {
    /// Its number.
    pub(in super::super) number: u8,
    value: Value,
    classes: Vec<String>,
    without_a_class: bool,
    user_classes: Vec<String>,
    scheme: Option<UrlScheme>,
    when_requested: bool,
    asks_at: Vec<u16>,
    longest: usize,
    end_mark: bool,
    source: String,
}

/// Options that may be a brand's: what is left of RFC 2132's numbers belongs to the server, and 108 can take a LAN's
/// IPv4 away.
fn may_be_a_brands(number: u8) -> bool {
    matches!(number, 43 | 66 | 67 | 114 | 120 | 125 | 128..=254)
}

/// Options that mean something else to somebody else, and are said to nobody but the class that reads them so.
const GATED: [u8; 2] = [43, 114];

/// Checks the options of a brand.
pub(in super::super) fn check(options: &[manifest::DhcpOption]) -> Result<Vec<OptionRule>, String> {
    options.iter().map(|option| rule(option).map_err(|what| format!("dhcp-option {}: {what}", option.number))).collect()
}

fn rule(option: &manifest::DhcpOption) -> Result<OptionRule, String> {
    if !may_be_a_brands(option.number) {
        return Err("it is the server's and not a brand's".into());
    }
    let value = Value::read(&option.value)?;
    if GATED.contains(&option.number) && option.classes.is_empty() && !option.without_a_class {
        return Err("it is said only to a vendor class: which?".into());
    }
    if option.classes.iter().chain(&option.user_classes).any(|class| class.len() < 3) {
        return Err("a class of less than three characters would fit too much".into());
    }
    if option.end_mark && !matches!(value, Value::SubOptions { .. }) {
        return Err("only sub-options have an end mark".into());
    }
    if matches!(value, Value::SubOptions { enterprise: Some(_), .. }) != (option.number == 125) {
        return Err("an enterprise number stands in option 125, and there alone".into());
    }
    if matches!(value, Value::Address) && option.asks_at.is_empty() {
        return Err("a bare address carries no port: where does the phone ask?".into());
    }
    let longest = option.longest.map_or(LONGEST, usize::from);
    let least = value.least() + usize::from(option.end_mark);
    if least > longest {
        return Err(format!("at least {least} bytes, and {longest} fit"));
    }
    Ok(OptionRule {
        number: option.number,
        value,
        classes: option.classes.clone(),
        without_a_class: option.without_a_class,
        user_classes: option.user_classes.clone(),
        scheme: option.scheme,
        when_requested: option.when_requested,
        asks_at: option.asks_at.clone(),
        longest,
        end_mark: option.end_mark,
        source: option.source.clone(),
    })
}

/// What these rules say to the one who asks.
pub(in super::super) fn answer(rules: &[OptionRule], query: &DhcpQuery<'_>) -> DhcpAnswer {
    let mut answer = DhcpAnswer::default();
    let boots = query.vendor_class.is_some_and(|class| boots_from_network(&plain_class(class)));
    for rule in rules {
        let said = |answer: &DhcpAnswer| answer.options.iter().any(|option| option.number == rule.number);
        if said(&answer) {
            continue;
        }
        match if boots { Err(Omission::NetworkBoot) } else { rule.say(query) } {
            Ok(value) => answer.options.push(DhcpOption {
                number: rule.number,
                value,
                form: rule.value.form(),
                why: rule.source.clone(),
            }),
            Err(because) => answer.left_out.push(LeftOut { number: rule.number, because }),
        }
    }
    // What was said in another way is not left out.
    let DhcpAnswer { options, left_out } = &mut answer;
    left_out.retain(|left| options.iter().all(|option| option.number != left.number));
    answer
}

impl OptionRule {
    /// Whether a device that asks for it is likely to be a phone: everybody asks for 43, much equipment boots by 67 and
    /// 125, and who wants to know its VLAN need not want to be configured.
    pub(in super::super) fn marks_a_phone(&self) -> bool {
        !matches!(self.number, 43 | 67 | 125) && !self.value.names_the_vlan()
    }

    fn say(&self, query: &DhcpQuery<'_>) -> Result<Vec<u8>, Omission> {
        self.is_for(query)?;
        self.value.reaches(&self.asks_at, query)?;
        let mut value = self.value.say(query)?;
        value.extend(self.end_mark.then_some(255));
        match value.len() {
            length if length > self.longest => Err(Omission::TooLong { length, longest: self.longest }),
            _ => Ok(value),
        }
    }

    fn is_for(&self, query: &DhcpQuery<'_>) -> Result<(), Omission> {
        let gated = self.without_a_class || !self.classes.is_empty();
        let class = query.vendor_class.filter(|class| !class.is_empty());
        let is_theirs =
            class.map_or(self.without_a_class, |class| begins_with_one_of(&plain_class(class), &self.classes));
        if gated && !is_theirs {
            return Err(Omission::OtherClass(match self.classes.is_empty() {
                true => "none".into(),
                false => self.classes.join(" or "),
            }));
        }
        let in_user_class =
            |class: &[u8]| begins_with_one_of(&plain_class(first_user_class(class)), &self.user_classes);
        if !self.user_classes.is_empty() && !query.user_class.is_some_and(in_user_class) {
            return Err(Omission::OtherUserClass(self.user_classes.join(" or ")));
        }
        match (self.scheme, query.scheme) {
            (Some(UrlScheme::Http), Scheme::Https) => return Err(Omission::OtherScheme("http")),
            (Some(UrlScheme::Https), Scheme::Http) => return Err(Omission::OtherScheme("https")),
            _ => {}
        }
        if self.when_requested && query.requested.is_some_and(|requested| !requested.contains(&self.number)) {
            return Err(Omission::NotRequested);
        }
        Ok(())
    }
}

fn begins_with_one_of(class: &[u8], prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| class.starts_with(prefix.to_ascii_lowercase().as_bytes()))
}

/// RFC 3004 writes a length before each user class; many clients write the bare text.
fn first_user_class(sent: &[u8]) -> &[u8] {
    match sent {
        [length, rest @ ..] => rest.get(..usize::from(*length)).filter(|class| !class.is_empty()).unwrap_or(sent),
        [] => sent,
    }
}
