//! Files that are small until somebody reads them.

use std::path::Path;
use std::process::Command;

use block66::lab::ground::BOX;
use serde_json::{Value, json};

use crate::ground::{ATTACKER, Ground};
use crate::page::{JSON, memory, sign_in};
use crate::speak::basic;

#[test]
fn files_that_grow_when_they_are_read_are_refused() {
    let mut ground = Ground::new(0);
    ground.claim();
    let place = ground.place(ATTACKER);
    let (_, browser) = sign_in(&place, "");
    let lines = format!("Origin: https://{BOX}\r\n{}", browser.lines());
    let before = memory(&mut ground);
    let laughs =
        "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><l>&b;</l>".as_bytes().to_vec();
    let outside = b"<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><l>&x;</l>".to_vec();
    let deep = "<a>".repeat(200_000).into_bytes();
    let attributes = format!("<a {}/>", (0..50_000).map(|n| format!("a{n}=\"\" ")).collect::<String>()).into_bytes();
    // A picture of 100,000 by 100,000 points in a few bytes.
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0".to_vec();
    picture.extend([0; 64]);
    for (what, kind, name, bytes) in [
        ("a billion laughs", "xml", "a.xml", &laughs),
        ("a file from outside", "xml", "a.xml", &outside),
        ("what stands in each other", "xml", "a.xml", &deep),
        ("a huge picture", "wallpaper", "a.png", &picture),
    ] {
        let path = format!("/api/v1/resources?name={name}&kind={kind}");
        let reply = place.ask(true, "PUT", &path, &format!("Content-Type: application/octet-stream\r\n{lines}"), bytes);
        assert!((400..500).contains(&reply.status), "{what}: {} {}", reply.head, reply.text());
        assert!(!reply.text().contains("root:"), "{what}");
    }
    // Attributes are compared with each other: 50,000 of them once took a second and more.
    let begun = std::time::Instant::now();
    place.ask(
        true,
        "PUT",
        "/api/v1/resources?name=a.xml&kind=xml",
        &format!("Content-Type: application/octet-stream\r\n{lines}"),
        &attributes,
    );
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    let nested = "[".repeat(100_000);
    let reply = place.ask(true, "POST", "/api/v1/phones", &format!("{JSON}{lines}"), nested.as_bytes());
    assert_eq!(reply.status, 400, "{}", reply.text());
    // More than is read: the answer comes before the body has.
    let mut stream = place.open(true).unwrap();
    let head =
        format!("POST /api/v1/phones HTTP/1.1\r\nHost: {BOX}\r\n{JSON}{lines}Content-Length: 99999999999\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    for _ in 0..40 {
        if stream.write_all(&[b' '; 16 << 10]).is_err() {
            break;
        }
    }
    let mut answer = vec![0; 64];
    let length = stream.read(&mut answer).unwrap_or_default();
    assert!(
        String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 413"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let grown = memory(&mut ground).saturating_sub(before);
    println!("figure: memory grew by {} kB", grown);
    assert!(grown < 64 << 10, "{grown} kB");
    ground.box_is_well();
}

/// Archives of 64 MiB each that real tools pack into less than 256 KiB: zeros, a list of phones, a workbook whose one sheet
/// has millions of rows, and an archive in an archive.
const PACK: &str = r#"
import gzip, io, zipfile
MIB = 64
def packed(piece):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as archive:
        for _ in range(MIB): archive.write(piece)
    return out.getvalue()
zeros = packed(bytes(1 << 20))
row = b"80:5e:c0:00:00:01,Desk 1,201,line-password,pbx.example.net\n"
lines = packed(row * ((1 << 20) // len(row)))
open("zeros.gz", "wb").write(zeros)
open("list.csv.gz", "wb").write(lines)
open("twice.gz", "wb").write(gzip.compress(zeros))
with zipfile.ZipFile("book.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
    book.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>')
    book.writestr("xl/workbook.xml", '<?xml version="1.0"?><workbook><sheets><sheet name="Phones" sheetId="1"/></sheets></workbook>')
    with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
        sheet.write(b"<worksheet><sheetData>")
        for _ in range(MIB): sheet.write(b'<row r="1"><c><v>1</v></c></row>' * ((1 << 20) // 32))
        sheet.write(b"</sheetData></worksheet>")
"#;

fn archives(at: &Path) -> Vec<(String, Vec<u8>)> {
    let made = Command::new("timeout").args(["120", "python3", "-c", PACK]).current_dir(at).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| (name.to_owned(), std::fs::read(at.join(name)).unwrap());
    let all: Vec<_> = ["zeros.gz", "list.csv.gz", "twice.gz", "book.xlsx"].map(read).into();
    assert!(all.iter().all(|(_, bytes)| (200..256 << 10).contains(&bytes.len())), "they are packed");
    all
}

/// The most memory that the box had since this was asked last, in kB.
fn peak(ground: &mut Ground) -> u64 {
    let id = ground.lab.appliance().id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    std::fs::write(format!("/proc/{id}/clear_refs"), "5").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[test]
fn no_door_unpacks_what_is_sent_to_it() {
    /// What the box may need beside: it reads a few megabytes whole. Unpacked, each archive has 64 MiB.
    const MOST: u64 = 32 << 10;
    let mut ground = Ground::new(1);
    ground.claim();
    let place = ground.place(ATTACKER);
    let (_, browser) = sign_in(&place, "");
    let own = format!("Content-Encoding: gzip\r\nOrigin: https://{BOX}\r\n{}", browser.lines());
    let book = ground.lab.api().post("books", &json!({ "name": "Branch" })).unwrap();
    let fill = format!("/api/v1/books/{}/import", book["id"].as_str().unwrap());
    let passphrase = "Block66-Passphrase: correct%20horse%20battery\r\n";
    let csv = "Content-Type: text/csv\r\n";
    let any = "Content-Type: application/octet-stream\r\n";
    let refusing: [(&str, &str, &str, u16); 11] = [
        ("PUT", "/api/v1/resources?name=a.xml&kind=xml", any, 422),
        ("PUT", "/api/v1/resources?name=a.png&kind=wallpaper", any, 422),
        ("PUT", "/api/v1/resources?name=a.wav&kind=ringtone", any, 422),
        ("POST", "/api/v1/phones/import", csv, 422),
        ("POST", &fill, csv, 422),
        ("POST", "/api/v1/leases/import?form=kea", csv, 422),
        ("POST", "/api/v1/phones", JSON, 400),
        ("POST", "/api/v1/overlays/try", JSON, 400),
        ("POST", "/api/v1/trust/authorities", JSON, 400),
        ("POST", "/api/v1/backup/inspect", passphrase, 422),
        ("POST", "/api/v1/backup/restore?confirm=true", passphrase, 422),
    ];
    let folder = tempfile::tempdir().unwrap();
    let phone = &ground.lab.phones()[0];
    let (user, password) = phone.remote.holding().login.unwrap();
    let kept = format!("/p/{}-local.cfg", phone.mac.plain());
    let login = format!("Content-Encoding: gzip\r\n{}", basic(&user, password.expose()));
    let before = memory(&mut ground);
    peak(&mut ground);
    let mut wrong = Vec::new();
    for (number, (name, bytes)) in archives(folder.path()).into_iter().enumerate() {
        let mut sent = |what: &str, status: u16, expected: u16, text: String| {
            if status != expected {
                wrong.push(format!("{name} to {what}: {status} and not {expected}: {text}"));
            }
        };
        for (method, path, lines, expected) in refusing {
            let reply = place.ask(true, method, path, &format!("{lines}{own}"), &bytes);
            sent(path, reply.status, expected, reply.text());
        }
        // What takes any bytes keeps those that came.
        let release = format!("108.86.0.{number}");
        let image = format!("/api/v1/firmware?brand=yealink&version={release}&name=T46U-{release}.rom");
        let reply = place.ask(true, "PUT", &image, &format!("{any}{own}"), &bytes);
        sent(&image, reply.status, 201, reply.text());
        let size = serde_json::from_slice::<Value>(&reply.body).unwrap()["size"].as_u64();
        assert_eq!(size, Some(bytes.len() as u64), "{name}: {}", reply.text());
        let reply = place.ask(true, "PUT", &kept, &login, &bytes);
        let fits = [200, 201].contains(&reply.status);
        assert!(fits || reply.status == 413, "{name} to {kept}: {}", reply.head);
        if fits {
            assert_eq!(place.ask(true, "GET", &kept, &login, b"").body, bytes, "{name}");
        }
        // What it had in between counts, not what is left.
        let grown = peak(&mut ground).saturating_sub(before);
        println!("figure: {name} of {} kB: {grown} kB more at most", bytes.len() >> 10);
        assert!(grown < MOST, "{name}: {grown} kB");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    ground.phones_are_served();
    ground.box_is_well();
}
