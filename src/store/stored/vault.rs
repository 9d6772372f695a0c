use zeroize::Zeroizing;

use crate::model::Secret;
use crate::store::Error;
use crate::store::key::Key;

/// The secrets of one document, in the order in which its fields stand. They are sealed together: one nonce and one tag
/// for all, so that a phone of twelve lines is small and quickly opened.
#[derive(Default)]
pub(super) struct Vault(Vec<Secret>);

/// What the sealed text is bound to, besides its document.
const FIELD: &str = "secrets";

impl Vault {
    /// Puts the next one in.
    pub(super) fn put(&mut self, secret: &Secret) {
        self.0.push(secret.clone());
    }

    /// All of them, sealed; nothing where there are none.
    pub(super) fn seal(&self, document: &str, key: &Key) -> Result<Option<String>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let texts: Vec<&str> = self.0.iter().map(Secret::expose).collect();
        let unfit = |_| Error::Unfit { what: document.to_owned(), why: "its secrets have no JSON form" };
        let all = Secret::new(serde_json::to_string(&texts).map_err(unfit)?);
        key.seal(&all, document, FIELD).map(Some)
    }

    /// Opens what [`Vault::seal`] made for the same document.
    pub(super) fn open(sealed: Option<&str>, document: &str, key: &Key) -> Result<Self, Error> {
        let Some(sealed) = sealed else { return Ok(Self::default()) };
        let all = key.open(sealed, document, FIELD)?;
        let texts: Vec<Zeroizing<String>> = serde_json::from_str::<Vec<String>>(all.expose())
            .map_err(|_| damaged(document))?
            .into_iter()
            .map(Zeroizing::new)
            .collect();
        // Taken from the end.
        Ok(Self(texts.iter().rev().map(|text| Secret::new(text.as_str())).collect()))
    }

    /// Takes the next one out.
    pub(super) fn take(&mut self, document: &str) -> Result<Secret, Error> {
        self.0.pop().ok_or_else(|| damaged(document))
    }
}

fn damaged(document: &str) -> Error {
    Error::Unfit { what: document.to_owned(), why: "its secrets are not those of its fields" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_out_in_their_order_and_for_their_document_only() {
        let key = Key::new(&[7; 32]);
        let mut vault = Vault::default();
        for text in ["one", "", "th\"ree\n"] {
            vault.put(&Secret::new(text));
        }
        let sealed = vault.seal("phone 1", &key).unwrap().unwrap();
        let mut opened = Vault::open(Some(&sealed), "phone 1", &key).unwrap();
        for text in ["one", "", "th\"ree\n"] {
            assert_eq!(opened.take("phone 1").unwrap().expose(), text);
        }
        assert!(opened.take("phone 1").is_err());
        assert!(Vault::open(Some(&sealed), "phone 2", &key).is_err());
        assert_eq!(Vault::default().seal("phone 1", &key).unwrap(), None);
        assert!(Vault::open(None, "phone 1", &key).unwrap().take("phone 1").is_err());
    }
}
