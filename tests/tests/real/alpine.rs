// SPDX-License-Identifier: Apache-2.0
//! A genuine Alpine: musl, busybox, apk, sudo.

use super::{ALPINE, engine_with, web};
use crate::engine::Engine;
use brig_testkit::{Output, needs};

/// `run --rm [FLAG..] alpine sh -c SCRIPT`
fn shell(engine: &Engine, flags: &[&str], script: &str) -> Output {
    let run = engine.brig(["run", "--rm"]).args(flags);
    run.args([ALPINE, "sh", "-c", script]).output()
}

#[track_caller]
fn says(engine: &Engine, flags: &[&str], script: &str) -> String {
    shell(engine, flags, script).ok().text().to_owned()
}

#[test]
fn alpine_runs_apk_and_audits_itself() {
    needs!(root, brig, alpine_image);
    let engine = engine_with("alpine");
    assert!(says(&engine, &[], "apk --version").starts_with("apk-tools "));
    assert!(says(&engine, &[], "cat /etc/alpine-release").starts_with("3."));
    let packages = says(&engine, &[], "apk info");
    assert!(packages.lines().any(|line| line == "musl"), "{packages}");
    // Files that differ from their package: none below the directories of programs and libraries.
    let audit = says(&engine, &[], "apk audit --system /usr/bin /usr/sbin /bin /sbin");
    assert_eq!(audit.lines().filter(|line| line.starts_with("U ")).count(), 0, "{audit}");
    engine.finish();
}

#[test]
fn alpine_resolves_users_by_its_own_databases() {
    needs!(root, brig, alpine_image);
    let engine = engine_with("alpine");
    let nobody = "uid=65534(nobody) gid=65534(nobody) groups=65534(nobody)";
    assert_eq!(says(&engine, &["-u", "nobody"], "id"), nobody);
    let root = says(&engine, &[], "id");
    assert!(root.starts_with("uid=0(root) gid=0(root) groups=0(root),1(bin)"), "{root}");
    assert_eq!(says(&engine, &["-u", "quicksand"], "id -u; echo $HOME"), "1000\n/home/quicksand");
    let script = "touch /root/x || touch /tmp/mine && stat -c %U /tmp/mine";
    assert_eq!(says(&engine, &["-u", "nobody"], script), "nobody");
    assert_eq!(says(&engine, &[], "su -s /bin/sh nobody -c 'id -un'"), "nobody");
    engine.finish();
}

#[test]
fn alpine_sudo_needs_no_new_privileges_off() {
    needs!(root, brig, alpine_image);
    let engine = engine_with("alpine");
    // An ordinary user gets as far as the password, by sudo's mode alone.
    let script = "stat -c '%a %U' /usr/bin/sudo; su -s /bin/sh nobody -c 'sudo -n id'";
    let allowed = ["--security-opt", "no-new-privileges=false"];
    drop(shell(&engine, &allowed, script).fails().says(&["a password is required"]));
    let refused = shell(&engine, &[], script).fails().says(&["no new privileges"]);
    assert_eq!(refused.text(), "4755 root");
    assert_eq!(says(&engine, &[], "sudo -n -u nobody id -un"), "nobody");
    engine.finish();
}

#[test]
fn alpine_commands_behind_absolute_links_run() {
    needs!(root, brig, alpine_image);
    let engine = engine_with("alpine");
    // /bin/ls is a link to /bin/busybox: absolute, so inside the container's root.
    assert_eq!(says(&engine, &[], "readlink /bin/ls"), "/bin/busybox");
    let output = engine.brig(["run", "--rm", ALPINE, "ls", "-d", "/etc/apk"]).output();
    assert_eq!(output.ok().text(), "/etc/apk");
    engine.finish();
}

#[test]
fn alpine_serves_the_web_on_the_hosts_network() {
    needs!(root, brig, alpine_image);
    let engine = engine_with("alpine");
    let port = web::free_port();
    // Alpine's busybox has no httpd; its nc starts a program for each caller.
    let script = "cat > /tmp/answer <<'S'\n#!/bin/sh\nread -r line\n\
        while read -r header && [ ${#header} -gt 1 ]; do :; done\n\
        printf 'HTTP/1.0 200 OK\\r\\n\\r\\n%s of alpine %s\\n' \"$line\" \"$(cat /etc/alpine-release)\"\nS\n\
        chmod +x /tmp/answer; exec nc -lk -s 127.0.0.1 -p $0 -e /tmp/answer";
    let started = engine.brig(["run", "-d", "--name", "web", "--network", "host", ALPINE]);
    drop(started.args(["sh", "-c", script]).args([port.to_string()]).output().ok());
    let answer = web::fetch(port, "/page");
    assert!(answer.contains("GET /page HTTP/1.0") && answer.contains(" of alpine 3."), "{answer}");
    let fetch = format!("curl -fsS http://127.0.0.1:{port}/inside");
    let inside = engine.ok(["exec", "web", "sh", "-c", &fetch]);
    assert!(inside.contains("GET /inside"), "{inside}");
    drop(engine.ok(["rm", "-f", "web"]));
    assert!(!web::is_open(port), "the port is still open");
    engine.finish();
}
