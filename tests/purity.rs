//! Decisions hold no door, no disk and no clock: the modules that decide are parsed, and every path that they name
//! must be on their list. And nothing outside the brand folders knows a brand by name.

#![allow(clippy::unwrap_used)] // A test that cannot read the source has failed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// What any pure module may name: data, text and arithmetic. Clocks, threads, files, sockets and the environment
/// are not on it, so naming them fails.
const COMMON: &[&str] = &[
    "crate::access",
    "crate::brands",
    "crate::model",
    "crate::sys::hex",
    "schemars",
    "serde",
    "serde_json",
    "std::array",
    "std::borrow",
    "std::cmp",
    "std::collections",
    "std::fmt",
    "std::hash",
    "std::iter",
    "std::mem::discriminant",
    "std::mem::replace",
    "std::mem::size_of",
    "std::mem::swap",
    "std::mem::take",
    "std::net::AddrParseError",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::num",
    "std::ops",
    "std::path::Path",
    "std::str",
    "std::sync::Arc",
    "std::sync::LazyLock",
    "std::time::Duration",
    "thiserror",
];

/// Each pure module, and what it may name besides.
const PURE: &[(&str, &[&str])] = &[
    ("admin/accounts/register.rs", &["crate::admin", "aws_lc_rs::digest"]),
    ("admin/accounts/role.rs", &[]),
    ("admin/accounts/totp.rs", &["crate::sys::percent", "totp_rs"]),
    (
        "admin/table",
        &[
            "crate::admin",
            "crate::backup::About",
            "crate::firmware",
            "crate::outlets::Settings",
            "crate::rehearsal::Rehearsal",
            "crate::sip",
            "crate::steward",
            "hyper::Method",
        ],
    ),
    ("model", &["time::OffsetDateTime", "time::format_description", "toml::from_str", "zeroize"]),
    ("access", &[]),
    (
        "brands",
        &[
            "base64::Engine",
            "base64::engine",
            "include_dir",
            "minijinja",
            "regex",
            "std::error::Error",
            "std::panic",
            "toml",
        ],
    ),
    ("config/custom.rs", &["toml"]),
    ("dhcp/coexistence", &["crate::config", "crate::dhcp"]),
    ("dhcp/engine", &["crate::config", "crate::dhcp", "dhcproto::v4", "ipnet"]),
    ("dhcp/export", &["crate::dhcp"]),
    ("dhcp/knowledge.rs", &["crate::dhcp"]),
    ("dhcp/lease_file.rs", &[]),
    ("dhcp/options.rs", &["crate::dhcp"]),
    ("dhcp/players.rs", &["crate::dhcp"]),
    ("dhcp/question.rs", &["crate::dhcp"]),
    ("dhcp/reply.rs", &["crate::dhcp", "dhcproto"]),
    ("dhcp/request.rs", &["crate::dhcp", "dhcproto"]),
    ("dhcp/server_id.rs", &[]),
    ("dhcp/sightings.rs", &[]),
    ("dhcp/told.rs", &["crate::dhcp"]),
    ("firmware/catalogue.rs", &["crate::firmware"]),
    ("firmware/rollout", &["crate::firmware"]),
    ("firmware/version.rs", &[]),
    ("http/path.rs", &[]),
    ("http/range.rs", &[]),
    ("journal/fold.rs", &[]),
    ("journal/journey.rs", &[]),
    ("partners/bria/answer.rs", &[]),
    ("partners/bria/build.rs", &[]),
    ("partners/bria/discovery.rs", &[]),
    ("partners/bria/form.rs", &[]),
    ("partners/bria/guard.rs", &[]),
    ("partners/bria/known.rs", &[]),
    ("partners/bria/mobile.rs", &["crate::partners::xml", "quick_xml", "std::io::Result"]),
    ("partners/bria/prepared.rs", &[]),
    ("partners/bria/setting.rs", &[]),
    ("partners/bria/settings.rs", &[]),
    ("partners/bria/template.rs", &["minijinja", "std::error::Error"]),
    ("partners/bria/token.rs", &["aws_lc_rs::constant_time", "aws_lc_rs::hmac"]),
    ("partners/bria/user.rs", &["minijinja::Value", "minijinja::context"]),
    ("partners/innovaphone/app.rs", &[]),
    ("partners/innovaphone/backoff.rs", &[]),
    ("partners/innovaphone/compact.rs", &[]),
    ("partners/innovaphone/configuration.rs", &[]),
    ("partners/innovaphone/digest.rs", &["aws_lc_rs::constant_time", "aws_lc_rs::digest"]),
    ("partners/innovaphone/frame.rs", &[]),
    ("partners/innovaphone/heard.rs", &[]),
    ("partners/innovaphone/map.rs", &[]),
    ("partners/innovaphone/services.rs", &[]),
    ("partners/innovaphone/settings.rs", &["ipnet"]),
    ("partners/innovaphone/sysclient.rs", &[]),
    ("partners/stretto/attribute.rs", &["crate::partners"]),
    ("partners/stretto/csv.rs", &["csv"]),
    ("partners/stretto/plan.rs", &[]),
    ("partners/stretto/push.rs", &[]),
    ("partners/stretto/request.rs", &["crate::partners::xml", "crate::sys::percent"]),
    ("partners/stretto/settings.rs", &[]),
    ("partners/xml.rs", &["quick_xml"]),
    ("partners/yealink_rps/plan.rs", &[]),
    ("partners/yealink_rps/rest.rs", &["aws_lc_rs::hmac", "base64::Engine", "base64::engine", "md5"]),
    ("partners/yealink_rps/settings.rs", &[]),
    ("partners/yealink_rps/xmlrpc.rs", &["quick_xml"]),
    ("partners/yealink_rps/ymcs.rs", &[]),
    ("pki/leaf.rs", &["crate::pki"]),
    ("outlets/message.rs", &[]),
    ("sip/address.rs", &["crate::sip"]),
    ("sip/digest.rs", &["aws_lc_rs::digest", "crate::sip", "md5"]),
    ("sip/notify", &["crate::sip"]),
    ("sip/pnp.rs", &["crate::sip"]),
    ("sip/presence.rs", &[]),
    ("sip/transaction", &["crate::sip"]),
    ("sip/wire", &["crate::sip", "rsip"]),
    ("sntp/reply.rs", &[]),
    ("tftp/netascii.rs", &[]),
    ("sys/hex.rs", &[]),
    ("sys/percent.rs", &[]),
    ("tftp/terms.rs", &["crate::tftp"]),
    ("tftp/window.rs", &[]),
    ("tftp/wire.rs", &[]),
];

/// Names at the end of a path that read a clock, randomness or the environment whatever they hang on.
const NEVER: &[&str] = &["elapsed", "now", "now_local", "now_utc", "read_to_string", "var", "vars"];

const BRANDS: &[&str] = &[
    "aastra",
    "akuvox",
    "audiocodes",
    "avaya",
    "bria",
    "cisco",
    "fanvil",
    "gigaset",
    "grandstream",
    "htek",
    "innovaphone",
    "linksys",
    "mitel",
    "obihai",
    "panasonic",
    "polycom",
    "snom",
    "yealink",
];

#[test]
fn pure_modules_name_only_what_is_on_their_list() {
    let mut faults = Vec::new();
    for (module, more) in PURE {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
        let files = rust_files(&root);
        assert!(!files.is_empty(), "src/{module} has no source: is it still where this test looks?");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for fault in faults_of(&text, more) {
                faults.push(format!("{}: {fault}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_check_finds_what_it_must() {
    let impure = [
        "fn f() { std::time::Instant::now(); }",
        "use std::time; fn f() -> time::Instant { time::Instant::now() }",
        "use std::time::{Duration, SystemTime};",
        "use std::*;",
        "use std::env;",
        "fn f() { let _ = std::env::var(\"HOME\"); }",
        "use std as s;",
        "use tokio::net::UdpSocket;",
        "fn f() { sled::open(\"x\"); }",
        "use std::net::UdpSocket;",
        "async fn f() {}",
        "fn f() { let _ = async {}; }",
        "use time::OffsetDateTime; fn f() { OffsetDateTime::now_utc(); }",
        "fn f(t: T) { t.elapsed(); }",
        "use crate::store::Store;",
        "fn f() { println!(\"{}\", std::fs::read_to_string(\"x\").unwrap()); }",
        "fn f() { tracing::info!(\"x\"); }",
        "fn f() -> &'static str { std::env!(\"HOME\") }",
    ];
    for source in impure {
        assert!(!faults_of(source, &["time::OffsetDateTime"]).is_empty(), "not found: {source}");
    }
    let pure = "use std::time::Duration; use super::Mac; use crate::model::{Now, Phone};
        fn f(now: Now) -> Option<Duration> { Some(Duration::from_secs(1)) }
        #[cfg(test)] mod tests { use std::time::Instant; fn t() { Instant::now(); } }";
    assert_eq!(faults_of(pure, &[]), Vec::<String>::new());
}

#[test]
fn no_brand_is_named_outside_the_brand_folders() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names: BTreeSet<String> = BRANDS.iter().map(|&name| name.to_owned()).collect();
    for entry in std::fs::read_dir(source.join("brands")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("brand.toml").exists() {
            names.insert(path.file_name().unwrap().to_string_lossy().to_lowercase());
        }
    }
    assert!(names.contains("yealink"), "the first brand folder is gone");
    let mut faults = Vec::new();
    for file in all_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        if ["brands", "phonesim", "partners"].iter().any(|folder| inside.starts_with(folder)) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for (number, line) in text.to_lowercase().lines().enumerate() {
            // A path names a folder, as tests do that read its sources.
            let line = line.split("src/partners/").enumerate().map(|(part, text)| match part {
                0 => text,
                _ => text.split_once('/').map_or("", |(_, rest)| rest),
            });
            let line = line.collect::<Vec<_>>().join(" ");
            let words: BTreeSet<&str> = line.split(|c: char| !c.is_alphanumeric()).collect();
            for name in names.iter().filter(|name| words.contains(name.as_str())) {
                faults.push(format!("src/{}:{}: {name}", inside.display(), number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults_of(source: &str, more: &[&str]) -> Vec<String> {
    let file = syn::parse_file(source).unwrap();
    let modules = declared(&file).map(|module| module.ident.to_string()).collect();
    let mut looker = Looker { more, modules, faults: Vec::new() };
    looker.visit_file(&file);
    looker.faults
}

fn declared(file: &syn::File) -> impl Iterator<Item = &syn::ItemMod> {
    file.items.iter().filter_map(|item| if let syn::Item::Mod(module) = item { Some(module) } else { None })
}

struct Looker<'a> {
    more: &'a [&'a str],
    /// Modules that the file declares: their names hide crates of the same name.
    modules: BTreeSet<String>,
    faults: Vec<String>,
}

impl Looker<'_> {
    fn name(&mut self, segments: &[String]) {
        let path = segments.join("::");
        let first = segments.first().map(String::as_str).unwrap_or_default();
        let own = self.modules.contains(first);
        let outside = matches!(first, "std" | "core" | "alloc" | "crate") || is_crate(first) && !own;
        let listed = |allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
        if outside && !COMMON.iter().chain(self.more).any(|allowed| listed(allowed)) {
            self.faults.push(format!("names {path}"));
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| NEVER.contains(&last.as_str())) {
            self.faults.push(format!("calls {path}"));
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) if name.ident == "self" => self.name(before),
            syn::UseTree::Name(name) => self.name(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.name(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.name(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
        }
    }
}

/// Crates of the manifest: the first segment of a path that leaves the project.
fn is_crate(name: &str) -> bool {
    const MANIFEST: &str = include_str!("../Cargo.toml");
    let spelled = name.replace('_', "-");
    let names = [name, spelled.as_str()];
    MANIFEST.lines().any(|line| line.split_once([' ', '=']).is_some_and(|(key, _)| names.contains(&key)))
        && !matches!(name, "name" | "version" | "edition" | "description" | "license" | "readme" | "publish")
}

impl<'ast> Visit<'ast> for Looker<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.name(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if NEVER.contains(&call.method.to_string().as_str()) {
            self.faults.push(format!("calls .{}()", call.method));
        }
        visit::visit_expr_method_call(self, call);
    }

    /// The arguments of `format!`, `matches!` and their like are expressions, which are looked at as such.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = item.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if signature.asyncness.is_some() {
            self.faults.push(format!("async fn {}", signature.ident));
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {
        self.faults.push("an async block".into());
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn all_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
    entries.iter().flat_map(|entry| all_files(&entry.path())).collect()
}

/// The module's files without those that are there for tests only.
fn rust_files(path: &Path) -> Vec<PathBuf> {
    let sources: Vec<PathBuf> = all_files(path)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    let mut for_tests = BTreeSet::new();
    for source in &sources {
        let file = syn::parse_file(&std::fs::read_to_string(source).unwrap()).unwrap();
        for module in declared(&file).filter(|module| is_test(&module.attrs)) {
            for_tests.insert(source.with_file_name(format!("{}.rs", module.ident)));
        }
    }
    sources.into_iter().filter(|source| !for_tests.contains(source)).collect()
}
