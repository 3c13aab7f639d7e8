//! The tasks that write lanes.
//!
//! A writer takes everything its queue holds and hands it to QUIC in one call,
//! so frames that wait together share packets. It holds no buffer while idle.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{SendStream, WriteError};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::end::CloseCode;
use crate::frame;
use crate::lane::Lane;
use crate::limit::LINGER_TIME_MAX;
use crate::session::{Link, Outbox};

/// Writes the control lane. When this side has nothing more to say, the peer
/// closes after reading everything; if it does not, this side does.
pub(crate) async fn write_control(
    link: Arc<Link>,
    stream: SendStream,
    queue: mpsc::Receiver<Bytes>,
) {
    write_while_connected(&link, Lane::Control, stream, queue, Vec::new()).await;
    if timeout(LINGER_TIME_MAX, link.connection.closed())
        .await
        .is_err()
    {
        link.close(CloseCode::Finished, "");
    }
}

/// The queue of a one-way lane, opened with its first frame.
pub(crate) fn open_one_way(link: Arc<Link>, lane: Lane) -> Outbox {
    let (outbox, queue) = Outbox::new(lane);
    tokio::spawn(async move {
        // Fails only with the connection, which the reader reports.
        if let Ok(stream) = link.connection.open_uni().await {
            let name = vec![Bytes::copy_from_slice(&[lane.tag()])];
            write_while_connected(&link, lane, stream, queue, name).await;
        }
    });
    outbox
}

/// Writes a lane until it or the connection is at its end, and lets go of the
/// queue, so that whoever still sends is told.
async fn write_while_connected(
    link: &Link,
    lane: Lane,
    stream: SendStream,
    queue: mpsc::Receiver<Bytes>,
    opening: Vec<Bytes>,
) {
    tokio::select! {
        biased;
        () = write_lane(link, lane, stream, queue, opening) => {}
        _ = link.connection.closed() => {}
    }
}

/// Writes `chunks`, which open the stream, and then frames until the queue is
/// closed and empty. `chunks` leave together with the first frames.
async fn write_lane(
    link: &Link,
    lane: Lane,
    mut stream: SendStream,
    mut queue: mpsc::Receiver<Bytes>,
    mut chunks: Vec<Bytes>,
) {
    // Fails only on a stream that is closed already; the write below tells.
    stream.set_priority(lane.priority()).ok();
    loop {
        let mut frames = Vec::new();
        if queue.recv_many(&mut frames, lane.queue_frames_max()).await == 0 {
            // As above: what is closed already needs no end.
            stream.finish().ok();
            return;
        }
        frame::encode(frames, &mut chunks);
        match stream.write_all_chunks(&mut chunks).await {
            Ok(()) => chunks.clear(),
            Err(WriteError::Stopped(_)) => {
                return link.close(CloseCode::Violation, "a lane was refused");
            }
            Err(WriteError::ConnectionLost(_)) => return,
            Err(error @ (WriteError::ClosedStream | WriteError::ZeroRttRejected)) => {
                unreachable!(
                    "streams are written before their end, once the handshake allows: {error}"
                )
            }
        }
    }
}
