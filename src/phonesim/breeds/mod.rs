//! The brands that are simulated, one file each.

mod grandstream;
mod panasonic;
mod poly;
mod snom;
mod yealink;

use super::{Breed, Make};

/// Every brand.
pub static ALL: [&Breed; 5] = [&yealink::BREED, &poly::BREED, &snom::BREED, &grandstream::BREED, &panasonic::BREED];

/// The brand called `id`.
pub fn named(id: &str) -> Option<&'static Breed> {
    ALL.into_iter().find(|breed| breed.brand == id)
}

/// A Yealink T46U.
pub(super) static T46U: (&Breed, &Make) = (&yealink::BREED, &yealink::T46U);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for breed in ALL {
            assert_eq!(named(breed.brand), Some(breed));
            assert!(!breed.makes.is_empty());
        }
        assert_eq!(named("nobody"), None);
    }
}
