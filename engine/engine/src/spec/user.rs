// SPDX-License-Identifier: Apache-2.0
//! `USER` and `--user`: names and numbers resolved in the image's own `/etc/passwd` and
//! `/etc/group`, whose texts the caller has read.
//!
//! Invariants: a number is a plain decimal `u32`, anything else is a name; a number is never
//! looked up as a name; a malformed line is skipped; nothing becomes 0 by accident.

use crate::error::{Error, Result};
use brig_spec::runtime::User;

/// Largest `/etc/passwd` or `/etc/group` that is read, bytes.
pub const DATABASE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest id: the kernel's -1 means "no change".
const ID_MAX: u32 = u32::MAX - 1;
/// Most supplementary groups the kernel takes.
const GROUPS_MAX: usize = 65_536;

/// A resolved user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User id inside the container.
    pub uid: u32,
    /// Group id inside the container.
    pub gid: u32,
    /// Supplementary group ids, `gid` first: left out, a file that its group may not read could be
    /// read by a process that drops the group (CVE-2022-36109).
    pub groups: Vec<u32>,
    /// Home directory; `/` when the database has none.
    pub home: String,
}

impl Identity {
    /// Returns the runtime's form.
    #[must_use]
    pub fn to_user(&self) -> User {
        User { uid: self.uid, gid: self.gid, umask: None, additional_gids: self.groups.clone() }
    }
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// Resolves `user[:group]` (empty: root) and the groups of `group_add`.
///
/// # Errors
/// When a name is unknown or a number is out of range.
pub fn resolve(spec: &str, group_add: &[String], passwd: &str, group: &str) -> Result<Identity> {
    let (user, group_part) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (spec, None),
    };
    let account = find_account(user, passwd)?;
    let (uid, mut gid, home) = match &account {
        Found::Account(account) => (account.uid, account.gid, account.home),
        Found::Number(uid) => (*uid, 0, "/"),
    };
    let mut groups = Vec::new();
    match group_part.filter(|part| !part.is_empty()) {
        // A group given by hand replaces the database's groups, as in Docker.
        Some(part) => gid = find_group(part, group)?,
        None => {
            if let Found::Account(account) = &account {
                groups = memberships(account.name, group);
            }
        }
    }
    for wanted in group_add {
        groups.push(find_group(wanted, group)?);
    }
    groups.insert(0, gid);
    dedup(&mut groups);
    groups.truncate(GROUPS_MAX);
    let home = if home.is_empty() { "/" } else { home };
    Ok(Identity { uid, gid, groups, home: home.to_owned() })
}

enum Found<'a> {
    Account(Account<'a>),
    Number(u32),
}

fn find_account<'a>(user: &str, passwd: &'a str) -> Result<Found<'a>> {
    let mut accounts = passwd.lines().filter_map(parse_account);
    if user.is_empty() {
        return Ok(accounts.find(|a| a.uid == 0).map_or(Found::Number(0), Found::Account));
    }
    if let Some(number) = parse_id(user)? {
        let account = accounts.find(|a| a.uid == number);
        return Ok(account.map_or(Found::Number(number), Found::Account));
    }
    accounts.find(|a| a.name == user).map(Found::Account).ok_or_else(|| {
        Error::invalid(
            format!("unable to find user {}: no matching entries in passwd file", shown(user)),
            "give a user that the image's /etc/passwd has, or a number",
        )
    })
}

fn find_group(wanted: &str, group: &str) -> Result<u32> {
    if let Some(number) = parse_id(wanted)? {
        return Ok(number);
    }
    let found = group.lines().filter_map(parse_group).find(|g| g.name == wanted);
    found.map(|g| g.gid).ok_or_else(|| {
        Error::invalid(
            format!("unable to find group {}: no matching entries in group file", shown(wanted)),
            "give a group that the image's /etc/group has, or a number",
        )
    })
}

fn memberships(name: &str, group: &str) -> Vec<u32> {
    group
        .lines()
        .filter_map(parse_group)
        .filter(|g| g.members.split(',').any(|member| member == name))
        .map(|g| g.gid)
        .collect()
}

fn dedup(groups: &mut Vec<u32>) {
    let mut seen = std::collections::BTreeSet::new();
    groups.retain(|gid| seen.insert(*gid));
}

/// Reads a decimal number: `None` when `text` is a name, an error when it is a number that no id
/// can be.
fn parse_id(text: &str) -> Result<Option<u32>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        // A sign or a hexadecimal prefix makes neither a number nor, by useradd's rules, a name.
        let digits = text.trim_start_matches(['-', '+']);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(out_of_range(text));
        }
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(id) if id <= ID_MAX => Ok(Some(id)),
        _ => Err(out_of_range(text)),
    }
}

fn out_of_range(text: &str) -> Error {
    Error::invalid(
        format!("user or group id {} is out of range", shown(text)),
        format!("ids go from 0 to {ID_MAX}"),
    )
}

/// Names come from an image or a command line and go to a terminal.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

fn parse_account(line: &str) -> Option<Account<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = database_id(fields.nth(1)?)?;
    let gid = database_id(fields.next()?)?;
    let home = fields.nth(1).unwrap_or_default();
    let home = if home.starts_with('/') { home } else { "" };
    Some(Account { name, uid, gid, home })
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = database_id(fields.nth(1)?)?;
    Some(Group { name, gid, members: fields.next().unwrap_or_default() })
}

fn database_id(text: &str) -> Option<u32> {
    parse_id(text).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
        bin:x:1:1:bin:/bin:/sbin/nologin\n\
        broken:x:notanumber:1::/:\n\
        :x:0:0::/:\n\
        1000:x:0:0:a name that is a number:/evil:/bin/sh\n\
        app:x:1000:1001:App:/home/app:/bin/sh\n\
        neg:x:-1:-1::/:\n\
        nohome:x:1002:1002::relative:\n";
    const GROUP: &str = "root:x:0:\nwheel:x:10:root,app\naudio:x:29:app\nbig:x:4294967296:app\n\
        dup:x:10:app\n";

    fn ok(spec: &str) -> Identity {
        resolve(spec, &[], PASSWD, GROUP).unwrap()
    }

    fn ids(spec: &str) -> (u32, u32, Vec<u32>) {
        let identity = ok(spec);
        (identity.uid, identity.gid, identity.groups)
    }

    #[test]
    fn resolve_names_and_numbers_gives_ids_groups_and_home() {
        assert_eq!(ids(""), (0, 0, vec![0, 10]));
        assert_eq!(ids("root"), (0, 0, vec![0, 10]));
        assert_eq!(ids("app"), (1000, 1001, vec![1001, 10, 29]));
        assert_eq!(ids("1"), (1, 1, vec![1]));
        assert_eq!(ids("77"), (77, 0, vec![0]));
        assert_eq!(ids("app:audio"), (1000, 29, vec![29]));
        assert_eq!(ids("app:77"), (1000, 77, vec![77]));
        assert_eq!(ids("app:"), (1000, 1001, vec![1001, 10, 29]));
        assert_eq!(ids("4294967294:0"), (4_294_967_294, 0, vec![0]));
        assert_eq!(ok("app").home, "/home/app");
        assert_eq!(ok("77").home, "/");
        assert_eq!(ok("nohome").home, "/");
    }

    #[test]
    fn resolve_numeric_text_is_never_a_name() {
        // CVE-2024-40635, CVE-2026-46680: a passwd entry called `1000` that maps to root.
        assert_eq!(ids("1000"), (1000, 1001, vec![1001, 10, 29]));
    }

    #[test]
    fn resolve_hostile_spellings_are_errors_never_root() {
        for spec in [
            "0x0",
            "4294967296",
            "4294967295",
            "-1",
            "+0",
            "1:0:0",
            " root",
            "root ",
            "00000000000x",
            "99999999999999999999",
            "nobody",
            "broken",
            "neg",
            "app:nogroup",
            "0:-1",
            "app:big",
            "root\n",
            "app:1:2",
        ] {
            let result = resolve(spec, &[], PASSWD, GROUP);
            assert!(result.is_err(), "{spec:?} gave {result:?}");
        }
    }

    #[test]
    fn resolve_without_databases_takes_numbers_and_root() {
        let root = resolve("", &[], "", "").unwrap();
        assert_eq!((root.uid, root.gid, root.home.as_str()), (0, 0, "/"));
        assert_eq!(resolve("12:34", &[], "", "").unwrap().gid, 34);
        assert!(resolve("root", &[], "", "").is_err());
    }

    #[test]
    fn resolve_group_add_appends_without_duplicates() {
        let add = ["audio".to_owned(), "29".to_owned(), "5".to_owned()];
        assert_eq!(resolve("app", &add, PASSWD, GROUP).unwrap().groups, [1001, 10, 29, 5]);
        assert!(resolve("app", &["nope".to_owned()], PASSWD, GROUP).is_err());
    }
}
