//! PURE. Text as it goes over the wire (RFC 764): a line ends with CR LF, a CR that ends none is CR NUL.

/// Turns bytes into netascii, piece by piece.
#[derive(Debug, Default)]
pub struct NetAscii {
    /// The last piece ended with a CR, and what it means depends on the next byte.
    open: bool,
}

impl NetAscii {
    /// Appends `bytes` in netascii to `out`.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.open, byte == b'\r');
            match (after_cr, byte) {
                // What is CR LF already stays so.
                (true, b'\n') => {}
                (true, _) => out.push(0),
                (false, b'\n') => out.push(b'\r'),
                (false, _) => {}
            }
            out.push(byte);
        }
    }

    /// Appends what is still owed at the end.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.open) {
            out.push(0);
        }
    }
}

/// Turns netascii back into the text that it was, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The last piece ended with a CR.
    open: bool,
}

impl Received {
    /// Appends what `bytes` stand for to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            match (std::mem::replace(&mut self.open, byte == b'\r'), byte) {
                (true, b'\n') => {
                    out.pop();
                    out.push(b'\n');
                }
                (true, 0) => {}
                _ => out.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_wire_wants_it_however_the_text_is_cut() {
        for (text, expected) in [
            (&b"a\nb\n"[..], &b"a\r\nb\r\n"[..]),
            (b"a\r\nb\r\n", b"a\r\nb\r\n"),
            (b"a\rb", b"a\r\0b"),
            (b"a\r", b"a\r\0"),
            (b"\r\r\n\n", b"\r\0\r\n\r\n"),
            (b"\r\n\n\r\n", b"\r\n\r\n\r\n"),
            (b"", b""),
        ] {
            for cut in 0..=text.len() {
                let (mut ascii, mut out) = (NetAscii::default(), Vec::new());
                ascii.feed(&text[..cut], &mut out);
                ascii.feed(&text[cut..], &mut out);
                ascii.finish(&mut out);
                assert_eq!(out, expected, "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_was_sent_comes_back_however_it_is_cut() {
        for text in [&b"a\nb\n"[..], b"a\rb", b"a\r", b"\n\n", b"", b"\r\0\n"] {
            let (mut ascii, mut wire) = (NetAscii::default(), Vec::new());
            ascii.feed(text, &mut wire);
            ascii.finish(&mut wire);
            for cut in 0..=wire.len() {
                let (mut back, mut out) = (Received::default(), Vec::new());
                back.feed(&wire[..cut], &mut out);
                back.feed(&wire[cut..], &mut out);
                assert_eq!(out, text, "{wire:?} cut at {cut}");
            }
        }
    }
}
