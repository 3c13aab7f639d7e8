//! Secret keys in files that only their owner may read.

use crate::exit::Failure;
use crate::settings::{unusable, write_private};
use cairn_oplog::SecretKey;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permission bits that let anybody but the owner at the file.
const OTHERS: u32 = 0o077;

/// Makes a key and writes it down.
pub(crate) fn create(path: &Path) -> Result<SecretKey, Failure> {
    let key = SecretKey::from_seed(&random()?);
    let text = data_encoding::HEXLOWER.encode(&*key.seed());
    write_private(path, format!("{text}\n").as_bytes())
        .map_err(|error| unusable(path, "written", &error))?;
    Ok(key)
}

/// Reads a key; refuses one that others may read.
pub(crate) fn read(path: &Path) -> Result<SecretKey, Failure> {
    let about = std::fs::metadata(path).map_err(|error| unusable(path, "read", &error))?;
    if about.mode() & OTHERS != 0 {
        return Err(Failure::storage(format!(
            "{} can be read or changed by other users of this machine (mode {:03o}); run `chmod 600 {}`, and make a new key if somebody else may have read it",
            path.display(),
            about.mode() & 0o777,
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, "read", &error))?;
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|seed| seed.try_into().ok())
        .map(|seed: [u8; 32]| SecretKey::from_seed(&seed))
        .ok_or_else(|| {
            Failure::storage(format!(
                "{} holds no key: 64 hexadecimal digits are expected; restore it from a backup",
                path.display()
            ))
        })
}

/// The key in the file, made if there is none.
pub(crate) fn read_or_create(path: &Path) -> Result<SecretKey, Failure> {
    if path.exists() {
        read(path)
    } else {
        create(path)
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::storage(format!(
            "the operating system gives no random numbers: {error}"
        ))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_read_as_it_was_made_and_nobody_else_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.key");
        let key = read_or_create(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read_or_create(&path).unwrap().public(), key.public());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.key");
        create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let failure = read(&path).unwrap_err();
            assert!(failure.message.contains("chmod 600"), "{mode:o}: {failure}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn a_damaged_key_is_refused_without_showing_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.key");
        for text in ["", "abcd", &"zz".repeat(32), &"ab".repeat(33)] {
            write_private(&path, text.as_bytes()).unwrap();
            let failure = read(&path).unwrap_err();
            assert!(
                text.is_empty() || !failure.message.contains(text),
                "{failure}"
            );
        }
    }
}
