// SPDX-License-Identifier: Apache-2.0
//! `ps`, and what may be typed for a container: name, id, prefix.

use super::Engine;
use brig_testkit::needs;
use serde_json::Value;

/// The names that `ps` lists with these flags, last made first.
fn names(engine: &Engine, flags: &[&str]) -> Vec<String> {
    let ps = engine.brig(["ps", "--format", "{{.Names}}"]).args(flags).output().ok();
    ps.lines().iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn ps_lists_running_containers_and_with_a_all() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    assert_eq!(engine.ok(["ps", "-a"]).lines().count(), 1, "the heading alone");
    drop(engine.up_ready("runs", &[]));
    drop(engine.up("done", &[], &["/probe", "exit", "3"]));
    assert_eq!(engine.ok(["wait", "done"]), "3");
    drop(engine.ok(["create", "--name", "made", "base"]));
    assert_eq!(names(&engine, &[]), ["runs"]);
    assert_eq!(names(&engine, &["-a"]), ["made", "done", "runs"]);
    assert_eq!(names(&engine, &["-n", "2"]), ["made", "done"]);
    assert_eq!(names(&engine, &["-l"]), ["made"]);
    let table = engine.ok(["ps", "-a"]);
    let heading: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    let wanted = ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    assert_eq!(heading, wanted);
    for text in ["Exited (3) ", "Up ", "Created", "\"/probe init\""] {
        assert!(table.contains(text), "{text}: {table}");
    }
    drop(engine.ok(["rm", "-f", "runs", "done", "made"]));
    engine.finish();
}

#[test]
fn ps_q_prints_ids_that_every_command_takes() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let ids = [engine.up_ready("one", &[]), engine.up_ready("two", &[])];
    let short = engine.ok(["ps", "-q"]);
    assert_eq!(short.lines().collect::<Vec<_>>(), [&ids[1][..12], &ids[0][..12]]);
    let whole = engine.ok(["ps", "-q", "--no-trunc"]);
    assert_eq!(whole.lines().collect::<Vec<_>>(), [&ids[1], &ids[0]]);
    let words: Vec<&str> = ["rm", "-f"].into_iter().chain(short.lines()).collect();
    drop(engine.ok(words));
    engine.finish();
}

#[test]
fn ps_filters_as_docker_does() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("web-1", &["-l", "tier=front", "-l", "blue"]);
    drop(engine.up("web-2", &["-l", "tier=back"], &["/probe", "exit", "3"]));
    drop(engine.ok(["wait", "web-2"]));
    drop(engine.ok(["create", "--name", "db", "--network", "host", "base"]));
    let all: [(&[&str], &[&str]); 14] = [
        (&["name=web"], &["web-2", "web-1"]),
        (&["name=^web-1$"], &["web-1"]),
        (&["name=^/db"], &["db"]),
        (&["label=tier"], &["web-2", "web-1"]),
        (&["label=tier=front"], &["web-1"]),
        (&["label=tier", "label=blue"], &["web-1"]),
        (&["status=running"], &["web-1"]),
        (&["status=exited", "status=created"], &["db", "web-2"]),
        (&["exited=3"], &["web-2"]),
        (&["exited=0"], &[]),
        (&["ancestor=base"], &["db", "web-2", "web-1"]),
        (&["since=web-1"], &["db", "web-2"]),
        (&["before=web-2"], &["web-1"]),
        (&["network=host"], &["db"]),
    ];
    for (filters, wanted) in all {
        let flags: Vec<&str> =
            ["-a"].into_iter().chain(filters.iter().flat_map(|filter| ["-f", filter])).collect();
        assert_eq!(names(&engine, &flags), wanted, "{filters:?}");
    }
    assert_eq!(names(&engine, &["-a", "-f", &format!("id={}", &id[..8])]), ["web-1"]);
    let bad = engine.brig(["ps", "-f", "colour=red"]).output().fails();
    drop(bad.says(&["invalid filter 'colour'"]));
    drop(engine.ok(["rm", "-f", "web-1", "web-2", "db"]));
    engine.finish();
}

#[test]
fn ps_format_json_and_templates() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.up_ready("one", &["-l", "k=v"]);
    let line: Value = serde_json::from_str(&engine.ok(["ps", "--format", "json"])).unwrap();
    for (field, wanted) in [
        ("ID", &id[..12]),
        ("Image", "base"),
        ("Names", "one"),
        ("State", "running"),
        ("Labels", "k=v"),
        ("Command", "\"/probe init\""),
        ("Ports", ""),
        ("Networks", "none"),
        ("LocalVolumes", "0"),
    ] {
        assert_eq!(line[field], wanted, "{field}");
    }
    let format = "{{.ID}}|{{.Label \"k\"}}|{{upper .State}}|{{json .Names}}";
    let wanted = format!("{}|v|RUNNING|\"one\"", &id[..12]);
    assert_eq!(engine.ok(["ps", "--format", format]), wanted);
    let table = engine.ok(["ps", "--format", "table {{.Names}}\t{{.State}}"]);
    assert_eq!(table, "NAMES     STATE\none       running");
    drop(engine.brig(["ps", "--format", "{{.Nope}}"]).output().fails());
    drop(engine.ok(["rm", "-f", "one"]));
    engine.finish();
}

#[test]
fn containers_are_found_by_id_prefix_and_name_wins() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let id = engine.ok(["create", "--name", "one", "base"]);
    for text in [&id[..], &id[..12], &id[..3], "one", "/one"] {
        assert_eq!(engine.ok(["inspect", "-f", "{{.Id}}", text]), id, "{text}");
    }
    // A container named like the beginning of another one's id.
    let second = engine.ok(["create", "--name", &id[..6], "base"]);
    assert_eq!(engine.ok(["inspect", "-f", "{{.Id}}", &id[..6]]), second);
    assert_eq!(engine.ok(["inspect", "-f", "{{.Id}}", &id[..7]]), id);
    drop(engine.ok(["rm", &second, "one"]));
    engine.finish();
}

#[test]
fn ambiguous_prefix_is_refused_and_nothing_is_done() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    // Among 17 ids two begin with the same digit.
    let ids: Vec<String> = (0..17).map(|_| engine.ok(["create", "base"])).collect();
    let digit = ids.iter().enumerate().find_map(|(at, id)| {
        ids[..at].iter().any(|other| other[..1] == id[..1]).then(|| id[..1].to_owned())
    });
    let digit = digit.expect("there are 16 digits");
    for command in ["rm", "start", "stop", "logs"] {
        let output = engine.brig([command, &digit]).output().fails();
        drop(output.says(&["multiple ids found with provided prefix"]));
    }
    assert_eq!(engine.ok(["ps", "-aq"]).lines().count(), 17);
    for text in ["nothere", "", "zz", "../x", "*"] {
        let output = engine.brig(["stop", text]).output().fails();
        drop(output.says(&["no such container"]));
    }
    let words: Vec<&str> = ["rm"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    drop(engine.ok(words));
    engine.finish();
}
