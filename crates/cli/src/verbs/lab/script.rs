//! Policies that are named by a file.

use crate::exit::Failure;
use crate::settings::unusable;
use cairn_lab::policies::Script;
use cairn_lab::policies::script::SOURCE_BYTES_MAX;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Whether a policy is named by its file: no policy of the product has a dot or
/// a slash in its name.
pub(super) fn is_file(name: &str) -> bool {
    name.contains(['.', '/', std::path::MAIN_SEPARATOR])
}

/// There is no policy of this name.
pub(super) fn unknown(name: &str) -> Failure {
    Failure::not_found(format!(
        "there is no policy `{name}`; there are: {}, random-winner, oracle; a script is named by its file, like ./my-policy.rhai",
        cairn_policy::ids().join(", ")
    ))
}

/// Reads a script. Of a file that is too long, no more than shows that it is.
pub(super) fn read(name: &str) -> Result<Arc<Script>, Failure> {
    let path = Path::new(name);
    if !path.is_file() {
        return Err(Failure::not_found(format!(
            "{name} is not there; a script is named by its file, like ./my-policy.rhai"
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(SOURCE_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| unusable(path, "read", &error))?;
    let source = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{name} is no text in UTF-8, and so no script")))?;
    let script = Script::read(name, &source).map_err(|fault| Failure::usage(fault.to_string()))?;
    Ok(Arc::new(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let name = path.to_str().unwrap();
        let failure = read(name).expect_err("it is wrong").to_string();
        failure.replace(name, "x.rhai")
    }

    #[test]
    fn a_file_that_is_no_script_is_told_from_one_that_is_not_there() {
        let missing = read("./nowhere.rhai").unwrap_err().to_string();
        assert!(
            missing.starts_with("./nowhere.rhai is not there"),
            "{missing}"
        );
        let bytes = refused("bytes.rhai", &[0xff; 9]);
        assert_eq!(bytes, "x.rhai is no text in UTF-8, and so no script");
        let long = refused("long.rhai", &vec![b'/'; 3 * SOURCE_BYTES_MAX]);
        assert!(long.starts_with("x.rhai: it has 65537 bytes"), "{long}");
        let wrong = refused("wrong.rhai", b"fn decide(");
        assert!(wrong.starts_with("x.rhai, line 1, column 1"), "{wrong}");
        assert!(is_file("./flag") && is_file("a.rhai") && !is_file("last-writer-wins"));
    }
}
