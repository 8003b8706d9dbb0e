// SPDX-License-Identifier: Apache-2.0
//! Input that is wrong: a clear error, an exit code other than 0, nothing half-made.

use brig_testkit::{Case, needs};
use serde_json::json;
use std::fs;

/// The run must fail, say something, and leave nothing.
fn refused(case: Case, words: &[&str]) {
    let output = case.run().fails();
    if words.is_empty() {
        assert!(!output.stderr().trim().is_empty(), "an error says what is wrong: {output}");
    } else {
        drop(output.says(words));
    }
    drop(case.command(["state", case.id()]).output().fails());
    case.finish();
}

#[test]
fn missing_config_is_refused() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    let bundle = case.dir().display().to_string();
    let output = case.command(["run", "--bundle", &bundle, case.id()]).output().fails();
    drop(output.says(&["config.json"]));
    case.finish();
}

#[test]
fn missing_bundle_is_refused() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    let bundle = case.root.path("missing").display().to_string();
    let output = case.command(["run", "--bundle", &bundle, case.id()]).output().fails();
    drop(output.says(&["missing"]));
    case.finish();
}

#[test]
fn malformed_json_is_refused() {
    needs!(root, runtime);
    for text in ["", "{", "[]", "null", "{\"ociVersion\": 5}", "{\"process\": []}", "\u{0}"] {
        let case = Case::new(&["exit", "0"]);
        fs::write(case.dir().join("config.json"), text).unwrap();
        let bundle = case.dir().display().to_string();
        drop(case.command(["run", "--bundle", &bundle, case.id()]).output().fails());
        case.finish();
    }
}

#[test]
fn deeply_nested_json_is_refused_without_a_crash() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    let text = "[".repeat(200_000);
    fs::write(case.dir().join("config.json"), text).unwrap();
    let bundle = case.dir().display().to_string();
    let output = case.command(["run", "--bundle", &bundle, case.id()]).output();
    assert!(output.code().is_some_and(|code| code != 0), "{output}");
    case.finish();
}

#[test]
fn missing_rootfs_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    case.config["root"]["path"] = json!("nowhere");
    refused(case, &["nowhere"]);
}

#[test]
fn rootfs_that_is_a_file_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&["exit", "0"]);
    fs::write(case.dir().join("plain"), "").unwrap();
    case.config["root"]["path"] = json!("plain");
    refused(case, &[]);
}

#[test]
fn config_without_a_root_or_a_process_is_refused() {
    needs!(root, runtime);
    for key in ["root", "process"] {
        let mut case = Case::new(&["exit", "0"]);
        case.config.as_object_mut().unwrap().remove(key);
        refused(case, &[]);
    }
}

#[test]
fn empty_args_are_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&[]);
    case.config["process"]["args"] = json!([]);
    refused(case, &[]);
}

#[test]
fn missing_command_is_refused_by_name() {
    needs!(root, runtime);
    let mut case = Case::new(&[]);
    case.config["process"]["args"] = json!(["/no/such/command"]);
    refused(case, &["/no/such/command"]);
    let mut case = Case::new(&[]);
    case.config["process"]["args"] = json!(["no-such-command"]);
    refused(case, &["no-such-command"]);
}

#[test]
fn command_that_is_no_program_is_refused() {
    needs!(root, runtime);
    let mut case = Case::new(&[]);
    case.write("plain", "text");
    case.config["process"]["args"] = json!(["/plain"]);
    refused(case, &["permission denied"]);
    let mut case = Case::new(&[]);
    let file = case.write("garbage", "\u{1}\u{2}\u{3}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(file, mode).unwrap();
    case.config["process"]["args"] = json!(["/garbage"]);
    refused(case, &["exec format error", "exec"]);
    let mut case = Case::new(&[]);
    case.config["process"]["args"] = json!(["/etc"]);
    refused(case, &["permission denied", "is a directory", "not permitted"]);
}

#[test]
fn missing_command_fails_create_already() {
    needs!(root, runtime);
    let mut case = Case::new(&[]);
    case.config["process"]["args"] = json!(["/no/such/command"]);
    drop(case.with_bundle("create", &[]).output().fails());
    case.finish();
}

#[test]
fn relative_working_directory_is_refused() {
    needs!(root, runtime, strict_cwd);
    let mut case = Case::new(&["exit", "0"]);
    case.config["process"]["cwd"] = json!("relative/path");
    refused(case, &["cwd", "absolute", "relative"]);
}

#[test]
fn user_that_does_not_fit_is_refused() {
    needs!(root, runtime, strict_user_ids);
    for uid in [json!(-1), json!(4_294_967_296_u64), json!("root"), json!(1.5)] {
        let mut case = Case::new(&["exit", "0"]);
        case.config["process"]["user"]["uid"] = uid;
        refused(case, &[]);
    }
}

#[test]
fn environment_with_a_nul_is_refused_or_cut_and_runs_nothing_else() {
    needs!(root, runtime);
    let mut case = Case::new(&["env"]);
    case.config["process"]["env"] = json!(["A=1\u{0}B=2"]);
    let output = case.run();
    assert!(output.code() != Some(0) || !output.stdout().contains("B=2"), "{output}");
    case.finish();
}

#[test]
fn mount_destination_outside_is_kept_inside() {
    needs!(root, runtime);
    let mut case = Case::new(&["exists", "/escape/file"]);
    let source = case.root.path("src");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "").unwrap();
    case.bind(&source, "/../../escape", &[]);
    let output = case.run();
    if output.code() == Some(0) {
        assert_eq!(output.text(), "true");
    }
    assert!(fs::metadata(case.root.path("escape")).is_err());
    case.finish();
}

#[test]
fn unknown_command_or_flag_is_refused() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    drop(case.command(["no-such-command"]).output().fails());
    drop(case.with_bundle("run", &["--no-such-flag"]).output().fails());
    drop(case.command(["run"]).output().fails());
    drop(case.command(["delete"]).output().fails());
    case.finish();
}

#[test]
fn unwritable_pid_file_leaves_nothing() {
    needs!(root, runtime);
    let case = Case::new(&["init"]);
    let file = case.root.path("no/such/dir/pid").display().to_string();
    drop(case.with_bundle("create", &["--pid-file", &file]).output().fails());
    case.delete_force();
    case.finish();
}

#[test]
fn unknown_fields_are_ignored() {
    needs!(root, runtime);
    let mut case = Case::new(&["echo", "fine"]);
    case.config["org.example.new"] = json!({"a": 1});
    case.config["linux"]["somethingNew"] = json!([1, 2]);
    case.config["process"]["alsoNew"] = json!(true);
    assert_eq!(case.run().ok().text(), "fine");
    case.finish();
}
