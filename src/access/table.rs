//! Every combination of evidence, policy and state, compared with the table in `docs/security.md`.

use std::net::IpAddr;
use std::time::Duration;

use super::tests::{NOW, another_id, mac, organisation_id, phone, phone_id};
use super::*;
use crate::brands::Content;
use crate::model::{FirstContact, Login, Phone, Policy, Secret, SecretPolicy};

/// One combination: what the table's columns say of it, and the arguments that it stands for.
struct Combination {
    words: [Vec<&'static str>; 8],
    ask: Ask,
    evidence: Evidence,
    phone: Option<Phone>,
    policy: Policy,
}

struct Row {
    conditions: Vec<String>,
    answer: String,
}

fn rows() -> Vec<Row> {
    let text = include_str!("../../docs/security.md");
    let table = text.split("<!-- access table -->").nth(1).unwrap().split("<!-- end").next().unwrap();
    table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            assert_eq!(cells.len(), 11, "{line}");
            Row { conditions: cells[..8].to_vec(), answer: cells[8..].join(" ") }
        })
        .collect()
}

impl Row {
    fn fits(&self, combination: &Combination) -> bool {
        self.conditions.iter().zip(&combination.words).all(|(condition, words)| {
            condition == "any" || condition.split(", ").any(|all| all.split(" and ").all(|word| words.contains(&word)))
        })
    }
}

fn answer(verdict: &Verdict, file: File) -> String {
    let what = match verdict {
        Verdict::Grant { content: Content::Pointer, .. } => "pointer",
        Verdict::Grant { content: Content::Settings, .. } => "settings",
        Verdict::Grant { content: Content::FirstContact, .. } => "login",
        Verdict::Grant { content: Content::Full, .. } => "everything",
        Verdict::Challenge { .. } => "401",
        Verdict::NotFound(_) => "404",
        Verdict::Forbidden(_) => "403",
    };
    let change = match verdict.transition() {
        None => "–",
        Some(Transition::OpenFirstContact { .. }) => "open",
        Some(Transition::CloseFirstContact) => "close",
        Some(Transition::NoticeReset) => "reset",
    };
    format!("{what} {} {change}", verdict.reason(file, "", &[]).code())
}

const ADDRESS: [u8; 4] = [10, 66, 0, 10];

fn stages(reopen: bool) -> Vec<(&'static str, Option<FirstContact>)> {
    let address: IpAddr = ADDRESS.into();
    let since = |secs| crate::model::Timestamp::from_secs(NOW.secs() - secs);
    let elsewhere: IpAddr = [10, 66, 0, 11].into();
    vec![
        ("unlisted", None),
        ("waiting", Some(FirstContact::Waiting)),
        ("open", Some(FirstContact::Open { since: NOW, address })),
        ("open", Some(FirstContact::Open { since: since(FirstContact::WINDOW.as_secs() as i64 - 1), address })),
        ("over", Some(FirstContact::Open { since: since(FirstContact::WINDOW.as_secs() as i64), address })),
        ("over", Some(FirstContact::Open { since: NOW, address: elsewhere })),
        ("closed", Some(FirstContact::Closed { at: NOW })),
        (if reopen { "waiting" } else { "reset" }, Some(FirstContact::Reset { at: NOW })),
    ]
}

fn logins() -> Vec<(&'static str, LoginProof, Option<bool>)> {
    // The last field: whether a newer login waits, where that is part of what the word means.
    vec![
        ("none", LoginProof::None, None),
        ("wrong", LoginProof::Wrong, None),
        ("own", LoginProof::Phone(phone_id()), Some(false)),
        ("old", LoginProof::Phone(phone_id()), Some(true)),
        ("new", LoginProof::Pending(phone_id()), Some(true)),
        ("organisation", LoginProof::Organisation(organisation_id()), None),
        ("another", LoginProof::Phone(another_id()), None),
        ("another", LoginProof::Pending(another_id()), None),
        ("another", LoginProof::Organisation(another_id()), None),
    ]
}

fn policies() -> Vec<(Vec<&'static str>, Policy)> {
    let mut all = Vec::new();
    for (word, secret_files) in [
        ("own", SecretPolicy::Own),
        ("on-lan", SecretPolicy::OrganisationOnLan),
        ("organisation", SecretPolicy::Organisation),
    ] {
        for plain_http in [false, true] {
            for lan_alone in [false, true] {
                for reopen_after_reset in [false, true] {
                    let mut words = vec![word];
                    words.extend(plain_http.then_some("plain"));
                    words.extend(lan_alone.then_some("lan-alone"));
                    all.push((
                        words,
                        Policy { secret_files, plain_http, lan_alone, reopen_after_reset, ..Policy::default() },
                    ));
                }
            }
        }
    }
    all
}

fn combinations(mut each: impl FnMut(&Combination)) {
    let channels = [("HTTPS", Channel::Tls), ("HTTP", Channel::Plain), ("TFTP", Channel::Tftp)];
    let certificates = [("none", None), ("own", Some(mac(1))), ("another", Some(mac(2)))];
    let lans = [("agrees", Lan::Agrees), ("unknown", Lan::Unknown), ("disagrees", Lan::Disagrees)];
    for (policy_words, policy) in policies() {
        for (stage_word, first_contact) in stages(policy.reopen_after_reset) {
            for (login_word, login, newer) in logins() {
                let unlisted = first_contact.is_none();
                let is_organisation = matches!(login, LoginProof::Organisation(_));
                if unlisted
                    && (matches!(login_word, "own" | "old" | "new") || login_word == "another" && is_organisation)
                {
                    continue;
                }
                for pending in [false, true] {
                    if newer.is_some_and(|newer| newer != pending) {
                        continue;
                    }
                    let stage_word = if stage_word == "closed" && pending { "renewing" } else { stage_word };
                    let phone = first_contact.map(|first_contact| Phone {
                        first_contact,
                        pending_login: pending.then(|| Login { user: "newer".into(), password: Secret::new("secret") }),
                        ..phone()
                    });
                    for (channel_word, channel) in channels {
                        for (file_word, file) in [
                            ("own", File::Own),
                            ("kept", File::Kept),
                            ("personal", File::Personal),
                            ("shared", File::Shared),
                            ("common", File::Common),
                        ] {
                            for (certificate_word, certificate) in certificates {
                                for (lan_word, lan) in lans {
                                    for (asked_word, unanswered) in [("no", false), ("yes", true)] {
                                        each(&Combination {
                                            words: [
                                                vec![channel_word],
                                                vec![file_word],
                                                vec![stage_word],
                                                vec![login_word],
                                                vec![certificate_word],
                                                vec![lan_word],
                                                vec![asked_word],
                                                policy_words.clone(),
                                            ],
                                            ask: Ask { channel, file, address: ADDRESS.into(), unanswered },
                                            evidence: Evidence { login, certificate, lan },
                                            phone: phone.clone(),
                                            policy,
                                        });
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_combination_is_answered_as_the_table_says() {
    let rows = rows();
    assert!(rows.len() > 40);
    let mut hits = vec![0_usize; rows.len()];
    let mut wrong = Vec::new();
    combinations(|combination| {
        let subject = combination.phone.as_ref().map(|phone| Subject { phone, policy: combination.policy });
        let verdict = decide(&combination.ask, &combination.evidence, subject, NOW);
        let said = answer(&verdict, combination.ask.file);
        match rows.iter().position(|row| row.fits(combination)) {
            Some(at) => {
                hits[at] += 1;
                if rows[at].answer != said {
                    wrong.push(format!(
                        "{:?}: table row {}: {}; decided: {said}",
                        combination.words,
                        at + 1,
                        rows[at].answer
                    ));
                }
            }
            None => wrong.push(format!("{:?}: no row; decided: {said}", combination.words)),
        }
    });
    assert!(wrong.is_empty(), "{} differ, among them\n{}", wrong.len(), wrong[..wrong.len().min(8)].join("\n"));
    for (row, hits) in rows.iter().zip(&hits) {
        assert!(*hits > 0, "no combination ever comes to the row {:?}", row.conditions);
    }
    assert!(hits.iter().sum::<usize>() > 20_000);
    assert_eq!(FirstContact::WINDOW, Duration::from_secs(900));
}
