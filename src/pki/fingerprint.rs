use std::fmt;

use aws_lc_rs::digest;

use super::words::WORDS;

/// SHA-256 over a certificate's DER: what people compare to know that they hold the same certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// How many words [`Fingerprint::words`] gives: 64 bits, more than anybody can match by trying keys.
    pub const WORDS: usize = 8;

    /// The fingerprint of a certificate.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest::digest(&digest::SHA256, der).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes as words, to be read aloud over a telephone: one word of a fixed list for each byte.
    pub fn words(&self) -> String {
        let words: Vec<&str> =
            self.0.iter().take(Self::WORDS).filter_map(|&byte| WORDS.get(usize::from(byte)).copied()).collect();
        words.join(" ")
    }
}

impl fmt::Display for Fingerprint {
    /// `AA:BB:…`, as browsers and openssl show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_openssl_does_and_in_words() {
        // SHA-256 of "abc", FIPS 180-2 appendix B.1.
        let print = Fingerprint::of(b"abc");
        assert_eq!(
            print.to_string(),
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
        let words = print.words();
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(words.len(), Fingerprint::WORDS);
        assert_eq!(words[0], WORDS[0xBA]);
        assert_eq!(words[7], WORDS[0xEA]);
    }
}
