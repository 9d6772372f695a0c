use block66::firmware::{Failure, Unavailable, Whereabouts};

use crate::ground::{Ground, Upstream, image, response, whole, within};

fn good(bytes: &[u8]) -> Vec<u8> {
    response("200 OK", &format!("Content-Length: {}\r\nETag: \"one\"\r\n", bytes.len()), bytes)
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
                    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).expect("a range");
                    assert!(head.contains("if-range: \"one\""), "{head}");
                    let from: usize = range.trim_end_matches('-').parse().unwrap();
                    assert!(from > 600_000, "{from}");
                    let headers = format!(
                        "Content-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\n",
                        bytes.len() - from,
                        bytes.len() - 1,
                        bytes.len()
                    );
                    response("206 Partial Content", &headers, &bytes[from..])
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
