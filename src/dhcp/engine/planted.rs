/// A fault put into the engine, so that the property test over random histories can be seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// An address that somebody holds passes for free.
    GivesWhatIsHeld,
    /// Leases end at half of their time.
    EndsLeasesEarly,
    /// A new lease is acknowledged and not stored.
    GivesInMemoryAlone,
}
