// SPDX-License-Identifier: Apache-2.0
//! Device access rules, as v1 lines and as a v2 program.
//!
//! Whatever the configuration says, the list starts by denying everything and ends by allowing
//! what the specification promises in every container (runc does the same).

use brig_spec::runtime::DeviceRule;
use brig_sys::bpf::Instruction;

/// One line for `devices.allow` or `devices.deny`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) allow: bool,
    pub(super) text: String,
}

/// Devices that every container may use: type, major, minor (-1: any), access.
const ALWAYS: [(&str, i64, i64, &str); 10] = [
    ("c", -1, -1, "m"),
    ("b", -1, -1, "m"),
    ("c", 1, 3, "rwm"),
    ("c", 1, 5, "rwm"),
    ("c", 1, 7, "rwm"),
    ("c", 1, 8, "rwm"),
    ("c", 1, 9, "rwm"),
    ("c", 5, 0, "rwm"),
    ("c", 5, 2, "rwm"),
    ("c", 136, -1, "rwm"),
];

fn effective(rules: &[DeviceRule]) -> Vec<DeviceRule> {
    let deny_all = DeviceRule { access: "rwm".to_owned(), ..DeviceRule::default() };
    let always = ALWAYS.iter().map(|&(kind, major, minor, access)| DeviceRule {
        allow: true,
        kind: kind.to_owned(),
        major: Some(major),
        minor: Some(minor),
        access: access.to_owned(),
    });
    let configured = rules.iter().skip_while(|rule| !rule.allow && is_all(rule));
    std::iter::once(deny_all).chain(configured.cloned()).chain(always).collect()
}

fn is_all(rule: &DeviceRule) -> bool {
    matches!(rule.kind.as_str(), "" | "a")
        && rule.major.unwrap_or(-1) < 0
        && rule.minor.unwrap_or(-1) < 0
}

fn access(rule: &DeviceRule) -> &str {
    if rule.access.is_empty() { "rwm" } else { &rule.access }
}

/// Returns the lines for a v1 hierarchy, in order.
pub(super) fn v1_lines(rules: &[DeviceRule]) -> Vec<Line> {
    let number = |value: Option<i64>| match value {
        Some(value) if value >= 0 => value.to_string(),
        _ => "*".to_owned(),
    };
    effective(rules)
        .iter()
        .map(|rule| {
            let text = if is_all(rule) {
                "a *:* rwm".to_owned()
            } else {
                let (major, minor) = (number(rule.major), number(rule.minor));
                format!("{} {major}:{minor} {}", rule.kind, access(rule))
            };
            Line { allow: rule.allow, text }
        })
        .collect()
}

/// Registers of the program.
const R0: u8 = 0;
const CTX: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

const LOAD_WORD: u8 = 0x61;
const AND32: u8 = 0x54;
const RSH32: u8 = 0x74;
const MOV64_REG: u8 = 0xbf;
const MOV64: u8 = 0xb7;
const AND32_SCRATCH: u8 = 0x54;
const JNE: u8 = 0x55;
const EXIT: u8 = 0x95;

fn op(code: u8, destination: u8, source: u8, offset: i16, constant: i32) -> Instruction {
    Instruction { code, registers: source << 4 | destination, offset, constant }
}

/// Returns the v2 program: the last matching rule decides, so rules are tested in reverse.
pub(super) fn v2_program(rules: &[DeviceRule]) -> Vec<Instruction> {
    // struct bpf_cgroup_dev_ctx { u32 access_type (access << 16 | type); u32 major; u32 minor; }
    let mut program = vec![
        op(LOAD_WORD, KIND, CTX, 0, 0),
        op(MOV64_REG, ACCESS, KIND, 0, 0),
        op(AND32, KIND, 0, 0, 0xffff),
        op(RSH32, ACCESS, 0, 0, 16),
        op(LOAD_WORD, MAJOR, CTX, 4, 0),
        op(LOAD_WORD, MINOR, CTX, 8, 0),
    ];
    for rule in effective(rules).iter().rev() {
        push_rule(&mut program, rule);
        if is_all(rule) {
            // Nothing after an unconditional answer can be reached; the verifier refuses it.
            return program;
        }
    }
    program
}

/// Appends `if (matches) return allow`.
fn push_rule(program: &mut Vec<Instruction>, rule: &DeviceRule) {
    let mut tests: Vec<Instruction> = Vec::new();
    match rule.kind.as_str() {
        "b" => tests.push(op(JNE, KIND, 0, 0, 1)),
        "c" => tests.push(op(JNE, KIND, 0, 0, 2)),
        _ => {}
    }
    let mask = access(rule).bytes().fold(0, |bits, letter| {
        bits | match letter {
            b'm' => 1,
            b'r' => 2,
            b'w' => 4,
            _ => 0,
        }
    });
    if mask != 7 {
        // The request must ask for nothing outside the rule's access.
        tests.push(op(MOV64_REG, SCRATCH, ACCESS, 0, 0));
        tests.push(op(AND32_SCRATCH, SCRATCH, 0, 0, !mask & 7));
        tests.push(op(JNE, SCRATCH, 0, 0, 0));
    }
    for (register, value) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
        if let Some(value) = value.filter(|value| *value >= 0) {
            tests.push(op(JNE, register, 0, 0, i32::try_from(value).unwrap_or(i32::MAX)));
        }
    }
    // Each failed test jumps past the two instructions of the answer.
    let length = tests.len();
    for (index, test) in tests.iter_mut().enumerate() {
        if test.code == JNE {
            test.offset = i16::try_from(length - index - 1 + 2).unwrap_or(i16::MAX);
        }
    }
    program.extend(tests);
    program.push(op(MOV64, R0, 0, 0, i32::from(rule.allow)));
    program.push(op(EXIT, 0, 0, 0, 0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_lines_deny_all_first_and_promised_devices_last() {
        let rules = [
            DeviceRule { access: "rwm".into(), ..DeviceRule::default() },
            DeviceRule {
                allow: true,
                kind: "c".into(),
                major: Some(10),
                minor: Some(229),
                access: "rw".into(),
            },
        ];
        let lines = v1_lines(&rules);
        assert_eq!(lines[0], Line { allow: false, text: "a *:* rwm".into() });
        assert_eq!(lines[1], Line { allow: true, text: "c 10:229 rw".into() });
        assert_eq!(lines[2], Line { allow: true, text: "c *:* m".into() });
        assert_eq!(lines.last().unwrap().text, "c 136:* rwm");
    }

    #[test]
    fn v2_program_ends_in_the_unconditional_denial() {
        let program = v2_program(&[]);
        let tail = &program[program.len() - 2..];
        assert_eq!((tail[0].code, tail[0].constant), (MOV64, 0));
        assert_eq!(tail[1].code, EXIT);
    }
}
