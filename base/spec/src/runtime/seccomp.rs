// SPDX-License-Identifier: Apache-2.0
//! The seccomp part of `config.json`, in the words of libseccomp.

use super::null_default;
use serde::{Deserialize, Serialize};

/// A seccomp profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Seccomp {
    /// Action for calls without a rule, such as `SCMP_ACT_ERRNO`.
    pub default_action: String,
    /// Error number for a default action of `SCMP_ACT_ERRNO`; absent: EPERM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// Architectures whose calls are filtered by the rules, such as `SCMP_ARCH_X86_64`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
    /// Filter flags, such as `SECCOMP_FILTER_FLAG_LOG`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Unix socket that receives the user-notification descriptor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub listener_path: String,
    /// Opaque data for the listener.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub listener_metadata: String,
    /// brig's extension: `errno` lets calls of architectures that are not listed fail with
    /// ENOSYS; empty kills the process, as libseccomp does.
    #[serde(rename = "brigForeignAbi", skip_serializing_if = "String::is_empty")]
    pub foreign_abi: String,
    /// Rules.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub syscalls: Vec<SeccompRule>,
}

/// One rule: the same action for several system calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeccompRule {
    /// System call names.
    pub names: Vec<String>,
    /// Action, such as `SCMP_ACT_ALLOW`.
    pub action: String,
    /// Error number for `SCMP_ACT_ERRNO`, message for `SCMP_ACT_TRACE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// Conditions on arguments, all of which must hold.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<SeccompArg>,
}

/// A condition on one argument of a system call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeccompArg {
    /// Argument number, 0 to 5.
    pub index: u32,
    /// Value compared with; the mask for `SCMP_CMP_MASKED_EQ`.
    pub value: u64,
    /// Second value, the datum of `SCMP_CMP_MASKED_EQ`.
    pub value_two: u64,
    /// Operator, such as `SCMP_CMP_EQ`.
    pub op: String,
}
