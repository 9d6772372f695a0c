//! Mail to a server that takes SMTP by the letter (RFC 5321, 3207, 4954), over real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// What one conversation is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is busy: 421 at once.
    Busy,
    /// STARTTLS, then a login.
    Starttls,
    /// TLS from the first byte, then a login.
    Tls,
    /// No TLS is offered.
    Plain,
    /// Its greeting has no end.
    Endless,
    /// STARTTLS, with an answer behind its answer that nobody protects.
    Injecting,
}

/// What the server has seen.
#[derive(Default)]
struct Seen {
    /// Recipient and message of each delivery.
    mails: Vec<(String, String)>,
    /// Everything that came before TLS.
    in_the_clear: String,
    /// What was against the protocol.
    wrong: Vec<String>,
    conversations: usize,
    /// How often a mailbox was full.
    full: usize,
    /// Bytes of the greeting without end that were taken.
    endless: usize,
}

impl Seen {
    fn is_full(&mut self) -> bool {
        self.full += 1;
        self.full <= 2
    }
}

struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

impl Server {
    /// Serves conversations of these kinds, one after the other; the last kind goes on.
    fn start(kinds: &'static [Kind]) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().self_signed(&key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let (seen, config) = (Arc::new(Mutex::new(Seen::default())), Arc::new(config));
        let kept = seen.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let kind = kinds.get(number).or(kinds.last()).copied().unwrap();
                kept.lock().unwrap().conversations += 1;
                // A client that breaks off is its own affair.
                let _ = converse(stream.unwrap(), kind, &config, &kept);
            }
        });
        (Self { port, seen }, certificate.pem())
    }

    fn mails(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().mails.clone()
    }
}

/// A line without its end; the end is CRLF and nothing else.
fn line(wire: &mut BufReader<Box<dyn Wire>>, seen: &Arc<Mutex<Seen>>, clear: bool) -> std::io::Result<String> {
    let mut text = Vec::new();
    wire.read_until(b'\n', &mut text)?;
    let text = String::from_utf8(text).unwrap();
    let mut seen = seen.lock().unwrap();
    if clear {
        seen.in_the_clear.push_str(&text);
    }
    if text.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    match text.strip_suffix("\r\n") {
        Some(line) if !line.contains(['\r', '\n']) => Ok(line.to_owned()),
        _ => {
            seen.wrong.push(format!("a line ends wrongly: {text:?}"));
            Ok(text)
        }
    }
}

fn converse(stream: TcpStream, kind: Kind, config: &Arc<ServerConfig>, seen: &Arc<Mutex<Seen>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let secured = |stream: TcpStream| StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
    let mut tls = kind == Kind::Tls;
    let first: Box<dyn Wire> = if tls { Box::new(secured(stream.try_clone()?)) } else { Box::new(stream.try_clone()?) };
    let mut wire = BufReader::new(first);
    let wrong = |what: String| seen.lock().unwrap().wrong.push(what);
    if kind == Kind::Busy {
        return wire.get_mut().write_all(b"421 4.3.2 too busy\r\n");
    }
    if kind == Kind::Endless {
        wire.get_mut().write_all(b"220 ")?;
        loop {
            seen.lock().unwrap().endless += wire.get_mut().write(&[b'x'; 1 << 14])?;
        }
    }
    wire.get_mut().write_all(b"220 mx.lan ESMTP\r\n")?;
    let (mut greeted, mut signed_in, mut from, mut to) = (false, false, false, None::<String>);
    loop {
        wire.get_mut().flush()?;
        let said = line(&mut wire, seen, !tls)?;
        let verb = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" if said.len() > 5 => {
                greeted = true;
                match (tls, kind) {
                    (true, _) => "250-mx.lan\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
                    (false, Kind::Starttls | Kind::Injecting) => "250-mx.lan\r\n250 STARTTLS",
                    (false, _) => "250 mx.lan",
                }
                .to_owned()
            }
            "STARTTLS" if greeted && !tls => {
                let more = if kind == Kind::Injecting { "250 mx.lan\r\n" } else { "" };
                wire.get_mut().write_all(format!("220 2.0.0 go ahead\r\n{more}").as_bytes())?;
                if !wire.buffer().is_empty() {
                    wrong("something came with STARTTLS".into());
                }
                (tls, greeted) = (true, false);
                wire = BufReader::new(Box::new(secured(stream.try_clone()?)));
                continue;
            }
            "AUTH" if tls && greeted => {
                let token = said.strip_prefix("AUTH PLAIN ").and_then(|token| STANDARD.decode(token).ok());
                signed_in = token.as_deref() == Some(b"\0box\0mail-secret");
                if signed_in { "235 2.7.0 welcome".into() } else { "535 5.7.8 no".to_owned() }
            }
            "MAIL" if signed_in && said.starts_with("MAIL FROM:<block66@example.net>") => {
                (from, to) = (true, None);
                "250 2.1.0 fine".into()
            }
            "RCPT" if from => match said.strip_prefix("RCPT TO:<").and_then(|rest| rest.split('>').next()) {
                Some("gone@example.net") => "550 5.1.1 nobody here".into(),
                // For the first two times.
                Some("full@example.net") if seen.lock().unwrap().is_full() => "452 4.2.2 mailbox full".into(),
                Some(known) => {
                    to = Some(known.to_owned());
                    "250 2.1.5 fine".into()
                }
                None => "501 5.5.4 what".into(),
            },
            "DATA" if to.is_some() => {
                wire.get_mut().write_all(b"354 go on\r\n")?;
                let mut message = String::new();
                loop {
                    let said = line(&mut wire, seen, !tls)?;
                    match said.as_str() {
                        "." => break,
                        said => message += &format!("{}\n", said.strip_prefix('.').unwrap_or(said)),
                    }
                }
                seen.lock().unwrap().mails.push((to.take().unwrap(), message));
                from = false;
                "250 2.0.0 taken".into()
            }
            "RSET" | "NOOP" => "250 2.0.0 fine".into(),
            "QUIT" => {
                wire.get_mut().write_all(b"221 2.0.0 bye\r\n")?;
                return Ok(());
            }
            _ => {
                wrong(format!("not now: {said}"));
                "503 5.5.1 not now".into()
            }
        };
        wire.get_mut().write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

fn settings(server: &Server, authority: &str, security: &str) -> String {
    serde_json::json!({
        "mail": {
            "host": "127.0.0.1", "port": server.port, "security": security,
            "login": { "user": "box", "password": "mail-secret" },
            "from": "block66@example.net", "to": ["anna@example.net", "gone@example.net", "bert@example.net"],
        },
        "authorities": authority,
    })
    .to_string()
}

/// A mailbox that takes nothing for now keeps an alarm from nobody who is named behind it, and gets it in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_full_keeps_alarms_from_nobody_else() {
    let (server, authority) = Server::start(&[Kind::Starttls]);
    let ground = Ground::new();
    let mut set: serde_json::Value = serde_json::from_str(&settings(&server, &authority, "starttls")).unwrap();
    let to = ["full@example.net", "anna@example.net", "bert@example.net", "anna@example.net"];
    set["mail"]["to"] = serde_json::json!(to);
    ground.serve(&set.to_string()).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("all have it", |counts| mailed(counts).sent == 3).await;
    assert_eq!(mailed(&ground.outlets.counts()), Sent { sent: 3, dropped: 0, failed: 2 });
    let mails = server.mails();
    let reached: Vec<&str> = mails.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(reached, ["anna@example.net", "bert@example.net", "full@example.net"]);
    assert_eq!(server.seen.lock().unwrap().wrong, Vec::<String>::new());
}

fn mailed(counts: &Counts) -> Sent {
    counts.targets.values().next().copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_mailed_when_they_begin_and_when_they_end() {
    let (server, authority) = Server::start(&[Kind::Busy, Kind::Starttls]);
    let ground = Ground::new();
    ground.serve(&settings(&server, &authority, "starttls")).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("it is mailed", |counts| mailed(counts).sent == 2).await;
    assert_eq!(mailed(&ground.outlets.counts()), Sent { sent: 2, dropped: 1, failed: 1 });
    let mails = server.mails();
    assert_eq!(mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["anna@example.net", "bert@example.net"]);
    for (to, mail) in &mails {
        let (head, body) = mail.split_once("\n\n").unwrap();
        assert!(head.contains("From: block66@example.net") && head.contains(&format!("To: {to}")), "{head}");
        assert!(
            head.contains("Subject: [box.lan] Alarm: ") && head.contains("Auto-Submitted: auto-generated"),
            "{head}"
        );
        assert!(head.contains("Date: Fri, 15 Jan 2027 08:0"), "by the box's clock: {head}");
        assert!(body.contains("Z  Alarm: ") && body.contains("office"), "{body}");
        assert!(!mail.contains("mail-secret") && !mail.contains("render-failed"), "{mail}");
    }
    ground.alarm.lock().unwrap().clear();
    ground.until("its end is mailed", |counts| mailed(counts).sent == 4).await;
    assert!(server.mails()[2].1.contains("Alarm over: "), "{}", server.mails()[2].1);
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.wrong, Vec::<String>::new());
    assert!(!seen.in_the_clear.contains("AUTH") && !seen.in_the_clear.contains("MAIL"), "{}", seen.in_the_clear);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_first_byte_works_too_and_only_with_who_is_trusted() {
    let (server, authority) = Server::start(&[Kind::Tls]);
    let ground = Ground::new();
    ground.serve(&settings(&server, "", "tls")).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("nobody vouches for it", |counts| mailed(counts).failed > 0).await;
    assert_eq!(server.mails(), []);
    let trusted: Settings = serde_json::from_str(&settings(&server, &authority, "tls")).unwrap();
    ground.outlets.set(trusted).await.unwrap();
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "hall".into() });
    ground.until("it is mailed", |counts| mailed(counts).sent == 2).await;
    assert!(server.mails()[0].1.contains("hall"));
    assert_eq!(server.seen.lock().unwrap().in_the_clear, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_is_given_nothing() {
    let (server, authority) = Server::start(&[Kind::Plain]);
    let ground = Ground::new();
    ground.serve(&settings(&server, &authority, "starttls")).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("it is refused twice", |counts| mailed(counts).failed > 1).await;
    let seen = server.seen.lock().unwrap();
    assert!(seen.conversations > 1 && !seen.in_the_clear.contains("MAIL") && !seen.in_the_clear.contains("AUTH"));
}

#[tokio::test]
async fn the_password_is_kept_and_told_to_nobody() {
    let ground = Ground::new();
    let login = r#""login":{"user":"box","password":"mail-secret"}"#;
    let mail = |more: &str| {
        let mail = format!(r#"{{"mail":{{"host":"mx.lan","from":"a@b","to":["a@b"],{more}}}}}"#);
        ground.outlets.with_kept_password(serde_json::from_str(&mail).unwrap())
    };
    ground.outlets.set(mail(login)).await.unwrap();
    let told = serde_json::to_string(&ground.outlets.settings()).unwrap();
    assert!(told.contains("\"user\":\"box\"") && !told.contains("mail-secret") && !told.contains("password"), "{told}");
    assert!(!format!("{:?}", ground.outlets).contains("mail-secret"));
    // Another server or user is not given it.
    let same = mail(r#""login":{"user":"box"}"#);
    assert_eq!(same.check(), Ok(()));
    assert_eq!(mail(r#""login":{"user":"other"}"#).check().unwrap_err().0, "mail.login.password");
    ground.outlets.set(same).await.unwrap();
    let again = Outlets::new(ground.outlets.0.on.clone()).settings().mail.unwrap();
    assert_eq!(again.login.unwrap().password.expose(), "mail-secret");
    ground.outlets.set(Settings::default()).await.unwrap();
    assert_eq!(ground.outlets.0.on.store.secret_names("outlets."), Vec::<String>::new());
}

/// What a server says without end, or out of the protection of TLS, harms nobody: mail goes when it behaves.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_bounded_and_protected() {
    let (server, authority) = Server::start(&[Kind::Endless, Kind::Injecting, Kind::Starttls]);
    let ground = Ground::new();
    ground.serve(&settings(&server, &authority, "starttls")).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("it is mailed", |counts| mailed(counts).sent == 2).await;
    assert_eq!(mailed(&ground.outlets.counts()).failed, 2);
    let seen = server.seen.lock().unwrap();
    assert!(seen.endless < 16 << 20, "{} bytes were taken", seen.endless);
    assert_eq!(seen.mails.len(), 2);
}
