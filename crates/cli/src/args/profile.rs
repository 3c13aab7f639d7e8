//! `cairn profile`.

use super::bandwidth;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What `cairn profile` takes.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// What shall be done.
    #[command(subcommand)]
    pub(crate) verb: ProfileVerb,
}

/// What can be done with offline profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileVerb {
    /// List the profiles, and who is in none
    #[command(after_help = "\
With --json: {\"profiles\": [{\"name\": \"technician\", \"label\": …, \"users\": [],
\"teams\": [\"field\"], \"roles\": [], \"exclusive\": false, \"types\": [\"booking\", …],
\"user_count\": 4}], \"without\": {\"holds\": \"everything\", \"users\": [\"amara\", …]}}

Example:
  cairn profile list --dir hq")]
    List,
    /// Say in words what a profile lets its members hold offline
    #[command(after_help = "\
With --json: {\"name\": \"technician\", \"members\": {…}, \"since\": {\"version\": 1, …},
\"types\": [{\"type\": \"booking\", \"filter\": …, \"related\": [], \"combine\": \"or\",
\"columns\": null, \"interval\": \"live\", \"files\": \"on-view\", \"rank\": 10}]}

Example:
  cairn profile show --dir hq technician")]
    Show(NameArgs),
    /// Say how the profiles of a folder differ from the published ones
    #[command(after_help = "\
With --json: {\"definition\": 1, \"changes\": [\"profile technician, booking: …\"]}

Example:
  cairn profile diff --dir hq my-organization technician")]
    Diff(FolderArgs),
    /// Publish the profiles of a folder, and nothing else of it
    #[command(after_help = "\
Everything else of the definition stays as it is published. A profile that needs
other changes of the folder, such as a new field, is refused with what it needs.

With --json: {\"definition\": 2, \"changes\": [\"profile technician: …\"]}

Example:
  cairn profile publish --dir hq my-organization technician")]
    Publish(FolderArgs),
    /// Add users, teams or roles to a profile, or take them out of it
    #[command(after_help = "\
A name is a login, team:NAME or role:NAME. Where one of two profiles is exclusive,
a user who joins the other is moved, and the answer says so.

With --json: {\"definition\": 2, \"changes\": [\"profile technician: …\"], \"moved\": []}

Example:
  cairn profile members --dir hq technician --add callum --add team:field")]
    Members(MembersArgs),
    /// List the versions at which a profile changed, and what changed
    #[command(after_help = "\
With --json: [{\"version\": 1, \"definition\": 1, \"received\": \"2026-…\",
\"changes\": [\"profile technician: new, Field technicians\", …]}]

Example:
  cairn profile history --dir hq technician")]
    History(NameArgs),
    /// Publish again what a profile was right after a version
    #[command(after_help = "\
`cairn profile history` lists the versions. Members are part of the profile and
go back with it.

With --json: {\"definition\": 3, \"changes\": [\"profile technician: …\"]}

Example:
  cairn profile revert --dir hq technician --to 1")]
    Revert(RevertArgs),
    /// Say why a user holds a record offline, or what keeps it out
    #[command(after_help = "\
Names the profile, the filter, every record on the way, sharing, the role, a
follow or what is unsettled; and when the answer is no, the first rule that fails
and the smallest changes that would bring the record in.

Ends with exit code 1 when the answer is no.

With --json: {\"user\": \"amara\", \"record\": \"019e…\", \"title\": \"work_order …\",
\"held\": true, \"because\": [{\"code\": \"profile.filter\", \"words\": …, \"profile\": …,
\"path\": [{\"record\": …, \"title\": …, \"way\": …}]}], \"reading\": …, \"remedies\": []}

Example:
  cairn profile explain --dir hq --user amara --record work_order:WO-5001")]
    Explain(ExplainArgs),
    /// Estimate what users hold, or would with a draft, before it is published
    #[command(after_help = "\
Without a folder: what the published definition gives. With one: what the draft
in it would give, who gains and loses which records, and what is worth a second
thought. Nothing is published, and no device is told anything.

With --json: {\"definition\": 1, \"draft\": true, \"users\": [{\"user\": \"callum\",
\"profiles\": [\"technician\"], \"records\": 34, \"bytes\": 9120, \"packed_bytes\": 3011,
\"first_sync_seconds\": 0.5, \"gains\": 0, \"loses\": 58, \"types\": [{\"type\": \"booking\",
\"records\": 3, \"bytes\": 700, \"gains\": 0, \"gained\": [], \"loses\": 8,
\"lost\": [\"…\"]}]}], \"warnings\": [{\"code\": …, \"place\": …, \"words\": …}]}

Examples:
  cairn profile preview --dir hq
  cairn profile preview --dir hq my-organization --user callum --bandwidth 1Mbit")]
    Preview(PreviewArgs),
}

/// A profile.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The profile
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// What `cairn profile members` takes.
#[derive(Debug, Args)]
pub(crate) struct MembersArgs {
    /// The profile
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whom it shall be for as well
    #[arg(long, value_name = "WHO", required_unless_present = "remove")]
    pub(crate) add: Vec<String>,
    /// Whom it shall not be for any more
    #[arg(long, value_name = "WHO")]
    pub(crate) remove: Vec<String>,
}

/// A folder, and a profile in it.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Only this profile
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// What `cairn profile revert` takes.
#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// The profile
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// As it was right after this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: u64,
}

/// What `cairn profile explain` takes.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The user, by login
    #[arg(long, value_name = "LOGIN")]
    pub(crate) user: String,
    /// The record: its id, 8 or more digits of it, or its type and key
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: String,
}

/// What `cairn profile preview` takes.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// A folder with a draft [default: what is published]
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// What the draft is compared with
    #[arg(long, value_name = "WHAT", value_parser = ["published"], default_value = "published")]
    pub(crate) against: String,
    /// For these users, by login [default: up to 10 members of the profiles in question]
    #[arg(long = "user", value_name = "LOGIN")]
    pub(crate) users: Vec<String>,
    /// The line that a first download is estimated for
    #[arg(long, default_value = "1Mbit", value_name = "SPEED", value_parser = bandwidth)]
    pub(crate) bandwidth: u64,
}
