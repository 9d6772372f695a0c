//! The page of where news of the box go, what is logged, and what others may watch.

use minijinja::context;

use super::accounts::errors;
use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::said;
use crate::model::Language;
use crate::outlets::{Collector, Hook, Settings, Transport};
use crate::sys::log;

impl Admin {
    /// The page; `typed` is what was asked for and refused, with the reason.
    pub(in crate::admin) fn outlets_page(
        &self,
        frame: &Frame,
        typed: Option<(&Form, &Problem)>,
    ) -> Result<String, Problem> {
        let settings = self.0.facts.outlets.settings();
        let field = |name| typed.and_then(|(form, _)| form.of(name)).map(str::to_owned);
        let problem = typed.map(|(_, problem)| problem);
        let names = ["host", "port", "transport", "url", "events"];
        let values: std::collections::BTreeMap<&str, String> =
            names.into_iter().map(|name| (name, field(name).unwrap_or_default())).collect();
        let log_port = settings.phone_log_port.map(|port| port.to_string());
        let content = context! {
            outlets => value(&settings),
            counts => value(&self.outlet_counts()),
            filter => field("filter").or_else(log::filter).unwrap_or_default(),
            log_port => field("log-port").or(log_port).unwrap_or_default(),
            authorities => field("authorities").or(settings.authorities.clone()).unwrap_or_default(),
            values => value(&values),
            organisations => value(&self.organisations()),
            errors => value(&errors(problem)),
            problem => value(&problem),
        };
        self.0.pages.render("outlets.html", frame, "settings", false, content)
    }

    /// What the forms of that page ask for; whatever is wrong with it stands on the page again.
    pub(in crate::admin) async fn outlets_form(&self, call: &Call, who: &Who, form: &Form) -> Result<Answer, Problem> {
        let done = match form.of("do") {
            Some("log") => self.set_log(form.of("filter").unwrap_or_default().trim().to_owned(), call.from),
            _ => match changed(self.0.facts.outlets.settings(), form, self.1) {
                Ok(settings) => self.set_outlets(settings, call.from).await.map_err(bare),
                Err(problem) => Err(problem),
            },
        };
        match done {
            Ok(()) => Ok(Answer::see_other("/settings?done=changed")),
            Err(problem) => {
                let html = self.outlets_page(&self.frame(who), Some((form, &problem)))?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }
}

/// The settings with what the form changes. Others stay, also those that the page has no form for.
fn changed(mut settings: Settings, form: &Form, language: Language) -> Result<Settings, Problem> {
    let text = |name| form.of(name).unwrap_or_default().trim().to_owned();
    match form.of("do") {
        Some("add-collector") => settings.syslog.push(collector(form, language)?),
        Some("drop-collector") => {
            let gone = collector(form, language)?;
            settings.syslog.retain(|one| *one != gone);
        }
        Some("add-hook") => {
            let events = text("events").split([' ', ',']).filter(|code| !code.is_empty()).map(str::to_owned).collect();
            settings.webhooks.push(Hook { url: text("url"), events, alarms: form.says_yes("alarms") });
        }
        Some("drop-hook") => settings.webhooks.retain(|hook| hook.url != text("url")),
        Some("phone-log") => settings.phone_log_port = port(form, "log-port", language)?,
        Some("authorities") => settings.authorities = form.of("authorities").map(str::to_owned),
        _ => return Err(Problem::malformed("The form does not say what is to be done.")),
    }
    Ok(settings)
}

fn collector(form: &Form, language: Language) -> Result<Collector, Problem> {
    let transport = match form.of("transport") {
        Some("tcp") => Transport::Tcp,
        Some("tls") => Transport::Tls,
        _ => Transport::Udp,
    };
    let host = form.of("host").unwrap_or_default().trim().to_owned();
    Ok(Collector { host, port: port(form, "port", language)?, transport })
}

fn port(form: &Form, field: &str, language: Language) -> Result<Option<u16>, Problem> {
    let wrong = |_| Problem::fields(vec![FieldError::new(field, said(language, "A port is 1 to 65535."))]);
    form.of(field).map(|text| text.trim().parse::<u16>()).transpose().map_err(wrong)
}

/// A form has one collector and one webhook, and their fields have no other names than theirs.
fn bare(problem: Problem) -> Problem {
    let field = |error: &FieldError| match error.field.rsplit('.').next() {
        Some("phone_log_port") => "log-port".to_owned(),
        Some("syslog") => "host".to_owned(),
        Some("webhooks") => "url".to_owned(),
        last => last.unwrap_or_default().to_owned(),
    };
    let errors = problem.errors.iter().map(|error| FieldError { field: field(error), detail: error.detail.clone() });
    let errors = errors.collect();
    problem.with_errors(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_changes_what_it_names_and_nothing_else() {
        let change = |settings: &Settings, form: &str| changed(settings.clone(), &Form::parse(form), Language::English);
        let some = Settings { phone_log_port: Some(514), ..Settings::default() };
        let one = change(&some, "do=add-collector&host=+logs.example.net+&transport=tls&port=").unwrap();
        assert_eq!((one.syslog[0].host.as_str(), one.syslog[0].port), ("logs.example.net", None));
        assert_eq!((one.syslog[0].transport, one.phone_log_port), (Transport::Tls, Some(514)));
        let two = change(&one, "do=add-hook&url=https%3A%2F%2Fx.example%2Fh&events=admin.%2C+tls.too-old&alarms=yes");
        let two = two.unwrap();
        assert_eq!((two.webhooks[0].events.len(), two.webhooks[0].alarms, two.syslog.len()), (2, true, 1));
        let gone = change(&two, "do=drop-collector&host=logs.example.net&transport=tls").unwrap();
        assert!(gone.syslog.is_empty() && gone.webhooks.len() == 1);
        assert_eq!(change(&two, "do=phone-log&log-port=").unwrap().phone_log_port, None);
        for wrong in ["do=phone-log&log-port=x", "do=add-collector&host=a&port=70000", "do=nothing", ""] {
            assert!(change(&two, wrong).is_err(), "{wrong}");
        }
    }
}
