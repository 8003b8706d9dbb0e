// SPDX-License-Identifier: Apache-2.0
//! Paths of a layer: relative, without dots, bounded.

use super::LayerError;
use crate::limits::Limits;
use crate::printable::printable;
use std::fmt;

/// Longest name that Linux file systems hold, bytes.
const NAME_BYTES_MAX: usize = 255;

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// It has a `..` component.
    Parent,
    /// It has a zero byte.
    Zero,
    /// It is longer than the kernel takes.
    TooLong,
    /// It has more components than any image.
    TooDeep,
    /// It names the root where only a directory can be.
    Root,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parent => "contains `..`",
            Self::Zero => "contains a zero byte",
            Self::TooLong => "is too long",
            Self::TooDeep => "is nested too deeply",
            Self::Root => "names the root, which must be a directory",
        })
    }
}

/// A normalised path below a layer's root: components joined by `/`, empty for the root itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayerPath(Vec<u8>);

impl LayerPath {
    /// The root of the layer.
    pub(crate) const ROOT: Self = Self(Vec::new());

    /// Normalises an archive's path: leading slashes and `.` go, `..` is refused even where it would
    /// stay inside, because tools disagree about what it means behind a symbolic link.
    pub(crate) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, LayerError> {
        let refuse = |fault| LayerError::Path { path: printable(raw), fault };
        let mut path = Vec::with_capacity(raw.len());
        let mut depth = 0;
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(refuse(PathFault::Parent)),
                name if name.contains(&0) => return Err(refuse(PathFault::Zero)),
                name if name.len() > NAME_BYTES_MAX => return Err(refuse(PathFault::TooLong)),
                name => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                    depth += 1;
                }
            }
            if depth > limits.path_depth_max {
                return Err(refuse(PathFault::TooDeep));
            }
        }
        if path.len() > limits.path_bytes_max {
            return Err(refuse(PathFault::TooLong));
        }
        Ok(Self(path))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Splits into the directory and the name in it; `None` for the root.
    pub(crate) fn split(&self) -> Option<(Self, &[u8])> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (Self(self.0[..slash].to_vec()), &self.0[slash + 1..]),
            None => (Self::ROOT, &self.0),
        })
    }

    /// Returns the path of `name`, one component, in this directory.
    pub(crate) fn join(&self, name: &[u8]) -> Self {
        let mut path = self.0.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Self(path)
    }
}

impl fmt::Display for LayerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", printable(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &[u8]) -> Result<Vec<u8>, PathFault> {
        match LayerPath::parse(raw, &Limits::DEFAULT) {
            Ok(path) => Ok(path.0),
            Err(LayerError::Path { fault, .. }) => Err(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn parse_normalises_and_refuses() {
        assert_eq!(parse(b"/a/./b//c/"), Ok(b"a/b/c".to_vec()));
        assert_eq!(parse(b"./"), Ok(Vec::new()));
        assert_eq!(parse(b"..."), Ok(b"...".to_vec()));
        assert_eq!(parse(b"a/../b"), Err(PathFault::Parent));
        assert_eq!(parse(b"/.."), Err(PathFault::Parent));
        assert_eq!(parse(b"a\0b"), Err(PathFault::Zero));
        assert_eq!(parse(&[b'a'; 256]), Err(PathFault::TooLong));
        assert_eq!(parse(&b"a/".repeat(257)), Err(PathFault::TooDeep));
        assert_eq!(parse(&[&[b'a'; 250][..], b"/"].concat().repeat(17)), Err(PathFault::TooLong));
    }
}
