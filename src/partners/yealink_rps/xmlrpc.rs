//! PURE. The oldest interface: calls and answers in XML-RPC.

use quick_xml::events::Event;
use quick_xml::{Reader, escape};

use super::plan::Claim;

/// A value of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A yes or no.
    Flag(bool),
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    /// It is no answer.
    #[error("its answer broke off or is no XML-RPC")]
    Unreadable,
    /// It says that the call failed.
    #[error("it says: {0}")]
    Fault(String),
}

/// Values of an answer that are looked at.
const MOST: usize = 50_000;

/// A call of one method with texts.
pub(super) fn call(method: &str, parameters: &[&str]) -> String {
    let one = |text: &&str| format!("<param><value><string>{}</string></value></param>", escape::escape(*text));
    let parameters: String = parameters.iter().map(one).collect();
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{parameters}</params></methodCall>"
    )
}

/// Whose a phone is that was asked for. The text says it: the boolean before it may say no more than that the call went
/// well. Without a text nothing is known against the phone, and registering it tells.
pub(super) fn claim(values: &[Value]) -> Result<Claim, Wrong> {
    let text = values.iter().find_map(|value| if let Value::Text(text) = value { Some(text.trim()) } else { None });
    match text.unwrap_or_default() {
        "Registered" => Ok(Claim::Ours { url: None, entry: None }),
        "Registered Elsewhere" => Ok(Claim::Theirs),
        error if error.starts_with("Error") => Err(Wrong::Fault(error.chars().take(200).collect())),
        _ => Ok(Claim::Free),
    }
}

/// The plain values of an answer, in their order, whatever holds them.
pub(super) fn values(answer: &[u8]) -> Result<Vec<Value>, Wrong> {
    let text = std::str::from_utf8(answer).map_err(|_| Wrong::Unreadable)?;
    let mut reader = Reader::from_str(text.trim());
    let (mut path, mut values, mut said, mut fault, mut whole) =
        (Vec::<String>::new(), Vec::new(), String::new(), false, false);
    loop {
        match reader.read_event().map_err(|_| Wrong::Unreadable)? {
            Event::Start(element) => {
                path.push(element.local_name().as_ref().to_owned());
                fault |= path.last().is_some_and(|name| name == "fault");
                said.clear();
                if path.len() > 24 {
                    return Err(Wrong::Unreadable);
                }
            }
            Event::Text(text) => said += &text,
            Event::GeneralRef(reference) => {
                let plain =
                    escape::unescape(&format!("&{};", &*reference)).map_err(|_| Wrong::Unreadable)?.into_owned();
                said += &plain;
            }
            Event::End(_) => {
                let name = path.pop().ok_or(Wrong::Unreadable)?;
                match name.as_str() {
                    "boolean" => values.push(Value::Flag(said.trim() == "1" || said.trim() == "true")),
                    "string" | "int" | "i4" => values.push(Value::Text(said.clone())),
                    "methodResponse" => whole = true,
                    // A value without a type is a text.
                    "value" if !said.trim().is_empty() => values.push(Value::Text(said.clone())),
                    _ => {}
                }
                said.clear();
                if values.len() > MOST {
                    return Err(Wrong::Unreadable);
                }
            }
            Event::DocType(_) => return Err(Wrong::Unreadable),
            Event::Eof => break,
            _ => {}
        }
    }
    if !whole || !path.is_empty() {
        return Err(Wrong::Unreadable);
    }
    if fault {
        let text = values.iter().rev().find_map(|value| if let Value::Text(text) = value { Some(text) } else { None });
        let text = text.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect());
        return Err(Wrong::Fault(text.unwrap_or_default()));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_answers_are_these() {
        assert_eq!(
            call("redirect.registerDevice", &["805ec0000001", "a & b"]),
            "<?xml version=\"1.0\"?><methodCall><methodName>redirect.registerDevice</methodName><params><param><value>\
             <string>805ec0000001</string></value></param><param><value><string>a &amp; b</string></value></param></params></methodCall>"
        );
        let answer = b"<?xml version=\"1.0\"?><methodResponse><params><param><value><array><data><value><boolean>0</boolean>\
            </value><value><string>Error:Invalid server</string></value></data></array></value></param></params></methodResponse>";
        assert_eq!(values(answer), Ok(vec![Value::Flag(false), Value::Text("Error:Invalid server".into())]));
        let untyped = b"<methodResponse><params><param><value>a &lt; b</value></param></params></methodResponse>";
        assert_eq!(values(untyped), Ok(vec![Value::Text("a < b".into())]));
        let fault = b"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member>\
            <member><name>faultString</name><value><string>Too many</string></value></member></struct></value></fault></methodResponse>";
        assert_eq!(values(fault), Err(Wrong::Fault("Too many".into())));
        let whose = |said: bool, text: &str| claim(&[Value::Flag(said), Value::Text(text.into())]);
        assert_eq!(whose(true, "Registered"), Ok(Claim::Ours { url: None, entry: None }));
        assert_eq!(whose(true, "Registered Elsewhere"), Ok(Claim::Theirs));
        assert_eq!((whose(true, "Unregistered"), whose(false, "Unknown")), (Ok(Claim::Free), Ok(Claim::Free)));
        assert_eq!(whose(false, "Error:Invalid MAC"), Err(Wrong::Fault("Error:Invalid MAC".into())));
        for end in [0, 10, 40, answer.len() - 5] {
            assert_eq!(values(&answer[..end]), Err(Wrong::Unreadable), "{end}");
        }
    }
}
