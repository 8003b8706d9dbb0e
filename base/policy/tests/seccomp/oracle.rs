// SPDX-License-Identifier: Apache-2.0
//! The compiler of filters against libseccomp: the same profile, every call, the same fate.
//!
//! Needs a C compiler and libseccomp.so.2 (apt's own dependency); with `BRIG_REQUIRE_ORACLE=1` their
//! absence is a failure, else it is said. `Difference` lists where the two differ on purpose.

use crate::library::Library;
use crate::sample::{self, Call, Random, Shape};
use brig_policy::caps::{CapSet, Capability};
use brig_policy::profile::{Circumstances, custom_seccomp, default_seccomp, docker_seccomp};
use brig_policy::seccomp::{Action, Arch, Options, compile, evaluate, syscall_number};
use brig_spec::runtime::Seccomp;

/// Where a call's fate is not libseccomp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// An ABI that is not listed: libseccomp kills the thread, brig the process. A process that
    /// goes on without one of its threads, locks held, is no safer and harder to find.
    ForeignAbi,
    /// i386 `socketcall` and `ipc`: libseccomp carries a permission over to them without its
    /// conditions, since arguments lie in memory there; brig does not permit what it cannot check.
    Multiplexed,
}

fn library(test: &str) -> Option<Library> {
    Library::start(test).map_err(|missing| skip(test, &missing)).ok()
}

/// Says that a test is skipped, or fails where it must not be.
#[expect(clippy::print_stdout, reason = "a skip is named in the test's output")]
fn skip(test: &str, missing: &str) {
    let required = std::env::var_os("BRIG_REQUIRE_ORACLE").is_some();
    assert!(!required, "{test}: no oracle: {missing}");
    println!("SKIPPED {test}: no oracle: {missing}");
}

fn difference(profile: &Seccomp, call: Call, ours: Action, theirs: Action) -> Option<Difference> {
    let (audit_arch, number, _) = call;
    let is_x32 = audit_arch == Arch::X86_64.audit() && number >= 0x4000_0000;
    let listed = profile.architectures.iter().any(|name| {
        let arch = Arch::parse(name).unwrap().unwrap();
        arch.audit() == audit_arch && (arch == Arch::X32) == is_x32
    });
    if !listed && (ours, theirs) == (Action::KillProcess, Action::KillThread) {
        return Some(Difference::ForeignAbi);
    }
    let multiplexer = audit_arch == Arch::X86.audit() && [102, 117].contains(&number);
    let default = Action::parse(&profile.default_action, profile.default_errno_ret).unwrap();
    (multiplexer && ours == default && theirs.is_permissive()).then_some(Difference::Multiplexed)
}

/// Compares the two on every call; returns the differences, or `None` where libseccomp refuses.
fn compare(
    profile: &Seccomp,
    library: &mut Library,
    random: &mut Random,
    per_condition: usize,
) -> Option<Vec<Difference>> {
    let theirs = library.compile(profile)?;
    let ours = compile(profile, &Options::default()).unwrap().program;
    let mut differences = Vec::new();
    for call in sample::calls(profile, per_condition, random) {
        let (arch, number, args) = call;
        let (our, their) =
            (evaluate(&ours, arch, number, args), evaluate(&theirs, arch, number, args));
        if our == their {
            continue;
        }
        let known = difference(profile, call, our, their);
        assert!(
            known.is_some(),
            "{arch:#x} {number:#x} {args:x?}: {our:?}, libseccomp {their:?}, of {}",
            serde_json::to_string(profile).unwrap(),
        );
        differences.extend(known);
    }
    Some(differences)
}

/// Removes names that are newer than the installed libseccomp, and asserts that they are.
fn without_newer_names(mut profile: Seccomp, library: &mut Library) -> Seccomp {
    for rule in &mut profile.syscalls {
        rule.names.retain(|name| {
            let known = library.knows(name);
            let number = syscall_number(name, Arch::X86_64);
            // uretprobe and uprobe took old numbers late; the last is a call of Arm's alone.
            let late = ["uretprobe", "uprobe", "get_tls"].contains(&name.as_str());
            assert!(known || late || number.is_some_and(|number| number > 448), "{name}");
            // Its tables lack that one on x32 (2.5.4).
            known && name != "map_shadow_stack"
        });
    }
    profile.syscalls.retain(|rule| !rule.names.is_empty());
    profile
}

/// The classes of rules that libseccomp compiles to what they say. In others (several rules of a
/// call that mix NE, LT or LE with further conditions or bounds above 32 bits) its filters differ
/// from the words; brig's are held to the words by `property.rs`.
#[test]
fn operators_are_libseccomps() {
    let Some(mut library) = library("operators") else { return };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let any = Shape { actions: &["SCMP_ACT_ALLOW"], repeats: false, ..Shape::ANY };
    let equal = &["EQ", "MASKED_EQ"];
    for shape in [
        Shape { rules_max: 1, ..any },
        Shape { ops: equal, ..any },
        Shape { conditions_max: 1, high_halves: false, ..any },
        Shape { ops: &["GE", "GT"], conditions_max: 1, ..any },
        Shape { ops: &["EQ"], conditions_max: 1, actions: Shape::ANY.actions, ..any },
    ] {
        let mut accepted = 0;
        for _ in 0..60 {
            let profile = shape.profile(&mut random);
            accepted += u32::from(compare(&profile, &mut library, &mut random, 60).is_some());
        }
        assert!(accepted >= 20, "libseccomp refused all but {accepted} of {shape:?}");
    }
}

#[test]
fn default_profile_is_libseccomps() {
    let Some(mut library) = library("default") else { return };
    let mut random = Random(0x5851_f42d_4c95_7f2d);
    let mut sets = vec![CapSet::DEFAULT, CapSet::DOCKER, CapSet::EMPTY, CapSet::ALL];
    sets.extend(CapSet::ALL.iter().map(|one: Capability| CapSet::DEFAULT.with(one)));
    for (at, caps) in sets.into_iter().enumerate() {
        let mut profile = without_newer_names(default_seccomp(caps, Arch::X86_64), &mut library);
        profile.foreign_abi.clear();
        let samples = if at < 4 { 3000 } else { 300 };
        let differences = compare(&profile, &mut library, &mut random, samples).unwrap();
        assert!(differences.iter().all(|one| *one == Difference::ForeignAbi));
        profile.architectures.extend(["SCMP_ARCH_X86", "SCMP_ARCH_X32"].map(str::to_owned));
        compare(&profile, &mut library, &mut random, samples).unwrap();
    }
}

#[test]
fn docker_profile_is_libseccomps() {
    let Some(mut library) = library("docker") else { return };
    let mut random = Random(0x2360_ed05_1fc6_5da4);
    for caps in [CapSet::EMPTY, CapSet::DOCKER, CapSet::ALL] {
        let at = Circumstances { caps, arch: Arch::X86_64, kernel: (6, 1) };
        let profile = without_newer_names(docker_seccomp(&at), &mut library);
        compare(&profile, &mut library, &mut random, 500).unwrap();
    }
}

/// Podman's profile, in the form that predates `config.json`, as its Debian package has it.
#[test]
fn podmans_profile_is_libseccomps() {
    let path = "/usr/share/containers/seccomp.json";
    let Some(mut library) = library("podman") else { return };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return skip("podman", &format!("{path}: {error}")),
    };
    let mut random = Random(0x1405_7b7e_f767_814f);
    for caps in [CapSet::EMPTY, CapSet::DOCKER, CapSet::ALL] {
        let at = Circumstances { caps, arch: Arch::X86_64, kernel: (6, 1) };
        let profile = custom_seccomp(&text, &at).unwrap().unwrap();
        let profile = without_newer_names(profile, &mut library);
        let differences = compare(&profile, &mut library, &mut random, 500).unwrap();
        assert!(differences.iter().all(|one| *one == Difference::ForeignAbi));
    }
}
