//! PURE. Digests, session keys and the cipher of the app and sysclient protocols.
//!
//! The cipher is RC4: it hides and does not protect. Garbage decrypts to garbage without any error, so that what comes
//! out is looked at before it is used, and nothing of this belongs on a wire without TLS.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::model::Secret;
use crate::sys::hex;

/// What an app login is made of. What is missing is empty, but for `info`: without one its colon is missing, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct AppLogin<'a> {
    /// Name of the app.
    pub app: &'a str,
    /// Domain of the PBX.
    pub domain: &'a str,
    /// SIP name.
    pub sip: &'a str,
    /// Identity in hexadecimal.
    pub guid: &'a str,
    /// Long name.
    pub dn: &'a str,
    /// The bytes of the object `info` as they stood in the message.
    pub info: Option<&'a str>,
}

impl AppLogin<'_> {
    /// SHA-256 over all of it, the challenge and the app's password, in lower-case hexadecimal.
    pub fn digest(&self, challenge: &str, password: &str) -> String {
        let mut parts = vec![self.app, self.domain, self.sip, self.guid, self.dn];
        parts.extend(self.info);
        parts.extend([challenge, password]);
        sha256(&parts.join(":"))
    }
}

/// Digest by which a device of an earlier session is known: identity, product, version, challenge, stored password.
pub(super) fn sysclient(id: &str, product: &str, version: &str, challenge: &str, password: &str) -> String {
    sha256(&[id, product, version, challenge, password].join(":"))
}

/// The key of one app session: known to both sides, and to nobody who does not know the app's password.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Secret);

impl SessionKey {
    /// Of a session that began with this challenge.
    pub fn new(challenge: &str, password: &str) -> Self {
        Self(Secret::new(sha256(&format!("innovaphoneAppSessionKey:{challenge}:{password}"))))
    }

    /// One that came wrapped: in a login that the PBX issued for another service.
    pub fn unwrap(&self, salt: &str, wrapped: &str) -> Option<Self> {
        let key = self.decrypt(salt, wrapped)?;
        let well = key.expose().len() == 64 && key.expose().bytes().all(|b| b.is_ascii_hexdigit());
        well.then_some(Self(key))
    }

    /// A text in hexadecimal, hidden with a seed that is sent along.
    pub fn encrypt(&self, seed: &str, text: &str) -> String {
        hex::encode(&rc4(&keyed(seed, self.0.expose()), text.as_bytes()))
    }

    /// The text behind hexadecimal digits; `None` when it is none: a wrong key makes garbage.
    pub fn decrypt(&self, seed: &str, hidden: &str) -> Option<Secret> {
        decrypt(seed, self.0.expose(), hidden)
    }

    /// SHA-256 of seed, key and text.
    pub fn hash(&self, seed: &str, text: &str) -> String {
        sha256(&[seed, self.0.expose(), text].join(":"))
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(••••••)")
    }
}

/// The text behind hexadecimal digits that was hidden with a seed and a secret; `None` when it is no printable text.
pub(super) fn decrypt(seed: &str, secret: &str, hidden: &str) -> Option<Secret> {
    let text = String::from_utf8(rc4(&keyed(seed, secret), &hex::decode(hidden)?)).ok()?;
    (!text.chars().any(char::is_control)).then(|| Secret::new(text))
}

/// Whether two digests are one, in the same time whatever they are.
pub(super) fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.to_ascii_lowercase().as_bytes(), other.to_ascii_lowercase().as_bytes()).is_ok()
}

fn keyed(seed: &str, secret: &str) -> Vec<u8> {
    [seed, secret].join(":").into_bytes()
}

/// RC4 from its first byte on.
fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|index| u8::try_from(index).unwrap_or_default());
    let at = |state: &[u8; 256], index: u8| state.get(usize::from(index)).copied().unwrap_or_default();
    let mut j = 0_u8;
    for (i, byte) in (0..=255_u8).zip(key.iter().cycle()) {
        j = j.wrapping_add(at(&state, i)).wrapping_add(*byte);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let mut next = |byte: &u8| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        byte ^ at(&state, at(&state, i).wrapping_add(at(&state, j)))
    };
    text.iter().map(&mut next).collect()
}

fn sha256(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor's own examples, then logins that were recorded from a PBX.
    #[test]
    fn app_logins_have_these_digests() {
        let (challenge, password) = ("0123456789abcdef", "pwd");
        let plain = AppLogin { app: "pbxadminapi", ..AppLogin::default() };
        for (login, expected) in [
            (plain, "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1"),
            (
                AppLogin { info: Some("{}"), ..plain },
                "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34",
            ),
            (
                AppLogin { info: Some(r#"{"cn":"Test User"}"#), ..plain },
                "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d",
            ),
            (
                AppLogin {
                    app: "innovaphone-users",
                    domain: "example.com",
                    sip: "administrator",
                    guid: "0123456789abcdef0123456789abcdef",
                    dn: "Administrator User",
                    info: Some(
                        r#"{"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],"appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true}"#,
                    ),
                },
                "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44",
            ),
        ] {
            assert_eq!(login.digest(challenge, password), expected);
        }
        let recorded = AppLogin {
            app: "searchapi",
            domain: "fritz.box",
            sip: "go-search",
            guid: "3954ae7854c96301c9dd009033400109",
            dn: "go-search",
            info: Some(
                r#"{"appobj":"go-search","appdn":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi","pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]}"#,
            ),
        };
        let expected = "130f168773ff760701b74e629eca2544c6e62d5354e92e6f821001a982eb8951";
        assert_eq!(recorded.digest("16d7dbbcccb63612", "go"), expected);
        assert!(same(expected, &expected.to_uppercase()) && !same(expected, ""));
    }

    #[test]
    fn sysclients_have_these_digests() {
        let (id, version) = ("f19033480af9", "13r2 dvl [13.4250/131286/1300]");
        for (product, challenge, password, expected) in [
            (
                "IP232",
                "1446931255",
                "2jjH!u3ucXscEzHq8X!l83BX3!U8TPwA",
                "13cc86b3f0691e2ce1a626a9963a5aefeefcb78f7e5b23a8ede10e8204247c97",
            ),
            (
                "IP232",
                "616692991",
                "2jjH!u3ucXscEzHq8X!l83BX3!U8TPwA",
                "dcbf704513ba5f771aabc5ba553ab82928c51cd69ef1c010174086f5b82414a8",
            ),
            (
                "IP222",
                "931977739",
                "q19rykt45KceQbEyN8rXPLQlb4VZRvn7",
                "75c2d186d072f9a22e797c4c1978d8f2f00185c2cce28d02515617368aec4ed4",
            ),
            (
                "IP222",
                "571341503",
                "boO!fTk!YepvjmYPS6ejgTVzh6DrD6vo",
                "d8c5c3d118890df9a9439d40941f2e6be136942374a4736cd687ab4ea96f8f90",
            ),
        ] {
            assert_eq!(sysclient(id, product, version, challenge, password), expected);
        }
    }

    #[test]
    fn hidden_passwords_are_found() {
        for (seed, secret, hidden) in [
            ("wJQog70GUK!GPTN2", "7iICN04agQq38j!hmbN7P5LLI1YePz1w", "22f91ebb"),
            ("RlGIgQj2j!LUIgPL", "N803pDZVpL_ccS_1tGwFjIN0cfw75MNo", "cfa78653"),
        ] {
            assert_eq!(decrypt(seed, secret, hidden).unwrap().expose(), "test");
            assert_eq!(decrypt(seed, secret, &hidden.to_uppercase()).unwrap().expose(), "test");
        }
        for hidden in ["2", "22f9zz", "22f91ebb2"] {
            assert_eq!(decrypt("s", "s", hidden), None, "{hidden}");
        }
    }

    #[test]
    fn session_keys_encrypt_decrypt_hash_and_wrap() {
        let key = SessionKey::new("0123456789abcdef", "pwd");
        assert_eq!(key.0.expose(), "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760");
        let seed = "10046478319880090512700";
        assert_eq!(key.encrypt(seed, "secret"), "11543a66e509");
        assert_eq!(key.encrypt(seed, "pä$s"), "12f2fd30f3");
        assert_eq!(key.decrypt(seed, "12f2fd30f3").unwrap().expose(), "pä$s");
        assert_eq!(key.hash(seed, "hello"), "3391d3c4cc1a206bc638eb72b83939fb174722b47069e170f10b0d27d1af0143");
        let wrapped = "ae3dd7ba00bb2cc02c6b544bbe8d7f26d795352d47247b0f21a8314a1c0c4eca675a866c60c70775a7c849629153f420043c7d0c5d7c19d1785aa475f80a8ad9";
        let inner = key.unwrap("somesalt", wrapped).unwrap();
        assert_eq!(inner.0.expose(), "b9eaadd1c3cc3746c2b8bd634d0f1f6f95abb2941d24252c8c9827600c40d851");
        assert_eq!(inner, SessionKey::new("1234567890123456", "other"));
        assert_eq!(key.unwrap("another salt", wrapped), None);
        assert!(!format!("{key:?}").contains("d58c"));
    }

    /// RFC 6229 appendix A: the beginning of the key stream.
    #[test]
    fn the_cipher_is_the_one_that_is_written_down() {
        let stream = |key: &[u8]| hex::encode(&rc4(key, &[0; 16]));
        assert_eq!(stream(&[1, 2, 3, 4, 5]), "b2396305f03dc027ccc3524a0a1118a8");
        assert_eq!(stream(&(1..=16).collect::<Vec<u8>>()), "9ac7cc9a609d1ef7b2932899cde41b97");
        assert_eq!(rc4(b"Key", b"Plaintext"), [0xbb, 0xf3, 0x16, 0xe8, 0xd9, 0x40, 0xaf, 0x0a, 0xd3]);
    }

    #[test]
    fn garbage_is_nothing() {
        let key = SessionKey::new("0123456789abcdef", "wrong");
        let mut found = 0;
        for text in ["secret", "a longer password of somebody", "1234567890"] {
            let hidden = SessionKey::new("0123456789abcdef", "pwd").encrypt("seed", text);
            found += usize::from(key.decrypt("seed", &hidden).is_some());
        }
        assert_eq!(found, 0);
    }
}
