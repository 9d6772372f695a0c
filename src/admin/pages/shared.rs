//! Pages and forms for what phones share and for what belongs to one of them: settings, keys, files, books, resources.

use std::sync::Arc;

use hyper::StatusCode;
use minijinja::context;
use serde_json::Value as Json;

use super::render::{Frame, segment, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::api::{Adoption, BookDraft, GroupDraft, Opening, mac_in, of_group, of_organisation};
use crate::admin::call::{Call, Form, Origin};
use crate::admin::editing::draft::PhoneEdit;
use crate::admin::editing::settings::{SettingsEdit, catalogue};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::reading::preview::content_in;
use crate::admin::speech::said;
use crate::admin::types;
use crate::model::settings::{Key, KeyKind};
use crate::model::{Group, Language, Organisation, Phone, Scope};

/// Whose settings a page is about.
enum Level {
    Phone(Arc<Phone>),
    Group(Group),
    Organisation(Arc<Organisation>),
}

impl Level {
    /// Where its page is.
    fn path(&self) -> String {
        match self {
            Self::Phone(phone) => format!("/phones/{}/settings", phone.mac.plain()),
            Self::Group(group) => format!("/groups/{}/settings", group.id),
            Self::Organisation(organisation) => format!("/organisations/{}/settings", organisation.id),
        }
    }

    /// The page that it belongs to, and what that is called.
    fn back(&self, language: Language) -> (String, String) {
        match self {
            Self::Phone(phone) => {
                (format!("/phones/{}", phone.mac.plain()), crate::admin::editing::settings::called(phone))
            }
            Self::Group(_) | Self::Organisation(_) => ("/shared".into(), said(language, "Shared").into()),
        }
    }

    /// The word for what is set at this level itself.
    fn own(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Group(Group { scope: Scope::Members, .. }) => "group",
            Self::Group(_) => "model",
            Self::Organisation(_) => "organisation",
        }
    }
}

impl Admin {
    /// The page at this path, if it is one of these.
    pub(in crate::admin) async fn shared_page(
        &self,
        call: &Call,
        frame: &Frame,
        path: &[&str],
    ) -> Option<Result<Answer, Problem>> {
        let html = match path {
            ["shared"] => self.shared(frame, None),
            [kind @ ("phones" | "groups" | "organisations"), name, "settings"] => {
                self.level(kind, name).and_then(|level| self.settings_page(frame, &level, None, ("", "")))
            }
            ["phones", mac, "files"] => self.files_page(frame, mac, call.query.of("file"), None).await,
            ["phones", mac, "uploads", name @ ..] => {
                return Some(match mac_in(mac) {
                    Ok(mac) => self.upload_of(mac, &name.join("/")).await,
                    Err(problem) => Err(problem),
                });
            }
            ["books", book] => self.book_page(frame, book, "", None),
            ["resources", id, "picture"] => return Some(self.picture(id).await),
            _ => return None,
        };
        Some(html.map(|html| Answer::html(StatusCode::OK, html)))
    }

    /// What a form does that was sent to this path, if it is one of these.
    pub(in crate::admin) async fn shared_form(
        &self,
        call: &Call,
        frame: &Frame,
        path: &[&str],
        form: &Form,
    ) -> Option<Result<Answer, Problem>> {
        let text = |name: &str| form.of(name).map(str::to_owned);
        Some(match path {
            ["groups"] => {
                let draft = GroupDraft {
                    name: text("name"),
                    organisation: text("organisation"),
                    brand: text("brand"),
                    model: text("model"),
                };
                let made = self.add_group(draft, call.from).await;
                self.or_shared(frame, made.map(|group| format!("/groups/{}/settings", group.id)))
            }
            ["books"] => {
                let draft = BookDraft {
                    name: text("book-name"),
                    organisation: text("book-organisation"),
                    ..BookDraft::default()
                };
                let made = self.add_book(draft, call.from).await;
                self.or_shared(frame, made.map(|book| format!("/books/{}", book.number)))
            }
            ["books", book] => self.book_form(call, frame, book, form).await,
            ["resources", id, "remove"] => {
                let removed = match self.resource_in(id) {
                    Ok(resource) => self.remove_resource(&resource, call.from).await,
                    Err(problem) => Err(problem),
                };
                self.or_shared(frame, removed.map(|()| "/shared?done=resource-removed".into()))
            }
            [kind @ ("phones" | "groups" | "organisations"), name, "settings"] => {
                self.settings_form(call, frame, (kind, name), form).await
            }
            ["phones", mac, "group"] => self.put_into(call, mac, text("group").unwrap_or_default()).await,
            ["phones", mac, "reveal"] => self.reveal_form(frame, mac, form.of("whose"), call.from).await,
            ["phones", mac, "replace"] => self.replace_form(call, frame, mac, form).await,
            ["phones", mac, "release"] => match mac_in(mac) {
                Ok(mac) => {
                    let done = self.release(mac, form.of("do") == Some("go"), None, call.from).await;
                    done.map(|_| Answer::see_other(&format!("/phones/{}", mac.plain())))
                }
                Err(problem) => Err(problem),
            },
            ["waiting", mac, "adopt"] => match mac_in(mac) {
                Ok(mac) => {
                    let adopted = self.adopt(mac, Adoption::default(), call.from).await;
                    adopted.map(|phone| Answer::see_other(&format!("/phones/{}?done=adopted", phone.mac.plain())))
                }
                Err(problem) => Err(problem),
            },
            ["pairing"] => {
                let done = match form.of("do") {
                    Some("open") => self.open_pairing(Opening::default(), call.from).await,
                    _ => self.close_pairing(call.from).await,
                };
                done.map(|()| Answer::see_other("/"))
            }
            _ => return None,
        })
    }

    fn or_shared(&self, frame: &Frame, done: Result<String, Problem>) -> Result<Answer, Problem> {
        match done {
            Ok(path) => Ok(Answer::see_other(&path)),
            Err(problem) => Ok(Answer::html(problem.status(), self.shared(frame, Some(&problem))?)),
        }
    }

    fn shared(&self, frame: &Frame, problem: Option<&Problem>) -> Result<String, Problem> {
        let content = context! {
            organisations => value(&self.organisations()),
            groups => value(&self.groups_shown(None)?.groups),
            books => value(&self.books().books),
            resources => value(&self.resources().resources),
            brands => self.brands(),
            problem => value(&problem),
        };
        self.0.pages.render("shared.html", frame, "shared", false, content)
    }

    /// Folder names of all brands.
    pub(in crate::admin) fn brands(&self) -> Vec<String> {
        let mut brands: Vec<String> = self.0.facts.registry.brands().map(|brand| brand.id.clone()).collect();
        brands.sort_unstable();
        brands
    }

    fn level(&self, kind: &str, name: &str) -> Result<Level, Problem> {
        Ok(match kind {
            "phones" => Level::Phone(self.listed(mac_in(name)?)?),
            "groups" => Level::Group(self.group_in(name)?),
            _ => Level::Organisation(self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name))?),
        })
    }

    fn settings_page(
        &self,
        frame: &Frame,
        level: &Level,
        problem: Option<&Problem>,
        (name, typed): (&str, &str),
    ) -> Result<String, Problem> {
        let settings = match level {
            Level::Phone(phone) => self.settings_of(phone),
            Level::Group(group) => of_group(group),
            Level::Organisation(organisation) => of_organisation(organisation),
        };
        let (back, back_name) = level.back(self.1);
        let kinds: Vec<&str> = KeyKind::ALL.iter().map(|kind| kind.word()).collect();
        let content = context! {
            settings => value(&settings),
            action => level.path(),
            back,
            back_name,
            own => level.own(),
            removable => matches!(level, Level::Group(_)),
            topics => value(&catalogue().topics),
            kinds,
            values => context! { name, value => typed },
            problem => value(&problem),
        };
        self.0.pages.render("settings.html", frame, "shared", false, content)
    }

    async fn settings_form(
        &self,
        call: &Call,
        frame: &Frame,
        (kind, name): (&str, &str),
        form: &Form,
    ) -> Result<Answer, Problem> {
        let level = self.level(kind, name)?;
        if let (Level::Group(group), Some("remove")) = (&level, form.of("do")) {
            let removed = self.remove_group(group, call.from).await;
            return self.or_shared(frame, removed.map(|()| "/shared?done=group-removed".into()));
        }
        let done = match edit_in(form) {
            Ok(edit) => match &level {
                Level::Phone(phone) => self.set_of_phone(phone.mac, None, &edit, call.from).await.map(drop),
                Level::Group(group) => self.set_of_group(group, None, &edit, call.from).await.map(drop),
                Level::Organisation(organisation) => {
                    self.set_of_organisation(organisation, None, &edit, call.from).await.map(drop)
                }
            },
            Err(problem) => Err(problem),
        };
        match done {
            Ok(()) => Ok(Answer::see_other(&format!("{}?done=set", level.path()))),
            Err(problem) => {
                let setting = form.of("name").unwrap_or_default();
                // What is typed for a secret is not shown again.
                let secret = crate::model::settings::definition(setting).is_none_or(|known| known.kind.is_secret());
                let typed = form.of("value").filter(|_| !secret).unwrap_or_default();
                let html = self.settings_page(frame, &level, Some(&problem), (setting, typed))?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }

    async fn files_page(
        &self,
        frame: &Frame,
        mac: &str,
        file: Option<&str>,
        revealed: Option<&types::Login>,
    ) -> Result<String, Problem> {
        let mac = mac_in(mac)?;
        let phone = self.listed(mac)?;
        let shown = self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))?;
        let (files, mut problem) = match self.files(&phone) {
            Ok(files) => (Some(types::Files { uploads: self.uploads(&phone).await?, ..files }), None),
            Err(problem) => (None, Some(problem)),
        };
        let preview = match file.map(|file| self.preview(&self.0.facts.registry, &phone, file, content_in(None)?)) {
            Some(Err(wrong)) => {
                problem = Some(wrong);
                None
            }
            other => other.and_then(Result::ok),
        };
        let content = context! {
            phone => value(&shown),
            files => value(&files),
            preview => value(&preview),
            shown => value(&revealed),
            problem => value(&problem),
        };
        self.0.pages.render("files.html", frame, "phone", false, content)
    }

    async fn reveal_form(
        &self,
        frame: &Frame,
        mac: &str,
        whose: Option<&str>,
        from: Origin,
    ) -> Result<Answer, Problem> {
        let login = self.reveal(mac_in(mac)?, whose.unwrap_or_default(), from)?;
        Ok(Answer::html(StatusCode::OK, self.files_page(frame, mac, None, Some(&login)).await?))
    }

    async fn put_into(&self, call: &Call, mac: &str, group: String) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        self.change(mac, None, &PhoneEdit { group: Some(group), ..PhoneEdit::default() }, call.from).await?;
        Ok(Answer::see_other(&format!("/phones/{}?done=set", mac.plain())))
    }

    async fn replace_form(&self, call: &Call, frame: &Frame, mac: &str, form: &Form) -> Result<Answer, Problem> {
        let phone = self.listed(mac_in(mac)?)?;
        let new = form.of("mac").unwrap_or_default().parse();
        let new = new.map_err(|error: crate::model::MacError| {
            Problem::fields(vec![FieldError::new("mac", error.to_string())])
        })?;
        let model = form.of("model").map(str::to_owned);
        let dry_run = form.of("do") != Some("replace");
        let old = self.phone(phone.mac, 0).ok_or_else(|| Problem::phone_unknown(phone.mac))?;
        let done = self.replace(phone, new, (None, model.clone()), None, dry_run, call.from).await?;
        if !dry_run {
            return Ok(Answer::see_other(&format!("/phones/{}?done=replaced", new.plain())));
        }
        let content = context! {
            phone => value(&old),
            new => value(&done.phone),
            unfit => done.unfit,
            model => model.unwrap_or_default(),
        };
        let html = self.0.pages.render("replace.html", frame, "phone", false, content)?;
        Ok(Answer::html(StatusCode::OK, html))
    }

    fn book_page(&self, frame: &Frame, book: &str, list: &str, problem: Option<&Problem>) -> Result<String, Problem> {
        let book = self.book_shown(&self.book_in(book)?, true);
        let content = context! { book => value(&book), list, problem => value(&problem) };
        self.0.pages.render("book.html", frame, "shared", false, content)
    }

    async fn book_form(&self, call: &Call, frame: &Frame, name: &str, form: &Form) -> Result<Answer, Problem> {
        let book = self.book_in(name)?;
        if form.of("do") == Some("remove") {
            let removed = self.remove_book(&book, call.from).await;
            return self.or_shared(frame, removed.map(|()| "/shared?done=book-removed".into()));
        }
        let list = form.of("list").unwrap_or_default();
        match self.fill_book(book, list.as_bytes(), None, call.from).await {
            Ok((book, _)) => Ok(Answer::see_other(&format!("/books/{}?done=set", segment(&book.number.to_string())))),
            Err(problem) => Ok(Answer::html(problem.status(), self.book_page(frame, name, list, Some(&problem))?)),
        }
    }
}

/// What a form on the page of settings asks for.
pub(in crate::admin) fn edit_in(form: &Form) -> Result<SettingsEdit, Problem> {
    let name = form.of("name").unwrap_or_default().trim().to_owned();
    let place = || -> Result<(u8, u16), Problem> {
        let number = |field: &str| {
            let wrong = || Problem::fields(vec![FieldError::new(field, "It is a number.")]);
            form.of(field).unwrap_or("0").trim().parse::<u16>().map_err(|_| wrong())
        };
        Ok((u8::try_from(number("module")?).unwrap_or(u8::MAX), number("position")?))
    };
    let text = |field: &str| -> Box<str> { form.of(field).unwrap_or_default().trim().into() };
    match form.of("do") {
        Some("unset") => Ok(SettingsEdit { set: [(name, Json::Null)].into(), ..SettingsEdit::default() }),
        Some("drop-key") => Ok(SettingsEdit { drop_keys: vec![place()?], ..SettingsEdit::default() }),
        Some("put-key") => {
            let (module, position) = place()?;
            let kind = form.of("kind").and_then(KeyKind::named);
            let kind = kind.ok_or_else(|| Problem::fields(vec![FieldError::new("kind", "There is no such task.")]))?;
            let line = form.of("line").map(|line| line.trim().parse::<u8>());
            let line = line.transpose();
            let line = line.map_err(|_| Problem::fields(vec![FieldError::new("line", "It is a number.")]))?;
            let (value, label, extension) = (text("number"), text("label"), text("extension"));
            let key = Key { module, position, kind, value, label, line, extension };
            Ok(SettingsEdit { put_keys: vec![key], ..SettingsEdit::default() })
        }
        _ => {
            let value = Json::from(form.of("value").unwrap_or_default());
            Ok(SettingsEdit { set: [(name, value)].into(), ..SettingsEdit::default() })
        }
    }
}
