//! Who is in the story.

use cairn_model::Definition;

/// Somebody with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Plans the day in the office.
    Priya,
    /// Is on site.
    Callum,
    /// Is on site.
    Farah,
    /// Loses a phone.
    Jonas,
}

impl Who {
    /// Everybody, in the order in which they come back.
    pub(super) const ALL: [Who; 4] = [Who::Priya, Who::Callum, Who::Farah, Who::Jonas];

    /// The user's login, as in the template.
    pub(super) fn login(self) -> &'static str {
        match self {
            Who::Priya => "priya",
            Who::Callum => "callum",
            Who::Farah => "farah",
            Who::Jonas => "jonas",
        }
    }

    /// What the others call them.
    pub(super) fn name(self) -> &'static str {
        match self {
            Who::Priya => "Priya",
            Who::Callum => "Callum",
            Who::Farah => "Farah",
            Who::Jonas => "Jonas",
        }
    }

    /// What they do.
    pub(super) fn job(self) -> &'static str {
        match self {
            Who::Priya => "dispatcher",
            Who::Callum | Who::Farah | Who::Jonas => "technician",
        }
    }

    /// What their device is called.
    pub(super) fn device(self) -> &'static str {
        match self {
            Who::Priya => "Priya's desk PC",
            Who::Callum => "Callum's tablet",
            Who::Farah => "Farah's tablet",
            Who::Jonas => "Jonas's phone",
        }
    }
}

/// The first name of a user.
pub(super) fn first_name(definition: &Definition, login: &str) -> String {
    let name = definition.users.get(login).map(|user| user.name.as_str());
    name.and_then(|name| name.split(' ').next())
        .unwrap_or(login)
        .to_owned()
}
