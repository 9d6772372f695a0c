//! Whoever hangs up in the middle stops nothing half-way, and the box hangs up on nobody whom it owes an answer.

use std::convert::Infallible;
use std::path::PathBuf;

use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

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
    let directory = with_what_a_backup_takes(&ground);
    let about = (ground.admin.0.facts.backups.ground)();
    let passphrase = Secret::new("correct horse battery");
    let made = ground.admin.0.clock.now().wall;
    let backup = tokio::task::spawn_blocking(move || about.backup(&passphrase, made)).await.unwrap().unwrap();
    begun.recv().await;

    let (serving, mut stream) = connected(&ground, CancellationToken::new()).await;
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
    with_what_a_backup_takes(&ground);
    let (serving, mut stream) = connected(&ground, stop.clone()).await;
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

/// The data directory, with a key and an authority in it.
fn with_what_a_backup_takes(ground: &Ground) -> PathBuf {
    let directory = ground._directory.path().to_owned();
    std::fs::write(directory.join(KEY_FILE), "07".repeat(32)).unwrap();
    pki::Authority::open(&directory, Timestamp::from_secs(1_700_000_000)).unwrap();
    directory
}

/// The local socket at work, and a connection to it.
async fn connected(ground: &Ground, stop: CancellationToken) -> (JoinHandle<std::io::Result<()>>, UnixStream) {
    let socket = ground._directory.path().join("socket");
    let serving = tokio::spawn({
        let (admin, socket) = (ground.admin.clone(), socket.clone());
        async move { admin.serve_local(&socket, stop).await }
    });
    let deadline = Instant::now() + LIMIT;
    loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => break (serving, stream),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Whoever may no more when the last of a long body comes is refused, as if it came then.
#[tokio::test(flavor = "multi_thread")]
async fn who_signed_out_before_the_last_byte_came_is_nobody() {
    let brand = rollouts::brand();
    let image = format!("/api/v1/firmware?name=66.87.0.10.rom&brand={brand}&version=66.87.0.10");
    for (method, path) in [("POST", "/api/v1/backup/restore?confirm=true"), ("PUT", &image)] {
        let ground = Ground::new().await;
        let browser = ground.claim().await;
        let (send, pieces) = mpsc::channel::<Frame<Bytes>>(1);
        let pieces = stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) });
        let request = Request::builder().method(method).uri(path).header("host", "box.lan");
        let request = request.header("cookie", &browser.cookie).header("x-csrf-token", &browser.csrf);
        let request =
            request.header("origin", "https://box.lan").header("block66-passphrase", "correct%20horse%20battery");
        let request = request.body(StreamBody::new(pieces.map(Ok::<_, Infallible>))).unwrap();
        let admin = ground.admin.clone();
        let upload = tokio::spawn(async move { admin.answer(request, BROWSER).await });
        // There is room for the second one when the first one was read, and so the head.
        for _ in 0..2 {
            let piece = Frame::data(Bytes::from_static(b"a piece"));
            tokio::time::timeout(LIMIT, send.send(piece)).await.unwrap().unwrap();
        }
        ground.submit(&browser, "/sign-out", "").await;
        drop(send);
        let (head, body) = tokio::time::timeout(LIMIT, upload).await.unwrap().unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert_eq!(head.status, StatusCode::UNAUTHORIZED, "{path}: {text}");
        assert!(text.contains("session-over"), "{path}: {text}");
    }
}

/// Two at once would lay out one in the other's place.
#[tokio::test(flavor = "multi_thread")]
async fn one_backup_is_put_in_force_and_another_waits_for_the_next_start() {
    let ground = Ground::new().await;
    with_what_a_backup_takes(&ground);
    let about = (ground.admin.0.facts.backups.ground)();
    let (passphrase, made) = (Secret::new("correct horse battery"), ground.admin.0.clock.now().wall);
    let backup = tokio::task::spawn_blocking(move || about.backup(&passphrase, made)).await.unwrap().unwrap();
    let restore = || {
        let request = Request::post("/api/v1/backup/restore?confirm=true").header("host", "box.lan");
        let request = request.header("block66-passphrase", "correct%20horse%20battery");
        ground.admin.answer(request.body(Full::new(Bytes::from(backup.clone()))).unwrap(), Origin::Local)
    };
    let (one, other) = tokio::join!(restore(), restore());
    let mut statuses = [one.status(), other.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE], "there is place for one");
    assert_eq!(restore().await.status(), StatusCode::CONFLICT, "the box starts anew");
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
