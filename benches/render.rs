//! How long it takes to make a phone's file and to recognise who asks for it.

#![allow(clippy::expect_used)] // a benchmark that cannot begin has nothing to measure

use std::hint::black_box;
use std::time::Duration;

use block66::brands::{Claims, Content, FileKind, Registry, Sheet};
use block66::model::settings::Resolved;
use block66::model::{FirstContact, Id, Line, Login, Mac, Phone, Secret, Settings, Timestamp, Transport};
use criterion::{Criterion, criterion_group, criterion_main};

fn phone(lines: usize) -> Phone {
    let at = Timestamp::from_secs(1_800_000_000);
    let line = |number: usize| Line {
        user: format!("{}", 200 + number),
        auth_user: Some(format!("auth-{number}")),
        password: Secret::new("a-long-password-4711"),
        display: format!("Zoë & Desk {number}"),
        server: "sip.example.net".into(),
        port: None,
        transport: Some(Transport::Tls),
        expires: None,
        voicemail: Some("*97".into()),
        settings: Settings::NONE,
    };
    Phone {
        id: Id::new(at, 1),
        version: 1,
        origin: Id::new(at, 9),
        mac: Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]),
        organisation: Id::new(at, 2),
        brand: None,
        model: None,
        name: "Reception".into(),
        lines: (1..=lines).map(line).collect(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: None,
        first_contact: FirstContact::Closed { at },
        created: at,
    }
}

fn render(criterion: &mut Criterion) {
    let registry = Registry::builtin().expect("the built-in brands");
    let login = Login { user: "p-805ec0123456".into(), password: Secret::new("secret") };
    for brand in registry.brands() {
        let Some(rule) = brand.files().iter().find(|rule| rule.kind == FileKind::Own) else { continue };
        for lines in [1, 12, Line::MOST] {
            let phone = phone(lines);
            let sheet = Sheet {
                content: Content::Full,
                phone: Some(&phone),
                organisation: None,
                login: Some(&login),
                settings: Resolved::nothing(),
                books: &[],
                firmware_url: None,
                ca_der: b"certificate",
                time_server: [10, 66, 0, 1].into(),
                ca_url: "http://10.66.0.1/p/ca.pem",
                plain_url: "http://10.66.0.1/p/",
                provisioning_url: "https://10.66.0.1/p/",
                asked: None,
                book: None,
            };
            criterion.bench_function(&format!("render/{}/{lines} lines", brand.id), |bencher| {
                bencher.iter(|| brand.render(rule, black_box(&sheet)).expect("rendered"));
            });
        }
    }
    let claims = Claims {
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)"),
        vendor_class: Some(b"dhcpcd-9.4.1:Linux"),
        mac: Some(Mac::new([0x52, 0x54, 0, 1, 2, 3])),
        requested: &[1, 3, 6, 66],
    };
    criterion.bench_function("recognise/a stranger", |bencher| {
        bencher.iter(|| registry.recognise(black_box(&claims)).is_none());
    });
    criterion.bench_function("file/a stranger", |bencher| {
        bencher.iter(|| registry.file(black_box("no-such-file.html")));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = render
}
criterion_main!(benches);
