// SPDX-License-Identifier: Apache-2.0
//! The command line that callers rely on: version, features, spec, log.

use brig_testkit::{Case, needs};
use serde_json::Value;
use std::fs;

#[test]
fn version_names_the_specification() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    let output = case.command(["--version"]).output().ok();
    assert!(output.lines()[0].contains(" version "), "{output}");
    assert!(output.lines().iter().any(|line| line.starts_with("spec: 1.")), "{output}");
    case.finish();
}

#[test]
fn spec_writes_a_configuration_that_runs() {
    needs!(root, runtime);
    let mut case = Case::new(&["echo", "from spec"]);
    drop(case.command(["spec"]).cwd(case.dir()).output().ok());
    let text = fs::read_to_string(case.dir().join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["process"]["args"] = case.config["process"]["args"].clone();
    config["process"]["terminal"] = Value::Bool(false);
    config["linux"]["cgroupsPath"] = case.config["linux"]["cgroupsPath"].clone();
    case.config = config;
    assert_eq!(case.run().ok().text(), "from spec");
    drop(case.command(["spec"]).cwd(case.dir()).output().fails());
    case.finish();
}

#[test]
fn log_file_has_one_json_object_a_line() {
    needs!(root, runtime);
    let case = Case::new(&["exit", "0"]);
    let log = case.root.path("log");
    let words = ["--log", log.to_str().unwrap(), "--log-format", "json", "state", "missing"];
    drop(case.command(words).output().fails());
    let text = fs::read_to_string(&log).unwrap();
    let entry: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(entry["level"], "error", "{text}");
    assert!(
        entry["msg"].as_str().is_some_and(|message| ["not exist", "missing"]
            .iter()
            .any(|word| message.contains(word))),
        "{text}"
    );
    assert!(entry["time"].is_string(), "{text}");
    case.finish();
}

#[test]
fn options_may_follow_the_id() {
    needs!(root, runtime, options_after_id);
    let case = Case::new(&["echo", "here"]);
    case.save();
    let bundle = case.dir().display().to_string();
    let output = case.command(["run", case.id(), "--bundle", &bundle]).output().ok();
    assert_eq!(output.text(), "here");
    case.finish();
}

#[test]
fn features_are_described() {
    needs!(root, runtime, features);
    let case = Case::new(&["exit", "0"]);
    let features = case.command(["features"]).output().ok().json();
    assert!(features["ociVersionMin"].is_string() && features["ociVersionMax"].is_string());
    let has = |list: &Value, word: &str| {
        list.as_array().is_some_and(|all| all.iter().any(|item| item == word))
    };
    assert!(has(&features["hooks"], "createRuntime"), "{features}");
    assert!(has(&features["mountOptions"], "rbind"), "{features}");
    assert!(has(&features["linux"]["namespaces"], "user"), "{features}");
    assert!(has(&features["linux"]["capabilities"], "CAP_CHOWN"), "{features}");
    assert_eq!(features["linux"]["seccomp"]["enabled"], true, "{features}");
    assert_eq!(features["linux"]["cgroup"]["v1"], true, "{features}");
    case.finish();
}

#[test]
fn events_report_the_usage() {
    needs!(root, runtime, cgroups, events);
    let case = Case::new(&["init"]);
    drop(case.launch());
    let output = case.command(["events", "--stats", case.id()]).output().ok();
    let event = output.json();
    assert_eq!(event["type"], "stats");
    assert_eq!(event["id"], case.id());
    assert_eq!(event["data"]["pids"]["current"], 1);
    assert!(event["data"]["memory"]["usage"]["usage"].as_u64().is_some_and(|bytes| bytes > 0));
    assert!(event["data"]["cpu"]["usage"]["total"].as_u64().is_some_and(|time| time > 0));
    case.delete_force();
    case.finish();
}
