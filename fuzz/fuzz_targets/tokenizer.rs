//! A tokenizer, which another project's code reads, and some texts for it.
#![no_main]

use adaptune_fuzz::{Folder, parts};
use adaptune_text::{Text, Tokenizer};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];

fuzz_target!(|data: &[u8]| {
    let folder = Folder::of(&FILES, &parts(data));
    let Ok(tokenizer) = Tokenizer::from_dir(folder.path(), 12) else { return };
    let _ = tokenizer.check_vocabulary(20);
    let long = "we saw the \u{e9}lan of it, 12 times. ".repeat(20);
    for text in ["", "a", "the film\u{301} is\tfine!", "\u{4f60}\u{597d} \u{1F600}\u{200d}\u{0}", &long] {
        let _ = tokenizer.encode(&Text::Single(text.to_owned()));
        let _ = tokenizer.encode(&Text::Pair(text.to_owned(), "of two".to_owned()));
        let _ = tokenizer.encode(&Text::Words(text.split(' ').map(str::to_owned).collect()));
    }
});
