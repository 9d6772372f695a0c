//! Which side answers: files for phones, the administrator's page, or the word where that page is.

use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::path::Wanted;
use super::provision::Provision;
use super::{Body, Peer, Service, body};
use crate::model::{BoxAddress, page_url};
use crate::pki::Fingerprint;

/// The service of both listeners. `page` is reached over TLS alone; over plain HTTP `/` says where it is.
///
/// All below `/p/`, bare file names, and the paths that phones make up by themselves are files for phones on both.
/// Neither side answers sources outside the configured networks.
pub fn service(provision: Arc<Provision>, page: Service, root: Fingerprint, https: u16) -> Service {
    Arc::new(move |request: Request<_>, peer: Peer| {
        let provision = Arc::clone(&provision);
        let wanted = Wanted::read(request.uri().path());
        let is_page = match &wanted {
            Ok(wanted) => !provision.has_files_at(wanted),
            // Who calls the API is told in its own form what is wrong with a path.
            Err(_) => request.uri().path().starts_with("/api/"),
        };
        if is_page && provision.serves(peer.address) {
            if peer.tls {
                return page(request, peer);
            }
            if wanted.is_ok_and(|wanted| wanted.name().is_empty())
                && matches!(*request.method(), Method::GET | Method::HEAD)
            {
                let response = landing(peer, https, root);
                return Box::pin(async move { response });
            }
        }
        Box::pin(async move { provision.answer(request, peer).await })
    })
}

/// The page of plain HTTP: where to go, and how to know that it is the right box.
fn landing(peer: Peer, https: u16, root: Fingerprint) -> Response<Body> {
    let at = BoxAddress { host: peer.local, http: 80, https };
    let page = page_url(&at);
    let words = root.words();
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Block66</title>\n\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}\
         code{{overflow-wrap:anywhere}}</style>\n\
         <h1>Block66</h1>\n\
         <p>The page of this box is at <a href=\"{page}\">{page}</a>.</p>\n\
         <p>Your browser will not know the box's certificate authority yet. \
         <a href=\"/ca.crt\">Fetch it</a>, and compare its fingerprint with the one on the box's console:</p>\n\
         <p><strong>{words}</strong></p>\n\
         <p><code>{root}</code></p>\n\
         </html>\n"
    );
    let mut response = Response::new(body(text));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
