//! The names of an adapter directory's files, and how they are replaced.

use super::error::FormatError;
use super::names::{self, Spelling};
use adaptune_transformer::weights::{is_there, replace_file, replace_files, resolve};
use std::path::Path;

/// File names of an adapter, a fusion, a router or a head.
pub(super) struct Files {
    pub(super) config: &'static str,
    pub(super) safetensors: &'static str,
    pub(super) torch: &'static str,
    /// How the tensors in them are called.
    pub(super) spelling: Spelling,
}

impl Files {
    /// True if a directory has the weights that the configuration is of.
    pub(super) fn have_weights(&self, directory: &Path) -> Result<bool, FormatError> {
        Ok(is_there(&resolve(directory, self.safetensors)?) || is_there(&resolve(directory, self.torch)?))
    }

    pub(super) fn no_weights(&self, directory: &Path) -> FormatError {
        let Self { config, safetensors, torch, .. } = *self;
        FormatError::NoWeights { directory: directory.to_owned(), config, safetensors, torch }
    }
}

pub(super) const ADAPTER: Files = Files {
    config: "adapter_config.json",
    safetensors: "adapter.safetensors",
    torch: "pytorch_adapter.bin",
    spelling: names::hub,
};
pub(super) const HEAD: Files = Files {
    config: "head_config.json",
    safetensors: "model_head.safetensors",
    torch: "pytorch_model_head.bin",
    spelling: names::hub,
};
pub(super) const FUSION: Files = Files {
    config: "adapter_fusion_config.json",
    safetensors: "model_adapter_fusion.safetensors",
    torch: "pytorch_model_adapter_fusion.bin",
    spelling: names::hub,
};
/// As those of a fusion are called.
pub(super) const ROUTER: Files = Files {
    config: "adapter_router_config.json",
    safetensors: "model_adapter_router.safetensors",
    torch: "pytorch_model_adapter_router.bin",
    spelling: names::hub,
};
/// What PEFT calls them.
pub(super) const PEFT: Files = Files {
    config: "adapter_config.json",
    safetensors: "adapter_model.safetensors",
    torch: "adapter_model.bin",
    spelling: names::peft,
};

/// Writes a text beside its place and moves it there.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), FormatError> {
    Ok(replace_file(path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}

/// Replaces files of a directory together, see [`replace_files`]: `fill` writes the new ones into the folder that it is given.
pub(super) fn replace_together(
    directory: &Path,
    names: &[&str],
    fill: impl FnOnce(&Path) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    replace_files(directory, names, |folder| fill(folder).map_err(|error| error.moved(folder, directory)))
}
