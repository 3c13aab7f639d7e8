//! Where things are in a directory, and what is set there.

use crate::exit::Failure;
use cairn_model::{OrganizationId, PublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The environment variable that names the directory.
pub(crate) const DIR_VARIABLE: &str = "CAIRN_DIR";
/// Where a relay listens unless told otherwise: reachable from this machine only.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:4433";

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line.
    Argument,
    /// The environment.
    Environment,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Argument => "from the command line",
            Source::Environment => "from the environment",
            Source::Default => "the default",
        })
    }
}

/// What a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A relay.
    Relay,
    /// A device.
    Device,
}

/// The directory of a relay or a device.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Who said so.
    pub(crate) source: Source,
}

impl Directory {
    /// The relay's secret key.
    pub(crate) fn relay_key(&self) -> PathBuf {
        self.path.join("relay.key")
    }

    /// The relay's settings.
    pub(crate) fn relay_file(&self) -> PathBuf {
        self.path.join("relay.toml")
    }

    /// The device's secret key.
    pub(crate) fn device_key(&self) -> PathBuf {
        self.path.join("device.key")
    }

    /// The device's settings.
    pub(crate) fn device_file(&self) -> PathBuf {
        self.path.join("device.toml")
    }

    /// The storage.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The socket of the process that holds the directory.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Whose directory it is, if anybody's.
    pub(crate) fn owner(&self) -> Option<Owner> {
        if self.relay_file().exists() {
            Some(Owner::Relay)
        } else if self.device_file().exists() {
            Some(Owner::Device)
        } else {
            None
        }
    }

    /// A failure that says where a relay or device was looked for.
    pub(crate) fn nothing_here(&self) -> Failure {
        Failure::not_found(format!(
            "there is no relay and no device in {} ({}); make one with `cairn relay init` or `cairn device enroll`, or name the directory with --dir or {DIR_VARIABLE}",
            self.path.display(),
            self.source
        ))
    }
}

/// What a relay is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelaySettings {
    /// The organization it serves.
    #[serde(with = "as_text")]
    pub(crate) organization: OrganizationId,
    /// Where it listens.
    pub(crate) listen: String,
    /// Where devices reach it, if that is somewhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

/// What a device is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceSettings {
    /// The organization it is enrolled in.
    #[serde(with = "as_text")]
    pub(crate) organization: OrganizationId,
    /// The relay's key.
    #[serde(with = "as_text")]
    pub(crate) relay: PublicKey,
    /// Where the relay is.
    pub(crate) address: String,
    /// Whose device it is.
    pub(crate) user: String,
    /// What people call it.
    pub(crate) name: String,
}

impl RelaySettings {
    /// Reads the relay's settings.
    pub(crate) fn read(directory: &Directory) -> Result<RelaySettings, Failure> {
        read(&directory.relay_file())
    }

    /// Writes them.
    pub(crate) fn write(&self, directory: &Directory) -> Result<(), Failure> {
        write(&directory.relay_file(), self)
    }
}

impl DeviceSettings {
    /// Reads the device's settings.
    pub(crate) fn read(directory: &Directory) -> Result<DeviceSettings, Failure> {
        read(&directory.device_file())
    }

    /// Writes them.
    pub(crate) fn write(&self, directory: &Directory) -> Result<(), Failure> {
        write(&directory.device_file(), self)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, "read", &error))?;
    toml_edit::de::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "{} has a mistake: {}",
            path.display(),
            error.to_string().trim_end()
        ))
    })
}

fn write(path: &Path, settings: &impl Serialize) -> Result<(), Failure> {
    let text = toml_edit::ser::to_string_pretty(settings).map_err(|error| {
        Failure::storage(format!("{} cannot be written: {error}", path.display()))
    })?;
    write_private(path, text.as_bytes()).map_err(|error| unusable(path, "written", &error))
}

/// A failure about a path.
pub(crate) fn unusable(path: &Path, done: &str, error: &io::Error) -> Failure {
    Failure::storage(format!("{} cannot be {done}: {error}", path.display()))
}

/// Makes a directory, and those above it, that only its owner may enter. One
/// that is there already is left as it is.
pub(crate) fn make_private_directory(path: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unusable(path, "made", &error))
}

/// Writes a file that only its owner may read: whole, or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => std::fs::File::open(parent)?.sync_all(),
        _ => std::fs::File::open(".")?.sync_all(),
    }
}

/// Ids as text in settings files.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::PermissionsExt;

    fn directory() -> (tempfile::TempDir, Directory) {
        let made = tempfile::tempdir().unwrap();
        let directory = Directory {
            path: made.path().join("in/here"),
            source: Source::Argument,
        };
        make_private_directory(&directory.path).unwrap();
        (made, directory)
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn settings_are_read_as_they_were_written_and_are_private() {
        let (_made, directory) = directory();
        assert_eq!(directory.owner(), None);
        let settings = DeviceSettings {
            organization: OrganizationId([0xab; 16]),
            relay: PublicKey([0xcd; 32]),
            address: "relay.example:4433".into(),
            user: "amara".into(),
            name: "Amara's \"phone\"".into(),
        };
        settings.write(&directory).unwrap();
        settings.write(&directory).unwrap();
        assert_eq!(DeviceSettings::read(&directory).unwrap(), settings);
        assert_eq!(directory.owner(), Some(Owner::Device));
        assert_eq!(mode(&directory.device_file()), 0o600);
        assert_eq!(mode(&directory.path), 0o700);
        let names: Vec<_> = std::fs::read_dir(&directory.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["device.toml"], "no draft is left behind");
    }

    #[test]
    fn a_mistake_in_settings_is_told_with_its_file() {
        let (_made, directory) = directory();
        for text in [
            "organization = 7",
            "organization = \"xyz\"\nlisten = \"a\"",
            "lisen = \"a\"",
            "= =",
        ] {
            std::fs::write(directory.relay_file(), text).unwrap();
            let failure = RelaySettings::read(&directory).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(
                failure.message.contains("relay.toml has a mistake"),
                "{failure}"
            );
        }
    }

    #[test]
    fn where_nothing_is_says_where_it_looked() {
        let directory = Directory {
            path: "nowhere".into(),
            source: Source::Environment,
        };
        let failure = directory.nothing_here();
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.message.contains("nowhere (from the environment)"));
    }
}
