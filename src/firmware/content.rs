use std::io;
use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::watch;

use super::blocks::{BLOCK, Reader, Source};
use super::digest::Digest;
use super::upstream::{Progress, Stage};
use crate::model::Timestamp;

/// The bytes of an image, here or on their way.
pub struct Content {
    /// Their digest: the revision of the file.
    pub digest: Digest,
    /// How many they are.
    pub length: u64,
    /// Since when the catalogue has had them.
    pub since: Timestamp,
    reader: Reader,
    arriving: Option<Arriving>,
}

struct Arriving {
    progress: watch::Receiver<Progress>,
    revision: u32,
}

impl Content {
    pub(super) fn here(digest: Digest, length: u64, since: Timestamp, source: &Arc<Source>) -> Self {
        Self { digest, length, since, reader: source.reader(), arriving: None }
    }

    pub(super) fn arriving(
        (digest, length, since): (Digest, u64, Timestamp),
        source: &Arc<Source>,
        progress: watch::Receiver<Progress>,
        revision: u32,
    ) -> Self {
        Self { digest, length, since, reader: source.reader(), arriving: Some(Arriving { progress, revision }) }
    }

    /// Some bytes from `offset` on, at least one and at most [`BLOCK`], none beyond `end`. Waits for bytes that are on
    /// their way. The last block waits until all bytes were found good, so that nobody ever has the whole of a wrong
    /// file.
    ///
    /// # Errors
    /// When they cannot be read, or will not come.
    pub async fn bytes(&mut self, offset: u64, end: u64) -> io::Result<Bytes> {
        let end = end.min(self.length);
        if offset >= end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(arriving) = &mut self.arriving {
            let wanted = ((offset / BLOCK + 1) * BLOCK).min(end);
            if arriving.whole(wanted, self.length).await? {
                self.arriving = None;
            } else {
                return self.reader.bytes(offset, wanted).await;
            }
        }
        self.reader.bytes(offset, end).await
    }
}

impl Arriving {
    /// Waits until the bytes before `end` can be read; whether all can.
    async fn whole(&mut self, end: u64, length: u64) -> io::Result<bool> {
        loop {
            {
                let progress = self.progress.borrow_and_update();
                if progress.revision != self.revision {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "another revision began to arrive"));
                }
                match &progress.stage {
                    Stage::Done(_) => return Ok(true),
                    Stage::Failed(failure) => return Err(io::Error::other(failure.clone())),
                    Stage::Arriving if end <= progress.received.min((length - 1) / BLOCK * BLOCK) => return Ok(false),
                    Stage::Asking | Stage::Arriving => {}
                }
            }
            self.progress.changed().await.map_err(|_| io::Error::other("the download was given up"))?;
        }
    }
}
