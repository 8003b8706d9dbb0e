// SPDX-License-Identifier: Apache-2.0
//! Removal of names and images, by Docker's rules and in Docker's words.

use super::Store;
use crate::error::Error;
use brig_spec::digest::Digest;
use brig_spec::reference::Reference;
use brig_sys::fault;
use std::collections::BTreeSet;

/// A container that was made from an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerUse {
    /// The container's whole id.
    pub id: String,
    /// Whether it runs.
    pub running: bool,
}

/// What the caller knows about containers; asked under the exclusive store lock.
pub trait Containers {
    /// Lists the containers made from an image.
    ///
    /// # Errors
    /// When a container's record cannot be read; the removal is then given up.
    fn of_image(
        &self,
        image: &Digest,
    ) -> Result<Vec<ContainerUse>, Box<dyn std::error::Error + Send + Sync>>;

    /// Lists the layers that containers are stacked on, whether or not their image still exists.
    ///
    /// # Errors
    /// When a container's record cannot be read; the removal is then given up.
    fn layers(&self) -> Result<BTreeSet<Digest>, Box<dyn std::error::Error + Send + Sync>>;
}

/// No containers at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoContainers;

impl Containers for NoContainers {
    fn of_image(
        &self,
        _: &Digest,
    ) -> Result<Vec<ContainerUse>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Vec::new())
    }

    fn layers(&self) -> Result<BTreeSet<Digest>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(BTreeSet::new())
    }
}

/// What a removal did, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name was removed.
    Untagged(String),
    /// An image was deleted.
    Deleted(Digest),
}

impl Store {
    /// Removes a name, and the image with its last name; or an image with its only name by id.
    ///
    /// `force` removes all names of an id and images of stopped containers, whose layers stay until
    /// the containers are gone. Layers and documents that nothing needs any more are deleted.
    ///
    /// # Errors
    /// When nothing matches, or containers or further names forbid it.
    pub fn remove(
        &self,
        text: &str,
        force: bool,
        containers: &dyn Containers,
    ) -> Result<Vec<Removed>, Error> {
        let lock = self.exclusive_lock()?;
        let (id, tag) = self.find_named(text)?;
        let tags: Vec<Reference> =
            self.tags()?.into_iter().filter(|(_, to)| *to == id).map(|(tag, _)| tag).collect();
        let mut removed = Vec::new();
        let deletes = match tag {
            Some(tag) => self.untag(&tag, &tags, &id, force, containers, &mut removed)?,
            None => {
                self.check_deletable(&id, &tags, force, containers)?;
                true
            }
        };
        if deletes {
            for tag in &tags {
                if !removed.contains(&untagged(tag)) {
                    self.delete_tag(tag)?;
                    removed.push(untagged(tag));
                }
            }
            fault::point("image.untagged")?;
            self.delete_manifest(&id)?;
            fault::point("image.unlisted")?;
            removed.push(Removed::Deleted(id));
        }
        let rubbish = self.collect(containers)?;
        fault::point("image.collected")?;
        // Deleting trees takes time; nobody needs to wait for it.
        drop(lock);
        drop(rubbish);
        Ok(removed)
    }

    /// Removes one name; returns whether the image goes with it.
    fn untag(
        &self,
        tag: &Reference,
        tags: &[Reference],
        id: &Digest,
        force: bool,
        containers: &dyn Containers,
        removed: &mut Vec<Removed>,
    ) -> Result<bool, Error> {
        let users = containers.of_image(id).map_err(Error::Containers)?;
        let is_last = tags.iter().all(|other| other == tag);
        if let (true, false, Some(user)) = (is_last, force, users.first()) {
            return Err(Error::ReferenceInUse {
                reference: tag.familiar(),
                container: short(&user.id),
                image: id.short(),
            });
        }
        self.delete_tag(tag)?;
        removed.push(untagged(tag));
        // Forced, the name goes; the image stays without one while a container runs.
        Ok(is_last && !users.iter().any(|user| user.running))
    }

    /// Docker's conditions for deletion by id.
    fn check_deletable(
        &self,
        id: &Digest,
        tags: &[Reference],
        force: bool,
        containers: &dyn Containers,
    ) -> Result<(), Error> {
        let conflict = |force, reason| Error::ImageInUse { image: id.short(), force, reason };
        let users = containers.of_image(id).map_err(Error::Containers)?;
        if let Some(user) = users.iter().find(|user| user.running) {
            let reason = format!("image is being used by running container {}", short(&user.id));
            return Err(conflict("cannot be forced", reason));
        }
        if force {
            return Ok(());
        }
        if tags.len() > 1 {
            let reason = "image is referenced in multiple repositories".to_owned();
            return Err(conflict("must be forced", reason));
        }
        if let Some(user) = users.first() {
            let reason = format!("image is being used by stopped container {}", short(&user.id));
            return Err(conflict("must be forced", reason));
        }
        Ok(())
    }

    fn delete_manifest(&self, id: &Digest) -> Result<(), Error> {
        let path = self.manifest_path(id);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Os { operation: "remove", path, source })
            }
            _ => Ok(()),
        }
    }
}

fn untagged(tag: &Reference) -> Removed {
    Removed::Untagged(tag.familiar())
}

/// Docker's twelve digits of a container's id.
fn short(id: &str) -> String {
    id.chars().take(brig_spec::digest::SHORT_LENGTH).collect()
}
