//! The page of where news of the box go, what is logged, and what others may watch.

use std::collections::BTreeMap;

use minijinja::context;

use super::accounts::errors;
use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::{retold, said};
use crate::model::{Language, Secret};
use crate::outlets::{Collector, Hook, Mail, MailLogin, Security, Settings, Transport};
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
        let values: BTreeMap<&str, String> =
            names.into_iter().map(|name| (name, field(name).unwrap_or_default())).collect();
        let mails = typed.filter(|(form, _)| form.of("do") == Some("mail")).map(|(form, _)| form);
        let log_port = settings.phone_log_port.map(|port| port.to_string());
        let content = context! {
            outlets => value(&settings),
            counts => value(&self.outlet_counts()),
            filter => field("filter").or_else(log::filter).unwrap_or_default(),
            log_port => field("log-port").or(log_port).unwrap_or_default(),
            authorities => field("authorities").or(settings.authorities.clone()).unwrap_or_default(),
            values => value(&values),
            mail => value(&mail_fields(mails, settings.mail.as_ref())),
            mail_languages => Language::ALL.map(|language| [language.tag(), language.own_name()]).to_vec(),
            has_password => settings.mail.as_ref().is_some_and(|mail| mail.login.is_some()),
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
            _ => {
                let _one_at_a_time = self.0.setting.lock().await;
                match changed(self.0.facts.outlets.settings(), form, self.1) {
                    Ok(settings) => {
                        let to = settings.mail.as_ref().map(|mail| mail.to.clone()).unwrap_or_default();
                        self.set_outlets(settings, call.from).await.map_err(|problem| bare(problem, &to, self.1))
                    }
                    Err(problem) => Err(problem),
                }
            }
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
        Some("mail") => settings.mail = Some(mail(form, language)?),
        Some("drop-mail") => settings.mail = None,
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

/// Fields of the form of mail, without what comes before their names in it.
const MAIL_FIELDS: [&str; 7] = ["host", "port", "security", "user", "from", "to", "language"];

/// What stands in the fields of mail: what was typed and refused, else what is set. A password never does.
fn mail_fields(typed: Option<&Form>, kept: Option<&Mail>) -> BTreeMap<&'static str, String> {
    let kept_in = |mail: &Mail, field| match field {
        "host" => mail.host.clone(),
        "port" => mail.port.map(|port| port.to_string()).unwrap_or_default(),
        "security" => word(mail.security).to_owned(),
        "user" => mail.login.as_ref().map(|login| login.user.clone()).unwrap_or_default(),
        "from" => mail.from.clone(),
        "to" => mail.to.join(", "),
        _ => mail.language.clone().unwrap_or_default(),
    };
    let text = |field| match typed {
        Some(form) => form.of(&format!("mail-{field}")).unwrap_or_default().to_owned(),
        None => kept.map(|mail| kept_in(mail, field)).unwrap_or_default(),
    };
    MAIL_FIELDS.into_iter().map(|field| (field, text(field))).collect()
}

fn word(security: Security) -> &'static str {
    match security {
        Security::Starttls => "starttls",
        Security::Tls => "tls",
        Security::None => "none",
    }
}

/// What the form of mail says. The password that is kept stays where none is typed.
fn mail(form: &Form, language: Language) -> Result<Mail, Problem> {
    let text = |name| form.of(name).unwrap_or_default().trim().to_owned();
    let password = Secret::new(form.of("mail-password").unwrap_or_default());
    let user = text("mail-user");
    if user.is_empty() && !password.is_empty() {
        let what = said(language, "A password belongs to a user.");
        return Err(Problem::fields(vec![FieldError::new("mail-user", what)]));
    }
    Ok(Mail {
        host: text("mail-host"),
        port: port(form, "mail-port", language)?,
        security: match form.of("mail-security") {
            Some("tls") => Security::Tls,
            Some("none") => Security::None,
            _ => Security::Starttls,
        },
        login: (!user.is_empty()).then_some(MailLogin { user, password }),
        from: text("mail-from"),
        to: text("mail-to")
            .split([',', ';', ' ', '\n'])
            .map(str::trim)
            .filter(|to| !to.is_empty())
            .map(str::to_owned)
            .collect(),
        language: form.of("mail-language").map(str::to_owned),
    })
}

fn port(form: &Form, field: &str, language: Language) -> Result<Option<u16>, Problem> {
    let wrong = |_| Problem::fields(vec![FieldError::new(field, said(language, "A port is 1 to 65535."))]);
    form.of(field).map(|text| text.trim().parse::<u16>()).transpose().map_err(wrong)
}

/// A form has one collector, one webhook and one mail server, and their fields have no other names than theirs. `to`
/// are the addresses that mail was to go to.
fn bare(problem: Problem, to: &[String], language: Language) -> Problem {
    let errors = problem.errors.iter().map(|error| {
        let detail = retold(language, &error.detail);
        let (field, detail) = match error.field.split('.').collect::<Vec<_>>().as_slice() {
            ["mail", "to", at] => {
                let wrong = at.parse::<usize>().ok().and_then(|at| to.get(at)).map(String::as_str);
                ("mail-to".to_owned(), format!("{}: {detail}", wrong.unwrap_or_default()))
            }
            // What keeps a login from being used is how the way is protected.
            ["mail", "login"] => ("mail-security".to_owned(), detail),
            ["mail", .., last] => (format!("mail-{last}"), detail),
            ["phone_log_port"] => ("log-port".to_owned(), detail),
            ["syslog"] => ("host".to_owned(), detail),
            ["webhooks"] => ("url".to_owned(), detail),
            path => (path.last().copied().unwrap_or_default().to_owned(), detail),
        };
        FieldError { field, detail }
    });
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
        let mailed = "do=mail&mail-host=+mx.lan+&mail-port=2525&mail-security=tls&mail-user=box&mail-password=secret\
                      &mail-from=box%40a.example&mail-to=b%40a.example%2C+c%40a.example%3B&mail-language=nl";
        let mailed = change(&two, mailed).unwrap();
        let mail = mailed.mail.clone().unwrap();
        assert_eq!((mail.host.as_str(), mail.port, mail.security), ("mx.lan", Some(2525), Security::Tls));
        assert_eq!(mail.to, ["b@a.example", "c@a.example"]);
        assert_eq!(mail.login, Some(MailLogin { user: "box".into(), password: Secret::new("secret") }));
        assert_eq!((mailed.webhooks.len(), mailed.syslog.len()), (1, 1));
        assert!(!format!("{:?}", mail_fields(None, Some(&mail))).contains("secret"), "a password is never shown");
        assert_eq!(change(&mailed, "do=drop-mail").unwrap(), two);
        for wrong in [
            "do=phone-log&log-port=x",
            "do=add-collector&host=a&port=70000",
            "do=mail&mail-port=x",
            "do=mail&mail-password=alone",
            "do=nothing",
            "",
        ] {
            assert!(change(&two, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_beside_its_field() {
        let beside = |path: &str, what: &str| {
            let to = ["b@a.example".to_owned(), "nobody".to_owned()];
            let problem = Problem::fields(vec![FieldError::new(path, what)]);
            let error = bare(problem, &to, Language::German).errors.remove(0);
            (error.field, error.detail)
        };
        let (field, detail) = beside("mail.to.1", "This is no mail address.");
        assert!(field == "mail-to" && detail.starts_with("nobody: ") && !detail.contains("This"), "{field}: {detail}");
        for (path, field) in [
            ("mail.host", "mail-host"),
            ("mail.to", "mail-to"),
            ("mail.login", "mail-security"),
            ("mail.login.password", "mail-password"),
            ("syslog.0.host", "host"),
            ("webhooks", "url"),
            ("phone_log_port", "log-port"),
            ("authorities", "authorities"),
        ] {
            assert_eq!(beside(path, "x").0, field);
        }
    }
}
