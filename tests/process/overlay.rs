//! Brand folders of an administrator's own, given to the built binary.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use md5::{Digest, Md5};

use crate::service::Service;

const MANIFEST: &str = r#"
name = "Toy"
file = [
    { name = "toy{code:2}.txt", kind = "common", template = "common.txt", format = "key-value",
      content-type = "text/plain", order = 1, source = "made up", seen-on-a-phone = false },
    { name = "toy{mac}.txt", kind = "own", template = "own.txt", format = "key-value",
      content-type = "text/plain", order = 2, source = "made up", seen-on-a-phone = false },
]
[[user-agent]]
pattern = '^Toy/(?P<model>\w+)'
source = "made up"
seen-on-a-phone = false
[[dhcp-option]]
number = 66
value = { text = "toy:{host}" }
source = "made up"
seen-on-a-phone = false
[accounts]
unknown-model = 2
source = "made up"
seen-on-a-phone = false
[resync]
event = "toy-news"
source = "made up"
seen-on-a-phone = false
[tls]
newest = "1.3"
client-certificate = false
takes-our-ca = true
source = "made up"
seen-on-a-phone = false
"#;

/// A box with these folders in its data directory, and its plain port.
fn start(files: &[(&str, &str)]) -> (Service, u16) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join("data/brands").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    (Service::start_at(directory, &[], port), port)
}

/// Status and whole answer of a request.
fn get(port: u16, path: &str, authorization: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Toy/X1\r\n{authorization}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), answer)
}

/// The header with which a phone answers a challenge (RFC 2617 section 3.2.2, without qop).
fn digest(challenge: &str, path: &str, (user, password): (&str, &str)) -> String {
    let part = |name: &str| {
        let rest = challenge.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let md5 = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (realm, nonce) = (part("realm"), part("nonce"));
    let secret = md5(format!("{user}:{realm}:{password}"));
    let response = md5(format!("{secret}:{nonce}:{}", md5(format!("GET:{path}"))));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{path}\", \
         response=\"{response}\"\r\n"
    )
}

#[test]
fn a_folder_is_a_new_brand() {
    let (service, port) = start(&[
        ("toy/brand.toml", MANIFEST),
        ("toy/templates/common.txt", "time = {{ time_server }}\n{% include \"where.txt\" %}"),
        ("toy/templates/where.txt", "url = {{ provisioning_url }}\n"),
        ("toy/templates/own.txt", "{% for line in lines %}{{ line.user }} = {{ line.password }}\n{% endfor %}x = 1\n"),
    ]);
    let shown = service.block66(&["organisations", "login", "Branch", "--json"]);
    let login: serde_json::Value = serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{shown}{}", service.log()));
    let text = |name: &str| login[name].as_str().unwrap_or_default().to_owned();
    let path = "/p/toy07.txt";
    let (status, challenge) = get(port, path, "");
    assert_eq!(status, 401, "{challenge}");
    let (status, file) = get(port, path, &digest(&challenge, path, (&text("user"), &text("password"))));
    assert_eq!(status, 200, "{file}");
    assert!(file.contains("time = 127.0.0.1\nurl = https://127.0.0.1") && file.contains("Etag"), "{file}");
    assert_eq!(get(port, "/p/toy.nothing", "").0, 404);
    let events = service.block66(&["events", "--json"]);
    assert!(events.contains("box.overlay-in-force"), "{events}");
}

#[test]
fn a_folder_is_looked_at_from_the_command_line_before_it_is_put_in_force() {
    let (service, _port) =
        start(&[("yealink/templates/common.cfg", "#!version:1.0.0.1\nstatic.zero_touch.enable = 0\n")]);
    let listed = service.block66(&["overlays", "list"]);
    assert!(listed.contains("changes what came with the program"), "{listed}");
    let diff = service.block66(&["overlays", "diff", "yealink"]);
    assert!(diff.contains("==> templates/common.cfg") && diff.contains("+static.zero_touch.enable = 0"), "{diff}");

    let own = tempfile::tempdir().unwrap();
    let folder = own.path().join("yealink");
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    let path = folder.to_str().unwrap();
    assert!(service.block66(&["overlays", "try", path]).contains("neither brand.toml nor templates/"));
    let template = folder.join("templates/own.cfg");
    std::fs::write(&template, "#!version:1.0.0.1\nhello = {{ no_such }}\n").unwrap();
    let refused = service.block66(&["overlays", "try", path]);
    assert!(refused.contains("templates/own.cfg line 2"), "{refused}");
    std::fs::write(&template, "#!version:1.0.0.1\n{% for line in lines %}mine = {{ line.password }}\n{% endfor %}")
        .unwrap();
    let list = own.path().join("phones.csv");
    let rows = "mac,brand,name,user,password,server\n80:5e:c0:00:00:01,yealink,Desk,201,sip-secret-of-the-desk,pbx.example.net\n";
    std::fs::write(&list, rows).unwrap();
    let added = service.block66(&["phones", "import", list.to_str().unwrap()]);
    let shown =
        service.block66(&["overlays", "try", path, "--phone", "80:5e:c0:00:00:01", "--file", "805ec0000001.cfg"]);
    assert!(shown.contains("mine = ****") && !shown.contains("sip-secret"), "{added}{shown}");
}

#[test]
fn a_bad_folder_is_refused_by_file_and_line_and_the_built_in_one_stays() {
    let (service, port) = start(&[("yealink/templates/common.cfg", "#!version:1.0.0.1\n{{ time_sever }}\n")]);
    assert_eq!(get(port, "/p/y000000000028.cfg", "").0, 401, "it is served as before");
    let events = service.block66(&["events", "--json"]);
    assert!(events.contains("box.overlay-refused") && events.contains("templates/common.cfg line 2"), "{events}");
    assert!(service.log().contains("is not in force"), "{}", service.log());
}
