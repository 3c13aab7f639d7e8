//! How the control lane comes to be, on either side, with or without early
//! data.
//!
//! A device that was connected before holds a ticket and may send its first
//! frames in its very first packet. If the relay no longer knows the ticket
//! (it restarted, or dropped it) it discards that data and completes a full
//! handshake, and the frames are sent again from here; the driver notices
//! nothing. Tickets are taken out of the relay's memory when used, so a
//! recorded first packet is not accepted a second time; frames delivered
//! before the handshake is complete are marked all the same.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use quinn::{RecvStream, SendStream, ZeroRttAccepted};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::end::{CloseCode, SessionEnd};
use crate::frame;
use crate::lane::Lane;
use crate::limit::{EARLY_BYTES_MAX, GREETING_TIME_MAX, HANDSHAKE_TIME_MAX};
use crate::session::Link;

/// What is known of the handshake when a session starts.
pub(crate) enum Opening {
    /// A device whose handshake is complete.
    Device,
    /// A device that resumes and may already send.
    DeviceEarly(ZeroRttAccepted),
    /// A relay whose peer's handshake is complete.
    Relay,
    /// A relay whose peer resumes and may already have sent.
    RelayEarly(ZeroRttAccepted),
}

/// The two directions of an open control lane.
pub(crate) struct Control {
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
    /// Completes with the handshake, if that is still under way.
    pub(crate) proof: Option<ZeroRttAccepted>,
}

impl Opening {
    pub(crate) fn unproven(&self) -> bool {
        match self {
            Self::Device | Self::Relay => false,
            Self::DeviceEarly(_) | Self::RelayEarly(_) => true,
        }
    }

    /// Opens the control lane, or waits for the device to open it.
    pub(crate) async fn control(
        self,
        link: &Link,
        queue: &mut mpsc::Receiver<Bytes>,
    ) -> Result<Control, SessionEnd> {
        match self {
            Self::Device => open(link).await,
            Self::DeviceEarly(accepted) => open_early(link, accepted, queue).await,
            Self::Relay => greeted(link, None).await,
            Self::RelayEarly(proof) => greeted(link, Some(proof)).await,
        }
    }
}

async fn open(link: &Link) -> Result<Control, SessionEnd> {
    let (send, receive) = link.connection.open_bi().await.map_err(|e| link.end(e))?;
    Ok(Control {
        send,
        receive,
        proof: None,
    })
}

async fn greeted(link: &Link, proof: Option<ZeroRttAccepted>) -> Result<Control, SessionEnd> {
    let (send, receive) = timeout(GREETING_TIME_MAX, link.connection.accept_bi())
        .await
        .map_err(|_| SessionEnd::Lanes("the control lane was not opened in time"))?
        .map_err(|error| link.end(error))?;
    Ok(Control {
        send,
        receive,
        proof,
    })
}

async fn open_early(
    link: &Link,
    accepted: ZeroRttAccepted,
    queue: &mut mpsc::Receiver<Bytes>,
) -> Result<Control, SessionEnd> {
    let mut control = open(link).await?;
    if !control.receive.is_0rtt() {
        // The answer was faster than this task: there is nothing early left.
        link.unproven.store(false, Ordering::Release);
        return Ok(control);
    }
    let mut sent = Vec::new();
    let sending = send_early(&mut control.send, queue, &mut sent, accepted);
    let Ok(accepted) = timeout(HANDSHAKE_TIME_MAX, sending).await else {
        link.close(CloseCode::Failed, "no answer to the handshake");
        return Err(SessionEnd::Silent);
    };
    if !accepted {
        control = open(link).await?;
        // A failure here is a lost connection, which the reader reports.
        control.send.write_all_chunks(&mut sent).await.ok();
    }
    link.unproven.store(false, Ordering::Release);
    Ok(control)
}

/// Sends queued frames until the handshake completes, keeping what was sent.
/// Tells whether the relay took them.
async fn send_early(
    stream: &mut SendStream,
    queue: &mut mpsc::Receiver<Bytes>,
    sent: &mut Vec<Bytes>,
    mut accepted: ZeroRttAccepted,
) -> bool {
    let mut sent_bytes = 0;
    loop {
        let mut frames = Vec::new();
        tokio::select! {
            biased;
            accepted = &mut accepted => return accepted,
            _ = queue.recv_many(&mut frames, Lane::Control.queue_frames_max()),
                if sent_bytes < EARLY_BYTES_MAX && !queue.is_closed() => {}
        }
        let mut chunks = Vec::new();
        frame::encode(frames, &mut chunks);
        sent_bytes += chunks.iter().map(Bytes::len).sum::<usize>();
        sent.extend(chunks.iter().cloned());
        if stream.write_all_chunks(&mut chunks).await.is_err() {
            // Refused, or the connection is lost: either way it is about to
            // be known.
            return accepted.await;
        }
    }
}
