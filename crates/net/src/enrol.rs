//! Enrolling a device with a ticket: one question, one answer.

use cairn_model::OrganizationId;
use cairn_oplog::SecretKey;
use cairn_proto::{ClientMessage, Refusal, ServerMessage, Ticket};
use std::sync::Arc;
use tokio::sync::mpsc;

use crate::{DialError, DialLimits, Dialer, Event, Lane, Platform, SessionEnd, SessionId, System};

/// What the relay says to a new device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The organization.
    pub organization: OrganizationId,
    /// The user it is bound to.
    pub user: String,
}

/// Why a device is not enrolled. It may try again with the same key and
/// ticket: a ticket that was used by this key is no fault.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The relay cannot be reached.
    #[error("{}", crate::end::in_words(.0))]
    Dial(#[from] DialError),
    /// The relay said no.
    #[error("{}", .0.words())]
    Refused(Refusal),
    /// The connection was lost before the answer.
    #[error("the connection ended before the relay answered ({0}); try again with the same ticket")]
    Ended(String),
    /// The relay said something else.
    #[error("the relay gave an answer this program does not expect; update it")]
    Unexpected,
}

/// Enrols the device that holds `secret`.
pub async fn enrol(
    ticket: &Ticket,
    secret: &SecretKey,
    name: &str,
) -> Result<Enrolled, EnrolError> {
    enrol_on(Arc::new(System), ticket, secret, name).await
}

/// The same on another platform.
pub async fn enrol_on(
    platform: Arc<dyn Platform>,
    ticket: &Ticket,
    secret: &SecretKey,
    name: &str,
) -> Result<Enrolled, EnrolError> {
    let (inbox, mut frames) = mpsc::channel(4);
    let limits = DialLimits::default();
    let dialer = Dialer::on(platform, &secret.seed(), ticket.relay.0, limits);
    let session = dialer.dial(&ticket.address, SessionId(0), inbox).await?;
    let message = ClientMessage::Enrol {
        secret: ticket.secret,
        name: name.to_owned(),
    };
    let ended = |end: String| EnrolError::Ended(end);
    session
        .outbox(Lane::Control)
        .send(message.encode())
        .await
        .map_err(|error| ended(error.to_string()))?;
    let answer = match frames.recv().await.map(|received| received.event) {
        Some(Event::Frame { bytes, .. }) => ServerMessage::decode(&bytes),
        Some(Event::Ended(end)) => return Err(ended(end.to_string())),
        None => return Err(ended(SessionEnd::ClosedHere.to_string())),
    };
    session.finish().await;
    match answer {
        Ok(ServerMessage::Enrolled { organization, user }) => Ok(Enrolled { organization, user }),
        Ok(ServerMessage::Refused(refusal)) => Err(EnrolError::Refused(refusal)),
        _ => Err(EnrolError::Unexpected),
    }
}
