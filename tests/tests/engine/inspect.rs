// SPDX-License-Identifier: Apache-2.0
//! `inspect`, `images`, `rmi`, `tag`, `load`: Docker's fields and rules.

use super::{Engine, image};
use brig_testkit::needs;
use serde_json::{Value, json};
use std::fs;

#[test]
fn inspect_has_dockers_fields() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let dir = engine.root.dir().display().to_string();
    let volume = format!("{dir}/io:/data:ro");
    let flags = ["-e", "A=1", "-l", "k=v", "-w", "/home", "-u", "user", "-v", &volume];
    let id = engine.up_ready("one", &flags);
    let all = engine.inspect("one");
    let state = &all["State"];
    assert_eq!(all["Id"], *id);
    assert_eq!(all["Name"], "/one");
    assert_eq!(all["Path"], "/probe");
    assert_eq!(all["Args"], json!(["init"]));
    assert_eq!(all["RestartCount"], 0);
    assert_eq!(all["Platform"], "linux");
    assert_eq!(state["Status"], "running");
    assert_eq!((&state["Running"], &state["Paused"]), (&json!(true), &json!(false)));
    assert_eq!((&state["OOMKilled"], &state["Dead"]), (&json!(false), &json!(false)));
    assert_eq!(all["Config"]["Cmd"], json!(["/probe", "init"]));
    assert_eq!(all["Config"]["Image"], "base");
    assert_eq!(all["Config"]["User"], "user");
    assert_eq!(all["Config"]["WorkingDir"], "/home");
    assert_eq!(all["Config"]["Labels"], json!({"k": "v"}));
    assert!(all["Config"]["Env"].as_array().unwrap().contains(&json!("A=1")), "{all}");
    assert_eq!(all["HostConfig"]["Binds"], json!([volume]));
    assert_eq!(all["HostConfig"]["NetworkMode"], "none");
    assert_eq!(all["HostConfig"]["LogConfig"]["Type"], "json-file");
    let mount = &all["Mounts"][0];
    assert_eq!((&mount["Type"], &mount["Destination"]), (&json!("bind"), &json!("/data")));
    assert_eq!((&mount["RW"], &mount["Mode"]), (&json!(false), &json!("ro")));
    assert!(all["Image"].as_str().unwrap().starts_with("sha256:"));
    for path in ["ResolvConfPath", "HostnamePath", "HostsPath", "LogPath"] {
        assert!(fs::metadata(all[path].as_str().unwrap()).is_ok(), "{path}: {}", all[path]);
    }
    drop(engine.ok(["stop", "one"]));
    let state = engine.inspect("one")["State"].clone();
    assert_eq!((&state["Status"], &state["Pid"]), (&json!("exited"), &json!(0)));
    assert!(state["FinishedAt"].as_str() > state["StartedAt"].as_str(), "{state}");
    drop(engine.ok(["rm", "one"]));
    engine.finish();
}

#[test]
fn inspect_takes_formats_types_and_several_names() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.ok(["create", "--name", "one", "base"]));
    assert_eq!(engine.ok(["inspect", "-f", "{{.State.Status}} {{.Name}}", "one"]), "created /one");
    assert_eq!(engine.ok(["inspect", "--format", "{{json .Config.Cmd}}", "one"]), "[\"/bin/sh\"]");
    assert_eq!(engine.ok(["inspect", "--type", "image", "-f", "{{.Os}}", "base"]), "linux");
    drop(engine.brig(["inspect", "--type", "container", "base"]).output().fails());
    let output = engine.brig(["inspect", "nobody", "one"]).output().fails();
    let found: Value = serde_json::from_str(output.stdout()).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    drop(output.says(&["no such object: nobody"]));
    let output = engine.brig(["inspect", "nobody"]).output().fails();
    assert_eq!(output.text(), "[]");
    drop(engine.ok(["rm", "one"]));
    engine.finish();
}

#[test]
fn images_lists_names_and_ids() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let table = engine.ok(["images"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..3], ["REPOSITORY", "TAG", "IMAGE"]);
    assert_eq!(lines[1][..2], ["base", "latest"]);
    let id = engine.inspect("base")["Id"].as_str().unwrap().to_owned();
    assert_eq!(engine.ok(["images", "-q"]), id["sha256:".len()..][..12]);
    assert_eq!(engine.ok(["images", "-q", "--no-trunc"]), id);
    drop(engine.ok(["tag", "base", "mine/tool:1.2"]));
    let format = "{{.Repository}}:{{.Tag}}";
    let all = engine.ok(["images", "--format", format]);
    let mut names: Vec<&str> = all.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["base:latest", "mine/tool:1.2"]);
    assert_eq!(engine.ok(["images", "--format", format, "mine/tool"]), "mine/tool:1.2");
    for name in
        [&id, &id["sha256:".len()..][..12], "mine/tool:1.2", "docker.io/library/base:latest"]
    {
        let run = engine.brig(["run", "--rm", name, "echo", "hi"]).output();
        assert_eq!(run.ok().text(), "hi", "{name}");
    }
    engine.finish();
}

#[test]
fn rmi_of_an_image_in_use_is_refused() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.up_ready("user", &[]));
    let conflict = engine.brig(["rmi", "base"]).output().exits(1);
    drop(conflict.says(&["conflict: unable to remove", "conflict: unable to delete"]));
    drop(engine.brig(["rmi", "-f", "base"]).output());
    // Whatever force has done to the name, the running container has its files.
    drop(engine.ok(["exec", "user", "ls", "/bin/busybox"]));
    drop(engine.ok(["restart", "-t", "1", "user"]));
    drop(engine.ok(["exec", "user", "ls", "/bin/busybox"]));
    drop(engine.ok(["rm", "-f", "user"]));
    engine.finish();
}

#[test]
fn rmi_removes_name_image_and_layers() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    drop(engine.ok(["tag", "base", "other"]));
    let id = engine.inspect("base")["Id"].as_str().unwrap().to_owned();
    let by_id = engine.brig(["rmi", &id]).output().exits(1);
    drop(by_id.says(&["image is referenced in multiple repositories"]));
    assert_eq!(engine.ok(["rmi", "base"]), "Untagged: base:latest");
    drop(engine.run(&[], &["true"]).exits(125));
    let output = engine.ok(["rmi", "other"]);
    assert_eq!(output, format!("Untagged: other:latest\nDeleted: {id}"));
    for directory in ["layers", "images/manifests", "images/configs"] {
        let left = fs::read_dir(engine.root.path("root").join(directory));
        assert_eq!(left.into_iter().flatten().count(), 0, "{directory}");
    }
    drop(engine.brig(["rmi", "other"]).output().exits(1).says(&["no such image"]));
    assert_eq!(engine.ok(["images", "-q"]), "");
    engine.load(image::base());
    drop(engine.run(&[], &["true"]).ok());
    engine.finish();
}

#[test]
fn load_twice_is_one_image_and_stdin_works() {
    needs!(root, brig, busybox);
    let engine = Engine::empty();
    let bytes = fs::read(image::base()).unwrap();
    let output = engine.brig(["load"]).stdin(&bytes).output().ok();
    assert_eq!(output.text(), "Loaded image: base:latest");
    engine.load(image::base());
    assert_eq!(engine.ok(["images", "-q"]).lines().count(), 1);
    for garbage in [&b""[..], b"garbage", &bytes[..bytes.len() / 2]] {
        let output = engine.brig(["load"]).stdin(garbage).output().exits(1);
        assert_eq!(output.stderr().matches("brig: ").count(), 1, "{output}");
    }
    drop(engine.brig(["load", "-i", "/no/such/file"]).output().exits(1).says(&["/no/such/file"]));
    engine.finish();
}
