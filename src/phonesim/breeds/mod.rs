//! The brands that are simulated, one file each.

mod akuvox;
mod ale;
mod ale_40x8;
mod audiocodes;
mod avaya;
mod avaya_1200;
mod cisco_enterprise;
mod cisco_mpp;
mod cisco_spa;
mod fanvil;
mod flat_profile;
mod gigaset;
mod gigaset_n510;
mod gigaset_p800;
mod grandstream;
mod htek;
mod mitel;
mod obihai;
mod panasonic;
mod poly;
mod snom;
mod yealink;

use super::{Breed, Make};

/// Every brand.
pub static ALL: &[&Breed] = &[
    &yealink::BREED,
    &poly::BREED,
    &snom::BREED,
    &grandstream::BREED,
    &panasonic::BREED,
    &fanvil::BREED,
    &cisco_spa::BREED,
    &cisco_mpp::BREED,
    &cisco_enterprise::BREED,
    &htek::BREED,
    &akuvox::BREED,
    &obihai::BREED,
    &audiocodes::PHONE,
    &audiocodes::GATEWAY,
    &mitel::BREED,
    &gigaset::BREED,
    &gigaset_n510::BREED,
    &gigaset_p800::BREED,
    &ale::BREED,
    &ale_40x8::BREED,
    &avaya::BREED,
    &avaya_1200::BREED,
];

/// The brand called `id`.
pub fn named(id: &str) -> Option<&'static Breed> {
    ALL.iter().copied().find(|breed| breed.brand == id)
}

/// A Yealink T46U.
pub(super) static T46U: (&Breed, &Make) = (&yealink::BREED, &yealink::MAKES[0]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for breed in ALL {
            assert_eq!(named(breed.brand), Some(*breed));
            assert!(!breed.makes.is_empty());
        }
        assert_eq!(named("nobody"), None);
    }
}
