//! When a phone is told that it has the newest file already.

use block66::model::Reason;
use hyper::StatusCode;

use crate::ground::{Ask, DESK, Ground, ask, mac};

fn own() -> String {
    format!("/p/{}.cfg", mac(1).plain())
}

#[tokio::test]
async fn tag_and_date_hold_as_long_as_the_bytes() {
    let mut ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let first = ground.get(ask(own()).login(&desk)).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 66, "{tag}");
    let again = ground.get(ask(own()).login(&desk).with("if-none-match", &tag)).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (StatusCode::NOT_MODIFIED, "", tag.as_str()));
    ground
        .told(&Reason::NotModified { own_login: true, revision: tag.trim_matches('"').into(), resources: Vec::new() })
        .await;

    let date = wait_for_date(&ground, &ask(own()).login(&desk)).await;
    let by_date = ask(own()).login(&desk).with("if-modified-since", &date);
    assert_eq!(ground.get(by_date.clone()).await.status, StatusCode::NOT_MODIFIED);
    ground.restart();
    let after = ground.get(by_date.clone()).await;
    assert_eq!(after.status, StatusCode::NOT_MODIFIED, "dates outlive the process");
    assert_eq!(after.header("last-modified"), date);

    let mut phone = ground.phone(1);
    phone.lines[0].display = "Renamed".into();
    ground.change(phone).await;
    let changed = ground.get(by_date).await;
    assert_eq!(changed.status, StatusCode::OK, "changed at once, though within the same second");
    assert!(changed.text.contains("Renamed"));
    assert_ne!(changed.header("etag"), tag);
    let by_tag = ground.get(ask(own()).login(&desk).with("if-none-match", &tag)).await;
    assert_eq!(by_tag.status, StatusCode::OK);
}

/// A date is given as soon as the second that it names is there.
async fn wait_for_date(ground: &Ground, asked: &Ask) -> String {
    let given = async {
        loop {
            let answer = ground.get(asked.clone()).await;
            if !answer.header("last-modified").is_empty() {
                return answer.header("last-modified").to_owned();
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), given).await.expect("within a second or two")
}

#[tokio::test]
async fn a_phone_that_starts_over_is_given_all_of_its_file() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let date = wait_for_date(&ground, &ask(own()).login(&desk)).await;
    let pointed = ground.get(ask(own()).plain()).await;
    assert_eq!(pointed.status, StatusCode::OK);
    // Another content came between: what the phone has now is not what it was given at that date.
    let full = ground.get(ask(own()).login(&desk).with("if-modified-since", &date)).await;
    assert_eq!(full.status, StatusCode::OK);
    assert!(full.text.contains("line-secret-1"));
}

#[tokio::test]
async fn head_says_what_get_would() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let got = ground.get(ask(own()).login(&desk)).await;
    let head = ground.get(Ask { method: "HEAD", ..ask(own()).login(&desk) }).await;
    assert_eq!(head.status, StatusCode::OK);
    for name in ["etag", "content-type", "cache-control"] {
        assert_eq!(head.header(name), got.header(name), "{name}");
    }
}

#[tokio::test]
async fn no_rendered_byte_reaches_the_disk() {
    let ground = Ground::new().await;
    ground.settle(1, DESK).await;
    let directory = ground.directory();
    let mut files = vec![directory.to_owned()];
    let mut read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["line-secret-1", "branch-password", "auto_provision"] {
            assert!(!text.contains(secret), "{} holds {secret}", path.display());
        }
        read += 1;
    }
    assert!(read > 3);
}
