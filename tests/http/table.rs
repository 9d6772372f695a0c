//! The table of `docs/security.md`, and every combination that it speaks of.

use std::path::Path;

/// One row: eight conditions, what is answered, how the phone changes.
#[derive(Debug)]
pub(crate) struct Row {
    conditions: Vec<String>,
    pub(crate) answer: String,
    pub(crate) change: String,
}

/// One combination, in the words of the table's columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) channel: &'static str,
    pub(crate) file: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) login: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) lan: &'static str,
    pub(crate) asked: &'static str,
    pub(crate) policy: Vec<&'static str>,
}

pub(crate) fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.split("<!-- access table -->").nth(1).unwrap().split("<!-- end").next().unwrap();
    let rows: Vec<Row> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            Row { conditions: cells[..8].to_vec(), answer: cells[8].clone(), change: cells[10].clone() }
        })
        .collect();
    assert!(rows.len() > 40);
    rows
}

impl Row {
    pub(crate) fn fits(&self, case: &Case) -> bool {
        let words: [Vec<&str>; 8] = [
            vec![case.channel],
            vec![case.file],
            vec![case.stage],
            vec![case.login],
            vec![case.certificate],
            vec![case.lan],
            vec![case.asked],
            case.policy.clone(),
        ];
        self.conditions.iter().zip(&words).all(|(condition, words)| {
            condition == "any" || condition.split(", ").any(|all| all.split(" and ").all(|word| words.contains(&word)))
        })
    }
}

const CHANNELS: [&str; 3] = ["HTTPS", "HTTP", "TFTP"];
const STAGES: [&str; 7] = ["unlisted", "waiting", "open", "over", "closed", "renewing", "reset"];
const LOGINS: [&str; 7] = ["none", "wrong", "own", "old", "new", "organisation", "another"];
const CERTIFICATES: [&str; 3] = ["none", "own", "another"];
const LANS: [&str; 3] = ["agrees", "unknown", "disagrees"];

/// Every combination for a kind of file that can be brought about over the doors.
pub(crate) fn cases(file: &'static str) -> Vec<Case> {
    let mut all = Vec::new();
    for channel in CHANNELS {
        for stage in STAGES {
            for login in LOGINS {
                for certificate in CERTIFICATES {
                    for lan in LANS {
                        for asked in ["no", "yes"] {
                            for policy in policies() {
                                let case = Case { channel, file, stage, login, certificate, lan, asked, policy };
                                all.extend(Some(case).filter(Case::is_possible));
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

impl Case {
    fn is_possible(&self) -> bool {
        // TFTP carries neither login nor certificate, and a certificate is shown in TLS only.
        let carried = match self.channel {
            "TFTP" => self.login == "none" && self.certificate == "none",
            "HTTP" => self.certificate == "none",
            _ => true,
        };
        let its_own = matches!(self.login, "own" | "old" | "new") && self.stage == "unlisted";
        // Whether a newer login waits is part of what these words mean.
        let newer = match self.login {
            "own" => self.stage != "renewing",
            "old" | "new" => self.stage != "closed",
            _ => true,
        };
        // A login that comes ends the waiting for one.
        let asked = self.asked == "no" || self.login == "none";
        carried && !its_own && newer && asked
    }
}

fn policies() -> Vec<Vec<&'static str>> {
    let mut all = Vec::new();
    for least in ["own", "on-lan", "organisation"] {
        for (plain, alone) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut words = vec![least];
            words.extend(plain.then_some("plain"));
            words.extend(alone.then_some("lan-alone"));
            all.push(words);
        }
    }
    all
}
