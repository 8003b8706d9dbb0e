// SPDX-License-Identifier: Apache-2.0
//! From what was typed to what it means.

use super::{ContainerArguments, env, mount, security, ulimit};
use crate::failure::Failure;
use crate::session::terminal;
use brig_engine::container::create::RunRequest;
use brig_engine::container::options::{NetworkMode, Options, ResourceOptions};
use brig_engine::size;
use std::collections::BTreeMap;

/// Makes the engine's request. `words`: the image and what follows it.
pub(crate) fn request(
    arguments: &ContainerArguments,
    words: &[String],
    auto_remove: bool,
    attached: bool,
) -> Result<RunRequest, Failure> {
    check_pull(&arguments.pull)?;
    let (image, command) = words.split_first().expect("clap requires the image");
    let mut options = Options {
        command: command.to_vec(),
        entrypoint: arguments.entrypoint.as_ref().map(|entrypoint| match entrypoint.as_str() {
            "" => Vec::new(),
            word => vec![word.to_owned()],
        }),
        env: env::environment(&arguments.env_file, &arguments.env, env::of_process)?,
        labels: env::labels(&arguments.label_file, &arguments.label)?,
        workdir: arguments.workdir.clone(),
        user: arguments.user.clone(),
        group_add: arguments.group_add.clone(),
        hostname: arguments.hostname.clone(),
        terminal: arguments.tty,
        console_size: if arguments.tty { terminal::size() } else { None },
        stdin_open: arguments.interactive,
        // Docker: the container's stdin ends with that of the client it was started for.
        stdin_once: arguments.interactive && attached,
        stop_signal: arguments.stop_signal.clone(),
        stop_timeout_s: arguments.stop_timeout,
        mounts: mounts(arguments)?,
        read_only: arguments.read_only,
        resources: resources(arguments)?,
        cap_add: arguments.cap_add.clone(),
        cap_drop: arguments.cap_drop.clone(),
        privileged: arguments.privileged,
        network: network(&arguments.network)?,
        userns_host: userns_host(&arguments.userns)?,
        ulimits: arguments
            .ulimit
            .iter()
            .map(|text| ulimit::ulimit(text))
            .collect::<Result<_, _>>()?,
        runtime: arguments.runtime.clone(),
        auto_remove,
        cgroup_parent: arguments.cgroup_parent.clone(),
        shm_size_bytes: arguments.shm_size.as_deref().map(positive_size).transpose()?,
        log_driver: arguments.log_driver.clone(),
        log_opts: log_opts(&arguments.log_opt)?,
        extra_hosts: arguments.add_host.iter().map(|text| host(text)).collect::<Result<_, _>>()?,
        ..Options::default()
    };
    for text in &arguments.security_opt {
        security::apply(&mut options, text)?;
    }
    Ok(RunRequest { image: image.clone(), name: arguments.name.clone(), options })
}

fn mounts(
    arguments: &ContainerArguments,
) -> Result<Vec<brig_engine::container::options::MountRequest>, Failure> {
    let volumes = arguments.volume.iter().map(|text| mount::volume(text));
    let mounts = arguments.mount.iter().map(|text| mount::mount(text));
    let tmpfs = arguments.tmpfs.iter().map(|text| Ok(mount::tmpfs(text)));
    volumes.chain(mounts).chain(tmpfs).collect()
}

fn resources(arguments: &ContainerArguments) -> Result<ResourceOptions, Failure> {
    let size = |text: &Option<String>| text.as_deref().map(size::parse).transpose();
    let memory_swap_bytes = match arguments.memory_swap.as_deref() {
        Some("-1") => Some(-1),
        Some(text) => Some(size::parse(text)?),
        None => None,
    };
    Ok(ResourceOptions {
        memory_bytes: size(&arguments.memory)?,
        memory_swap_bytes,
        memory_reservation_bytes: size(&arguments.memory_reservation)?,
        nano_cpus: arguments.cpus.as_deref().map(size::parse_cpus).transpose()?,
        cpu_shares: arguments.cpu_shares,
        cpuset_cpus: arguments.cpuset_cpus.clone(),
        cpuset_mems: arguments.cpuset_mems.clone(),
        pids_limit: arguments.pids_limit,
    })
}

fn positive_size(text: &str) -> Result<u64, Failure> {
    u64::try_from(size::parse(text)?).ok().filter(|&bytes| bytes > 0).ok_or_else(|| {
        Failure::invalid(format!("invalid size: '{}'", text.escape_debug()), "give more than 0")
    })
}

fn network(text: &str) -> Result<NetworkMode, Failure> {
    match text {
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        _ => Err(Failure::invalid(
            format!("network `{}` is not available: brig has no networks yet", text.escape_debug()),
            "use `--network none` (no network) or `--network host` (the host's)",
        )),
    }
}

fn userns_host(text: &str) -> Result<bool, Failure> {
    match text {
        "" | "private" => Ok(false),
        "host" => Ok(true),
        _ => Err(Failure::invalid(
            format!("invalid userns mode `{}`", text.escape_debug()),
            "use `host`, or leave the option out for ids of the container's own",
        )),
    }
}

fn check_pull(text: &str) -> Result<(), Failure> {
    match text {
        "missing" | "never" => Ok(()),
        "always" => Err(Failure::invalid(
            "`--pull always` is not available: brig cannot pull from a registry yet",
            "load the image with `brig load -i FILE`",
        )),
        _ => Err(Failure::invalid(
            format!("invalid pull option: '{}'", text.escape_debug()),
            "must be one of \"always\", \"missing\" or \"never\"",
        )),
    }
}

fn log_opts(options: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(Failure::invalid(
                format!("invalid log option `{}`", option.escape_debug()),
                "write `--log-opt max-size=10m`",
            )),
        })
        .collect()
}

/// Reads `name:address` or `name=address`; returns the former.
fn host(text: &str) -> Result<String, Failure> {
    let split = text.split_once('=').or_else(|| text.split_once(':'));
    let fits = |(name, address): &(&str, &str)| {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let address = address.trim_start_matches('[').trim_end_matches(']');
        plain && !name.is_empty() && address.parse::<std::net::IpAddr>().is_ok()
    };
    match split.filter(fits) {
        Some((name, address)) => {
            Ok(format!("{name}:{}", address.trim_start_matches('[').trim_end_matches(']')))
        }
        None => Err(Failure::invalid(
            format!("bad format for add-host: \"{}\"", text.escape_debug()),
            "write `--add-host name:10.0.0.1`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_other_than_none_and_host_is_an_honest_error() {
        assert_eq!(network("host").ok(), Some(NetworkMode::Host));
        let Err(Failure::Report(report)) = network("bridge") else { panic!() };
        assert!(report.message.contains("bridge") && report.hints[0].contains("--network none"));
    }

    #[test]
    fn host_takes_both_separators_and_ipv6() {
        assert_eq!(host("a:1.2.3.4").ok().as_deref(), Some("a:1.2.3.4"));
        assert_eq!(host("a=::1").ok().as_deref(), Some("a:::1"));
        assert_eq!(host("a:[::1]").ok().as_deref(), Some("a:::1"));
        for text in ["a", "a:", ":1.2.3.4", "a:b", "a b:1.2.3.4", "a\n:1.2.3.4"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
