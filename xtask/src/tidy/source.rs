// SPDX-License-Identifier: Apache-2.0
//! The Rust files of the work tree, each read once with its comments and literals masked.

use std::fs;
use std::io;
use std::path::Path;

use super::mask::{closing, mask};

/// One Rust file.
pub(crate) struct Source {
    /// The path from the root of the work tree.
    pub(crate) path: String,
    /// The file as written.
    pub(crate) text: String,
    /// The file with comments and literals blanked, offset for offset.
    pub(crate) masked: String,
}

impl Source {
    /// Makes a source of text held in memory.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), masked: mask(text) }
    }

    /// Returns whether the whole file is test code, judged by its name.
    pub(crate) fn is_test(&self) -> bool {
        let path = Path::new(&self.path);
        path.file_name().is_some_and(|name| name == "tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests")
    }

    /// Returns the byte ranges of the items under `#[cfg(test)]`.
    pub(crate) fn test_ranges(&self) -> Vec<std::ops::Range<usize>> {
        let marks = self.masked.match_indices("#[cfg(test)]").map(|(at, mark)| at + mark.len());
        marks
            .filter_map(|start| {
                let open = start + self.masked[start..].find(['{', ';'])?;
                let end = if self.masked.as_bytes()[open] == b'{' {
                    closing(&self.masked, open)?
                } else {
                    open + 1
                };
                Some(start..end)
            })
            .collect()
    }
}

/// Reads every `.rs` file below `root`, in the order of their paths.
pub(crate) fn read_all(root: &Path) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    collect(root, root, &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(root, &path, sources)?;
            }
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(root).expect("found below the root");
            let text = fs::read_to_string(&path)?;
            sources.push(Source::new(&relative.to_string_lossy(), &text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_ranges_cover_the_module_only() {
        let source =
            Source::new("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}");
        let ranges = source.test_ranges();
        assert_eq!(ranges.len(), 1);
        assert!(source.text[ranges[0].clone()].contains("fn b"));
        assert!(!source.text[ranges[0].clone()].contains("fn c"));
    }

    #[test]
    fn is_test_by_path() {
        assert!(Source::new("tests/tests/a.rs", "").is_test());
        assert!(Source::new("base/sys/src/mount/tests.rs", "").is_test());
        assert!(!Source::new("testkit/src/lib.rs", "").is_test());
    }
}
