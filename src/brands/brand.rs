use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::class::{ClassRule, MacPrefix};
use super::dhcp::{self, DhcpAnswer, DhcpQuery, OptionRule};
use super::error::Error;
use super::escape::Format;
use super::manifest::{self, Manifest};
use super::notify::SipRules;
use super::pattern::Pattern;
use super::registry::Folder;
use super::render::Templates;

/// One brand of phones, read from its folder and checked.
#[derive(Debug)]
pub struct Brand {
    /// Name of its folder.
    pub id: String,
    /// Name as people write it.
    pub name: String,
    /// What its TLS can do.
    pub tls: Tls,
    /// Whether its phones ask by DHCPINFORM when their lease tells them nothing.
    pub asks_by_inform: bool,
    pub(super) user_agents: Vec<Regex>,
    pub(super) vendor_classes: Vec<ClassRule>,
    pub(super) mac_prefixes: Vec<MacPrefix>,
    pub(super) files: Vec<FileRule>,
    pub(super) templates: Templates,
    pub(super) sip_rules: SipRules,
    options: Vec<OptionRule>,
    accounts_of_unknown_model: usize,
    models: Vec<(String, usize)>,
    facts: Vec<Fact>,
}

/// What a brand's TLS can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Newest version that its newer firmware speaks, as `1.2`.
    pub newest: String,
    /// Whether phones come with a certificate of their own that names their MAC.
    pub client_certificate: bool,
    /// Whether a file can make it trust our CA.
    pub takes_our_ca: bool,
}

/// Something that `brand.toml` says, and how well it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: `user-agent …`, `file …`.
    pub what: String,
    /// Where it is known from.
    pub source: String,
    /// Whether the source is a record of what a real phone sent or took.
    pub seen_on_a_phone: bool,
}

/// A file that phones of a brand ask for.
#[derive(Debug, Clone)]
pub struct FileRule {
    /// Whose it is.
    pub kind: FileKind,
    /// When phones ask for it, lowest first; files with the same number replace each other.
    pub order: u8,
    pub(super) name: Pattern,
    pub(super) made: Option<Made>,
}

/// How a file is made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) template: String,
    pub(super) format: Format,
    pub(super) content_type: String,
}

impl FileRule {
    /// The name as `brand.toml` writes it, with its places in braces.
    pub fn name(&self) -> &str {
        self.name.written()
    }
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// One phone's, named by its MAC.
    Own,
    /// One for many phones; never holds a secret.
    Common,
    /// Asked for, and given to nobody.
    Withheld,
}

impl Brand {
    /// Reads and checks a folder.
    pub(super) fn read(folder: &Folder) -> Result<Self, Error> {
        let wrong = |what: String| Error::Manifest { brand: folder.id.clone(), what };
        let text = folder.files.get("brand.toml").ok_or_else(|| wrong("there is none".into()))?;
        let manifest: Manifest = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let facts = facts(&manifest);
        if let Some(fact) = facts.iter().find(|fact| fact.source.trim().is_empty()) {
            return Err(wrong(format!("{} has no source", fact.what)));
        }
        let files = manifest.file.iter().map(file_rule).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        check_files(&files).map_err(wrong)?;
        let user_agents = manifest
            .user_agent
            .iter()
            .map(|rule| user_agent(&rule.pattern))
            .collect::<Result<_, _>>()
            .map_err(wrong)?;
        let options = dhcp::check(&manifest.dhcp_option).map_err(wrong)?;
        let asks_for = options.iter().filter(|rule| rule.marks_a_phone()).map(|rule| rule.number).collect::<Vec<_>>();
        let mac_prefix = |rule| MacPrefix::read(rule, &asks_for);
        let mac_prefixes = manifest.mac_prefix.iter().map(mac_prefix).collect::<Result<_, _>>().map_err(wrong)?;
        let vendor_classes =
            manifest.vendor_class.iter().map(ClassRule::read).collect::<Result<_, _>>().map_err(wrong)?;
        if manifest.accounts.is_none() && files.iter().any(|rule| rule.made.is_some()) {
            return Err(wrong("files are made, and nothing says how many accounts a phone has".into()));
        }
        Ok(Self {
            id: folder.id.clone(),
            sip_rules: SipRules::read(&manifest).map_err(wrong)?,
            name: manifest.name,
            asks_by_inform: manifest.inform.is_some(),
            tls: Tls {
                newest: manifest.tls.newest,
                client_certificate: manifest.tls.client_certificate,
                takes_our_ca: manifest.tls.takes_our_ca,
            },
            user_agents,
            vendor_classes,
            mac_prefixes,
            templates: Templates::compile(folder, &files)?,
            files,
            options,
            accounts_of_unknown_model: manifest.accounts.map_or(0, |accounts| accounts.unknown_model),
            models: manifest
                .model
                .into_iter()
                .flat_map(|model| model.names.into_iter().map(move |name| (name, model.accounts)))
                .collect(),
            facts,
        })
    }

    /// The files that phones of this brand ask for, in `brand.toml`'s order.
    pub fn files(&self) -> &[FileRule] {
        &self.files
    }

    /// What `brand.toml` says, and how well it is known.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether any file is made for phones of this brand.
    pub fn makes_files(&self) -> bool {
        self.files.iter().any(|rule| rule.made.is_some())
    }

    /// The vendor classes that its phones send.
    pub fn vendor_classes(&self) -> &[ClassRule] {
        &self.vendor_classes
    }

    /// The hardware addresses that its phones have.
    pub fn mac_prefixes(&self) -> &[MacPrefix] {
        &self.mac_prefixes
    }

    /// The DHCP options that bring a phone of this brand to its configuration and, where a VLAN is to be told, into it.
    /// Nothing is ever cut: a value that does not fit is left out, with the reason.
    pub fn dhcp_options(&self, query: &DhcpQuery<'_>) -> DhcpAnswer {
        dhcp::answer(&self.options, query)
    }

    /// How many accounts a phone of this model has: those without a line are switched off.
    pub(super) fn accounts(&self, model: Option<&str>) -> usize {
        let known = |model: &str| self.models.iter().find(|(name, _)| name.eq_ignore_ascii_case(model));
        model.and_then(known).map_or(self.accounts_of_unknown_model, |(_, accounts)| *accounts)
    }
}

pub(super) fn user_agent(pattern: &str) -> Result<Regex, String> {
    // User-Agents are ASCII. With the classes of all of Unicode each of these takes ten times the memory.
    let regex = RegexBuilder::new(pattern).unicode(false).build().map_err(|error| error.to_string())?;
    if let Some(name) = regex.capture_names().flatten().find(|name| !matches!(*name, "model" | "firmware" | "mac")) {
        return Err(format!("user-agent {pattern}: {name} is none of model, firmware, mac"));
    }
    if regex.is_match(b"") {
        return Err(format!("user-agent {pattern} fits everything"));
    }
    Ok(regex)
}

fn file_rule(file: &manifest::File) -> Result<FileRule, String> {
    let name = Pattern::read(&file.name)?;
    let made = match (&file.template, file.format, &file.content_type) {
        (Some(template), Some(format), Some(content_type)) => {
            Some(Made { template: template.clone(), format, content_type: content_type.clone() })
        }
        (None, None, None) => None,
        _ => return Err(format!("file {}: template, format and content-type go together", file.name)),
    };
    match (file.kind, made.is_some(), name.names_a_mac()) {
        (FileKind::Withheld, true, _) => Err(format!("file {} is withheld and needs no template", file.name)),
        (FileKind::Own | FileKind::Common, false, _) => Err(format!("file {} needs a template", file.name)),
        (FileKind::Own, _, false) => Err(format!("file {} is one phone's and names no {{mac}}", file.name)),
        (FileKind::Common, _, true) => Err(format!("file {} is for many phones and names a {{mac}}", file.name)),
        _ => Ok(FileRule { kind: file.kind, order: file.order, name, made }),
    }
}

/// One template is one kind's and one format's, so that what it may hold never depends on who asks for it.
fn check_files(files: &[FileRule]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for rule in files {
        if !names.insert(rule.name().to_ascii_lowercase()) {
            return Err(format!("file {} stands twice", rule.name()));
        }
        let Some(made) = &rule.made else { continue };
        let differs = |other: &FileRule| {
            other.made.as_ref().is_some_and(|theirs| {
                theirs.template == made.template && (other.kind != rule.kind || theirs.format != made.format)
            })
        };
        if files.iter().any(differs) {
            return Err(format!("template {} serves files of two kinds or formats", made.template));
        }
    }
    Ok(())
}

fn facts(manifest: &Manifest) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |what: String, source: &str, seen_on_a_phone: bool| {
        facts.push(Fact { what, source: source.to_owned(), seen_on_a_phone });
    };
    for rule in &manifest.user_agent {
        add(format!("user-agent {}", rule.pattern), &rule.source, rule.seen_on_a_phone);
    }
    for rule in &manifest.vendor_class {
        let text = rule.exact.as_deref().or(rule.prefix.as_deref()).or(rule.suffix.as_deref()).unwrap_or("in binary");
        add(format!("vendor-class {text}"), &rule.source, rule.seen_on_a_phone);
    }
    for rule in &manifest.mac_prefix {
        add(format!("mac-prefix {}", rule.prefix), &rule.source, rule.seen_on_a_phone);
    }
    for rule in &manifest.dhcp_option {
        add(format!("dhcp-option {}", rule.number), &rule.source, rule.seen_on_a_phone);
    }
    for rule in &manifest.file {
        add(format!("file {}", rule.name), &rule.source, rule.seen_on_a_phone);
    }
    if let Some(accounts) = &manifest.accounts {
        add("accounts".into(), &accounts.source, accounts.seen_on_a_phone);
    }
    for rule in &manifest.model {
        add(format!("model {}", rule.names.join(", ")), &rule.source, rule.seen_on_a_phone);
    }
    for (what, notify) in [("resync", &manifest.resync), ("reboot", &manifest.reboot)] {
        if let Some(notify) = notify {
            add(format!("{what} {}", notify.event), &notify.source, notify.seen_on_a_phone);
        }
    }
    for rule in &manifest.notify_of {
        add(format!("notify-of {}", rule.models), &rule.source, rule.seen_on_a_phone);
    }
    if let Some(pnp) = &manifest.pnp {
        add("pnp".into(), &pnp.source, pnp.seen_on_a_phone);
    }
    if let Some(sip) = &manifest.sip {
        add("sip".into(), &sip.source, sip.seen_on_a_phone);
    }
    if let Some(inform) = &manifest.inform {
        add("inform".into(), &inform.source, inform.seen_on_a_phone);
    }
    add("tls".into(), &manifest.tls.source, manifest.tls.seen_on_a_phone);
    facts
}
