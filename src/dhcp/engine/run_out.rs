use super::super::request::Kind;
use super::Engine;
use super::ask::Ask;
use super::bindings::Tick;
use super::conduct::Conduct;
use super::decision::{Decision, Silence};

/// A lease with less than this left is let go, so that its client looks for the other server while it still has its
/// address.
const LET_GO: Tick = 60_000;

impl Engine {
    /// What a client hears that gets no new lease here: its running lease is confirmed with what it has left, and
    /// everything else is silence.
    pub(super) fn run_out(&mut self, ask: &Ask<'_>) -> Decision {
        let request = ask.request;
        let why = match self.conduct {
            Conduct::PhonesOnly => Silence::NotAPhone,
            _ => Silence::NoNewLeases,
        };
        if request.kind != Kind::Request {
            return Decision::silent(why);
        }
        if request.server_id().is_some_and(|server| server != self.network.server) {
            return Decision::silent(Silence::OtherServer);
        }
        let held = Some(request.ciaddr).filter(|address| !address.is_unspecified());
        let Some(address) = held.or(request.requested_address()) else { return Decision::silent(Silence::Unclear) };
        if !self.holds(address, &ask.client) {
            return Decision::silent(why);
        }
        let Some(binding) = self.bindings.at(address) else { return Decision::silent(why) };
        let left = binding.ends - ask.at;
        let least = LET_GO.min(Tick::from(self.network.subnet.lease_seconds()) * 500);
        if left < least {
            return Decision::silent(why);
        }
        let seconds = u32::try_from(left / 1000).unwrap_or(u32::MAX);
        Decision::reply(self.write_ack(request, ask.knowledge, address, seconds))
    }
}
