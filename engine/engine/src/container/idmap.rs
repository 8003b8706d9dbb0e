// SPDX-License-Identifier: Apache-2.0
//! Id ranges: each container with a user namespace has a slot of 65,536 host ids to itself.

use super::record::{IDS_PER_SLOT, slot_base};
use super::reservation::{Reserve, reserve};
use crate::error::{Error, Result};
use crate::layout::Layout;
use brig_spec::runtime::IdMapping;
use std::path::PathBuf;

/// Number of slots; the last one ends below 2^31, which some file systems and tools need.
pub const SLOTS: u32 = 16_384;

/// Reserves a slot for container `id`: the one its hash names, else the next free one.
pub(crate) fn allocate(layout: &Layout, id: &str) -> Result<u32> {
    let first = first_choice(id);
    for step in 0..SLOTS {
        let slot = (first + step) % SLOTS;
        if reserve(layout, &layout.idmap(), &slot.to_string(), id)? == Reserve::Taken {
            return Ok(slot);
        }
    }
    Err(Error::unavailable(
        format!("all {SLOTS} id ranges are in use"),
        "remove containers with `brig rm`, or use `--userns host`",
    ))
}

/// Makes sure that container `id` still has `slot`; only a crash in the middle of a removal
/// can have taken it away.
pub(crate) fn confirm(layout: &Layout, id: &str, slot: u32) -> Result<()> {
    match reserve(layout, &layout.idmap(), &slot.to_string(), id)? {
        Reserve::Taken => Ok(()),
        Reserve::Held(holder) => Err(Error::state(
            format!("the id range of this container belongs to container {} now", &holder[..12]),
            "remove the container with `brig rm` and create it anew",
        )),
    }
}

/// Returns the path of a slot's reservation.
pub(crate) fn path(layout: &Layout, slot: u32) -> PathBuf {
    layout.idmap().join(slot.to_string())
}

/// Returns the map of a slot: 0 inside is the first id of the range outside.
#[must_use]
pub fn mappings(slot: Option<u32>) -> Vec<IdMapping> {
    slot.map(|slot| IdMapping { container_id: 0, host_id: slot_base(slot), size: IDS_PER_SLOT })
        .into_iter()
        .collect()
}

/// Ids are random, so their first digits are hash enough.
fn first_choice(id: &str) -> u32 {
    u32::from_str_radix(id.get(..7).unwrap_or_default(), 16).unwrap_or(0) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::reservation::release;
    use crate::testing::Scratch;

    #[test]
    fn allocate_same_first_choice_probes_to_the_next_slot() {
        let scratch = Scratch::new("idmap");
        let a = format!("00000ff{}", "a".repeat(57));
        let b = format!("00000ff{}", "b".repeat(57));
        scratch.fake_container(&a, "one");
        assert_eq!(allocate(&scratch.layout, &a).unwrap(), 255);
        assert_eq!(allocate(&scratch.layout, &b).unwrap(), 256);
        release(&scratch.layout, &scratch.layout.idmap(), "255", &a).unwrap();
        confirm(&scratch.layout, &a, 255).unwrap();
    }

    #[test]
    fn slots_do_not_overlap_and_stay_below_two_to_the_31() {
        assert_eq!(slot_base(0), 536_870_912);
        assert_eq!(slot_base(1) - slot_base(0), IDS_PER_SLOT);
        assert!(u64::from(slot_base(SLOTS - 1)) + u64::from(IDS_PER_SLOT) <= 1 << 31);
    }
}
