//! What went over the wire, as tcpdump saw it.

use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::dhcp::{ACK, REQUEST};
use crate::ground::{Client, Ground, INTERFACE, PATIENCE, Process, wait_until};

/// A capture on the bridge of the box.
pub(crate) struct Capture {
    file: PathBuf,
    _directory: tempfile::TempDir,
    _process: Process,
}

/// A DHCP message with the frame it came in.
#[derive(Clone)]
pub(crate) struct Seen {
    /// Destination of the frame.
    pub(crate) to: [u8; 6],
    pub(crate) from_server: bool,
    /// Whether the checksums of IP and UDP are right.
    pub(crate) sums: bool,
    pub(crate) chaddr: [u8; 6],
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) yiaddr: Ipv4Addr,
    pub(crate) giaddr: Ipv4Addr,
    pub(crate) kind: u8,
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Capture {
    /// Captures DHCP.
    pub(crate) fn start(ground: &Ground) -> Self {
        Self::start_with(ground, "udp port 67 or udp port 68")
    }

    /// Captures the connections that the box accepts, one frame each.
    pub(crate) fn start_with_connections(ground: &Ground) -> Self {
        Self::start_with(ground, "tcp[tcpflags] & (tcp-syn|tcp-ack) == (tcp-syn|tcp-ack)")
    }

    fn start_with(ground: &Ground, filter: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("seen.pcap");
        let mut command = ground.command(Path::new("tcpdump"));
        command.args(["-i", INTERFACE, "-n", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(&file).arg(filter);
        let process = Process::start(command);
        process.says("listening on", 1);
        Self { file, _directory: directory, _process: process }
    }

    /// Every DHCP message of or for a client so far, in order.
    pub(crate) fn of(&self, client: &Client) -> Vec<Seen> {
        let seen = self.frames().into_iter().filter_map(|frame| Seen::read(&frame));
        seen.filter(|seen| mac(&seen.chaddr) == client.mac).collect()
    }

    /// Every DHCP message of a server with this identifier, of these types.
    pub(crate) fn from(&self, server: Ipv4Addr, kinds: &[u8]) -> Vec<Seen> {
        let seen = self.frames().into_iter().filter_map(|frame| Seen::read(&frame));
        let seen = seen.filter(|seen| seen.from_server && seen.get(54) == Some(&server.octets()[..]));
        seen.filter(|seen| kinds.contains(&seen.kind)).collect()
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let bytes = fs::read(&self.file).unwrap_or_default();
        let mut rest = bytes.get(24..).unwrap_or_default();
        let mut frames = Vec::new();
        while let Some((head, tail)) = rest.split_at_checked(16) {
            let length = u32::from_le_bytes(head[8..12].try_into().expect("four")) as usize;
            let Some((frame, tail)) = tail.split_at_checked(length) else { break };
            rest = tail;
            frames.push(frame.to_vec());
        }
        frames
    }

    /// Waits for a message from or to a client.
    pub(crate) fn wait_for(&self, client: &Client, what: impl Fn(&Seen) -> bool) -> Seen {
        let mut found = None;
        wait_until(PATIENCE, || {
            found = self.of(client).into_iter().rfind(|seen| what(seen));
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("not seen of {}: {:#?}", client.mac, self.of(client)))
    }

    /// Waits until a client has asked so after its first `from` messages, and then got an ACK.
    pub(crate) fn wait_for_ack_to(&self, client: &Client, from: usize, what: impl Fn(&Seen) -> bool) {
        let acknowledged = wait_until(PATIENCE, || {
            let seen = self.of(client);
            let mut later = seen.iter().skip(from);
            later.any(&what) && later.any(|seen| seen.kind == ACK)
        });
        assert!(acknowledged, "not asked and acknowledged: {:#?}", self.of(client));
    }

    /// Answers that the client got: a question and its answer are an exchange.
    pub(crate) fn exchanges(&self, client: &Client) -> usize {
        self.of(client).iter().filter(|seen| seen.from_server).count()
    }

    /// Connections of a client that the box accepted.
    pub(crate) fn connections(&self, client: &Client) -> usize {
        self.frames().iter().filter(|frame| frame.first_chunk().is_some_and(|to| mac(to) == client.mac)).count()
    }

    /// Prints which client spoke, and how many connections of it were seen.
    pub(crate) fn report_connections(&self, client: &Client, name: &str, version: &str) {
        wait_until(PATIENCE, || self.connections(client) > 0);
        println!("client: {name} {version} · {} connections seen", self.connections(client));
    }

    /// Prints which client spoke, and how much was seen of it.
    pub(crate) fn report(&self, client: &Client, name: &str, version: &str) {
        println!("client: {name} {version} · {} exchanges seen", self.exchanges(client));
    }
}

impl Seen {
    /// A client that uses its address asks the server that gave it for more time (RFC 2131 section 4.4.5).
    pub(crate) fn is_renewal(&self) -> bool {
        self.kind == REQUEST && !self.ciaddr.is_unspecified() && !self.is_to_all()
    }

    /// A client that uses its address asks whatever server there is for more time.
    pub(crate) fn is_rebinding(&self) -> bool {
        self.kind == REQUEST && !self.ciaddr.is_unspecified() && self.is_to_all()
    }

    /// Sent to everybody, here or on the other side of a relay.
    fn is_to_all(&self) -> bool {
        self.to == [0xff; 6] || !self.giaddr.is_unspecified()
    }

    fn read(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(14..)?;
        let words = usize::from(ip.first()? & 15) * 4;
        let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
        let udp = ip.get(words..total)?;
        let message = udp.get(8..)?;
        let mut options = Vec::new();
        let mut rest = message.get(240..)?;
        while let [code, length, tail @ ..] = rest {
            if *code == 255 {
                break;
            }
            let (value, tail) = tail.split_at_checked(usize::from(*length))?;
            options.push((*code, value.to_vec()));
            rest = tail;
        }
        let pseudo = [&ip[12..20], &[0, 17], &udp[4..6]].concat();
        Some(Self {
            to: frame[..6].try_into().ok()?,
            from_server: message[0] == 2,
            sums: sum(&ip[..words]) == 0xffff && sum(&[&pseudo, udp].concat()) == 0xffff,
            chaddr: message[28..34].try_into().ok()?,
            ciaddr: <[u8; 4]>::try_from(&message[12..16]).ok()?.into(),
            yiaddr: <[u8; 4]>::try_from(&message[16..20]).ok()?.into(),
            giaddr: <[u8; 4]>::try_from(&message[24..28]).ok()?.into(),
            kind: options.iter().find(|(code, _)| *code == 53)?.1[0],
            options,
        })
    }

    pub(crate) fn get(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(found, _)| *found == code).map(|(_, value)| value.as_slice())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.options.iter().map(|(code, _)| code).collect();
        write!(f, "type {} to {} for {} with {codes:?}", self.kind, mac(&self.to), self.yiaddr)
    }
}

/// The ones-complement sum of RFC 1071; all ones when a checksum in it is right.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let total: u32 = words.sum();
    let folded = (total & 0xffff) + (total >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).expect("sixteen bits")
}

fn mac(octets: &[u8; 6]) -> String {
    octets.map(|octet| format!("{octet:02x}")).join(":")
}
