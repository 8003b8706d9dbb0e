// SPDX-License-Identifier: Apache-2.0
//! Texts of `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`, by Docker's rules.

use crate::container::options::NetworkMode;
use std::fmt::Write;

const LOCALHOST: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::\tip6-localnet\n\
    ff00::\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// Returns kernel parameters of a container's own network, as Docker sets them: any port may be
/// bound and `ping` works without a capability. The groups are those of the container's range.
#[must_use]
pub fn parameters() -> [(String, String); 2] {
    [("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 65535")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// What the host says of names, read by the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// `/etc/hosts`, read for [`NetworkMode::Host`] only.
    pub hosts: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: String,
}

/// The three texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameFiles {
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/hostname`.
    pub hostname: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: String,
}

/// Makes the texts. `extra_hosts` are checked `name:address` pairs.
#[must_use]
pub fn name_files(
    mode: NetworkMode,
    hostname: &str,
    extra_hosts: &[String],
    host: &HostFiles,
) -> NameFiles {
    let mut hosts = match mode {
        NetworkMode::None => LOCALHOST.to_owned(),
        NetworkMode::Host => host.hosts.clone(),
    };
    if !hosts.is_empty() && !hosts.ends_with('\n') {
        hosts.push('\n');
    }
    for (name, address) in extra_hosts.iter().filter_map(|entry| entry.split_once(':')) {
        let _ = writeln!(hosts, "{address}\t{name}");
    }
    NameFiles { hosts, hostname: format!("{hostname}\n"), resolv_conf: host.resolv_conf.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_files_without_a_network_know_localhost_only() {
        let host = HostFiles { hosts: "10.0.0.1 secret\n".into(), resolv_conf: "r\n".into() };
        let files = name_files(NetworkMode::None, "box", &["db:10.0.0.2".into()], &host);
        assert!(files.hosts.starts_with("127.0.0.1\tlocalhost\n"));
        assert!(files.hosts.ends_with("10.0.0.2\tdb\n") && !files.hosts.contains("secret"));
        assert_eq!((files.hostname.as_str(), files.resolv_conf.as_str()), ("box\n", "r\n"));
    }

    #[test]
    fn name_files_of_the_host_network_are_the_hosts() {
        let host = HostFiles { hosts: "10.0.0.1 name".into(), resolv_conf: String::new() };
        let files = name_files(NetworkMode::Host, "box", &["v6:::1".into()], &host);
        assert_eq!(files.hosts, "10.0.0.1 name\n::1\tv6\n");
    }
}
