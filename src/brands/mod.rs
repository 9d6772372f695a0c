//! Brands of phones: each is one folder of data, and nothing outside this module knows one by name.

mod sheet;

pub use sheet::Content;
