use std::fmt;
use std::net::IpAddr;

/// How a phone is told to reach the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Until the phone has our CA.
    Http,
    /// From then on.
    Https,
}

/// Where the box is, as seen from the phone that the URL is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxAddress {
    /// The address of the interface that the phone is behind.
    pub host: IpAddr,
    /// Port of the plain listener.
    pub http: u16,
    /// Port of the TLS listener.
    pub https: u16,
}

/// Makes every URL that is handed to a phone, whether by DHCP, PnP, file or redirect.
///
/// `path` is relative to the provisioning prefix and may be empty: the URL then ends with `/`, as a phone expects
/// that adds file names of its own. The port is left out where it is the scheme's own, which some phones insist on.
pub fn provisioning_url(scheme: Scheme, at: &BoxAddress, path: &str) -> String {
    format!("{}p/{path}", root_url(scheme, at))
}

/// Where people find the page.
pub fn page_url(at: &BoxAddress) -> String {
    root_url(Scheme::Https, at)
}

fn root_url(scheme: Scheme, at: &BoxAddress) -> String {
    let (name, port, usual) = match scheme {
        Scheme::Http => ("http", at.http, 80),
        Scheme::Https => ("https", at.https, 443),
    };
    let port = if port == usual { String::new() } else { format!(":{port}") };
    format!("{name}://{}{port}/", Host(at.host))
}

struct Host(IpAddr);

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_the_usual_port() {
        let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 8443 };
        assert_eq!(provisioning_url(Scheme::Http, &at, ""), "http://10.66.0.1/p/");
        assert_eq!(provisioning_url(Scheme::Https, &at, "ca.pem"), "https://10.66.0.1:8443/p/ca.pem");
        assert_eq!(page_url(&at), "https://10.66.0.1:8443/");
    }
}
