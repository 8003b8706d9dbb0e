// SPDX-License-Identifier: Apache-2.0
//! Capabilities: names, sets, and how `--cap-add` and `--cap-drop` change a set.

use brig_spec::runtime::Capabilities;

/// Names by number, without `CAP_`, as of kernel 6.18.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// One capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capability(u8);

impl Capability {
    /// Finds a capability by name, in any case, with or without `CAP_`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let has_prefix = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("CAP_"));
        let word = if has_prefix { &name[4..] } else { name };
        let number = (0..).zip(NAMES).find(|(_, known)| known.eq_ignore_ascii_case(word));
        number.map(|(number, _)| Self(number))
    }

    /// Returns the kernel's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Returns the name with `CAP_`.
    #[must_use]
    pub fn name(self) -> String {
        format!("CAP_{}", NAMES[usize::from(self.0)])
    }
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CapSet(u64);

impl CapSet {
    /// No capability.
    pub const EMPTY: Self = Self(0);

    /// All capabilities known here; a kernel may know fewer.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// brig's default: what the usual start of a service (chown, drop to a user, bind a low port)
    /// needs. SYS_CHROOT is for daemons that shut themselves in (HAProxy, sshd, postfix).
    pub const DEFAULT: Self = Self::of(&[0, 1, 3, 4, 5, 6, 7, 10, 18]);

    /// Docker's default, 14 capabilities.
    pub const DOCKER: Self = Self::of(&[0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31]);

    const fn of(numbers: &[u8]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < numbers.len() {
            bits |= 1 << numbers[at];
            at += 1;
        }
        Self(bits)
    }

    /// Takes the kernel's bits, such as those of `/proc/PID/status`; unknown ones are dropped.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Returns the kernel's bits.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Reads names as in `config.json`; returns those that are unknown beside the set, for the
    /// caller to warn of (as runc) or to refuse.
    #[must_use]
    pub fn parse<S: AsRef<str>>(names: &[S]) -> (Self, Vec<String>) {
        let mut set = Self::EMPTY;
        let mut unknown = Vec::new();
        for name in names {
            match Capability::from_name(name.as_ref()) {
                Some(capability) => set = set.with(capability),
                None => unknown.push(name.as_ref().to_owned()),
            }
        }
        (set, unknown)
    }

    /// Whether the set has a capability.
    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability.0) != 0
    }

    /// Whether the set has a capability of the other.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set with one capability more.
    #[must_use]
    pub fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability.0)
    }

    /// Returns the capabilities of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the capabilities of both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the set without the capabilities of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Goes through the set by ascending number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..64).map(Capability).filter(move |capability| self.has(*capability))
    }

    /// Returns the names with `CAP_`, by ascending number.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        self.iter().map(Capability::name).collect()
    }

    /// Applies `--cap-drop` and `--cap-add` with Docker's meaning: `ALL` in either is the set to
    /// start from (all that is not dropped; none), else what is added wins over what is dropped.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn adjust<S: AsRef<str>>(self, add: &[S], drop: &[S]) -> Result<Self, CapabilityError> {
        let (add, add_all) = changes(add)?;
        let (drop, drop_all) = changes(drop)?;
        Ok(match (add_all, drop_all) {
            (true, _) => Self::ALL.without(drop),
            (false, true) => add,
            (false, false) => self.without(drop).union(add),
        })
    }
}

/// A capability that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown capability `{name}`")]
pub struct CapabilityError {
    /// The name as it was given.
    pub name: String,
}

fn changes<S: AsRef<str>>(names: &[S]) -> Result<(CapSet, bool), CapabilityError> {
    let mut set = CapSet::EMPTY;
    let mut all = false;
    for name in names.iter().map(AsRef::as_ref) {
        if name.eq_ignore_ascii_case("ALL") || name.eq_ignore_ascii_case("CAP_ALL") {
            all = true;
            continue;
        }
        let capability = Capability::from_name(name);
        set = set.with(capability.ok_or_else(|| CapabilityError { name: name.to_owned() })?);
    }
    Ok((set, all))
}

/// Returns the sets of a process: for root the granted ones, bounded by themselves and not
/// inheritable; for another user only those that were `asked` for by name, ambient, since under
/// no-new-privileges neither a set-uid file nor a file capability could raise them later.
#[must_use]
pub fn process_capabilities(granted: CapSet, asked: CapSet, is_root: bool) -> Capabilities {
    if is_root {
        let names = granted.names();
        return Capabilities {
            bounding: names.clone(),
            effective: names.clone(),
            permitted: names,
            ..Capabilities::default()
        };
    }
    let names = granted.intersection(asked).names();
    Capabilities {
        bounding: names.clone(),
        effective: names.clone(),
        inheritable: names.clone(),
        permitted: names.clone(),
        ambient: names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> CapSet {
        let (set, unknown) = CapSet::parse(names);
        assert!(unknown.is_empty(), "{unknown:?}");
        set
    }

    #[test]
    fn numbers_are_the_kernels() {
        let numbers = [("CAP_CHOWN", 0), ("CAP_SYS_ADMIN", 21), ("CAP_SETFCAP", 31)];
        for (name, number) in numbers.into_iter().chain([("CAP_CHECKPOINT_RESTORE", 40)]) {
            let capability = Capability::from_name(name).unwrap();
            assert_eq!((capability.number(), capability.name()), (number, name.to_owned()));
        }
        assert_eq!(CapSet::ALL.bits(), 0x1ff_ffff_ffff);
        assert_eq!(CapSet::ALL.iter().count(), 41);
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let names =
            "CHOWN DAC_OVERRIDE FOWNER FSETID SETUID SETGID KILL NET_BIND_SERVICE SYS_CHROOT";
        assert_eq!(CapSet::DEFAULT, set(&names.split(' ').collect::<Vec<_>>()));
        let more = set(&["MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "AUDIT_WRITE"]);
        assert_eq!(CapSet::DOCKER, CapSet::DEFAULT.union(more));
        // What Docker's documentation and /proc/1/status of its containers say.
        assert_eq!(CapSet::DOCKER.bits(), 0xa804_25fb);
    }

    #[test]
    fn parse_takes_any_case_and_returns_unknown_names() {
        let (set, unknown) =
            CapSet::parse(&["cap_kill", "CAP_CHOWN", "Kill", "CAP_NO", "", "CAP_"]);
        assert_eq!(set.names(), ["CAP_CHOWN", "CAP_KILL"]);
        assert_eq!(unknown, ["CAP_NO", "", "CAP_"]);
        assert!(Capability::from_name("äöü").is_none());
    }

    #[test]
    fn adjust_follows_dockers_order() {
        let basics = set(&["CHOWN", "KILL"]);
        let adjust = |add: &[&str], drop: &[&str]| basics.adjust(add, drop).unwrap();
        assert_eq!(adjust(&[], &[]), basics);
        assert_eq!(adjust(&["net_admin"], &["CAP_KILL"]), set(&["CHOWN", "NET_ADMIN"]));
        assert_eq!(adjust(&["KILL"], &["KILL"]), basics, "what is added wins");
        assert_eq!(adjust(&[], &["all"]), CapSet::EMPTY);
        assert_eq!(adjust(&["MKNOD"], &["ALL"]), set(&["MKNOD"]));
        assert_eq!(adjust(&["ALL"], &["MKNOD"]), CapSet::ALL.without(set(&["MKNOD"])));
        assert_eq!(adjust(&["ALL"], &["ALL"]), CapSet::ALL);
        let error = basics.adjust(&["CAP_FLY"], &[]).unwrap_err();
        assert_eq!(error.to_string(), "unknown capability `CAP_FLY`");
    }

    #[test]
    fn process_capabilities_of_other_users_are_empty_unless_asked_for() {
        let root = process_capabilities(CapSet::DEFAULT, CapSet::EMPTY, true);
        assert_eq!(root.effective.len(), 9);
        assert_eq!((&root.bounding, &root.permitted), (&root.effective, &root.effective));
        assert!(root.inheritable.is_empty() && root.ambient.is_empty());
        let user = process_capabilities(CapSet::DEFAULT, CapSet::EMPTY, false);
        assert_eq!(user, Capabilities::default());
        let asked = set(&["NET_BIND_SERVICE"]);
        let user = process_capabilities(CapSet::DEFAULT, asked, false);
        assert_eq!(user.ambient, ["CAP_NET_BIND_SERVICE"]);
        assert_eq!(user.bounding, user.ambient);
    }
}
