//! When a phone is told that it has the newest file already.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use block66::model::history::{Hand, How};
use block66::model::{Id, Phone, Reason, Timestamp};
use block66::store::Write;
use hyper::StatusCode;

use crate::ground::{Ask, DESK, Ground, OTHER, ask, mac};

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
    tokio::time::timeout(Duration::from_secs(10), given).await.expect("within a second or two")
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

/// How many files of phones have a date on the disk, once all that was committed before is there.
async fn kept(ground: &Ground) -> usize {
    ground.store.commit(Vec::new()).await.unwrap();
    ground.store.setting_names("served.").len()
}

#[tokio::test]
async fn names_that_a_phone_makes_up_do_not_fill_the_store() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    ground.settle(2, OTHER).await;
    assert_eq!(kept(&ground).await, 2);
    // A name fits the end of a path, whatever stands before it.
    for folder in 0..1000 {
        let path = format!("/p/{folder}/{}.cfg", mac(1).plain());
        assert_eq!(ground.get(ask(path).login(&desk)).await.status, StatusCode::OK);
    }
    assert_eq!(kept(&ground).await, 2);
    // In one brand's name a model stands, in any words that the asker likes.
    for word in 0..100 {
        let path = format!("/p/word{word}{}.ini", mac(1).plain());
        assert_eq!(ground.get(ask(path).login(&desk)).await.status, StatusCode::OK);
        let many = kept(&ground).await;
        assert!((3..=33).contains(&many), "{many}: at most 32 of one phone");
    }

    // It is replaced, and removed; so is one whose answer is under way.
    let replaced = Phone { mac: mac(9), ..ground.phone(1) };
    let id = replaced.id;
    let hand = Hand { at: Timestamp::from_secs(1_700_000_000), by: None, how: How::Replaced };
    ground.store.commit(vec![Write::ChangePhone { phone: replaced, expect: None, hand }]).await.unwrap();
    assert_eq!(kept(&ground).await, 1, "files of another name");
    let late = |phone: Id| Write::PutServed { phone, file: "late".into(), value: "2026".into() };
    ground.store.commit(vec![late(id)]).await.unwrap();
    assert_eq!(kept(&ground).await, 2);
    let other = ground.phone(2).id;
    ground.store.commit(vec![Write::DeletePhone(id)]).await.unwrap();
    let (putting, deleting, again) = (
        ground.store.commit(vec![late(other)]),
        ground.store.commit(vec![Write::DeletePhone(other)]),
        ground.store.commit(vec![late(other)]),
    );
    putting.await.unwrap();
    deleting.await.unwrap();
    again.await.unwrap();
    assert_eq!(kept(&ground).await, 0);
}

#[tokio::test]
async fn two_authorities_of_one_build_are_two_files() {
    for name in ["/ca.pem", "/p/ca.crt", "/ca.der", "/ca.cer"] {
        let mut ground = Ground::new().await;
        let first = ground.get(ask(name).plain()).await;
        assert_eq!(first.status, StatusCode::OK);
        let tag = first.header("etag").to_owned();
        ground.with_another_authority();
        let began = Duration::from_secs(ground.authority.not_before().secs().unsigned_abs());
        let began = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + began);
        let now = httpdate::fmt_http_date(SystemTime::now());
        for date in [first.header("last-modified"), &began, &now] {
            let second = ground.get(ask(name).plain().with("if-modified-since", date)).await;
            assert_eq!(second.status, StatusCode::OK, "{name}: {date:?}");
            assert_ne!(second.text, first.text);
        }
        let by_tag = |tag: &str| ask(name).plain().with("if-none-match", tag);
        let second = ground.get(by_tag(&tag)).await;
        assert_eq!(second.status, StatusCode::OK);
        assert_eq!(ground.get(by_tag(second.header("etag"))).await.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn a_common_file_differs_from_one_address_of_the_box_to_another() {
    const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 2);
    let ground = Ground::new().await;
    let common = ask("/p/y000000000028.cfg").plain();
    let there = Ask { at: ELSEWHERE, ..common.clone() };
    // From one address alone it has one content, and any date from then on is one of that.
    let here = ground.get(common.clone()).await;
    assert_eq!(here.status, StatusCode::OK, "{}", here.text);
    let date = here.header("last-modified").to_owned();
    assert!(!date.is_empty() && here.text.contains("10.66.0.1"));
    let since = |asked: &Ask, date: &str| asked.clone().with("if-modified-since", date);
    assert_eq!(ground.get(since(&common, &date)).await.status, StatusCode::NOT_MODIFIED);
    let now = httpdate::fmt_http_date(SystemTime::now());
    assert_eq!(ground.get(since(&common, &now)).await.status, StatusCode::NOT_MODIFIED);

    let other = ground.get(since(&there, &date)).await;
    assert_eq!(other.status, StatusCode::OK);
    assert!(other.text.contains("10.66.0.2"));
    let newer = wait_for_date(&ground, &there).await;
    assert_ne!(newer, date);
    for (asked, date, status) in [
        (&there, &newer, StatusCode::NOT_MODIFIED),
        (&common, &date, StatusCode::NOT_MODIFIED),
        (&common, &newer, StatusCode::OK),
        (&there, &date, StatusCode::OK),
    ] {
        let answer = ground.get(since(asked, date)).await;
        assert_eq!(answer.status, status, "from {} with {date}", asked.at);
    }
}
