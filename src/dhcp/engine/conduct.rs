/// What a server does on its network, as [`Coexistence`](super::super::Coexistence) decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conduct {
    /// Answers nothing.
    #[default]
    Silent,
    /// Gives no address. Leases that it gave before are renewed to their end and no further, and recognised phones
    /// that have an address are told where their configuration is, and nothing else.
    InformOnly,
    /// Gives addresses to recognised phones, and is silent to everybody else: there is another server for them.
    PhonesOnly,
    /// Gives addresses to everybody.
    Full {
        /// No other server is there. Only then is anything ever refused with a NAK; a client that names another
        /// server takes this back until it is decided anew that none is.
        sole: bool,
    },
    /// Stands in for a server that is gone and may come back: leases are short, and each address is probed first.
    StandIn,
}

impl Conduct {
    /// Whether new leases are given.
    pub fn gives_addresses(self) -> bool {
        !matches!(self, Self::Silent | Self::InformOnly)
    }
}
