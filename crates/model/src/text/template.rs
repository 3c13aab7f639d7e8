//! The built-in organizations, each a whole to start from.

use super::SourceFile;

/// The names that [`template`] knows.
pub const TEMPLATES: &[&str] = &["field-service", "sales"];

/// A path in the folder and the text of its file.
type Part = (&'static str, &'static str);

/// The files under `templates/$from` called `$path`, for each of the paths.
macro_rules! parts {
    ($from:literal: $($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../templates/", $from, "/", $path)))),*]
    };
}

/// Record types that every template has.
const SHARED: &[Part] = parts!("shared":
    "types/account.toml"
    "types/appointment.toml"
    "types/connection.toml"
    "types/connection_role.toml"
    "types/contact.toml"
    "types/email.toml"
    "types/note.toml"
    "types/phone_call.toml"
    "types/position.toml"
    "types/product.toml"
    "types/task.toml"
    "types/team.toml"
    "types/user.toml"
);

const FIELD_SERVICE: &[Part] = parts!("field-service":
    "organization.toml"
    "users.toml"
    "teams.toml"
    "profiles/technician.toml"
    "types/booking.toml"
    "types/case.toml"
    "types/customer_asset.toml"
    "types/work_order.toml"
    "types/work_order_product.toml"
    "types/work_order_service_task.toml"
);

const SALES: &[Part] = parts!("sales":
    "organization.toml"
    "users.toml"
    "teams.toml"
    "profiles/seller.toml"
    "types/competitor.toml"
    "types/competitor_address.toml"
    "types/lead.toml"
    "types/opportunity.toml"
    "types/opportunity_product.toml"
);

/// The folder of a built-in organization; its names are in [`TEMPLATES`].
pub fn template(name: &str) -> Option<Vec<SourceFile>> {
    let own = match name {
        "field-service" => FIELD_SERVICE,
        "sales" => SALES,
        _ => return None,
    };
    let file = |(path, text): &Part| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    let mut files: Vec<SourceFile> = own.iter().chain(SHARED).map(file).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Some(files)
}

/// The default profiles of the built-in organizations, by name, each with the
/// text of its file.
fn profiles() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = FIELD_SERVICE.iter().chain(SALES);
    parts.filter_map(|(path, text)| {
        let name = path.strip_prefix("profiles/")?.strip_suffix(".toml")?;
        Some((name, *text))
    })
}

/// The names of the default profiles.
pub(super) fn default_profiles() -> Vec<&'static str> {
    profiles().map(|(name, _)| name).collect()
}

/// The text of a default profile.
pub(super) fn default_profile(name: &str) -> Option<&'static str> {
    let mut found = profiles().filter(|(known, _)| *known == name);
    found.next().map(|(_, text)| text)
}
