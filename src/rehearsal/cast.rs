use super::Refusal;
use crate::brands::{Claims, Registry};
use crate::model::Phone;
use crate::phonesim::{self, Identity, Trust};

/// Who plays a phone of the list.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    pub(super) identity: Identity,
    /// The model that the phone is known as, where another one of its brand plays it.
    pub(super) instead_of: Option<String>,
}

impl Cast {
    /// The simulated phone of its brand, of its model where there is such a one.
    pub(super) fn of(phone: &Phone, registry: &Registry) -> Result<Self, Refusal> {
        let by_address = || registry.recognise(&Claims { mac: Some(phone.mac), ..Claims::default() });
        let brand = phone.brand.clone().or_else(|| by_address().map(|found| found.brand.id.clone()));
        let brand = brand.ok_or(Refusal::NoBrand(phone.mac))?;
        let breed = phonesim::breed(&brand).ok_or_else(|| Refusal::NotPlayed(brand.clone()))?;
        let known = phone.model.as_deref().unwrap_or_default();
        let alike =
            breed.makes.iter().find(|make| make.model.eq_ignore_ascii_case(known) || ends_alike(make.model, known));
        let make = alike.or_else(|| breed.makes.first()).ok_or(Refusal::NotPlayed(brand))?;
        let instead_of = (alike.is_none() && !known.is_empty()).then(|| known.to_owned());
        Ok(Self { identity: Identity { breed, make, mac: phone.mac }, instead_of })
    }

    /// How it is called in a sentence.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.identity.breed.brand, self.identity.make.model)
    }

    /// Whether it ever speaks TLS.
    pub(super) fn speaks_tls(&self) -> bool {
        matches!(self.identity.breed.trust, Trust::Authority | Trust::Unchecked)
    }
}

/// Whether a model is the same but for what its maker puts in front, as in `SIP-T46U` and `T46U`.
fn ends_alike(model: &str, known: &str) -> bool {
    model.rsplit('-').next().is_some_and(|end| end.eq_ignore_ascii_case(known))
}
