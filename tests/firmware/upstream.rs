use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use block66::firmware::{Failure, Library, Settings, Unavailable, Whereabouts};
use block66::model::Firmware;
use tokio::time::sleep;

use crate::ground::{Ground, Upstream, image, in_no_time, response, sha256, trickle, whole, within};

fn good(bytes: &[u8]) -> Vec<u8> {
    response("200 OK", &format!("Content-Length: {}\r\nETag: \"one\"\r\n", bytes.len()), bytes)
}

/// What follows in a file where a request says that it goes on, and where that is; `named` are further headers.
fn rest(bytes: &[u8], head: &str, named: &str) -> Option<(usize, Vec<u8>)> {
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
    let from: usize = range.trim_end_matches('-').parse().unwrap();
    let headers = format!(
        "Content-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\n{named}",
        bytes.len() - from,
        bytes.len() - 1,
        bytes.len()
    );
    Some((from, response("206 Partial Content", &headers, &bytes[from..])))
}

#[test]
fn five_hundred_who_ask_at_once_make_one_request() {
    within(60, async {
        let (ground, bytes) = (Ground::new(), image(3_000_017));
        let upstream = Upstream::start({
            let bytes = bytes.clone();
            move |_, _| good(&bytes)
        })
        .await;
        let image = ground.refer(upstream.at, &bytes).await;
        for round in ["cold", "warm"] {
            let phones: Vec<_> = (0..500)
                .map(|_| {
                    let (library, image) = (ground.library.clone(), image.clone());
                    tokio::spawn(async move { whole(library.content(&image).await.unwrap()).await })
                })
                .collect();
            for phone in phones {
                assert!(phone.await.unwrap().unwrap() == bytes, "{round}");
            }
            assert_eq!(upstream.asked(), 1, "{round}");
        }
        assert_eq!(ground.library.whereabouts(&image), Whereabouts::Here);
    });
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    within(60, async {
        let (ground, bytes) = (Ground::new(), image(2_000_003));
        let upstream = Upstream::start({
            let bytes = bytes.clone();
            move |number, head| match number {
                0 => good(&bytes)[..700_000].to_vec(),
                _ => {
                    assert!(head.contains("if-range: \"one\""), "{head}");
                    let (from, rest) = rest(&bytes, head, "").expect("a range");
                    assert!(from > 600_000, "{from}");
                    rest
                }
            }
        })
        .await;
        let image = ground.refer(upstream.at, &bytes).await;
        assert!(whole(ground.library.content(&image).await.unwrap()).await.unwrap() == bytes);
        assert_eq!(upstream.asked(), 2);
    });
}

#[test]
fn the_rest_of_another_revision_is_not_put_behind_the_beginning_of_the_first() {
    within(60, async {
        let (ground, first) = (Ground::new(), image(2_000_003));
        let second: Vec<u8> = first.iter().map(|byte| byte ^ 1).collect();
        let upstream = Upstream::start({
            let second = second.clone();
            let named = "ETag: \"two\"\r\n";
            move |number, head| match (number, rest(&second, head, named)) {
                (0, _) => good(&first)[..700_000].to_vec(),
                // It knows nothing of If-Range.
                (_, Some((_, rest))) => rest,
                (_, None) => response("200 OK", &format!("Content-Length: {}\r\n{named}", second.len()), &second),
            }
        })
        .await;
        let image = ground.refer_blindly(upstream.at, "66.86.0.160").await;
        ground.library.want(&image);
        let image = arrived(&ground, &ground.library, &image).await;
        assert_eq!(image.sha256, Some(sha256(&second)));
        assert_eq!(upstream.asked(), 3);
    });
}

#[test]
fn what_nobody_vouches_for_begins_anew_after_a_restart() {
    in_no_time(60, || async {
        let (ground, bytes) = (Ground::new(), image(1_000_000));
        let is_back = Arc::new(AtomicBool::new(false));
        let upstream = Upstream::start({
            let (bytes, is_back) = (bytes.clone(), Arc::clone(&is_back));
            move |number, head| match (number, is_back.load(Ordering::SeqCst), rest(&bytes, head, "")) {
                (0, ..) => good(&bytes)[..700_000].to_vec(),
                (_, false, _) => Vec::new(),
                (_, true, Some((_, rest))) => rest,
                (_, true, None) => good(&bytes),
            }
        })
        .await;
        let image = ground.refer_blindly(upstream.at, "66.86.0.160").await;
        ground.library.want(&image);
        while !matches!(ground.library.whereabouts(&image), Whereabouts::Failed { .. }) {
            sleep(Duration::from_millis(10)).await;
        }
        // The power fails, and some of what came was never written.
        let part = ground.directory().join("firmware/arriving").join(format!("download-{}", image.id));
        let part = std::fs::File::options().write(true).open(part).unwrap();
        assert!(part.metadata().unwrap().len() > 600_000);
        part.write_all_at(&[0; 4096], 500_000).unwrap();
        is_back.store(true, Ordering::SeqCst);
        let parts = (ground.store.clone(), ground.journal.clone(), ground.clock.clone());
        let again = Library::open(&ground.directory().join("firmware"), parts, ground.registry.clone()).unwrap();
        again.want(&image);
        assert_eq!(arrived(&ground, &again, &image).await.sha256, Some(sha256(&bytes)));
    });
}

/// Waits for an image, and what the catalogue knows of it then.
async fn arrived(ground: &Ground, library: &Library, image: &Firmware) -> Firmware {
    loop {
        let now = ground.store.firmware(image.id).unwrap();
        if library.has(&now) {
            return now;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn nobody_has_the_whole_of_a_wrong_file() {
    within(60, async {
        let (ground, bytes) = (Ground::new(), image(500_000));
        let mut wrong = bytes.clone();
        wrong[250_000] ^= 1;
        let upstream = Upstream::start(move |_, _| good(&wrong)).await;
        let image = ground.refer(upstream.at, &bytes).await;
        if let Ok(content) = ground.library.content(&image).await {
            assert!(whole(content).await.unwrap_err() < bytes.len());
        }
        let Whereabouts::Failed { why, since: Some(_) } = ground.library.whereabouts(&image) else {
            panic!("it did not fail")
        };
        assert!(why.contains("SHA-256"), "{why}");
        assert_eq!(ground.library.used(), 0);
    });
}

#[test]
fn an_upstream_that_lies_is_refused_and_left_alone() {
    within(60, async {
        let bytes = image(100_000);
        let page = response("200 OK", "Content-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n", b"<htm>");
        let shorter = good(&bytes[..99_999]);
        let gone = response("404 Not Found", "Content-Length: 0\r\n", b"");
        let away = response("302 Found", "Location: /again\r\nContent-Length: 0\r\n", b"");
        let cases = [
            (page, Failure::WebPage),
            (shorter, Failure::Length { expected: 100_000, found: 99_999 }),
            (gone, Failure::Status { status: 404 }),
            (away, Failure::Redirects { most: 5 }),
        ];
        for (answer, expected) in cases {
            let ground = Ground::new();
            let upstream = Upstream::start(move |_, _| answer.clone()).await;
            let image = ground.refer(upstream.at, &bytes).await;
            let why = ground.library.content(&image).await.err().unwrap();
            assert_eq!(why, Unavailable::NotFetched(expected.clone()));
            let asked = upstream.asked();
            assert!(ground.library.content(&image).await.is_err());
            assert_eq!(upstream.asked(), asked, "{expected}: it is asked again at once");
            assert_eq!(ground.library.used(), 0);
        }
    });
}

/// How often roll-outs ask for an image that is not here.
const TICK: Duration = Duration::from_secs(2);
/// So often within an hour.
const HOUR: usize = 1800;

#[test]
fn a_wrong_sum_is_asked_for_ever_later_and_at_once_by_order() {
    in_no_time(60, || async {
        let (ground, bytes) = (Ground::new(), image(100_000));
        let mut wrong = bytes.clone();
        wrong[50_000] ^= 1;
        let upstream = Upstream::start(move |_, _| good(&wrong)).await;
        let image = ground.refer(upstream.at, &bytes).await;
        for order in ["fetch", "settings"] {
            let before = upstream.asked();
            for _ in 0..HOUR {
                ground.library.want(&image);
                sleep(TICK).await;
            }
            let asked = upstream.asked();
            assert!((3..10).contains(&(asked - before)), "{} times in an hour", asked - before);
            match order {
                "fetch" => ground.library.begin_fetch(&image).unwrap(),
                // What was wrong may have been the way outside.
                _ => ground.library.set(&ground.library.settings()).await.unwrap(),
            }
            ground.library.want(&image);
            sleep(TICK * 60).await;
            assert_eq!(upstream.asked(), asked + 1, "{order}");
        }
    });
}

#[test]
fn upstreams_that_send_next_to_nothing_keep_no_place() {
    in_no_time(60, || async {
        let (ground, bytes) = (Ground::new(), image(100_000));
        let (slow, upstream) = (trickle().await, {
            let bytes = bytes.clone();
            Upstream::start(move |_, _| good(&bytes)).await
        });
        let mut images = Vec::new();
        for (at, release, bytes) in [
            (slow.at, "66.86.0.1", &image(1_000_000)),
            (slow.at, "66.86.0.2", &image(1_000_000)),
            (upstream.at, "66.86.0.3", &bytes),
        ] {
            images.push(ground.refer_to(format!("http://{at}/T46S.rom"), release, bytes).await);
        }
        let arrived = |image: &Firmware| ground.library.has(image);
        for _ in 0..HOUR {
            images.iter().for_each(|image| ground.library.want(image));
            sleep(TICK).await;
            if arrived(&images[2]) {
                break;
            }
        }
        assert!(arrived(&images[2]), "{:?}", ground.library.whereabouts(&images[2]));
        assert!(slow.asked() >= 2);
    });
}

#[test]
fn an_image_that_is_taken_out_leaves_its_place_and_no_file() {
    // A trickle alone is given up after a minute.
    within(30, async {
        let (ground, bytes) = (Ground::new(), image(100_000));
        let slow = trickle().await;
        let upstream = Upstream::start({
            let bytes = bytes.clone();
            move |_, _| good(&bytes)
        })
        .await;
        let url = |at| format!("http://{at}/T46S.rom");
        let held = ground.refer_to(url(slow.at), "66.86.0.1", &image(1_000_000)).await;
        let other = ground.refer_to(url(slow.at), "66.86.0.2", &image(1_000_000)).await;
        let wanted = ground.refer_to(url(upstream.at), "66.86.0.3", &bytes).await;
        ground.library.want(&held);
        ground.library.want(&other);
        while slow.asked() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
        let arriving = ground.directory().join("firmware/arriving");
        let kept = || std::fs::read_dir(&arriving).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        let is_held = || kept().iter().any(|name| name.to_string_lossy().contains(&held.id.to_string()));
        assert!(is_held(), "{:?}", kept());
        ground.library.remove(&held).await.unwrap();
        ground.library.want(&wanted);
        while !ground.library.has(&wanted) {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(!is_held(), "{:?}", kept());
        assert!(matches!(ground.library.whereabouts(&other), Whereabouts::Arriving { .. }));
    });
}

#[test]
fn whoever_was_told_another_length_does_not_take_the_beginning_for_the_whole() {
    in_no_time(60, || async {
        let (ground, bytes) = (Ground::new(), image(100_000));
        let is_asked = Arc::new(AtomicBool::new(false));
        let upstream = Upstream::start({
            let (bytes, is_asked) = (bytes.clone(), Arc::clone(&is_asked));
            move |number, _| match number {
                // The head alone, and the end.
                0 => response("200 OK", "Content-Length: 60000\r\n", &[]),
                _ if !is_asked.load(Ordering::SeqCst) => Vec::new(),
                _ => good(&bytes),
            }
        })
        .await;
        let url = format!("http://{}/T46S.rom", upstream.at);
        let image = ground.refer_sized(url, "66.86.0.160", &bytes, None).await;
        let content = ground.library.content(&image).await.unwrap();
        assert_eq!(content.length, 60_000);
        is_asked.store(true, Ordering::SeqCst);
        assert!(whole(content).await.is_err(), "60,000 bytes of 100,000 passed for the whole");
        let now = arrived(&ground, &ground.library, &image).await;
        assert!(whole(ground.library.content(&now).await.unwrap()).await.unwrap() == bytes);
    });
}

#[test]
fn an_answer_that_names_more_than_the_one_before_is_measured_anew() {
    in_no_time(60, || async {
        let (ground, bytes) = (Ground::new(), image(3 << 20));
        let quota = 2 << 20;
        ground.library.set(&Settings { quota, ..ground.library.settings() }).await.unwrap();
        let upstream = Upstream::start({
            let bytes = bytes.clone();
            move |number, _| match number {
                0 => response("200 OK", "Content-Length: 1\r\n", &[]),
                _ => good(&bytes),
            }
        })
        .await;
        let image = ground.refer_blindly(upstream.at, "66.86.0.160").await;
        ground.library.want(&image);
        let why = loop {
            sleep(Duration::from_millis(10)).await;
            if let Whereabouts::Failed { why, .. } = ground.library.whereabouts(&image) {
                break why;
            }
        };
        assert!(why.contains("quota") || why.contains("room"), "{why}");
        assert_eq!(upstream.asked(), 2);
    });
}

#[test]
fn part_of_a_file_never_passes_for_all_of_it() {
    in_no_time(60, || async {
        let bytes = image(100_000);
        let length = format!("Content-Length: {}\r\n", bytes.len());
        let chunks = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes[..], b"\r\n0\r\n\r\n"].concat();
        let old = |body: &[u8]| [&b"HTTP/1.0 200 OK\r\n\r\n"[..], body].concat();
        let cut = response("200 OK", "Transfer-Encoding: chunked\r\n", &chunks[..60_000]);
        // Nobody has said what the file is.
        for (answer, expected) in [
            (old(&bytes[..60_000]), Some("add the image with its SHA-256")),
            (response("200 OK", &format!("{length}Content-Encoding: gzip\r\n"), &bytes), Some("gzip")),
            (cut, Some("broke off")),
            (response("200 OK", "Transfer-Encoding: chunked\r\n", &chunks), None),
            (response("200 OK", &format!("{length}Content-Encoding: identity\r\n"), &bytes), None),
        ] {
            let ground = Ground::new();
            let upstream = Upstream::start(move |_, head| {
                assert!(head.contains("accept-encoding: identity"), "{head}");
                answer.clone()
            })
            .await;
            let image = ground.refer_blindly(upstream.at, "66.86.0.160").await;
            ground.library.want(&image);
            let ended = loop {
                sleep(Duration::from_millis(10)).await;
                let now = ground.store.firmware(image.id).unwrap();
                match ground.library.whereabouts(&now) {
                    Whereabouts::Here => break None,
                    Whereabouts::Failed { why, .. } => break Some(why),
                    _ => {}
                }
            };
            match (ended, expected) {
                (None, None) => {}
                (Some(why), Some(expected)) => assert!(why.contains(expected), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        // With its sum it is judged by that.
        let ground = Ground::new();
        let upstream = Upstream::start({
            let answer = old(&bytes);
            move |_, _| answer.clone()
        })
        .await;
        let image = ground.refer(upstream.at, &bytes).await;
        assert!(whole(ground.library.content(&image).await.unwrap()).await.unwrap() == bytes);
    });
}
