//! The page of the appliance itself: version, address, restart, reset.

use hyper::StatusCode;

use super::notices::notice;
use super::render::Frame;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::appliance::refused;
use crate::admin::call::Form;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::steward::{AddressSetting, Error, Refusal, Request as Wish};

impl Admin {
    pub(in crate::admin) async fn box_page(&self, frame: &Frame, problem: Option<&Problem>) -> Result<String, Problem> {
        let appliance = self.appliance().await?;
        let interface = self.0.facts.networks.first().map_or("eth0", |network| &network.interface);
        self.0.pages.appliance(frame, &appliance, interface, problem)
    }

    /// What a form of that page asks for; whatever is wrong with it stands on the page again.
    pub(in crate::admin) async fn box_form(&self, who: &Who, what: &str, form: &Form) -> Result<Answer, Problem> {
        match self.box_wish(what, form).await {
            Ok(done) => Ok(Answer::see_other(&format!("/box?done={done}"))),
            Err(problem) => {
                let html = self.box_page(&self.frame(who), Some(&problem)).await?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }

    async fn box_wish(&self, what: &str, form: &Form) -> Result<&'static str, Problem> {
        let text = |name: &str| form.of(name).map(str::trim).unwrap_or_default();
        match what {
            "update" => {
                self.begin_update(text("from").to_owned(), form.says_yes("older"))?;
                Ok("update")
            }
            "address" => {
                let setting = address(text("address"), text("gateway"), text("dns"))?;
                self.wish(&Wish::Address { interface: text("interface").to_owned(), setting }).await?;
                Ok("address")
            }
            "confirm-address" => self.wish(&Wish::ConfirmAddress {}).await.map(|_| "confirmed"),
            "reboot" => self.wish(&Wish::Reboot {}).await.map(|_| "reboot"),
            "factory-reset" => {
                let sure = text("sure");
                let wipe_all = (!sure.eq_ignore_ascii_case("reset")).then(|| sure.to_owned());
                self.wish(&Wish::FactoryReset { wipe_all }).await.map(|_| "reboot")
            }
            _ => Err(Problem::nothing_here(&format!("/box/{what}"))),
        }
    }
}

fn address(address: &str, gateway: &str, dns: &str) -> Result<AddressSetting, Problem> {
    if address.is_empty() {
        return Ok(AddressSetting::Dhcp);
    }
    let wrong =
        |what: &str, text: &str| refused(Error::Refused(Refusal::new("address", format!("\"{text}\" is no {what}."))));
    let gateway = (!gateway.is_empty())
        .then(|| gateway.parse().map_err(|_| wrong("address of a router", gateway)))
        .transpose()?;
    let servers = dns.split([' ', ',']).filter(|text| !text.is_empty());
    let dns =
        servers.map(|text| text.parse().map_err(|_| wrong("address of a resolver", text))).collect::<Result<_, _>>()?;
    let address =
        address.parse().map_err(|_| wrong("address with the length of its subnet, as 10.66.0.2/24", address))?;
    Ok(AddressSetting::Static { address, gateway, dns })
}

impl Admin {
    /// A frame with what was just done.
    pub(in crate::admin) async fn box_answer(&self, who: &Who, done: Option<&str>) -> Result<Answer, Problem> {
        let mut frame = self.frame(who);
        frame.notice = notice(done);
        Ok(Answer::html(StatusCode::OK, self.box_page(&frame, None).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_type_it() {
        assert_eq!(address("", "", "").unwrap(), AddressSetting::Dhcp);
        let typed = address("10.66.0.2/24", "10.66.0.1", "10.66.0.1, 9.9.9.9").unwrap();
        let AddressSetting::Static { address: own, gateway, dns } = typed else { panic!("{typed:?}") };
        assert_eq!(
            (own.to_string(), gateway.unwrap().to_string(), dns.len()),
            ("10.66.0.2/24".into(), "10.66.0.1".into(), 2)
        );
        for (own, gateway, dns) in
            [("10.66.0.2", "", ""), ("10.66.0.2/24", "router", ""), ("10.66.0.2/24", "", "dns.example")]
        {
            assert!(address(own, gateway, dns).is_err(), "{own} {gateway} {dns}");
        }
    }
}
