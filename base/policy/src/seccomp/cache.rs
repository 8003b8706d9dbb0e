// SPDX-License-Identifier: Apache-2.0
//! The form in which a compiled filter is kept for the next container.
//!
//! Contract: `cache_source` is everything that a filter depends on, this compiler's version
//! included. A store names a record by `cache_key` of the source; the key only finds a record, and
//! `decode_record` gives nothing unless the source inside is the whole source asked for, and the
//! program one that the kernel takes. So neither a collision nor a damaged file can put a wrong
//! filter into effect; a file that others may write to can, and it is for the store to be root's.

use super::{Compiled, ForeignAbi, Options, Program};
use brig_spec::runtime::Seccomp;

/// To be raised with every change of the programs that the compiler makes or of the format.
const FORMAT: u64 = 1;

/// Returns all that a filter depends on.
#[must_use]
pub fn cache_source(profile: &Seccomp, options: &Options) -> Vec<u8> {
    let mut writer = Writer(Vec::with_capacity(16 << 10));
    writer.number(FORMAT);
    writer.text(env!("CARGO_PKG_VERSION"));
    writer.number(u64::from(options.foreign_abi == ForeignAbi::Enosys));
    writer.number(u64::from(options.newer_enosys));
    writer.text(options.native.map_or("", super::Arch::name));
    // Without `..`, so that a new field cannot be forgotten.
    let Seccomp {
        default_action,
        default_errno_ret,
        architectures,
        flags,
        listener_path: _,
        listener_metadata: _,
        foreign_abi,
        syscalls,
    } = profile;
    writer.text(default_action);
    writer.option(*default_errno_ret);
    writer.texts(architectures);
    writer.texts(flags);
    writer.text(foreign_abi);
    writer.length(syscalls.len());
    for rule in syscalls {
        writer.texts(&rule.names);
        writer.text(&rule.action);
        writer.option(rule.errno_ret);
        writer.length(rule.args.len());
        for arg in &rule.args {
            writer.number(u64::from(arg.index));
            writer.number(arg.value);
            writer.number(arg.value_two);
            writer.text(&arg.op);
        }
    }
    writer.0
}

/// Returns a name for the record of a source. Not cryptographic: see the module's contract.
#[must_use]
pub fn cache_key(source: &[u8]) -> [u8; 16] {
    const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
    let mut lanes = [0x2545_f491_4f6c_dd1d_u64, 0x1656_67b1_9e37_79f9];
    for chunk in source.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(bytes);
        for (lane, factor) in lanes.iter_mut().zip(FACTORS) {
            let product = u128::from(*lane ^ word) * u128::from(factor);
            let bytes = product.to_le_bytes();
            let (low, high) = bytes.split_at(8);
            let half = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
            // The rotation keeps a lane that became zero from staying so.
            *lane = (half(low) ^ half(high)).rotate_left(23).wrapping_add(factor);
        }
    }
    let mut key = [0; 16];
    key[..8].copy_from_slice(&lanes[0].to_le_bytes());
    key[8..].copy_from_slice(&lanes[1].to_le_bytes());
    key
}

/// Returns the record of a filter compiled from a source.
#[must_use]
pub fn encode_record(source: &[u8], compiled: &Compiled) -> Vec<u8> {
    let mut writer = Writer(Vec::with_capacity(source.len() + (8 << 10)));
    writer.bytes(source);
    writer.number(u64::from(compiled.flags));
    writer.number(u64::from(compiled.notifies));
    writer.texts(&compiled.unknown_names);
    writer.bytes(&compiled.program.to_bytes());
    writer.0
}

/// Returns the filter of a record if it is the one of this source, whole and valid.
#[must_use]
pub fn decode_record(record: &[u8], source: &[u8]) -> Option<Compiled> {
    let mut reader = Reader(record);
    if reader.bytes()? != source {
        return None;
    }
    let flags = u32::try_from(reader.number()?).ok()?;
    let notifies = match reader.number()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = reader.number()?;
    let mut unknown_names = Vec::new();
    for _ in 0..count {
        unknown_names.push(String::from_utf8(reader.bytes()?.to_vec()).ok()?);
    }
    let program = Program::from_bytes(reader.bytes()?).ok()?;
    reader.0.is_empty().then_some(Compiled { program, flags, notifies, unknown_names })
}

/// Writes values one after the other, each of known length.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(u64::try_from(length).expect("a length fits 64 bits"));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.length(texts.len());
        texts.iter().for_each(|text| self.text(text));
    }

    fn option(&mut self, number: Option<u32>) {
        self.number(number.map_or(u64::MAX, u64::from));
    }
}

/// Reads what a `Writer` wrote; `None` at a premature end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arch, compile};
    use super::*;
    use crate::caps::CapSet;
    use crate::profile::default_seccomp;

    #[test]
    fn record_round_trips_and_serves_its_source_only() {
        let mut profile = default_seccomp(CapSet::DEFAULT, Arch::X86_64);
        profile.syscalls[0].names.push("no_such_call".to_owned());
        let options = Options::default();
        let compiled = compile(&profile, &options).unwrap();
        let source = cache_source(&profile, &options);
        let record = encode_record(&source, &compiled);
        assert_eq!(decode_record(&record, &source), Some(compiled));
        assert_eq!(decode_record(&record, &source[1..]), None);
        for length in 0..record.len() {
            assert_eq!(decode_record(&record[..length], &source), None, "{length}");
        }
        let mut longer = record.clone();
        longer.push(0);
        assert_eq!(decode_record(&longer, &source), None);
        let mut damaged = record;
        let last = damaged.len() - 8;
        damaged[last] = 0xff;
        assert_eq!(decode_record(&damaged, &source), None);
    }

    #[test]
    fn every_difference_changes_source_and_key() {
        let profile = default_seccomp(CapSet::DEFAULT, Arch::X86_64);
        let options = Options::default();
        let mut variants = vec![(profile.clone(), options)];
        variants.push((profile.clone(), Options { newer_enosys: true, ..options }));
        variants.push((profile.clone(), Options { foreign_abi: ForeignAbi::Enosys, ..options }));
        variants.push((profile.clone(), Options { native: Some(Arch::Arm), ..options }));
        let mut change = |change: fn(&mut Seccomp)| {
            let mut other = profile.clone();
            change(&mut other);
            variants.push((other, options));
        };
        change(|p| p.default_errno_ret = None);
        change(|p| p.default_action.push('X'));
        change(|p| p.foreign_abi.clear());
        change(|p| p.architectures.push("SCMP_ARCH_X86".to_owned()));
        change(|p| p.flags.push("SECCOMP_FILTER_FLAG_LOG".to_owned()));
        change(|p| p.syscalls[0].errno_ret = Some(0));
        change(|p| p.syscalls.swap(0, 1));
        change(|p| p.syscalls[0].names.swap(0, 1));
        change(|p| p.syscalls.last_mut().unwrap().args.push(Default::default()));
        let keys = variants.iter().map(|(p, options)| cache_key(&cache_source(p, options)));
        let keys: std::collections::BTreeSet<[u8; 16]> = keys.collect();
        assert_eq!(keys.len(), variants.len());
    }
}
