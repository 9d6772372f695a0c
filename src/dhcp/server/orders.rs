use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Server;
use crate::dhcp::control::{Explained, Heard, Offered, Order, Player};
use crate::dhcp::engine::{LeaseWrite, Preview, Silence};
use crate::dhcp::options::Options;
use crate::dhcp::question::{Question, Wish};
use crate::dhcp::request::Request;
use crate::dhcp::told::Told;
use crate::model::Lease;
use crate::store::{self, Store};
use crate::sys::random;

/// How long answers of other servers are gathered.
const GATHER: Duration = Duration::from_secs(3);
/// The most questions that are open at once.
const MOST_QUESTIONS: usize = 64;
/// The most answers to one question that are kept.
const MOST_ANSWERS: usize = 8;

/// Leases of another server that are stored by one commit.
const IMPORTED_AT_ONCE: usize = 1000;

/// Questions to other servers that are open.
pub(super) struct Asking {
    pub(super) deadline: Duration,
    players: Vec<(Vec<u32>, Heard)>,
    tell: oneshot::Sender<Vec<Heard>>,
}

impl Server {
    pub(super) fn obey(&mut self, order: Order) {
        // Whoever does not wait any more does not miss the answer.
        match order {
            Order::TakeOver(tell) => drop(tell.send(self.take_over())),
            Order::Explain(player, tell) => drop(tell.send(self.explain(&player))),
            Order::Rehearse(message, over, tell) => drop(tell.send(self.rehearse(&message, &over))),
            Order::Ask(players, tell) => self.ask(players, tell),
            Order::Import(leases, tell) => drop(tell.send(self.import(leases))),
            Order::Answer(tell) => drop(tell.send(())),
        }
    }

    /// Takes over leases that another server gave. Nothing is decided between the look whether an address is free and the
    /// moment from which the engines know that it is not.
    fn import(&mut self, leases: Vec<Lease>) -> Result<usize, store::Error> {
        self.settle();
        let taken = self.segments.importable(leases, self.parts.clock.now());
        let stored = taken.chunks(IMPORTED_AT_ONCE).try_for_each(|leases| {
            let writes = leases.iter().map(|lease| self.write(LeaseWrite::Put(lease.clone())));
            self.parts.store.commit(writes.collect()).wait()
        });
        self.reload();
        stored.map(|()| taken.len())
    }

    fn question(&self, player: &Player, wish: Wish) -> Question {
        Question {
            wish,
            xid: u32::from_be_bytes(random::bytes()),
            mac: player.mac.unwrap_or_else(|| self.link.interface().mac()),
            client_id: self.own_name.clone(),
            class: player.class.clone(),
            requested: player.requested.clone(),
            marker: None,
        }
    }

    /// What a client would get, by the engine's own preview.
    fn explain(&self, player: &Player) -> Explained {
        let own = self.link.interface().address;
        let answer = |wish| -> (Result<Offered, Silence>, _) {
            let mut question = self.question(player, wish);
            // Known by its hardware address, as most phones are.
            question.client_id = [&[1][..], &question.mac.octets()].concat();
            let Ok(request) = Request::decode(&question.bytes()) else { return (Err(Silence::Unclear), None) };
            let knowledge = self.parts.provisioning.knowledge(
                &request,
                &self.parts.store,
                (&self.config.name, own),
                &self.config.dhcp,
            );
            let Preview { answer, address } = self.segments.preview(&request, &knowledge, self.parts.clock.now());
            let brand = self.parts.provisioning.brand(&request, &self.parts.store).map(|brand| {
                let left_out =
                    self.parts.provisioning.answer(brand, &request, &self.parts.store, own, &self.config.dhcp).left_out;
                let left_out = left_out.iter().map(|left| format!("Option {}: {}.", left.number, left.because));
                (brand.id.clone(), left_out.collect::<Vec<_>>())
            });
            let taken_apart = |message: &[u8]| Options::in_order(message.get(240..).unwrap_or_default());
            let offered = answer.map(|reply| Offered { address, options: taken_apart(&reply.message) });
            (offered, Some((brand, knowledge.phone, request.mac)))
        };
        let (offer, known) = answer(Wish::Discover);
        let (inform, _) = answer(Wish::Inform(own));
        let (brand, phone, mac) = known.unwrap_or((None, false, self.link.interface().mac()));
        let (brand, left_out) = brand.map_or((None, Vec::new()), |(brand, left_out)| (Some(brand), left_out));
        Explained { brand, phone, listed: self.parts.store.listed(mac).is_some(), left_out, offer, inform }
    }

    /// What a message would be answered, by the engine's own preview, with `over` for the list of phones.
    fn rehearse(&self, message: &[u8], over: &Store) -> Result<Vec<u8>, Silence> {
        let Ok(request) = Request::decode(message) else { return Err(Silence::Unclear) };
        let own = self.link.interface().address;
        let knowledge = self.parts.provisioning.knowledge(&request, over, (&self.config.name, own), &self.config.dhcp);
        let Preview { answer, .. } = self.segments.preview(&request, &knowledge, self.parts.clock.now());
        answer.map(|reply| reply.message)
    }

    /// Asks all servers on the link as each player would, by DISCOVER and by INFORM.
    fn ask(&mut self, players: Vec<Player>, tell: oneshot::Sender<Vec<Heard>>) {
        let own: Ipv4Addr = self.link.interface().address;
        let open: usize = self.asking.iter().map(|asking| asking.players.len()).sum();
        let mut asked = Vec::new();
        for player in players.into_iter().take(MOST_QUESTIONS.saturating_sub(open)) {
            let questions = [(Wish::Discover, Ipv4Addr::UNSPECIFIED), (Wish::Inform(own), own)];
            let mut xids = Vec::new();
            for (wish, from) in questions {
                let question = self.question(&player, wish);
                xids.push(question.xid);
                if let Err(error) = self.link.ask(&question.bytes(), from) {
                    tracing::warn!(network = self.config.name, %error, "asking other DHCP servers");
                }
            }
            asked.push((xids, Heard { name: player.name, answers: Vec::new() }));
        }
        let deadline = self.parts.clock.now().monotonic + GATHER;
        self.asking.push(Asking { deadline, players: asked, tell });
    }

    /// Whether a question of ours has this number.
    pub(super) fn has_asked(&self, xid: u32) -> bool {
        let players = self.asking.iter().flat_map(|asking| &asking.players);
        xid == self.own_xid || players.into_iter().any(|(xids, _)| xids.contains(&xid))
    }

    /// Keeps the answer to a question of ours.
    pub(super) fn hear_answer(&mut self, told: Told) {
        let mut players = self.asking.iter_mut().flat_map(|asking| &mut asking.players);
        if let Some((_, heard)) = players.find(|(xids, _)| xids.contains(&told.xid))
            && heard.answers.len() < MOST_ANSWERS
        {
            heard.answers.push(told);
        }
    }

    /// Tells what was answered to questions whose time is over.
    pub(super) fn end_asking(&mut self) {
        let now = self.parts.clock.now().monotonic;
        for asking in self.asking.extract_if(.., |asking| asking.deadline <= now) {
            let heard = asking.players.into_iter().map(|(_, heard)| heard).collect();
            drop(asking.tell.send(heard));
        }
    }
}
