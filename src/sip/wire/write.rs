use super::message::{Message, Start};
use super::normalise::is_token;

/// What cannot stand in a message: it would end a line early, or begin another field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} has a character that cannot stand in a SIP message")]
pub struct Unfit(pub String);

impl Message {
    /// The message as it goes over the wire, with its Content-Length.
    ///
    /// # Errors
    /// When a name is no token, or a value, URI or phrase has a line end or another control character in it: whatever
    /// it was made from would add fields of its own.
    pub fn encode(&self) -> Result<Vec<u8>, Unfit> {
        let uri_is_fit = match &self.start {
            Start::Request { uri, .. } => {
                !uri.is_empty() && !uri.contains(|letter: char| letter == ' ' || is_bad(letter))
            }
            Start::Response { phrase, .. } => !phrase.contains(is_bad),
        };
        if !uri_is_fit {
            return Err(Unfit("the first line".into()));
        }
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for field in &self.headers {
            let named = !field.name.is_empty() && field.name.bytes().all(is_token);
            if !named || field.value.contains(is_bad) {
                return Err(Unfit(field.name.chars().filter(|letter| !is_bad(*letter)).take(40).collect()));
            }
            bytes.extend_from_slice(field.name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(field.value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }
}

fn is_bad(letter: char) -> bool {
    letter.is_control()
}
