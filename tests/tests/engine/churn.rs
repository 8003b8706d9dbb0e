// SPDX-License-Identifier: Apache-2.0
//! Many containers, one after the other and several at a time. `BRIG_TEST_LONG=1` makes them 500.

use super::Engine;
use brig_testkit::needs;
use std::thread;

fn rounds() -> usize {
    if std::env::var_os("BRIG_TEST_LONG").is_some() { 500 } else { 100 }
}

#[test]
fn containers_one_after_the_other_leave_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    for round in 0..rounds() {
        let text = round.to_string();
        // By turns: removed at its end, and kept and removed afterwards.
        if round % 2 == 0 {
            assert_eq!(engine.probe(&[], &["echo", &text]), text);
        } else {
            let run = engine.brig(["run", "--name", "kept", "base", "/probe", "echo", &text]);
            assert_eq!(run.output().ok().text(), text);
            drop(engine.ok(["rm", "kept"]));
        }
    }
    assert_eq!(engine.ok(["ps", "-aq"]), "");
    engine.finish();
}

#[test]
fn containers_eight_at_a_time_leave_nothing() {
    needs!(root, brig, busybox);
    let engine = Engine::new();
    let each = if rounds() > 100 { 60 } else { 13 };
    thread::scope(|scope| {
        for worker in 0..8 {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..each {
                    let text = format!("{worker}-{round}");
                    match round % 3 {
                        0 => assert_eq!(engine.probe(&[], &["echo", &text]), text),
                        1 => {
                            let name = format!("c{text}");
                            drop(engine.up(&name, &[], &["/probe", "init"]));
                            drop(engine.ok(["rm", "-f", &name]));
                        }
                        _ => {
                            let name = format!("c{text}");
                            drop(engine.up(&name, &[], &["/probe", "exit", "4"]));
                            assert_eq!(engine.ok(["wait", &name]), "4");
                            drop(engine.ok(["rm", &name]));
                        }
                    }
                }
            });
        }
    });
    assert_eq!(engine.ok(["ps", "-aq"]), "");
    engine.finish();
}
