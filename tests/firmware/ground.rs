use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use block66::brands::Registry;
use block66::firmware::{Content, Digest, Draft, Library};
use block66::journal::Journal;
use block66::model::{Firmware, Id, Timestamp};
use block66::store::{Disk, Key, Options, Store};
use block66::sys::clock::Clock;
use sha2_of::sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod sha2_of {
    /// SHA-256 by a hand other than the one that is tested.
    pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        text[..64].parse::<super::Digest>().unwrap().0
    }
}

/// A catalogue over a store, in a directory of its own.
pub(crate) struct Ground {
    pub(crate) library: Library,
    _directory: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let options = Options {
            directory: directory.path().to_owned(),
            key: Key::new(&[7; 32]),
            clock: clock.clone(),
            disk: Disk::default(),
        };
        let (store, _) = Store::open(options).unwrap();
        let (journal, _running) = Journal::open(store.clone()).unwrap();
        let registry = Arc::new(Registry::builtin().unwrap());
        let library = Library::open(&directory.path().join("firmware"), (store, journal, clock), registry).unwrap();
        Self { library, _directory: directory }
    }

    /// An image of the first brand, to be fetched from `at`.
    pub(crate) async fn refer(&self, at: SocketAddr, bytes: &[u8]) -> Firmware {
        let draft = Draft {
            brand: "yealink".into(),
            release: "66.86.0.160".into(),
            name: "T46S.rom".into(),
            sha256: Some(Digest(sha256(bytes))),
            size: Some(bytes.len() as u64),
            ..Draft::default()
        };
        let url = format!("http://{at}/T46S.rom");
        self.library.refer(draft, (url, true), Id::from_bytes([9; 16])).await.unwrap()
    }
}

/// All bytes of an image, or how far it came.
pub(crate) async fn whole(mut content: Content) -> Result<Vec<u8>, usize> {
    let mut read = Vec::new();
    while (read.len() as u64) < content.length {
        match content.bytes(read.len() as u64, u64::MAX).await {
            Ok(bytes) => read.extend_from_slice(&bytes),
            Err(_) => return Err(read.len()),
        }
    }
    Ok(read)
}

pub(crate) fn image(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 * 31 % 251) as u8).collect()
}

/// What an upstream answers: the number of the request, from 0, and its head.
type Script = Arc<dyn Fn(usize, &str) -> Vec<u8> + Send + Sync>;

/// An upstream that answers each request by a script, closes, and counts.
pub(crate) struct Upstream {
    pub(crate) at: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, asked, script) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)), Arc::new(script));
        tokio::spawn({
            let asked = asked.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, number, script.clone() as Script));
                }
            }
        });
        Self { at, asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, number: usize, script: Script) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let answer = script(number, &String::from_utf8_lossy(&head));
    let _ = stream.write_all(&answer).await;
}

/// A response with these headers and this body.
pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes(), body].concat()
}
