//! The model that is part of the command line: made again with the command that made it, and compared byte by byte.

use std::{env::consts::EXE_SUFFIX, fs, path::Path};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

/// Where the model lies in the repository.
const SHIPPED: &str = "crates/text/builtin";

/// How it was made; its README says the same.
pub(crate) const RECIPE: &str = "pretrain --corpus builtin:corpus@A builtin:corpus@B --arch bert --hidden 128 --layers 4 \
     --heads 4 --positions 64 --epochs 8 --lr 2e-3 --summarise --precision f16 --seed 0";

/// What a program needs of it.
const FILES: [&str; 4] = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

/// Pretrains into `out` and tells whether the same files come out. `ship` puts them in their place.
///
/// # Errors
/// If they differ and are not to be shipped.
pub(crate) fn run(shell: &Shell, target: &Path, out: &Path, ship: bool) -> Result<()> {
    cmd!(shell, "cargo build --release --package adaptune").run()?;
    let binary = target.join("release").join(format!("adaptune{EXE_SUFFIX}"));
    let recipe = RECIPE.split_whitespace();
    cmd!(shell, "{binary} {recipe...} --out {out} --overwrite").run()?;
    let shipped = shell.current_dir().join(SHIPPED);
    let mut differing = Vec::new();
    for name in FILES {
        let made = fs::read(out.join(name)).with_context(|| format!("{} was not made", out.join(name).display()))?;
        if fs::read(shipped.join(name)).ok().as_ref() != Some(&made) {
            differing.push(name);
        }
        if ship {
            fs::write(shipped.join(name), &made)?;
        }
    }
    match (differing.is_empty(), ship) {
        (true, _) => println!("{SHIPPED} was made again, the same to the byte"),
        (false, true) => println!("{SHIPPED} has been replaced: {}", differing.join(", ")),
        (false, false) => println!("other bytes than in {SHIPPED}: {}", differing.join(", ")),
    }
    ensure!(differing.is_empty() || ship, "{} can be compared with it", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_of_the_model_has_the_recipe() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        let readme = fs::read_to_string(root.join(SHIPPED).join("README.md")).expect("it is in the repository");
        let words = |text: &str| text.replace('\\', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&readme).contains(&words(RECIPE)), "expected {RECIPE}");
    }
}
