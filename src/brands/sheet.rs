/// How much a file tells the phone that asked for it. Each one tells more than the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Where to find time, CA and configuration, and to ask again each minute. No secret.
    Pointer,
    /// The same, and the phone's own login.
    FirstContact,
    /// Everything: lines with their passwords, the phone's own login, daily polling.
    Full,
}

impl Content {
    /// Whether it holds anything that only this phone may see.
    pub fn is_secret(self) -> bool {
        self > Self::Pointer
    }
}
