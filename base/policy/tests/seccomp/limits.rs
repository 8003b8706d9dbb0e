// SPDX-License-Identifier: Apache-2.0
//! Profiles beyond the usual: long filters, far jumps, ABIs that must not slip through.

use brig_policy::seccomp::{
    Action, Arch, ForeignAbi, INSNS_MAX, Options, Program, SeccompError, compile, evaluate,
    syscalls,
};
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};

const X86_64: u32 = 0xc000_003e;

fn equal(index: u32, value: u64) -> SeccompArg {
    SeccompArg { index, value, value_two: 0, op: "SCMP_CMP_EQ".to_owned() }
}

fn allow(name: &str, args: Vec<SeccompArg>) -> SeccompRule {
    let action = "SCMP_ACT_ALLOW".to_owned();
    SeccompRule { names: vec![name.to_owned()], action, errno_ret: None, args }
}

fn profile(syscalls: Vec<SeccompRule>) -> Seccomp {
    let default_action = "SCMP_ACT_ERRNO".to_owned();
    Seccomp { default_action, syscalls, ..Seccomp::default() }
}

fn filter(profile: &Seccomp) -> Program {
    compile(profile, &Options::default()).unwrap().program
}

fn ask(program: &Program, number: u32, arg: u64) -> Action {
    evaluate(program, X86_64, number, [arg, 0, 0, 0, 0, 0])
}

#[test]
fn far_jumps_arrive() {
    // Every call has conditions of its own: a filter far longer than a jump's reach.
    let calls = syscalls(Arch::X86_64);
    let bound = |number: u32| u64::from(number) * 0x1_0000_0001 + 7;
    let rules = calls.iter().map(|(number, name)| allow(name, vec![equal(0, bound(*number))]));
    let program = filter(&profile(rules.collect()));
    assert!(program.insns().len() > 1500, "{}", program.insns().len());
    for (number, name) in &calls {
        assert_eq!(ask(&program, *number, bound(*number)), Action::Allow, "{name}");
        for wrong in [0, bound(*number) + 1, bound(*number) ^ (1 << 40), bound(number + 1)] {
            assert_eq!(ask(&program, *number, wrong), Action::Errno(1), "{name} {wrong:#x}");
        }
    }
    for number in 600..2000 {
        assert_eq!(ask(&program, number, bound(number)), Action::Errno(1));
    }
}

#[test]
fn many_rules_of_one_call_all_count() {
    // Below and above the number up to which outcomes are tracked.
    for count in [3, 200, 255, 256, 257, 700] {
        let value = |number: u64| (number * 3) | ((number % 5) << 33);
        let rules = (0..count).map(|number| allow("ioctl", vec![equal(0, value(number))]));
        let program = filter(&profile(rules.collect()));
        for number in 0..count + 10 {
            let expected = if number < count { Action::Allow } else { Action::Errno(1) };
            assert_eq!(ask(&program, 16, value(number)), expected, "{number} of {count}");
            assert_eq!(ask(&program, 16, value(number) + 1), Action::Errno(1));
            assert_eq!(ask(&program, 16, value(number) | 1 << 50), Action::Errno(1));
        }
    }
}

#[test]
fn filter_longer_than_the_kernel_takes_is_refused() {
    let rules = |count: u64| (0..count).map(|number| allow("ioctl", vec![equal(0, number << 31)]));
    assert!(filter(&profile(rules(1000).collect())).insns().len() <= INSNS_MAX);
    let error = compile(&profile(rules(20_000).collect()), &Options::default()).unwrap_err();
    assert!(matches!(error, SeccompError::TooLong { count } if count > INSNS_MAX), "{error}");
}

#[test]
fn conditions_that_multiply_are_compiled_all_the_same() {
    // Each rule looks at other arguments: tracking outcomes would double with each.
    let rules = (0..60_u64).map(|number| {
        let args = (0..6).filter(|index| number >> index & 1 == 1 || *index == 5);
        allow("mmap", args.map(|index| equal(index, number << 32 | number)).collect())
    });
    let profile = profile(rules.collect());
    let program = filter(&profile);
    for number in 0..60_u64 {
        let expected = [number << 32 | number; 6];
        assert_eq!(evaluate(&program, X86_64, 9, expected), Action::Allow);
        let mut wrong = expected;
        wrong[5] ^= 1 << 45;
        assert_eq!(evaluate(&program, X86_64, 9, wrong), Action::Errno(1));
    }
}

#[test]
fn x32_numbers_do_not_pass_as_amd64_ones() {
    let everything = Seccomp { default_action: "SCMP_ACT_ALLOW".to_owned(), ..Seccomp::default() };
    let program = filter(&everything);
    for number in [0, 1, 59, 512, 520, 547, 0x3fff_fffe] {
        assert_eq!(ask(&program, number, 0), Action::Allow);
        assert_eq!(ask(&program, number | 0x4000_0000, 0), Action::KillProcess);
        assert_eq!(ask(&program, number | 0xc000_0000, 0), Action::KillProcess);
    }
    let options = Options { foreign_abi: ForeignAbi::Enosys, ..Options::default() };
    assert_eq!(ForeignAbi::parse("errno"), Ok(options.foreign_abi));
    assert_eq!(ForeignAbi::parse(""), Ok(ForeignAbi::Kill));
    assert!(ForeignAbi::parse("allow").is_err());
    let program = compile(&everything, &options).unwrap().program;
    assert_eq!(ask(&program, 0x4000_0000, 0), Action::Errno(38));
    assert_eq!(evaluate(&program, 0x4000_0003, 1, [0; 6]), Action::Errno(38));
}

#[test]
fn newer_calls_fail_with_enosys_where_asked() {
    let rules = vec![allow("read", vec![]), allow("openat2", vec![]), allow("no_such", vec![])];
    let mut profile = profile(rules);
    let options = Options { newer_enosys: true, ..Options::default() };
    let compiled = compile(&profile, &options).unwrap();
    assert_eq!(compiled.unknown_names, ["no_such"]);
    let program = compiled.program;
    assert_eq!(ask(&program, 436, 0), Action::Errno(1), "older than openat2");
    assert_eq!(ask(&program, 437, 0), Action::Allow);
    assert_eq!(ask(&program, 438, 0), Action::Errno(38));
    assert_eq!(ask(&program, 0x3fff_ffff, 0), Action::Errno(38));
    assert_eq!(ask(&program, 0x4000_0000, 0), Action::KillProcess);
    assert_eq!(ask(&program, u32::MAX, 0), Action::Errno(1), "a call that a tracer skips");
    assert_eq!(ask(&filter(&profile), 438, 0), Action::Errno(1));
    // A rule that repeats the default names its calls all the same, as in runc.
    let mut refused = allow("landlock_restrict_self", vec![]);
    refused.action = "SCMP_ACT_ERRNO".to_owned();
    profile.syscalls.push(refused);
    let program = compile(&profile, &options).unwrap().program;
    assert_eq!(ask(&program, 446, 0), Action::Errno(1));
    assert_eq!(ask(&program, 447, 0), Action::Errno(38));
    profile.default_action = "SCMP_ACT_LOG".to_owned();
    let program = compile(&profile, &options).unwrap().program;
    assert_eq!(ask(&program, 500, 0), Action::Log);
}

type Change = fn(&mut Seccomp);

#[test]
fn mistakes_in_a_profile_are_named() {
    let broken = |change: Change| {
        let mut profile = profile(vec![allow("read", vec![equal(0, 1)])]);
        change(&mut profile);
        compile(&profile, &Options::default()).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 10] = [
        (|p| p.default_action.clear(), "unknown seccomp action ``"),
        (|p| p.default_action = "SCMP_ACT_NOTIFY".into(), "SCMP_ACT_NOTIFY cannot be"),
        (|p| p.architectures.push("X86".into()), "unknown seccomp architecture `X86`"),
        (|p| p.flags.push("FAST".into()), "unknown seccomp flag `FAST`"),
        (|p| p.syscalls[0].action = "ALLOW".into(), "unknown seccomp action `ALLOW`"),
        (|p| p.syscalls[0].errno_ret = Some(1), "takes no error number"),
        (|p| p.syscalls[0].args[0].op = "EQ".into(), "unknown seccomp operator `EQ` for `read`"),
        (|p| p.syscalls[0].args[0].index = 6, "seccomp rule for `read` looks at argument 6"),
        (|p| p.default_errno_ret = Some(5000), "error number 5000"),
        (
            |p| {
                p.syscalls[0].action = "SCMP_ACT_NOTIFY".into();
                p.syscalls[0].names.push("write".into());
            },
            "SCMP_ACT_NOTIFY cannot be the action for `write`",
        ),
    ];
    for (change, message) in cases {
        let error = broken(change);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn notify_and_flags_are_reported() {
    let mut notify = allow("mount", vec![]);
    notify.action = "SCMP_ACT_NOTIFY".to_owned();
    let mut profile = profile(vec![notify]);
    profile.flags.push("SECCOMP_FILTER_FLAG_LOG".to_owned());
    let compiled = compile(&profile, &Options::default()).unwrap();
    assert!(compiled.notifies);
    assert_eq!(compiled.flags, 2);
    assert_eq!(ask(&compiled.program, 165, 0), Action::Notify);
    profile.syscalls.clear();
    assert!(!compile(&profile, &Options::default()).unwrap().notifies);
}

#[test]
fn native_abi_is_filtered_listed_or_not() {
    let mut profile = profile(vec![allow("read", vec![])]);
    profile.architectures = vec!["SCMP_ARCH_X86".to_owned(), "SCMP_ARCH_S390X".to_owned()];
    let program = filter(&profile);
    assert_eq!(ask(&program, 0, 0), Action::Allow);
    assert_eq!(evaluate(&program, 0x4000_0003, 3, [0; 6]), Action::Allow);
    let options = Options { native: Some(Arch::Aarch64), ..Options::default() };
    profile.architectures = vec!["SCMP_ARCH_ARM".to_owned()];
    let program = compile(&profile, &options).unwrap().program;
    assert_eq!(evaluate(&program, Arch::Aarch64.audit(), 63, [0; 6]), Action::Allow);
    assert_eq!(evaluate(&program, Arch::Arm.audit(), 3, [0; 6]), Action::Allow);
    assert_eq!(ask(&program, 0, 0), Action::KillProcess);
    let options = Options { native: None, ..Options::default() };
    assert_eq!(compile(&profile, &options).unwrap_err(), SeccompError::UnsupportedProcessor);
}
