//! What leaves the box and what it is told, over a real wire: an alarm by mail, and phones' own syslog, sent by the
//! `logger` of util-linux.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sched::{CloneFlags, setns};
use serde_json::{Value, json};

use crate::coexistence::{dnsmasq, router};
use crate::ground::{Client, Ground, PATIENCE, version, wait_until};

/// Port of mail (RFC 5321 section 4.5.4.2).
const MAIL: u16 = 25;
/// Lines of a phone that are kept, and lines that are taken of it in a minute; as the handbook says.
const KEPT: usize = 200;
const A_MINUTE: u64 = 300;

/// A server of mail that takes SMTP by the letter, one conversation after the other.
#[derive(Default)]
struct Mailbox {
    /// Sender, recipient and message of each delivery.
    mails: Vec<(String, String, String)>,
    /// What was against RFC 5321.
    wrong: Vec<String>,
}

fn serve_mail(place: &Client) -> Arc<Mutex<Mailbox>> {
    let namespace = format!("/run/netns/{}", place.namespace);
    let listening = thread::spawn(move || {
        setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, MAIL)).unwrap()
    });
    let listener = listening.join().unwrap();
    let mailbox: Arc<Mutex<Mailbox>> = Arc::default();
    let kept = mailbox.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that breaks off is its own affair.
            let _ = converse(&stream.unwrap(), &kept);
        }
    });
    mailbox
}

/// A line without its end, which is CRLF and nothing else; no line is longer than 998 (RFC 5322 section 2.1.1), and
/// none holds more than seven bits, since no extension is offered.
fn line(wire: &mut BufReader<&TcpStream>, mailbox: &Mutex<Mailbox>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if wire.read_until(b'\n', &mut bytes)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let said = String::from_utf8_lossy(&bytes).into_owned();
    let bare = said.strip_suffix("\r\n").unwrap_or(&said);
    if bare.len() + 2 != said.len() || bare.contains(['\r', '\n']) || bare.len() > 998 || !bare.is_ascii() {
        mailbox.lock().unwrap().wrong.push(format!("a line that is none: {said:?}"));
    }
    Ok(bare.to_owned())
}

fn converse(stream: &TcpStream, mailbox: &Mutex<Mailbox>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (mut wire, mut out) = (BufReader::new(stream), stream);
    let within = |text: &str, verb: &str| Some(text.strip_prefix(verb)?.split_once('>')?.0.to_owned());
    let (mut greeted, mut from, mut to) = (false, None, None);
    out.write_all(b"220 mx.branch.example ready\r\n")?;
    loop {
        let said = line(&mut wire, mailbox)?;
        let verb = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" if said.len() > 5 => {
                (greeted, from, to) = (true, None, None);
                "250 mx.branch.example"
            }
            "MAIL" if greeted && from.is_none() => {
                from = within(&said, "MAIL FROM:<");
                if from.is_some() { "250 fine" } else { "501 no sender" }
            }
            "RCPT" if from.is_some() => {
                to = within(&said, "RCPT TO:<");
                if to.is_some() { "250 fine" } else { "501 no recipient" }
            }
            "DATA" if to.is_some() => {
                out.write_all(b"354 go on\r\n")?;
                let mut message = String::new();
                loop {
                    let text = line(&mut wire, mailbox)?;
                    match text.strip_prefix('.') {
                        Some("") => break,
                        Some(stuffed) => message += &format!("{stuffed}\n"),
                        None => message += &format!("{text}\n"),
                    }
                }
                let mail = (from.take().unwrap_or_default(), to.take().unwrap_or_default(), message);
                mailbox.lock().unwrap().mails.push(mail);
                "250 taken"
            }
            "RSET" | "NOOP" => "250 fine",
            "QUIT" => return out.write_all(b"221 bye\r\n"),
            _ => {
                mailbox.lock().unwrap().wrong.push(format!("not now: {said}"));
                "503 not now"
            }
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

/// Sends these lines as a phone does.
fn log(place: &Client, lines: &str) {
    let script =
        format!("{lines} | logger --udp --server 10.66.0.1 --port 514 --rfc3164 --tag SIP --priority local0.err");
    place.run("sh", &["-c", &script]);
}

/// Lines that the box has kept, and that it has not.
fn counted(ground: &Ground) -> (u64, u64) {
    let counts = ground.api("outlets/counts");
    (counts["lines"].as_u64().unwrap(), counts["lines_dropped"].as_u64().unwrap())
}

/// Waits until the box has seen so many lines.
fn seen(ground: &Ground, lines: u64) {
    let mut counts = (0, 0);
    let all = wait_until(PATIENCE, || {
        counts = counted(ground);
        counts.0 + counts.1 >= lines
    });
    assert!(all, "{lines} lines were said, and the box has {counts:?}");
}

fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60
}

#[test]
fn an_alarm_is_mailed_by_the_whole_program() {
    let ground = Ground::new();
    let appliance = ground.start("pool = \"10.66.0.20-10.66.0.40\"\nprobe-interval = \"5s\"");
    let post = ground.client();
    post.add_address("10.66.0.25/24");
    let mailbox = serve_mail(&post);
    let mail = json!({ "mail": {
        "host": "10.66.0.25", "security": "none", "from": "block66@branch.example", "language": "de",
        "to": ["anna@branch.example", "bert@branch.example"],
    } });
    ground.block66(&["outlets", "set", "-"], &mail.to_string());
    let router = router(&ground);
    let _other = dnsmasq(&router, 100);
    let came = wait_until(PATIENCE * 2, || mailbox.lock().unwrap().mails.len() >= 2);
    let mailbox = mailbox.lock().unwrap();
    assert!(came, "no mail: {:?}\n{}", mailbox.wrong, ground.block66(&["outlets", "counts"], ""));
    assert_eq!(mailbox.wrong, Vec::<String>::new());
    for ((from, to, message), expected) in mailbox.mails.iter().zip(["anna", "bert"]) {
        assert_eq!((from.as_str(), to.as_str()), ("block66@branch.example", &*format!("{expected}@branch.example")));
        let (head, body) = message.split_once("\n\n").unwrap();
        for field in ["From: block66@branch.example", "Auto-Submitted: auto-generated", "Message-ID: <", "Date: "] {
            assert!(head.contains(field), "{field}: {head}");
        }
        assert!(head.contains("Alarm"), "the subject says what it is: {head}");
        // Lines that quoted-printable took apart (RFC 2045 section 6.7).
        let body = body.replace("=\n", "");
        assert!(body.contains("Alarm: Auch ein anderer DHCP-Server, 10.66.0.254, antwortet auf office"), "{body}");
    }
    let sent = ground.api("outlets/counts")["targets"]["10.66.0.25:25/mail"]["sent"].clone();
    assert_eq!(sent, 2);
    appliance.stop();
}

#[test]
fn what_a_phone_says_is_in_its_timeline_and_a_strangers_words_are_in_none() {
    println!("client: logger {}", version("logger", &["--version"]));
    let ground = Ground::new();
    let appliance = ground.start("pool = \"10.66.0.100-10.66.0.120\"");
    let (phone, stranger) = (ground.client(), ground.client());
    phone.add_address("10.66.0.50/24");
    stranger.add_address("10.66.0.51/24");
    ground.block66(&["phones", "add", &phone.mac, "--name", "Desk"], "");
    let timeline = format!("phones/{}/timeline?limit=500", phone.mac.replace(':', ""));
    let said = || -> Vec<Value> {
        let entries = ground.api(&timeline)["entries"].as_array().unwrap().clone();
        entries.into_iter().filter(|entry| entry["kind"] == "said").collect()
    };
    let own_log = format!("phones/{}/log", phone.mac.replace(':', ""));
    assert_eq!(ground.api(&own_log)["taken"], false);
    ground.block66(&["outlets", "set", "-"], &json!({ "phone_log_port": 514 }).to_string());
    assert_eq!(ground.api(&own_log)["taken"], true);
    // The port is taken a moment after it is set: the first line is said until it is heard.
    let heard = wait_until(PATIENCE, || {
        log(&phone, "echo 'Registration of 201 failed: 403 <b>no</b>'");
        counted(&ground).0 > 0
    });
    assert!(heard, "{}", appliance.log());
    let first = said().pop().unwrap();
    assert_eq!(first["severity"], 3, "{first}");
    assert!(first["text"].as_str().unwrap().ends_with("SIP: Registration of 201 failed: 403 <b>no</b>"), "{first}");
    let shown = ground.block66(&["phones", "timeline", &phone.mac], "");
    assert!(shown.contains("Registration of 201 failed"), "{shown}");

    let (kept, dropped) = counted(&ground);
    log(&stranger, "echo 'I am the phone of the desk'");
    seen(&ground, kept + dropped + 1);
    assert_eq!(counted(&ground), (kept, dropped + 1), "a stranger's line is counted, and is nowhere");
    assert!(!ground.api(&timeline).to_string().contains("I am the phone"));
    assert!(!ground.block66(&["phones", "list", "--json"], "").contains(&stranger.mac));

    // What it says too much is not kept, and of what is kept the oldest goes. A few at a time: none is lost on the way.
    let (began, mut all) = (minute(), kept + dropped + 1);
    for part in 0..8 {
        log(&phone, &format!("seq --format='line %g of many' {} {}", part * 50 + 1, part * 50 + 50));
        all += 50;
        seen(&ground, all);
    }
    let now = counted(&ground);
    if minute() == began {
        assert!(now.0 <= A_MINUTE, "{now:?}");
        assert!(now.1 >= dropped + 1 + (400 - A_MINUTE), "{now:?}");
    }
    let lines = said();
    assert_eq!(lines.len(), KEPT);
    assert!(!lines.iter().any(|line| line["text"].as_str().unwrap().contains("Registration")), "the oldest are gone");
    assert_eq!(ground.api(&own_log)["lines"].as_array().unwrap().len(), KEPT);

    // Switched off, it hears nobody.
    ground.block66(&["outlets", "set", "-"], "{}");
    let deaf = wait_until(PATIENCE, || {
        let mut command = ground.command(std::path::Path::new("cat"));
        command.arg("/proc/net/udp6").arg("/proc/net/udp");
        // 0202 is port 514, in /proc's form.
        command.output().is_ok_and(|found| !String::from_utf8_lossy(&found.stdout).contains(":0202 "))
    });
    assert!(deaf, "the port is still taken");
    appliance.stop();
}
