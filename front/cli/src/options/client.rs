// SPDX-License-Identifier: Apache-2.0
//! Options of a command that stays attached to a container: `run` and `attach`.

use clap::Args;

/// How the attached terminal and its signals are treated.
#[derive(Debug, Clone, Default, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ClientArguments {
    /// Key sequence for leaving a container with a terminal [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub(crate) detach_keys: Option<String>,
    /// Pass signals on to the container [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = crate::arguments::parse_bool
    )]
    sig_proxy: Option<bool>,
}

impl ClientArguments {
    /// Returns whether signals are passed on.
    pub(crate) fn sig_proxy(&self) -> bool {
        self.sig_proxy.unwrap_or(true)
    }
}
