use hyper::StatusCode;

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;

impl Admin {
    pub(super) fn api_dhcp(&self) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.dhcp()))
    }

    pub(super) async fn api_take_over(&self, network: &str) -> Result<Answer, Problem> {
        self.take_over(network).await?;
        self.api_dhcp()
    }

    pub(super) async fn api_ask(&self, network: &str) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.ask(network).await?))
    }

    pub(super) async fn api_explain(&self, call: &Call, network: &str) -> Result<Answer, Problem> {
        let client = call.query.of("client").unwrap_or_default();
        Ok(Answer::json(StatusCode::OK, &self.explain(network, client).await?))
    }

    pub(super) fn api_export_dhcp(&self, call: &Call) -> Result<Answer, Problem> {
        let of = |name| call.query.of(name);
        let export = self.export_dhcp(of("for"), of("network"), of("address"), of("voice_vlan"))?;
        Ok(Answer::json(StatusCode::OK, &export))
    }

    pub(super) fn api_export(&self, call: &Call) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.export_leases(call.query.of("network"), call.query.of("form"))?))
    }

    pub(super) async fn api_import_leases(&self, call: &Call) -> Result<Answer, Problem> {
        let done = self.import_leases(call.query.of("network"), call.query.of("form"), &call.body).await?;
        Ok(Answer::json(StatusCode::OK, &done))
    }
}
