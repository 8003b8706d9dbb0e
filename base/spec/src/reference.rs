// SPDX-License-Identifier: Apache-2.0
//! Image references as Docker reads them: `[DOMAIN/]PATH[:TAG][@DIGEST]`.
//!
//! Invariants: a [`Reference`] is normalised (`busybox` has become `docker.io/library/busybox`),
//! ASCII, and bounded in length; the wording of errors is Docker's, because clients match it.

use crate::digest::Digest;
use std::fmt;
use std::str::FromStr;

/// The registry of names without one.
pub const DEFAULT_DOMAIN: &str = "docker.io";

/// The tag of names without tag and digest.
pub const DEFAULT_TAG: &str = "latest";

const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL_PREFIX: &str = "library/";
const PATH_LENGTH_MAX: usize = 255;
const DOMAIN_LENGTH_MAX: usize = 255;
const TAG_LENGTH_MAX: usize = 128;

/// A normalised image reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A reference that Docker refuses, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// The repository has upper-case letters.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
    /// The repository is longer than a registry accepts.
    #[error("repository name must not be more than {PATH_LENGTH_MAX} characters")]
    TooLong,
    /// The text is a bare image id, which cannot be a name.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    BareId(String),
}

impl Reference {
    /// Returns the registry's host and port.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the repository below the registry, such as `library/busybox`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the repository with its registry: `docker.io/library/busybox`.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// Returns the repository in the short form that people type: `busybox`.
    #[must_use]
    pub fn familiar_repository(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return self.repository();
        }
        match self.path.strip_prefix(OFFICIAL_PREFIX) {
            Some(rest) if !rest.contains('/') => rest.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// Returns the reference in the short form that people type: `busybox:latest`.
    #[must_use]
    pub fn familiar(&self) -> String {
        self.with_suffix(self.familiar_repository())
    }

    /// Adds the tag `latest` when there is neither tag nor digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    fn with_suffix(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_suffix(self.repository()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if !text.is_ascii() {
            return Err(ReferenceError::Format);
        }
        if Digest::from_hex(text).is_ok() {
            return Err(ReferenceError::BareId(text.to_owned()));
        }
        let (domain, remainder) = split_domain(text);
        let (rest, digest) = match remainder.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(digest.parse().map_err(|_| ReferenceError::Format)?))
            }
            None => (remainder.as_str(), None),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(uppercase(path));
        }
        if path.len() > PATH_LENGTH_MAX || domain.len() > DOMAIN_LENGTH_MAX {
            return Err(ReferenceError::TooLong);
        }
        if !is_domain(domain) || !is_path(path) || !tag.is_none_or(is_tag) {
            return Err(ReferenceError::Format);
        }
        Ok(Self {
            domain: domain.to_owned(),
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

/// Docker names the offending repository; only printable, grammatical text is echoed.
fn uppercase(path: &str) -> ReferenceError {
    if is_path(&path.to_ascii_lowercase()) {
        ReferenceError::Uppercase(path.to_owned())
    } else {
        ReferenceError::Format
    }
}

/// Splits the registry off, adding what Docker implies.
///
/// The first component is a registry if it has a dot or a colon, is `localhost`, or has capitals
/// (which no repository may have).
fn split_domain(text: &str) -> (&str, String) {
    let (domain, remainder) = match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, text),
    };
    let domain = if domain == LEGACY_DOMAIN { DEFAULT_DOMAIN } else { domain };
    if domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        return (domain, format!("{OFFICIAL_PREFIX}{remainder}"));
    }
    (domain, remainder.to_owned())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let port_ok = port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let host_ok = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => !v6.is_empty() && v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(is_domain_component),
    };
    port_ok && host_ok
}

fn is_domain_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_component)
}

/// `[a-z0-9]+` joined by one dot, one or two underscores, or any number of hyphens.
fn is_path_component(component: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.split(is_word).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let bytes = tag.as_bytes();
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    bytes.len() <= TAG_LENGTH_MAX
        && bytes.first().is_some_and(is_word)
        && bytes.iter().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parse_name_normalises_as_docker() {
        for (text, full, familiar) in [
            ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
            ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
            ("a/b", "docker.io/a/b:latest", "a/b:latest"),
            ("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
            ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
            ("localhost:5000/a:T", "localhost:5000/a:T", "localhost:5000/a:T"),
            ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
            ("Host/a", "Host/a:latest", "Host/a:latest"),
            (
                "a__b/c-----d/e.f_g",
                "docker.io/a__b/c-----d/e.f_g:latest",
                "a__b/c-----d/e.f_g:latest",
            ),
        ] {
            let reference: Reference = text.parse().unwrap();
            let reference = reference.with_default_tag();
            assert_eq!(reference.to_string(), full, "{text}");
            assert_eq!(reference.familiar(), familiar, "{text}");
        }
    }

    #[test]
    fn parse_digest_keeps_tag_and_adds_none() {
        let reference: Reference = format!("a@{SHA}").parse().unwrap();
        assert_eq!(reference.with_default_tag().familiar(), format!("a@{SHA}"));
        let reference: Reference = format!("h.io/a:t@{SHA}").parse().unwrap();
        assert_eq!(reference.tag(), Some("t"));
        assert_eq!(reference.to_string(), format!("h.io/a:t@{SHA}"));
    }

    #[test]
    fn parse_bad_format_is_refused_in_dockers_words() {
        let long_tag = format!("a:{}", "t".repeat(129));
        for text in [
            "",
            " ",
            "a b",
            ":x",
            "a:",
            "a:b:c",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a._b",
            "../a",
            "a:.b",
            "a@",
            "a@sha256:00",
            "\u{430}pple",
            "a\n",
            "a\0",
            "a:b/c",
            "h.io:x/a",
            "h..io/a",
            "-h.io/a",
            long_tag.as_str(),
            "a:t\u{e9}",
            "a%2fb",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(error.to_string(), "invalid reference format", "{text:?}");
        }
    }

    #[test]
    fn parse_uppercase_and_long_names_say_so() {
        let error = "a/Foo:x".parse::<Reference>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid reference format: repository name (a/Foo) must be lowercase"
        );
        let error = "Foo".parse::<Reference>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid reference format: repository name (library/Foo) must be lowercase"
        );
        assert_eq!("a/".repeat(200).parse::<Reference>(), Err(ReferenceError::TooLong));
        let error = SHA[7..].parse::<Reference>().unwrap_err();
        assert!(error.to_string().contains("64-byte hexadecimal"));
    }
}
