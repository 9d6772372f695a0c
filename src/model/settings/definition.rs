/// One setting of the neutral model: what it is called, what it may hold, what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Topic and name with a dot between: `regional.language`.
    pub key: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What it means, in half a sentence.
    pub meaning: &'static str,
    /// A value, as text.
    pub example: &'static str,
}

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// A whole number.
    Number {
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text for people, of at most so many bytes.
    Text(usize),
    /// A text that only its owner may see.
    Secret,
    /// A host name or an IP address.
    Host,
    /// An absolute URL.
    Url,
    /// What is dialled: digits, `*`, `#`, `+`, or a SIP user or address.
    Dial,
    /// A pattern of numbers, as RFC 3435 section 2.1.5 writes digit maps.
    DigitMap,
    /// A language tag (BCP 47): `de`, `pt-BR`.
    Language,
    /// A country by its two letters (ISO 3166).
    Country,
    /// A time zone by its IANA name.
    Zone,
    /// The name of a file that is kept for phones.
    File,
    /// The identity of a document, in 32 hexadecimal digits.
    Id,
    /// Hour and minute: `03:30`.
    TimeOfDay,
    /// An IPv4 multicast address and a port: `224.0.1.116:5001`.
    Multicast,
    /// Several, at most so many.
    List(&'static Kind, usize),
}

impl Kind {
    /// Whether only the phone itself may see it.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret)
    }

    /// The kind in words, for the reference and for messages.
    pub fn words(&self) -> String {
        match self {
            Self::Flag => "yes or no".into(),
            Self::Number { least, most } => format!("number, {least} to {most}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Text(longest) => format!("text, at most {longest} bytes"),
            Self::Secret => "secret text".into(),
            Self::Host => "host name or address".into(),
            Self::Url => "URL".into(),
            Self::Dial => "number to dial".into(),
            Self::DigitMap => "digit map".into(),
            Self::Language => "language tag".into(),
            Self::Country => "country, two letters".into(),
            Self::Zone => "IANA time zone".into(),
            Self::File => "file name".into(),
            Self::Id => "id".into(),
            Self::TimeOfDay => "time of day, HH:MM".into(),
            Self::Multicast => "multicast address and port".into(),
            Self::List(of, most) => format!("list of at most {most}: {}", of.words()),
        }
    }
}

impl Definition {
    /// The topic that it belongs to.
    pub fn topic(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(topic, _)| topic)
    }

    /// Its name within its topic.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }
}
