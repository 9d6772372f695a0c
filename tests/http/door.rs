//! Both listeners over provisioning, with real clients: certificates, pages and files.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use block66::http::listeners::{self, Entrance};
use block66::http::{Limits, Peer, Service, Workers, body, dispatch};
use block66::model::{FirstContact, Login, Now, Reason, Secret};
use block66::pki::{Certificates, Names};
use hyper::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ground::{Ground, STRANGER, mac};
use crate::sockets::{Listener, soon};

/// The whole door: a plain and a TLS listener over provisioning, with a page of one word.
pub(crate) struct Door {
    pub(crate) ground: Ground,
    pub(crate) plain: Listener,
    pub(crate) secure: Listener,
    failures: Arc<Mutex<Vec<Reason>>>,
    certificates: Certificates,
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::open_to(None).await
    }

    /// To whoever comes as if from this address.
    pub(crate) async fn open_to(from: Option<Ipv4Addr>) -> Self {
        let ground = Ground::new().await;
        let now: Now = ground.clock.now();
        let names =
            Names { common_name: "block66.test".into(), dns: Vec::new(), addresses: vec![Ipv4Addr::LOCALHOST.into()] };
        let certificates = Certificates::open(&ground.directory().join("ca"), &ground.authority, &names, now).unwrap();
        std::fs::write(ground.directory().join("trust.pem"), ground.authority.root_pem()).unwrap();
        let page: Service = Arc::new(|_, _| Box::pin(async { Response::new(body("page")) }));
        let root = ground.authority.fingerprint();
        let inner = dispatch::service(ground.provision.clone(), page, root, 443);
        let service: Service = Arc::new(move |request, peer: Peer| {
            inner(request, Peer { address: from.map_or(peer.address, Into::into), ..peer })
        });
        let failures = Arc::new(Mutex::new(Vec::new()));
        let workers = Workers::start().unwrap();
        let entrance = |tls| {
            let (service, clock) = (service.clone(), ground.clock.clone());
            Entrance { service, tls, limits: Limits::default(), clock, workers: workers.clone() }
        };
        let seen = failures.clone();
        let on_failure: listeners::OnTlsFailure = Arc::new(move |_, reason| seen.lock().unwrap().push(reason));
        let plain = Listener::start(entrance(None));
        let secure = Listener::start(entrance(Some((certificates.clone(), on_failure))));
        Self { ground, plain, secure, failures, certificates }
    }

    /// Runs the real curl; gives what it prints.
    async fn curl(&self, arguments: &[&str]) -> String {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"])
            .arg(self.ground.directory().join("trust.pem"))
            .args(arguments)
            .stdin(Stdio::null());
        let output = soon("curl", tokio::task::spawn_blocking(move || curl.output())).await.unwrap();
        let output = output.expect("curl is installed");
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
    }
}

#[tokio::test]
async fn curl_gets_what_it_should() {
    let door = Door::open().await;
    let mut phone = door.ground.phone(1);
    phone.login = Some(Login { user: "p-desk".into(), password: Secret::new("secret") });
    phone.first_contact = FirstContact::Closed { at: phone.created };
    door.ground.change(phone).await;
    let url = |name: &str| format!("https://{}/p/{name}", door.secure.at);
    let own = url(&format!("{}.cfg", mac(1).plain()));
    let stranger = url(&format!("{}.cfg", STRANGER.plain()));
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];

    assert_eq!(door.curl(&[&status[..], &[&own]].concat()).await, "401");
    assert_eq!(door.curl(&[&status[..], &[&stranger]].concat()).await, "401");
    for how in ["--digest", "--basic", "--anyauth"] {
        let login = [how, "--user", "p-desk:secret"];
        assert!(door.curl(&[&login[..], &[&own]].concat()).await.contains("line-secret-1"), "{how}");
        let wrong = [how, "--user", "rival:rival-password"];
        assert_eq!(door.curl(&[&status[..], &wrong, &[&own]].concat()).await, "401", "{how}");
    }
    let branch = ["--digest", "--user", "branch:branch-password"];
    assert_eq!(door.curl(&[&status[..], &branch, &[&stranger]].concat()).await, "404");
    // Two files over one connection, with one nonce: the counts go on.
    let twice = ["--digest", "--user", "p-desk:secret", "--write-out", "[%{http_code} %{num_connects}]"];
    let both = door.curl(&[&twice[..], &["--output", "/dev/null", &own, "--output", "/dev/null", &own]].concat()).await;
    assert_eq!(both, "[200 1][200 0]");
    let head = door.curl(&["--head", "--digest", "--user", "p-desk:secret", &own]).await;
    let length = head.lines().rev().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().trim().to_owned();
    let got = door
        .curl(&[
            "--digest",
            "--user",
            "p-desk:secret",
            "--output",
            "/dev/null",
            "--write-out",
            "%{size_download}",
            &own,
        ])
        .await;
    assert_eq!(length, got, "HEAD says how long GET is");

    let root = door.curl(&[&format!("http://{}/ca.pem", door.plain.at)]).await;
    assert_eq!(root, door.ground.authority.root_pem());
    let shadow = format!("http://{}/p/../../etc/shadow", door.plain.at);
    assert_eq!(door.curl(&[&status[..], &["--path-as-is", &shadow]].concat()).await, "400");
    door.plain.end().await;
    door.secure.end().await;
}

#[tokio::test]
async fn page_and_landing_are_told_apart_from_files() {
    let door = Door::open().await;
    let secure = format!("https://{}", door.secure.at);
    let plain = format!("http://{}", door.plain.at);
    for path in ["/", "/api/v1/status", "/phones"] {
        assert_eq!(door.curl(&[&format!("{secure}{path}")]).await, "page", "{path}");
    }
    assert!(door.curl(&[&format!("{secure}/ca.pem")]).await.starts_with("-----BEGIN CERTIFICATE"));
    let landing = door.curl(&[&format!("{plain}/")]).await;
    assert!(landing.contains("https://127.0.0.1/") && landing.contains(&door.ground.authority.fingerprint().words()));
    assert!(!door.curl(&[&format!("{plain}/api/v1/status")]).await.contains("page"), "the page is never plain");
    door.plain.end().await;
    door.secure.end().await;
}

#[tokio::test]
async fn a_failed_handshake_is_told_and_a_silent_one_is_not() {
    let door = Door::open().await;
    drop(door.secure.connect([127, 0, 0, 1]).await);
    let mut plain = door.secure.connect([127, 0, 0, 1]).await;
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = soon("it is closed", plain.read_to_end(&mut rest)).await;
    let told = async {
        while door.failures.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    soon("told", told).await;
    let failures = door.failures.lock().unwrap().clone();
    assert_eq!(failures, [Reason::TlsFailed { what: "what it sent is not TLS 1.2 or newer".into() }]);
    door.plain.end().await;
    door.secure.end().await;
}

/// Certificates as a factory makes them: an authority, and one for each phone.
struct Factory {
    directory: std::path::PathBuf,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Factory {
    fn new(directory: &std::path::Path) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::default();
        root.distinguished_name.push(rcgen::DnType::CommonName, "Equipment Issuing CA");
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = root.self_signed(&key).unwrap().pem();
        Self { directory: directory.to_owned(), issuer: rcgen::Issuer::new(root, key), pem }
    }

    /// A certificate that names this MAC, as the arguments that give it to curl.
    fn certificate(&self, name: &str) -> [String; 2] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut leaf = rcgen::CertificateParams::default();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, name);
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap().pem();
        let path =
            self.directory.join(format!("{name}-{}.pem", rcgen::KeyPair::generate().unwrap().serialize_pem().len()));
        std::fs::write(&path, leaf + &key.serialize_pem()).unwrap();
        ["--cert".into(), path.to_str().unwrap().into()]
    }
}

#[tokio::test]
async fn a_certificate_from_the_factory_counts_when_its_authority_was_given_to_the_box() {
    let door = Door::open().await;
    let directory = door.ground.directory().to_owned();
    let (factory, forger) = (Factory::new(&directory), Factory::new(&directory));
    let own = mac(1).plain().to_uppercase();
    let url = format!("https://{}/p/{}.cfg", door.secure.at, mac(1).plain());
    let ask = async |certificate: &[String]| {
        let mut arguments = vec!["--write-out", "%{http_code}", "--ciphers", "DEFAULT@SECLEVEL=0"];
        arguments.extend(certificate.iter().map(String::as_str));
        arguments.push(&url);
        door.curl(&arguments).await
    };
    let right = factory.certificate(&own);
    let before = ask(&right).await;
    assert!(before.ends_with("401") && !before.contains("line-secret"), "nobody vouches for it: {before}");

    door.certificates.trust_clients(std::slice::from_ref(&factory.pem)).unwrap();
    let full = ask(&right).await;
    assert!(full.ends_with("200") && full.contains("line-secret-1"), "{full}");
    assert!(matches!(door.ground.phone(1).first_contact, FirstContact::Closed { .. }));
    for (why, certificate) in [
        ("none", Vec::new()),
        ("another phone's", factory.certificate(&mac(2).plain()).to_vec()),
        ("no phone's", factory.certificate("Conference room").to_vec()),
        ("a forger's", forger.certificate(&own).to_vec()),
    ] {
        let answer = ask(&certificate).await;
        assert!(answer.ends_with("401") && !answer.contains("line-secret"), "{why}: {answer}");
    }
    let weak = door.ask_with_a_short_key(&own, &format!("/p/{}.cfg", mac(1).plain())).await;
    assert!(weak.contains("HTTP/1.1 401 "), "let in, and not believed: {weak}");
    door.certificates.trust_clients(&[]).unwrap();
    assert!(ask(&right).await.ends_with("401"), "it is not asked for any more");
}

impl Door {
    /// Asks with a certificate of its own making over a key that can be broken by now.
    async fn ask_with_a_short_key(&self, name: &str, path: &str) -> String {
        let files = ["short.key", "short.pem"].map(|file| self.ground.directory().join(file));
        let [key, certificate] = files.each_ref().map(|path| path.to_str().unwrap());
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:1024", "-noenc", "-days", "30", "-subj", &format!("/CN={name}")])
            .args(["-keyout", key, "-out", certificate])
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let request = self.ground.directory().join("request");
        std::fs::write(&request, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n")).unwrap();
        let mut client = std::process::Command::new("openssl");
        client
            .args(["s_client", "-quiet", "-connect", &self.secure.at.to_string()])
            .args(["-cipher", "DEFAULT@SECLEVEL=0", "-cert", certificate, "-key", key])
            .stdin(std::fs::File::open(request).unwrap());
        let output = soon("openssl", tokio::task::spawn_blocking(move || client.output())).await.unwrap().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[tokio::test]
async fn a_certificate_of_the_companys_own_is_shown_for_its_name_alone() {
    let door = Door::open().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["phones.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let trust = door.ground.directory().join("own.pem");
    std::fs::write(&trust, own.pem()).unwrap();
    let facts = door.certificates.show_own(&[Secret::new(own.pem() + &key.serialize_pem())]).unwrap();
    assert_eq!(facts[0].names, ["phones.example"]);
    let (port, path) = (door.secure.at.port(), "p/ca.pem");
    let resolve = format!("phones.example:{port}:127.0.0.1");
    let named = format!("https://phones.example:{port}/{path}");
    let addressed = format!("https://127.0.0.1:{port}/{path}");
    let trust = trust.to_str().unwrap();
    let by_name = door.curl(&["--cacert", trust, "--resolve", &resolve, &named]).await;
    assert_eq!(by_name, door.ground.authority.root_pem());
    assert_eq!(door.curl(&[&addressed]).await, door.ground.authority.root_pem(), "the box's own, as ever");
    assert!(door.curl(&["--cacert", trust, &addressed]).await.contains("curl: (60)"));
    assert!(door.certificates.show_own(&[Secret::new("nonsense")]).is_err());
    assert_eq!(door.curl(&["--cacert", trust, "--resolve", &resolve, &named]).await, by_name, "still in use");
}
