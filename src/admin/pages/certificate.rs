//! The page of the certificate authority.

use std::fmt::Write;

use minijinja::{Value, context};
use qrcode::{Color, EcLevel, QrCode};

use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::model::{BoxAddress, Scheme, provisioning_url};

/// White modules around a code (ISO/IEC 18004, section 9.1).
const QUIET: usize = 4;

impl Admin {
    /// What the forms of this page ask for; whatever is wrong with it stands on the page again.
    pub(in crate::admin) async fn certificate_form(
        &self,
        call: &Call,
        who: &Who,
        form: &Form,
    ) -> Result<Answer, Problem> {
        let text = form.of("text").unwrap_or_default();
        let sum = form.of("sum").unwrap_or_default();
        let done = match form.of("do") {
            Some("add-own") => self.add_certificate(text.to_owned(), call.from).await,
            Some("add-authority") => self.trust_authority(text, call.from).await,
            Some("drop-own") => self.remove_certificate(sum, call.from).await,
            Some("drop-authority") => self.distrust_authority(sum, call.from).await,
            _ => Err(Problem::malformed("The form does not say what is to be done.")),
        };
        match done {
            Ok(()) => Ok(Answer::see_other("/certificate?done=changed")),
            Err(problem) => {
                let html = self.certificate_page(&self.frame(who), Some(&problem))?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }

    pub(in crate::admin) fn certificate_page(
        &self,
        frame: &Frame,
        problem: Option<&Problem>,
    ) -> Result<String, Problem> {
        let url = self.certificate_url();
        let content = context! {
            authority => value(&self.authority(false)),
            trust => value(&self.trust()),
            problem => value(&problem),
            code => code(&url),
            url,
        };
        self.0.pages.render("certificate.html", frame, "certificate", false, content)
    }

    /// Where a device that trusts nothing yet fetches the certificate: by the first address of the box on a LAN that it
    /// serves, over plain HTTP.
    fn certificate_url(&self) -> String {
        let addresses = (self.0.facts.addresses)();
        let served = |address: &&std::net::IpAddr| match address {
            std::net::IpAddr::V4(v4) => self.0.facts.networks.iter().any(|network| network.subnet.contains(v4)),
            std::net::IpAddr::V6(_) => false,
        };
        let ports = self.0.facts.ports;
        match addresses.iter().find(served).or_else(|| addresses.first()) {
            Some(host) => {
                let at = BoxAddress { host: *host, http: ports.http, https: ports.https };
                provisioning_url(Scheme::Http, &at, "ca.der")
            }
            None => String::new(),
        }
    }
}

/// A code as a path of squares, with the size of the whole.
fn code(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing to a text cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    Some(context! { size => width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_white_edge() {
        let code = code("http://10.66.0.1/ca.der").unwrap();
        let size = usize::try_from(code.get_attr("size").unwrap()).unwrap();
        let path = code.get_attr("path").unwrap().to_string();
        let last = size - QUIET - 1;
        for (x, y) in [(QUIET, QUIET), (last, QUIET), (QUIET, last)] {
            assert!(path.contains(&format!("M{x} {y}h1v1h-1z")), "{x} {y}");
        }
        assert!(!path.contains("M0 ") && !path.contains(" 0h"), "nothing stands in the edge");
        assert!(super::code("").is_none());
    }
}
