//! PURE. Octets as hexadecimal digits, in lower case.

/// Two digits an octet, and nothing between them.
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    text.extend(octets.iter().flat_map(|octet| digits(*octet)));
    text
}

/// As [`encode`], with `separator` between octets.
pub fn joined(octets: &[u8], separator: &str) -> String {
    octets.iter().map(|octet| encode(&[*octet])).collect::<Vec<_>>().join(separator)
}

/// The octets of text that is digits alone, in either case and an even number of them; `None` for any other.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(value(*high)? << 4 | value(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn digits(octet: u8) -> [char; 2] {
    [octet >> 4, octet & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default())
}

fn value(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_two_digits_and_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = encode(&all);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff") && text.len() == 512, "{text}");
        assert_eq!(decode(&text), Some(all.clone()));
        assert_eq!(decode(&text.to_uppercase()), Some(all));
        assert_eq!((encode(&[]), decode("")), (String::new(), Some(vec![])));
    }

    #[test]
    fn separators_stand_between_octets_alone() {
        assert_eq!(joined(&[0x80, 0x5e, 0x0c], ":"), "80:5e:0c");
        assert_eq!((joined(&[1], ":"), joined(&[], ":")), ("01".into(), String::new()));
    }

    #[test]
    fn what_is_no_pair_of_digits_is_nothing() {
        for text in ["0", "0g", "+1", " 1", "00 1", "é0", "0é", "80:5e"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
