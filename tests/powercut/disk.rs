//! A disk that is cut off: what it is sure to hold, what it may hold, and the images that can be left of it.
//!
//! A file is sure to hold what was written before its last sync began, once that sync has ended. A name is sure to be
//! in its directory, or gone from it, once the directory was synced; of the changes of names since then, any first
//! few may have happened.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

use crate::random::Random;
use crate::record::Deed;

/// What becomes of writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mode {
    /// All are gone, as with a disk that keeps its cache to itself.
    Dropped,
    /// All are there, but for the end of the last one.
    Torn,
    /// All are there, but no file has grown.
    NotGrown,
    /// Of each one, any sectors are there.
    Sectors,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Dropped, Self::Torn, Self::NotGrown, Self::Sectors];
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, data: Vec<u8>, deed: usize },
    Length(usize),
}

#[derive(Debug, Clone)]
enum Entry {
    Add(OsString, usize),
    Remove(OsString),
    Rename(OsString, OsString),
}

#[derive(Debug)]
enum Node {
    File { sure: Vec<u8>, unsure: Vec<Change>, settled: usize },
    Directory { now: BTreeMap<OsString, usize>, sure: BTreeMap<OsString, usize>, unsure: Vec<Entry>, settled: usize },
}

/// The disk below the root, as a record goes on.
#[derive(Debug)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
    open: HashMap<u32, usize>,
    /// Syncs that have begun: the node, and how many of its changes came before.
    syncs: HashMap<u64, (usize, usize)>,
    /// Whether `fdatasync` does anything.
    data_syncs: bool,
    deeds: usize,
}

impl Node {
    fn directory() -> Self {
        Self::Directory { now: BTreeMap::new(), sure: BTreeMap::new(), unsure: Vec::new(), settled: 0 }
    }

    /// How many changes there were in all.
    fn changes(&self) -> usize {
        match self {
            Self::File { unsure, settled, .. } => settled + unsure.len(),
            Self::Directory { unsure, settled, .. } => settled + unsure.len(),
        }
    }

    /// The first `changes` changes of all have become sure.
    fn settle(&mut self, changes: usize) {
        match self {
            Self::File { sure, unsure, settled } => {
                let count = changes.saturating_sub(*settled);
                unsure.drain(..count).for_each(|change| apply(sure, &change));
                *settled += count;
            }
            Self::Directory { sure, unsure, settled, .. } => {
                let count = changes.saturating_sub(*settled);
                unsure.drain(..count).for_each(|entry| enter(sure, entry));
                *settled += count;
            }
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Write { at, data, .. } => {
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
    }
}

fn enter(names: &mut BTreeMap<OsString, usize>, entry: Entry) {
    match entry {
        Entry::Add(name, node) => drop(names.insert(name, node)),
        Entry::Remove(name) => drop(names.remove(&name)),
        Entry::Rename(from, to) => {
            if let Some(node) = names.remove(&from) {
                names.insert(to, node);
            }
        }
    }
}

impl Disk {
    /// An empty disk. `data_syncs` says whether `fdatasync` does what it should.
    pub(crate) fn new(data_syncs: bool) -> Self {
        Self { nodes: vec![Node::directory()], open: HashMap::new(), syncs: HashMap::new(), data_syncs, deeds: 0 }
    }

    fn names(&self, node: usize) -> &BTreeMap<OsString, usize> {
        match &self.nodes[node] {
            Node::Directory { now, .. } => now,
            Node::File { .. } => panic!("a file where a directory should be"),
        }
    }

    fn find(&self, path: &Path) -> usize {
        path.components().fold(0, |node, component| match component {
            Component::Normal(name) => *self.names(node).get(name).unwrap_or_else(|| panic!("no {}", path.display())),
            other => panic!("{other:?} in {}", path.display()),
        })
    }

    fn enter(&mut self, path: &Path, entry: Entry) {
        let directory = self.find(path.parent().unwrap());
        let Node::Directory { now, unsure, .. } = &mut self.nodes[directory] else { panic!("no directory") };
        enter(now, entry.clone());
        unsure.push(entry);
    }

    fn add(&mut self, path: &Path, node: Node) -> usize {
        self.nodes.push(node);
        let number = self.nodes.len() - 1;
        self.enter(path, Entry::Add(name(path), number));
        number
    }

    fn change(&mut self, fd: u32, change: Change) {
        let Node::File { unsure, .. } = &mut self.nodes[self.open[&fd]] else { panic!("no file") };
        unsure.push(change);
    }

    /// Goes one deed further.
    pub(crate) fn go_on(&mut self, deed: &Deed) {
        self.deeds += 1;
        match deed {
            Deed::Open { fd, path, made, emptied } => {
                let node = match made {
                    true => self.add(path, Node::File { sure: Vec::new(), unsure: Vec::new(), settled: 0 }),
                    false => self.find(path),
                };
                self.open.insert(*fd, node);
                if *emptied && !made {
                    self.change(*fd, Change::Length(0));
                }
            }
            Deed::Close { fd } => drop(self.open.remove(fd)),
            Deed::Write { fd, at, data } => {
                let write = Change::Write { at: *at as usize, data: data.clone(), deed: self.deeds };
                self.change(*fd, write);
            }
            Deed::Truncate { fd, length } => self.change(*fd, Change::Length(*length as usize)),
            Deed::SyncBegin { data_only: true, .. } if !self.data_syncs => {}
            Deed::SyncBegin { fd, number, .. } => {
                let node = self.open[fd];
                self.syncs.insert(*number, (node, self.nodes[node].changes()));
            }
            Deed::SyncEnd { number } => {
                if let Some((node, changes)) = self.syncs.remove(number) {
                    self.nodes[node].settle(changes);
                }
            }
            Deed::Rename { from, to } => {
                if from.parent() == to.parent() {
                    self.enter(from, Entry::Rename(name(from), name(to)));
                } else {
                    // Two directories, of which either may be on the disk before the other.
                    let node = self.find(from);
                    self.enter(from, Entry::Remove(name(from)));
                    self.enter(to, Entry::Add(name(to), node));
                }
            }
            Deed::MakeDirectory { path } if path.as_os_str().is_empty() => {}
            Deed::MakeDirectory { path } => drop(self.add(path, Node::directory())),
            Deed::Remove { path } => self.enter(path, Entry::Remove(name(path))),
            Deed::Mark { .. } => {}
            Deed::Restart => {
                self.open.clear();
                self.syncs.clear();
            }
        }
    }

    /// Makes what may be left of the disk when the power is cut now.
    pub(crate) fn image(&self, mode: Mode, random: &mut Random, target: &Path) {
        self.make(0, mode, random, target);
    }

    fn make(&self, node: usize, mode: Mode, random: &mut Random, target: &Path) {
        match &self.nodes[node] {
            Node::File { sure, unsure, .. } => {
                let mut bytes = sure.clone();
                for change in unsure {
                    self.leave(&mut bytes, change, mode, random);
                }
                if mode == Mode::NotGrown {
                    bytes.truncate(sure.len());
                }
                let mut file = File::options().write(true).create_new(true).mode(0o600).open(target).unwrap();
                file.write_all(&bytes).unwrap();
            }
            Node::Directory { sure, unsure, .. } => {
                let happened = match mode {
                    Mode::Dropped => 0,
                    Mode::Torn => unsure.len(),
                    Mode::NotGrown | Mode::Sectors => random.below(unsure.len() + 1),
                };
                let mut names = sure.clone();
                unsure.iter().take(happened).for_each(|entry| enter(&mut names, entry.clone()));
                std::fs::create_dir_all(target).unwrap();
                for (name, node) in names {
                    self.make(node, mode, random, &target.join(name));
                }
            }
        }
    }

    /// Applies what is left of a change that was not synced.
    fn leave(&self, bytes: &mut Vec<u8>, change: &Change, mode: Mode, random: &mut Random) {
        match (mode, change) {
            (Mode::Dropped, _) => {}
            (Mode::Torn, Change::Write { at, data, deed }) if *deed == self.deeds => {
                let kept = data[..random.below(data.len() + 1)].to_vec();
                apply(bytes, &Change::Write { at: *at, data: kept, deed: *deed });
            }
            (Mode::Torn | Mode::NotGrown, change) => apply(bytes, change),
            (Mode::Sectors, Change::Length(_)) => {
                if random.below(2) == 0 {
                    apply(bytes, change);
                }
            }
            (Mode::Sectors, Change::Write { at, data, deed }) => {
                let (mut from, end) = (*at, at + data.len());
                while from < end {
                    let to = (from / 512 * 512 + 512).min(end);
                    if random.below(2) == 0 {
                        let sector = data[from - at..to - at].to_vec();
                        apply(bytes, &Change::Write { at: from, data: sector, deed: *deed });
                    }
                    from = to;
                }
            }
        }
    }
}

fn name(path: &Path) -> OsString {
    path.file_name().unwrap().to_os_string()
}
