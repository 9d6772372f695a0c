//! PURE. JSON as a digest over it wants it.

/// JSON without blanks and without escapes that it could do without, its keys in the order in which they came.
pub(super) fn compact(json: &str) -> Option<String> {
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        if first != '"' {
            if !first.is_whitespace() {
                text.push(first);
            }
            rest = rest.get(first.len_utf8()..)?;
            continue;
        }
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let (literal, after) = rest.split_at(end?.0 + 1);
        let plain: String = serde_json::from_str(literal).ok()?;
        text += &serde_json::to_string(&plain).ok()?;
        rest = after;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_needless_escapes_go_and_the_order_stays() {
        for (json, expected) in [
            (r#"{ "b" : 1 , "a" : [ true, null ] }"#, r#"{"b":1,"a":[true,null]}"#),
            (r#"{"a":"x y \/ \u0041 \u00e4"}"#, r#"{"a":"x y / A ä"}"#),
            (r#"{"a":"\\ \" \n \u0001"}"#, r#"{"a":"\\ \" \n \u0001"}"#),
            ("", ""),
        ] {
            assert_eq!(compact(json).as_deref(), Some(expected), "{json}");
        }
        for json in [r#"{"a"#, r#"{"a":"\x"}"#, r#"{"a":"\"#] {
            assert_eq!(compact(json), None, "{json}");
        }
    }
}
