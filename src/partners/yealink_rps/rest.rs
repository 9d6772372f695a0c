//! PURE. REST, version 1: how calls are signed.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::model::Secret;

/// Headers of a call that prove whose it is. `path` has no leading slash; `query` is sorted where there is one, and
/// counts only where there is no body.
pub(super) fn signed(
    (key, secret): (&str, &Secret),
    (nonce, millis): (&str, i64),
    method: &str,
    (path, query): (&str, &str),
    body: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if let Some(body) = body {
        headers.push(("Content-MD5", STANDARD.encode(Md5::digest(body.as_bytes()))));
    }
    headers.extend([
        ("X-Ca-Key", key.to_owned()),
        ("X-Ca-Nonce", nonce.to_owned()),
        ("X-Ca-Timestamp", millis.to_string()),
    ]);
    let mut text = format!("{method}\n");
    for (name, value) in &headers {
        text += &format!("{name}:{value}\n");
    }
    text += path;
    if body.is_none() && !query.is_empty() {
        text += &format!("\n{query}");
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), text.as_bytes());
    headers.push(("X-Ca-Signature", STANDARD.encode(tag.as_ref())));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(headers: &'a [(&'static str, String)], name: &str) -> &'a str {
        headers.iter().find(|(header, _)| *header == name).map_or("", |(_, value)| value)
    }

    /// Made with openssl from the text that must be signed.
    #[test]
    fn calls_are_signed_over_sorted_headers_and_path() {
        let secret = Secret::new("secret");
        let login = ("key", &secret);
        let body = "{}";
        let headers = signed(login, ("nonce", 1_700_000_000_000), "POST", ("api/open/v1/device/list", ""), Some(body));
        // printf '{}' | openssl md5 -binary | base64
        assert_eq!(of(&headers, "Content-MD5"), "mZFLkyvTelC5g8XnyQrpOw==");
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["Content-MD5", "X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp", "X-Ca-Signature"]);
        let other = signed(login, ("nonce", 1_700_000_000_000), "POST", ("api/open/v1/device/add", ""), Some(body));
        assert_ne!(of(&headers, "X-Ca-Signature"), of(&other, "X-Ca-Signature"));
        let get = signed(login, ("nonce", 1), "GET", ("api/open/v1/device/checkMac", "mac=805ec0000001"), None);
        assert_eq!(of(&get, "Content-MD5"), "");
        assert_eq!(of(&get, "X-Ca-Signature").len(), 44);
    }
}
