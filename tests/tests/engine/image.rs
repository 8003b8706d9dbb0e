// SPDX-License-Identifier: Apache-2.0
//! Images for tests: busybox and the probe, packed by `tar` as `docker save` would.
//!
//! The image that nearly every test runs is made once for each test executable; hostile ones are
//! made where they are used, from a root file system that the test has bent before.

use brig_testkit::binaries;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The name of the image that [`base`] has.
pub(crate) const BASE: &str = "base";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    user:x:1000:1000:a user:/home/user:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nuser:x:1000:\nextra:x:2000:user\nnogroup:x:65534:\n";

/// A root file system and a configuration on their way to an archive.
#[derive(Debug)]
pub(crate) struct Image {
    /// The image's configuration, the `config` of the document.
    pub(crate) config: Value,
    name: String,
    dir: PathBuf,
}

impl Image {
    /// Makes the root file system below `dir`, which must not exist yet.
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let image = Self {
            config: json!({"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]}),
            name: name.to_owned(),
            dir: dir.to_owned(),
        };
        for directory in ["bin", "dev", "etc", "home/user", "proc", "root", "run", "sys", "tmp"] {
            fs::create_dir_all(image.inside(directory)).expect("the directory is new");
        }
        fs::set_permissions(image.inside("tmp"), fs::Permissions::from_mode(0o1777))
            .expect("the image's directory is ours");
        std::os::unix::fs::chown(image.inside("home/user"), Some(1000), Some(1000))
            .expect("the image's directory is ours");
        copy(&binaries::require("busybox"), &image.inside("bin/busybox"));
        copy(binaries::probe(), &image.inside("probe"));
        let list = Command::new(image.inside("bin/busybox"))
            .arg("--list")
            .output()
            .expect("the image's directory is ours");
        for applet in String::from_utf8(list.stdout).expect("the image's directory is ours").lines()
        {
            // `busybox` itself is there.
            drop(symlink("busybox", image.inside("bin").join(applet)));
        }
        image.write("etc/passwd", PASSWD);
        image.write("etc/group", GROUP);
        image
    }

    /// The host's path of a file inside.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        self.dir.join("rootfs").join(path.trim_start_matches('/'))
    }

    /// Writes a file inside.
    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.inside(path), text).expect("the image's directory is ours");
    }

    /// Makes a symbolic link inside, in place of whatever is there.
    pub(crate) fn symlink(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.inside(path);
        drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
        fs::create_dir_all(path.parent().expect("the image's directory is ours"))
            .expect("the image's directory is ours");
        symlink(target, path).expect("the image's directory is ours");
    }

    /// Packs it into an archive and returns the archive's path.
    pub(crate) fn pack(&self) -> PathBuf {
        let packed = self.dir.join("packed");
        fs::create_dir(&packed).expect("the image's directory is ours");
        tar(&packed.join("layer.tar"), &self.dir.join("rootfs"), &["."]);
        let layer = sha256(&packed.join("layer.tar"));
        let document = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        });
        fs::write(packed.join("config.json"), document.to_string())
            .expect("the image's directory is ours");
        let config = format!("{}.json", sha256(&packed.join("config.json")));
        fs::rename(packed.join("config.json"), packed.join(&config))
            .expect("the image's directory is ours");
        let manifest = json!([{
            "Config": config,
            "RepoTags": [format!("{}:latest", self.name)],
            "Layers": ["layer.tar"],
        }]);
        fs::write(packed.join("manifest.json"), manifest.to_string())
            .expect("the image's directory is ours");
        let archive = self.dir.join("image.tar");
        tar(&archive, &packed, &["layer.tar", &config, "manifest.json"]);
        archive
    }
}

/// The archive of the usual image: busybox in `/bin`, the probe at `/probe`, users `root`, `user`
/// (1000, also in group `extra`, 2000) and `nobody`.
pub(crate) fn base() -> &'static Path {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let dir = binaries::target_dir().join("e2e");
        let work = dir.join(format!("base-{}", std::process::id()));
        // The leftovers of a test run that was killed and had the same process id.
        drop(fs::remove_dir_all(&work));
        fs::create_dir_all(&dir).expect("the image's directory is ours");
        let archive = Image::new(&work, BASE).pack();
        let place = dir.join("base.tar");
        fs::rename(archive, &place).expect("it replaces that of an earlier run");
        fs::remove_dir_all(&work).expect("the image's directory is ours");
        place
    })
}

/// By another process, since a descriptor open for writing could be inherited by a child of another
/// test's thread, and executing the file fails meanwhile.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy {}", from.display());
}

fn tar(archive: &Path, dir: &Path, names: &[&str]) {
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--mtime=@0", "--numeric-owner", "-cf"]).arg(archive);
    let packed = command.arg("-C").arg(dir).args(names).status();
    assert!(packed.is_ok_and(|status| status.success()), "cannot pack {}", dir.display());
}

fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().expect("coreutils are there");
    String::from_utf8(output.stdout)
        .expect("the image's directory is ours")
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned()
}
