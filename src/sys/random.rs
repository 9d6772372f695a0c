//! Random numbers for keys, ids and passwords.

use crate::model::{Id, Login, Secret, Timestamp};

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `N` bytes that nobody can guess.
///
/// # Panics
/// When the kernel gives no random numbers: nothing that the box does would be safe then.
#[allow(clippy::expect_used)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the kernel gives random numbers");
    bytes
}

/// A text of `length` letters and digits that nobody can guess; 22 are worth 131 bits.
pub fn token(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let fitting = bytes::<32>().into_iter().map(|byte| usize::from(byte >> 2)).filter_map(|i| ALPHANUMERIC.get(i));
        text.extend(fitting.take(length - text.len()).map(|&byte| char::from(byte)));
    }
    text
}

/// A login for one phone: nobody can guess it, no MAC gives it away, and it has nothing in common with the one before. Its
/// password of 20 characters has 119 bits; there are phones that take no more of them.
pub fn login() -> Login {
    Login { user: format!("p-{}", token(10)), password: Secret::new(token(20)) }
}

/// A new identity for a document made at `at`.
pub fn id(at: Timestamp) -> Id {
    Id::new(at, u128::from_be_bytes(bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_length_and_differ() {
        let tokens: std::collections::BTreeSet<String> = (0..100).map(|_| token(22)).collect();
        assert_eq!(tokens.len(), 100);
        assert!(tokens.iter().all(|t| t.len() == 22 && t.bytes().all(|b| b.is_ascii_alphanumeric())));
        assert_eq!(token(0), "");
    }
}
