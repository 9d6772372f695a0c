//! A brand that does not exist, given to the registry as a folder in memory: what a folder may say, and what is
//! refused.

use std::collections::BTreeMap;

use block66::brands::{Brand, Claims, Content, Error, FileMatch, Folder, Registry, Rendered, Sheet, Unfit};
use block66::model::settings::{Level, Override, Resolved};
use block66::model::{BoxAddress, Mac, Settings};

use crate::sheets::{login, organisation, phone, sheet};

pub(crate) const MANIFEST: &str = r#"
name = "Toy"

[[user-agent]]
pattern = '^Toy/(?P<model>\w+) (?P<firmware>\S+)$'
source = "made up"
seen-on-a-phone = false

[[vendor-class]]
prefix = "Toy"
source = "made up"
seen-on-a-phone = false

[[mac-prefix]]
prefix = "02:00:01"
phones-only = true
source = "made up"
seen-on-a-phone = false

[[mac-prefix]]
prefix = "02:00:02"
phones-only = false
source = "made up"
seen-on-a-phone = false

[[dhcp-option]]
number = 66
value = { text = "{host}" }
source = "made up"
seen-on-a-phone = false

[[dhcp-option]]
number = 159
value = { text = "{url}" }
source = "made up"
seen-on-a-phone = false

[[file]]
name = "toy{mac}.xml"
kind = "own"
template = "own.xml"
format = "xml"
content-type = "text/xml"
order = 1
source = "made up"
seen-on-a-phone = false

[[file]]
name = "toy{code:2}.txt"
kind = "common"
template = "common.txt"
format = "key-value"
content-type = "text/plain"
order = 1
source = "made up"
seen-on-a-phone = false

[accounts]
unknown-model = 4
source = "made up"
seen-on-a-phone = false

[tls]
newest = "1.3"
client-certificate = false
takes-our-ca = true
source = "made up"
seen-on-a-phone = false
"#;

pub(crate) const OWN: &str = r#"<?xml version="1.0"?>
<toy mac="{{ phone.mac }}">{% for line in lines %}<line name="{{ line.display }}">{{ line.password }}</line>{% endfor %}
</toy>
"#;

pub(crate) fn folder(manifest: &str, own: &str) -> Folder {
    let files = [
        ("brand.toml", manifest),
        ("templates/own.xml", own),
        ("templates/common.txt", "server = {{ provisioning_url }}\n"),
    ];
    let files: BTreeMap<_, _> = files.map(|(name, text)| (name.to_owned(), text.to_owned().into())).into();
    Folder { id: "toy".into(), files }
}

/// The built-in brands and the toy: nothing else was edited.
fn registry() -> Registry {
    let mut folders = Folder::built_in();
    folders.push(folder(MANIFEST, OWN));
    Registry::load(&folders).expect("all folders")
}

pub(crate) fn refused(manifest: &str, own: &str) -> String {
    Registry::load(&[folder(manifest, own)]).expect_err("a bad folder").to_string()
}

fn render_own(own: &str) -> Result<Rendered, Error> {
    let registry = Registry::load(&[folder(MANIFEST, own)]).expect("the toy");
    let mut phone = phone(2);
    phone.lines[0].display = "A <b> & \"c\"".into();
    let FileMatch::Served { brand, rule, .. } = registry.file("toy805ec0123456.xml") else { panic!("not served") };
    brand.render(rule, &sheet(Content::Full, &phone, &organisation(), &login()))
}

#[test]
fn a_new_folder_is_a_new_brand() {
    let registry = registry();
    let toy: &Brand = registry.brand("toy").expect("the toy");
    let found = registry.recognise(&Claims { user_agent: Some("Toy/X1 2.0"), ..Claims::default() }).expect("known");
    assert_eq!(
        (found.brand.id.as_str(), found.model.as_deref(), found.firmware.as_deref()),
        ("toy", Some("X1"), Some("2.0"))
    );
    let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 443 };
    let told = |at: &BoxAddress| toy.dhcp_options(&crate::options::query(at)).into_values();
    assert_eq!(told(&at), [(66, b"10.66.0.1".to_vec()), (159, b"http://10.66.0.1/p/".to_vec())]);
    let v6 = BoxAddress { host: "fd00::1".parse().expect("an address"), ..at };
    assert_eq!(told(&v6)[0].1, b"fd00::1");
    let FileMatch::Served { brand, places, .. } = registry.file("TOY07.TXT") else { panic!("not served") };
    assert_eq!((brand.id.as_str(), places.code.as_deref(), places.mac), ("toy", Some("07"), None));
}

#[test]
fn a_mac_prefix_alone_is_a_phone_only_where_its_folder_says_so() {
    let registry = registry();
    let asks = |mac, requested: &'static [u8], class: Option<&'static [u8]>| {
        let claims = Claims { mac: Some(Mac::new(mac)), requested, vendor_class: class, user_agent: None };
        registry.recognise(&claims).map(|found| found.phone)
    };
    assert_eq!(asks([2, 0, 1, 9, 9, 9], &[], None), Some(true));
    assert_eq!(asks([2, 0, 2, 9, 9, 9], &[1, 3, 6], None), Some(false));
    assert_eq!(asks([2, 0, 2, 9, 9, 9], &[1, 3, 6, 159], None), Some(true));
    assert_eq!(asks([2, 0, 3, 9, 9, 9], &[66], None), None);
    // Classes end with NULs, and come in any case.
    assert_eq!(asks([2, 0, 2, 9, 9, 9], &[], Some(b"tOy phone\0\0")), Some(true));
    // Whatever boots from the network is not a phone at that moment.
    assert_eq!(asks([2, 0, 1, 9, 9, 9], &[66], Some(b"PXEClient:Arch:00007")), Some(false));
    assert_eq!(asks([2, 0, 1, 9, 9, 9], &[66], Some(b"HTTPClient:Arch:00016")), Some(false));
}

#[test]
fn xml_is_escaped() {
    let bytes = render_own(OWN).expect("rendered").bytes;
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(text.contains("name=\"A &lt;b&gt; &amp; &quot;c&quot;\""), "{text}");
    assert_well_formed(&text);
}

/// The template asks, the sheet has it, and still a file for many phones holds no secret.
#[test]
fn a_common_file_is_given_nothing_to_leak() {
    let mut toy = folder(MANIFEST, OWN);
    let greedy = "x{% if login %}{{ login.password }}{% endif %}{% for line in lines %}{{ line.password }}{% endfor %}";
    let greedier = format!("{greedy}{{% if phone %}}{{{{ phone.mac }}}}{{% endif %}}");
    toy.files.insert("templates/common.txt".into(), greedier.into());
    let registry = Registry::load(&[toy]).expect("the toy");
    let FileMatch::Served { brand, rule, .. } = registry.file("toy01.txt") else { panic!("not served") };
    let (phone, organisation, login) = (phone(2), organisation(), login());
    let rendered = brand.render(rule, &sheet(Content::Full, &phone, &organisation, &login)).expect("rendered");
    assert_eq!(rendered.bytes, b"x");
}

#[test]
fn what_a_folder_may_not_say_is_refused() {
    for (from, to, said) in [
        ("name = \"Toy\"", "name = \"Toy\"\ncolour = 1", "colour"),
        ("{host}", "{hots}", "{hots}"),
        ("phones-only = true", "phones-only = 1", "phones-only"),
        ("prefix = \"02:00:01\"", "prefix = \"02:00\"", "02:00"),
        ("prefix = \"Toy\"", "prefix = \"\"", "fit too much"),
        ("(?P<model>", "(?P<size>", "size"),
        ("'^Toy/", "'(^Toy/", "unclosed"),
        ("{code:2}", "{colour}", "{colour}"),
        ("toy{mac}.xml", "toy.xml", "names no {mac}"),
        ("toy{code:2}.txt", "toy{mac}.txt", "names a {mac}"),
        ("kind = \"common\"", "kind = \"withheld\"", "nothing is made"),
        ("kind = \"common\"", "kind = \"resource\"", "nothing is made"),
        ("kind = \"common\"", "kind = \"common\"\nlargest = 9", "largest says nothing"),
        ("kind = \"own\"", "kind = \"own\"\nwithout-mac = true", "says that it does not"),
        ("template = \"common.txt\"", "template = \"own.xml\"", "two kinds"),
        ("template = \"common.txt\"", "template = \"missing.txt\"", "missing.txt"),
        ("content-type = \"text/plain\"", "", "go together"),
        ("source = \"made up\"", "source = \" \"", "no source"),
    ] {
        let said_so = refused(&MANIFEST.replacen(from, to, 1), OWN);
        assert!(MANIFEST.contains(from) && said_so.contains(said), "{to}: {said_so}");
    }
    let twice = [folder(MANIFEST, OWN), folder(MANIFEST, OWN)];
    assert!(Registry::load(&twice).expect_err("two toys").to_string().contains("two of this name"));
    assert!(Registry::load(&[Folder { id: "empty".into(), files: BTreeMap::new() }]).is_err());
}

#[test]
fn a_bad_template_is_refused_with_its_line() {
    let said = refused(MANIFEST, "<toy>\n{% for line in lines %}\n</toy>\n");
    assert!(said.contains("templates/own.xml line"), "{said}");
    let said = refused(MANIFEST, "<toy>\n{{ pasword }}\n</toy>\n");
    assert!(said.contains("templates/own.xml line 2") && said.contains("pasword"), "{said}");
}

#[test]
fn a_template_cannot_get_round_the_format() {
    for (own, said) in [
        ("{% autoescape false %}{{ phone.name }}{% endautoescape %}", "escaping"),
        ("{{ phone }}", "cannot be written"),
        ("{{ none }}", "cannot be written"),
        ("{{ lines[0].colour }}", "undefined"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", "fuel"),
    ] {
        let error = render_own(own).expect_err(own);
        assert!(matches!(error, Error::Template { line: Some(1), .. }) && error.to_string().contains(said), "{error}");
    }
    // Neither a filter nor a joined text gets a value past its check.
    for own in ["{{ lines[0].display|safe }}", "{{ \"\" ~ lines[0].display }}", "{{ lines[0].display }}"] {
        let text = String::from_utf8(render_own(own).expect(own).bytes).expect("UTF-8");
        assert_eq!(text, "A &lt;b&gt; &amp; &quot;c&quot;", "{own}");
    }
    // What the engine says while a template runs may quote a value: it is left out.
    let error = render_own("{% include \"\" ~ lines[1].password %}").expect_err("no such template");
    assert!(!format!("{error} {error:?}").contains(crate::sheets::LINE_PASSWORD), "{error}");
    let error = render_own("{{ \"a\\nb\" }}").expect_err("a line break");
    assert!(error.to_string().contains(&Unfit::Control.to_string()), "{error}");
}

/// Checks what XML 1.0 asks of a document, as far as our templates use it: one root, every element closed, attributes
/// quoted and unique, nothing bare that must be escaped.
pub(crate) fn assert_well_formed(text: &str) {
    let mut open = Vec::new();
    let mut roots = 0;
    let mut rest = text.trim();
    while let Some(at) = rest.find('<') {
        assert!(at == 0 || !open.is_empty() || rest[..at].trim().is_empty(), "text outside the root: {}", &rest[..at]);
        assert_entities(&rest[..at]);
        let end = rest.find('>').unwrap_or_else(|| panic!("a tag has no end: {rest}"));
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.starts_with("!--") {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim().to_owned()), "closed out of turn");
            continue;
        }
        let body = tag.trim_end_matches('/');
        let (name, attributes) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
        assert!(name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_'), "<{name}>");
        assert_attributes(attributes);
        roots += usize::from(open.is_empty());
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && roots == 1 && rest.trim().is_empty(), "{roots} roots, open: {open:?}, left: {rest}");
}

fn assert_attributes(attributes: &str) {
    let mut seen = std::collections::BTreeSet::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, tail) = rest.split_once('=').unwrap_or_else(|| panic!("an attribute has no value: {rest}"));
        let quote =
            tail.chars().next().filter(|c| matches!(c, '"' | '\'')).unwrap_or_else(|| panic!("unquoted: {tail}"));
        let (value, tail) = tail[1..].split_once(quote).unwrap_or_else(|| panic!("unended: {tail}"));
        assert!(seen.insert(name.trim()), "{name} stands twice");
        assert!(!value.contains('<'));
        assert_entities(value);
        rest = tail.trim_start();
    }
}

fn assert_entities(text: &str) {
    for after in text.split('&').skip(1) {
        let entity = after.split(';').next().unwrap_or_default();
        let known = matches!(entity, "amp" | "lt" | "gt" | "quot" | "apos") || entity.starts_with('#');
        assert!(known && after.contains(';'), "&{entity}");
    }
}

#[test]
fn the_check_for_well_formed_xml_can_fail() {
    assert_well_formed("<?xml version=\"1.0\"?>\n<a b=\"c\"><d/>e &amp; f</a>");
    for broken in
        ["<a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a b=\"1\" b=\"2\"/>", "<a>&nbsp;</a>", "x<a/>", "<a b=\"</a>"]
    {
        assert!(std::panic::catch_unwind(|| assert_well_formed(broken)).is_err(), "{broken}");
    }
}

/// What `setting` and the rest of the words write, from a toy with settings of its own.
#[test]
fn settings_are_written_where_there_are_some() {
    let manifest = MANIFEST.replacen(
        "template = \"own.xml\"",
        "template = \"own.xml\"\nsetting = '<p name=\"{name}\" value=\"{value}\"/>'",
        1,
    ) + "[maps.language]\ndefault = \"english\"\nsource = \"made up\"\nseen-on-a-phone = false\n\
           [maps.language.to]\nde = \"german\"\n";
    let own = "<toy>\n\
        {{ setting(\"language\", maps.language[regional.language]) -}}\n\
        {{ setting(\"waiting\", features.call_waiting | flag(\"on\", \"off\")) -}}\n\
        {{ setting(\"light\", screen.backlight | percent_of(10, 1)) -}}\n\
        {{ setting(\"vlan\", network.voice_vlan) -}}\n\
        {{ setting(\"title\", screen.title) -}}\n\
        {% for line in lines %}{% include \"line.xml\" %}{% endfor %}\n\
        {{ write_overrides() -}}\n\
        </toy>\n";
    let mut toy = folder(&manifest, own);
    toy.files.insert("templates/line.xml".into(), "{{ setting(\"user.\" ~ line.number, line.user) -}}".into());
    let registry = Registry::load(&[toy]).expect("the toy");
    let FileMatch::Served { brand, rule, .. } = registry.file("toy805ec0123456.xml") else { panic!("not served") };
    let mut settings = Settings::NONE;
    for (key, text) in [
        ("regional.language", "de-AT"),
        ("features.call_waiting", "no"),
        ("screen.backlight", "100"),
        ("screen.title", "A \"<b>\""),
    ] {
        settings.set_text(key, text).expect(key);
    }
    let raw = |name: &str, value: &str| Override { brand: "toy".into(), name: name.into(), value: value.into() };
    settings.overrides = vec![raw("light", "7"), raw("own", "</toy>")];
    let (organisation, login) = (organisation(), login());
    let phone = phone(1);
    let made = |settings: &Settings, content| {
        let resolved = Resolved::of([(Level::Phone, settings)]);
        let sheet = Sheet { settings: &resolved, ..sheet(content, &phone, &organisation, &login) };
        brand.render(rule, &sheet).map(|made| String::from_utf8(made.bytes).expect("UTF-8"))
    };
    assert_eq!(
        made(&settings, Content::Full).expect("made"),
        "<toy>\n\
         <p name=\"language\" value=\"german\"/>\n\
         <p name=\"waiting\" value=\"off\"/>\n\
         <p name=\"title\" value=\"A &quot;&lt;b&gt;&quot;\"/>\n\
         <p name=\"user.1\" value=\"201\"/>\n\
         <p name=\"light\" value=\"7\"/>\n\
         <p name=\"own\" value=\"&lt;/toy&gt;\"/>\n\
         </toy>\n"
    );
    let first = made(&settings, Content::FirstContact).expect("made");
    assert_eq!(first, "<toy>\n<p name=\"language\" value=\"english\"/>\n</toy>\n", "nothing is told yet");
    settings.overrides = vec![raw("a\" b=\"c", "1")];
    let error = made(&settings, Content::Full).expect_err("a name that ends early").to_string();
    assert!(error.contains("a\" b=\"c") && error.contains("no name"), "{error}");
}

#[test]
fn a_misspelt_setting_map_or_part_is_found_when_the_folder_is_read() {
    for (own, said) in [
        ("<toy>\n{{ regional.tongue }}\n</toy>\n", "line 2: nothing is called regional.tongue"),
        ("<toy>{{ maps.tongues[regional.language] }}</toy>\n", "nothing is called maps.tongues"),
        ("<toy>{{ lnes }}</toy>\n", "nothing is called lnes"),
    ] {
        assert!(refused(MANIFEST, own).contains(said), "{}", refused(MANIFEST, own));
    }
    let mut toy = folder(MANIFEST, OWN);
    toy.files.insert("templates/part.ini".into(), "x".into());
    let error = Registry::load(&[toy]).expect_err("a part of nothing").to_string();
    assert!(error.contains("part.ini") && error.contains("extension"), "{error}");
    for (from, to, said) in [
        ("order = 1\n", "order = 1\nsetting = \"x\"\n", "places for"),
        ("[tls]", "[maps.x]\nto = { a = 1.5 }\nsource = \"made up\"\nseen-on-a-phone = false\n[tls]", "did not match"),
    ] {
        let error = refused(&MANIFEST.replacen(from, to, 1), OWN);
        assert!(error.contains(said), "{to}: {error}");
    }
}
