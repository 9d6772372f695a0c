use super::breeds;
use super::{Breed, Make};
use crate::model::Mac;

/// What one simulated phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its brand.
    pub breed: &'static Breed,
    /// Which product of that brand it is.
    pub make: &'static Make,
    /// Address of its only interface.
    pub mac: Mac,
}

impl Identity {
    /// A Yealink T46U.
    pub fn t46u(mac: Mac) -> Self {
        let (breed, make) = breeds::T46U;
        Self { breed, make, mac }
    }
}
