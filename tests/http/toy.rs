//! A brand that does not exist, with files of every kind.

use std::sync::{Arc, LazyLock};

use block66::brands::{Folder, Registry};

pub(crate) const AGENT: &str = "Toy/X1 2.0 80:5e:c0:00:00:01";

const MANIFEST: &str = r#"
name = "Toy"

[[user-agent]]
pattern = '^Toy/(?P<model>\w+) (?P<firmware>\S+)(?: (?P<mac>\S+))?$'
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

const FILES: [(&str, &str); 10] = [
    ("toy{mac}", r#"kind = "redirect""#),
    ("toy{mac}.txt", r#"kind = "own", template = "own.txt""#),
    ("toy.txt", r#"kind = "own", without-mac = true, template = "own.txt""#),
    ("toy{mac}-open.txt", r#"kind = "own", secret = false, template = "open.txt""#),
    ("toy-{type}-{id}.xml", r#"kind = "book", search = "term", template = "book.xml""#),
    ("toy-all.xml", r#"kind = "book", template = "book.xml""#),
    ("toy/media/{file}", r#"kind = "resource", holds = ["wallpaper", "ringtone"]"#),
    ("toy/xml/{file}", r#"kind = "resource", holds = ["xml"]"#),
    ("toy{mac}-local.txt", r#"kind = "upload", largest = 1000"#),
    ("toy{mac}.log", r#"kind = "upload", given-back = false, largest = 1000"#),
];

const TEMPLATES: [(&str, &str); 3] = [
    (
        "own.txt",
        "{% for line in lines %}{{ line.user }} = {{ line.password }}\n{% endfor %}{% if login %}login = {{ login.password }}\n{% endif %}url = {{ provisioning_url }}\n",
    ),
    ("open.txt", "{% for line in lines %}{{ line.user }} = open\n{% endfor %}url = {{ provisioning_url }}\n"),
    (
        "book.xml",
        "<book name=\"{{ book.name }}\" of=\"{{ book.number }}\">{% for contact in book.contacts %}<entry name=\"{{ contact.name }}\">{{ contact.numbers[0] }}</entry>{% endfor %}</book>\n",
    ),
];

/// The built-in brands and the toy, read once.
pub(crate) fn registry() -> Arc<Registry> {
    static READ: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(read()));
    Arc::clone(&READ)
}

fn read() -> Registry {
    let files = FILES.map(|(name, more)| {
        let format = match more.split("template = \"").nth(1).and_then(|rest| rest.split('"').next()) {
            Some(template) if template.ends_with(".xml") => ", format = \"xml\", content-type = \"text/xml\"",
            Some(_) => ", format = \"key-value\", content-type = \"text/plain\"",
            None => "",
        };
        format!("{{ name = \"{name}\", {more}{format}, order = 1, source = \"made up\", seen-on-a-phone = false }}")
    });
    let manifest = format!("file = [{}]\n{MANIFEST}", files.join(", "));
    let templates = TEMPLATES.map(|(name, text)| (format!("templates/{name}"), text.to_owned().into()));
    let mut folders = Folder::built_in();
    let files = [("brand.toml".to_owned(), manifest.into())].into_iter().chain(templates).collect();
    folders.push(Folder { id: "toy".into(), files });
    Registry::load(&folders).unwrap()
}
