// SPDX-License-Identifier: Apache-2.0
//! `-e`, `--env-file`, `-l`, `--label-file`.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Collects the environment: files first, then options, as Docker orders them. A name alone takes
/// the caller's value; without one it stays bare, which removes what the image sets.
pub(crate) fn environment(
    files: &[PathBuf],
    options: &[String],
    caller: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Failure> {
    let mut entries = Vec::new();
    for file in files {
        for line in lines(file)? {
            let name = line.split('=').next().unwrap_or_default();
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(Failure::invalid(
                    format!(
                        "invalid env file ({}): variable '{}' contains whitespaces",
                        file.display(),
                        name.escape_debug()
                    ),
                    "write `NAME=value` or `NAME`, one a line",
                ));
            }
            match line.contains('=') {
                true => entries.push(line),
                // In a file, a name that the caller does not have is left out.
                false => entries.extend(caller(&line).map(|value| format!("{line}={value}"))),
            }
        }
    }
    for option in options {
        if option.is_empty() || option.starts_with('=') {
            return Err(Failure::invalid(
                format!("invalid environment variable: {}", option.escape_debug()),
                "write `-e NAME=value` or `-e NAME`",
            ));
        }
        entries.push(match (option.contains('='), caller(option)) {
            (false, Some(value)) => format!("{option}={value}"),
            _ => option.clone(),
        });
    }
    Ok(entries)
}

/// Collects labels: files first, then options.
pub(crate) fn labels(
    files: &[PathBuf],
    options: &[String],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    let mut entries = Vec::new();
    for file in files {
        entries.extend(lines(file)?);
    }
    entries.extend(options.iter().cloned());
    for entry in entries {
        let (name, value) = entry.split_once('=').unwrap_or((&entry, ""));
        if name.is_empty() {
            return Err(Failure::invalid(
                format!("invalid label '{}': empty name", entry.escape_debug()),
                "write `-l NAME=value`",
            ));
        }
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(labels)
}

/// Returns the caller's variable, if it is text.
pub(crate) fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the lines that are neither empty nor comments.
fn lines(path: &Path) -> Result<Vec<String>, Failure> {
    let bytes = brig_state::atomic::read(path, FILE_BYTES_MAX)
        .map_err(|error| Failure::from(brig_engine::Error::from(error)))?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Failure::invalid(
            format!("`{}` is not UTF-8 text", path.display()),
            "write one entry a line",
        ));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Option<String> {
        (name == "HOME").then(|| "/h".to_owned())
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn environment_names_alone_take_the_callers_value_or_remove() {
        let options = strings(&["A=1", "HOME", "UNSET", "B="]);
        let made = environment(&[], &options, caller).unwrap();
        assert_eq!(made, ["A=1", "HOME=/h", "UNSET", "B="]);
        assert!(environment(&[], &strings(&["=x"]), caller).is_err());
        assert!(environment(&[], &strings(&[""]), caller).is_err());
    }

    #[test]
    fn environment_file_skips_comments_and_refuses_spaces_in_names() {
        let path = std::env::temp_dir().join(format!("brig-env-{}", std::process::id()));
        std::fs::write(&path, "\u{feff}# c\n\n  A=x y # z\nHOME\nUNSET\n").unwrap();
        let made = environment(std::slice::from_ref(&path), &strings(&["A=2"]), caller).unwrap();
        assert_eq!(made, ["A=x y # z", "HOME=/h", "A=2"]);
        std::fs::write(&path, "a b=1\n").unwrap();
        assert!(environment(std::slice::from_ref(&path), &[], caller).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn labels_without_a_value_are_empty() {
        let made = labels(&[], &strings(&["a=b=c", "d"])).unwrap();
        assert_eq!((made["a"].as_str(), made["d"].as_str()), ("b=c", ""));
        assert!(labels(&[], &strings(&["=x"])).is_err());
    }
}
