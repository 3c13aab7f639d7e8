//! `cairn record`.

use crate::fields::Assignment;
use clap::{Args, Subcommand};

/// What `cairn record` takes.
#[derive(Debug, Args)]
#[command(after_help = NAMING)]
pub(crate) struct RecordArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: RecordVerb,
}

const NAMING: &str = "\
A record is named by its id, by 8 or more digits its id begins with, or by its
type and key: work_order:WO-5001

Example:
  cairn record get work_order:WO-5001";

const VALUES: &str = "\
Values, by the kind of the field:
  status=completed            text, numbers, dates, choices; NAME= empties a field
  account=A-1001              a lookup: id, key or exact title of the record
  service_count=+1            a counter: what is added
  tags=+urgent,-old           a set: what is added and removed; tags=a,b sets it
  instructions=@note.txt      any value from a file; @@ for a value that begins with @
  photo=@meter.jpg            a file: a reference to it, by its hash";

/// What can be done with records.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordVerb {
    /// Create a record
    #[command(after_help = format!("{VALUES}\n\nExample:\n  \
        cairn record create account number=A-2001 name=\"Elm Grove School\" relation=customer"))]
    Create(CreateArgs),
    /// Change fields of a record
    #[command(after_help = format!("{VALUES}\n\nExample:\n  \
        cairn record set work_order:WO-5001 status=completed tags=+urgent"))]
    Set(SetArgs),
    /// Show a record: its fields, what is unsent, what is in conflict
    #[command(after_help = "\
Examples:
  cairn record get work_order:WO-5001
  cairn record get work_order:WO-5001 --dir hq --as-of 5    at the relay, as of version 5
  cairn record get work_order:WO-5001 --dir hq --as-of 2026-06-01T12:00:00Z

Of a record that left this device it says why and since when; with --json:
{\"id\": …, \"type\": …, \"title\": …, \"left\": true, \"code\": \"profile.filter\",
\"words\": …, \"since\": …, \"left_at\": …, \"readable\": true, \"kept\": false}")]
    Get(GetArgs),
    /// List records of a type
    #[command(after_help = "\
Conditions: NAME=VALUE, NAME!=VALUE, NAME<VALUE, <=, >, >=, NAME~PART (contains);
NAME= means empty. Several must all hold.

Examples:
  cairn record list work_order --where status=scheduled --sort -priority
  cairn record list work_order --where 'promised_by<2026-07-01' --where owner=
  cairn record list --left                     what left this device, and why")]
    List(ListArgs),
    /// Delete a record; it can be restored
    #[command(after_help = "\
Example:
  cairn record delete work_order:WO-5001")]
    Delete(RefArgs),
    /// Bring a deleted record back as it was
    #[command(after_help = "\
Example:
  cairn record restore work_order:WO-5001")]
    Restore(RefArgs),
    /// Keep a record offline whatever the profiles say; also one that left
    #[command(after_help = "\
It is held with the next sync if you may read it. One that never was on this
device is named by its type and its whole id: work_order:019e818d-…

Example:
  cairn record follow work_order:WO-5001")]
    Follow(RefArgs),
    /// No longer keep a record offline: profiles alone decide again
    #[command(after_help = "\
Example:
  cairn record unfollow work_order:WO-5001")]
    Unfollow(RefArgs),
    /// Give a record to a user or a team
    #[command(after_help = "\
Examples:
  cairn record assign work_order:WO-5001 callum
  cairn record assign work_order:WO-5001 team:office")]
    Assign(AssignArgs),
    /// Let a user or a team read a record that is not theirs, or write it too
    #[command(after_help = "\
A record type takes this if its definition names fields for it: readers =
\"shared_with\", writers = \"shared_to_write\". Rights come from roles; sharing
reaches whom a role lets read, or write, records of the type at all.

Examples, in an organization with such a type:
  $ cairn record share work_order:WO-5001 callum
  $ cairn record share work_order:WO-5001 team:office --write")]
    Share(ShareArgs),
    /// End the sharing of a record with a user or a team
    #[command(after_help = "\
Example, of a record that was shared:
  $ cairn record unshare work_order:WO-5001 callum")]
    Unshare(AssignArgs),
    /// Show every signed operation on a record, verified here
    #[command(after_help = "\
The relay sends the signed operations; this device verifies each against its
author's key. --sync connects for that, where `cairn device run` does not run.

Example:
  cairn record history work_order:WO-5001 --sync")]
    History(HistoryArgs),
    /// Show which signed operation is behind each value
    #[command(after_help = "\
Example:
  cairn record blame work_order:WO-5001 --sync")]
    Blame(HistoryArgs),
}

/// What `cairn record create` takes.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The record type
    #[arg(value_name = "TYPE")]
    pub(crate) record_type: String,
    /// Its fields
    #[arg(value_name = "NAME=VALUE", value_parser = Assignment::read)]
    pub(crate) fields: Vec<Assignment>,
    /// The id it shall have [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// What `cairn record set` takes.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
    /// The fields to change
    #[arg(value_name = "NAME=VALUE", value_parser = Assignment::read, required = true)]
    pub(crate) fields: Vec<Assignment>,
    /// The version you looked at, if it is older than what is here now
    #[arg(long, value_name = "VERSION")]
    pub(crate) base: Option<u64>,
}

/// What `cairn record get` takes.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
    /// As it was right after a version, or at a time; only at the relay
    #[arg(long, value_name = "VERSION|TIME")]
    pub(crate) as_of: Option<String>,
}

/// What `cairn record list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The record type
    #[arg(value_name = "TYPE", required_unless_present = "left")]
    pub(crate) record_type: Option<String>,
    /// Records that left this device instead, with the reason
    #[arg(long, conflicts_with_all = ["conditions", "deleted", "sort", "columns", "as_of"])]
    pub(crate) left: bool,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// Deleted records instead
    #[arg(long)]
    pub(crate) deleted: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// By this field; -NAME for the largest first [default: oldest record first]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// The fields to show, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// As it was right after a version, or at a time; only at the relay
    #[arg(long, value_name = "VERSION|TIME")]
    pub(crate) as_of: Option<String>,
}

/// A record.
#[derive(Debug, Args)]
pub(crate) struct RefArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
}

/// A record, and a user or a team.
#[derive(Debug, Args)]
pub(crate) struct AssignArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
    /// A user's login, or team:NAME
    #[arg(value_name = "USER|team:NAME")]
    pub(crate) whom: String,
}

/// What `cairn record share` takes.
#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
    /// A user's login, or team:NAME
    #[arg(value_name = "USER|team:NAME")]
    pub(crate) whom: String,
    /// To write, not only to read
    #[arg(long)]
    pub(crate) write: bool,
}

/// What `cairn record history` and `blame` take.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The record
    #[arg(value_name = "RECORD")]
    pub(crate) reference: String,
    /// Sync this device first, to ask the relay
    #[arg(long)]
    pub(crate) sync: bool,
}
