//! Data that are measured on and were trained on.

use super::super::args::EvalArgs;
use super::super::folder::{RunFolder, TRAINED};
use super::super::report::note;
use adaptune_text::{DataFile, RunFile};
use anyhow::Result;
use std::path::Path;

/// Says that the adapter was trained on these very data, as far as what training wrote down says it.
pub(super) fn tell(args: &EvalArgs) -> Result<()> {
    let (Some(adapter), Some(data)) = (&args.model.adapter, args.data.as_deref().filter(|data| !data.is_dir())) else {
        return Ok(());
    };
    for folder in adapter.folders().iter().filter(|folder| folder.is_dir()) {
        let Some(run) = RunFolder::new(folder, TRAINED).run_file()? else { continue };
        if is_learnt(&run, data)? {
            let (data, folder, advice) = (data.display(), folder.display(), advice(&run));
            note(format_args!(
                "note: {folder} was trained on {data}, so its scores say nothing of other texts{advice}"
            ));
        }
    }
    Ok(())
}

/// True if the content of the file is that of training data, or both are called alike and built in.
fn is_learnt(run: &RunFile, data: &Path) -> Result<bool> {
    let found = DataFile::of("", data, 0).map(|file| (file.path, file.sha256));
    // What cannot be read here is refused where it is read.
    let Ok((path, sha256)) = found else { return Ok(false) };
    let is_builtin = path.starts_with("builtin:");
    let is_same = |file: &DataFile| match &sha256 {
        Some(_) => file.sha256 == sha256,
        None => is_builtin && file.path == path,
    };
    Ok(run.data.iter().any(|file| file.part == "train" && is_same(file)))
}

fn advice(run: &RunFile) -> String {
    match run.data.iter().find(|file| file.aside.is_some()) {
        Some(aside) => {
            format!("; --kept-aside measures on the {} of its examples that training kept aside", aside.examples)
        }
        None => String::new(),
    }
}
