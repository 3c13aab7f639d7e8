//! What an administrator asks of the relay: publish, tickets, revocation,
//! imports.

use crate::machine::{From, Output, Relay, ReplyId};
use cairn_model::{
    Action, Definition, DefinitionChange, DeviceId, Hash, Mutation, Timestamp, codec,
};
use cairn_oplog::Parsed;
use cairn_oplog::storage::{self, Batch, Storage, StorageError, Table};
use cairn_projection::Verdict;
use cairn_projection::state::RELAY;
use cairn_proto::{Refusal, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TICKETS: &str = "tickets";
/// Bytes of definition changes in one operation; more go on in the next.
const PUBLISH_BYTES: usize = 32 * 1024;

/// What an administrator asks.
#[derive(Debug)]
pub enum AdminRequest {
    /// Publish what turns the definition in force into this one.
    Publish(Box<Definition>),
    /// Issue a ticket for a device of this user.
    Ticket {
        /// Whose device it will be.
        user: String,
        /// 16 random bytes.
        secret: [u8; 16],
        /// Until when it can be used.
        expires: Timestamp,
    },
    /// Revoke a device.
    Revoke(DeviceId),
    /// Edit records in the relay's own name: one operation for each list.
    Edit(Vec<Vec<Mutation>>),
    /// Take in bundles that travelled by hand.
    TakeIn(Vec<Vec<u8>>),
    /// Write a checkpoint now, for a quick next start.
    Checkpoint,
}

/// The answer: verdicts of the operations it took, if any.
pub type AdminReply = Result<Vec<Verdict>, AdminError>;

/// What the relay keeps of a ticket it issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedTicket {
    /// Whose device it is for.
    pub user: String,
    /// Until when it can be used.
    pub expires: Timestamp,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is no such user.
    #[error(
        "there is no user `{0}`; users are in the organization definition (`cairn org export` shows it)"
    )]
    UnknownUser(String),
    /// There is no such device.
    #[error("there is no device {0}; `cairn relay device list` shows them")]
    UnknownDevice(DeviceId),
    /// The definition would not be right, or somebody published meanwhile.
    #[error("{0}")]
    Publish(String),
    /// A bundle that travelled by hand was refused.
    #[error("bundle {number} of the file was refused: {}", refusal.words())]
    Refused {
        /// Which, from 1.
        number: usize,
        /// Why.
        refusal: Refusal,
    },
    /// The relay cannot write.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Tickets that can still be used, by the hash of their secret.
#[derive(Debug, Default)]
pub(crate) struct TicketBook(BTreeMap<Hash, IssuedTicket>);

impl TicketBook {
    pub(crate) fn load(storage: &dyn Storage) -> Result<TicketBook, StorageError> {
        let issued = storage::meta::<Vec<(Hash, IssuedTicket)>>(storage, TICKETS)?;
        Ok(TicketBook(issued.unwrap_or_default().into_iter().collect()))
    }

    fn save(&self, batch: &mut Batch) {
        let issued: Vec<(&Hash, &IssuedTicket)> = self.0.iter().collect();
        batch.put(Table::Meta, TICKETS, codec::encode(&issued));
    }
}

impl Relay {
    /// Redeems a ticket: it is gone with the batch that enrols the device.
    pub(crate) fn redeem(&mut self, now: Timestamp, secret: &[u8; 16]) -> Result<String, Refusal> {
        let hash = Ticket::secret_hash(secret);
        let ticket = self.tickets.0.get(&hash).ok_or(Refusal::TicketInvalid)?;
        if ticket.expires < now {
            return Err(Refusal::TicketExpired);
        }
        let user = ticket.user.clone();
        self.tickets.0.remove(&hash);
        let mut batch = Batch::default();
        self.tickets.save(&mut batch);
        self.with_next_batch(batch);
        Ok(user)
    }

    pub(crate) fn admin(&mut self, now: Timestamp, reply: ReplyId, request: AdminRequest) {
        if let Some(error) = self.failure().cloned() {
            return self.reply(reply, Err(error.into()));
        }
        let outcome = match request {
            AdminRequest::Publish(definition) => self.admin_publish(now, reply, &definition),
            AdminRequest::Ticket {
                user,
                secret,
                expires,
            } => self.admin_ticket(now, reply, user, &secret, expires),
            AdminRequest::Revoke(device) => self.admin_revoke(now, reply, device),
            AdminRequest::Edit(operations) => {
                let actions: Vec<Action> = operations.into_iter().map(Action::Edit).collect();
                self.admin_append(now, reply, actions)
            }
            AdminRequest::TakeIn(bundles) => self.admin_take_in(now, reply, bundles),
            AdminRequest::Checkpoint => {
                self.handle(now, crate::Input::Tick);
                Some(Ok(Vec::new()))
            }
        };
        if let Some(answer) = outcome {
            self.reply(reply, answer);
        }
    }

    fn reply(&mut self, reply: ReplyId, answer: AdminReply) {
        self.outputs.push_back(Output::Reply { reply, answer });
    }

    /// Appends operations of the relay's own; answered when they are folded.
    fn admin_append(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        actions: Vec<Action>,
    ) -> Option<AdminReply> {
        if actions.is_empty() {
            return Some(Ok(Vec::new()));
        }
        let before = self.bundles_waiting();
        self.append_own(now, actions, From::Admin(reply));
        self.expect_answers(reply, self.bundles_waiting() - before);
        None
    }

    fn admin_publish(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        target: &Definition,
    ) -> Option<AdminReply> {
        let current = self.state.definition();
        let changes = current.changes_to(target);
        if let Err(error) = current.changed(&changes) {
            return Some(Err(AdminError::Publish(error.to_string())));
        }
        let actions = publish_actions(current.number, changes);
        self.admin_append(now, reply, actions)
    }

    fn admin_ticket(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        user: String,
        secret: &[u8; 16],
        expires: Timestamp,
    ) -> Option<AdminReply> {
        if !self.state.definition().users.contains_key(&user) {
            return Some(Err(AdminError::UnknownUser(user)));
        }
        self.tickets.0.retain(|_, ticket| ticket.expires >= now);
        self.tickets
            .0
            .insert(Ticket::secret_hash(secret), IssuedTicket { user, expires });
        let mut batch = Batch::default();
        self.tickets.save(&mut batch);
        self.persist_for(reply, batch);
        None
    }

    fn admin_revoke(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        device: DeviceId,
    ) -> Option<AdminReply> {
        let author = self.state.author(&device).filter(|author| *author != RELAY);
        if author.is_none() {
            return Some(Err(AdminError::UnknownDevice(device)));
        }
        self.admin_append(now, reply, vec![Action::Revoke { device }])
    }

    fn admin_take_in(
        &mut self,
        now: Timestamp,
        reply: ReplyId,
        bundles: Vec<Vec<u8>>,
    ) -> Option<AdminReply> {
        let mut taken = 0;
        for (number, bytes) in (1..).zip(bundles) {
            let parsed = Parsed::parse(bytes).map_err(|_| Refusal::BundleInvalid);
            match parsed.and_then(|parsed| self.take_in(now, parsed, From::Admin(reply))) {
                Ok(arrived) => taken += usize::from(arrived.resend.is_none()),
                Err(refusal) => {
                    self.expect_answers(reply, taken);
                    self.refuse_later(reply, AdminError::Refused { number, refusal });
                    return None;
                }
            }
        }
        if taken == 0 {
            return Some(Ok(Vec::new()));
        }
        self.expect_answers(reply, taken);
        None
    }

    /// Collects the verdicts of one request's bundles; answers with the last.
    pub(crate) fn admin_done(&mut self, reply: ReplyId, verdicts: &[Verdict]) {
        let Some(pending) = self.requests.get_mut(&reply) else {
            return;
        };
        pending.verdicts.extend_from_slice(verdicts);
        pending.bundles -= 1;
        self.answer_if_complete(reply);
    }

    fn expect_answers(&mut self, reply: ReplyId, bundles: usize) {
        let pending = Pending {
            bundles,
            verdicts: Vec::new(),
            refused: None,
        };
        self.requests.insert(reply, pending);
    }

    fn refuse_later(&mut self, reply: ReplyId, error: AdminError) {
        if let Some(pending) = self.requests.get_mut(&reply) {
            pending.refused = Some(error);
        }
        self.answer_if_complete(reply);
    }

    fn answer_if_complete(&mut self, reply: ReplyId) {
        if self
            .requests
            .get(&reply)
            .is_some_and(|pending| pending.bundles == 0)
            && let Some(pending) = self.requests.remove(&reply)
        {
            let answer = pending.refused.map_or(Ok(pending.verdicts), Err);
            self.reply(reply, answer);
        }
    }
}

/// A request whose bundles are on their way.
#[derive(Debug)]
pub(crate) struct Pending {
    bundles: usize,
    verdicts: Vec<Verdict>,
    refused: Option<AdminError>,
}

/// The operations that publish a change, each small enough for a bundle.
fn publish_actions(base: u32, changes: Vec<DefinitionChange>) -> Vec<Action> {
    let mut parts: Vec<Vec<DefinitionChange>> = Vec::new();
    let mut bytes = usize::MAX;
    for change in changes {
        let size = codec::encode(&change).len();
        if bytes.saturating_add(size) > PUBLISH_BYTES {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(part) = parts.last_mut() {
            part.push(change);
        }
    }
    let count = parts.len();
    (1..)
        .zip(parts)
        .map(|(number, changes)| Action::Publish {
            base,
            changes,
            more: number < count,
        })
        .collect()
}
