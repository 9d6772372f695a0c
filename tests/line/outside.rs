//! The line to outside is cut: what is on the box is served, and what is not is named, with the time since when.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::ground::{Ground, run};
use crate::impair::NEAR;

/// The longest that it may take until the box gives up on outside: it tries five times.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// A server outside that gives the same bytes to everybody.
fn outside(ground: &Ground, bytes: Vec<u8>) -> u16 {
    let listener = ground.line.on_near(|| TcpListener::bind((NEAR, 0)).unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&bytes));
        }
    });
    port
}

/// A phone on the box's own side of the line: status and bytes.
fn phone(ground: &Ground, path: &str) -> (String, Vec<u8>) {
    let place = ground.file("phone");
    let _ = std::fs::remove_file(&place);
    let mut command = ground.line.far("curl");
    command.args(["-sS", "--max-time", "30", "-w", "%{http_code}", "-o"]).arg(&place);
    command.arg(format!("http://127.0.0.1{path}"));
    let status = run(command, Duration::from_secs(40));
    (status, std::fs::read(&place).unwrap_or_default())
}

/// The page of firmware, as somebody sees it who has just claimed the box.
fn page(ground: &Ground) -> String {
    let status: serde_json::Value = serde_json::from_str(&ground.told(&["status", "--json"])).unwrap();
    let code = status["setup_code"].as_str().unwrap();
    let cookies = ground.file("cookies");
    let curl = |arguments: &[&str]| {
        let mut command = ground.line.far("curl");
        command.args(["-sSk", "-b"]).arg(&cookies).arg("-c").arg(&cookies).args(arguments);
        run(command, Duration::from_secs(20))
    };
    let claim = serde_json::json!({ "code": code, "password": "a long password" }).to_string();
    let kind = "Content-Type: application/json";
    let answer = curl(&["-H", kind, "-d", &claim, "https://127.0.0.1/api/v1/claim"]);
    assert!(answer.contains("csrf"), "{answer}");
    curl(&["https://127.0.0.1/firmware"])
}

#[test]
fn with_the_line_cut_phones_get_what_is_here_and_the_page_says_what_is_missing_since_when() {
    let ground = Ground::new(100_000, 21);
    let bytes: Vec<u8> = (0..300_001_u32).map(|at| (at % 249) as u8).collect();
    let port = outside(&ground, bytes.clone());
    let url = format!("http://{NEAR}:{port}/T46S.rom");
    for (version, pinned) in [("66.87.0.1", true), ("66.88.0.1", false)] {
        let mut arguments = vec!["firmware", "add", &url, "--brand", "yealink", "--version", version, "--enable"];
        arguments.extend(pinned.then_some("--pin"));
        ground.told(&arguments);
    }
    ground.told(&["firmware", "fetch", "66.87.0.1"]);
    ground.line.connect(false);

    let (status, got) = phone(&ground, "/p/firmware/yealink/66.87.0.1/T46S.rom");
    assert!(status == "200" && got == bytes, "{status}");
    let (status, got) = phone(&ground, "/p/firmware/yealink/66.86.0.160/T46S.rom");
    assert!(status == "200" && got == ground.image, "{status}");
    let (status, _) = phone(&ground, "/p/firmware/yealink/66.88.0.1/T46S.rom");
    assert_eq!(status, "503", "it is to come again");

    let deadline = Instant::now() + GIVEN_UP;
    let missing = loop {
        let listed: serde_json::Value = serde_json::from_str(&ground.told(&["firmware", "list", "--json"])).unwrap();
        let images = listed["images"].as_array().unwrap().clone();
        let missing = images.into_iter().find(|image| image["version"] == "66.88.0.1").unwrap();
        if missing["place"] == "failed" {
            break missing;
        }
        assert!(Instant::now() < deadline, "{missing:#}");
        std::thread::park_timeout(Duration::from_millis(100));
    };
    assert!(missing["since"].is_string() && missing["why"].as_str().unwrap().contains("reached"), "{missing:#}");
    let page = page(&ground);
    let since = missing["since"].as_str().unwrap();
    assert!(page.contains("Missing since") && page.contains(since), "{page}");
    assert!(ground.told(&["firmware", "list"]).contains("failed since"));

    ground.line.connect(true);
    ground.told(&["firmware", "fetch", "66.88.0.1"]);
    let (status, got) = phone(&ground, "/p/firmware/yealink/66.88.0.1/T46S.rom");
    assert!(status == "200" && got == bytes, "{status}");
    assert!(!ground.told(&["firmware", "list"]).contains("failed"));
}
