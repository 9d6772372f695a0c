//! The digests and the cipher of innovaphone's app platform, from its SDK's pages on app websockets and sysclients,
//! with the examples and recorded logins that are public as tests.

use aws_lc_rs::digest::{SHA256, digest};

pub(crate) fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).expect("hexadecimal")).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// RC4: the key fills a table of 256 places, and a walk through it gives the stream.
fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut table: Vec<u8> = (0..=255).collect();
    let mut place = 0_u8;
    for at in 0..256 {
        place = place.wrapping_add(table[at]).wrapping_add(key[at % key.len()]);
        table.swap(at, usize::from(place));
    }
    let (mut walk, mut place) = (0_u8, 0_u8);
    let mut next = || {
        walk = walk.wrapping_add(1);
        place = place.wrapping_add(table[usize::from(walk)]);
        table.swap(usize::from(walk), usize::from(place));
        table[usize::from(table[usize::from(walk)].wrapping_add(table[usize::from(place)]))]
    };
    text.iter().map(|byte| byte ^ next()).collect()
}

/// Encrypts under `seed:key`, as hexadecimal digits.
pub(crate) fn hide(seed: &str, key: &str, text: &str) -> String {
    hex(&rc4(format!("{seed}:{key}").as_bytes(), text.as_bytes()))
}

/// Decrypts what [`hide`] made.
pub(crate) fn show(seed: &str, key: &str, hidden: &str) -> String {
    String::from_utf8(rc4(format!("{seed}:{key}").as_bytes(), &unhex(hidden))).expect("text")
}

/// The key of a connection after a login by password.
pub(crate) fn session_key(challenge: &str, password: &str) -> String {
    sha256(&format!("innovaphoneAppSessionKey:{challenge}:{password}"))
}

/// Who logs in at an app. `info` is the text of the object as it is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    pub(crate) app: String,
    pub(crate) domain: String,
    pub(crate) sip: String,
    pub(crate) guid: String,
    pub(crate) dn: String,
    pub(crate) info: Option<String>,
}

impl Login {
    /// What proves it. An info that is not sent has no colon of its own.
    pub(crate) fn digest(&self, challenge: &str, password: &str) -> String {
        let mut parts = vec![&*self.app, &self.domain, &self.sip, &self.guid, &self.dn];
        parts.extend(self.info.as_deref());
        parts.extend([challenge, password]);
        sha256(&parts.join(":"))
    }
}

/// What proves a device to Devices.
pub(crate) fn sysclient_digest(id: &str, product: &str, version: &str, challenge: &str, password: &str) -> String {
    sha256(&[id, product, version, challenge, password].join(":"))
}

#[test]
fn logins_of_the_documents_and_of_recordings_are_proven() {
    let bare = Login { app: "pbxadminapi".into(), ..Login::default() };
    let with = |info: &str| Login { info: Some(info.to_owned()), ..bare.clone() };
    for (login, digest) in [
        (bare.clone(), "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1"),
        (with("{}"), "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34"),
        (with(r#"{"cn":"Test User"}"#), "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d"),
        (
            Login {
                app: "innovaphone-users".into(),
                domain: "example.com".into(),
                sip: "administrator".into(),
                guid: "0123456789abcdef0123456789abcdef".into(),
                dn: "Administrator User".into(),
                info: Some(
                    r#"{"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],"appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true}"#.into(),
                ),
            },
            "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44",
        ),
    ] {
        assert_eq!(login.digest("0123456789abcdef", "pwd"), digest, "{login:?}");
    }
    let recorded = Login {
        app: "searchapi".into(),
        domain: "fritz.box".into(),
        sip: "go-search".into(),
        guid: "3954ae7854c96301c9dd009033400109".into(),
        dn: "go-search".into(),
        info: Some(
            r#"{"appobj":"go-search","appdn":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi","pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]}"#.into(),
        ),
    };
    assert_eq!(
        recorded.digest("16d7dbbcccb63612", "go"),
        "130f168773ff760701b74e629eca2544c6e62d5354e92e6f821001a982eb8951"
    );
}

#[test]
fn recorded_devices_are_proven() {
    let version = "13r2 dvl [13.4250/131286/1300]";
    for (product, challenge, password, digest) in [
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
        assert_eq!(sysclient_digest("f19033480af9", product, version, challenge, password), digest);
    }
}

#[test]
fn the_cipher_shows_what_was_recorded() {
    assert_eq!(show("wJQog70GUK!GPTN2", "7iICN04agQq38j!hmbN7P5LLI1YePz1w", "22f91ebb"), "test");
    assert_eq!(show("RlGIgQj2j!LUIgPL", "N803pDZVpL_ccS_1tGwFjIN0cfw75MNo", "cfa78653"), "test");
    let key = session_key("0123456789abcdef", "pwd");
    assert_eq!(key, "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760");
    let seed = "10046478319880090512700";
    assert_eq!(hide(seed, &key, "secret"), "11543a66e509");
    assert_eq!(hide(seed, &key, "p\u{e4}$s"), "12f2fd30f3");
    let inner = session_key("1234567890123456", "other");
    assert_eq!(inner, "b9eaadd1c3cc3746c2b8bd634d0f1f6f95abb2941d24252c8c9827600c40d851");
    let wrapped = "ae3dd7ba00bb2cc02c6b544bbe8d7f26d795352d47247b0f21a8314a1c0c4eca675a866c60c70775a7c849629153f420043c7d0c5d7c19d1785aa475f80a8ad9";
    assert_eq!((hide("somesalt", &key, &inner).as_str(), show("somesalt", &key, wrapped)), (wrapped, inner));
}
