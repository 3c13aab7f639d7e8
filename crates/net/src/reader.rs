//! The task that runs a session and the tasks that read its lanes.
//!
//! A reader takes a frame off its stream only when the inbox has taken the one
//! before, so what a slow driver leaves unread stays in QUIC's window, which
//! is bounded, and the peer stops.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use quinn::{ReadError, ReadExactError, RecvStream, ZeroRttAccepted};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::dial::Resumable;
use crate::end::{CloseCode, SessionEnd};
use crate::frame::Decoder;
use crate::lane::Lane;
use crate::limit::LINGER_TIME_MAX;
use crate::opening::Opening;
use crate::session::{Event, Link};
use crate::writer;

/// Runs a session to its end and reports that end as its last event.
pub(crate) async fn run(
    link: Arc<Link>,
    opening: Opening,
    queue: mpsc::Receiver<Bytes>,
    resumable: Option<Resumable>,
) {
    let end = match converse(&link, opening, queue, resumable).await {
        Ok(()) => SessionEnd::Finished,
        Err(end) => end,
    };
    match &end {
        SessionEnd::Finished => link.close(CloseCode::Finished, ""),
        SessionEnd::Framing { source, .. } => link.close(CloseCode::Violation, &source.to_string()),
        SessionEnd::Lanes(rule) => link.close(CloseCode::Violation, rule),
        // The connection is closed already, or the driver is gone.
        _ => link.close(CloseCode::Failed, "this side gave up"),
    }
    // Without a driver there is nobody left to tell.
    link.tell(Event::Ended(end)).await.ok();
}

async fn converse(
    link: &Arc<Link>,
    opening: Opening,
    mut queue: mpsc::Receiver<Bytes>,
    resumable: Option<Resumable>,
) -> Result<(), SessionEnd> {
    let control = opening.control(link, &mut queue).await?;
    if let Some(resumable) = resumable {
        resumable.remember(link.connection.remote_address());
    }
    tokio::spawn(writer::write_control(Arc::clone(link), control.send, queue));

    let mut lanes = JoinSet::new();
    tokio::select! {
        biased;
        read = read_lane(link, Lane::Control, control.receive) => read?,
        broken = accept_one_way(link, &mut lanes) => return Err(broken),
        () = await_proof(link, control.proof) => {}
    }
    // The control lane is at its end; let the others come to theirs.
    timeout(LINGER_TIME_MAX, finish_lanes(&mut lanes))
        .await
        .unwrap_or(Ok(()))
}

/// Notes when the handshake is complete. Never returns.
async fn await_proof(link: &Link, proof: Option<ZeroRttAccepted>) {
    if let Some(proof) = proof {
        proof.await;
        // If the handshake failed instead, nothing more is delivered.
        link.unproven.store(false, Ordering::Release);
    }
    pending().await
}

/// Reads the one-way lanes the peer opens. Returns only when it breaks a rule.
async fn accept_one_way(
    link: &Arc<Link>,
    lanes: &mut JoinSet<Result<(), SessionEnd>>,
) -> SessionEnd {
    loop {
        tokio::select! {
            biased;
            accepted = link.connection.accept_uni() => match accepted {
                Ok(stream) => {
                    lanes.spawn(read_one_way(Arc::clone(link), stream));
                }
                // The control lane sees the same loss, after the frames that
                // came before it.
                Err(_) => pending().await,
            },
            Some(done) = lanes.join_next() => {
                if let Err(end) = done.expect("reading a lane does not panic") {
                    return end;
                }
            }
        }
    }
}

async fn finish_lanes(lanes: &mut JoinSet<Result<(), SessionEnd>>) -> Result<(), SessionEnd> {
    while let Some(done) = lanes.join_next().await {
        done.expect("reading a lane does not panic")?;
    }
    Ok(())
}

async fn read_one_way(link: Arc<Link>, mut stream: RecvStream) -> Result<(), SessionEnd> {
    let mut tag = [0];
    match stream.read_exact(&mut tag).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(_)) => {
            return Err(SessionEnd::Lanes("a lane was opened without a name"));
        }
        Err(ReadExactError::ReadError(error)) => return cut_off(&link, error),
    }
    let lane = Lane::one_way(tag[0])
        .filter(|lane| link.carries(*lane, false))
        .ok_or(SessionEnd::Lanes("a lane of an unknown name was opened"))?;
    let bit = 1 << lane.tag();
    if link.lanes_opened.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
        return Err(SessionEnd::Lanes("a lane was opened twice"));
    }
    match read_lane(&link, lane, stream).await {
        // The control lane reports how the connection ended.
        Err(_) if link.connection.close_reason().is_some() => Ok(()),
        read => read,
    }
}

/// Delivers the frames of one lane up to its end.
async fn read_lane(link: &Link, lane: Lane, mut stream: RecvStream) -> Result<(), SessionEnd> {
    let framing = |source| SessionEnd::Framing { lane, source };
    let mut decoder = Decoder::new(link.frame_bytes_max);
    loop {
        while let Some(frame) = decoder.next_frame().map_err(framing)? {
            link.deliver(lane, frame).await?;
        }
        match stream.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => decoder.push(chunk.bytes),
            Ok(None) => return decoder.finish().map_err(framing),
            Err(error) => return cut_off(link, error),
        }
    }
}

fn cut_off(link: &Link, error: ReadError) -> Result<(), SessionEnd> {
    Err(match error {
        ReadError::ConnectionLost(error) => link.end(error),
        ReadError::Reset(_) => SessionEnd::Lanes("a lane was cut off"),
        ReadError::ClosedStream | ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected => {
            unreachable!(
                "streams are read in order, to their end, once the handshake allows: {error}"
            )
        }
    })
}
