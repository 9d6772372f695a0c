use aws_lc_rs::constant_time;

use crate::model::Secret;
use crate::sys::random;

/// Letters and digits that nobody confuses on a console or over the telephone: no 0/O, 1/I/L, 5/S, 8/B, U/V.
/// 27 of them, hence 57 bits in a code.
const ALPHABET: &[u8] = b"2346789ACDEFGHJKMNPQRTVWXYZ";

/// Characters in a code, shown in groups of four.
const LENGTH: usize = 12;

/// A fresh one-time setup code, as `7KQM-2XHD-94TW`.
pub(crate) fn generate() -> Secret {
    let mut code = String::with_capacity(LENGTH + 2);
    let mut written = 0;
    while written < LENGTH {
        for byte in random::bytes::<16>() {
            // Bytes beyond the last whole multiple are dropped: each character is equally likely.
            let usable = usize::from(byte) < 256 / ALPHABET.len() * ALPHABET.len();
            let Some(character) = ALPHABET.get(usize::from(byte) % ALPHABET.len()).filter(|_| usable) else { continue };
            if written == LENGTH {
                break;
            }
            if written > 0 && written % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(*character));
            written += 1;
        }
    }
    Secret::new(code)
}

/// Whether what somebody typed is the code, in any case and with any separators, in constant time.
pub(crate) fn matches(code: &Secret, typed: &str) -> bool {
    let plain = |text: &str| -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).take(64).collect()
    };
    let code = plain(code.expose());
    code.len() == LENGTH && constant_time::verify_slices_are_equal(&code, &plain(typed)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_easy_to_type() {
        let code = generate();
        let groups: Vec<&str> = code.expose().split('-').collect();
        assert_eq!(groups.iter().map(|g| g.len()).collect::<Vec<_>>(), [4, 4, 4], "{}", code.expose());
        assert!(matches(&code, code.expose()));
        assert!(matches(&code, &format!(" {} ", code.expose().to_lowercase().replace('-', " "))));
        assert!(!matches(&code, ""));
        assert!(!matches(&code, generate().expose()));
        assert!(!matches(&Secret::new(""), ""), "no code matches nothing");
    }

    #[test]
    fn uses_its_whole_alphabet() {
        let seen: std::collections::BTreeSet<char> =
            (0..200).flat_map(|_| generate().expose().chars().collect::<Vec<_>>()).collect();
        assert_eq!(seen.len(), ALPHABET.len() + 1);
    }
}
