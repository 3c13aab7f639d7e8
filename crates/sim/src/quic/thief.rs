//! Somebody who has a device's key and a network of their own talks to the
//! relay by hand.

use super::fabric::RELAY;
use super::platform::SimPlatform;
use super::site::Shared;
use crate::schedule::HostileAct;
use crate::streams::Streams;
use crate::world::World;
use cairn_net::{DialLimits, Dialer, Event, Lane, Received, Session, SessionId};
use cairn_proto::ServerMessage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a talk lasts, as in tier `message`.
const PATIENCE: Duration = Duration::from_secs(4);
/// Frames of the relay that may wait to be read.
const INBOX_FRAMES_MAX: usize = 16;

/// A hostile talk.
pub(super) struct Talk {
    pub(super) site: Shared,
    pub(super) streams: Streams,
    pub(super) device: u32,
    pub(super) act: HostileAct,
    /// Counts talks.
    pub(super) number: u64,
}

impl Talk {
    /// Leads it to its end.
    pub(super) async fn lead(self) {
        // However it ends: who is out of patience goes.
        let _ = timeout(PATIENCE, self.talk()).await;
        self.site.world(|world| world.thief_is_gone(self.device));
        self.site.show();
    }

    async fn talk(&self) -> Option<()> {
        let (relay, (_, secret)) = self
            .site
            .world(|world| (world.relay_key(), world.owner_of(self.device)));
        let platform =
            SimPlatform::of_thief(self.site.clone(), self.streams, self.device, self.number);
        let limits = DialLimits::default();
        let dialer = Dialer::on(Arc::new(platform), &secret.seed(), relay.0, limits);
        let (inbox, mut frames) = mpsc::channel(INBOX_FRAMES_MAX);
        let address = RELAY.to_string();
        let session = dialer.dial(&address, SessionId(0), inbox).await.ok()?;
        let control = session.outbox(Lane::Control);
        control.send(World::greeting().encode()).await.ok()?;
        while let Some(Received { event, .. }) = frames.recv().await {
            let Event::Frame { bytes, .. } = event else {
                return None;
            };
            self.answer(&session, &bytes).await?;
        }
        None
    }

    /// What the relay says is answered, or noted.
    async fn answer(&self, session: &Session, frame: &[u8]) -> Option<()> {
        let (device, act) = (self.device, self.act);
        match ServerMessage::decode(frame).ok()? {
            ServerMessage::Welcome(welcome) => {
                let attack = self.site.world(|world| world.attack(device, act, &welcome));
                for message in attack {
                    let control = session.outbox(Lane::Control);
                    control.send(message.encode()).await.ok()?;
                }
            }
            message => {
                self.site
                    .world(|world| world.note_answer(device, act, &message));
                self.site.show();
            }
        }
        Some(())
    }
}
