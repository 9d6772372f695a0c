//! What the doors and the page share.

use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinSet;

use super::doors::Doors;
use super::overlays;
use super::supervision::Supervisor;
use crate::admin::{self, Admin};
use crate::backup;
use crate::brands::Registry;
use crate::config::Network;
use crate::firmware::Library;
use crate::http::provision::Provision;
use crate::outlets::{self, Outlets};
use crate::pairing::Pairing;
use crate::partners::Partners;
use crate::rehearsal::{self, Rehearsals};
use crate::sip::Sip;
use crate::sys::interfaces;

impl Doors {
    pub(super) fn library(&self, registry: &Arc<Registry>) -> std::io::Result<Library> {
        let directory = self.config.data_directory.join("firmware");
        let parts = (self.store.clone(), self.journal.clone(), self.clock.clone());
        Library::open(&directory, parts, registry.clone())
    }

    pub(super) fn outlets(&self, provision: &Arc<Provision>) -> Outlets {
        let (store, control, provision) = (self.store.clone(), self.control.clone(), provision.clone());
        Outlets::new(outlets::Foundations {
            store: self.store.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            name: self.config.name.clone(),
            alarms: Arc::new(move || store.alarms().into_iter().chain(control.alarms()).collect()),
            phone_at: Arc::new(move |address| {
                provision.serves(address).then(|| provision.phone_at(address)).flatten().map(|phone| phone.mac)
            }),
        })
    }

    pub(super) fn let_out(&self, parts: &mut JoinSet<()>, supervisor: &Supervisor, outlets: Outlets) {
        let stop = supervisor.stop.clone();
        parts.spawn(supervisor.clone().keep("outlets".to_owned(), move || {
            let (outlets, stop) = (outlets.clone(), stop.clone());
            async move {
                outlets.run(stop).await;
                Ok(())
            }
        }));
    }

    pub(super) fn backups(&self) -> admin::Backups {
        let (directory, credential) = (self.config.data_directory.clone(), self.credential.clone());
        let (store, name, networks) = (self.store.clone(), self.config.name.clone(), self.config.networks.clone());
        let ground = move || {
            let own = |network: &Network| {
                let address = interfaces::address_in(&network.interface, network.subnet).ok().flatten()?;
                Some(format!("{}: {address}/{}", network.name, network.subnet.prefix_len()))
            };
            backup::Ground {
                directory: directory.clone(),
                credential: credential.clone(),
                store: store.clone(),
                name: name.clone(),
                addresses: networks.iter().filter_map(own).collect(),
            }
        };
        admin::Backups { ground: Arc::new(ground), restart: self.restart.clone() }
    }

    pub(super) fn rehearsals(&self, registry: &Arc<Registry>, ports: admin::Ports, library: &Library) -> Rehearsals {
        Rehearsals::new(rehearsal::Foundations {
            directory: self.config.data_directory.clone(),
            store: self.store.clone(),
            key: self.key.clone(),
            depot: self.depot.clone(),
            registry: registry.clone(),
            authority: self.authority.clone(),
            clock: self.clock.clone(),
            networks: self.config.networks.clone(),
            policy: self.config.policy,
            ports: (ports.http, ports.https),
            library: library.clone(),
            control: self.control.clone(),
            origin: self.origin,
        })
    }

    pub(super) fn admin(
        &self,
        registry: &Arc<Registry>,
        ports: admin::Ports,
        (firmware, sip, pairing, partners): (Library, Sip, Pairing, &Partners),
        (rehearsals, outlets): (Rehearsals, Outlets),
    ) -> anyhow::Result<Admin> {
        let fingerprint = self.authority.fingerprint();
        let facts = admin::Facts {
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            box_id: self.origin,
            brands: registry.brands().map(|brand| (brand.id.clone(), brand.name.clone())).collect(),
            networks: self.config.networks.clone(),
            ports,
            authority: admin::Authority {
                pem: self.authority.root_pem().to_owned(),
                fingerprint: fingerprint.to_string(),
                words: fingerprint.words(),
                not_before: self.authority.not_before(),
                not_after: self.authority.not_after(),
            },
            sip,
            firmware,
            depot: self.depot.clone(),
            pairing,
            outlets,
            backups: self.backups(),
            rehearse: rehearsals.player(),
            addresses: Arc::new(|| interfaces::reachable().unwrap_or_default()),
            overlays: {
                let data = self.config.data_directory.clone();
                Arc::new(move || {
                    let (folders, unreadable) = overlays::read(&data);
                    (folders, unreadable.into_iter().map(|folder| (folder.brand, folder.what)).collect())
                })
            },
            registry: registry.clone(),
            dhcp: self.control.clone(),
            partners: partners.desks(),
        };
        Admin::new(self.store.clone(), self.journal.clone(), self.clock.clone(), facts)
            .context("the page's templates are damaged")
    }
}
