// SPDX-License-Identifier: Apache-2.0
//! What the default profile does with calls that matter.

use super::*;
use crate::seccomp::{
    Action, ForeignAbi, Options, Program, compile, evaluate, syscall_number, syscalls,
};

const X86: u32 = 0x4000_0003;
/// A bit that the kernel does not see in an `int` argument.
const HIGH: u64 = 1 << 40;
const EPERM: Action = Action::Errno(1);
const ENOSYS: Action = Action::Errno(38);

fn filter(caps: CapSet, arch: Arch) -> Program {
    let options =
        Options { foreign_abi: ForeignAbi::Enosys, native: Some(arch), ..Options::default() };
    let compiled = compile(&default_seccomp(caps, arch), &options).unwrap();
    assert!(compiled.unknown_names.is_empty(), "{:?}", compiled.unknown_names);
    compiled.program
}

fn with(names: &[&str]) -> CapSet {
    let (more, unknown) = CapSet::parse(names);
    assert!(unknown.is_empty());
    CapSet::DEFAULT.union(more)
}

fn ask(program: &Program, name: &str, args: &[u64]) -> Action {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let number = syscall_number(name, Arch::X86_64).unwrap();
    evaluate(program, Arch::X86_64.audit(), number, all)
}

#[test]
fn source_has_no_unknown_word() {
    let value: serde_json::Value = serde_json::from_str(DEFAULT_SECCOMP_JSON).unwrap();
    let top = ["comment", "defaultAction", "defaultErrnoRet", "architectures", "brigForeignAbi"];
    let top = [&top[..], &["syscalls", "brigGrants"]].concat();
    let rule = ["why", "names", "action", "errnoRet", "args", "brigNeeds", "brigUnless"];
    assert!(value.as_object().unwrap().keys().all(|key| top.contains(&key.as_str())));
    let rules = |key: &str| value[key].as_array().unwrap().clone();
    for entry in rules("syscalls").into_iter().chain(rules("brigGrants")) {
        assert!(entry.as_object().unwrap().keys().all(|key| rule.contains(&key.as_str())));
        assert!(!entry["why"].as_str().unwrap().is_empty());
        for key in ["brigNeeds", "brigUnless"] {
            for name in entry[key].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                assert_eq!(Capability::from_name(name).unwrap().name(), name);
            }
        }
    }
    assert!(rules("brigGrants").iter().all(|entry| entry["brigNeeds"].is_array()));
}

#[test]
fn file_read_as_a_plain_profile_is_the_one_for_default_capabilities() {
    let plain: Seccomp = serde_json::from_str(DEFAULT_SECCOMP_JSON).unwrap();
    assert_eq!(plain, default_seccomp(CapSet::DEFAULT, Arch::X86_64));
}

#[test]
fn usual_calls_pass_and_left_out_ones_do_not() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    for name in ["read", "execve", "clone3", "ptrace", "chroot", "futex_wait", "mseal", "rseq"] {
        assert_eq!(ask(&program, name, &[]), Action::Allow, "{name}");
    }
    for name in ["mount", "umount2", "setns", "unshare", "reboot", "bpf", "sethostname", "syslog"] {
        assert_eq!(ask(&program, name, &[]), EPERM, "{name}");
    }
    for name in [
        "vmsplice",
        "modify_ldt",
        "process_vm_readv",
        "process_vm_writev",
        "name_to_handle_at",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "keyctl",
        "add_key",
        "request_key",
        "userfaultfd",
        "fsopen",
        "open_tree",
        "pidfd_getfd",
    ] {
        assert_eq!(ask(&program, name, &[]), ENOSYS, "{name}");
    }
}

#[test]
fn number_of_allowed_calls_is_the_published_one() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    // Argument vectors that pass every condition of the profile.
    let passes = |number| {
        [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
            .into_iter()
            .any(|args| evaluate(&program, Arch::X86_64.audit(), number, args) == Action::Allow)
    };
    let calls = syscalls(Arch::X86_64);
    assert_eq!(calls.len(), 383);
    assert_eq!(calls.iter().filter(|(number, _)| passes(*number)).count(), 303);
}

#[test]
fn clone_with_any_namespace_flag_is_refused() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    let thread = 0x003d_0f00;
    assert_eq!(ask(&program, "clone", &[thread]), Action::Allow);
    assert_eq!(ask(&program, "clone", &[17]), Action::Allow);
    for flag in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 1 << 28, 1 << 29, 1 << 30] {
        assert_eq!(ask(&program, "clone", &[flag | 17]), EPERM, "{flag:#x}");
        assert_eq!(ask(&program, "clone", &[flag | thread | HIGH]), EPERM, "{flag:#x}");
    }
    assert_eq!(
        ask(&filter(with(&["SYS_ADMIN"]), Arch::X86_64), "clone", &[1 << 28]),
        Action::Allow
    );
}

#[test]
fn socket_families_and_protocols_are_the_listed_ones() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    for high in [0, HIGH, u64::MAX << 32] {
        for family in 0..64 {
            let expected = match family {
                1 | 2 | 10 | 16 => Action::Allow,
                _ => Action::Errno(97),
            };
            assert_eq!(ask(&program, "socket", &[family | high, 1, 0]), expected, "{family}");
        }
        for protocol in 0..32 {
            let expected = match protocol {
                0 | 4 | 15 => Action::Allow,
                9 => Action::Errno(93),
                _ => Action::Errno(97),
            };
            let action = ask(&program, "socket", &[16 | high, 3, protocol | high]);
            assert_eq!(action, expected, "{protocol}");
        }
    }
    assert_eq!(ask(&program, "socket", &[38 | HIGH]), Action::Errno(97), "AF_ALG, half hidden");
}

#[test]
fn refused_arguments_stay_refused_with_bits_the_kernel_does_not_see() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    for high in [0, 1 << 32, HIGH, u64::MAX << 32] {
        for descriptor in [0, 1, HIGH, u64::MAX] {
            assert_eq!(ask(&program, "ioctl", &[descriptor, 0x5412 | high]), EPERM);
            assert_eq!(ask(&program, "ioctl", &[descriptor, 0x541c | high]), EPERM);
            for request in [0, 0x5401, 0x5411, 0x5413, 0x541b, 0x541d, 0xffff_ffff] {
                let action = ask(&program, "ioctl", &[descriptor, request | high]);
                assert_eq!(action, Action::Allow, "{request:#x}");
            }
            let action = ask(&program, "setsockopt", &[descriptor, 6 | high, 31 | high]);
            assert_eq!(action, Action::Errno(92));
            for (level, option) in [(6, 1), (6, 30), (6, 32), (1, 31), (0, 31), (41, 26)] {
                let action = ask(&program, "setsockopt", &[descriptor, level | high, option]);
                assert_eq!(action, Action::Allow, "{level} {option}");
            }
        }
        for operation in 0..32_u64 {
            for flags in [0, 128, 256, 384] {
                let action = ask(&program, "futex", &[0x1000, operation | flags | high]);
                let expected = match operation {
                    0..=10 | 13 => Action::Allow,
                    _ => ENOSYS,
                };
                assert_eq!(action, expected, "{operation} {flags}");
            }
        }
        for personality in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            assert_eq!(ask(&program, "personality", &[personality | high]), Action::Allow);
        }
        assert_eq!(ask(&program, "personality", &[0x004_0000 | high]), ENOSYS);
    }
}

#[test]
fn foreign_abis_do_not_exist() {
    let program = filter(CapSet::DEFAULT, Arch::X86_64);
    for number in 0..600 {
        assert_eq!(evaluate(&program, X86, number, [0; 6]), ENOSYS);
        assert_eq!(evaluate(&program, 0xc000_003e, 0x4000_0000 + number, [0; 6]), ENOSYS);
    }
    let program = filter(CapSet::DEFAULT, Arch::X86);
    assert_eq!(evaluate(&program, X86, 3, [0; 6]), Action::Allow, "read in a 386 image");
    assert_eq!(evaluate(&program, X86, 54, [0, 0x5412, 0, 0, 0, 0]), EPERM);
}

#[test]
fn each_capability_opens_its_calls_and_no_others() {
    let none = filter(CapSet::DEFAULT, Arch::X86_64);
    for (capability, names) in [
        ("DAC_READ_SEARCH", &["open_by_handle_at", "name_to_handle_at"][..]),
        ("SYS_ADMIN", &["mount", "umount2", "unshare", "setns", "fsopen", "bpf", "sethostname"]),
        ("SYS_BOOT", &["reboot"]),
        ("SYS_MODULE", &["init_module", "finit_module", "delete_module"]),
        ("SYS_PACCT", &["acct"]),
        ("SYS_PTRACE", &["process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"]),
        ("SYS_RAWIO", &["iopl", "ioperm"]),
        ("SYS_TIME", &["settimeofday", "clock_settime"]),
        ("SYS_TTY_CONFIG", &["vhangup"]),
        ("SYS_NICE", &["mbind", "set_mempolicy"]),
        ("SYSLOG", &["syslog"]),
        ("BPF", &["bpf"]),
        ("PERFMON", &["perf_event_open"]),
    ] {
        let some = filter(with(&[capability]), Arch::X86_64);
        for name in names {
            assert_ne!(ask(&none, name, &[]), Action::Allow, "{name}");
            assert_eq!(ask(&some, name, &[]), Action::Allow, "{capability} {name}");
        }
    }
    let lookups = |caps| ask(&filter(caps, Arch::X86_64), "socket", &[17, 3, 0]);
    assert_eq!(lookups(with(&["NET_RAW"])), Action::Allow);
    assert_eq!(lookups(with(&["NET_ADMIN"])), Action::Errno(97));
    for (capability, protocol) in [("NET_ADMIN", 12), ("NET_ADMIN", 9), ("AUDIT_WRITE", 9)] {
        let some = filter(with(&[capability]), Arch::X86_64);
        assert_eq!(ask(&some, "socket", &[16, 3, protocol]), Action::Allow, "{capability}");
    }
    assert_eq!(ask(&filter(CapSet::EMPTY, Arch::X86_64), "chroot", &[]), EPERM);
}

#[test]
fn other_processors_get_the_same_profile() {
    let program = filter(CapSet::DEFAULT, Arch::Aarch64);
    let number = |name| syscall_number(name, Arch::Aarch64).unwrap();
    let ask = |name, args| evaluate(&program, Arch::Aarch64.audit(), number(name), args);
    assert_eq!(ask("openat", [0; 6]), Action::Allow);
    assert_eq!(ask("clone", [1 << 28, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(ask("ioctl", [0, 0x5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(evaluate(&program, Arch::Arm.audit(), 3, [0; 6]), ENOSYS);
}

#[test]
fn docker_level_has_dockers_calls() {
    let at = |caps| Circumstances { caps, arch: Arch::X86_64, kernel: (6, 1) };
    let filter = |caps| {
        let compiled = compile(&docker_seccomp(&at(caps)), &Options::default()).unwrap();
        assert!(compiled.unknown_names.is_empty(), "{:?}", compiled.unknown_names);
        compiled.program
    };
    let program = filter(CapSet::DOCKER);
    for name in ["read", "vmsplice", "modify_ldt", "process_vm_readv", "name_to_handle_at"] {
        assert_eq!(ask(&program, name, &[]), Action::Allow, "{name}");
    }
    for name in ["mount", "io_uring_setup", "keyctl", "bpf", "unshare", "open_by_handle_at"] {
        assert_eq!(ask(&program, name, &[]), EPERM, "{name}");
    }
    assert_eq!(ask(&program, "clone3", &[]), ENOSYS);
    assert_eq!(ask(&program, "clone", &[1 << 28]), EPERM);
    for family in 0..46 {
        let expected = if [38, 40].contains(&family) { EPERM } else { Action::Allow };
        assert_eq!(ask(&program, "socket", &[family]), expected, "{family}");
        assert_eq!(ask(&program, "socket", &[family | HIGH]), expected, "{family}, half hidden");
    }
    assert_eq!(evaluate(&program, X86, 3, [0; 6]), Action::Allow, "i386 read");
    assert_eq!(evaluate(&program, 0xc000_003e, 0x4000_0000, [0; 6]), Action::Allow, "x32 read");
    let program = filter(with(&["SYS_ADMIN"]));
    for name in ["mount", "clone3", "unshare", "bpf"] {
        assert_eq!(ask(&program, name, &[1 << 28]), Action::Allow, "{name}");
    }
}
