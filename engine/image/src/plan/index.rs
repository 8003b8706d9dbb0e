// SPDX-License-Identifier: Apache-2.0
//! OCI layout: `index.json`, indexes in it, and the manifest that suits this machine.

use super::document::{self, blob_name, check_size, is_index, is_manifest, missing};
use super::layers::{self, Config};
use super::{ImagePlan, PlanError, names, platform};
use crate::bundle::Bundle;
use crate::layer::LayerSource;
use crate::limits::Limits;
use crate::printable::printable;
use brig_spec::image::{Descriptor, Index, LayerEncoding, media_type};
use brig_spec::reference::Reference;
use std::collections::BTreeMap;

/// Plans the images of `index.json`; `None` when there is none.
pub(super) fn plan(
    bundle: &dyn Bundle,
    limits: &Limits,
) -> Result<Option<Vec<ImagePlan>>, PlanError> {
    let Some(bytes) = bundle.read("index.json", limits.document_bytes_max)? else {
        return Ok(None);
    };
    let index = document::parse_index(&bytes, media_type::OCI_INDEX)?;
    if index.manifests.len() > limits.images_max {
        let limit = limits.images_max as u64;
        return Err(PlanError::Limit { what: "the number of images", limit });
    }
    let groups = group(&index);
    if groups.is_empty() {
        return Err(PlanError::Empty);
    }
    let mut plans: Vec<ImagePlan> = Vec::new();
    for (name, candidates) in groups {
        let manifest = choose(bundle, &candidates, limits, 0)?;
        let mut plan = plan_manifest(bundle, &manifest, limits)?;
        plan.references.extend(name);
        match plans.iter_mut().find(|earlier| earlier.id == plan.id) {
            Some(earlier) => earlier.references.append(&mut plan.references),
            None => plans.push(plan),
        }
    }
    Ok(Some(plans))
}

/// Groups an index's entries by name. Entries of one name that all say their platform are one image
/// for several machines; entries without a name or a platform are images of their own.
fn group(index: &Index) -> Vec<(Option<Reference>, Vec<Descriptor>)> {
    let mut groups: Vec<(Option<Reference>, Vec<Descriptor>)> = Vec::new();
    let mut by_name: BTreeMap<Option<Reference>, usize> = BTreeMap::new();
    for descriptor in index.manifests.iter().filter(|d| is_image(d)) {
        let name = names::annotated(descriptor);
        let joined = descriptor.platform.as_ref().and_then(|_| by_name.get(&name).copied());
        if let Some(n) = joined {
            groups[n].1.push(descriptor.clone());
            continue;
        }
        if descriptor.platform.is_some() {
            by_name.insert(name.clone(), groups.len());
        }
        groups.push((name, vec![descriptor.clone()]));
    }
    groups
}

fn is_image(descriptor: &Descriptor) -> bool {
    let known = is_index(&descriptor.media_type) || is_manifest(&descriptor.media_type);
    let attests = descriptor.annotations.contains_key("vnd.docker.reference.type");
    known && !attests && !descriptor.platform.as_ref().is_some_and(platform::is_unknown)
}

/// Chooses the manifest for this machine, descending into indexes.
fn choose(
    bundle: &dyn Bundle,
    candidates: &[Descriptor],
    limits: &Limits,
    depth: usize,
) -> Result<Descriptor, PlanError> {
    let descriptor = best(candidates)?;
    if is_manifest(&descriptor.media_type) {
        return Ok(descriptor.clone());
    }
    if depth >= limits.index_depth_max {
        let limit = limits.index_depth_max as u64;
        return Err(PlanError::Limit { what: "the depth of indexes", limit });
    }
    let bytes = document::read_verified(bundle, "the index", descriptor, limits)?;
    let index = document::parse_index(&bytes, &descriptor.media_type)?;
    let inner: Vec<Descriptor> = index.manifests.into_iter().filter(is_image).collect();
    choose(bundle, &inner, limits, depth + 1)
}

/// Takes the only candidate whatever it is for (the kernel may emulate it), else the best.
fn best(candidates: &[Descriptor]) -> Result<&Descriptor, PlanError> {
    if let [only] = candidates {
        return Ok(only);
    }
    let host = platform::host();
    let rank = |descriptor: &Descriptor| match &descriptor.platform {
        Some(p) if p.os == "linux" => platform::rank(host, &p.architecture, p.variant.as_deref()),
        Some(_) => None,
        // Without a platform it may be anything; better than nothing.
        None => Some(u32::MAX),
    };
    let ranked = candidates.iter().filter_map(|d| Some((rank(d)?, d)));
    match ranked.min_by_key(|(rank, _)| *rank) {
        Some((_, descriptor)) => Ok(descriptor),
        None if candidates.is_empty() => Err(PlanError::Empty),
        None => {
            let platforms = candidates.iter().filter_map(|d| d.platform.as_ref());
            let mut available: Vec<String> = platforms.map(platform::text).collect();
            available.truncate(20);
            Err(PlanError::Platform {
                wanted: format!("linux/{host}"),
                available: available.join(", "),
            })
        }
    }
}

fn plan_manifest(
    bundle: &dyn Bundle,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<ImagePlan, PlanError> {
    let bytes = document::read_verified(bundle, "the manifest", descriptor, limits)?;
    let manifest = document::parse_manifest(&bytes, &descriptor.media_type)?;
    let config_type = &manifest.config.media_type;
    if !matches!(config_type.as_str(), media_type::OCI_CONFIG | media_type::DOCKER_CONFIG) {
        let media_type = printable(config_type.as_bytes());
        return Err(PlanError::Artifact { what: "the configuration", media_type });
    }
    let config_bytes =
        document::read_verified(bundle, "the configuration", &manifest.config, limits)?;
    let config = Config::parse(&config_bytes, manifest.layers.len(), limits)?;
    let mut sources = Vec::new();
    for (layer, diff_id) in manifest.layers.iter().zip(&config.diff_ids) {
        if LayerEncoding::of_media_type(&layer.media_type).is_none() {
            let media_type = printable(layer.media_type.as_bytes());
            return Err(PlanError::Artifact { what: "a layer", media_type });
        }
        let blob = bundle.find(&blob_name(layer))?.ok_or_else(|| missing("the layer", layer))?;
        check_size("the layer", layer, blob.bytes)?;
        sources.push(LayerSource { diff_id: *diff_id, descriptor: layer.clone(), blob });
    }
    Ok(ImagePlan {
        references: Vec::new(),
        id: descriptor.digest,
        manifest: bytes,
        config_digest: manifest.config.digest,
        config: config_bytes,
        layers: layers::unique(sources),
    })
}
