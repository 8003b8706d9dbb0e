// SPDX-License-Identifier: Apache-2.0
//! The compiler of filters against libseccomp: the same profile, every call, the same fate.
//!
//! Needs a C compiler and libseccomp.so.2 (apt's own dependency); with `BRIG_REQUIRE_ORACLE=1` their
//! absence is a failure, else it is said.

use crate::library::Library;
use crate::sample::{self, Random, Shape};
use brig_policy::seccomp::{Options, compile, evaluate};
use brig_spec::runtime::Seccomp;

fn library(test: &str) -> Option<Library> {
    match Library::start(test) {
        Ok(library) => Some(library),
        Err(missing) => {
            let required = std::env::var_os("BRIG_REQUIRE_ORACLE").is_some();
            assert!(!required, "no oracle: {missing}");
            println!("SKIPPED {test}: no oracle: {missing}");
            None
        }
    }
}

fn compare(profile: &Seccomp, library: &mut Library, random: &mut Random) -> Option<usize> {
    let theirs = library.compile(profile)?;
    let ours = compile(profile, &Options::default()).unwrap().program;
    let calls = sample::calls(profile, 200, random);
    let mut bad = 0;
    for (arch, number, args) in &calls {
        let our = evaluate(&ours, *arch, *number, *args);
        let their = evaluate(&theirs, *arch, *number, *args);
        if our != their {
            let listed = profile.architectures.len() == 3;
            if our == brig_policy::seccomp::Action::KillProcess
                && their == brig_policy::seccomp::Action::KillThread
                && (!listed || *arch == 0 || *arch == 0xc000_00b7)
            {
                continue;
            }
            if bad == 0 {
                println!(
                    "arch {arch:#x} number {number:#x} args {args:x?} ours {our:?} theirs {their:?}\n{}",
                    serde_json::to_string(profile).unwrap()
                )
            }
            bad += 1;
        }
    }
    println!("{} and {} instructions, {bad} bad", ours.insns().len(), theirs.insns().len());
    Some(bad)
}

#[test]
fn each_operator_is_libseccomps() {
    let Some(mut library) = library("operators") else { return };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let order: &[&str] = &["LT", "LE", "GE", "GT"];
    let eq: &[&str] = &["EQ", "MASKED_EQ"];
    let any: &[&str] = Shape::ANY.ops;
    for (name, ops, rules_max, conditions_max, high_halves) in [
        ("single any", any, 1, 3, true),
        ("eq many", eq, 8, 3, true),
        ("eqne many", &["EQ", "MASKED_EQ", "NE"], 8, 3, true),
        ("ne many", &["NE"], 8, 3, true),
        ("any 1cond", any, 8, 1, true),
        ("any 1cond low", any, 8, 1, false),
        ("order 1cond low", order, 8, 1, false),
        ("order many low", order, 8, 3, false),
        ("eqge low 1", &["EQ", "GE", "GT"], 8, 1, false),
        ("eqge low 3", &["EQ", "GE", "GT"], 8, 3, false),
        ("le 1", &["LE", "LT"], 8, 1, true),
        ("ge 1", &["GE", "GT"], 8, 1, true),
    ] {
        let (mut bad, mut none) = (0, 0);
        for _ in 0..200 {
            let shape =
                Shape { actions: &["SCMP_ACT_ALLOW"], ops, rules_max, conditions_max, high_halves };
            let profile = shape.profile(&mut random);
            match compare(&profile, &mut library, &mut random) {
                None => none += 1,
                Some(0) => {}
                Some(_) => bad += 1,
            }
        }
        println!("CLASS {name} bad {bad} none {none}");
    }
}
