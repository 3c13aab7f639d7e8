//! Named limits on what one operation may carry. Every limit has a unit and a
//! reason; the fold rejects what exceeds them with `limit.*` codes.

/// Bytes of one encoded operation. Leaves room for the bundle around it.
pub const OPERATION_BYTES_MAX: usize = 60 * 1024;
/// Mutations in one operation: one user intention, not a bulk load.
pub const MUTATIONS_MAX: usize = 256;
/// Field writes in one mutation.
pub const WRITES_MAX: usize = 512;
/// UTF-8 bytes of a text value when its field names no limit of its own.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Elements one mutation may add to or remove from a set.
pub const SET_ELEMENTS_MAX: usize = 256;
/// Bytes of Automerge changes in one write.
pub const MERGE_BYTES_MAX: usize = 48 * 1024;
/// Record types of an organization, retired ones included.
pub const TYPES_MAX: usize = 1_000;
/// Fields of a record type, retired ones included.
pub const FIELDS_MAX: usize = 1_000;
/// Users of an organization.
pub const USERS_MAX: usize = 100_000;
/// Teams of an organization.
pub const TEAMS_MAX: usize = 100_000;
/// Business units of an organization, and positions.
pub const UNITS_MAX: usize = 10_000;
/// Roles of an organization, offline profiles, and parts of field security.
pub const ROLES_MAX: usize = 1_000;
/// Minutes between two updates of a type at most: one day.
pub const INTERVAL_MINUTES_MAX: u32 = 24 * 60;
/// Minutes that a record stays with whom it was created by at most: one year.
pub const GRACE_MINUTES_MAX: u32 = 366 * 24 * 60;

const _: () = assert!(TEXT_BYTES_MAX < OPERATION_BYTES_MAX);
const _: () = assert!(MERGE_BYTES_MAX < OPERATION_BYTES_MAX);
