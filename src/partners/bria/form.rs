//! PURE. What a client sends: a form in the body, a query, and macros that it may not have filled in.

use std::collections::BTreeMap;

/// Fields that are looked at.
const MOST: usize = 64;
/// The longest value of a field, in bytes.
const LONGEST: usize = 512;

/// The parameters of a request by name, in lower case: those of the body go before those of the query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads query and body (`application/x-www-form-urlencoded`, UTF-8). A body need not end its line. Values that are
    /// empty, that are too long, or in which a macro stands that the client did not fill in, count as absent.
    pub fn read(query: Option<&str>, body: &str) -> Self {
        let mut found = BTreeMap::new();
        let pairs = |text: &'_ str| -> Vec<(String, String)> {
            let pairs = text.trim_matches(['\r', '\n', ' ']).split('&').filter(|pair| !pair.is_empty()).take(MOST);
            pairs.filter_map(pair).collect()
        };
        for (name, value) in pairs(query.unwrap_or_default()).into_iter().chain(pairs(body)) {
            found.insert(name, value);
        }
        Self(found)
    }

    /// The value of a field, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The names of all fields, for the record of what clients send.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (name, value) = (decode(name)?.trim().to_ascii_lowercase(), decode(value)?);
    let usable = !name.is_empty() && !value.is_empty() && value.len() <= LONGEST && !is_macro(&value);
    (usable && !value.chars().any(char::is_control)).then_some((name, value))
}

/// Whether a value is a macro that was not expanded: `$build$`, or `$language` as two guides print it.
fn is_macro(value: &str) -> bool {
    let Some(name) = value.strip_prefix('$') else { return false };
    let name = name.strip_suffix('$').unwrap_or(name);
    MACROS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The macros that are written down somewhere.
const MACROS: [&str; 11] = [
    "platform",
    "license",
    "computerid",
    "build",
    "language",
    "loginame",
    "loginname",
    "username",
    "password",
    "mac",
    "domain",
];

/// Undoes the encoding of a form; `None` where that makes no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(u8::try_from(value).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_both_places_count() {
        let both = Parameters::read(Some("platform=win32&lic=ABCDEF"), "Username=1001&Password=s3cret");
        assert_eq!(both.get("username"), Some("1001"));
        assert_eq!(both.get("PASSWORD"), Some("s3cret"));
        assert_eq!(both.get("lic"), Some("ABCDEF"));
        let lower = Parameters::read(None, "username=1001&password=s3cret\n");
        assert_eq!((lower.get("Username"), lower.get("Password")), (Some("1001"), Some("s3cret")));
        let clash = Parameters::read(Some("username=query"), "username=body");
        assert_eq!(clash.get("username"), Some("body"));
    }

    #[test]
    fn empty_extras_and_macros_are_absent() {
        let body = "Username=1001&Password=x&lic=&build=$build$&language=$language&name=%24loginname%24&price=$5";
        let parameters = Parameters::read(None, body);
        for name in ["lic", "build", "language", "name"] {
            assert_eq!(parameters.get(name), None, "{name}");
        }
        assert_eq!(parameters.get("price"), Some("$5"));
        assert_eq!(parameters.names().collect::<Vec<_>>(), ["password", "price", "username"]);
    }

    #[test]
    fn escapes_are_undone_once_and_nonsense_is_absent() {
        let parameters = Parameters::read(None, "Username=1001%40branch.example&Password=a%26b+c%C3%A4%2525");
        assert_eq!(parameters.get("username"), Some("1001@branch.example"));
        assert_eq!(parameters.get("password"), Some("a&b cä%25"));
        for body in ["username=%", "username=%4", "username=%zz", "username=%ff", "username=a%0d%0ab", "username", "="]
        {
            assert_eq!(Parameters::read(None, body).get("username"), None, "{body}");
        }
        assert_eq!(Parameters::read(None, &format!("username={}", "x".repeat(LONGEST + 1))).get("username"), None);
        let many = (0..1000).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Parameters::read(None, &many).names().count(), MOST);
    }
}
