use std::net::IpAddr;
use std::sync::OnceLock;

use http_body_util::{BodyExt, Full};
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
    /// A file for somebody who asks over TFTP: the same files under the same rules as over HTTP, on the evidence of the
    /// LAN alone.
    ///
    /// # Errors
    /// The status that HTTP would have: 404 when there is none, 400 when the name makes no sense, 403 and others when
    /// it is not for the asker.
    pub async fn file_over_tftp(&self, name: &str, address: IpAddr, local: IpAddr) -> Result<Bytes, StatusCode> {
        let path = format!("/{name}");
        let (method, headers) = (Method::GET, HeaderMap::new());
        let query = self.over_tftp(&path, (&method, &headers), (address, local));
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

    /// Takes what a phone leaves over TFTP, on the evidence of the LAN alone; the status that HTTP would have.
    pub async fn left_over_tftp(&self, name: &str, bytes: Bytes, address: IpAddr, local: IpAddr) -> StatusCode {
        let path = format!("/{name}");
        let (method, headers) = (Method::PUT, HeaderMap::new());
        let query = self.over_tftp(&path, (&method, &headers), (address, local));
        let Ok(wanted) = Wanted::read(&path) else { return StatusCode::BAD_REQUEST };
        let known = self.phone_at(address).and_then(|phone| phone.brand.clone());
        match self.registry.file_of(wanted.name(), known.as_deref()) {
            FileMatch::Served { brand, rule, places } if rule.kind == FileKind::Upload => {
                let claimed = self.claimed(&query, &places);
                let file = access_of(rule);
                let target = Target { brand, rule, file, claimed, places: &places, asked: wanted.name() };
                self.take(&query, &wanted, target, Full::new(bytes)).await.status()
            }
            _ => {
                self.record(&query, self.mac_at(address), Reason::NotServed);
                StatusCode::FORBIDDEN
            }
        }
    }

    fn over_tftp<'a>(
        &self,
        path: &'a str,
        (method, headers): (&'a Method, &'a HeaderMap),
        (address, local): (IpAddr, IpAddr),
    ) -> Query<'a> {
        Query {
            method,
            headers,
            asked: path,
            parameters: None,
            agent: None,
            said: None,
            neighbour: OnceLock::new(),
            login: OnceLock::new(),
            peer: Peer { address, local, tls: false, certificate: None },
            channel: Channel::Tftp,
            now: self.clock.now(),
        }
    }
}
