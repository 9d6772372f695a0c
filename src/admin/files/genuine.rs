//! Whether a file is what it claims to be: by its bytes, whatever its name says. PURE.

use crate::model::ResourceKind;

/// The widest and the highest picture, in points: a phone would only run out of memory over a larger one.
const MOST_POINTS: u32 = 4096;
/// How deep elements of XML may stand in each other.
const DEEPEST: usize = 64;
/// How many attributes an element of XML may have: each is compared with all before it.
const MOST_ATTRIBUTES: usize = 256;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Jpeg,
    Png,
    Bmp,
    Gif,
    Wav,
    Mp3,
}

impl Form {
    fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Self::Png,
            [b'B', b'M', ..] => Self::Bmp,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Self::Wav,
            [b'I', b'D', b'3', ..] | [0xff, 0xfa | 0xfb | 0xf2 | 0xf3, ..] => Self::Mp3,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Jpeg => "a JPEG picture",
            Self::Png => "a PNG picture",
            Self::Bmp => "a BMP picture",
            Self::Gif => "a GIF picture",
            Self::Wav => "a WAV sound",
            Self::Mp3 => "an MP3 sound",
        }
    }

    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Png => &["png"],
            Self::Bmp => &["bmp"],
            Self::Gif => &["gif"],
            Self::Wav => &["wav"],
            Self::Mp3 => &["mp3"],
        }
    }
}

/// Checks that the bytes are what phones expect under this name. What is wrong is said as a sentence.
pub(in crate::admin) fn check(kind: ResourceKind, name: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("It is empty.".into());
    }
    if kind == ResourceKind::Xml {
        return well_formed(bytes).map_err(|what| format!("It is no well-formed XML: {what}."));
    }
    let (wanted, forms): (_, &[Form]) = match kind {
        ResourceKind::Wallpaper => {
            ("a picture (JPEG, PNG, BMP or GIF)", &[Form::Jpeg, Form::Png, Form::Bmp, Form::Gif])
        }
        ResourceKind::Ringtone | ResourceKind::Xml => ("a sound (WAV or MP3)", &[Form::Wav, Form::Mp3]),
    };
    let form = Form::of(bytes);
    let Some(form) = form.filter(|form| forms.contains(form)) else {
        let is = form.map(|form| format!(": it is {}", form.word())).unwrap_or_default();
        return Err(format!("It is not {wanted}{is}."));
    };
    let extension = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    if !form.extensions().contains(&extension.as_str()) {
        let end = form.extensions().first().copied().unwrap_or_default();
        return Err(format!("It is {}, and its name does not say so: it should end with .{end}.", form.word()));
    }
    match form {
        Form::Wav => sound(bytes).ok_or_else(|| "The sound is cut off or damaged.".into()),
        Form::Mp3 => Ok(()),
        _ => match size(form, bytes) {
            None => Err("The picture is cut off or damaged.".into()),
            Some((width, height)) if width == 0 || height == 0 || width.max(height) > MOST_POINTS => {
                Err(format!("The picture has {width} × {height} points; no phone shows more than {MOST_POINTS}."))
            }
            Some(_) => Ok(()),
        },
    }
}

/// Width and height as the header says, where the file goes on to its end.
fn size(form: Form, bytes: &[u8]) -> Option<(u32, u32)> {
    let be16 = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let le16 = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let be32 = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let le32 = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    match form {
        // ISO 15948 section 11.2.2; the last chunk is IEND.
        Form::Png => {
            let whole = bytes.get(12..16)? == b"IHDR" && bytes.windows(4).rev().take(16).any(|word| word == b"IEND");
            whole.then_some((be32(16)?, be32(20)?))
        }
        Form::Gif => (bytes.last() == Some(&0x3b)).then_some((le16(6)?, le16(8)?)),
        Form::Bmp => {
            // The size in the file header; the height is negative where rows go from the top.
            let whole = usize::try_from(le32(2)?).ok()? <= bytes.len();
            let height = le32(22)?.cast_signed().unsigned_abs();
            whole.then_some((le32(18)?, height))
        }
        Form::Jpeg => {
            // ITU-T T.81 annex B: segments up to the frame header.
            let mut at = 2;
            loop {
                let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
                if mark != 0xff {
                    return None;
                }
                match kind {
                    0xff => at += 1,
                    0x01 | 0xd0..=0xd8 => at += 2,
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        let (height, width) = (be16(at + 5)?, be16(at + 7)?);
                        let ends = bytes.windows(2).rev().take(64).any(|mark| mark == [0xff, 0xd9]);
                        return ends.then_some((width, height));
                    }
                    0xd9 | 0xda => return None,
                    _ => at += 2 + usize::try_from(be16(at + 2)?).ok()?,
                }
            }
        }
        Form::Wav | Form::Mp3 => None,
    }
}

/// Whether chunks of format and data are there, and whole.
fn sound(bytes: &[u8]) -> Option<()> {
    let mut at = 12;
    let mut format = false;
    loop {
        let name = bytes.get(at..at + 4)?;
        let length = u32::from_le_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?);
        let end = at.checked_add(8)?.checked_add(usize::try_from(length).ok()?)?;
        bytes.get(at..end)?;
        match name {
            b"fmt " => format = length >= 16,
            b"data" => return (format && length > 0).then_some(()),
            _ => {}
        }
        at = end + end % 2;
    }
}

/// Whether the bytes are one element of XML 1.0 with all that stands in it, without a document type: what phones read.
fn well_formed(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = |rest: &str| text.get(..text.len() - rest.len()).unwrap_or_default().matches('\n').count() + 1;
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0_usize;
    while let Some((before, after)) = rest.split_once('<') {
        let place = rest.get(before.len()..).unwrap_or_default();
        let wrong = |what: &str| format!("{what} (line {})", line(place));
        if open.is_empty() && !before.trim().is_empty() {
            return Err(wrong("there is text outside of its element"));
        }
        characters(before).map_err(|what| wrong(&what))?;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or_else(|| wrong("a comment has no end"))?.1;
            continue;
        }
        if let Some(data) = after.strip_prefix("![CDATA[").filter(|_| !open.is_empty()) {
            rest = data.split_once("]]>").ok_or_else(|| wrong("a CDATA section has no end"))?.1;
            continue;
        }
        if let Some(instruction) = after.strip_prefix('?') {
            rest = instruction.split_once("?>").ok_or_else(|| wrong("an instruction has no end"))?.1;
            continue;
        }
        if after.starts_with('!') {
            return Err(wrong("it has a document type, which phones do not read"));
        }
        let (tag, behind) = tag_end(after).ok_or_else(|| wrong("a tag has no end"))?;
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            let name = name.trim_end();
            match open.pop() {
                Some(opened) if opened == name => {}
                Some(opened) => return Err(wrong(&format!("</{name}> stands where <{opened}> should end"))),
                None => return Err(wrong(&format!("</{name}> ends what did not begin"))),
            }
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_at(tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len()));
        if !is_name(name) {
            return Err(wrong("a tag has no name"));
        }
        check_attributes(attributes).map_err(|what| wrong(&what))?;
        if open.is_empty() {
            roots += 1;
        }
        if !closed {
            open.push(name);
        }
        if open.len() > DEEPEST {
            return Err(wrong("its elements stand too deep in each other"));
        }
    }
    match (open.last(), roots) {
        (Some(name), _) => Err(format!("<{name}> has no end")),
        (None, 1) if rest.trim().is_empty() => Ok(()),
        (None, 1) => Err("there is text outside of its element".into()),
        (None, 0) => Err("there is no element in it".into()),
        (None, _) => Err("there is more than one element".into()),
    }
}

/// What stands in a tag, and what behind it: a `>` in quotes does not end it.
fn tag_end(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let end = text.char_indices().find(|(_, c)| match (quote, c) {
        (None, '>') => true,
        (None, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        (Some(open), c) if open == *c => {
            quote = None;
            false
        }
        _ => false,
    })?;
    Some((text.get(..end.0)?, text.get(end.0 + 1..)?))
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || c == '_' || c == ':';
    name.chars().next().is_some_and(first) && name.chars().all(|c| first(c) || c.is_numeric() || c == '-' || c == '.')
}

fn check_attributes(text: &str) -> Result<(), String> {
    let mut rest = text.trim();
    let mut seen: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or("an attribute has no value")?;
        let (name, value) = (name.trim(), value.trim_start());
        if !is_name(name) || seen.contains(&name) {
            return Err("the name of an attribute is wrong or stands twice".into());
        }
        if seen.len() == MOST_ATTRIBUTES {
            return Err(format!("an element has more than {MOST_ATTRIBUTES} attributes"));
        }
        seen.push(name);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or("a value has no quotes")?;
        let inner = value.get(1..).unwrap_or_default();
        let (inner, behind) = inner.split_once(quote).ok_or("a value has no end")?;
        if inner.contains('<') {
            return Err("a value holds <".into());
        }
        characters(inner)?;
        if behind.starts_with(|c: char| !c.is_ascii_whitespace()) {
            return Err("two attributes stand together".into());
        }
        rest = behind.trim_start();
    }
    Ok(())
}

/// Whether text holds only characters of XML and the references that need no document type.
fn characters(text: &str) -> Result<(), String> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("a control character stands in it".into());
    }
    for reference in text.split('&').skip(1) {
        let name = reference.split_once(';').ok_or("an & stands alone")?.0;
        let number = name.strip_prefix('#').is_some_and(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).is_some(),
            None => number.parse().ok().and_then(char::from_u32).is_some(),
        });
        if !number && !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
            return Err("an & stands alone, or names what is not known".into());
        }
    }
    Ok(())
}

#[cfg(test)]
pub(in crate::admin) mod tests {
    use super::*;

    /// A PNG of this size, as far as its header and its end go.
    pub(in crate::admin) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x02\0\0\0....\0\0\0\0IEND\xae\x42\x60\x82");
        bytes
    }

    fn wav(data: u32) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend([0; 16]);
        bytes.extend(b"data");
        bytes.extend(data.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn pictures_and_sounds_are_what_their_bytes_say() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x20\x03\x01..\xff\xd9".to_vec();
        let gif = b"GIF89a\x10\0\x10\0...\x3b".to_vec();
        let mut bmp = vec![0; 54];
        bmp[..6].copy_from_slice(&[b'B', b'M', 54, 0, 0, 0]);
        (bmp[18], bmp[22]) = (8, 8);
        use ResourceKind::{Ringtone, Wallpaper};
        for (kind, name, bytes) in [
            (Wallpaper, "a.png", png(480, 272)),
            (Wallpaper, "a.JPG", jpeg.clone()),
            (Wallpaper, "a.gif", gif.clone()),
            (Wallpaper, "a.bmp", bmp.clone()),
            (Ringtone, "a.wav", wav(8)),
            (Ringtone, "a.mp3", b"ID3\x03rest".to_vec()),
        ] {
            assert_eq!(check(kind, name, &bytes), Ok(()), "{name}");
        }
        for (kind, name, bytes, said) in [
            (Wallpaper, "a.png", b"<svg/>".to_vec(), "not a picture"),
            (Wallpaper, "a.png", b"MZ\x90\0".to_vec(), "not a picture"),
            (Wallpaper, "a.png", wav(8), "it is a WAV sound"),
            (Wallpaper, "a.png", jpeg.clone(), "should end with .jpg"),
            (Wallpaper, "a.png", png(9000, 10), "9000 × 10"),
            (Wallpaper, "a.png", png(480, 272)[..30].to_vec(), "cut off"),
            (Wallpaper, "a.jpg", jpeg[..12].to_vec(), "cut off"),
            (Wallpaper, "a.gif", gif[..9].to_vec(), "cut off"),
            (Wallpaper, "a.bmp", bmp[..20].to_vec(), "cut off"),
            (Wallpaper, "a.png", Vec::new(), "empty"),
            (Ringtone, "a.wav", wav(9), "cut off"),
            (Ringtone, "a.wav", png(1, 1), "it is a PNG picture"),
        ] {
            let refused = check(kind, name, &bytes).unwrap_err();
            assert!(refused.contains(said), "{name}: {refused}");
        }
    }

    #[test]
    fn xml_is_well_formed_or_named_with_its_line() {
        for good in [
            "<a/>",
            "<?xml version=\"1.0\"?>\n<!-- x --><a b='1>2' c = \"&amp;\"><b>&#228;&#xe4;</b><![CDATA[<]]></a>\n",
        ] {
            assert_eq!(check(ResourceKind::Xml, "a.xml", good.as_bytes()), Ok(()), "{good}");
        }
        for (bad, said) in [
            ("<a>\n<b></a>", "</a> stands where <b> should end (line 2)"),
            ("<a>", "<a> has no end"),
            ("</a>", "ends what did not begin"),
            ("<a/><b/>", "more than one"),
            ("text", "no element"),
            ("<a/>x", "outside"),
            ("<a b=c/>", "no quotes"),
            ("<a b=\"c\" b=\"d\"/>", "stands twice"),
            ("<a>&nbsp;</a>", "not known"),
            ("<a>x & y</a>", "an & stands alone"),
            ("<!DOCTYPE a [<!ENTITY x \"y\">]><a/>", "document type"),
            ("<a", "a tag has no end"),
            ("< a/>", "no name"),
        ] {
            let refused = check(ResourceKind::Xml, "a.xml", bad.as_bytes()).unwrap_err();
            assert!(refused.contains(said), "{bad}: {refused}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(check(ResourceKind::Xml, "a.xml", deep.as_bytes()).unwrap_err().contains("too deep"));
        assert!(check(ResourceKind::Xml, "a.xml", b"<a>\xe4</a>").unwrap_err().contains("UTF-8"));
        let wide = |count| format!("<a {}/>", (0..count).map(|n| format!("b{n}=\"\" ")).collect::<String>());
        assert_eq!(check(ResourceKind::Xml, "a.xml", wide(MOST_ATTRIBUTES).as_bytes()), Ok(()));
        assert!(check(ResourceKind::Xml, "a.xml", wide(100_000).as_bytes()).unwrap_err().contains("attributes"));
    }

    #[test]
    fn any_bytes_give_an_answer() {
        for seed in [
            png(4, 4),
            wav(8),
            b"<a b=\"c\">&amp;<!-- x --></a>".to_vec(),
            b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0".to_vec(),
        ] {
            for at in 0..seed.len() {
                for byte in 0..=255 {
                    let mut bytes = seed.clone();
                    bytes[at] = byte;
                    for kind in ResourceKind::ALL {
                        let _ = check(kind, "a.png", &bytes);
                        let _ = check(kind, "a.wav", &bytes[..at]);
                    }
                }
            }
        }
    }
}
