use super::{MOST_BYTES, Refusal};

/// The text of a file and a warning when its encoding had to be guessed.
pub(in crate::admin) struct Decoded {
    pub(in crate::admin) text: String,
    pub(in crate::admin) warning: Option<String>,
}

/// Reads UTF-8 (with or without its mark), UTF-16 with its mark, and else Windows-1252, which is what a
/// spreadsheet program writes on a western desktop.
pub(in crate::admin) fn decode(bytes: &[u8]) -> Result<Decoded, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(Refusal::TooLarge(bytes.len()));
    }
    let utf16 = match bytes {
        [0xff, 0xfe, rest @ ..] => Some(units(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(units(rest, u16::from_be_bytes)),
        _ => None,
    };
    if let Some(units) = utf16 {
        return Ok(Decoded { text: String::from_utf16_lossy(&units), warning: None });
    }
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err(Refusal::Binary(at));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Decoded { text: text.to_owned(), warning: None });
    }
    Ok(Decoded {
        text: bytes.iter().map(|b| windows_1252(*b)).collect(),
        warning: Some(
            "The file is not UTF-8 and was read as Windows-1252: look at names and passwords with accents.".into(),
        ),
    })
}

fn units(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Vec<u16> {
    bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(read)).collect()
}

/// Latin-1 but for 0x80 to 0x9f (the WHATWG table; bytes without a meaning stay control characters, which no field
/// takes).
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    byte.checked_sub(0x80).and_then(|index| HIGH.get(usize::from(index))).copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_spreadsheets_write() {
        for (bytes, warns) in [
            (b"Caf\xc3\xa9".to_vec(), false),
            (b"\xef\xbb\xbfCaf\xc3\xa9".to_vec(), false),
            (b"Caf\xe9".to_vec(), true),
            (b"\xff\xfeC\0a\0f\0\xe9\0".to_vec(), false),
            (b"\xfe\xff\0C\0a\0f\0\xe9".to_vec(), false),
        ] {
            let decoded = decode(&bytes).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.warning.is_some()), ("Café", warns));
        }
        assert_eq!(decode(b"5 \x80").unwrap().text, "5 €");
    }

    #[test]
    fn refuses_a_workbook() {
        assert_eq!(decode(b"PK\x03\x04\x14\0").err(), Some(Refusal::Binary(5)));
        assert_eq!(decode(&vec![b'a'; MOST_BYTES + 1]).err(), Some(Refusal::TooLarge(MOST_BYTES + 1)));
    }
}
