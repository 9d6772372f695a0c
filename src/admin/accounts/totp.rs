//! Codes that an app shows, by RFC 6238: six digits of HMAC-SHA-1, another each thirty seconds. That is the form that
//! every app knows.

use totp_rs::{Algorithm, TOTP};

use crate::sys::percent::encode;

/// Digits of a code.
const DIGITS: usize = 6;
/// Seconds for which a code is shown.
pub(crate) const STEP: u64 = 30;
/// Random bytes of a secret, as RFC 4226 recommends.
pub(crate) const SECRET: usize = 20;
/// The letters of base 32, RFC 4648.
const ALPHABET: [char; 32] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',
    'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
];

/// The step whose code this is, if it is that of `unix` seconds or of the step before or after: clocks differ, and
/// people type slowly. `None` also for a secret that is none.
pub(crate) fn step_of(secret: &str, code: &str, unix: u64) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(DIGITS + 1).collect();
    if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let codes = TOTP::new(Algorithm::SHA1, DIGITS, 1, STEP, read(secret)?).ok()?;
    let now = unix / STEP;
    (now.saturating_sub(1)..=now.saturating_add(1)).find(|step| codes.generate(step.saturating_mul(STEP)) == code)
}

/// Bytes as people and apps read them.
pub(crate) fn write(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let bits: Vec<u8> = bits.collect();
    let letter = |group: &[u8]| {
        let value = (0..5).fold(0_usize, |sum, at| sum << 1 | usize::from(group.get(at).copied().unwrap_or(0)));
        ALPHABET.get(value)
    };
    bits.chunks(5).filter_map(letter).collect()
}

/// What [`write`] wrote.
fn read(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.chars() {
        let value = ALPHABET.iter().position(|known| known.eq_ignore_ascii_case(&letter))?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// What an app reads from a QR code: `otpauth://totp/Block66%20box:anna?secret=…`.
pub(crate) fn uri(secret: &str, account: &str, host: &str) -> String {
    let issuer = encode(&format!("Block66 {host}"));
    format!("otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}", encode(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret is the ASCII text 12345678901234567890; its codes are the last six digits of
    /// those with eight.
    #[test]
    fn shows_the_codes_of_the_standard() {
        let secret = write(b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (unix, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&secret, code, unix), Some(unix / STEP), "{unix}");
            assert_eq!(step_of(&secret, code, unix + STEP), Some(unix / STEP), "a step later");
            assert_eq!(step_of(&secret, code, unix - STEP), Some(unix / STEP), "a step before");
            assert_eq!(step_of(&secret, code, unix + 2 * STEP), None, "two steps later");
        }
        for wrong in ["", "28708", "2870820", "abcdef", "٢٨٧٠٨٢"] {
            assert_eq!(step_of(&secret, wrong, 59), None, "{wrong}");
        }
        assert_eq!(step_of(&secret, "287 082", 59), Some(1));
        assert_eq!(step_of("not base 32!", "287082", 59), None);
    }

    #[test]
    fn an_app_is_told_whose_it_is() {
        assert_eq!(
            uri("GEZDGNBV", "jörg", "box66.lan"),
            "otpauth://totp/Block66%20box66.lan:j%C3%B6rg?secret=GEZDGNBV&issuer=Block66%20box66.lan"
        );
    }
}
