//! How much a page weighs, how long the box takes for it, and whether the browser keeps up with what happens.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use block66::lab::ground::BOX;
use serde_json::json;

use super::ground::Ground;

/// All that the first page may weigh, in bytes.
const FIRST_PAGE: f64 = 60_000.0;
/// Phones on a page of the list.
const ROWS: u64 = 50;
/// Elements that a row of the list may have: the seven lights of its journey, their words, and what it says.
const IN_A_ROW: u64 = 60;
/// Elements of all around the rows.
const AROUND: u64 = 150;

#[test]
fn the_first_page_is_light_with_ten_thousand_phones() {
    const PHONES: u32 = 10_000;
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    let mut list = String::from("mac,name,user,password,server\n");
    for n in 0..PHONES {
        list.push_str(&format!("805ec1{n:06x},Desk {n:05},{},secret{n},pbx.example.net\n", 10_000 + n));
    }
    // In parts: one answer takes no longer than the lab's patience.
    let (head, rows) = list.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for part in rows.chunks(1000) {
        ground.lab.api().post_text("phones/import", "text/csv", &format!("{head}\n{}\n", part.join("\n"))).unwrap();
    }
    // Once to have what is kept at hand, then as it is for everybody who comes after.
    for page in ["/", "/phones", "/phones?q=desk+0999", "/phones?state=not-seen&offset=9000"] {
        ground.open(page);
        let mut took: Vec<f64> = (0..7)
            .map(|_| {
                let timing = browser.run_async(
                    "const done = arguments[0]; const began = performance.now();
                     fetch(location.href).then((r) => r.text()).then(() => done(performance.now() - began))",
                );
                timing.as_f64().unwrap()
            })
            .collect();
        took.sort_by(f64::total_cmp);
        println!("figure: {page} with {PHONES} phones: {:.0} ms from asking to the last byte (median of 7)", took[3]);
        // What the browser has to lay out is what a page holds, however many phones there are.
        let laid_out = browser.run(
            "return [document.querySelectorAll('*').length, document.querySelectorAll('tr.phone').length,
               performance.getEntriesByType('navigation')[0].decodedBodySize]",
        );
        let [elements, rows, bytes] = [0, 1, 2].map(|at| laid_out[at].as_u64().unwrap());
        println!(
            "figure: {page} with {PHONES} phones: {elements} elements, {rows} rows of phones, {bytes} bytes of HTML"
        );
        assert!((1..=ROWS).contains(&rows) && elements <= AROUND + ROWS * IN_A_ROW, "{page}: {laid_out}");
    }
    browser.develop("Network.setCacheDisabled", &json!({ "cacheDisabled": true }));
    ground.open("/");
    let weight = browser.run(
        "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
         return all.filter((e) => !e.name.endsWith('/live')).reduce((sum, e) => sum + (e.encodedBodySize || 0), 0)",
    );
    let weight = weight.as_f64().unwrap();
    println!("figure: the first page weighs {weight} bytes in all with {PHONES} phones");
    assert!(weight > 10_000.0 && weight < FIRST_PAGE, "{weight} bytes");
}

#[test]
fn two_hundred_events_a_second_are_taken_at_a_walk() {
    const SECONDS: u64 = 4;
    const PER_SECOND: u64 = 200;
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    ground.open("/events");
    browser.reads("Live");
    browser.run(
        "window.gaps = []; let last = performance.now();
         const frame = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(frame); };
         requestAnimationFrame(frame);
         window.added = 0; window.passes = 0;
         new MutationObserver((records) => {
           window.passes += 1;
           for (const { addedNodes } of records) for (const node of addedNodes) window.added += 1 + (node.querySelectorAll?.('*').length ?? 0);
         }).observe(document.getElementById('events'), { childList: true, subtree: true });
         window.fetches = 0; const own = window.fetch; window.fetch = (...a) => { window.fetches += 1; return own(...a); };
         window.messages = 0; const source = new EventSource('/live');
         for (const kind of ['event', 'journey', 'missed']) source.addEventListener(kind, () => { window.messages += 1; })",
    );
    // Files of phones that nobody knows, each an event of its own.
    let began = Instant::now();
    ground
        .lab
        .ground()
        .switch()
        .run(|| {
            let mut clients = Vec::new();
            for second in 0..SECONDS {
                let until = began + Duration::from_secs(second);
                std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
                let first = second * PER_SECOND;
                let url = format!("http://{BOX}/p/805ec2[{:06}-{:06}].cfg", first, first + PER_SECOND - 1);
                let mut client = Command::new("curl");
                client.args(["--silent", "--globoff", "--max-time", "20"]).stdout(Stdio::null()).stderr(Stdio::null());
                // The brackets are a range of numbers.
                client.args(["--no-globoff", &url]);
                clients.push(client.spawn().unwrap());
            }
            for mut client in clients {
                client.wait().unwrap();
            }
        })
        .unwrap();
    let took = began.elapsed().as_secs_f64();
    let seen = browser.run(
        "return [window.gaps.length, Math.max(...window.gaps), window.fetches, window.messages, window.added, window.passes,
           document.querySelectorAll('#events *').length]",
    );
    let number = |at: usize| seen[at].as_f64().unwrap();
    println!(
        "figure: {} events in {took:.1} s: {} frames, the longest wait for one {:.0} ms; the page fetched itself {} times",
        number(3),
        number(0),
        number(1),
        number(2)
    );
    assert!(number(3) >= 100.0, "too little happened to show anything: {} messages", number(3));
    println!(
        "figure: the page put {} nodes into its list in {} passes; the list has {} elements",
        number(4),
        number(5),
        number(6)
    );
    // The list is exchanged once for each time that the page asked: what it costs the browser does not grow with what
    // happens. A white-space node stands between any two elements.
    assert!(number(5) >= 1.0 && number(5) <= number(2) + 1.0, "{seen}");
    assert!(number(4) <= 2.0 * (number(2) + 1.0) * (number(6) + 1.0), "{seen}");
    // However much happens, the page asks once a second at the most.
    assert!(number(2) <= took + 2.0, "{} fetches in {took} s", number(2));
    // A browser beside a busy box on two cores: frames come, none waits for long.
    assert!(number(1) < 500.0 && number(0) / took > 15.0, "frames were dropped: {seen}");
}
