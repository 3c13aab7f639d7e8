//! When the device talks with the relay: as its person set it, and as things
//! are around it. The machine has no clock and no radio: the shell says what
//! it sees, and everything here follows from that.

use crate::edit::EditError;
use crate::link::Phase;
use crate::machine::{Agent, Output, Reply};
use cairn_model::{Timestamp, Version, codec};
use cairn_oplog::Table;
use cairn_oplog::storage::Durability;
use cairn_proto::Wish;
use serde::{Deserialize, Serialize};

pub(crate) const MODE: &str = "mode";

/// When a device syncs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// Whenever it can.
    #[default]
    Live,
    /// Only when its person asks.
    Manual,
}

/// What stays set until it is set otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mode {
    /// When it syncs by itself.
    pub sync: SyncMode,
    /// Whether it syncs by itself over unmetered networks only.
    pub unmetered_only: bool,
    /// The version of a directory whose definition came in the background, and
    /// waits until it is accepted.
    pub(crate) definition_waits: Option<Version>,
}

/// How a mode shall be; what is not said stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModeChange {
    /// When the device shall sync by itself.
    pub sync: Option<SyncMode>,
    /// Whether over unmetered networks only.
    pub unmetered_only: Option<bool>,
}

/// How things are around the device, as its shell sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Nobody looks at it (or somebody does again).
    Background(bool),
    /// The network costs by volume.
    Metered(bool),
    /// It is locked.
    Locked(bool),
    /// The sign-in of its person has expired.
    SignInExpired(bool),
}

/// Those conditions, as they are. Before the shell says anything, nothing
/// stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conditions {
    /// Nobody looks at it.
    pub background: bool,
    /// The network costs by volume.
    pub metered: bool,
    /// It is locked.
    pub locked: bool,
    /// The sign-in of its person has expired.
    pub sign_in_expired: bool,
}

/// Why a device does not sync by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiting {
    /// It is locked.
    Locked,
    /// The sign-in of its person has expired.
    SignInExpired,
    /// A definition that came in the background was not accepted yet.
    Definition,
    /// Its person wants to be asked.
    Manual,
    /// The network is metered.
    Metered,
}

impl Waiting {
    /// The reason, what waits, and what to do, for the person at the device.
    pub fn words(self, unsent: usize) -> String {
        let safe = match unsent {
            0 => "Nothing of yours waits to be sent.".to_owned(),
            1 => "1 change of yours is safe here and not sent yet.".to_owned(),
            more => format!("{more} changes of yours are safe here and not sent yet."),
        };
        match self {
            Waiting::Locked => format!(
                "Not syncing: this device is locked. {safe} It goes on by itself when you unlock it."
            ),
            Waiting::SignInExpired => format!(
                "Not syncing: your sign-in has expired. {safe} It goes on by itself when you have signed in again."
            ),
            Waiting::Definition if unsent == 0 => "Nothing new is received: the organization was changed while the app was in the background. Open the app and accept the change (`cairn device mode --accept-definition`); everything comes then.".to_owned(),
            Waiting::Definition => format!(
                "Nothing new is received: the organization was changed while the app was in the background. {safe} It is handed in meanwhile. Open the app and accept the change (`cairn device mode --accept-definition`); everything comes then."
            ),
            Waiting::Manual => format!(
                "Not syncing: this device syncs only when you ask. {safe} `cairn device sync` sends and receives everything now."
            ),
            Waiting::Metered => format!(
                "Not syncing: the network is metered, and this device waits for one that is not. {safe} `cairn device sync` sends and receives everything now."
            ),
        }
    }
}

impl Agent {
    /// How the device is set.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How things are around it.
    pub fn conditions(&self) -> Conditions {
        self.conditions
    }

    /// Why the device does not sync by itself, if there is a reason.
    pub fn waiting(&self) -> Option<Waiting> {
        let Conditions {
            locked,
            sign_in_expired,
            metered,
            ..
        } = self.conditions;
        if locked {
            Some(Waiting::Locked)
        } else if sign_in_expired {
            Some(Waiting::SignInExpired)
        } else if self.mode.definition_waits.is_some() {
            Some(Waiting::Definition)
        } else if self.asked {
            None
        } else if self.mode.sync == SyncMode::Manual {
            Some(Waiting::Manual)
        } else if self.mode.unmetered_only && metered {
            Some(Waiting::Metered)
        } else {
            None
        }
    }

    /// Why the device makes no connection now, though it shall be connected.
    pub fn held_back(&self) -> Option<Waiting> {
        let wanted = self.online || self.asked;
        self.waiting()
            .filter(|_| wanted && self.failed.is_none() && self.wish().is_none())
    }

    /// What the device wants of a session begun now; `None` when it wants none.
    pub(crate) fn wish(&self) -> Option<Wish> {
        if self.failed.is_some() || !(self.online || self.asked) {
            return None;
        }
        match self.waiting() {
            Some(Waiting::Definition) if self.may_hand_in() => Some(Wish::HandIn),
            Some(_) => None,
            None if self.asked => Some(Wish::Everything),
            None => Some(Wish::Due),
        }
    }

    /// While a definition waits, own work goes out as it would otherwise.
    fn may_hand_in(&self) -> bool {
        let by_itself = self.mode.sync == SyncMode::Live
            && !(self.mode.unmetered_only && self.conditions.metered);
        (by_itself || self.asked) && self.pending.unacknowledged().next().is_some()
    }

    /// The person asks to sync now, whatever the mode and the intervals.
    pub(crate) fn sync_now(&mut self, now: Timestamp) {
        if self.failed.is_none() {
            self.asked = true;
            self.has_synced = false;
            self.dial_at_once(now);
        }
    }

    pub(crate) fn take_condition(&mut self, condition: Condition) {
        let conditions = &mut self.conditions;
        match condition {
            Condition::Background(is_so) => conditions.background = is_so,
            Condition::Metered(is_so) => conditions.metered = is_so,
            Condition::Locked(is_so) => conditions.locked = is_so,
            Condition::SignInExpired(is_so) => conditions.sign_in_expired = is_so,
        }
        self.outputs.push_back(Output::Changed);
    }

    pub(crate) fn set_mode(&mut self, change: ModeChange) -> Reply {
        self.mode.sync = change.sync.unwrap_or(self.mode.sync);
        self.mode.unmetered_only = change.unmetered_only.unwrap_or(self.mode.unmetered_only);
        self.put_mode();
        Reply::ModeSet
    }

    /// The definition that came in the background may be applied.
    pub(crate) fn accept_definition(&mut self) -> Result<Reply, EditError> {
        if self.conditions.background {
            return Err(EditError::InBackground);
        }
        if self.mode.definition_waits.take().is_some() {
            self.put_mode();
        }
        Ok(Reply::ModeSet)
    }

    /// Whether a definition that comes now has to wait.
    pub(crate) fn holds_back(&self, definition: Option<u32>) -> bool {
        let known = self.directory.definition.number;
        let is_new = definition.is_some_and(|number| number != known);
        self.conditions.background && known != 0 && is_new
    }

    /// A definition waits from now on: nothing is received until it is
    /// accepted.
    pub(crate) fn let_definition_wait(&mut self, version: Version) {
        self.mode.definition_waits = Some(version);
        self.put_mode();
        self.hang_up();
    }

    fn put_mode(&mut self) {
        let bytes = codec::encode(&self.mode);
        self.waiting_batch(Durability::Synced)
            .put(Table::Meta, MODE, bytes);
        self.outputs.push_back(Output::Changed);
    }

    /// Ends what was asked for when it is done, and makes or ends the
    /// connection as the device now wants.
    pub(crate) fn follow_wish(&mut self, now: Timestamp) {
        if self.asked && self.is_exchanged() {
            self.asked = false;
            self.has_synced = self.mode.definition_waits.is_none();
        }
        let wish = self.wish();
        self.link.wanted = wish.is_some();
        self.has_synced &= wish.is_none();
        let fits = match (self.link.wish, wish) {
            (_, None) => false,
            (Wish::HandIn, Some(wish)) => wish == Wish::HandIn,
            (_, Some(Wish::HandIn)) => false,
            (Wish::Due, Some(Wish::Everything)) => self.lags.is_empty(),
            (Wish::Due | Wish::Everything, Some(_)) => true,
        };
        match self.link.phase {
            Phase::Down if wish.is_none() => self.link.wait_no_longer(),
            Phase::Down if !self.link.waits_to_dial() => self.dial_at_once(now),
            // What is wanted is said with the hello.
            Phase::Dialling if wish.is_some() => {}
            Phase::Down => {}
            _ if fits => {}
            _ => {
                self.hang_up();
                if wish.is_some() {
                    self.dial_at_once(now);
                }
            }
        }
    }

    /// Whether what was asked for is done, as far as it can be.
    fn is_exchanged(&self) -> bool {
        if self.mode.definition_waits.is_some() {
            return self.pending.unacknowledged().next().is_none();
        }
        let everything = self.link.wish == Wish::Everything || self.lags.is_empty();
        self.link.is_welcome() && everything && self.is_synced()
    }
}
