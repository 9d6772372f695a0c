//! PURE. The token in a user's update URL: it names user and computer, and only the box can make it.
//!
//! It is made of what the user signs in with, so that it ends when their password changes, and nothing of it is stored.

use aws_lc_rs::hmac;

use crate::model::Id;
use crate::sys::hex;

/// Whose accounts these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Somebody with an account on this box.
    User(Id),
    /// The user of a phone's line, by phone and place of the line.
    Line(Id, u8),
}

/// A token as it came in; whether it is genuine shows when it is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose it says it is.
    pub owner: Owner,
    /// For which computer.
    pub machine: String,
    tag: String,
}

/// Digits of a computer's name.
const MACHINE: usize = 8;
/// Digits of the tag: 128 bits.
const TAG: usize = 32;

/// Makes tokens.
pub struct Tokens(hmac::Key);

impl Tokens {
    /// With this key, which is the box's own.
    pub fn new(key: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// The short name of the computer that calls itself so.
    pub fn machine(&self, computer: Option<&str>) -> String {
        self.tag(&["machine", computer.unwrap_or_default()], MACHINE)
    }

    /// The token of a user at a computer, as long as `credential` is what they sign in with.
    pub fn issue(&self, owner: Owner, machine: &str, credential: &str) -> String {
        let owner = owner.text();
        let tag = self.tag(&["token", &owner, machine, credential], TAG);
        format!("{owner}{machine}{tag}")
    }

    /// Whether the box made this token of this credential.
    pub fn is_genuine(&self, claim: &Claim, credential: &str) -> bool {
        let made = self.issue(claim.owner, &claim.machine, credential);
        let said = format!("{}{}{}", claim.owner.text(), claim.machine, claim.tag);
        aws_lc_rs::constant_time::verify_slices_are_equal(made.as_bytes(), said.as_bytes()).is_ok()
    }

    /// A short name of what somebody was told, from which it cannot be guessed.
    pub fn revision(&self, said: &[u8]) -> String {
        digits(&hmac::sign(&self.0, said), TAG)
    }

    fn tag(&self, parts: &[&str], number: usize) -> String {
        digits(&hmac::sign(&self.0, parts.join("\0").as_bytes()), number)
    }
}

impl Claim {
    /// Reads a token; `None` when it cannot be one.
    pub fn read(token: &str) -> Option<Self> {
        let well = token.len() == 1 + 32 + 2 + MACHINE + TAG && token.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well {
            return None;
        }
        let id: Id = token.get(1..33)?.parse().ok()?;
        let place = u8::from_str_radix(token.get(33..35)?, 16).ok()?;
        let owner = match token.get(..1)? {
            "u" if place == 0 => Owner::User(id),
            "p" => Owner::Line(id, place),
            _ => return None,
        };
        let (machine, tag) = token.get(35..)?.split_at(MACHINE);
        Some(Self { owner, machine: machine.to_owned(), tag: tag.to_owned() })
    }
}

impl Owner {
    /// Letter, id and place: 35 characters.
    pub fn text(self) -> String {
        match self {
            Self::User(id) => format!("u{id}00"),
            Self::Line(id, place) => format!("p{id}{place:02x}"),
        }
    }
}

fn digits(tag: &hmac::Tag, number: usize) -> String {
    let mut text = hex::encode(tag.as_ref());
    text.truncate(number);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_users_at_one_computer_until_the_password_changes() {
        let tokens = Tokens::new("key of the box");
        let machine = tokens.machine(Some("{desk}"));
        assert_eq!(machine.len(), MACHINE);
        assert_ne!(machine, tokens.machine(None));
        for owner in [Owner::User(Id::from_bytes([7; 16])), Owner::Line(Id::from_bytes([9; 16]), 3)] {
            let token = tokens.issue(owner, &machine, "credential");
            let claim = Claim::read(&token).unwrap();
            assert_eq!((claim.owner, claim.machine.as_str()), (owner, machine.as_str()));
            assert!(tokens.is_genuine(&claim, "credential"));
            assert!(!tokens.is_genuine(&claim, "new credential"));
            assert!(!Tokens::new("another").is_genuine(&claim, "credential"));
            for at in 0..token.len() {
                let mut forged = token.clone().into_bytes();
                forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
                let forged = String::from_utf8(forged).unwrap();
                assert!(Claim::read(&forged).is_none_or(|claim| !tokens.is_genuine(&claim, "credential")), "{at}");
            }
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        for text in ["", "u", "$t$", &"u".repeat(75), &"é".repeat(40), &format!("x{}", "0".repeat(74))] {
            assert_eq!(Claim::read(text), None, "{text}");
        }
    }
}
