use std::io;

use hyper::body::Bytes;

use super::netascii::NetAscii;
use super::window::HEAD;
use super::wire::Mode;
use crate::firmware::Content;

/// The bytes of a file that is sent.
pub enum Payload {
    /// At hand.
    Bytes(Bytes),
    /// Of an image, on the disk or on their way.
    Image(Box<Content>),
}

impl Payload {
    /// How many they are.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Image(content) => content.length,
        }
    }

    /// Some of them from `offset` on; none at the end.
    async fn bytes(&mut self, offset: u64) -> io::Result<Bytes> {
        match self {
            _ if offset >= self.length() => Ok(Bytes::new()),
            Self::Bytes(bytes) => Ok(bytes.slice(usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len())..)),
            Self::Image(content) => content.bytes(offset, u64::MAX).await,
        }
    }
}

/// A file cut into the blocks of a transfer.
pub(super) struct Blocks {
    payload: Payload,
    read: u64,
    /// What was read and is in no block yet.
    rest: Bytes,
    ascii: Option<NetAscii>,
    size: usize,
    /// The last block, which is shorter than the others, was made.
    ended: bool,
}

impl Blocks {
    pub(super) fn new(payload: Payload, mode: Mode, size: usize) -> Self {
        let ascii = (mode == Mode::NetAscii).then(Default::default);
        Self { payload, read: 0, rest: Bytes::new(), ascii, size, ended: false }
    }

    /// The next block behind `head`; `None` after the last one. The last block is shorter than the others, and may be
    /// empty.
    pub(super) async fn next(&mut self, head: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let (mut block, begun) = (head, HEAD);
        block.reserve(self.size);
        while block.len() < begun + self.size {
            if self.rest.is_empty() && !self.refill().await? {
                self.ended = true;
                break;
            }
            let length = self.rest.len().min(begun + self.size - block.len());
            block.extend_from_slice(&self.rest.split_to(length));
        }
        Ok(Some(block))
    }

    /// Reads on; whether there was anything.
    async fn refill(&mut self) -> io::Result<bool> {
        let bytes = self.payload.bytes(self.read).await?;
        self.read += bytes.len() as u64;
        let Some(ascii) = &mut self.ascii else {
            self.rest = bytes;
            return Ok(!self.rest.is_empty());
        };
        let mut out = Vec::with_capacity(bytes.len() * 2);
        if bytes.is_empty() {
            ascii.finish(&mut out);
        } else {
            ascii.feed(&bytes, &mut out);
        }
        self.rest = out.into();
        Ok(!self.rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn cut(text: &'static [u8], mode: Mode, size: usize) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::new(Payload::Bytes(Bytes::from_static(text)), mode, size);
        let mut made = Vec::new();
        while let Some(block) = blocks.next(vec![0; 4]).await.unwrap() {
            made.push(block[4..].to_vec());
        }
        made
    }

    #[tokio::test]
    async fn the_last_block_is_shorter_even_if_it_is_empty() {
        for (text, expected) in [
            (&b""[..], vec![&b""[..]]),
            (b"abc", vec![b"abc"]),
            (b"abcd", vec![b"abcd", b""]),
            (b"abcde", vec![b"abcd", b"e"]),
            (b"abcdefgh", vec![b"abcd", b"efgh", b""]),
        ] {
            assert_eq!(cut(text, Mode::Octet, 4).await, expected, "{text:?}");
        }
        assert_eq!(cut(b"a\nb\nc\r", Mode::NetAscii, 4).await, [&b"a\r\nb"[..], b"\r\nc\r", b"\0"]);
    }
}
