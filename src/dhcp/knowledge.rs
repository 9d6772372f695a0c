use super::request::Request;

/// What others know about the sender of a request; put together by the socket loop from the list of phones and the
/// brands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Options that tell a recognised phone where its configuration is, in its brand's form; else empty.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Whether the sender is recognised as a phone, or is on the list of phones.
    pub phone: bool,
    /// Options that the administrator set for the sender, each code once. They go before all others.
    pub custom: Vec<(u8, Vec<u8>)>,
}

/// Whether a request comes from firmware that boots over the network. Such a client reads options 66 and 67 as the
/// name of a boot server, whatever hardware it runs on: it never gets a phone's options.
pub(super) fn boots_over_network(request: &Request) -> bool {
    let class = request.vendor_class().unwrap_or_default();
    class.starts_with(b"PXEClient") || class.starts_with(b"HTTPClient")
}
