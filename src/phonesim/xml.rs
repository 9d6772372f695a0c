//! As much XML as configuration files hold: elements, attributes, text (XML 1.0). Whatever is not well formed is
//! refused whole, as the parsers in phones do.

/// An element, in the order in which the elements begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name and the names of those that it stands in, the outermost first.
    pub(super) path: Vec<String>,
    pub(super) attributes: Vec<(String, String)>,
    /// The text right within it, outer white space left out.
    pub(super) text: String,
}

impl Element {
    pub(super) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// Whether it stands right within an element of this name.
    pub(super) fn is_in(&self, parent: &str) -> bool {
        self.path.iter().rev().nth(1).is_some_and(|name| name == parent)
    }
}

/// Every element of a document.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Element>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut elements: Vec<Element> = Vec::new();
    // Places of the elements that are not yet closed.
    let mut open: Vec<usize> = Vec::new();
    while let Some((before, tag)) = rest.split_once('<') {
        text_of(&mut elements, &open, before)?;
        if let Some(after) = tag.strip_prefix("!--") {
            rest = after.split_once("-->").ok_or("a comment has no end")?.1;
        } else if let Some(after) = tag.strip_prefix('?') {
            rest = after.split_once("?>").ok_or("an instruction has no end")?.1;
        } else if let Some(after) = tag.strip_prefix('/') {
            let (name, after) = after.split_once('>').ok_or("a tag has no end")?;
            let closed = open.pop().and_then(|at| elements.get(at));
            if closed.is_none_or(|element| element.name() != name.trim_end()) {
                return Err(format!("</{name}> closes nothing"));
            }
            rest = after;
        } else {
            if open.is_empty() && !elements.is_empty() {
                return Err("it has two outermost elements".into());
            }
            let (mut element, closed, after) = tag_of(tag)?;
            let outer = open.last().and_then(|at| elements.get(*at)).map(|element| element.path.clone());
            element.path.splice(0..0, outer.unwrap_or_default());
            if !closed {
                open.push(elements.len());
            }
            elements.push(element);
            rest = after;
        }
    }
    text_of(&mut elements, &open, rest)?;
    if elements.is_empty() || !open.is_empty() {
        return Err("an element has no end, or there is none".into());
    }
    Ok(elements)
}

fn text_of(elements: &mut [Element], open: &[usize], text: &str) -> Result<(), String> {
    match open.last().and_then(|at| elements.get_mut(*at)) {
        Some(element) => element.text.push_str(unescape(text)?.trim()),
        None if text.trim().is_empty() => {}
        None => return Err("text stands outside of every element".into()),
    }
    Ok(())
}

/// A tag behind its `<`: the element, whether it is closed at once, and what comes after.
fn tag_of(tag: &str) -> Result<(Element, bool, &str), String> {
    let end = tag.find(|c: char| !is_of_name(c)).ok_or("a tag has no end")?;
    let (name, mut rest) = tag.split_at(end);
    if name.is_empty() {
        return Err("a tag has no name".into());
    }
    let mut element = Element { path: vec![name.into()], attributes: Vec::new(), text: String::new() };
    loop {
        let trimmed = rest.trim_start();
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Ok((element, true, after));
        }
        if let Some(after) = trimmed.strip_prefix('>') {
            return Ok((element, false, after));
        }
        if trimmed.len() == rest.len() {
            return Err(format!("<{name}> is not written as a tag is"));
        }
        let (attribute, after) = trimmed.split_once('=').ok_or_else(|| format!("<{name}> has no end"))?;
        let attribute = attribute.trim_end();
        if attribute.is_empty() || !attribute.chars().all(is_of_name) || element.attribute(attribute).is_some() {
            return Err(format!("<{name}> has an attribute {attribute:?} that is none, or twice"));
        }
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or("an attribute has no quotes")?;
        let (value, after) = after.get(1..).and_then(|after| after.split_once(quote)).ok_or("quotes have no end")?;
        if value.contains('<') {
            return Err(format!("the attribute {attribute} holds <"));
        }
        element.attributes.push((attribute.into(), unescape(value)?));
        rest = after;
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, after) = entity.split_once(';').ok_or("& begins nothing")?;
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
                (Some(digits), _) => number(digits, 16),
                (None, Some(digits)) => number(digits, 10),
                (None, None) => None,
            }
            .ok_or_else(|| format!("&{name}; is not known"))?,
        });
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements_attributes_and_text() {
        let text =
            b"<?xml version=\"1.0\"?>\n<!-- a > b -->\n<a x='1' y.z = \"&lt;&#10;&amp;\"><b> t &gt; </b>\n<c/></a>\n";
        let elements = read(text).unwrap();
        assert_eq!(elements.iter().map(|one| one.path.join("/")).collect::<Vec<_>>(), ["a", "a/b", "a/c"]);
        assert_eq!(elements[0].attributes, [("x".into(), "1".into()), ("y.z".into(), "<\n&".into())]);
        assert_eq!(elements[1].text, "t >");
        assert!(elements[2].is_in("a"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a x=1/>",
            "<a x='1' x='2'/>",
            "<a x=\"<\"/>",
            "<a>&b;</a>",
            "<a>& </a>",
            "<a><b></a></b>",
            "<a",
            "<!--",
            "<a x='1'y='2'/>",
            "<a/>text",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
