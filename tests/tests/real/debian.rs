// SPDX-License-Identifier: Apache-2.0
//! A Debian made by debootstrap: packages, Python, users, apt, a web server.

use super::{DEBIAN, engine_with, repository, web};
use crate::engine::Engine;
use brig_testkit::{Invocation, Output, TestRoot, needs, test_name};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `run --rm [FLAG..] debian COMMAND..`
fn run_command(engine: &Engine, flags: &[&str], command: &[&str]) -> Invocation {
    engine.brig(["run", "--rm"]).args(flags).args([DEBIAN]).args(command)
}

#[track_caller]
fn run(engine: &Engine, flags: &[&str], command: &[&str]) -> Output {
    run_command(engine, flags, command).output().ok()
}

/// The same of a shell's script.
#[track_caller]
fn shell(engine: &Engine, flags: &[&str], script: &str) -> String {
    run(engine, flags, &["bash", "-c", script]).text().to_owned()
}

#[test]
fn debian_runs_python() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let script = "import json, os, ssl, sqlite3, subprocess, threading\n\
        found = []\n\
        thread = threading.Thread(target=lambda: found.append(os.getpid()))\n\
        thread.start(); thread.join()\n\
        child = subprocess.run(['uname', '-s'], capture_output=True, text=True, check=True)\n\
        print(json.dumps({'pid': found, 'child': child.stdout, 'uid': os.getuid()}))";
    let answer = run(&engine, &[], &["python3", "-c", script]).json();
    assert_eq!(answer, serde_json::json!({"pid": [1], "child": "Linux\n", "uid": 0}));
    let fails = run_command(&engine, &[], &["python3", "-c", "raise SystemExit(42)"]);
    drop(fails.output().exits(42));
    let piped = run_command(&engine, &["-i"], &["python3", "-"]).stdin("print(6 * 7)");
    assert_eq!(piped.output().ok().text(), "42");
    engine.finish();
}

#[test]
fn debian_knows_its_packages_and_finds_every_file_of_them_intact() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let listed = run(&engine, &[], &["dpkg", "-l"]);
    let installed = listed.lines().iter().filter(|line| line.starts_with("ii ")).count();
    assert!(installed > 80, "{listed}");
    // Every checksum of every package: the image store lost and bent nothing.
    assert_eq!(run(&engine, &[], &["dpkg", "--verify"]).text(), "");
    engine.finish();
}

#[test]
fn debian_files_belong_to_their_users_and_keep_their_modes() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let script = "stat -c '%a %U:%G %n' / /tmp /etc/shadow /var/mail /usr/bin/su /usr/bin/chage";
    let expected = "755 root:root /\n1777 root:root /tmp\n640 root:shadow /etc/shadow\n\
        2775 root:mail /var/mail\n4755 root:root /usr/bin/su\n2755 root:shadow /usr/bin/chage";
    assert_eq!(shell(&engine, &[], script), expected);
    // Nobody owns a file that the system does not know.
    assert_eq!(shell(&engine, &[], "find / -xdev '(' -nouser -o -nogroup ')'"), "");
    engine.finish();
}

#[test]
fn debian_switches_users_in_every_way() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let www = "uid=33(www-data) gid=33(www-data) groups=33(www-data)";
    let setpriv = "setpriv --reuid www-data --regid www-data --init-groups id";
    assert_eq!(shell(&engine, &[], setpriv), www);
    assert_eq!(shell(&engine, &[], "su -s /bin/sh www-data -c id"), www);
    assert_eq!(shell(&engine, &["-u", "www-data"], "id"), www);
    let python = "import os\n\
        os.setgroups([]); os.setgid(33); os.setuid(33)\n\
        print(os.getresuid(), os.getresgid(), os.getgroups())\n\
        try: os.setuid(0)\n\
        except PermissionError: print('no way back')\n\
        try: open('/etc/shadow')\n\
        except PermissionError: print('no secrets')";
    let answer = run(&engine, &[], &["python3", "-c", python]);
    assert_eq!(answer.text(), "(33, 33, 33) (33, 33, 33) []\nno way back\nno secrets");
    let script = "useradd -m -u 4000 jane && install -o jane -m 600 /dev/null /home/jane/own \
        && stat -c %U /home/jane/own && su jane -c 'id -un; touch /home/jane/new; test ! -w /etc'";
    assert_eq!(shell(&engine, &[], script), "jane\njane");
    engine.finish();
}

#[test]
fn debian_set_user_id_programs_work_once_they_are_allowed() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    // Root's password is empty: su, started by an ordinary user, becomes root by its mode alone.
    let script = "passwd -qd root && setpriv --reuid 33 --regid 33 --clear-groups su -c 'id -u'";
    let allowed = ["--security-opt", "no-new-privileges=false"];
    assert_eq!(shell(&engine, &allowed, script), "0");
    let refused = run_command(&engine, &[], &["bash", "-c", script]).output();
    assert_ne!(refused.code(), Some(0), "no_new_privs is on by default: {refused}");
    engine.finish();
}

#[test]
fn debian_symlinked_directories_are_followed_inside_the_root_only() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    assert_eq!(shell(&engine, &[], "readlink /bin /sbin /lib"), "usr/bin\nusr/sbin\nusr/lib");
    let tool = engine.root.path("tool");
    fs::write(&tool, "#!/bin/sh\necho a tool of the host\n").unwrap();
    drop(engine.root.invocation("chmod").args(["755".as_ref(), tool.as_os_str()]).output().ok());
    // Through /bin, which is a symbolic link inside, onto a file that is not there yet.
    let volume = format!("{}:/bin/the-tool:ro", tool.display());
    let script = "ls -d /usr/bin/the-tool && the-tool && readlink /bin";
    let said = "/usr/bin/the-tool\na tool of the host\nusr/bin";
    assert_eq!(shell(&engine, &["-v", &volume], script), said);
    assert_eq!(shell(&engine, &["-w", "/bin"], "pwd -P"), "/usr/bin");
    assert!(fs::metadata("/usr/bin/the-tool").is_err());
    engine.finish();
}

#[test]
fn debian_installs_a_package_by_apt_on_the_hosts_network() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let apt = HostApt::new(&engine.root);
    if let Some(why) = apt.unreachable(&engine.root) {
        needs::skip(test_name!(), "mirror", &why);
        engine.finish();
        return;
    }
    let script = "set -e; apt-get update; apt-get install -y --no-install-recommends tree; \
        tree --version; dpkg -s tree; stat -c 'owned by %U:%G' /usr/bin/tree; tree -L 1 /var/lib/dpkg";
    let mut flags = vec!["--network".to_owned(), "host".to_owned()];
    flags.extend(apt.flags());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let install = run_command(&engine, &flags, &["bash", "-c", script]);
    let output = install.timeout(Duration::from_secs(100)).output().ok();
    for wanted in ["tree v2", "Status: install ok installed", "owned by root:root", "|-- info"] {
        assert!(output.stdout().contains(wanted), "no `{wanted}` in {output}");
    }
    // What was installed was that container's own.
    drop(run_command(&engine, &[], &["tree"]).output().exits(127));
    engine.finish();
}

#[test]
fn debian_python_serves_the_web_on_the_hosts_network() {
    needs!(root, brig, debian_image);
    let engine = engine_with("debian");
    let port = web::free_port().to_string();
    let serve = "echo served by $(. /etc/os-release; echo $ID) > /srv/page && cd /srv && \
        exec python3 -u -m http.server --bind 127.0.0.1 ";
    let script = format!("{serve}{port} 2>&1");
    let flags = ["run", "-d", "--name", "web", "--network", "host", "-u", "www-data"];
    // As an ordinary user, in a directory that is its own.
    let started = engine.brig(flags).args(["--tmpfs", "/srv:mode=1777", DEBIAN, "bash", "-c"]);
    drop(started.args([&script]).output().ok());
    let number = port.parse().unwrap();
    let answer = web::fetch(number, "/page");
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("served by debian"), "{answer}");
    assert!(web::fetch(number, "/nothing").starts_with("HTTP/1.0 404"));
    drop(engine.expect_log("web", "\"GET /nothing HTTP/1.0\" 404"));
    // The same server from inside, and from another container on the same network.
    let ask = "import urllib.request as r, sys; \
        print(r.urlopen('http://127.0.0.1:%s/page' % sys.argv[1]).read().decode().strip())";
    let inside = engine.ok(["exec", "web", "python3", "-c", ask, &port]);
    assert_eq!(inside, "served by debian");
    let beside = run(&engine, &["--network", "host"], &["python3", "-c", ask, &port]);
    assert_eq!(beside.text(), "served by debian");
    // A container of its own network does not reach it.
    let apart = run_command(&engine, &["--network", "none"], &["python3", "-c", ask, &port]);
    drop(apart.output().fails());
    drop(engine.ok(["rm", "-f", "web"]));
    assert!(!web::is_open(number), "the port is still open");
    engine.finish();
}

/// How this machine's apt reaches Debian, handed to a container.
struct HostApt {
    mirror: String,
    sources: PathBuf,
    conf: PathBuf,
}

impl HostApt {
    fn new(root: &TestRoot) -> Self {
        let script = repository().join("scripts/real-images.sh");
        let ask = root.invocation(script).args(["--mirror"]);
        let mirror = ask.output().ok().text().trim_end_matches('/').to_owned();
        let (sources, conf) = (root.path("sources.list"), root.path("apt.conf"));
        fs::write(&sources, format!("deb {mirror} bookworm main\n")).expect("the root takes files");
        let config = root.invocation("apt-config").args(["dump", "Acquire"]).output().ok();
        let of_network = |line: &&&str| line.contains("::Proxy") || line.contains("::Check-");
        let lines: Vec<&str> = config.lines().iter().filter(of_network).copied().collect();
        fs::write(&conf, lines.join("\n") + "\n").expect("the root takes files");
        Self { mirror, sources, conf }
    }

    /// Why the host itself cannot fetch from its mirror.
    fn unreachable(&self, root: &TestRoot) -> Option<String> {
        let file = format!("{}/dists/bookworm/InRelease", self.mirror);
        let fetch = root.invocation("/usr/lib/apt/apt-helper").args(["download-file", &file]);
        let fetch = fetch.args([root.path("InRelease")]).timeout(Duration::from_secs(60)).output();
        (fetch.code() != Some(0)).then(|| format!("the host cannot fetch {file}"))
    }

    fn flags(&self) -> Vec<String> {
        let volume = |from: &Path, to: &str| format!("{}:{to}:ro", from.display());
        let mut flags = vec!["-v".to_owned(), volume(&self.sources, "/etc/apt/sources.list")];
        flags.extend(["-v".to_owned(), volume(&self.conf, "/etc/apt/apt.conf.d/99host")]);
        // A mirror behind TLS is judged by what this machine trusts.
        flags.extend(["-v".to_owned(), volume(Path::new("/etc/ssl/certs"), "/etc/ssl/certs")]);
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if std::env::var_os(name).is_some() {
                flags.extend(["-e".to_owned(), name.to_owned()]);
            }
        }
        flags
    }
}
