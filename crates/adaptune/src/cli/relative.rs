//! What a run names by a relative path, found from another folder than the one that the run was started in.

use std::path::{Path, PathBuf};

/// A path as `run.json` in the folder of an adapter has it, found from here. A relative one is of the folder that the training was started
/// in: this one, or one that the adapter lies in. As it is written if `is_there` holds of none of them.
pub(crate) fn found(named: &str, adapter: &Path, is_there: impl Fn(&Path) -> bool) -> PathBuf {
    let named = Path::new(named);
    if named.is_absolute() || is_there(named) {
        return named.to_owned();
    }
    let adapter = adapter.canonicalize().unwrap_or_default();
    let mut above = adapter.ancestors().skip(1).map(|folder| folder.join(named));
    above.find(|path| is_there(path)).unwrap_or_else(|| named.to_owned())
}

/// The base that the run in the folder of an adapter names, found from here: a folder, or any other name as it is.
pub(crate) fn found_base(named: &str, adapter: &Path) -> String {
    match found(named, adapter, |path| path.join("config.json").is_file()) {
        path if path == Path::new(named) => named.to_owned(),
        path => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_found_from_the_folders_above_an_adapter() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (model, adapter) = (root.join("models/m"), root.join("project/runs/a"));
        for folder in [&model, &adapter] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(model.join("config.json"), "{}").unwrap();
        let found = |named: &str| found_base(named, &adapter);
        assert_eq!(Path::new(&found("../models/m")), root.join("project/../models/m"));
        assert_eq!(Path::new(&found("models/m")), model);
        let absolute = model.display().to_string();
        for as_written in ["models/other", "someone/model", "builtin", &absolute] {
            assert_eq!(found(as_written), as_written);
        }
    }
}
