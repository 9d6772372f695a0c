//! Real clients, with and without options, in fine weather and in foul.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::ground::{Ground, IMAGE, far};
use crate::impair::Weather;

/// A client, and how it is asked for a file.
struct Client {
    name: &'static str,
    program: &'static str,
    arguments: fn(&str, &Path) -> Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn atftp(options: &[&str], name: &str, place: &Path) -> Vec<String> {
    let options = options.iter().flat_map(|option| ["--option".to_owned(), (*option).to_owned()]);
    let rest = words(&format!("--get --remote-file {name} --local-file {} {}", place.display(), far()));
    options.chain(rest).collect()
}

const CLIENTS: [Client; 5] = [
    Client {
        name: "tftp-hpa, no options",
        program: "tftp",
        arguments: |name, place| words(&format!("-m binary {} -c get {name} {}", far(), place.display())),
    },
    Client { name: "atftp, no options", program: "atftp", arguments: |name, place| atftp(&[], name, place) },
    Client {
        name: "atftp, blksize 1428, tsize, timeout 1",
        program: "atftp",
        arguments: |name, place| atftp(&["blksize 1428", "tsize 0", "timeout 1"], name, place),
    },
    Client {
        name: "atftp, blksize 1428, windowsize 8",
        program: "atftp",
        arguments: |name, place| atftp(&["blksize 1428", "windowsize 8"], name, place),
    },
    Client {
        name: "curl, blksize 1428",
        program: "curl",
        arguments: |name, place| {
            words(&format!("-sS --tftp-blksize 1428 -o {} tftp://{}/{name}", place.display(), far()))
        },
    },
];

fn versions() {
    for (program, argument) in [("tftp", "-V"), ("atftp", "--version"), ("curl", "--version")] {
        let output = Command::new(program).arg(argument).output();
        let output = output.unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
        let text = [output.stdout, output.stderr].concat();
        println!("client: {}", String::from_utf8_lossy(&text).lines().next().unwrap_or_default());
    }
}

/// Clients that wait seconds before they ask again for a lost block: over a bad line they prove only their own
/// patience.
const PATIENT: &str = "curl";

fn all_fetch(ground: &Ground, clients: impl Fn(&&Client) -> bool) {
    for Client { name, program, arguments } in CLIENTS.iter().filter(clients) {
        let began = Instant::now();
        let (bytes, said) = ground.fetched(program, &|place| arguments(IMAGE, place));
        let counts = ground.line.counts();
        assert!(bytes == ground.image, "{name}: {} of {} bytes; {said}", bytes.len(), ground.image.len());
        println!("figure: {name}: {} bytes in {:.2?}, line {counts:?}", bytes.len(), began.elapsed());
    }
}

#[test]
fn every_client_fetches_an_image_in_fine_weather() {
    versions();
    // Blocks of 512 divide it: the last one is empty.
    let ground = Ground::new(512 * 700, 1);
    all_fetch(&ground, |_| true);
}

#[test]
fn every_client_fetches_an_image_over_a_line_that_loses_5_percent() {
    let ground = Ground::new(200_003, 2);
    ground.line.change(Weather::losing(5));
    all_fetch(&ground, |client| client.program != PATIENT);
    assert!(ground.line.counts().lost > 20, "{:?}", ground.line.counts());
}

#[test]
fn every_client_fetches_an_image_over_a_line_that_also_doubles_delays_and_reorders() {
    let ground = Ground::new(100_001, 3);
    ground.line.change(Weather::rough());
    all_fetch(&ground, |client| client.program != PATIENT);
    let counts = ground.line.counts();
    assert!(counts.lost > 10 && counts.doubled > 5 && counts.late > 5, "{counts:?}");
}

#[test]
fn one_port_is_enough_where_a_firewall_wants_it_so() {
    let ground = Ground::new(100_001, 4);
    ground.told(&["firmware", "settings", "--tftp-single-port", "true"]);
    ground.line.change(Weather::losing(5));
    all_fetch(&ground, |client| client.program != PATIENT);
}

#[test]
fn a_text_in_netascii_is_the_text() {
    let ground = Ground::new(1, 5);
    let get = |mode: &str| {
        ground.fetched("tftp", &|place: &Path| words(&format!("-m {mode} {} -c get ca.pem {}", far(), place.display())))
    };
    let (bytes, said) = get("binary");
    assert!(bytes.starts_with(b"-----BEGIN CERTIFICATE-----\n"), "{said}");
    assert_eq!(get("ascii").0, bytes, "the client turns line ends back");
}
