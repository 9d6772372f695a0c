use std::sync::Arc;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::Door;
use super::keeper::Keeper;
use super::secrets;
use super::settings::Settings;
use crate::admin::{Order, Problem, Said};
use crate::model::{Mac, Secret};
use crate::partners::desk::{self, unfit};
use crate::partners::web::Web;
use crate::store::Store;

/// The administrator's calls about the app.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    keeper: Keeper,
    door: Arc<Door>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

impl Desk {
    /// A desk for this app.
    pub fn new(store: Store, keeper: Keeper, door: Arc<Door>) -> Self {
        Self { store, keeper, door }
    }

    /// How PBX, Devices and each phone's connection are, in plain words.
    fn state(&self) -> Value {
        let settings = secrets::settings(&self.store);
        let mut says = Vec::new();
        if !settings.enabled {
            says.push("Switched off: no PBX can connect.".to_owned());
        }
        if secrets::password(&self.store).is_empty() {
            says.push("No password of the app object is set: every login is refused.".to_owned());
        }
        let connections = self.door.connections();
        for connected in &connections {
            let address = connected.address.map(|address| address.to_string()).unwrap_or_default();
            says.push(match (&connected.pbx, &connected.who, connected.devices) {
                (Some(pbx), _, Some(true)) => format!("The PBX {pbx} is connected from {address}, and told where Devices is."),
                (Some(pbx), _, _) => format!(
                    "The PBX {pbx} is connected from {address}, and has not told where Devices is: tick \"devices\" and \
                     \"devices-api\" in the Apps of the box's app object, and \"Services\"."
                ),
                (None, Some(who), _) => format!("{who} is connected from {address}."),
                (None, None, _) => format!("Somebody at {address} has not logged in yet."),
            });
        }
        if settings.enabled && !connections.iter().any(|connected| connected.pbx.is_some()) {
            says.push(format!(
                "No PBX is connected. The app object's URL is https://<this box>/innovaphone/{}, with \"Websocket\" on.",
                settings.app
            ));
        }
        if let Some(devices) = self.keeper.devices() {
            says.push(format!("Phones connect to {devices}."));
        }
        let phones: Vec<Value> = self
            .keeper
            .standings()
            .into_iter()
            .map(|(mac, standing)| {
                json!({ "mac": mac.to_string(), "says": standing.says, "well": standing.well, "left-out": standing.left_out })
            })
            .collect();
        json!({
            "title": "innovaphone", "guide": "docs/partners/innovaphone.md",
            "says": says, "phones": phones, "settings": settings,
            "password": !secrets::password(&self.store).is_empty(),
        })
    }
}

/// What a conversation with Devices was opened by: one that others opened is not theirs to go on with.
fn way(settings: &Settings) -> impl PartialEq {
    let Settings { app, plain, authorities, devices, ping, .. } = settings.clone();
    (app, plain, authorities, devices, ping)
}

impl desk::Desk for Desk {
    async fn answer(&self, order: &Order, path: &[&str]) -> Result<Said, Problem> {
        match (path, &order.method) {
            ([], &Method::GET) => Ok(Said::ok(self.state())),
            (["settings"], &Method::GET) => Ok(Said::ok(secrets::settings(&self.store))),
            (["settings"], &Method::PUT) => {
                let settings: Settings = order.read()?;
                settings.check().map_err(|what| unfit(&what))?;
                Web::new(settings.authorities.as_deref()).map_err(|failure| unfit(&failure.to_string()))?;
                let before = secrets::settings(&self.store);
                self.store.commit(vec![secrets::set(&settings)]).await?;
                self.door.end();
                if !settings.enabled || way(&settings) != way(&before) {
                    self.keeper.end();
                }
                if settings.enabled {
                    self.keeper.begin();
                }
                Ok(Said::ok(self.state()))
            }
            (["password"], &Method::PUT) => {
                let Password { password } = order.read()?;
                if password.is_empty() || password.len() > 128 || password.chars().any(char::is_control) {
                    return Err(unfit("the password has 1 to 128 characters"));
                }
                // One third-party program found that the PBX takes no longer ones; the maker's own makes 16.
                let long = password.chars().count() > 15;
                self.store.commit(vec![secrets::set_password(Secret::new(password))]).await?;
                self.door.end();
                let says = if long { "It has more than 15 characters, which a PBX may cut off." } else { "It is set." };
                Ok(Said::ok(json!({ "says": says })))
            }
            (["phones", mac], &Method::DELETE) => {
                let mac: Mac = mac.parse().map_err(|error| unfit(&format!("{error}")))?;
                self.keeper.forget(mac).await?;
                Ok(Said::ok(()))
            }
            (["settings" | "password" | "phones", ..], _) => {
                Err(Problem::wrong_method("GET, PUT or DELETE, as it fits"))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/partners/innovaphone/{}", path.join("/")))),
        }
    }
}
