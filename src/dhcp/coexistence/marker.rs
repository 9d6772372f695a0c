use crate::model::Id;

/// What begins the marker's value.
const NAME: &[u8] = b"block66";
/// Length of the value: name, flags, id.
const LENGTH: usize = 24;

/// By what boxes on one LAN know each other: the value of option 224 in their probes and OFFERs. The option is
/// site-specific (RFC 3942): no standard and no brand of phones gives it a meaning, and clients skip it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// The box.
    pub id: Id,
    /// What it does here.
    pub part: Part,
    /// Whether it wants to know of other boxes now.
    pub asks: bool,
}

/// What a box does on a LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Gives addresses.
    Serving,
    /// Will, unless somebody else does.
    Candidate,
    /// Will not.
    Guest,
}

impl Marker {
    /// The option's value.
    pub fn bytes(&self) -> Vec<u8> {
        let part = match self.part {
            Part::Serving => 1,
            Part::Candidate => 2,
            Part::Guest => 3,
        };
        let asks = if self.asks { 0x80 } else { 0 };
        [NAME, &[part | asks], &self.id.to_bytes()].concat()
    }

    /// Reads the option's value; `None` when it is somebody else's.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (flags, id) = value.strip_prefix(NAME).filter(|_| value.len() == LENGTH)?.split_first()?;
        let part = match flags & 0x7f {
            1 => Part::Serving,
            2 => Part::Candidate,
            3 => Part::Guest,
            _ => return None,
        };
        Some(Self { id: Id::from_bytes(<[u8; 16]>::try_from(id).ok()?), part, asks: flags & 0x80 != 0 })
    }
}
