//! A device reduced to its share of the conversation: it sends bundles sealed
//! beforehand and counts acknowledgements, so that the relay is what is
//! measured.

use super::organization;
use super::site::Place;
use crate::exit::Failure;
use cairn_model::{
    Action, Definition, HybridClock, LogId, Mutation, Operation, OrganizationId, RecordId, Version,
    codec,
};
use cairn_net::clock::now;
use cairn_net::{DialLimits, Dialer, Event, Lane, Received, Session, SessionId, WireStats};
use cairn_oplog::SecretKey;
use cairn_oplog::bundle::{self, LogHead};
use cairn_proto::limit::{BUNDLES_IN_FLIGHT_MAX, HELD_RECORDS_MAX};
use cairn_proto::{Ack, ClientMessage, Hello, ServerMessage};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Frames that may wait to be looked at.
const INBOX_FRAMES_MAX: usize = 64;

/// Where a device stands that was connected before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Standing {
    /// It has every change up to here.
    pub(super) cursor: Version,
    /// The records it holds.
    pub(super) held: Vec<RecordId>,
}

/// A connected device.
pub(super) struct Light {
    session: Session,
    inbox: mpsc::Receiver<Received>,
}

impl Light {
    /// Connects an enrolled device that says where it stands, and has it
    /// receive what it lacks.
    pub(super) async fn connect(
        place: &Place,
        secret: &SecretKey,
        standing: &Standing,
    ) -> Result<Light, Failure> {
        let (sender, inbox) = mpsc::channel(INBOX_FRAMES_MAX);
        let dialer = Dialer::new(&secret.seed(), place.relay.0, DialLimits::default());
        let session = dialer
            .dial(&place.address, SessionId(0), sender)
            .await
            .map_err(Failure::relay)?;
        let hello = Hello {
            organization: place.organization,
            cursor: standing.cursor,
            held: standing.held.iter().copied().collect(),
            views: Vec::new(),
            directory: standing.cursor,
            issues: standing.cursor,
            era: None,
            told: standing.cursor,
            lags: Vec::new(),
            generation: 0,
            incorporated: 0,
            wish: cairn_proto::Wish::Due,
        };
        send(&session, &ClientMessage::Hello(hello)).await?;
        let mut light = Light { session, inbox };
        // Lanes do not wait for each other: the changes may come first.
        loop {
            match message(&mut light.inbox, |_| true).await? {
                Some(ServerMessage::TellHeld) => light.tell_held(&standing.held).await?,
                Some(ServerMessage::Changes { last: true, .. }) => break,
                _ => {}
            }
        }
        Ok(light)
    }

    async fn tell_held(&self, held: &[RecordId]) -> Result<(), Failure> {
        let chunks = held.len().div_ceil(HELD_RECORDS_MAX).max(1);
        for (number, records) in (1..).zip(held.chunks(HELD_RECORDS_MAX)) {
            let (records, last) = (records.to_vec(), number == chunks);
            send(&self.session, &ClientMessage::Held { records, last }).await?;
        }
        Ok(())
    }

    /// Uploads bundles, as many at a time as the relay allows; returns when it
    /// has acknowledged the last. Gives how many operations were rejected.
    pub(super) async fn upload(&mut self, bundles: Vec<Vec<u8>>) -> Result<usize, Failure> {
        let (mut sent, mut acknowledged, mut rejected) = (0, 0, 0);
        let mut waiting = bundles.into_iter();
        loop {
            while sent - acknowledged < BUNDLES_IN_FLIGHT_MAX
                && let Some(bundle) = waiting.next()
            {
                send(&self.session, &ClientMessage::Upload(bundle)).await?;
                sent += 1;
            }
            if acknowledged == sent {
                return Ok(rejected);
            }
            if let Some(ServerMessage::Ack(Ack {
                rejected: codes, ..
            })) = on_control(&mut self.inbox).await?
            {
                acknowledged += 1;
                rejected += codes.len();
            }
        }
    }

    /// Looks at what arrives, for ever: a device that idles.
    pub(super) async fn idle(mut self) -> Failure {
        loop {
            if let Err(end) = on_control(&mut self.inbox).await {
                return end;
            }
        }
    }

    /// What the session has cost on the wire.
    pub(super) fn wire(&self) -> WireStats {
        self.session.wire()
    }
}

async fn send(session: &Session, message: &ClientMessage) -> Result<(), Failure> {
    session
        .outbox(Lane::Control)
        .send(message.encode())
        .await
        .map_err(Failure::relay)
}

/// The next message on the control lane; others are dropped unread.
async fn on_control(
    inbox: &mut mpsc::Receiver<Received>,
) -> Result<Option<ServerMessage>, Failure> {
    message(inbox, |lane| lane == Lane::Control).await
}

/// The next message, if it is on a lane to be read.
async fn message(
    inbox: &mut mpsc::Receiver<Received>,
    read: impl Fn(Lane) -> bool,
) -> Result<Option<ServerMessage>, Failure> {
    match inbox.recv().await.map(|received| received.event) {
        Some(Event::Frame { lane, bytes, .. }) if read(lane) => match ServerMessage::decode(&bytes)
        {
            Ok(ServerMessage::Refused(refusal)) => Err(Failure::relay(refusal.words())),
            Ok(message) => Ok(Some(message)),
            Err(error) => Err(Failure::relay(error)),
        },
        Some(Event::Frame { .. }) => Ok(None),
        Some(Event::Ended(end)) => Err(Failure::relay(end)),
        None => Err(Failure::relay("the session is over")),
    }
}

/// A device's log, written ahead.
pub(super) struct Log {
    organization: OrganizationId,
    secret: SecretKey,
    clock: HybridClock,
    head: LogHead,
}

impl Log {
    /// The log of a device that has not written yet.
    pub(super) fn new(organization: OrganizationId, secret: SecretKey) -> Log {
        let log = LogId {
            device: secret.public().device(),
            generation: 0,
        };
        Log {
            organization,
            clock: HybridClock::default(),
            head: LogHead::genesis(&organization, &log),
            secret,
        }
    }

    /// Seals edits, each an operation of its own, into bundles of `together`.
    pub(super) fn seal(
        &mut self,
        definition: &Definition,
        edits: impl Iterator<Item = Mutation>,
        together: usize,
    ) -> Vec<Vec<u8>> {
        let log = LogId {
            device: self.secret.public().device(),
            generation: 0,
        };
        let mut edits = edits.peekable();
        let mut bundles = Vec::new();
        while edits.peek().is_some() {
            let operations = edits.by_ref().take(together).map(|mutation| {
                let action = Action::Edit(vec![mutation]);
                codec::encode(&Operation {
                    time: self.clock.tick(now()),
                    definition: definition.number,
                    action,
                })
            });
            let sealed = bundle::seal(
                &self.organization,
                log,
                &self.head,
                operations.collect(),
                &self.secret,
            );
            self.head = sealed.head();
            bundles.push(sealed.bytes().to_vec());
        }
        bundles
    }
}

/// `count` one-field edits, going round `records` again and again.
pub(super) fn edits(
    definition: &Definition,
    records: std::ops::Range<u32>,
    count: u32,
    base: Version,
) -> impl Iterator<Item = Mutation> {
    let number = move |edit: u32| records.start + edit % (records.end - records.start);
    (0..count).map(move |edit| organization::edit(definition, number(edit), i64::from(edit), base))
}
