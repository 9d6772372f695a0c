//! Phones that came and are on no list, and the window in which they are put on it by themselves.
//!
//! ```text
//!  a door meets a MAC on no list ── note ──► waiting ── adopt, by an administrator ──┐
//!                                     │                                              ├─► a phone on the list, with its
//!                                     └── window open, and its place agrees ─────────┘   first contact still to come
//! ```
//!
//! Being adopted gives no secret: it only makes the phone one of the list, and what it is then given rests on the same
//! evidence as for any other.

#[cfg(test)]
mod tests;
mod waiting;
mod window;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::settings::Settings;
use crate::model::{Door, FirstContact, Id, Line, Mac, Phone, Timestamp};
use crate::store::{self, Store, Write};
use crate::sys::random;

pub use waiting::{Visit, Waiting};
pub use window::{FreeLine, Window};

/// Phones on no list. Clones share it.
#[derive(Debug, Clone)]
pub struct Pairing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    origin: Id,
    known: Mutex<waiting::Known>,
    /// Held while a phone is adopted, so that no line is given twice.
    adopting: tokio::sync::Mutex<()>,
}

/// A phone that was put on the list by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The phone.
    pub phone: Phone,
    /// Whether it was the last one that the window takes.
    pub closed: bool,
}

/// Where an adopted phone belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its organisation.
    pub organisation: Id,
    /// The group that it is put into.
    pub group: Option<Id>,
    /// What people are to call it; `None`: by its brand and MAC.
    pub name: Option<String>,
    /// Its lines, if it gets any.
    pub lines: Vec<Line>,
}

impl Pairing {
    /// Over this store, with `origin` as the maker of the documents.
    pub fn new(store: Store, origin: Id) -> Self {
        Self(Arc::new(Inner { store, origin, known: Mutex::default(), adopting: tokio::sync::Mutex::default() }))
    }

    /// Notes that a phone on no list was here.
    pub fn note(&self, visit: &Visit<'_>, at: Timestamp) {
        self.known().note(visit, at);
    }

    /// The phones that are waiting, the latest first. Those that were put on the list in the meantime are not.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut all = self.known().latest();
        all.retain(|waiting| self.0.store.listed(waiting.mac).is_none());
        all
    }

    /// Puts a phone on the list.
    ///
    /// # Errors
    /// Its MAC is on the list already, its organisation or group is gone, or nothing can be stored.
    pub async fn adopt(&self, mac: Mac, place: Place, now: Timestamp) -> Result<Phone, store::Error> {
        let _adopting = self.0.adopting.lock().await;
        let phone = self.phone(mac, place, now);
        self.0.store.commit(vec![Write::PutPhone { phone: phone.clone(), expect: Some(0) }]).await?;
        Ok(phone)
    }

    /// While the window is open: puts a phone on the list, with the next free line or as a guest without any. With the last
    /// guest that it takes the window closes.
    ///
    /// # Errors
    /// As [`Pairing::adopt`].
    pub async fn adopt_by_itself(&self, mac: Mac, now: Timestamp) -> Result<Option<Adopted>, store::Error> {
        let _adopting = self.0.adopting.lock().await;
        let Some(mut window) = self.window(now) else {
            self.forget_closed(now);
            return Ok(None);
        };
        let line = (!window.free_lines.is_empty()).then(|| window.free_lines.remove(0));
        if line.is_none() {
            window.guests = window.guests.saturating_sub(1);
        }
        let place = Place {
            organisation: window.organisation,
            group: window.group,
            name: line.as_ref().map(|line| line.display.clone()).filter(|name| !name.trim().is_empty()),
            lines: line.into_iter().map(Line::from).collect(),
        };
        let phone = self.phone(mac, place, now);
        let put = Write::PutPhone { phone: phone.clone(), expect: Some(0) };
        // In one commit with the window: a line that was given is free no more, whenever the power goes.
        self.0.store.commit(vec![put, window.written()?]).await?;
        Ok(Some(Adopted { phone, closed: window.is_full() }))
    }

    /// Opens a window, in place of one that may be open.
    ///
    /// # Errors
    /// When nothing can be stored.
    pub async fn open(&self, window: &Window) -> Result<(), store::Error> {
        let _adopting = self.0.adopting.lock().await;
        self.0.store.commit(vec![window.written()?]).await
    }

    /// Closes the window.
    ///
    /// # Errors
    /// When nothing can be stored.
    pub async fn close(&self) -> Result<(), store::Error> {
        let _adopting = self.0.adopting.lock().await;
        self.0.store.commit(vec![Write::DeleteSecret(Window::KEY.into())]).await
    }

    /// The window, while it is open.
    pub fn window(&self, now: Timestamp) -> Option<Window> {
        Window::read(&self.0.store.secret(Window::KEY)?).filter(|window| window.is_open(now))
    }

    /// Forgets a window that is over: a clock that is put back must not open it again. Nobody else may change it
    /// meanwhile: to be called by who adopts, or before any door is open.
    pub fn forget_closed(&self, now: Timestamp) {
        let kept = self.0.store.secret(Window::KEY);
        if kept.is_some_and(|kept| Window::read(&kept).is_none_or(|window| window.is_over(now))) {
            drop(self.0.store.commit(vec![Write::DeleteSecret(Window::KEY.into())]));
        }
    }

    fn phone(&self, mac: Mac, place: Place, now: Timestamp) -> Phone {
        let known = self.known().of(mac);
        let brand = known.as_ref().and_then(|waiting| waiting.brand.clone());
        let model = known.and_then(|waiting| waiting.model);
        let name = place.name.unwrap_or_else(|| match model.as_deref().or(brand.as_deref()) {
            Some(what) => format!("{what} {mac}"),
            None => format!("Phone {mac}"),
        });
        Phone {
            id: random::id(now),
            version: 0,
            origin: self.0.origin,
            mac,
            organisation: place.organisation,
            brand,
            model,
            name,
            lines: place.lines,
            group: place.group,
            settings: Settings::default(),
            handsets: Vec::new(),
            ports: Vec::new(),
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: now,
        }
    }

    fn known(&self) -> MutexGuard<'_, waiting::Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
