// SPDX-License-Identifier: Apache-2.0
//! `-v`, `--mount`, `--tmpfs`.

use crate::failure::Failure;
use brig_engine::container::options::MountRequest;

const PROPAGATIONS: &[&str] = &["shared", "slave", "private", "rshared", "rslave", "rprivate"];

/// Reads `-v SOURCE:TARGET[:OPTIONS]`.
pub(crate) fn volume(text: &str) -> Result<MountRequest, Failure> {
    let mut parts = text.splitn(3, ':');
    let (source, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if target.is_empty() || !source.starts_with('/') {
        return Err(no_volumes(text, source, target));
    }
    let (mut read_only, mut propagation, mut no_id_map) = (false, String::new(), false);
    for word in parts.next().unwrap_or_default().split(',').filter(|word| !word.is_empty()) {
        match word {
            "ro" => read_only = true,
            "noidmap" => no_id_map = true,
            // What is already so; and words for platforms and labels that do not exist here.
            "rw" | "rbind" | "consistent" | "cached" | "delegated" => {}
            "z" | "Z" if !has_selinux() => {}
            word if PROPAGATIONS.contains(&word) => word.clone_into(&mut propagation),
            word => {
                return Err(Failure::invalid(
                    format!("invalid mode: {} in volume `{}`", word.escape_debug(), text),
                    "known are ro, rw, noidmap and the propagations such as rslave",
                ));
            }
        }
    }
    Ok(MountRequest::Bind {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only,
        propagation,
        create_source: true,
        no_id_map,
    })
}

fn no_volumes(text: &str, source: &str, target: &str) -> Failure {
    if source.starts_with('.') || (source.contains('/') && !source.starts_with('/')) {
        return Failure::invalid(
            format!("the volume source `{}` is not an absolute path", source.escape_debug()),
            format!("write `-v \"$PWD/{}:{target}\"`", source.trim_start_matches("./")),
        );
    }
    Failure::invalid(
        format!(
            "volume `{}` needs named volumes, which are not available yet",
            text.escape_debug()
        ),
        "bind a directory of the host: `-v /host/dir:/container/dir`",
    )
}

fn has_selinux() -> bool {
    std::fs::symlink_metadata("/sys/fs/selinux/enforce").is_ok()
}

/// Reads `--tmpfs TARGET[:OPTIONS]`.
pub(crate) fn tmpfs(text: &str) -> MountRequest {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let options = options.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    MountRequest::Tmpfs { target: target.to_owned(), options }
}

/// The fields of one `--mount`.
#[derive(Default)]
struct Fields {
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    propagation: String,
    no_id_map: bool,
    tmpfs: Vec<String>,
}

/// Reads `--mount type=...,source=...,target=...`.
pub(crate) fn mount(text: &str) -> Result<MountRequest, Failure> {
    let mut fields = Fields::default();
    for field in text.split(',').map(str::trim) {
        set(&mut fields, field, text)?;
    }
    if fields.target.is_empty() {
        return Err(invalid(text, "target is required"));
    }
    match fields.kind.as_str() {
        "bind" => bind(fields, text),
        "tmpfs" if !fields.source.is_empty() => Err(invalid(text, "a tmpfs has no source")),
        "tmpfs" => {
            if fields.read_only {
                fields.tmpfs.push("ro".to_owned());
            }
            Ok(MountRequest::Tmpfs { target: fields.target, options: fields.tmpfs })
        }
        "" | "volume" => Err(Failure::invalid(
            format!("mount `{}` needs volumes, which are not available yet", text.escape_debug()),
            "use `type=bind` or `type=tmpfs`",
        )),
        kind => Err(invalid(text, &format!("unknown type `{}`", kind.escape_debug()))),
    }
}

fn bind(fields: Fields, text: &str) -> Result<MountRequest, Failure> {
    if !fields.source.starts_with('/') {
        return Err(invalid(text, "the source of a bind is an absolute path"));
    }
    if !fields.tmpfs.is_empty() {
        return Err(invalid(text, "tmpfs options do not fit a bind"));
    }
    Ok(MountRequest::Bind {
        source: fields.source,
        target: fields.target,
        read_only: fields.read_only,
        propagation: fields.propagation,
        create_source: false,
        no_id_map: fields.no_id_map,
    })
}

fn set(fields: &mut Fields, field: &str, text: &str) -> Result<(), Failure> {
    let (name, value) = match field.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (field, None),
    };
    let switch = || match value {
        None => Ok(true),
        Some(value) => crate::arguments::parse_bool(value)
            .map_err(|why| invalid(text, &format!("`{name}`: {why}"))),
    };
    let given = || value.ok_or_else(|| invalid(text, &format!("`{name}` needs a value")));
    match name.to_ascii_lowercase().as_str() {
        "type" => given()?.to_ascii_lowercase().clone_into(&mut fields.kind),
        "source" | "src" => given()?.clone_into(&mut fields.source),
        "target" | "dst" | "destination" => given()?.clone_into(&mut fields.target),
        "readonly" | "ro" => fields.read_only = switch()?,
        "noidmap" => fields.no_id_map = switch()?,
        "bind-propagation" => {
            let word = given()?;
            if !PROPAGATIONS.contains(&word) {
                return Err(invalid(text, &format!("unknown propagation `{word}`")));
            }
            word.clone_into(&mut fields.propagation);
        }
        "tmpfs-size" => {
            let bytes = brig_engine::size::parse(given()?)?;
            fields.tmpfs.push(format!("size={bytes}"));
        }
        "tmpfs-mode" => {
            let mode = given()?;
            if u32::from_str_radix(mode, 8).is_err() {
                return Err(invalid(text, "`tmpfs-mode` is an octal number"));
            }
            fields.tmpfs.push(format!("mode={mode}"));
        }
        _ => return Err(invalid(text, &format!("unknown field `{}`", name.escape_debug()))),
    }
    Ok(())
}

fn invalid(text: &str, why: &str) -> Failure {
    Failure::invalid(
        format!("invalid argument `{}` for --mount: {why}", text.escape_debug()),
        "write `type=bind,source=/host,target=/inside[,readonly]` or `type=tmpfs,target=/inside`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_with_options_is_a_bind_whose_source_is_made() {
        let made = volume("/a:/b:ro,rslave,noidmap").unwrap();
        assert_eq!(
            made,
            MountRequest::Bind {
                source: "/a".into(),
                target: "/b".into(),
                read_only: true,
                propagation: "rslave".into(),
                create_source: true,
                no_id_map: true,
            }
        );
    }

    #[test]
    fn volume_that_is_no_absolute_bind_is_refused() {
        for text in ["data:/b", "/b", "./a:/b", "a/b:/c", "", ":/b", "/a:", "/a:/b:wat"] {
            assert!(volume(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tmpfs_options_are_words() {
        let MountRequest::Tmpfs { target, options } = tmpfs("/run:rw,size=64m") else { panic!() };
        assert_eq!((target.as_str(), options), ("/run", vec!["rw".into(), "size=64m".into()]));
    }

    #[test]
    fn mount_reads_dockers_spellings() {
        let made = mount("type=bind,src=/a,dst=/b,readonly,bind-propagation=rshared").unwrap();
        let MountRequest::Bind { read_only: true, propagation, create_source: false, .. } = made
        else {
            panic!("{made:?}")
        };
        assert_eq!(propagation, "rshared");
        let made = mount("type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770").unwrap();
        let MountRequest::Tmpfs { options, .. } = made else { panic!() };
        assert_eq!(options, ["size=1048576", "mode=1770"]);
    }

    #[test]
    fn mount_nonsense_is_refused() {
        for text in [
            "",
            "type=bind",
            "type=bind,target=/b",
            "type=bind,source=a,target=/b",
            "type=tmpfs,source=/a,target=/b",
            "type=wat,target=/b",
            "target=/b",
            "type=bind,source=/a,target=/b,tmpfs-size=1m",
            "type=bind,source=/a,target=/b,readonly=maybe",
            "type=tmpfs,target=/b,nope=1",
            "type=tmpfs,target=/b,tmpfs-mode=9",
        ] {
            assert!(mount(text).is_err(), "{text}");
        }
    }
}
