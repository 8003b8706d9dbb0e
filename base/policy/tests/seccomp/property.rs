// SPDX-License-Identifier: Apache-2.0
//! Compiled filters against the naive reading of their profiles, on random profiles.

use crate::naive;
use crate::sample::{self, Random, Shape};
use brig_policy::seccomp::{Arch, ForeignAbi, Options, compile, evaluate};
use brig_spec::runtime::Seccomp;

fn check(profile: &Seccomp, options: &Options, per_condition: usize, random: &mut Random) {
    let program = compile(profile, options).unwrap().program;
    for (arch, number, args) in sample::calls(profile, per_condition, random) {
        let expected = naive::action(profile, options, arch, number, args);
        let action = evaluate(&program, arch, number, args);
        assert_eq!(action, expected, "{arch:#x} {number:#x} {args:x?} {profile:#?}");
    }
}

#[test]
fn filter_of_random_profile_means_what_its_words_mean() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for round in 0..60 {
        let profile = Shape::ANY.profile(&mut random);
        let foreign_abi = random.pick(&[ForeignAbi::Kill, ForeignAbi::Enosys]);
        let options =
            Options { foreign_abi, newer_enosys: round % 2 == 0, native: Some(Arch::X86_64) };
        check(&profile, &options, 30, &mut random);
    }
}
