//! Filters, each as it is written and as what it means.

use crate::oracle::Seen;
use crate::organization::{ACCOUNT, NOTE, ORDER, USER, VISIT};
use cairn_model::{Definition, RecordId, TypeId, Value};

/// A filter over a type's records.
pub(crate) struct Pair {
    pub(crate) of: TypeId,
    pub(crate) text: &'static str,
    pub(crate) asks_user: bool,
    /// What the text means, for a record and a user.
    pub(crate) means: fn(&Seen<'_>, RecordId, &str) -> bool,
}

const HOUR: i128 = 3_600_000;
const DAY: i128 = 24 * HOUR;

fn everybody(of: TypeId, text: &'static str, means: fn(&Seen<'_>, RecordId, &str) -> bool) -> Pair {
    Pair {
        of,
        text,
        asks_user: false,
        means,
    }
}

fn each(of: TypeId, text: &'static str, means: fn(&Seen<'_>, RecordId, &str) -> bool) -> Pair {
    Pair {
        of,
        text,
        asks_user: true,
        means,
    }
}

fn me(user: &str) -> Value {
    Value::Lookup(Definition::user_record(user))
}

pub(crate) static FILTERS: std::sync::LazyLock<Vec<Pair>> = std::sync::LazyLock::new(|| {
    vec![
        everybody(USER, "record.region == \"north\"", |seen, record, _| {
            seen.text(record, "region") == Some("north")
        }),
        each(USER, "record.id == user.id", |_, record, user| {
            record == Definition::user_record(user)
        }),
        everybody(ACCOUNT, "record.size > 3", |seen, record, _| {
            seen.integer(record, "size").is_some_and(|size| size > 3)
        }),
        everybody(
            ACCOUNT,
            "record.region in [\"north\", \"east\"] || !(record.size <= 5)",
            |seen, record, _| {
                ["north", "east"]
                    .map(Some)
                    .contains(&seen.text(record, "region"))
                    || seen.integer(record, "size").is_none_or(|size| size > 5)
            },
        ),
        everybody(
            ACCOUNT,
            "record.parent.parent.region == \"north\"",
            |seen, record, _| {
                let grand = seen
                    .follow(record, "parent")
                    .and_then(|at| seen.follow(at, "parent"));
                grand.is_some_and(|at| seen.text(at, "region") == Some("north"))
            },
        ),
        each(
            ACCOUNT,
            "record.region == user.region",
            |seen, record, user| {
                let own = seen.text(Definition::user_record(user), "region");
                own.is_some() && own == seen.text(record, "region")
            },
        ),
        each(
            ACCOUNT,
            "record.parent.region == user.home.region",
            |seen, record, user| {
                let home = seen.follow(Definition::user_record(user), "home");
                let own = home.and_then(|home| seen.text(home, "region"));
                let parent = seen.follow(record, "parent");
                own.is_some() && own == parent.and_then(|parent| seen.text(parent, "region"))
            },
        ),
        each(
            ACCOUNT,
            "!(record.owner in user.teams) && record.owner != user.id",
            |seen, record, user| {
                let owner = seen.follow_any(record, "owner");
                !owner.is_some_and(|owner| seen.teams(user).contains(&owner))
                    && owner != Some(Definition::user_record(user))
            },
        ),
        everybody(ORDER, "record.status == \"open\"", |seen, record, _| {
            seen.text(record, "status") == Some("open")
        }),
        everybody(
            ORDER,
            "record.due >= today && record.due < today + days(3)",
            |seen, record, _| {
                let today = seen.today();
                seen.date(record, "due")
                    .is_some_and(|due| due >= today && due < today + 3)
            },
        ),
        everybody(
            ORDER,
            "record.modified > now - days(2)",
            |seen, record, _| seen.modified(record) > seen.now() - 2 * DAY,
        ),
        everybody(
            ORDER,
            "record.account.parent.region == \"north\" || record.due == null",
            |seen, record, _| {
                let account = seen.follow(record, "account");
                let parent = account.and_then(|account| seen.follow(account, "parent"));
                parent.is_some_and(|at| seen.text(at, "region") == Some("north"))
                    || seen.date(record, "due").is_none()
            },
        ),
        each(ORDER, "user.id in record.crew", |seen, record, user| {
            seen.elements(record, "crew").contains(&me(user))
        }),
        each(
            ORDER,
            "record.status != \"closed\" && record.account.owner == user.id",
            |seen, record, user| {
                let account = seen.follow(record, "account");
                let owner = account.and_then(|account| seen.follow_any(account, "owner"));
                seen.text(record, "status") != Some("closed")
                    && owner == Some(Definition::user_record(user))
            },
        ),
        everybody(
            VISIT,
            "record.starts_at < today + days(8) && record.ends_at >= today",
            |seen, record, _| {
                let midnight = seen.midnight();
                seen.time(record, "starts_at")
                    .is_some_and(|at| at < midnight + 8 * DAY)
                    && seen
                        .time(record, "ends_at")
                        .is_some_and(|at| at >= midnight)
            },
        ),
        each(
            VISIT,
            "record.technician == user.id && record.ends_at > now - hours(4)",
            |seen, record, user| {
                seen.follow_any(record, "technician") == Some(Definition::user_record(user))
                    && seen
                        .time(record, "ends_at")
                        .is_some_and(|at| at > seen.now() - 4 * HOUR)
            },
        ),
        each(
            VISIT,
            "record.order.status == \"open\" && (record.technician == user.id || record.order.owner in user.teams)",
            |seen, record, user| {
                let order = seen.follow(record, "order");
                let owner = order.and_then(|order| seen.follow_any(order, "owner"));
                order.is_some_and(|order| seen.text(order, "status") == Some("open"))
                    && (seen.follow_any(record, "technician")
                        == Some(Definition::user_record(user))
                        || owner.is_some_and(|owner| seen.teams(user).contains(&owner)))
            },
        ),
        everybody(NOTE, "record.created > now - days(1)", |seen, record, _| {
            seen.created(record) > seen.now() - DAY
        }),
        each(
            NOTE,
            "record.owner == user.id || record.owner in user.teams",
            |seen, record, user| {
                let owner = seen.follow_any(record, "owner");
                owner.is_some_and(|owner| {
                    owner == Definition::user_record(user) || seen.teams(user).contains(&owner)
                })
            },
        ),
    ]
});
