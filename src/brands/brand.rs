use regex::bytes::{Regex, RegexBuilder};

use super::class::{ClassRule, MacPrefix};
use super::context::Maps;
use super::dhcp::{self, DhcpAnswer, DhcpQuery, OptionRule};
use super::error::Error;
use super::file_rule::{self, FileRule};
use super::manifest::{self, Manifest};
use super::notify::SipRules;
use super::registry::Folder;
use super::render::Templates;

/// One brand of phones, read from its folder and checked.
#[derive(Debug)]
pub struct Brand {
    /// Name of its folder.
    pub id: String,
    /// Name as people write it.
    pub name: String,
    /// What its images are like, once known.
    pub firmware: Option<Images>,
    /// What its TLS can do.
    pub tls: Tls,
    /// Whether its phones can log in by HTTP; else the LAN is all the evidence that they ever give.
    pub logs_in: bool,
    /// Whether its phones ask by DHCPINFORM when their lease tells them nothing.
    pub asks_by_inform: bool,
    pub(super) user_agents: Vec<Regex>,
    pub(super) vendor_classes: Vec<ClassRule>,
    pub(super) mac_prefixes: Vec<MacPrefix>,
    pub(super) files: Vec<FileRule>,
    pub(super) templates: Templates,
    pub(super) sip_rules: SipRules,
    options: Vec<OptionRule>,
    pub(super) maps: Maps,
    unknown_model: Model,
    models: Vec<(String, Model)>,
    facts: Vec<Fact>,
}

/// What a brand's firmware images are like.
#[derive(Debug, Clone)]
pub struct Images {
    names: Vec<Regex>,
    /// So many numbers at the front of a release say which hardware it is for.
    pub hardware_numbers: usize,
    /// Phones ask for an image by the same name at every start, whatever release it holds, and take what is newer: it
    /// is given only to those who should have it.
    pub fixed_names: bool,
    /// Whether phones take an older release than they run.
    pub rollback: bool,
}

impl Images {
    /// Whether phones take an image of this name.
    pub fn takes(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.names.iter().any(|pattern| pattern.is_match(name.as_bytes()))
    }

    /// The names that phones take, as regular expressions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(Regex::as_str)
    }
}

/// What a model of phone has. Zero where that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    /// Accounts that can register.
    pub accounts: usize,
    /// Keys of the phone itself that can be given a task, pages included.
    pub keys: u16,
    /// Expansion modules that can be connected.
    pub modules: u8,
    /// Keys of one of them.
    pub module_keys: u16,
    /// Cordless handsets.
    pub handsets: u16,
    /// Analogue ports.
    pub ports: u16,
    /// Words of the brand's own that its templates ask for.
    pub traits: Vec<String>,
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
        let files = manifest.file.iter().map(file_rule::read).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        file_rule::check(&files).map_err(wrong)?;
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
        let sip_rules = SipRules::read(&manifest).map_err(wrong)?;
        let unknown_model = manifest.accounts.map(unknown_model).unwrap_or_default();
        let maps = Maps::new(manifest.maps);
        Ok(Self {
            id: folder.id.clone(),
            sip_rules,
            name: manifest.name,
            firmware: manifest.firmware.as_ref().map(images).transpose().map_err(wrong)?,
            asks_by_inform: manifest.inform.is_some(),
            tls: Tls {
                newest: manifest.tls.newest,
                client_certificate: manifest.tls.client_certificate,
                takes_our_ca: manifest.tls.takes_our_ca,
            },
            logs_in: manifest.http_login,
            user_agents,
            vendor_classes,
            mac_prefixes,
            templates: Templates::compile(folder, &files, &maps)?,
            maps,
            files,
            options,
            models: manifest
                .model
                .into_iter()
                .flat_map(|listed| {
                    let model = model(&listed, &unknown_model);
                    listed.names.into_iter().map(move |name| (name, model.clone()))
                })
                .collect(),
            unknown_model,
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

    /// What a phone of this model has; of a model that is not listed, what most have.
    pub fn model(&self, model: Option<&str>) -> &Model {
        let known = |model: &str| self.models.iter().find(|(name, _)| name.eq_ignore_ascii_case(model));
        model.and_then(known).map_or(&self.unknown_model, |(_, known)| known)
    }

    /// The models that it lists, by name.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Model)> {
        self.models.iter().map(|(name, model)| (name.as_str(), model))
    }
}

fn unknown_model(accounts: manifest::Accounts) -> Model {
    Model {
        accounts: accounts.unknown_model,
        keys: accounts.keys,
        modules: accounts.modules,
        module_keys: accounts.module_keys,
        handsets: accounts.handsets,
        ports: accounts.ports,
        traits: accounts.traits,
    }
}

fn model(listed: &manifest::Model, unknown: &Model) -> Model {
    Model {
        accounts: listed.accounts,
        keys: listed.keys.unwrap_or(unknown.keys),
        modules: listed.modules.unwrap_or(unknown.modules),
        module_keys: listed.module_keys.unwrap_or(unknown.module_keys),
        handsets: listed.handsets.unwrap_or(unknown.handsets),
        ports: listed.ports.unwrap_or(unknown.ports),
        traits: listed.traits.clone().unwrap_or_else(|| unknown.traits.clone()),
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

fn images(rule: &manifest::Firmware) -> Result<Images, String> {
    if rule.names.is_empty() {
        return Err("firmware has no names".into());
    }
    let names = rule.names.iter().map(|name| Regex::new(name).map_err(|error| error.to_string()));
    Ok(Images {
        names: names.collect::<Result<_, _>>()?,
        hardware_numbers: rule.hardware_numbers,
        fixed_names: rule.fixed_names,
        rollback: rule.rollback,
    })
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
    for (name, map) in &manifest.maps {
        add(format!("map {name}"), &map.source, map.seen_on_a_phone);
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
    if let Some(firmware) = &manifest.firmware {
        add(format!("firmware {}", firmware.names.join(", ")), &firmware.source, firmware.seen_on_a_phone);
    }
    if let Some(inform) = &manifest.inform {
        add("inform".into(), &inform.source, inform.seen_on_a_phone);
    }
    add("tls".into(), &manifest.tls.source, manifest.tls.seen_on_a_phone);
    facts
}
