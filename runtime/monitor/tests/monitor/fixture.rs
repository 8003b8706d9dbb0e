// SPDX-License-Identifier: Apache-2.0
//! One container's directories, its monitor, and the check that nothing is left of them.

use crate::client::Client;
use brig_spec::monitor::{
    AutoRemove, Launch, Log, Rootfs, StartEvent, StatusRecord, VERSION, run_files,
};
use brig_spec::runtime::IdMapping;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// First host id of the containers with a user namespace.
pub(crate) const SHIFT: u32 = 100_000;

/// `TMPFS_MAGIC` of `linux/magic.h`.
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the container's root file system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Directory,
    Overlay,
    Idmapped,
}

pub(crate) struct Fixture {
    pub(crate) dir: PathBuf,
    pub(crate) launch: Launch,
    pub(crate) config: Value,
    pub(crate) environment: Vec<(&'static str, String)>,
    cgroup_parent: String,
}

/// A monitor that has reported the outcome of the start.
pub(crate) struct Started {
    pub(crate) monitor: Child,
    /// `None` when the monitor died before it could tell.
    pub(crate) event: Option<StartEvent>,
    pub(crate) client: Option<Client>,
}

/// Returns the runtime under test, or `None`, naming the test that is skipped.
fn runtime(test: &str) -> Option<PathBuf> {
    let name = std::env::var("BRIG_UNDER_TEST").unwrap_or_else(|_| "runc".to_owned());
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|dir| Path::new(dir).join(&name))
        .chain([PathBuf::from(&name)])
        .find(|path| fs::metadata(path).is_ok());
    let missing = if !rustix::process::geteuid().is_root() {
        "root"
    } else if fs::metadata("/bin/busybox").is_err() {
        "/bin/busybox"
    } else if found.is_none() {
        "an OCI runtime"
    } else {
        return found;
    };
    eprintln!("SKIP {test}: needs {missing}");
    None
}

impl Fixture {
    /// Prepares a container that runs `script` in a shell.
    pub(crate) fn new(test: &str, root: Root, script: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let runtime = runtime(test)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(format!("brig-monitor-{test}-{unique}"));
        for sub in ["run", "bundle", "oci", "container/upper", "container/work", "trash"] {
            fs::create_dir_all(dir.join(sub)).unwrap();
        }
        make_busybox_root(&dir.join("layer"));
        let path = |name: &str| dir.join(name).into_os_string().into_string().unwrap();
        let rootfs_path = if root == Root::Directory { path("layer") } else { path("run/rootfs") };
        let cgroup_parent = format!("/brig-monitor-test-{unique}");
        let launch = Launch {
            version: VERSION,
            id: format!("brigtest{unique}"),
            bundle: path("bundle"),
            rootfs: rootfs(&dir, root),
            runtime: runtime.into_os_string().into_string().unwrap(),
            runtime_args: vec!["--root".into(), path("oci")],
            terminal: false,
            stdin_open: false,
            stdin_once: false,
            log: Log {
                driver: "json-file".into(),
                path: path("container/log"),
                max_size_bytes: 10_000_000,
                max_files: 5,
            },
            status_path: path("container/status.json"),
            stop_timeout_s: 10,
            auto_remove: None,
            rootfs_path: rootfs_path.clone(),
        };
        let cgroup = format!("{cgroup_parent}/{}", launch.id);
        let config = config(&rootfs_path, &cgroup, script, root == Root::Idmapped);
        Some(Self { dir, launch, config, environment: Vec::new(), cgroup_parent })
    }

    /// Makes the container one that is removed at its end.
    pub(crate) fn auto_remove(&mut self) -> &mut Self {
        let name = self.path("name");
        fs::write(&name, "").unwrap();
        self.launch.auto_remove = Some(AutoRemove {
            container_dir: self.path("container"),
            trash_dir: self.path("trash"),
            files: vec![name],
        });
        self
    }

    /// Gives the container a terminal and an open stdin.
    pub(crate) fn terminal(&mut self) -> &mut Self {
        self.launch.terminal = true;
        self.launch.stdin_open = true;
        self.config["process"]["terminal"] = json!(true);
        self
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).into_os_string().into_string().unwrap()
    }

    /// Starts the monitor, with a foreground client if asked, and waits for its event.
    pub(crate) fn start(&self, foreground: bool) -> Started {
        let run = self.dir.join("run");
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join(run_files::LAUNCH), serde_json::to_vec(&self.launch).unwrap()).unwrap();
        fs::write(self.dir.join("bundle/config.json"), self.config.to_string()).unwrap();
        // The shell moves its stdin and stdout to the descriptors that the engine would use, and
        // allows few further ones, so that a test sees when their number grows.
        let script = r#"ulimit -n 256; exec "$0" "$1" 3>&1 4<&0 </dev/null >/dev/null"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_brig-monitor")]).arg(&run);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").stdout(Stdio::piped());
        let client = foreground.then(|| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            command.env("BRIG_MONITOR_ATTACH", "1");
            command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
            Client::new(ours)
        });
        if client.is_none() {
            command.stdin(Stdio::null());
        }
        let mut monitor = command.spawn().unwrap();
        drop(command);
        let mut line = String::new();
        BufReader::new(monitor.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let event = (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap());
        Started { monitor, event, client }
    }

    /// Runs the container to its end and returns its last status.
    pub(crate) fn run(&self) -> StatusRecord {
        let mut started = self.start(false);
        assert!(matches!(started.event, Some(StartEvent::Started { .. })), "{:?}", started.event);
        assert!(started.monitor.wait().unwrap().success());
        self.status()
    }

    pub(crate) fn status(&self) -> StatusRecord {
        serde_json::from_slice(&fs::read(&self.launch.status_path).unwrap()).unwrap()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(UnixStream::connect(self.dir.join("run").join(run_files::SOCKET)).unwrap())
    }

    /// Returns the text of one stream from the log.
    pub(crate) fn logged(&self, stream: &str) -> String {
        fs::read_to_string(&self.launch.log.path)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|record| record["stream"] == stream)
            .map(|record| record["log"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Calls the runtime as the engine would.
    pub(crate) fn runtime(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.launch.runtime);
        command.args(&self.launch.runtime_args).args(arguments).arg(&self.launch.id);
        // Some tests name a runtime that does not exist.
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Checks that nothing of the container is left on the machine but plain files of ours.
    pub(crate) fn check_clean(&self) {
        let ours = self.dir.to_str().unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(ours), "a mount is left");
        assert_eq!(fs::read_dir(self.dir.join("oci")).unwrap().count(), 0, "runtime state is left");
        wait_until("the container's processes are gone", || processes_with(ours).is_empty());
        for path in self.cgroups() {
            let left = fs::read_dir(&path).into_iter().flatten().flatten();
            let dirs = left.filter(|entry| entry.file_type().unwrap().is_dir()).count();
            assert_eq!(dirs, 0, "a cgroup is left below {}", path.display());
        }
    }

    /// Checks that the run directory holds nothing that a run has made but the lock.
    pub(crate) fn check_run_dir_clean(&self) {
        let names: Vec<_> = fs::read_dir(self.dir.join("run"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, [run_files::LOCK]);
    }

    fn cgroups(&self) -> Vec<PathBuf> {
        let below = |dir: &Path| dir.join(self.cgroup_parent.trim_start_matches('/'));
        let controllers = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        controllers
            .map(|entry| below(&entry.path()))
            .chain([below(Path::new("/sys/fs/cgroup"))])
            // Where only a tmpfs hides a hierarchy, crun makes plain directories.
            .filter(|path| rustix::fs::statfs(path).is_ok_and(|stat| stat.f_type != TMPFS_MAGIC))
            .collect()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Also when the check fails.
        let _cleanup = Cleanup(self);
        if !std::thread::panicking() {
            self.check_clean();
        }
    }
}

struct Cleanup<'a>(&'a Fixture);

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        self.0.runtime(&["delete", "--force"]);
        for path in self.0.cgroups() {
            drop(fs::remove_dir(path.join(&self.0.launch.id)));
            drop(fs::remove_dir(path));
        }
        drop(brig_state::tree::remove(&self.0.dir));
    }
}

/// Waits for `condition`, which must come true in time.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "timeout: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the pids of monitors and runtimes with `text` on their command line.
fn processes_with(text: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap_or_default())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != own)
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(text)
        })
        .collect()
}

fn make_busybox_root(root: &Path) {
    for dir in ["bin", "proc", "dev", "etc", "tmp", "noexec"] {
        fs::create_dir_all(root.join(dir)).unwrap();
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    let applets = [
        "sh", "true", "false", "cat", "echo", "id", "sleep", "stty", "tail", "touch", "head",
        "tty", "stat", "dd", "seq", "yes", "kill", "ls", "setsid",
    ];
    for applet in applets {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
}

fn rootfs(dir: &Path, root: Root) -> Rootfs {
    let path = |name: &str| dir.join(name).into_os_string().into_string().unwrap();
    let mappings = match root {
        Root::Directory => return Rootfs::Directory,
        Root::Overlay => vec![],
        Root::Idmapped => {
            chown(dir.join("container/upper"), Some(SHIFT), Some(SHIFT)).unwrap();
            vec![IdMapping { container_id: 0, host_id: SHIFT, size: 65536 }]
        }
    };
    fs::create_dir(dir.join("layer2")).unwrap();
    Rootfs::Overlay {
        lower: vec![path("layer2"), path("layer")],
        upper: path("container/upper"),
        work: path("container/work"),
        uid_mappings: mappings.clone(),
        gid_mappings: mappings,
        nosuid: false,
    }
}

fn config(rootfs: &str, cgroup: &str, script: &str, user_namespace: bool) -> Value {
    let mut namespaces = vec![
        json!({"type": "pid"}),
        json!({"type": "mount"}),
        json!({"type": "ipc"}),
        json!({"type": "uts"}),
    ];
    let mut linux = json!({"cgroupsPath": cgroup, "resources": {}});
    if user_namespace {
        namespaces.push(json!({"type": "user"}));
        let mapping = json!([{"containerID": 0, "hostID": SHIFT, "size": 65536}]);
        linux["uidMappings"] = mapping.clone();
        linux["gidMappings"] = mapping;
    }
    linux["namespaces"] = json!(namespaces);
    let capabilities = json!(["CAP_CHOWN", "CAP_KILL", "CAP_DAC_OVERRIDE"]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", script],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities
            },
        },
        "root": {"path": rootfs},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["newinstance", "ptmxmode=0666", "mode=0620"]},
        ],
        "linux": linux,
    })
}
