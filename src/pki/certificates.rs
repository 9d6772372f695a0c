use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use rustls::ServerConfig;
use rustls::SignatureAlgorithm;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::clients::ClientAuthorities;
use super::keyfile::{self, Content};
use super::leaf::{self, Found};
use super::own::{Own, OwnFacts};
use super::{Authority, Error, Names, Why, issue};
use crate::model::{Mac, Now, Secret, Timestamp};

/// The two kinds of leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    Ecdsa,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Rsa, Self::Ecdsa];

    /// File of the leaf, key and certificate in one, beside the root's.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Rsa => "leaf-rsa.pem",
            Self::Ecdsa => "leaf-ecdsa.pem",
        }
    }

    const fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Rsa => SignatureAlgorithm::RSA,
            Self::Ecdsa => SignatureAlgorithm::ECDSA,
        }
    }

    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Ecdsa => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        }
    }
}

/// The leaves in use.
#[derive(Debug)]
struct Pair {
    rsa: Arc<CertifiedKey>,
    ecdsa: Arc<CertifiedKey>,
}

/// All that a handshake may show. Clones share it.
#[derive(Debug, Clone)]
struct Leaves {
    pair: Arc<ArcSwap<Pair>>,
    /// The company's own.
    own: Arc<ArcSwap<Vec<Own>>>,
}

/// The server certificates in use, and the TLS configuration over them. Clones share both.
#[derive(Clone)]
pub struct Certificates {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    provider: Arc<CryptoProvider>,
    leaves: Leaves,
    clients: ArcSwap<ClientAuthorities>,
    server: ArcSwap<ServerConfig>,
    /// Held while files are written.
    writing: Mutex<()>,
}

impl Certificates {
    /// Takes the leaves from `directory`, making anew those that are due. This blocks, and may take a second.
    ///
    /// # Errors
    /// The disk failed, or `names` cannot stand in a certificate.
    pub fn open(directory: &Path, authority: &Authority, names: &Names, now: Now) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let names = names.canonical()?;
        let (rsa, _) = hold(directory, &provider, Kind::Rsa, authority, &names, now)?;
        let (ecdsa, _) = hold(directory, &provider, Kind::Ecdsa, authority, &names, now)?;
        let leaves = Leaves { pair: Arc::new(ArcSwap::from_pointee(Pair { rsa, ecdsa })), own: Arc::default() };
        let clients = ArcSwap::from_pointee(ClientAuthorities::none(&provider));
        let server = ArcSwap::from_pointee(server_config(&provider, &leaves, clients.load_full())?);
        let directory = directory.to_owned();
        Ok(Self { inner: Arc::new(Inner { directory, provider, leaves, clients, server, writing: Mutex::new(()) }) })
    }

    /// Shows certificates of the company's own to clients that ask for one of their names, in place of those before.
    /// Each is a bundle of PEM: the certificate, those between it and its root, and its key.
    ///
    /// # Errors
    /// One of them cannot serve; those before stay in use.
    pub fn show_own(&self, bundles: &[Secret]) -> Result<Vec<OwnFacts>, Error> {
        let read = |bundle| Own::read(bundle, &self.inner.provider);
        let own: Vec<Own> = bundles.iter().map(read).collect::<Result<_, _>>()?;
        let facts = own.iter().map(|own| own.facts.clone()).collect();
        self.inner.leaves.own.store(Arc::new(own));
        Ok(facts)
    }

    /// Takes certificates that these authorities signed for evidence of which phone it is, in place of those before.
    /// Each text holds one or more in PEM. With none, no client is asked for a certificate.
    ///
    /// # Errors
    /// One of them is no certificate; those before stay in use.
    pub fn trust_clients(&self, authorities: &[String]) -> Result<(), Error> {
        let Inner { provider, leaves, clients, server, .. } = &*self.inner;
        let read = Arc::new(ClientAuthorities::read(authorities, provider)?);
        server.store(Arc::new(server_config(provider, leaves, Arc::clone(&read))?));
        clients.store(read);
        Ok(())
    }

    /// The MAC that a client has proven to be by the certificates it showed in its handshake.
    pub fn client_mac(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Option<Mac> {
        self.inner.clients.load().mac(chain, now)
    }

    /// Makes anew the leaves that are due and says why the first one was. Connections that stand are not touched;
    /// the next handshake gets the new leaf. This blocks, and may take a second.
    ///
    /// # Errors
    /// As [`Certificates::open`]; the leaves in use stay in use.
    pub fn keep(&self, authority: &Authority, names: &Names, now: Now) -> Result<Option<Why>, Error> {
        let Inner { directory, provider, leaves, writing, .. } = &*self.inner;
        let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
        let names = names.canonical()?;
        let (rsa, why_rsa) = hold(directory, provider, Kind::Rsa, authority, &names, now)?;
        let (ecdsa, why_ecdsa) = hold(directory, provider, Kind::Ecdsa, authority, &names, now)?;
        // One that was written and could not be read back is due no more, and is in use nowhere yet.
        let held = leaves.pair.load();
        if held.rsa.cert != rsa.cert || held.ecdsa.cert != ecdsa.cert {
            leaves.pair.store(Arc::new(Pair { rsa, ecdsa }));
        }
        Ok(why_rsa.or(why_ecdsa))
    }

    /// What the listeners serve TLS with. It follows every later change of the leaves; whether clients are asked for a
    /// certificate is settled, so each connection takes it anew.
    ///
    /// TLS 1.2 and 1.3. No session is ever resumed: phones come once a day, so tickets would save next to nothing,
    /// keep keys in memory, and blur every measurement of handshakes. No ALPN: a phone that names only protocols
    /// nobody knows is served HTTP/1.1 all the same.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.inner.server.load_full()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("directory", &self.inner.directory).finish_non_exhaustive()
    }
}

/// The leaf of one kind: the one on disk, or a new one with the reason why.
fn hold(
    directory: &Path,
    provider: &CryptoProvider,
    kind: Kind,
    authority: &Authority,
    names: &Names,
    now: Now,
) -> Result<(Arc<CertifiedKey>, Option<Why>), Error> {
    let path = directory.join(kind.file());
    let (found, on_disk) = inspect(&path, provider, kind, authority)?;
    let (_, last) = leaf::validity(now.wall, authority.not_before(), authority.not_after());
    let why = leaf::due(&found, names, last, now);
    match (why, on_disk) {
        (None, Some(key)) => Ok((key, None)),
        (why, _) => {
            let key = kind.generate().map_err(Error::make("a server's key"))?;
            let certificate = issue::issue(authority, names, &key, now)?;
            keyfile::write(&path, &key, &certificate)?;
            match inspect(&path, provider, kind, authority)? {
                (_, Some(key)) => Ok((key, why)),
                (_, None) => Err(rustls::Error::General(format!("{} cannot be read back", path.display())).into()),
            }
        }
    }
}

/// What stands on disk, and the key when it can be used.
fn inspect(
    path: &Path,
    provider: &CryptoProvider,
    kind: Kind,
    authority: &Authority,
) -> Result<(Found, Option<Arc<CertifiedKey>>), Error> {
    let whole = match keyfile::read(path)? {
        Content::Missing => return Ok((Found::Missing, None)),
        Content::Damaged(what) => return Ok((Found::Damaged(what), None)),
        Content::Whole(whole) => whole,
    };
    let usable = issue::facts(authority, &whole.certificate).and_then(|facts| {
        // This also finds a key and a certificate that do not belong together.
        let key = CertifiedKey::from_der(vec![whole.certificate], PrivateKeyDer::Pkcs8(whole.key), provider)
            .map_err(|error| error.to_string())?;
        if key.key.algorithm() == kind.algorithm() { Ok((facts, key)) } else { Err("a key of another kind".into()) }
    });
    Ok(match usable {
        Ok((facts, key)) => (Found::Leaf(facts), Some(Arc::new(key))),
        Err(what) => (Found::Damaged(what), None),
    })
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    leaves: &Leaves,
    clients: Arc<ClientAuthorities>,
) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(Resolver { leaves: leaves.clone() }));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Chooses the leaf by what the client can verify. The server's name plays no part, for phones connect by address;
/// unless it is one that the company has a certificate of its own for.
#[derive(Debug)]
struct Resolver {
    leaves: Leaves,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name()
            && let Some(own) = self.leaves.own.load().iter().find(|own| own.is_for(name))
        {
            return Some(Arc::clone(&own.key));
        }
        let pair = self.leaves.pair.load();
        // The library has already left out the schemes that no cipher suite of the client's could use.
        let takes = |leaf: &Arc<CertifiedKey>| leaf.key.choose_scheme(hello.signature_schemes()).is_some();
        // RSA for those that take both: many phones offer ECDSA and trust only RSA. A client that takes neither fails
        // on RSA, with an error that says what it lacks.
        let ecdsa = !takes(&pair.rsa) && takes(&pair.ecdsa);
        Some(Arc::clone(if ecdsa { &pair.ecdsa } else { &pair.rsa }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    const NOW: Now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(1_790_000_000), trusted: true };

    fn names(address: [u8; 4]) -> Names {
        Names {
            common_name: "block66.example".into(),
            dns: vec!["block66".into()],
            addresses: vec![address.into(), "fd00::1".parse().unwrap()],
        }
    }

    fn ders(certificates: &Certificates) -> [Vec<u8>; 2] {
        let pair = certificates.inner.leaves.pair.load();
        [pair.rsa.cert[0].to_vec(), pair.ecdsa.cert[0].to_vec()]
    }

    #[test]
    fn leaves_are_what_phones_accept() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW.wall).unwrap();
        let certificates = Certificates::open(directory.path(), &authority, &names([10, 66, 0, 1]), NOW).unwrap();
        let mut serials = Vec::new();
        for (der, flags) in ders(&certificates).iter().zip([0b101, 0b001]) {
            let (_, leaf) = X509Certificate::from_der(der).unwrap();
            assert!(authority.signed(&leaf));
            assert_eq!(leaf.signature_algorithm.algorithm.to_id_string(), "1.2.840.113549.1.1.11", "RSA with SHA-256");
            assert_eq!(leaf.subject().to_string(), "CN=block66.example");
            assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
            assert_eq!(leaf.key_usage().unwrap().unwrap().value.flags, flags);
            let purpose = leaf.extended_key_usage().unwrap().unwrap().value;
            assert!(purpose.server_auth && !purpose.client_auth && !purpose.any);
            assert!(leaf.extensions().iter().any(|e| e.oid.to_id_string() == "2.5.29.35"), "authority key identifier");
            let facts = issue::facts(&authority, &der.clone().into()).unwrap();
            assert_eq!(facts.names, names([10, 66, 0, 1]).canonical().unwrap());
            assert_eq!(facts.not_before.to_string(), "2025-09-21T14:13:20Z");
            assert_eq!(facts.not_after.to_string(), "2027-12-25T14:13:19Z");
            serials.push(leaf.raw_serial().to_vec());
        }
        assert_ne!(serials[0], serials[1]);
        for kind in Kind::ALL {
            let mode = fs::metadata(directory.path().join(kind.file())).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn they_are_kept_over_a_restart_and_made_anew_when_due() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW.wall).unwrap();
        let here = names([10, 66, 0, 1]);
        let first = ders(&Certificates::open(directory.path(), &authority, &here, NOW).unwrap());
        let certificates = Certificates::open(directory.path(), &authority, &here, NOW).unwrap();
        assert_eq!(ders(&certificates), first);
        assert_eq!(certificates.keep(&authority, &here, NOW).unwrap(), None);

        let moved = names([10, 66, 9, 9]);
        assert_eq!(certificates.keep(&authority, &moved, NOW).unwrap(), Some(Why::NamesChanged));
        let second = ders(&certificates);
        assert!(second[0] != first[0] && second[1] != first[1]);
        assert_eq!(certificates.keep(&authority, &moved, NOW).unwrap(), None);

        let later = Now { wall: NOW.wall.plus(Duration::from_secs(400 * 86_400)), ..NOW };
        assert!(matches!(certificates.keep(&authority, &moved, later).unwrap(), Some(Why::Ends(_))));
        assert_eq!(certificates.keep(&authority, &moved, later).unwrap(), None);
    }

    #[test]
    fn damaged_and_foreign_ones_are_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW.wall).unwrap();
        let here = names([10, 66, 0, 1]);
        let certificates = Certificates::open(directory.path(), &authority, &here, NOW).unwrap();
        let [rsa, ecdsa] = Kind::ALL.map(|kind| directory.path().join(kind.file()));
        let whole = fs::read(&rsa).unwrap();
        for cut in [0, 20, whole.len() / 2, whole.len() - 20] {
            fs::write(&rsa, &whole[..cut]).unwrap();
            let why = certificates.keep(&authority, &here, NOW).unwrap();
            assert!(matches!(why, Some(Why::Damaged(_))), "{cut}: {why:?}");
        }
        fs::copy(&rsa, &ecdsa).unwrap();
        let why = certificates.keep(&authority, &here, NOW).unwrap();
        assert_eq!(why, Some(Why::Damaged("a key of another kind".into())));

        let elsewhere = tempfile::tempdir().unwrap();
        let other = Authority::open(elsewhere.path(), NOW.wall).unwrap();
        assert_eq!(certificates.keep(&other, &here, NOW).unwrap(), Some(Why::OtherAuthority));
    }

    /// As after one was written and could not be read back.
    #[test]
    fn what_is_on_the_disk_is_in_use_though_nothing_is_due() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW.wall).unwrap();
        let certificates = Certificates::open(directory.path(), &authority, &names([10, 66, 0, 1]), NOW).unwrap();
        let moved = names([10, 66, 0, 2]);
        let written = Certificates::open(directory.path(), &authority, &moved, NOW).unwrap();
        assert_eq!(certificates.keep(&authority, &moved, NOW).unwrap(), None);
        assert_eq!(ders(&certificates), ders(&written));
    }

    #[test]
    fn a_bad_name_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), NOW.wall).unwrap();
        let here = names([10, 66, 0, 1]);
        let certificates = Certificates::open(directory.path(), &authority, &here, NOW).unwrap();
        let before = ders(&certificates);
        let wild = Names { dns: vec!["*.example".into()], ..here };
        assert!(matches!(certificates.keep(&authority, &wild, NOW), Err(Error::Name { .. })));
        assert_eq!(ders(&certificates), before);
    }
}
