use hyper::StatusCode;

use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::sys::interfaces;

impl Admin {
    /// Whether store and DHCP answer. A disk that takes nothing and a cable that is pulled out are no faults of a version.
    pub(super) async fn api_health(&self) -> Result<Answer, Problem> {
        let facts = &self.0.facts;
        let faults = self.faults().await;
        let vitals = types::Vitals { name: facts.name.clone(), https: facts.ports.https, faults };
        Ok(Answer::json(StatusCode::OK, &vitals))
    }

    /// What keeps the box from serving phones, a sentence each.
    pub(in crate::admin) async fn faults(&self) -> Vec<String> {
        let facts = &self.0.facts;
        let mut faults = Vec::new();
        match self.0.store.commit(Vec::new()).await {
            Err(error) if !error.is_of_the_disk() => faults.push(format!("The store does not answer: {error}.")),
            _ => {}
        }
        for network in &facts.networks {
            let ready = interfaces::address_in(&network.interface, network.subnet).is_ok_and(|own| own.is_some());
            let runs = facts.dhcp.view(&network.name).is_some_and(|view| view.standing.is_some());
            if ready && !runs {
                faults.push(format!("DHCP does not run on the network {}.", network.name));
            }
        }
        faults
    }
}
