//! A brand that the program does not know, as a folder in the data directory: found, told over DHCP, and served.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};

use nix::sched::{CloneFlags, setns};

use crate::capture::Capture;
use crate::dhcp::{ACK, udhcpc_once};
use crate::ground::{BOX, Client, Ground, PATIENCE, version, wait_until};

const AGENT: &str = "TalkingToy X1 2.7";
const SECRET: &str = "sip-secret-of-the-toy";

const MANIFEST: &str = r#"
name = "Talking Toy"

[[user-agent]]
pattern = '^TalkingToy (?P<model>\w+) (?P<firmware>\S+)$'
source = "made up"
seen-on-a-phone = false

[[vendor-class]]
prefix = "toy.phone"
source = "made up"
seen-on-a-phone = false

[[dhcp-option]]
number = 213
value = { sub-options = [
  { number = 7, value = { text = "get {url} as {MAC}\u0000" } },
  { number = 9, value = { octets = "00ff" } },
] }
classes = ["toy.phone"]
when-requested = true
end-mark = true
source = "made up"
seen-on-a-phone = false

[[file]]
name = "toys/{MAC}/secret.ini"
kind = "own"
order = 1
template = "secret.ini"
format = "key-value"
content-type = "text/plain"
source = "made up"
seen-on-a-phone = false

[[file]]
name = "toys/{MAC}/looks.ini"
kind = "own"
secret = false
order = 2
template = "looks.ini"
format = "key-value"
content-type = "text/plain"
source = "made up"
seen-on-a-phone = false

[accounts]
unknown-model = 2
source = "made up"
seen-on-a-phone = false

[resync]
event = "toy-look-again"
source = "made up"
seen-on-a-phone = false

[sip]
transports = ["udp"]
fetches-within = 30
source = "made up"
seen-on-a-phone = false

[tls]
newest = "1.2"
client-certificate = false
takes-our-ca = true
source = "made up"
seen-on-a-phone = false
"#;

const SECRET_INI: &str = "time = {{ time_server }}
ca = {{ ca_url }}
url = {{ provisioning_url }}
{% if login %}
login = {{ login.user }}
word = {{ login.password }}
{% endif %}
{% for line in lines %}
user.{{ line.number }} = {{ line.user }}
word.{{ line.number }} = {{ line.password if line.password else \"\" }}
{% endfor %}
";

const LOOKS_INI: &str = "{% for line in lines %}
label.{{ line.number }} = {{ line.display }}
{% endfor %}
url = {{ provisioning_url }}
";

/// Puts the folder where an administrator would.
fn install(ground: &Ground, manifest: &str) {
    let folder = ground.data().join("brands/talking_toy");
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(folder.join("brand.toml"), manifest).unwrap();
    fs::write(folder.join("templates/secret.ini"), SECRET_INI).unwrap();
    fs::write(folder.join("templates/looks.ini"), LOOKS_INI).unwrap();
}

fn curl(client: &Client, arguments: &[&str]) -> String {
    let quiet = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--user-agent", AGENT];
    let output = client.command("curl", &[&quiet[..], arguments].concat()).output().expect("curl is installed");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
}

/// The phone's own ear: takes one NOTIFY at its usual port, says 200, and fetches. What it was told.
fn heed(toy: &Client, fetch: impl FnOnce()) -> String {
    let ear = std::thread::scope(|scope| {
        let namespace = format!("/run/netns/{}", toy.namespace);
        let bound = scope.spawn(move || {
            setns(fs::File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5060)).unwrap()
        });
        bound.join().unwrap()
    });
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut packet = [0; 4096];
    let (length, from) = ear.recv_from(&mut packet).expect("a NOTIFY in time");
    let message = String::from_utf8_lossy(&packet[..length]).into_owned();
    let wanted = ["via:", "from:", "to:", "call-id:", "cseq:"];
    let own = |line: &&str| wanted.iter().any(|name| line.to_lowercase().starts_with(name));
    let head: String = message.lines().filter(own).map(|line| format!("{line}\r\n")).collect();
    ear.send_to(format!("SIP/2.0 200 OK\r\n{head}Content-Length: 0\r\n\r\n").as_bytes(), from).unwrap();
    fetch();
    message
}

#[test]
fn a_folder_in_the_data_directory_makes_a_brand() {
    let ground = Ground::new();
    install(&ground, MANIFEST);
    let appliance = ground.start("pool = \"10.66.0.100-10.66.0.120\"");
    assert!(wait_until(PATIENCE, || ground.block66(&["events", "--json"], "").contains("\"box.overlay-in-force\"")));
    let capture = Capture::start(&ground);

    // DHCP tells it in its own form, and nobody else.
    let toy = ground.client();
    let (address, _) = udhcpc_once(&toy, &["-V", "toy.phone X1", "-O", "213"]);
    let ack = capture.wait_for(&toy, |seen| seen.kind == ACK);
    let said = format!("get http://{BOX}/p/ as {}\0", toy.mac.replace(':', "").to_uppercase());
    let mut expected = vec![7, u8::try_from(said.len()).unwrap()];
    expected.extend(said.bytes());
    expected.extend([9, 2, 0x00, 0xff, 255]);
    assert_eq!(ack.get(213), Some(&expected[..]));
    let other = ground.client();
    udhcpc_once(&other, &["-V", "other.phone", "-O", "213"]);
    assert_eq!(capture.wait_for(&other, |seen| seen.kind == ACK).get(213), None);

    let add = ["phones", "add", &toy.mac, "--name", "Toy", "--user", "201", "--server", "pbx.example"];
    ground.block66(&add, &format!("{SECRET}\n"));
    let number = toy.mac.replace(':', "").to_uppercase();
    let [secret, looks] = ["secret", "looks"].map(|name| format!("toys/{number}/{name}.ini"));

    // What is no secret is its place's; what is one begins with a login.
    let plain = |name: &str| format!("http://{BOX}/p/{name}");
    let text = curl(&toy, &[&plain(&looks)]);
    assert_eq!(setting(&text, "url"), Some(&*format!("https://{BOX}/p/")), "{text}");
    assert!(setting(&text, "label.1").is_some() && !text.contains(SECRET), "{text}");
    let first = curl(&toy, &[&plain(&secret)]);
    assert_eq!(setting(&first, "time"), Some(&*BOX.to_string()), "{first}");
    assert!(!first.contains(SECRET), "{first}");
    let login = format!("{}:{}", setting(&first, "login").unwrap(), setting(&first, "word").unwrap());
    let ca = toy.directory.join("ca.pem").to_str().unwrap().to_owned();
    assert_eq!(curl(&toy, &["--fail", "--output", &ca, setting(&first, "ca").unwrap()]), "");
    let own = format!("{}{secret}", setting(&first, "url").unwrap());
    let full = curl(&toy, &["--cacert", &ca, "--digest", "--user", &login, &own]);
    assert_eq!(setting(&full, "word.1"), Some(SECRET), "{full}");
    // It is told by the event that its folder names, and what comes of it is seen.
    let message = std::thread::scope(|scope| {
        let ear = scope.spawn(|| {
            heed(&toy, || {
                let again = curl(&toy, &["--cacert", &ca, "--digest", "--user", &login, &own]);
                assert_eq!(again, full);
            })
        });
        let listens = wait_until(PATIENCE, || {
            let sockets = toy.run("cat", &["/proc/net/udp"]).stdout;
            // Port 5060 of every address, in /proc's form.
            String::from_utf8_lossy(&sockets).contains("00000000:13C4")
        });
        assert!(listens, "the phone has no ear");
        ground.block66(&["phones", "resync", &toy.mac], "");
        ear.join().unwrap()
    });
    assert!(message.starts_with("NOTIFY ") && message.contains("toy-look-again"), "{message}");
    assert!(wait_until(PATIENCE, || ground.block66(&["events", "--json"], "").contains("\"sip.resynced\"")));
    let refused = curl(&other, &["--cacert", &ca, "--include", &own]);
    assert!(refused.starts_with("HTTP/1.1 401") && !refused.contains(SECRET), "{refused}");

    let shown = ground.block66(&["phones", "show", &toy.mac, "--json"], "");
    assert!(shown.contains("\"talking_toy\"") && shown.contains("\"X1\""), "its User-Agent says so: {shown}");
    assert!(wait_until(PATIENCE, || {
        let events = ground.block66(&["events", "--json"], "");
        events.contains("\"http.first-contact\"") && events.contains(&address.to_string())
    }));
    capture.report(&toy, "udhcpc", &version("busybox", &["--help"]));
    appliance.stop();

    // One that is damaged is not in force, says where, and hinders nothing else.
    install(&ground, &MANIFEST.replace("[tls]", "[tsl]"));
    let appliance = ground.start("pool = \"10.66.0.100-10.66.0.120\"");
    assert!(wait_until(PATIENCE, || {
        let events = ground.block66(&["events", "--json"], "");
        events.contains("\"box.overlay-refused\"") && events.contains("tsl")
    }));
    assert!(!curl(&toy, &["--include", &plain(&looks)]).contains("label.1"));
    appliance.stop();
}
