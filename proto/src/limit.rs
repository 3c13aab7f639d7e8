//! Every bound of the protocol, with its unit and its reason.

/// Bytes of one frame. The largest message is one answer about a record's
/// history; everything else is a small part of this.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bundles a device may have sent without an acknowledgement. Bounds what a
/// relay holds for one device before it is durable: 64 bundles of 64 KiB.
pub const BUNDLES_IN_FLIGHT_MAX: usize = 64;
/// Frames waiting in a session towards a device before the relay stops making
/// more for it.
pub const FRAMES_QUEUED_MAX: usize = 8;
/// Frames waiting in a session towards a device from which its next question
/// or upload ends the session: it asks and does not read. Above what an honest
/// device can have coming, which is [`BUNDLES_IN_FLIGHT_MAX`]
/// acknowledgements and [`FRAMES_QUEUED_MAX`] pages.
pub const ANSWERS_QUEUED_MAX: usize = 128;
/// Bytes of images in one message of changes, unless a single image is larger.
pub const CHANGES_BYTES_MAX: usize = 128 * 1024;
/// Issues in one message of changes.
pub const ISSUES_MAX: usize = 64;
/// Bytes of issues in one message of changes, unless the last one is larger:
/// an issue holds the operation it is about, and those that depend on it.
pub const ISSUES_BYTES_MAX: usize = 256 * 1024;
/// Bytes of changes and devices in one part of a directory, but for the last
/// of them, which is at most one operation's.
pub const DIRECTORY_BYTES_MAX: usize = 128 * 1024;
/// Records named in one message about what a device holds.
pub const HELD_RECORDS_MAX: usize = 16_384;
/// Records that leave in one message of changes.
pub const LEAVES_MAX: usize = 1_024;
/// Records that enter in one message of changes; more of them travel as pages.
pub const ENTERS_MAX: usize = 64;
/// Operation hashes in one answer about a log.
pub const HASHES_MAX: usize = 4096;
/// Bundles in one answer about a record's history.
pub const HISTORY_ENTRIES_MAX: usize = 64;
/// Bytes of history in one answer.
pub const HISTORY_BYTES_MAX: usize = 512 * 1024;
/// Bundles a revoked device may still hand in, so that its unsent work is not
/// lost and the ledger cannot be filled by a stolen device.
pub const REVOKED_BUNDLES_MAX: u64 = 64;
/// Bytes of a device's name.
pub const NAME_BYTES_MAX: usize = 100;

const _: () = assert!(CHANGES_BYTES_MAX + ISSUES_BYTES_MAX < FRAME_BYTES_MAX / 2);
const _: () = assert!(BUNDLES_IN_FLIGHT_MAX + FRAMES_QUEUED_MAX < ANSWERS_QUEUED_MAX);
const _: () = assert!(DIRECTORY_BYTES_MAX < FRAME_BYTES_MAX / 2);
const _: () = assert!(HISTORY_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(HASHES_MAX * 32 < FRAME_BYTES_MAX);
const _: () = assert!(HELD_RECORDS_MAX * 16 < FRAME_BYTES_MAX / 2);
const _: () = assert!(cairn_oplog::bundle::BUNDLE_BYTES_MAX < FRAME_BYTES_MAX);
