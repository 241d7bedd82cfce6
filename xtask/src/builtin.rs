//! The models that are part of the library: made again with the commands that made them, and compared byte by byte.

use std::{env::consts::EXE_SUFFIX, fs, path::Path};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

/// A model that is shipped.
struct Shipped {
    /// Where it lies in the repository.
    folder: &'static str,
    /// How it was made; its README says the same.
    recipe: &'static str,
    /// What a program needs of it.
    files: &'static [&'static str],
}

const MODELS: [Shipped; 2] = [
    Shipped {
        folder: "crates/text/builtin",
        recipe: "pretrain --corpus builtin:corpus@A builtin:corpus@B --arch bert --hidden 128 --layers 4 --heads 4 --positions 64 \
                 --epochs 8 --lr 2e-3 --summarise --precision f16 --seed 0",
        files: &["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
    },
    Shipped {
        folder: "crates/text/builtin/decoder",
        recipe: "pretrain --corpus builtin:corpus@A builtin:corpus@B --arch llama --hidden 128 --layers 4 --heads 4 --positions 128 \
                 --vocabulary 1500 --epochs 3 --batch-size 16 --lr 3e-3 --precision f16 --seed 0",
        files: &[
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ],
    },
];

/// Pretrains into folders of `out` and tells whether the same files come out. `ship` puts them in their place.
///
/// # Errors
/// If they differ and are not to be shipped.
pub(crate) fn run(shell: &Shell, target: &Path, out: &Path, ship: bool) -> Result<()> {
    cmd!(shell, "cargo build --release --package adaptune").run()?;
    let binary = target.join("release").join(format!("adaptune{EXE_SUFFIX}"));
    let mut same = true;
    for model in MODELS {
        let out = out.join(model.folder.rsplit('/').next().unwrap_or_default());
        let recipe = model.recipe.split_whitespace();
        cmd!(shell, "{binary} {recipe...} --out {out} --overwrite").run()?;
        same &= model.compare(shell, &out, ship)?;
    }
    ensure!(same || ship, "{} can be compared with them", out.display());
    Ok(())
}

impl Shipped {
    /// True if the files in `out` are those that are shipped.
    fn compare(&self, shell: &Shell, out: &Path, ship: bool) -> Result<bool> {
        let (folder, mut differing) = (shell.current_dir().join(self.folder), Vec::new());
        for name in self.files {
            let made =
                fs::read(out.join(name)).with_context(|| format!("{} was not made", out.join(name).display()))?;
            if fs::read(folder.join(name)).ok().as_ref() != Some(&made) {
                differing.push(*name);
            }
            if ship {
                fs::write(folder.join(name), &made)?;
            }
        }
        match (differing.is_empty(), ship) {
            (true, _) => println!("{} was made again, the same to the byte", self.folder),
            (false, true) => println!("{} has been replaced: {}", self.folder, differing.join(", ")),
            (false, false) => println!("other bytes than in {}: {}", self.folder, differing.join(", ")),
        }
        Ok(differing.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readmes_of_the_models_have_the_recipes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        let words = |text: &str| text.replace('\\', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        for Shipped { folder, recipe, .. } in MODELS {
            let readme = fs::read_to_string(root.join(folder).join("README.md")).expect("it is in the repository");
            assert!(words(&readme).contains(&words(recipe)), "expected {recipe}");
        }
    }
}
