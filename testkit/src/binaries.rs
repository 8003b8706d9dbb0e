// SPDX-License-Identifier: Apache-2.0
//! Where the executables under test are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Cargo's target directory.
#[must_use]
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target"),
        PathBuf::from,
    )
}

/// Where `scripts/real-images.sh` keeps the archive of a genuine system.
#[must_use]
pub fn image(name: &str) -> PathBuf {
    let cache = std::env::var_os("BRIG_IMAGE_CACHE");
    let cache = cache.map_or_else(|| target_dir().join("images"), PathBuf::from);
    cache.join(name).with_extension("tar")
}

/// Finds an executable in `BRIG_BIN_DIR`, then in `target/release`, then in `PATH`.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> =
        std::env::var_os("BRIG_BIN_DIR").map(Into::into).into_iter().collect();
    places.push(target_dir().join("release"));
    // Not in every root's PATH, and where Debian puts runc.
    places.extend(std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]));
    places.into_iter().map(|place| place.join(name)).find(|file| is_executable(file))
}

/// Finds an executable or fails the test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn require(name: impl AsRef<OsStr>) -> PathBuf {
    let name = name.as_ref().to_string_lossy();
    find(&name).unwrap_or_else(|| {
        panic!("no `{name}` in $BRIG_BIN_DIR, target/release or $PATH; hint: `make build`")
    })
}

/// The probe.
///
/// # Panics
/// When it has not been built.
pub fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| require("brig-probe"))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
