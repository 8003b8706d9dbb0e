// SPDX-License-Identifier: Apache-2.0
//! create, start, state, kill, delete, list, pause: the life of a container and its errors.

use brig_testkit::{Case, Kind, expect_soon, needs, process};
use serde_json::json;
use std::fs;

#[test]
fn create_start_delete_passes_through_every_status() {
    needs!(root, runtime);
    let mut case = Case::new(&["init"]);
    case.config["annotations"] = json!({"org.example.key": "value"});
    let created = case.create();
    let state = case.state();
    assert_eq!(state["status"], "created");
    assert_eq!(state["id"], case.id());
    assert_eq!(state["bundle"], json!(case.dir()));
    assert_eq!(state["annotations"]["org.example.key"], "value");
    assert!(state["ociVersion"].as_str().is_some_and(|text| text.starts_with("1.")), "{state}");
    let pid = case.pid();
    assert!(process::is_alive(pid));
    assert_eq!(created.later_stdout(), "", "the process must wait for start");
    case.start();
    created.expect_later("ready");
    assert_eq!(case.status(), "running");
    assert_eq!(case.pid(), pid, "start keeps the process");
    drop(case.kill("TERM").ok());
    case.expect_status("stopped");
    assert_eq!(created.later_stdout(), "ready\nSIGTERM\n");
    drop(case.delete().ok());
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}

#[test]
fn state_of_a_container_that_ended_by_itself_is_stopped() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "3"]);
    drop(case.create());
    case.start();
    case.expect_status("stopped");
    drop(case.command(["start", case.id()]).output().fails());
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn start_twice_is_refused_and_harms_nothing() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    drop(case.command(["start", case.id()]).output().fails());
    assert_eq!(case.status(), "running");
    case.delete_force();
    case.finish();
}

#[test]
fn delete_running_is_refused_and_harms_nothing() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    drop(case.delete().fails().says(&["running", "stopped"]));
    assert_eq!(case.status(), "running");
    case.delete_force();
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}

#[test]
fn delete_force_of_a_created_container_ends_its_process() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let created = case.create();
    let pid = case.pid();
    case.delete_force();
    expect_soon("the end of the process", || (!process::is_alive(pid)).then_some(()));
    assert_eq!(created.later_stdout(), "", "the command never ran");
    case.finish();
}

#[test]
fn kill_of_a_created_container_ends_it_before_the_command_runs() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let created = case.create();
    drop(case.kill("KILL").ok());
    case.expect_status("stopped");
    drop(case.command(["start", case.id()]).output().fails());
    drop(case.delete().ok());
    assert_eq!(created.later_stdout(), "");
    case.finish();
}

#[test]
fn commands_on_a_missing_container_fail_and_say_so() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    for command in [
        vec!["state", "missing"],
        vec!["start", "missing"],
        vec!["kill", "missing", "TERM"],
        vec!["delete", "missing"],
        vec!["exec", "missing", "/probe"],
        vec!["pause", "missing"],
        vec!["ps", "missing"],
    ] {
        let output = case.command(&command).output().fails();
        drop(output.says(&["not exist", "no such"]));
    }
    case.finish();
}

#[test]
fn delete_force_of_a_missing_container_succeeds() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.command(["delete", "--force", "missing"]).output().ok());
    case.finish();
}

#[test]
fn create_with_an_id_in_use_is_refused_and_harms_nothing() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let pid = case.pid();
    drop(case.with_bundle("create", &[]).output().fails().says(&["exist"]));
    assert_eq!((case.status().as_str(), case.pid()), ("running", pid));
    case.delete_force();
    case.finish();
}

#[test]
fn create_with_an_invalid_id_is_refused_before_anything_is_made() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    case.save();
    let bundle = case.dir().display().to_string();
    for id in ["", "../up", "a/b", ".."] {
        drop(case.command(["run", "--bundle", &bundle, id]).output().fails());
    }
    assert!(fs::symlink_metadata(case.root.path("up")).is_err());
    case.finish();
}

#[test]
fn create_with_words_that_no_id_may_have_is_refused() {
    needs!(root, runtime, strict_ids);
    let case = Case::new(&["exit", "0"]);
    case.save();
    let bundle = case.dir().display().to_string();
    for id in ["a b", "a\nb", "ä", "a:b", "a*", "/abs"] {
        drop(case.command(["run", "--bundle", &bundle, id]).output().fails());
    }
    case.finish();
}

#[test]
fn kill_knows_signals_by_name_prefix_and_number() {
    needs!(root, runtime);
    for signal in ["USR1", "SIGUSR1", "10"] {
        let case = Case::new(&["echo", "ready", "--", "trap-signal", "USR1"]);
        let output = case.launch();
        output.expect_later("ready\nready\n");
        drop(case.kill(signal).ok());
        case.expect_status("stopped");
        assert_eq!(output.later_stdout(), "ready\nready\nSIGUSR1\n");
        drop(case.delete().ok());
        case.finish();
    }
}

#[test]
fn kill_without_a_signal_sends_term() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let output = case.launch();
    drop(case.command(["kill", case.id()]).output().ok());
    case.expect_status("stopped");
    assert!(output.later_stdout().ends_with("SIGTERM\n"));
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn kill_with_an_unknown_signal_is_refused() {
    needs!(root, runtime, strict_signals);
    let case = Case::new(&["init"]);
    drop(case.launch());
    for signal in ["NOSUCH", "-1", "999"] {
        drop(case.kill(signal).fails());
    }
    assert_eq!(case.status(), "running");
    case.delete_force();
    case.finish();
}

#[test]
fn kill_of_a_stopped_container_fails() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    drop(case.create());
    case.start();
    case.expect_status("stopped");
    drop(case.kill("TERM").fails());
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn kill_all_reaches_every_process() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["background", "sleep", "100", "--", "init"]);
    drop(case.launch());
    let pids = case.cgroup_value("pids", "cgroup.procs");
    assert_eq!(pids.lines().count(), 2);
    drop(case.command(["kill", "--all", case.id(), "KILL"]).output().ok());
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn delete_force_without_a_pid_namespace_ends_every_process() {
    needs!(root, runtime, cgroups);
    let mut case = Case::new(&["background", "sleep", "100", "--", "init"]);
    case.without_namespace("pid");
    drop(case.launch());
    let pids = case.cgroup_value("pids", "cgroup.procs");
    assert_eq!(pids.lines().count(), 2);
    case.delete_force();
    for pid in pids.lines().filter_map(|pid| pid.parse().ok()) {
        expect_soon("the end of every process", || (!process::is_alive(pid)).then_some(()));
    }
    case.finish();
}

#[test]
fn list_shows_the_container_and_nothing_else() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    assert_eq!(case.command(["list", "-q"]).output().ok().text(), "");
    drop(case.create());
    assert_eq!(case.command(["list", "-q"]).output().ok().text(), case.id());
    let all = case.command(["list", "--format", "json"]).output().ok().json();
    assert_eq!(all[0]["id"], case.id());
    assert_eq!(all[0]["status"], "created");
    assert_eq!(all[0]["bundle"], json!(case.dir()));
    assert_eq!(all[0]["pid"], json!(case.pid()));
    let table = case.command(["list"]).output().ok();
    let head = table.lines()[0].split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    // crun calls the first column NAME.
    assert!(head == "ID PID STATUS" || case.runtime.kind() == Kind::Crun, "{head}");
    case.delete_force();
    assert_eq!(case.command(["list", "-q"]).output().ok().text(), "");
    case.finish();
}

#[test]
fn pause_freezes_and_resume_thaws() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["init"]);
    drop(case.launch());
    drop(case.command(["pause", case.id()]).output().ok());
    assert_eq!(case.status(), "paused");
    let frozen = case.cgroup_limit("freezer", "freezer.state", "cgroup.freeze");
    assert!(["FROZEN", "1"].contains(&frozen.as_str()), "{frozen}");
    drop(case.delete().fails());
    drop(case.command(["resume", case.id()]).output().ok());
    assert_eq!(case.status(), "running");
    drop(case.kill("TERM").ok());
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn delete_force_of_a_paused_container_succeeds() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["init"]);
    drop(case.launch());
    drop(case.command(["pause", case.id()]).output().ok());
    case.delete_force();
    case.finish();
}

#[test]
fn ps_lists_the_processes_of_the_container() {
    needs!(root, runtime, cgroups);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let pid = case.pid();
    let pids = case.command(["ps", "--format", "json", case.id()]).output().ok().json();
    assert_eq!(pids, json!([pid]));
    case.delete_force();
    case.finish();
}

#[test]
fn ps_table_is_that_of_ps() {
    needs!(root, runtime, cgroups, ps_table);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let table = case.command(["ps", case.id()]).output().ok();
    assert!(table.lines()[0].contains("PID") && table.lines()[0].contains("CMD"), "{table}");
    assert!(table.lines()[1].contains("/probe init"), "{table}");
    case.delete_force();
    case.finish();
}

#[test]
fn pid_file_of_create_names_the_process_as_the_host_sees_it() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let file = case.root.path("pid");
    let flags = ["--pid-file", file.to_str().unwrap()];
    drop(case.with_bundle("create", &flags).output().ok());
    assert_eq!(fs::read_to_string(&file).unwrap(), case.pid().to_string());
    case.delete_force();
    case.finish();
}

#[test]
fn run_detached_returns_while_the_container_runs() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let file = case.root.path("pid");
    let flags = ["--detach", "--pid-file", file.to_str().unwrap()];
    let output = case.with_bundle("run", &flags).output().ok();
    output.expect_later("ready");
    assert_eq!(fs::read_to_string(&file).unwrap(), case.pid().to_string());
    assert_eq!(case.status(), "running");
    drop(case.kill("TERM").ok());
    case.expect_status("stopped");
    drop(case.delete().ok());
    case.finish();
}

#[test]
fn bundle_defaults_to_the_working_directory() {
    needs!(root, runtime);
    let case = Case::new(&["echo", "here"]);
    case.save();
    let output = case.command(["run", case.id()]).cwd(case.dir()).output().ok();
    assert_eq!(output.text(), "here");
    case.finish();
}

#[test]
fn bundle_may_be_a_relative_path() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    case.save();
    let command = case.command(["create", "--bundle", "c1", case.id()]);
    let created = command.cwd(case.root.dir()).output().ok();
    assert_eq!(case.state()["bundle"], json!(case.dir()));
    case.start();
    created.expect_later("ready");
    case.delete_force();
    case.finish();
}
