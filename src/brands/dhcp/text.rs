use super::answer::{DhcpQuery, Omission};
use crate::model::{Mac, Scheme, provisioning_url};

/// A text with places, as in `HTTPSRVR={host}[,HTTPPORT={port}]`.
///
/// `{url}` is the whole provisioning URL and ends with `/`; `{host}`, `{port}` and `{path}` are its parts, the path
/// without slashes around it; `{mac}` and `{MAC}` are twelve digits in that case; `{voice-vlan}` is decimal. What
/// stands in brackets is left out when a place in it has nothing to say, and a port has nothing to say where it is
/// usual.
#[derive(Debug)]
pub(in crate::brands) struct Text(Vec<Segment>);

#[derive(Debug)]
struct Segment {
    optional: bool,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Place(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Url,
    Host,
    Port,
    Path,
    LowerMac,
    UpperMac,
    VoiceVlan,
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "url" => Self::Url,
            "host" => Self::Host,
            "port" => Self::Port,
            "path" => Self::Path,
            "mac" => Self::LowerMac,
            "MAC" => Self::UpperMac,
            "voice-vlan" => Self::VoiceVlan,
            _ => return None,
        })
    }
}

impl Text {
    pub(in crate::brands) fn read(written: &str) -> Result<Self, String> {
        // Some phones want a NUL behind a text; nothing else is there that cannot be printed.
        let body = written.strip_suffix('\0').unwrap_or(written);
        if body.is_empty() || !body.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(format!("{written:?} is not printable ASCII"));
        }
        let mut segments = Vec::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('[') {
            let (inside, after) = after.split_once(']').ok_or_else(|| format!("{written:?} has a [ and no ]"))?;
            segments.push(Segment::read(before, false)?);
            segments.push(Segment::read(inside, true)?);
            rest = after;
        }
        segments.push(Segment::read(rest, false)?);
        if segments.iter().any(|segment| segment.optional && segment.places().next().is_none()) {
            return Err(format!("{written:?}: nothing decides whether what is in brackets is left out"));
        }
        segments.retain(|segment| !segment.pieces.is_empty());
        Ok(Self(segments))
    }

    /// Bytes that stand there whatever the places say.
    pub(super) fn least(&self) -> usize {
        let literal = |piece: &Piece| if let Piece::Literal(text) = piece { text.len() } else { 1 };
        self.0.iter().filter(|segment| !segment.optional).flat_map(|segment| segment.pieces.iter().map(literal)).sum()
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.0.iter().flat_map(Segment::places)
    }

    pub(super) fn has_places(&self) -> bool {
        self.places().next().is_some()
    }

    pub(super) fn names_the_host(&self) -> bool {
        self.places().any(|place| place == Place::Host)
    }

    pub(super) fn carries_the_port(&self) -> bool {
        self.places().any(|place| matches!(place, Place::Url | Place::Port))
    }

    pub(super) fn names_the_vlan(&self) -> bool {
        self.places().any(|place| place == Place::VoiceVlan)
    }

    pub(in crate::brands) fn say(&self, query: &DhcpQuery<'_>) -> Result<String, Omission> {
        let mut said = String::new();
        for segment in &self.0 {
            match segment.say(query) {
                Ok(text) => said.push_str(&text),
                Err(Omission::NotAVlan(vlan)) => return Err(Omission::NotAVlan(vlan)),
                Err(_) if segment.optional => {}
                Err(because) => return Err(because),
            }
        }
        Ok(said)
    }
}

impl Segment {
    fn read(written: &str, optional: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let literal = |text: &str| match text.contains(['}', ']', '[']) {
            true => Err(format!("{written:?} closes what was not opened")),
            false => Ok((!text.is_empty()).then(|| Piece::Literal(text.to_owned()))),
        };
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("{written:?} has a {{ and no }}"))?;
            pieces.extend(literal(before)?);
            pieces.push(Piece::Place(Place::named(name).ok_or_else(|| format!("nothing is called {{{name}}}"))?));
            rest = after;
        }
        pieces.extend(literal(rest)?);
        Ok(Self { optional, pieces })
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.pieces.iter().filter_map(|piece| if let Piece::Place(place) = piece { Some(*place) } else { None })
    }

    fn say(&self, query: &DhcpQuery<'_>) -> Result<String, Omission> {
        let mut said = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => said.push_str(text),
                Piece::Place(place) => said.push_str(&self.place(*place, query)?),
            }
        }
        Ok(said)
    }

    fn place(&self, place: Place, query: &DhcpQuery<'_>) -> Result<String, Omission> {
        let url = || provisioning_url(query.scheme, query.at, "");
        Ok(match place {
            Place::Url => url(),
            Place::Host => query.at.host.to_string(),
            Place::Port => match ports(query) {
                (port, usual) if port == usual && self.optional => return Err(Omission::Empty),
                (port, _) => port.to_string(),
            },
            Place::Path => {
                let path: String = url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
                path.trim_end_matches('/').to_owned()
            }
            Place::LowerMac => query.mac.map(Mac::plain).ok_or(Omission::NoMac)?,
            Place::UpperMac => query.mac.map(Mac::plain).ok_or(Omission::NoMac)?.to_ascii_uppercase(),
            Place::VoiceVlan => voice_vlan(query)?.to_string(),
        })
    }
}

/// The port of the URL, and the one that is usual for its scheme.
pub(super) fn ports(query: &DhcpQuery<'_>) -> (u16, u16) {
    match query.scheme {
        Scheme::Http => (query.at.http, 80),
        Scheme::Https => (query.at.https, 443),
    }
}

pub(super) fn voice_vlan(query: &DhcpQuery<'_>) -> Result<u16, Omission> {
    match query.voice_vlan {
        Some(vlan @ 1..=4094) => Ok(vlan),
        Some(vlan) => Err(Omission::NotAVlan(vlan)),
        None => Err(Omission::NoVoiceVlan),
    }
}
