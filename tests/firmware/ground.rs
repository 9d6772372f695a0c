use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use block66::brands::Registry;
use block66::firmware::{Content, Digest, Draft, Library};
use block66::journal::{Journal, Running};
use block66::lab::raise_file_limit;
use block66::model::{Firmware, Id, Timestamp};
use block66::store::{Disk, Error, Key, Options, Store};
use block66::sys::clock::Clock;
pub(crate) use sha2_of::sha256;
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

/// Runs a test, at most for so long: one that hangs is a failure, and holds nobody up.
pub(crate) fn within(seconds: u64, test: impl Future<Output = ()>) {
    // Five hundred phones and as many answers are more files than the usual 1,024.
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(seconds), test).await });
    runtime.shutdown_background();
    assert!(ended.is_ok(), "it does not end within {seconds} s");
}

/// Runs a test whose hours pass at once, whenever nothing else is left to do; at most for so many real seconds.
pub(crate) fn in_no_time<T: Future<Output = ()>>(seconds: u64, test: impl FnOnce() -> T + Send + 'static) {
    let (done, ended) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        let builder = &mut tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap().block_on(test());
        done.send(()).unwrap();
    });
    match ended.recv_timeout(Duration::from_secs(seconds)) {
        Err(RecvTimeoutError::Timeout) => panic!("it does not end within {seconds} s"),
        Err(RecvTimeoutError::Disconnected) | Ok(()) => worker.join().unwrap(),
    }
}

/// A catalogue over a store, in a directory of its own.
pub(crate) struct Ground {
    pub(crate) library: Library,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) registry: Arc<Registry>,
    /// Whether the store came back from a snapshot, and may know less than it did.
    pub(crate) restored: bool,
    running: Option<Running>,
    directory: Option<tempfile::TempDir>,
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.close();
        }
        self.store.close();
    }
}

impl Ground {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut ground = Self::at(directory.path());
        ground.directory = Some(directory);
        ground
    }

    /// Where its files are, if they are gone with it.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// Over what is in this directory already.
    pub(crate) fn at(directory: &Path) -> Self {
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let options = || Options {
            directory: directory.to_owned(),
            key: Key::new(&[7; 32]),
            clock: clock.clone(),
            disk: Disk::default(),
        };
        // A child that another test starts in this moment holds the lock, until it is a program of its own.
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        let (store, opened) = loop {
            match Store::open(options()) {
                Err(Error::InUseElsewhere { .. }) if std::time::Instant::now() < deadline => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let (journal, running) = Journal::open(store.clone()).unwrap();
        let registry = Arc::new(Registry::builtin().unwrap());
        let parts = (store.clone(), journal.clone(), clock.clone());
        let library = Library::open(&directory.join("firmware"), parts, registry.clone()).unwrap();
        let restored = opened.restored.is_some();
        Self { library, store, journal, clock, registry, restored, running: Some(running), directory: None }
    }

    /// An image that somebody brings.
    pub(crate) async fn upload(&self, release: &str, bytes: &[u8]) -> Firmware {
        let draft =
            Draft { brand: "yealink".into(), release: release.into(), name: "T46S.rom".into(), ..Draft::default() };
        let mut upload = self.library.upload(draft, Some(bytes.len() as u64)).await.unwrap();
        for piece in bytes.chunks(64 * 1024) {
            upload.write(piece.to_vec().into()).await.unwrap();
        }
        upload.finish(Id::from_bytes([9; 16])).await.unwrap()
    }

    /// An image to be fetched from `url`.
    pub(crate) async fn refer_to(&self, url: String, release: &str, bytes: &[u8]) -> Firmware {
        self.refer_sized(url, release, bytes, Some(bytes.len() as u64)).await
    }

    /// The same, of which this was said of its length.
    pub(crate) async fn refer_sized(&self, url: String, release: &str, bytes: &[u8], size: Option<u64>) -> Firmware {
        let draft = Draft {
            brand: "yealink".into(),
            release: release.into(),
            name: "T46S.rom".into(),
            sha256: Some(Digest(sha256(bytes))),
            size,
            ..Draft::default()
        };
        self.library.refer(draft, (url, true), Id::from_bytes([9; 16])).await.unwrap()
    }

    /// An image of which nobody has said what its bytes are, to be fetched from `at`.
    pub(crate) async fn refer_blindly(&self, at: SocketAddr, release: &str) -> Firmware {
        let draft =
            Draft { brand: "yealink".into(), release: release.into(), name: "T46S.rom".into(), ..Draft::default() };
        self.library.refer(draft, (format!("http://{at}/T46S.rom"), true), Id::from_bytes([9; 16])).await.unwrap()
    }

    /// An image of the first brand, to be fetched from `at`.
    pub(crate) async fn refer(&self, at: SocketAddr, bytes: &[u8]) -> Firmware {
        self.refer_to(format!("http://{at}/T46S.rom"), "66.86.0.160", bytes).await
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
    let Some(head) = head(&mut stream).await else { return };
    let answer = script(number, &head);
    let _ = stream.write_all(&answer).await;
}

/// The head of a request, if one comes.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// An upstream that announces a large file, and sends a byte of it every 20 seconds for as long as anybody reads.
pub(crate) async fn trickle() -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                if head(&mut stream).await.is_none() {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let mut next = response("200 OK", "Content-Length: 1000000\r\n", b"x");
                while stream.write_all(&next).await.is_ok() {
                    next = b"x".to_vec();
                    tokio::time::sleep(Duration::from_secs(20)).await;
                }
            });
        }
    });
    Upstream { at, asked }
}

/// A response with these headers and this body.
pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes(), body].concat()
}
