//! The journeys of a lab's phones, for people and for machines.

use std::fmt::Write;

use serde_json::{Value, json};

use super::LabPhone;
use crate::phonesim::{Outcome, Stage};

/// One row a phone: name, addresses, each stage with the second in which it was reached, and what went wrong.
pub fn text(phones: &[LabPhone]) -> String {
    let mut table = format!("{:<10} {:<24} {:<17} {:<15}", "phone", "model", "mac", "address");
    for stage in Stage::ALL {
        let _ = write!(table, " {:>10}", stage.name());
    }
    table.push('\n');
    for phone in phones {
        table.push_str(&row(phone));
        table.push('\n');
    }
    table
}

fn row(phone: &LabPhone) -> String {
    let report = phone.remote.report();
    let address = report.address.map_or_else(|| "-".into(), |address| address.to_string());
    let model = format!("{} {}", phone.identity.breed.brand, phone.identity.make.model);
    let mut row = format!("{:<10} {model:<24} {:<17} {address:<15}", phone.name, phone.mac.to_string());
    for stage in Stage::ALL {
        let cell = match report.outcome(stage) {
            Outcome::Done { at } => format!("✓ {:.1} s", at.as_secs_f64()),
            Outcome::Failed { at, .. } => format!("✗ {:.1} s", at.as_secs_f64()),
            Outcome::NotYet => "·".into(),
        };
        let _ = write!(row, " {cell:>10}");
    }
    if let Some((stage, fault)) = report.fault() {
        let _ = write!(row, "\n{:<10} {}: {fault}", "", stage.name());
    } else if !report.in_service() {
        let words = if phone.died() { "its thread died" } else { "not in service, and it does not say why" };
        let _ = write!(row, "\n{:<10} {words}", "");
    }
    row
}

/// The same as JSON: one object a phone.
pub fn json(phones: &[LabPhone]) -> Value {
    let object = |phone: &LabPhone| {
        let report = phone.remote.report();
        let stages = Stage::ALL.map(|stage| {
            let (state, at, fault) = match report.outcome(stage) {
                Outcome::NotYet => ("not-yet", None, None),
                Outcome::Done { at } => ("done", Some(at), None),
                Outcome::Failed { at, fault } => ("failed", Some(at), Some(fault.to_string())),
            };
            json!({ "stage": stage.name(), "state": state, "seconds": at.map(|at| at.as_secs_f64()), "fault": fault })
        });
        json!({
            "name": phone.name,
            "brand": phone.identity.breed.brand,
            "model": phone.identity.make.model,
            "mac": phone.mac.to_string(),
            "address": report.address.map(|address| address.to_string()),
            "in-service": report.in_service(),
            "fault": report.fault().map(|(_, fault)| fault.to_string()),
            "stages": stages,
        })
    };
    phones.iter().map(object).collect()
}
