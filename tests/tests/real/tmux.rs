// SPDX-License-Identifier: Apache-2.0
//! An interactive shell in tmux: a terminal emulator that somebody else wrote judges every byte.

use super::{ALPINE, DEBIAN, engine_with};
use crate::engine::Engine;
use brig_testkit::{Invocation, binaries, expect_soon, needs, wait_for};
use std::fs;
use std::time::Duration;

/// The prompt of the host's shell.
const HOST: &str = "host>";

/// One window of a tmux server of the test's own. The server ends with it.
struct Window<'a> {
    engine: &'a Engine,
}

impl<'a> Window<'a> {
    /// A window of 100 columns and 30 rows with a shell of the host in it.
    fn open(engine: &'a Engine) -> Self {
        let window = Self { engine };
        let shell = ["bash", "--norc", "--noprofile", "-i"];
        let start = window.tmux(&["new-session", "-d", "-x", "100", "-y", "30", "--"]).args(shell);
        // The server passes its own environment on to the shell.
        let start = start.env("PS1", format!("{HOST} ")).env("BRIG", binaries::require("brig"));
        drop(start.env("LC_ALL", "C.UTF-8").env("TERM", "xterm").output().ok());
        window.expect_last(HOST);
        window
    }

    fn tmux(&self, words: &[&str]) -> Invocation {
        let socket = self.engine.root.path("tmux");
        let server = self.engine.root.invocation("tmux").args(["-u", "-f", "/dev/null", "-S"]);
        server.args([socket]).args(words)
    }

    /// Types a line.
    fn line(&self, text: &str) {
        drop(self.tmux(&["send-keys", "-l", "--", text]).output().ok());
        self.key("Enter");
    }

    /// Presses a key, by tmux's name for it.
    fn key(&self, key: &str) {
        drop(self.tmux(&["send-keys", "--", key]).output().ok());
    }

    fn resize(&self, columns: &str, rows: &str) {
        drop(self.tmux(&["resize-window", "-x", columns, "-y", rows]).output().ok());
    }

    /// What a person sees.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).output().ok().stdout().to_owned()
    }

    /// Waits until a person sees `text`.
    #[track_caller]
    fn expect(&self, text: &str) {
        self.expect_that(text, |screen| screen.contains(text));
    }

    #[track_caller]
    fn expect_that(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let seen = wait_for(Duration::from_secs(10), || holds(&self.screen()).then_some(()));
        assert!(seen.is_some(), "waited in vain for {what}; the screen:\n{}", self.screen());
    }

    /// Waits until the last line that is not empty is `line`.
    #[track_caller]
    fn expect_last(&self, line: &str) {
        self.expect_that(line, |screen| screen.trim_end().lines().last() == Some(line.trim_end()));
    }

    /// The settings of the terminal but for its size, asked by the host's shell in it.
    fn settings(&self, name: &str) -> String {
        let file = self.engine.root.path(name);
        self.line(&format!("stty -a > {0}.new; mv {0}.new {0}", file.display()));
        let all = expect_soon("the settings", || fs::read_to_string(&file).ok());
        all.split_once('\n').expect("the first line has the size").1.to_owned()
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        drop(self.tmux(&["kill-server"]).output());
    }
}

/// Waits until a process of the container has these words.
fn expect_process(engine: &Engine, container: &str, words: &str) {
    expect_soon(&format!("`{words}` in {container}"), || {
        engine.ok(["exec", container, "ps", "-o", "args"]).contains(words).then_some(())
    });
}

#[test]
fn tmux_shell_of_alpine_is_a_terminal_and_leaves_the_hosts_sane() {
    needs!(root, brig, alpine_image, tmux);
    let engine = engine_with("alpine");
    let window = Window::open(&engine);
    let before = window.settings("before");
    window.line(&format!("$BRIG run --rm -it --name shell {ALPINE}"));
    window.expect_last("/ #");
    window.line("echo $((6*7))-$(tty)-$(stty size)");
    window.expect("42-/dev/pts/0-30 100");
    window.resize("132", "43");
    window.line("clear; echo now $(stty size)");
    window.expect("now 43 132");
    window.line("exit 3");
    window.expect_last(HOST);
    window.line("echo status=$?");
    window.expect("status=3");
    window.resize("100", "30");
    assert!(before.contains(" icanon ") && before.contains(" echo "), "{before}");
    assert_eq!(window.settings("after"), before);
    drop(window);
    engine.finish();
}

#[test]
fn tmux_keys_control_the_jobs_of_the_container() {
    needs!(root, brig, alpine_image, tmux);
    let engine = engine_with("alpine");
    let window = Window::open(&engine);
    window.line(&format!("$BRIG run --rm -it --name shell {ALPINE}"));
    window.expect_last("/ #");
    window.line("sleep 1001");
    expect_process(&engine, "shell", "sleep 1001");
    window.key("C-c");
    window.line("echo interrupted=$?");
    window.expect("interrupted=130");
    window.line("sleep 1002");
    expect_process(&engine, "shell", "sleep 1002");
    window.key("C-z");
    window.expect("Stopped");
    window.line("jobs; bg");
    window.expect("[1] sleep 1002");
    window.line("fg");
    window.key("C-c");
    window.line("jobs; echo all=$?");
    window.expect("all=0");
    window.line("cat > /tmp/typed");
    window.line("two words");
    window.key("C-d");
    window.line("echo $(cat /tmp/typed)=typed");
    window.expect("two words=typed");
    window.key("C-d");
    window.expect_last(HOST);
    drop(window);
    engine.finish();
}

#[test]
fn tmux_shows_full_screen_programs_and_their_redraws() {
    needs!(root, brig, alpine_image, tmux);
    let engine = engine_with("alpine");
    let window = Window::open(&engine);
    window.line(&format!("$BRIG run --rm -it --name shell {ALPINE}"));
    window.expect_last("/ #");
    window.line("vi /tmp/text");
    let empty_lines = |screen: &str| screen.lines().filter(|line| line.trim_end() == "~").count();
    window.expect_that("an empty file in vi", |screen| empty_lines(screen) == 28);
    window.resize("90", "20");
    window.expect_that("a smaller vi", |screen| empty_lines(screen) == 18);
    drop(window.tmux(&["send-keys", "-l", "iwritten in vi"]).output().ok());
    window.expect("I /tmp/text");
    window.key("Escape");
    // The start of a sequence until nothing has followed it for a moment.
    window.expect("- /tmp/text");
    window.line(":wq");
    window.expect_last("/ #");
    window.line("clear; cat /tmp/text");
    window.expect_that("the text alone", |screen| screen.starts_with("written in vi\n"));
    window.line("top -d 1");
    window.expect_that("a table of processes", |screen| {
        screen.starts_with("Mem: ")
            && screen.contains("PID  PPID USER")
            && screen.contains("top -d 1")
    });
    window.key("q");
    window.line("clear; echo $((40+2))");
    window.expect_that("a clean screen", |screen| screen.starts_with("42\n"));
    window.line("exit");
    window.expect_last(HOST);
    drop(window);
    engine.finish();
}

#[test]
fn tmux_shell_of_debian_edits_lines_and_comes_back_after_detach() {
    needs!(root, brig, debian_image, tmux);
    let engine = engine_with("debian");
    let window = Window::open(&engine);
    window.line(&format!("$BRIG run -it --name shell --hostname box {DEBIAN}"));
    window.expect_last("root@box:/#");
    window.line("echo $((20+1)) ünïcode");
    window.expect("21 ünïcode");
    // The line from the history, its end changed.
    window.key("Up");
    window.key("BSpace");
    window.line("d again");
    window.expect("21 ünïcodd again");
    // Completion by the only file that fits.
    drop(window.tmux(&["send-keys", "-l", "ls /etc/debian_v"]).output().ok());
    window.key("Tab");
    window.expect("ls /etc/debian_version");
    window.key("C-u");
    window.key("C-p");
    window.key("C-q");
    window.expect_that("the host's prompt", |screen| screen.trim_end().ends_with(HOST));
    assert_eq!(engine.state("shell"), "running");
    window.line("clear; $BRIG attach shell");
    window.key("Enter");
    window.expect("root@box:/#");
    window.line("exit");
    window.expect_last(HOST);
    drop(window);
    assert_eq!(engine.state("shell"), "exited");
    drop(engine.ok(["rm", "shell"]));
    engine.finish();
}

#[test]
fn tmux_window_that_is_closed_leaves_the_container_running() {
    needs!(root, brig, alpine_image, tmux);
    let engine = engine_with("alpine");
    let window = Window::open(&engine);
    window.line(&format!("$BRIG run --rm -it --name shell {ALPINE}"));
    window.expect_last("/ #");
    drop(window);
    let brig = binaries::require("brig").display().to_string();
    expect_soon("the end of the command", || {
        let alive = brig_testkit::process::all();
        let waits = |pid: &i32| {
            let line = brig_testkit::process::command_line(*pid);
            line.starts_with(&brig) && line.contains("--name shell")
        };
        // Another test of this module may have a command of the same words: its root tells.
        let own = alive.iter().filter(|pid| waits(pid)).any(|pid| {
            fs::read_to_string(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.contains(engine.root.id()))
        });
        (!own).then_some(())
    });
    assert_eq!(engine.state("shell"), "running");
    drop(engine.ok(["rm", "-f", "shell"]));
    engine.finish();
}
