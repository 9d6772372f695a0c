//! Whoever hangs up in the middle stops nothing half-way, and the box hangs up on nobody whom it owes an answer.

use std::convert::Infallible;
use std::path::Path;

use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::*;
use crate::pki;
use crate::store::key::KEY_FILE;

/// The longest that anything here is waited for.
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_caller_hangs_up_is_done_whole() {
    let (begins, mut begun) = mpsc::unbounded_channel();
    let mut restart = None;
    let ground = Ground::told(|facts| {
        restart = Some(facts.backups.restart.clone());
        let ground = Arc::clone(&facts.backups.ground);
        facts.backups.ground = Arc::new(move || {
            let _ = begins.send(());
            ground()
        });
    })
    .await;
    let restart = restart.unwrap();
    let directory = ground._directory.path().to_owned();
    std::fs::write(directory.join(KEY_FILE), "07".repeat(32)).unwrap();
    pki::Authority::open(&directory, Timestamp::from_secs(1_700_000_000)).unwrap();
    let about = (ground.admin.0.facts.backups.ground)();
    let passphrase = Secret::new("correct horse battery");
    let made = ground.admin.0.clock.now().wall;
    let backup = tokio::task::spawn_blocking(move || about.backup(&passphrase, made)).await.unwrap().unwrap();
    begun.recv().await;

    let socket = directory.join("socket");
    let serving = tokio::spawn({
        let (admin, socket) = (ground.admin.clone(), socket.clone());
        async move { admin.serve_local(&socket, CancellationToken::new()).await }
    });
    let mut stream = connected(&socket).await;
    let head = format!(
        "POST /api/v1/backup/restore?confirm=true HTTP/1.1\r\nhost: box\r\n\
         block66-passphrase: correct%20horse%20battery\r\ncontent-length: {}\r\n\r\n",
        backup.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&backup).await.unwrap();
    // It was opened, and is being laid out.
    tokio::time::timeout(LIMIT, begun.recv()).await.unwrap();
    drop(stream);
    let restarts = tokio::time::timeout(LIMIT, restart.cancelled()).await;
    assert!(restarts.is_ok(), "laid out: {}, for whenever the box starts next", directory.join("restore").exists());
    assert!(directory.join("restore").exists());
    ground.event(|event| matches!(event.reason, Reason::BackupRestored { .. })).await;
    serving.abort();
}

/// As whoever has a backup put in force, for which the box starts anew.
#[tokio::test(flavor = "multi_thread")]
async fn who_asked_before_the_box_ended_is_answered() {
    let stop = CancellationToken::new();
    let ground = Ground::told(|facts| {
        let (ground, stop) = (Arc::clone(&facts.backups.ground), stop.clone());
        facts.backups.ground = Arc::new(move || {
            stop.cancel();
            ground()
        });
    })
    .await;
    let directory = ground._directory.path().to_owned();
    std::fs::write(directory.join(KEY_FILE), "07".repeat(32)).unwrap();
    pki::Authority::open(&directory, Timestamp::from_secs(1_700_000_000)).unwrap();
    let socket = directory.join("socket");
    let serving = tokio::spawn({
        let (admin, socket, stop) = (ground.admin.clone(), socket.clone(), stop.clone());
        async move { admin.serve_local(&socket, stop).await }
    });
    let mut stream = connected(&socket).await;
    let body = r#"{"passphrase":"correct horse battery"}"#;
    let head = format!(
        "POST /api/v1/backup HTTP/1.1\r\nhost: box\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(stop.is_cancelled());
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    tokio::time::timeout(LIMIT, serving).await.unwrap().unwrap().unwrap();
}

async fn connected(socket: &Path) -> UnixStream {
    let deadline = Instant::now() + LIMIT;
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// At the commit, which nobody can take back.
#[tokio::test]
async fn a_change_whose_caller_hangs_up_leaves_its_trail() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let add = |request: hyper::http::request::Builder, mac: &str| {
        let request = request.header("host", "box.lan").header("content-type", "application/json");
        request.body(Full::new(Bytes::from(draft(mac).to_string()))).unwrap()
    };
    let (one, other) = ("805ec0000001", "805ec0000002");
    let local = add(Request::post("/api/v1/phones"), one);
    assert!(ground.admin.answer(local, Origin::Local).now_or_never().is_none(), "it was done at once");
    let request = Request::post("/api/v1/phones").header("cookie", &browser.cookie);
    let request = request.header("x-csrf-token", &browser.csrf).header("origin", "https://box.lan");
    assert!(ground.admin.answer(add(request, other), BROWSER).now_or_never().is_none(), "it was done at once");
    for mac in [one, other] {
        let mac: Mac = mac.parse().unwrap();
        ground.event(|event| event.reason == Reason::PhoneAdded && event.mac == Some(mac)).await;
        assert!(ground.store.phone_by_mac(mac).is_some());
    }
}

#[tokio::test]
async fn a_bundle_that_breaks_off_is_no_update_that_runs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("steward");
    let _steward = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let mut ground = Ground::new().await;
    let appliance = crate::admin::appliance::Appliance::of(&socket, directory.path());
    Arc::get_mut(&mut ground.admin.0).unwrap().appliance = appliance;
    let piece = stream::once(async { Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"a piece"))) });
    let body = StreamBody::new(piece.chain(stream::pending()));
    let request = Request::put("/api/v1/appliance/update").header("host", "box.lan").body(body).unwrap();
    let admin = ground.admin.clone();
    let upload = tokio::spawn(async move { admin.answer(request, Origin::Local).await });
    let files = || std::fs::read_dir(directory.path()).unwrap().count();
    let deadline = Instant::now() + LIMIT;
    while !ground.admin.0.appliance.update().running || files() < 2 {
        assert!(Instant::now() < deadline, "it does not begin");
        tokio::task::yield_now().await;
    }
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    assert_eq!(ground.admin.0.appliance.update(), crate::admin::types::Update::default());
    assert_eq!(files(), 1, "what came of it is gone");
}
