// SPDX-License-Identifier: Apache-2.0
//! Which of several images is the one for this machine.

use brig_spec::image::Platform;

/// This machine, in Go's words.
pub(super) fn host() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// Returns how well a platform suits `host`: lower is better, `None` is not at all.
pub(super) fn rank(host: &str, architecture: &str, variant: Option<&str>) -> Option<u32> {
    let variant = variant.unwrap_or_default();
    match (host, architecture) {
        // Levels of amd64 above the first may need instructions that the machine lacks.
        ("amd64", "amd64") => match variant {
            "" | "v1" => Some(0),
            _ => None,
        },
        ("amd64", "386") => Some(10),
        ("arm64", "arm64") => match variant {
            "" | "v8" => Some(0),
            _ => None,
        },
        ("arm64" | "arm", "arm") => match variant {
            "v8" if host == "arm64" => Some(10),
            "v7" | "" => Some(11),
            "v6" => Some(12),
            "v5" => Some(13),
            _ => None,
        },
        (host, architecture) if host == architecture => Some(0),
        _ => None,
    }
}

/// Returns whether an index entry is not a container image: an attestation or an artifact.
pub(super) fn is_unknown(platform: &Platform) -> bool {
    platform.os == "unknown" || platform.architecture == "unknown"
}

/// Writes a platform as Docker does: `linux/arm64/v8`.
pub(super) fn text(platform: &Platform) -> String {
    let mut text = format!("{}/{}", platform.os, platform.architecture);
    if let Some(variant) = platform.variant.as_deref().filter(|variant| !variant.is_empty()) {
        text.push('/');
        text.push_str(variant);
    }
    crate::printable::printable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_prefers_the_native_image() {
        assert!(rank("amd64", "amd64", None) < rank("amd64", "386", None));
        assert_eq!(rank("amd64", "arm64", Some("v8")), None);
        assert_eq!(rank("amd64", "amd64", Some("v3")), None);
        assert!(rank("arm64", "arm64", Some("v8")) < rank("arm64", "arm", Some("v7")));
        assert_eq!(rank("riscv64", "riscv64", None), Some(0));
    }
}
