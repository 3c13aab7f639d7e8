//! Named limits of the transport. Each has a unit and a reason; relations
//! between them are asserted at compile time.

use std::time::Duration;

/// Bytes of one frame's payload. A page of 256 images of 230 bytes is about
/// 60 KiB; 1 MiB leaves room for wide records and file chunks, and is the most
/// a peer can make the other side hold for one unfinished frame.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bytes reserved for a frame before they have arrived. A peer that announces
/// a large frame and sends nothing costs no more than this.
pub const FRAME_RESERVE_BYTES: usize = 64 * 1024;
/// Payload bytes up to which a frame is copied into a shared write, so that
/// small frames queued together leave in one packet. Larger ones are handed to
/// QUIC without a copy.
pub const FRAME_COPY_BYTES_MAX: usize = 2 * 1024;

/// Frames waiting on the control lane. Bundles and acknowledgements are small
/// and leave together, so the queue is as deep as one good write.
pub const CONTROL_QUEUE_FRAMES_MAX: usize = 32;
/// Frames waiting on the download lane. Pages are large; two waiting while one
/// is written keep the link busy.
pub const DOWNLOAD_QUEUE_FRAMES_MAX: usize = 2;
/// Frames waiting on the files lane, as large as pages and never urgent.
pub const FILES_QUEUE_FRAMES_MAX: usize = 2;

/// Bytes a device sends before the relay has answered its resumed handshake.
/// They are kept for sending again if the relay no longer knows the ticket.
pub const EARLY_BYTES_MAX: usize = 16 * 1024;

/// Sessions one relay holds at a time. At 50 KB each this is 200 MB.
pub const SESSIONS_MAX: usize = 4_096;
/// Handshakes one relay has under way at a time. Each costs about three
/// signature operations (0.2 ms) and 20 KB, so a reconnecting fleet drains at
/// some thousands a second while a flood stays at 5 MB.
pub const HANDSHAKES_MAX: usize = 256;
/// Handshakes under way from which a newcomer must first prove that its
/// address is real, at no cost to the relay.
pub const HANDSHAKES_UNPROVEN_MAX: usize = 64;
/// Resumption tickets the relay remembers; the oldest are dropped, which costs
/// their owner one round trip.
pub const TICKETS_MAX: usize = 2 * SESSIONS_MAX;

/// Time for a handshake to complete. Three lost first packets on a slow link
/// take seven seconds.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Time for a device to open its control lane once its key is known.
pub const GREETING_TIME_MAX: Duration = Duration::from_secs(10);
/// Time a finished session waits for its last frames to be read.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(10);
/// Silence after which a session is over. Tunnels and lifts end sooner; a
/// relay does not hold the memory of a phone that is gone.
pub const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// Silence after which a device sends a sign of life. Common routers forget
/// an unused UDP mapping after 30 seconds.
pub const KEEP_ALIVE_TIME: Duration = Duration::from_secs(20);

/// Addresses of one host name that are tried in turn.
pub const ADDRESSES_MAX: usize = 4;

const _: () = assert!(FRAME_COPY_BYTES_MAX < FRAME_RESERVE_BYTES);
const _: () = assert!(FRAME_RESERVE_BYTES <= FRAME_BYTES_MAX);
const _: () = assert!(HANDSHAKES_UNPROVEN_MAX < HANDSHAKES_MAX);
const _: () = assert!(HANDSHAKES_MAX <= SESSIONS_MAX);
// Two signs of life may be lost before the session is.
const _: () = assert!(SILENCE_TIME_MAX.as_secs() >= 3 * KEEP_ALIVE_TIME.as_secs());
