//! What the phones hold against what the box believes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::{Error, Lab};

impl Lab {
    /// Every way in which phones and box are not of one mind: addresses, first contact, lines, the CA. Empty is
    /// good.
    ///
    /// # Errors
    /// `Api` when the box cannot be asked.
    pub fn disagreements(&self) -> Result<Vec<String>, Error> {
        let api = self.api();
        let leases = leases(&api.get("leases")?);
        let mut found = Vec::new();
        let mut holders: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
        let mut authorities: Vec<Vec<u8>> = Vec::new();
        for phone in self.phones() {
            let name = &phone.name;
            let report = phone.remote.report();
            let holding = phone.remote.holding();
            if let Some(address) = report.address {
                if let Some(other) = holders.insert(address, name.clone()) {
                    found.push(format!("{name} and {other} both have {address}"));
                }
                match leases.get(&address) {
                    Some(mac) if *mac == phone.mac.to_string() => {}
                    Some(mac) => found.push(format!("{name} has {address}, which the box has leased to {mac}")),
                    None => found.push(format!("{name} has {address}, of which the box has no lease")),
                }
            }
            for authority in &holding.authorities {
                if !authorities.contains(authority) {
                    authorities.push(authority.clone());
                }
            }
            if !report.in_service() {
                continue;
            }
            let believed = api.get(&format!("phones/{}", phone.mac))?;
            let first_contact = believed.pointer("/first_contact/state").and_then(Value::as_str).unwrap_or("unknown");
            if first_contact != "closed" {
                found.push(format!("{name} is in service, and for the box its first contact is {first_contact}"));
            }
            let lines: Vec<(&str, &str)> =
                holding.accounts.iter().map(|account| (account.user.as_str(), account.password.expose())).collect();
            if lines != [(phone.user.as_str(), phone.password.expose())] {
                found.push(format!("{name} has {} lines, and not the one that it was given", lines.len()));
            }
        }
        if authorities.len() > 1 {
            found.push(format!("the phones hold {} different CAs", authorities.len()));
        }
        Ok(found)
    }
}

/// Address and MAC of every lease, wherever the list stands in the answer.
fn leases(answer: &Value) -> BTreeMap<Ipv4Addr, String> {
    let list = answer.as_array().or_else(|| answer.as_object()?.values().find_map(Value::as_array));
    let entry =
        |lease: &Value| Some((lease.get("address")?.as_str()?.parse().ok()?, lease.get("mac")?.as_str()?.to_owned()));
    list.into_iter().flatten().filter_map(entry).collect()
}
