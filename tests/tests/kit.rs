// SPDX-License-Identifier: Apache-2.0
//! The test kit judged by itself: a check that cannot fail is worth nothing.

use brig_testkit::fault::{self, Action};
use brig_testkit::pty::PtySession;
use brig_testkit::{
    Bundle, TestRoot, binaries, cgroup, expect_soon, leak, needs, netns, process, wait_for,
};
use std::fs;
use std::time::Duration;

/// What the leak check says of `root`, in one text.
fn leaks(root: &TestRoot) -> String {
    leak::of(root).join("\n")
}

#[test]
fn leak_check_of_an_unused_root_finds_nothing() {
    needs!(root);
    let root = TestRoot::new();
    assert_eq!(leaks(&root), "");
    root.finish();
}

#[test]
fn leak_check_sees_a_process_by_its_arguments() {
    needs!(root);
    let root = TestRoot::new();
    let probe = binaries::probe();
    let running = root
        .invocation(probe)
        .args(["echo", "ready", "--", "sleep", "60"])
        .args([root.dir()])
        .spawn();
    running.expect_stdout("ready");
    assert!(leaks(&root).contains(&format!("process {} (arguments)", running.pid())));
    drop(running);
    root.finish();
}

#[test]
fn leak_check_sees_a_process_by_its_working_directory() {
    needs!(root);
    let root = TestRoot::new();
    let running = root.invocation(binaries::probe()).args(["init"]).cwd(root.dir()).spawn();
    running.expect_stdout("ready");
    assert!(leaks(&root).contains(&format!("process {} (cwd)", running.pid())));
    drop(running);
    root.finish();
}

#[test]
fn leak_check_sees_a_mount_on_the_host_and_in_another_namespace() {
    needs!(root);
    let root = TestRoot::new();
    let target = root.path("mounted");
    fs::create_dir(&target).unwrap();
    rustix::mount::mount_bind(&target, &target).unwrap();
    assert!(leaks(&root).contains("mount of"), "{}", leaks(&root));
    let holder = root.invocation(binaries::probe()).args(["init"]);
    let holder = netns::in_namespaces(holder, "mnt").spawn();
    holder.expect_stdout("ready");
    rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(leaks(&root).contains("mount in the namespace of process"), "{}", leaks(&root));
    drop(holder);
    root.finish();
}

#[test]
fn leak_check_sees_a_cgroup_and_a_process_in_it() {
    needs!(root, cgroups);
    let root = TestRoot::new();
    let directory = root.cgroup("pids", "left");
    fs::create_dir(&directory).unwrap();
    assert!(leaks(&root).contains("/left"), "{}", leaks(&root));
    let running = root.invocation(binaries::probe()).args(["init"]).spawn();
    running.expect_stdout("ready");
    fs::write(directory.join("cgroup.procs"), running.pid().to_string()).unwrap();
    assert!(leaks(&root).contains(&format!("process {} (cgroup)", running.pid())));
    drop(running);
    fs::remove_dir(directory).unwrap();
    root.finish();
}

#[test]
fn leak_check_sees_state_and_a_descriptor() {
    needs!(root);
    let root = TestRoot::new();
    let file = root.path("state/left");
    fs::write(&file, "").unwrap();
    let open = fs::File::open(&file).unwrap();
    let found = leaks(&root);
    assert!(found.contains("file ") && found.contains("descriptor "), "{found}");
    drop(open);
    fs::remove_file(file).unwrap();
    root.finish();
}

#[test]
fn root_dropped_in_a_panic_removes_everything() {
    needs!(root, cgroups);
    let mut left = None;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let root = TestRoot::new();
        let target = root.path("mounted");
        fs::create_dir(&target).unwrap();
        rustix::mount::mount_bind(&target, &target).unwrap();
        let cgroup = root.cgroup("pids", "left");
        fs::create_dir(&cgroup).unwrap();
        let running = root.invocation(binaries::probe()).args(["init"]).cwd(root.dir()).spawn();
        running.expect_stdout("ready");
        fs::write(cgroup.join("cgroup.procs"), running.pid().to_string()).unwrap();
        left = Some((root.dir().to_owned(), cgroup, running.pid()));
        // Nobody but the root will end it.
        std::mem::forget(running);
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let (directory, cgroup, pid) = left.unwrap();
    assert!(fs::metadata(directory).is_err() && fs::metadata(cgroup).is_err());
    assert!(!process::is_alive(pid));
}

#[test]
fn root_that_finishes_with_a_leak_panics() {
    needs!(root);
    let panicked = std::panic::catch_unwind(|| {
        let root = TestRoot::new();
        fs::write(root.path("state/left"), "").unwrap();
        root.finish();
    });
    let text = panicked.unwrap_err();
    let text = text.downcast_ref::<String>().unwrap();
    assert!(text.contains("left behind by this test") && text.contains("state/left"), "{text}");
}

#[test]
fn roots_leave_room_for_socket_paths() {
    needs!(root);
    let root = TestRoot::new();
    let id = "0123456789abcdef".repeat(4);
    let longest = root.path("run/containers").join(id).join("stdin.sock");
    assert!(longest.as_os_str().len() < 108, "{}", longest.display());
    root.finish();
}

#[test]
fn network_namespace_is_empty_and_its_own() {
    needs!(root);
    let root = TestRoot::new();
    let ask = root.invocation(binaries::probe()).args(["interfaces", "--", "ns", "net"]);
    let output = netns::in_netns(ask.clone()).output().ok();
    let host = ask.output().ok();
    assert_ne!(output.lines()[1], host.lines()[1]);
    assert_eq!(output.lines()[0], "{\"lo\":{\"up\":true}}");
    root.finish();
}

#[test]
fn pty_session_types_reads_resizes_and_tells_the_exit_code() {
    needs!(root);
    let root = TestRoot::new();
    let ask = [
        "winsize",
        "--",
        "ctty",
        "--",
        "read-line",
        "--",
        "tty-size-wait",
        "99x9",
        "--",
        "exit",
        "6",
    ];
    let mut session = PtySession::spawn(&root.invocation(binaries::probe()).args(ask));
    session.terminal.expect("80x24\r\ntrue");
    session.terminal.send("a word\n");
    session.terminal.expect("line \"a word\"");
    session.terminal.expect("waiting");
    session.terminal.resize(99, 9);
    drop(session.wait().exits(6));
    root.finish();
}

#[test]
fn fault_points_are_read_in_order_and_faults_passed_on() {
    needs!(root);
    let root = TestRoot::new();
    // A program as the convention describes it.
    let script = "echo a.one >> $BRIG_FAULT_TRACE; echo b.two >> $BRIG_FAULT_TRACE; \
                  echo a.one >> $BRIG_FAULT_TRACE; echo fault $BRIG_FAULT";
    let program = root.invocation("sh").args(["-c", script]);
    let (output, points) = fault::fault_points(&program, &root.path("trace"));
    assert_eq!((output.text(), points), ("fault", vec!["a.one".to_owned(), "b.two".to_owned()]));
    let kill = fault::with_fault(
        &root.invocation("sh").args(["-c", "echo $BRIG_FAULT"]),
        "a.one",
        Action::Kill,
    );
    assert_eq!(kill.output().ok().text(), "a.one=kill");
    root.finish();
}

#[test]
fn program_that_takes_too_long_is_ended_and_fails_the_test() {
    needs!(root);
    let root = TestRoot::new();
    let slow =
        root.invocation(binaries::probe()).args(["sleep", "60"]).timeout(Duration::from_millis(50));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slow.output()));
    assert!(panicked.is_err());
    root.finish();
}

#[test]
fn probe_is_static() {
    needs!(root);
    let root = TestRoot::new();
    let bundle = Bundle::new(&root, "b");
    // In a root with nothing else: no loader, no libraries.
    let output = root.invocation("chroot").args([bundle.rootfs()]).args(["/probe", "uid"]).output();
    assert_eq!(output.ok().text(), "0");
    root.finish();
}

#[test]
fn cgroup_parent_is_gone_when_the_last_root_is() {
    needs!(root, cgroups);
    let root = TestRoot::new();
    let own = cgroup::directories(root.id());
    assert!(own.iter().all(|directory| fs::metadata(directory).is_ok()));
    root.finish();
    assert!(own.iter().all(|directory| fs::metadata(directory).is_err()));
}

#[test]
fn wait_for_sees_a_late_event() {
    needs!(root);
    let root = TestRoot::new();
    let late =
        root.invocation(binaries::probe()).args(["sleep", "0.05", "--", "echo", "now"]).spawn();
    assert!(wait_for(Duration::ZERO, || late.stdout().contains("now").then_some(())).is_none());
    expect_soon("the word", || late.stdout().contains("now").then_some(()));
    drop(late.wait().ok());
    root.finish();
}
