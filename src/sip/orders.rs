//! The handle by which others have phones told, and see what came of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::campaign::{Campaign, Plan, State, Tally};
use crate::brands::Told;
use crate::model::{Id, Mac, Reason, Timestamp};

/// Orders that wait for the SIP part, at most.
const QUEUE: usize = 1024;
/// How long the SIP part may take to look at an order.
const PATIENCE: Duration = Duration::from_secs(5);

/// Has phones told. Clones speak to the same part.
#[derive(Debug, Clone)]
pub struct Sip {
    orders: mpsc::Sender<Order>,
    board: Board,
}

/// The other end of [`Sip`].
#[derive(Debug)]
pub struct Receiver {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) board: Board,
}

/// What is wanted.
#[derive(Debug)]
pub(super) enum Order {
    Tell { mac: Mac, told: Told, answer: oneshot::Sender<Result<(), Refusal>> },
    Begin { plan: Plan, answer: oneshot::Sender<Result<Id, Refusal>> },
    Stop { id: Id, answer: oneshot::Sender<Result<(), Refusal>> },
}

impl Order {
    /// Whether nobody waits for its answer any more: whoever gave it was told that it is not done, or has gone.
    pub(super) fn is_given_up(&self) -> bool {
        match self {
            Self::Tell { answer, .. } | Self::Stop { answer, .. } => answer.is_closed(),
            Self::Begin { answer, .. } => answer.is_closed(),
        }
    }
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No phone with this MAC is listed.
    #[error("the phone {0} is not on the list")]
    Unknown(Mac),
    /// The phone is being told something at this moment.
    #[error("the phone {0} is being told something already")]
    Busy(Mac),
    /// The plan of a campaign makes no sense.
    #[error("{0}")]
    Plan(&'static str),
    /// No campaign has this identity.
    #[error("there is no such campaign")]
    NoCampaign,
    /// The SIP part does not run, or has more to do than it can take.
    #[error("the SIP part of the box does not answer")]
    NotRunning,
}

/// How the last message to a phone fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Telling {
    /// What it was told.
    pub told: Told,
    /// When that began.
    pub began: Timestamp,
    /// Whether it is over.
    pub over: bool,
    /// The code of what came of it; none while it is not over.
    pub code: Option<String>,
    /// How it stands, as a sentence.
    pub says: String,
    /// The same for those who say it in another language, when it is over.
    #[serde(skip)]
    pub reason: Option<Reason>,
}

/// What is known of each phone's last message.
#[derive(Debug, Clone, Default)]
pub(super) struct Board(Arc<Mutex<Notices>>);

#[derive(Debug, Default)]
struct Notices {
    tellings: HashMap<Mac, Telling>,
    dropped: BTreeMap<String, u64>,
    campaigns: Vec<CampaignView>,
}

/// How a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CampaignView {
    /// Its identity.
    pub id: Id,
    /// What its phones are told.
    pub told: Told,
    /// When it began.
    pub begun: Timestamp,
    /// How it stands.
    pub state: State,
    /// How many of its phones stand how.
    pub phones: Tally,
    /// What came of those that are over, by code.
    pub outcomes: BTreeMap<String, usize>,
}

/// A handle and its other end.
pub fn channel() -> (Sip, Receiver) {
    let (sender, orders) = mpsc::channel(QUEUE);
    let board = Board::default();
    (Sip { orders: sender, board: board.clone() }, Receiver { orders, board })
}

impl Sip {
    /// Has a phone told to fetch its files again or to restart. It returns when that has begun.
    ///
    /// # Errors
    /// When the phone is not listed, is being told something, or the SIP part does not run.
    pub async fn tell(&self, mac: Mac, told: Told) -> Result<(), Refusal> {
        self.order(|answer| Order::Tell { mac, told, answer }).await
    }

    /// How the last message to a phone fares; `None` when there was none since the box started.
    pub fn telling(&self, mac: Mac) -> Option<Telling> {
        self.board.lock().tellings.get(&mac).cloned()
    }

    /// Has many phones told, by a plan.
    ///
    /// # Errors
    /// When the plan makes no sense or the SIP part does not run.
    pub async fn begin(&self, plan: Plan) -> Result<Id, Refusal> {
        self.order(|answer| Order::Begin { plan, answer }).await
    }

    /// Has a campaign begin no more phones.
    ///
    /// # Errors
    /// When there is no such campaign or the SIP part does not run.
    pub async fn stop(&self, id: Id) -> Result<(), Refusal> {
        self.order(|answer| Order::Stop { id, answer }).await
    }

    /// Gives an order and waits for its answer: not for ever, since a SIP part that finds its ports taken tries again and
    /// looks at no order before.
    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Order) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.orders.try_send(order(answer)).map_err(|_| Refusal::NotRunning)?;
        match timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Refusal::NotRunning),
        }
    }

    /// The campaigns that are remembered, the newest first.
    pub fn campaigns(&self) -> Vec<CampaignView> {
        self.board.lock().campaigns.iter().rev().cloned().collect()
    }

    /// What came in and was dropped since the box started, by why.
    pub fn dropped(&self) -> BTreeMap<String, u64> {
        self.board.lock().dropped.clone()
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Notices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, mac: Mac, telling: Telling) {
        self.lock().tellings.insert(mac, telling);
    }

    pub(super) fn change(&self, mac: Mac, change: impl FnOnce(&mut Telling)) {
        if let Some(telling) = self.lock().tellings.get_mut(&mac) {
            change(telling);
        }
    }

    pub(super) fn show<'a>(&self, campaigns: impl Iterator<Item = &'a Campaign>) {
        let views = campaigns.map(|campaign| CampaignView {
            id: campaign.id,
            told: campaign.plan.told,
            begun: campaign.begun,
            state: campaign.state,
            phones: campaign.tally(),
            outcomes: campaign.outcomes.clone(),
        });
        let views = views.collect();
        self.lock().campaigns = views;
    }

    pub(super) fn count(&self, why: String) {
        *self.lock().dropped.entry(why).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sip_part_that_does_not_run_is_not_waited_for_and_does_nothing_of_it_later() {
        let (sip, mut other) = channel();
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
        assert_eq!(sip.tell(mac, Told::Resync).await, Err(Refusal::NotRunning));
        assert!(other.orders.recv().await.unwrap().is_given_up());
        let told = sip.tell(mac, Told::Resync);
        let looked_at = async {
            let order = other.orders.recv().await.unwrap();
            assert!(!order.is_given_up());
            let Order::Tell { answer, .. } = order else { panic!("{order:?}") };
            answer.send(Err(Refusal::Busy(mac))).unwrap();
        };
        assert_eq!(tokio::join!(told, looked_at).0, Err(Refusal::Busy(mac)));
    }
}
