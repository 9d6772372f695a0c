//! What real TLS clients get from the box's certificates: the installed `openssl` against a listener over them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use block66::model::{Now, Reason, Timestamp};
use block66::pki::{Authority, Certificates, Names, Why, explain};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const DEADLINE: Duration = Duration::from_secs(20);
const BOTH: &str = "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
const ONLY_RSA: &str = "RSA-PSS+SHA256:RSA+SHA256";
const ONLY_ECDSA: &str = "ECDSA+SHA256";

/// The certificates of a box whose addresses are all on the loopback.
struct Ground {
    directory: tempfile::TempDir,
    authority: Authority,
    certificates: Certificates,
    now: Now,
}

impl Ground {
    fn new() -> Self {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let wall = Timestamp::from_secs(seconds.try_into().unwrap());
        let now = Now { monotonic: Duration::ZERO, wall, trusted: true };
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), wall).unwrap();
        let certificates = Certificates::open(directory.path(), &authority, &names(Ipv4Addr::LOCALHOST), now).unwrap();
        std::fs::write(directory.path().join("trust.pem"), authority.root_pem()).unwrap();
        Self { directory, authority, certificates, now }
    }

    fn trust(&self) -> PathBuf {
        self.directory.path().join("trust.pem")
    }

    /// One handshake of `openssl s_client` that trusts the root and asks for the loopback address.
    fn connect(&self, config: Arc<ServerConfig>, options: &[&str]) -> Exchange {
        let trust = self.trust();
        let mut all = vec!["-CAfile", trust.to_str().unwrap(), "-verify_ip", "127.0.0.1", "-verify_return_error"];
        all.extend(options);
        exchange(config, &all)
    }
}

fn names(address: Ipv4Addr) -> Names {
    Names { common_name: "block66.test".into(), dns: vec!["block66".into()], addresses: vec![address.into()] }
}

/// What both sides saw of a handshake.
struct Exchange {
    client: String,
    server: Result<(), Reason>,
}

impl Exchange {
    fn says(&self, text: &str) -> bool {
        self.client.contains(text)
    }

    fn verified(&self, what: &str) {
        assert_eq!(self.server, Ok(()), "{what}: {}", self.client);
        assert!(self.says("Verify return code: 0 (ok)"), "{what}: {}", self.client);
    }

    fn leaf(&self) -> &'static str {
        match (self.says("Server public key is 2048 bit"), self.says("Server public key is 256 bit")) {
            (true, false) => "RSA",
            (false, true) => "ECDSA",
            _ => panic!("no leaf in {}", self.client),
        }
    }
}

/// Runs `openssl s_client` once against a listener with `config`.
fn exchange(config: Arc<ServerConfig>, options: &[&str]) -> Exchange {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = Command::new("openssl")
            .args(["s_client", "-noservername", "-connect", &listener.local_addr().unwrap().to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is installed");
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(config).accept(stream).await.map_err(|error| explain(&error))?;
            let mut rest = Vec::new();
            // The client hangs up once it has shown the certificate.
            let _ = stream.read_to_end(&mut rest).await;
            let _ = stream.shutdown().await;
            Ok(())
        };
        let server = tokio::time::timeout(DEADLINE, server).await.expect("the handshake ends in time");
        let output = client.wait_with_output().unwrap();
        let client = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        Exchange { client, server }
    })
}

#[test]
fn every_client_gets_a_chain_that_verifies_for_the_address() {
    let ground = Ground::new();
    for version in ["-tls1_2", "-tls1_3"] {
        for (schemes, leaf) in [(ONLY_RSA, "RSA"), (ONLY_ECDSA, "ECDSA"), (BOTH, "RSA")] {
            let what = format!("{version} {schemes}");
            let seen = ground.connect(ground.certificates.server_config(), &[version, "-sigalgs", schemes]);
            seen.verified(&what);
            assert_eq!(seen.leaf(), leaf, "{what}");
            let protocol = if version == "-tls1_2" { "New, TLSv1.2," } else { "New, TLSv1.3," };
            assert!(seen.says(protocol), "{what}: {}", seen.client);
            println!("{version} {schemes}: {leaf} leaf, verified");
        }
    }
}

#[test]
fn cipher_suites_bind_the_leaf_where_schemes_do_not() {
    let ground = Ground::new();
    for (cipher, leaf) in [("ECDHE-RSA-AES128-GCM-SHA256", "RSA"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA")] {
        let seen =
            ground.connect(ground.certificates.server_config(), &["-tls1_2", "-sigalgs", BOTH, "-cipher", cipher]);
        seen.verified(cipher);
        assert_eq!(seen.leaf(), leaf, "{cipher}");
    }
}

#[test]
fn names_count_as_well_as_addresses_and_no_others_do() {
    let ground = Ground::new();
    let trust = ground.trust();
    let ask = |option: &str, value: &str| {
        let options = ["-CAfile", trust.to_str().unwrap(), option, value, "-verify_return_error"];
        exchange(ground.certificates.server_config(), &options)
    };
    ask("-verify_hostname", "block66.test").verified("the common name");
    ask("-verify_hostname", "block66").verified("the short name");
    assert!(ask("-verify_ip", "127.0.0.2").says("IP address mismatch"));
    assert!(ask("-verify_hostname", "other.test").says("hostname mismatch"));
}

#[test]
fn what_is_too_old_is_refused_and_named() {
    let ground = Ground::new();
    let old: [(&str, &[&str], &str); 6] = [
        ("TLS 1.1", &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], "neither TLS 1.3 nor TLS 1.2"),
        ("TLS 1.0", &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], "neither TLS 1.3 nor TLS 1.2"),
        ("static RSA", &["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "forward secrecy"),
        ("CBC", &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"], "AES-GCM"),
        ("finite-field DH", &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], "forward secrecy"),
        ("SHA-1", &["-tls1_2", "-cipher", "DEFAULT@SECLEVEL=0", "-sigalgs", "RSA+SHA1"], "SHA-1"),
    ];
    for (what, options, lack) in old {
        let seen = ground.connect(ground.certificates.server_config(), options);
        let Err(reason @ Reason::TlsTooOld { .. }) = &seen.server else {
            panic!("{what}: {:?} {}", seen.server, seen.client);
        };
        assert!(reason.sentence().contains(lack), "{what}: {}", reason.sentence());
        println!("{what}: {}", reason.sentence());
    }
}

#[test]
fn a_client_without_our_ca_is_known_by_its_alert() {
    let ground = Ground::new();
    let nothing = ground.directory.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let options =
            [version, "-verify_return_error", "-no-CAfile", "-no-CAstore", "-CApath", nothing.to_str().unwrap()];
        let seen = exchange(ground.certificates.server_config(), &options);
        assert_eq!(seen.server, Err(Reason::TlsUnknownCa), "{version}: {}", seen.client);
    }
}

#[test]
fn no_session_is_resumed() {
    let ground = Ground::new();
    let session = ground.directory.path().join("session");
    let session = session.to_str().unwrap();
    let config = ground.certificates.server_config();
    for version in ["-tls1_2", "-tls1_3"] {
        let first = ground.connect(config.clone(), &[version, "-sess_out", session]);
        first.verified(version);
        assert!(!first.says("TLS session ticket:"), "{version}: {}", first.client);
        if std::path::Path::new(session).exists() {
            let second = ground.connect(config.clone(), &[version, "-sess_in", session]);
            assert!(second.says("New, TLS") && !second.says("Reused, TLS"), "{version}: {}", second.client);
        }
    }
}

#[test]
fn a_new_leaf_drops_no_connection() {
    let ground = Ground::new();
    let config = ground.certificates.server_config();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ground.authority.root_der().to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(config);
        let echo = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut byte = [0];
                    while let Ok(1) = stream.read(&mut byte).await {
                        stream.write_all(&byte).await.unwrap();
                        stream.flush().await.unwrap();
                    }
                });
            }
        });
        let connect = |to: SocketAddr, name: IpAddr| {
            let connector = connector.clone();
            async move { connector.connect(name.into(), TcpStream::connect(to).await?).await }
        };
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let elsewhere = Ipv4Addr::new(10, 66, 0, 1);
        let mut standing = connect(address, here).await.unwrap();
        assert!(connect(address, elsewhere.into()).await.is_err());
        let why = ground.certificates.keep(&ground.authority, &names(elsewhere), ground.now).unwrap();
        assert_eq!(why, Some(Why::NamesChanged));
        connect(address, elsewhere.into()).await.expect("the next handshake gets the new leaf");
        let mut byte = [7];
        standing.write_all(&byte).await.unwrap();
        standing.flush().await.unwrap();
        byte = [0];
        standing.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, [7]);
        echo.abort();
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("in time") });
}
