//! The plan of a container image.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{CONTRACT, Input, Keyed};
use crate::base::name::Epoch;
use crate::model::image::Image;

/// Everything that the bytes of an image follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    contract: u32,
    image: String,
    epoch: Epoch,
    /// Packages, in the order they are unpacked.
    pub inputs: Vec<Input>,
    files: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    env: Vec<String>,
    user: String,
    workdir: String,
    ports: BTreeSet<String>,
    max_size: Option<u64>,
}

impl ImagePlan {
    /// The plan of the image `name`, made of `inputs` in their order.
    pub fn new(name: &str, image: &Image, inputs: Vec<Input>) -> Self {
        Self {
            contract: CONTRACT,
            image: name.to_owned(),
            epoch: Epoch::RELEASE,
            inputs,
            files: image.files.clone(),
            entrypoint: image.entrypoint.clone(),
            cmd: image.cmd.clone(),
            env: image.env.clone(),
            user: image.user.clone(),
            workdir: image.workdir.clone(),
            ports: image.ports.clone(),
            max_size: image.max_size,
        }
    }

    /// As the store has it.
    pub fn keyed(&self) -> Keyed {
        Keyed::sorted(format!("image.{}", self.image), self)
    }

    /// What will be done, one line each.
    pub fn steps(&self) -> Vec<String> {
        let mut steps: Vec<String> = self.inputs.iter().map(Input::unpacked).collect();
        if !self.files.is_empty() {
            steps.push(format!("keep {}", self.files.join(" ")));
        }
        steps.push("write one layer, its OCI layout, and the bills of materials".to_owned());
        steps
    }
}
