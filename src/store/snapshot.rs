//! Snapshots: what is stored, in files outside the database, as the way back from a broken one.
//!
//! Of each part there are two files, written in turn, so that one is whole whatever happens. A file is text: a header
//! line of JSON, one line a record (key in hexadecimal, then the record as it is stored: JSON, or `=` and base64), and
//! last the SHA-256 of all lines before. Secrets in it are as encrypted as they are in the database.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::database::Records;
use super::record::{Bytes, Part, Place};
use crate::model::Timestamp;
use crate::sys::{files, hex};

const FORMAT: u32 = 1;

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Header {
    format: u32,
    /// Number of the schema of all records.
    pub(super) schema: u32,
    /// Generation of the database that it was taken of.
    pub(super) generation: u64,
    /// When it was taken.
    pub(super) time: Timestamp,
    /// No event had this number yet, or a higher one.
    pub(super) next_event: u64,
    /// A text sealed with the key in use.
    pub(super) check: String,
    /// Number of records.
    records: usize,
}

/// The two files of one part.
#[derive(Debug)]
pub(super) struct Slots {
    paths: [PathBuf; 2],
    /// The file to be written next: not the newest good one.
    next: usize,
}

impl Header {
    /// The header of a snapshot of these records.
    pub(super) fn new(schema: u32, generation: u64, time: Timestamp, next_event: u64, check: &str) -> Self {
        Self { format: FORMAT, schema, generation, time, next_event, check: check.into(), records: 0 }
    }
}

impl Slots {
    /// The files of `part` in `directory`, and the newest of them that is whole.
    pub(super) fn find(directory: &Path, part: Part) -> io::Result<(Self, Option<(PathBuf, Header)>)> {
        let paths = ["a", "b"].map(|slot| directory.join(file(part, slot)));
        let mut newest: Option<(usize, PathBuf, Header)> = None;
        for (index, path) in paths.iter().enumerate() {
            let Some((header, _)) = whole(&content(path)?) else { continue };
            if newest.as_ref().is_none_or(|(_, _, other)| header.generation > other.generation) {
                newest = Some((index, path.clone(), header));
            }
        }
        let next = newest.as_ref().map_or(0, |(index, ..)| 1 - index);
        Ok((Self { paths, next }, newest.map(|(_, path, header)| (path, header))))
    }

    /// Whether neither file was ever written.
    pub(super) fn is_empty(&self) -> bool {
        !self.paths.iter().any(|path| path.exists())
    }

    /// Writes a snapshot over the older file, where `left` bytes stay free beside it: one that fills the disk would cost
    /// more than it saves.
    pub(super) fn write(&mut self, header: Header, records: &[(Place, Bytes)], left: u64) -> io::Result<()> {
        let path = self.paths.get(self.next).ok_or(io::ErrorKind::InvalidInput)?;
        let text = to_text(header, records);
        let room = files::free(path.parent().unwrap_or(path))?;
        if room < left.saturating_add(text.len() as u64) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        files::replace(path, text.as_bytes(), 0o600)?;
        self.next = 1 - self.next;
        Ok(())
    }
}

/// Name of the file that is written first.
pub(super) fn first_file(part: Part) -> String {
    file(part, "a")
}

fn file(part: Part, slot: &str) -> String {
    let name = match part {
        Part::Documents => "documents",
        Part::Leases => "leases",
        Part::Events => "events",
    };
    format!("{name}-{slot}.snapshot")
}

/// Reads the snapshot at `path`; `None` when it is not whole.
pub(super) fn read(path: &Path) -> io::Result<Option<(Header, Records)>> {
    Ok(of_text(&content(path)?))
}

/// Reads a snapshot; `None` when it is not whole.
pub(super) fn of_text(content: &[u8]) -> Option<(Header, Records)> {
    let (header, lines) = whole(content)?;
    let records: Option<Records> = lines.lines().map(record).collect();
    records.filter(|records| records.len() == header.records).map(|records| (header, records))
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        content => content,
    }
}

/// The header and the lines of the records, when the checksum is right.
fn whole(content: &[u8]) -> Option<(Header, &str)> {
    let text = std::str::from_utf8(content).ok()?;
    let lines_end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (lines, checksum) = text.split_at_checked(lines_end)?;
    if checksum.trim_end() != hex::encode(digest(&SHA256, lines.as_bytes()).as_ref()) {
        return None;
    }
    let (header, records) = lines.split_once('\n')?;
    let header: Header = serde_json::from_str(header).ok()?;
    (header.format == FORMAT).then_some((header, records))
}

fn record(line: &str) -> Option<(Vec<u8>, Bytes)> {
    let (key, value) = line.split_once(' ')?;
    let value: Bytes = match value.strip_prefix('=') {
        Some(packed) => BASE64.decode(packed).ok()?.into(),
        None => value.as_bytes().into(),
    };
    Some((hex::decode(key)?, value))
}

pub(super) fn to_text(header: Header, records: &[(Place, Bytes)]) -> String {
    let header = Header { records: records.len(), ..header };
    let size: usize = records.iter().map(|(_, bytes)| bytes.len() + 64).sum();
    let mut text = String::with_capacity(size + 512);
    text.push_str(&serde_json::to_string(&header).unwrap_or_default());
    text.push('\n');
    for (place, bytes) in records {
        text.push_str(&hex::encode(&place.to_key()));
        text.push(' ');
        match std::str::from_utf8(bytes) {
            Ok(json) if json.starts_with('{') && !json.contains('\n') => text.push_str(json),
            _ => {
                text.push('=');
                BASE64.encode_string(bytes, &mut text);
            }
        }
        text.push('\n');
    }
    let checksum = hex::encode(digest(&SHA256, text.as_bytes()).as_ref());
    text.push_str(&checksum);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;
    use crate::store::stored::encode_lease;

    fn header(generation: u64) -> Header {
        Header::new(1, generation, Timestamp::from_secs(1), 7, "sealed")
    }

    fn records() -> Vec<(Place, Bytes)> {
        let lease = Place::Lease("office".into(), samples::lease(1).address);
        let packed = encode_lease(&lease, &samples::lease(1)).unwrap();
        vec![(Place::Setting("a".into()), br#"{"v":1,"value":"\n"}"#[..].into()), (lease, packed)]
    }

    #[test]
    fn comes_back_whole_and_the_files_take_turns() {
        let directory = tempfile::tempdir().unwrap();
        let (mut slots, newest) = Slots::find(directory.path(), Part::Documents).unwrap();
        assert!(newest.is_none());
        for generation in 1..=5 {
            slots.write(header(generation), &records(), 0).unwrap();
        }
        let (found, newest) = Slots::find(directory.path(), Part::Documents).unwrap();
        assert_eq!(found.next, slots.next);
        let (path, newest) = newest.unwrap();
        assert_eq!(newest.generation, 5);
        let (read_header, read_records) = read(&path).unwrap().unwrap();
        assert_eq!(read_header, newest);
        let expected: Records = records().into_iter().map(|(place, bytes)| (place.to_key(), bytes)).collect();
        assert_eq!(read_records, expected);
    }

    #[test]
    fn one_for_which_there_is_too_little_room_is_not_begun() {
        let directory = tempfile::tempdir().unwrap();
        let (mut slots, _) = Slots::find(directory.path(), Part::Documents).unwrap();
        let refused = slots.write(header(1), &records(), u64::MAX).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        assert!(slots.is_empty());
    }

    #[test]
    fn a_damaged_file_gives_way_to_the_other_one() {
        let directory = tempfile::tempdir().unwrap();
        let (mut slots, _) = Slots::find(directory.path(), Part::Leases).unwrap();
        slots.write(header(1), &records(), 0).unwrap();
        slots.write(header(2), &records(), 0).unwrap();
        let path = directory.path().join("leases-b.snapshot");
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (slots, newest) = Slots::find(directory.path(), Part::Leases).unwrap();
            assert_eq!((newest.unwrap().1.generation, slots.next), (1, 1), "cut at {cut}");
        }
        for flip in 0..whole.len() - 1 {
            let mut bytes = whole.clone();
            bytes[flip] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(read(&path).unwrap().is_none(), "byte {flip} flipped");
        }
    }
}
