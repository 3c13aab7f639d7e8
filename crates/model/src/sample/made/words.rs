//! What made-up records are made of.

/// First words of customers' names.
pub(super) const PLACES: &[&str] = &[
    "Ashcombe",
    "Briarfield",
    "Coldharbour",
    "Dunkerry",
    "Eastmead",
    "Fernhill",
    "Greystoke",
    "Hollowell",
    "Ivybridge",
    "Kestrel",
    "Lanhydrock",
    "Millbrook",
    "Northcote",
    "Oakhanger",
    "Pennywell",
    "Quarry",
    "Ravensmoor",
    "Saltford",
    "Thornbury",
    "Underwood",
    "Vinery",
    "Westerleigh",
    "Yarrow",
    "Zeal",
];
/// Last words of customers' names.
pub(super) const BUSINESSES: &[&str] = &[
    "Bakery",
    "Brewery",
    "Care Home",
    "Cold Store",
    "Community Centre",
    "Court Flats",
    "Dairy",
    "Dental Practice",
    "Garden Centre",
    "Hotel",
    "House Offices",
    "Laundry",
    "Leisure Pool",
    "Library",
    "Primary School",
    "Print Works",
    "Science Park",
    "Surgery",
    "Theatre",
    "Village Hall",
];
/// First names of people.
pub(super) const FIRST_NAMES: &[&str] = &[
    "Abena", "Bram", "Chidi", "Dorota", "Elin", "Fergus", "Gwen", "Hamid", "Isla", "Joaquim",
    "Kirsty", "Leon", "Mei", "Niamh", "Oskar", "Petra", "Rhys", "Samira", "Tariq", "Una", "Viktor",
    "Wendy", "Yasmin", "Zofia",
];
/// Surnames of people.
pub(super) const SURNAMES: &[&str] = &[
    "Achebe",
    "Barlow",
    "Carver",
    "Demir",
    "Ellery",
    "Fontaine",
    "Gill",
    "Hobbs",
    "Ibrahim",
    "Jansen",
    "Kowalski",
    "Lacey",
    "Marsh",
    "Nunes",
    "Oakley",
    "Pritchard",
    "Quill",
    "Rosen",
    "Stark",
    "Teague",
    "Usman",
    "Vance",
    "Wills",
];
/// What people at a customer's do.
pub(super) const ROLES: &[&str] = &[
    "Caretaker",
    "Facilities lead",
    "General manager",
    "Office manager",
    "Owner",
    "Site manager",
];
/// Streets.
pub(super) const STREETS: &[&str] = &[
    "Brook Lane",
    "Church Road",
    "Mill Street",
    "Orchard Way",
    "Station Approach",
    "The Maltings",
];
/// Where vans drive to.
pub(super) const CITIES: &[&str] = &[
    "Bath",
    "Bristol",
    "Clevedon",
    "Keynsham",
    "Nailsea",
    "Portishead",
    "Yate",
];
/// Machines, and the skill each needs.
pub(super) const MACHINES: &[(&str, &str)] = &[
    ("Air handling unit", "air"),
    ("Boiler", "gas"),
    ("Chiller", "refrigerant"),
    ("Extract fan", "air"),
    ("Goods lift", "lift"),
    ("Heat pump", "refrigerant"),
    ("Passenger lift", "lift"),
    ("Water heater", "gas"),
];
/// Where machines stand.
pub(super) const ROOMS: &[&str] = &[
    "Basement",
    "Ground floor plant room",
    "Loft",
    "Outside, rear wall",
    "Roof",
];
/// What is wrong with a machine.
pub(super) const TROUBLES: &[&str] = &[
    "does not start",
    "is noisy",
    "leaks",
    "trips the breaker",
    "runs without a pause",
];
/// Products of the hand-written portion that all orders use, and their prices in pence.
pub(super) const PRODUCTS: &[(&str, u64)] = &[
    ("pump", 16840),
    ("vessel", 5290),
    ("filter", 6120),
    ("valve", 1895),
    ("labour", 6400),
    ("call_out", 14500),
];
/// How far work orders are.
pub(super) const STATUSES: &[&str] = &[
    "unscheduled",
    "scheduled",
    "in progress",
    "on hold",
    "completed",
    "posted",
];
/// Checklists, in order.
pub(super) const STEPS: &[&str] = &[
    "Isolate the supply",
    "Check for leaks",
    "Clean and inspect",
    "Run for ten minutes",
    "Fill in the log book",
];
