use std::net::IpAddr;
use std::sync::OnceLock;

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, StatusCode};

use super::query::Query;
use super::{Provision, Target, access_of};
use crate::access::Channel;
use crate::brands::{FileKind, FileMatch};
use crate::http::Peer;
use crate::http::path::Wanted;
use crate::model::Reason;

impl Provision {
    /// A file for somebody who asks over TFTP: the same files under the same rules as over HTTP, on the evidence of the LAN
    /// alone.
    ///
    /// # Errors
    /// The status that HTTP would have: 404 when there is none, 400 when the name makes no sense, 403 and others when it is
    /// not for the asker.
    pub async fn file_over_tftp(&self, name: &str, address: IpAddr, local: IpAddr) -> Result<Bytes, StatusCode> {
        let path = format!("/{name}");
        let (method, headers) = (Method::GET, HeaderMap::new());
        let peer = Peer { address, local, tls: false, certificate: None };
        let query = Query {
            method: &method,
            headers: &headers,
            asked: &path,
            parameters: None,
            agent: None,
            said: None,
            neighbour: OnceLock::new(),
            peer,
            channel: Channel::Tftp,
            now: self.clock.now(),
        };
        let wanted = match Wanted::read(&path) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.record(&query, None, Reason::HttpMalformed { what: error.to_string() });
                return Err(StatusCode::BAD_REQUEST);
            }
        };
        let response = match self.root_file(&query, &wanted) {
            Some(response) => response,
            None => {
                // The name is all that it says of itself; a listed phone is of the brand that it was known as.
                let known = self.phone_at(address).and_then(|phone| phone.brand.clone());
                match self.registry.file_of(wanted.name(), known.as_deref()) {
                    FileMatch::Served { brand, rule, places } if rule.kind != FileKind::Redirect => {
                        let claimed = self.claimed(&query, &places);
                        let file = access_of(rule);
                        let target = Target { brand, rule, file, claimed, places: &places, asked: wanted.name() };
                        self.hand_out(&query, &wanted, target).await
                    }
                    _ => {
                        self.record(&query, self.mac_at(address), Reason::NotServed);
                        return Err(StatusCode::NOT_FOUND);
                    }
                }
            }
        };
        let (head, body) = response.into_parts();
        match (head.status, body.collect().await) {
            (StatusCode::OK, Ok(body)) => Ok(body.to_bytes()),
            (StatusCode::OK, Err(_)) => Err(StatusCode::INTERNAL_SERVER_ERROR),
            (status, _) => Err(status),
        }
    }
}
