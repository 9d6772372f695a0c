//! Reading files for many slow peers at once: no task waits for the disk, and what one peer has read the next one has.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use tokio::sync::OnceCell;

/// Bytes of a block, the piece in which files are read and sent. A peer that reads slowly keeps two in memory.
pub const BLOCK: u64 = 32 * 1024;
/// Blocks that are kept for all: 16 MiB.
const KEPT: usize = 512;
/// Blocks that are read at once, when few files and places are being read.
const AHEAD: u64 = 8;

/// The blocks that were read last, of all files. Clones share them.
#[derive(Clone, Default)]
pub struct Blocks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    files: AtomicU64,
    readers: AtomicU64,
}

#[derive(Default)]
struct Kept {
    slots: Vec<Slot>,
    places: HashMap<Place, usize>,
    hand: usize,
}

/// Number of an opened file, and of the block in it.
type Place = (u64, u64);
type Cell = Arc<OnceCell<Bytes>>;

struct Slot {
    place: Place,
    cell: Cell,
    /// Whether it was wanted since the hand came by.
    wanted: bool,
}

/// An open file whose blocks are shared by all who read it.
pub struct Source {
    blocks: Blocks,
    file: Arc<File>,
    number: u64,
}

/// One who reads. The more there are, the less is read ahead for each.
pub struct Reader {
    source: Arc<Source>,
}

impl Blocks {
    /// Shares an open file, of which what is read never changes afterwards.
    pub fn share(&self, file: File) -> Arc<Source> {
        let number = self.0.files.fetch_add(1, Ordering::Relaxed);
        Arc::new(Source { blocks: self.clone(), file: Arc::new(file), number })
    }
}

impl Source {
    /// One more who reads this file.
    pub fn reader(self: &Arc<Self>) -> Reader {
        self.blocks.0.readers.fetch_add(1, Ordering::Relaxed);
        Reader { source: Arc::clone(self) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.source.blocks.0.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reader {
    /// The bytes from `offset` to the end of its block, or to `end` if that comes first. All bytes before `end` must be
    /// there to be read for good.
    ///
    /// # Errors
    /// When the file cannot be read, or is shorter than `end`.
    pub async fn bytes(&self, offset: u64, end: u64) -> io::Result<Bytes> {
        let Source { blocks, file, number } = &*self.source;
        let index = offset / BLOCK;
        let cell = blocks.kept().cell((*number, index));
        let block = match cell.get() {
            Some(block) => block.clone(),
            None => cell.get_or_try_init(|| self.read(index, end)).await?.clone(),
        };
        let from = usize::try_from(offset - index * BLOCK).unwrap_or(usize::MAX);
        let to = usize::try_from(end.saturating_sub(index * BLOCK)).unwrap_or(usize::MAX);
        if block.len() >= to.min(usize::try_from(BLOCK).unwrap_or(usize::MAX)) && from < block.len().min(to) {
            return Ok(block.slice(from..block.len().min(to)));
        }
        // It was read while the file was shorter.
        let (file, length) = (Arc::clone(file), (end - offset).min(BLOCK - (offset - index * BLOCK)));
        tokio::task::spawn_blocking(move || read_at(&file, offset, length)).await.map_err(io::Error::other)?
    }

    /// Reads a block, and a few after it for those who come next.
    async fn read(&self, index: u64, end: u64) -> io::Result<Bytes> {
        let Source { blocks, file, number } = &*self.source;
        let readers = blocks.0.readers.load(Ordering::Relaxed).max(1);
        let ahead = (KEPT as u64 / 2 / readers).clamp(1, AHEAD);
        let (shared, file, number) = (blocks.clone(), Arc::clone(file), *number);
        let read = move || {
            let length = |index: u64| BLOCK.min(end.saturating_sub(index * BLOCK));
            let first = read_at(&file, index * BLOCK, length(index))?;
            for next in (index + 1..index + ahead).take_while(|next| length(*next) == BLOCK) {
                let cell = shared.kept().cell((number, next));
                if cell.initialized() {
                    break;
                }
                let Ok(block) = read_at(&file, next * BLOCK, BLOCK) else { break };
                let _ = cell.set(block);
            }
            Ok(first)
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }
}

impl Blocks {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The cell of a block, empty when it is not kept. The block that was not wanted for longest, or nearly so, gives
    /// way (second chance).
    fn cell(&mut self, place: Place) -> Cell {
        if let Some(slot) = self.places.get(&place).and_then(|at| self.slots.get_mut(*at)) {
            slot.wanted = true;
            return Arc::clone(&slot.cell);
        }
        let cell = Cell::default();
        let slot = Slot { place, cell: Arc::clone(&cell), wanted: false };
        if self.slots.len() < KEPT {
            self.places.insert(place, self.slots.len());
            self.slots.push(slot);
            return cell;
        }
        loop {
            let at = self.hand;
            self.hand = (self.hand + 1) % KEPT;
            let Some(old) = self.slots.get_mut(at) else { return cell };
            if std::mem::take(&mut old.wanted) {
                continue;
            }
            self.places.remove(&old.place);
            *old = slot;
            self.places.insert(place, at);
            return cell;
        }
    }
}

fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(length: u64) -> (File, Vec<u8>) {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    async fn whole(reader: &Reader, length: u64) -> Vec<u8> {
        let mut read = Vec::new();
        while (read.len() as u64) < length {
            read.extend_from_slice(&reader.bytes(read.len() as u64, length).await.unwrap());
        }
        read
    }

    #[tokio::test]
    async fn reads_what_is_there_from_anywhere() {
        let length = BLOCK * 3 + 17;
        let (file, bytes) = file(length);
        let reader = Blocks::default().share(file).reader();
        assert_eq!(whole(&reader, length).await, bytes);
        for (offset, end) in [(0, 1), (5, BLOCK + 5), (BLOCK - 1, length), (BLOCK * 3, length), (length - 1, length)] {
            let piece = reader.bytes(offset, end).await.unwrap();
            let stop = end.min((offset / BLOCK + 1) * BLOCK);
            assert_eq!(piece, bytes[offset as usize..stop as usize], "{offset} {end}");
        }
        assert!(reader.bytes(BLOCK * 3, length + BLOCK).await.is_err(), "more than there is");
    }

    #[tokio::test]
    async fn a_file_that_grows_is_read_to_where_it_has_come() {
        let (file, bytes) = file(BLOCK * 2);
        let reader = Blocks::default().share(file).reader();
        assert_eq!(reader.bytes(0, 10).await.unwrap(), bytes[..10]);
        assert_eq!(reader.bytes(0, BLOCK).await.unwrap(), bytes[..BLOCK as usize]);
        assert_eq!(reader.bytes(10, BLOCK * 2).await.unwrap(), bytes[10..BLOCK as usize]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_readers_of_more_than_is_kept_all_read_right_and_memory_stays_bounded() {
        let length = BLOCK * (KEPT as u64 + 100) + 1;
        let (file, bytes) = file(length);
        let blocks = Blocks::default();
        let source = blocks.share(file);
        let bytes = Arc::new(bytes);
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let (reader, bytes) = (source.reader(), Arc::clone(&bytes));
                tokio::spawn(async move { assert!(whole(&reader, length).await == *bytes) })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        let kept = blocks.kept();
        assert_eq!((kept.slots.len(), kept.places.len()), (KEPT, KEPT));
        assert_eq!(blocks.0.readers.load(Ordering::Relaxed), 0);
    }
}
