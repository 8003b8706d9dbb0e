// SPDX-License-Identifier: Apache-2.0
//! libseccomp behind a pipe: a profile goes in as runc would hand it over, a filter comes out.

use brig_policy::seccomp::{Action, Arch, Program};
use brig_spec::runtime::{Seccomp, SeccompArg};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Library {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Library {
    /// Builds the helper and starts it; an error says what the machine lacks.
    pub(crate) fn start(test: &str) -> Result<Self, String> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seccomp/libseccomp.c");
        let binary = format!("{}/libseccomp-{test}", env!("CARGO_TARGET_TMPDIR"));
        let built = Command::new("cc")
            .args(["-O1", "-o", &binary, source, "-l:libseccomp.so.2"])
            .output()
            .map_err(|error| format!("no C compiler: {error}"))?;
        if !built.status.success() {
            return Err(String::from_utf8_lossy(&built.stderr).into_owned());
        }
        let mut child = Command::new(&binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Ok(Self { child, input, output })
    }

    /// Whether libseccomp has heard of a system call.
    pub(crate) fn knows(&mut self, name: &str) -> bool {
        writeln!(self.input, "known {name}").unwrap();
        self.number() == 1
    }

    /// Compiles a profile; `None` where libseccomp refuses overlapping rules.
    pub(crate) fn compile(&mut self, profile: &Seccomp) -> Option<Program> {
        self.input.write_all(lines(profile).as_bytes()).unwrap();
        let mut bytes = vec![0; usize::try_from(self.number()).unwrap()];
        self.output.read_exact(&mut bytes).unwrap();
        (!bytes.is_empty()).then(|| Program::from_bytes(&bytes).unwrap())
    }

    fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.output.read_exact(&mut bytes).unwrap();
        u32::from_ne_bytes(bytes)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Spells a profile for the helper, doing what runc does before it calls libseccomp.
fn lines(profile: &Seccomp) -> String {
    let mut text = String::new();
    let default = Action::parse(&profile.default_action, profile.default_errno_ret).unwrap();
    writeln!(text, "default {}", default.to_ret()).unwrap();
    for name in &profile.architectures {
        let arch = Arch::parse(name).unwrap().unwrap();
        let token = if arch == Arch::X32 { 0x4000_003e } else { arch.audit() };
        writeln!(text, "arch {token}").unwrap();
    }
    for rule in &profile.syscalls {
        let action = Action::parse(&rule.action, rule.errno_ret).unwrap();
        if action == default {
            continue;
        }
        let mut seen = [0; 6];
        rule.args.iter().for_each(|arg| seen[usize::try_from(arg.index).unwrap()] += 1);
        for name in &rule.names {
            let start = format!("rule {} {name}", action.to_ret());
            if seen.iter().any(|count| *count > 1) {
                for arg in &rule.args {
                    writeln!(text, "{start}{}", condition(arg)).unwrap();
                }
            } else {
                let all: String = rule.args.iter().map(condition).collect();
                writeln!(text, "{start}{all}").unwrap();
            }
        }
    }
    text.push_str("export\n");
    text
}

fn condition(arg: &SeccompArg) -> String {
    let op = match arg.op.as_str() {
        "SCMP_CMP_NE" => 1,
        "SCMP_CMP_LT" => 2,
        "SCMP_CMP_LE" => 3,
        "SCMP_CMP_EQ" => 4,
        "SCMP_CMP_GE" => 5,
        "SCMP_CMP_GT" => 6,
        "SCMP_CMP_MASKED_EQ" => 7,
        other => panic!("operator {other}"),
    };
    format!(" {} {op} {} {}", arg.index, arg.value, arg.value_two)
}
