//! What an adapter was trained with.
#![no_main]

use adaptune_fuzz::Folder;
use adaptune_text::{RUN_FILE, RunFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&[RUN_FILE], &[data]).path();
    if let Ok(run) = RunFile::read(folder) {
        let run = run.expect("the file is there");
        run.write(folder).expect("it can be written");
        assert_eq!(RunFile::read(folder).expect("what was written is read"), Some(run));
    }
});
