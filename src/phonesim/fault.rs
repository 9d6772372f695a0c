use std::net::{IpAddr, Ipv4Addr};

/// Why a step of a phone's way into service failed, in words for an administrator.
///
/// Only the phone's side speaks here: what it was given and what it could not do with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No server answered a DISCOVER or a REQUEST.
    #[error("no DHCP server answered")]
    NoLease,
    /// The interface could not be used at all.
    #[error("the network interface failed: {0}")]
    Interface(String),
    /// A DHCPINFORM was not answered.
    #[error("DHCP tells this phone nothing: {why}")]
    Uninformed {
        /// Why not.
        why: String,
    },
    /// Neither DHCP nor an earlier file says where the configuration is.
    #[error("nothing says where the configuration is: no DHCP option 66 or 43, and no URL kept from before")]
    NoProvisioningUrl,
    /// A URL that cannot be used.
    #[error("\"{url}\" is not a URL that this phone can use: {why}")]
    BadUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Neither DHCP nor a file names a time server.
    #[error("no time server is known: the clock stays in 1970")]
    NoTimeServer,
    /// The time server gave no usable answer.
    #[error("the time server {server} {why}: the clock stays in 1970")]
    NoTime {
        /// Its address.
        server: IpAddr,
        /// What it did instead.
        why: &'static str,
    },
    /// A rehearsal asks nobody but the box.
    #[error("{host} is another host, which a rehearsal does not ask")]
    Elsewhere {
        /// The host.
        host: IpAddr,
    },
    /// The software that the phone is told to take is not there.
    #[error("the software that this phone is told to take cannot be had: {why}")]
    NoImage {
        /// What came in place of it.
        why: String,
    },
    /// The TCP connection failed.
    #[error("cannot connect to {host}: {why}")]
    Unreachable {
        /// Address and port.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The connection ended or stood still in the middle of an answer.
    #[error("{file}: the answer broke off: {why}")]
    Broken {
        /// What was asked for.
        file: String,
        /// What the system said.
        why: String,
    },
    /// The answer is not HTTP.
    #[error("{file}: the answer is not HTTP: {why}")]
    NotHttp {
        /// What was asked for.
        file: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file is not there.
    #[error("{file}: the server does not have it (404)")]
    NotFound {
        /// What was asked for.
        file: String,
    },
    /// A login is asked for and the phone has none.
    #[error("{file}: a login is asked for, and this phone has none")]
    LoginAsked {
        /// What was asked for.
        file: String,
    },
    /// The phone's login was refused.
    #[error("{file}: the login that this phone was given is refused")]
    LoginRefused {
        /// What was asked for.
        file: String,
    },
    /// The server asks for a login in a way that the phone does not know.
    #[error("{file}: a login is asked for in a way that this phone does not know: {challenge}")]
    LoginUnknown {
        /// What was asked for.
        file: String,
        /// The challenge as sent.
        challenge: String,
    },
    /// Any other status.
    #[error("{file}: the server answered {status}")]
    Status {
        /// What was asked for.
        file: String,
        /// The status code.
        status: u16,
    },
    /// The first line of a configuration file is not the one that the brand insists on.
    #[error(
        "{file}: the first line is not #!version:1.0.0.1, so the phone ignores the file; it begins with {begins:?}"
    )]
    NoVersionLine {
        /// Its name.
        file: String,
        /// Its first characters.
        begins: String,
    },
    /// A web page in place of a configuration file.
    #[error("{file}: this is a web page (HTML), not a configuration file; the phone ignores it")]
    Html {
        /// Its name.
        file: String,
    },
    /// The file is not written as the brand wants it.
    #[error("{file}: the phone ignores the file: {why}")]
    Unreadable {
        /// Its name.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The phone looked everywhere and nothing was its own file.
    #[error("none of the files is this phone's own")]
    NoOwnFile,
    /// The file is not text.
    #[error("{file}: the file is not UTF-8 text")]
    NotText {
        /// Its name.
        file: String,
    },
    /// No file named a provisioning URL, so the phone never comes to HTTPS.
    #[error("no file sets {0}: the phone never learns the HTTPS address")]
    NoServerUrl(&'static str),
    /// Nobody gave the phone a login, and it can be told from others by nothing else.
    #[error("no file gives the phone a login")]
    NoLogin,
    /// The provisioning URL that was learned is not HTTPS.
    #[error("the provisioning URL that the files set is not HTTPS: {0}")]
    PlainServerUrl(String),
    /// Nothing makes the phone come back before somebody restarts it.
    #[error("no file switches polling on: the phone does not come back until somebody restarts it")]
    NoPolling,
    /// No file named a CA and the phone has none.
    #[error("no file sets {0}: the phone has no CA to trust")]
    NoAuthority(&'static str),
    /// The CA file cannot be read.
    #[error("{url}: this is not a CA certificate (PEM or DER)")]
    BadAuthority {
        /// Where it came from.
        url: String,
    },
    /// Certificates are not to be checked, or not against the CAs that were installed.
    #[error("{0}")]
    TrustSwitch(&'static str),
    /// TLS: the server's certificate is signed by no CA that the phone trusts.
    #[error("{host}: its certificate is signed by a CA that this phone does not trust ({held})")]
    UnknownAuthority {
        /// Address and port.
        host: String,
        /// What the phone does trust.
        held: String,
    },
    /// TLS: the certificate is not valid yet by the phone's clock.
    #[error("{host}: by this phone's clock ({clock}) its certificate is not valid yet")]
    NotYetValid {
        /// Address and port.
        host: String,
        /// The phone's clock.
        clock: String,
    },
    /// TLS: the certificate has ended by the phone's clock.
    #[error("{host}: by this phone's clock ({clock}) its certificate has expired")]
    Expired {
        /// Address and port.
        host: String,
        /// The phone's clock.
        clock: String,
    },
    /// TLS: the certificate is for another name.
    #[error("{host}: its certificate is for another name or address")]
    WrongName {
        /// Address and port.
        host: String,
    },
    /// TLS: the phone speaks no version that the server takes.
    #[error("{host}: the phone speaks TLS 1.0 and nothing newer: {why}")]
    OldTls {
        /// Address and port.
        host: String,
        /// What became of it.
        why: String,
    },
    /// TLS: anything else.
    #[error("{host}: TLS failed: {why}")]
    Tls {
        /// Address and port.
        host: String,
        /// What went wrong.
        why: String,
    },
    /// The own file came over HTTPS and nobody asked for a login.
    #[error("the phone's own file was handed out with no login asked for")]
    NoLoginAsked,
    /// The own file was fetched as it should be and holds no line.
    #[error("the phone's own file switches no account on")]
    NoAccount,
    /// A lease without something that the phone needs.
    #[error("the DHCP server's answer lacks {0}")]
    LeaseLacks(&'static str),
    /// The lease ran out.
    #[error("the lease of {0} has ended and no server renewed it")]
    LeaseEnded(Ipv4Addr),
}

/// Why a phone stopped in the middle of something.
#[derive(Debug)]
pub(super) enum Halt {
    /// Something is wrong; the phone goes on with the next thing.
    Fault(Fault),
    /// Its power went, or somebody turned it off and on.
    Power(super::power::Order),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
