//! A desktop softphone, as the guides for own provisioning servers describe it: what it sends, how it reads the answer,
//! and what it then does. Raw sockets; nothing of the box's code.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use md5::{Digest, Md5};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::place::PATIENCE;

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What the client made of an answer: a last line without its end is ignored, and so is what stands in no section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) data: BTreeMap<String, String>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) memory: Vec<(String, String)>,
    pub(crate) sections: Vec<String>,
}

/// A client on a computer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Softphone {
    /// The authority that the computer trusts; without one it refuses every `https://`.
    pub(crate) trust: Option<Vec<u8>>,
    /// What its macros stand for.
    pub(crate) macros: BTreeMap<&'static str, String>,
    /// Written to disk.
    pub(crate) stored: BTreeMap<String, String>,
    /// For this session.
    pub(crate) memory: BTreeMap<String, String>,
}

impl Softphone {
    pub(crate) fn new(computer: &str) -> Self {
        let macros = [
            ("platform", "win32"),
            ("license", "AAAA-BBBB"),
            ("computerid", computer),
            ("build", "38740"),
            ("language", "en-US"),
        ];
        Self { macros: macros.map(|(name, value)| (name, value.to_owned())).into(), ..Self::default() }
    }

    /// Fills in the macros that it knows; an unknown one stays as it stands.
    fn expand(&self, text: &str) -> String {
        self.macros.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}$"), value))
    }

    /// Signs in. Parameters of the URL go into the body, and the request line has the bare path.
    pub(crate) fn login(&mut self, url: &str, user: &str, password: &str) -> Told {
        self.macros.insert("loginame", user.to_owned());
        let (bare, query) = url.split_once('?').unwrap_or((url, ""));
        let mut body = format!("Username={}&Password={}", encode(user), encode(password));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap();
            body += &format!("&{name}={}", encode(&self.expand(value)));
        }
        let answer = self.post(bare, "application/x-www-form-urlencoded", body.as_bytes());
        let read = read(&answer);
        self.act(&read);
        read
    }

    pub(crate) fn post(&self, url: &str, kind: &str, body: &[u8]) -> Response {
        let (host, path) = parts(url);
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Bria 4\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.exchange(url, &request)
    }

    /// Asks for changed settings or for a newer program, as the setting of that name says.
    pub(crate) fn ask(&mut self, setting: &str) -> Told {
        let url = self.setting(&format!("feature:auto_update:{setting}")).expect("the login server named no server");
        let read = read(&self.get(&url));
        if setting == "config_server_url" {
            self.act(&read);
        } else {
            assert!(read.settings.is_empty() && read.memory.is_empty(), "an upgrade has no settings: {read:?}");
        }
        read
    }

    /// Fetches a URL, with the macros filled in.
    pub(crate) fn get(&self, url: &str) -> Response {
        let url = self.expand(url);
        let (host, path) = parts(&url);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Bria 4\r\nConnection: close\r\n\r\n");
        self.exchange(&url, request.as_bytes())
    }

    /// Settings that were sent beat what it has.
    fn act(&mut self, read: &Told) {
        if read.data.get("Success").map(String::as_str) == Some("1") {
            self.stored.extend(read.settings.iter().cloned());
            self.memory.extend(read.memory.iter().cloned());
        }
    }

    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.memory.get(name).or_else(|| self.stored.get(name)).cloned()
    }

    /// Ends and starts anew: what was for the session is gone.
    pub(crate) fn restart(&mut self) {
        self.memory.clear();
    }

    /// The accounts that are enabled and whole.
    pub(crate) fn accounts(&self) -> Vec<usize> {
        let is = |number: usize, leaf: &str| self.setting(&format!("proxies:proxy{number}:{leaf}")).unwrap_or_default();
        let on = |number: &usize| matches!(is(*number, "enabled").as_str(), "1" | "true");
        (0..10).filter(on).filter(|n| !is(*n, "username").is_empty() && !is(*n, "domain").is_empty()).collect()
    }

    /// Registers an account at its domain (an address here) with Digest, over UDP; the final status.
    pub(crate) fn register(&self, number: usize) -> u16 {
        let of = |leaf: &str| self.setting(&format!("proxies:proxy{number}:{leaf}")).unwrap_or_default();
        let (user, domain, password) = (of("username"), of("domain"), of("password"));
        let auth = Some(of("authorization_username")).filter(|name| !name.is_empty()).unwrap_or_else(|| user.clone());
        let at: SocketAddr =
            if domain.contains(':') { domain.parse() } else { format!("{domain}:5060").parse() }.unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(at).unwrap();
        let uri = format!("sip:{domain}");
        let message = |sequence: u8, more: &str| {
            format!(
                "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 0.0.0.0;branch=z9hG4bK{sequence};rport\r\nMax-Forwards: 70\r\n\
                 From: <sip:{user}@{domain}>;tag=1\r\nTo: <sip:{user}@{domain}>\r\nCall-ID: {user}\r\n\
                 CSeq: {sequence} REGISTER\r\nContact: <sip:{user}@0.0.0.0>\r\n{more}Content-Length: 0\r\n\r\n"
            )
        };
        let ask = |text: String| {
            socket.send(text.as_bytes()).unwrap();
            let mut answer = [0; 4096];
            let length = socket.recv(&mut answer).expect("the SIP server is silent");
            String::from_utf8(answer[..length].to_vec()).unwrap()
        };
        let challenge = ask(message(1, ""));
        if !challenge.starts_with("SIP/2.0 401") {
            return status_of(&challenge);
        }
        let value = |name: &str| {
            let from = challenge.split(&format!("{name}=\"")).nth(1).expect("a challenge");
            from.split('"').next().unwrap().to_owned()
        };
        let (realm, nonce) = (value("realm"), value("nonce"));
        let response = response(&auth, &realm, &password, &nonce, &uri);
        let header = format!(
            "Authorization: Digest username=\"{auth}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\"\r\n"
        );
        status_of(&ask(message(2, &header)))
    }

    fn exchange(&self, url: &str, request: &[u8]) -> Response {
        let (host, _) = parts(url);
        let secure = url.starts_with("https://");
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name.to_owned(), port.parse().unwrap()),
            None => (host.clone(), if secure { 443 } else { 80 }),
        };
        let mut stream = TcpStream::connect((name.as_str(), port)).expect("no connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        if secure {
            let mut roots = rustls::RootCertStore::empty();
            if let Some(pem) = &self.trust {
                roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
            }
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
            let name = ServerName::try_from(name).unwrap();
            let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
            let mut tls = rustls::Stream::new(&mut session, &mut stream);
            if let Err(error) = tls.write_all(request) {
                return Response { status: 0, head: error.to_string(), body: Vec::new() };
            }
            let _ = tls.read_to_end(&mut bytes);
        } else {
            stream.write_all(request).unwrap();
            let _ = stream.read_to_end(&mut bytes);
        }
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let body: Vec<u8> = bytes[end + 4..].to_vec();
        assert_eq!(length.unwrap_or(body.len()), body.len(), "the body is cut off");
        // It follows none: not from HTTP to HTTPS, not even for a slash.
        assert!(!(300..400).contains(&status) && !head.to_lowercase().contains("\nlocation:"), "a redirect: {head}");
        Response { status, head, body }
    }
}

fn status_of(message: &str) -> u16 {
    message.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// RFC 2617 without qop.
pub(crate) fn response(user: &str, realm: &str, password: &str, nonce: &str, uri: &str) -> String {
    let md5 = |text: String| Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let secret = md5(format!("{user}:{realm}:{password}"));
    let request = md5(format!("REGISTER:{uri}"));
    md5(format!("{secret}:{nonce}:{request}"))
}

/// Reads an answer as the grammar of the guides has it; anything else fails the test.
pub(crate) fn read(response: &Response) -> Told {
    assert_eq!(response.status, 200, "{}", response.head);
    let text = String::from_utf8(response.body.clone()).unwrap();
    let mut read = Told::default();
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    let last = lines.pop();
    assert_eq!(last, Some(""), "a last line without its end is ignored: {text:?}");
    for line in lines {
        assert!(!line.contains(['\r', '\n']), "a line that does not end as it should: {line:?}");
        if line.starts_with('[') {
            read.sections.push(line.to_owned());
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line:?}"));
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if quoted.is_some_and(|value| value.contains('"')) {
            panic!("a quote within quotes: {line:?}");
        }
        let pair = (name.to_owned(), quoted.unwrap_or(value).to_owned());
        match read.sections.last().map(String::as_str) {
            Some("[DATA]") => drop(read.data.insert(pair.0, pair.1)),
            Some("[SETTINGS]") => read.settings.push(quoted.map(|_| pair).expect("settings are quoted")),
            Some("[##MEMORY##]") => read.memory.push(quoted.map(|_| pair).expect("settings are quoted")),
            other => panic!("{line:?} stands in {other:?}"),
        }
    }
    let order = ["[DATA]", "[SETTINGS]", "[##MEMORY##]"];
    assert_eq!(read.sections, order[..read.sections.len()], "sections in their only order");
    read
}

/// What a registrar knows of an account.
pub(crate) struct Registrar;

impl Registrar {
    const REALM: &'static str = "pbx";
    const NONCE: &'static str = "0123456789abcdef";

    /// Answers REGISTERs at an address until nothing came for a while; who registered, in their order.
    pub(crate) fn serve(at: Ipv4Addr, passwords: BTreeMap<String, String>, expected: usize) -> Vec<String> {
        let socket = UdpSocket::bind((at, 5060)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut registered = Vec::new();
        let mut bytes = [0; 4096];
        while registered.len() < expected {
            let Ok((length, from)) = socket.recv_from(&mut bytes) else { break };
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
            let value = |name: &str| {
                let from = header("Authorization:").split(&format!("{name}=\"")).nth(1)?;
                Some(from.split('"').next().unwrap().to_owned())
            };
            let user = header("From:").split("sip:").nth(1).unwrap().split('@').next().unwrap().to_owned();
            let auth = value("username");
            let right = auth.as_ref().is_some_and(|auth| {
                let known = passwords.get(&user);
                let made = known.map(|known| response(auth, Self::REALM, known, Self::NONCE, &value("uri").unwrap()));
                made.is_some() && made == value("response")
            });
            let status = match (right, auth) {
                (true, _) => "200 OK",
                (false, None) => "401 Unauthorized",
                (false, Some(_)) => "403 Forbidden",
            };
            let challenge = if status.starts_with("401") {
                format!("WWW-Authenticate: Digest realm=\"{}\", nonce=\"{}\"\r\n", Self::REALM, Self::NONCE)
            } else {
                String::new()
            };
            let echoed =
                ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].map(|name| format!("{name} {}\r\n", header(name)));
            let answer = format!("SIP/2.0 {status}\r\n{}{challenge}Content-Length: 0\r\n\r\n", echoed.concat());
            socket.send_to(answer.as_bytes(), from).unwrap();
            if right {
                registered.push(user);
            }
        }
        registered
    }
}

fn parts(url: &str) -> (String, String) {
    let rest = url.split_once("://").expect("a URL").1;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.to_owned(), format!("/{path}"))
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
