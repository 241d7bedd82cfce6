//! What is known of a crate's sources: files, modules, and what each module defines, imports and mentions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
};

/// The files of a crate that are compiled without tests, and the modules in them.
pub(crate) struct Sources {
    pub(crate) files: Vec<File>,
    /// The first is the root of the crate.
    pub(crate) modules: Vec<Module>,
    /// The file of each `macro_rules!`: those are known to all that follows them, without an import.
    pub(crate) macros: BTreeMap<String, usize>,
}

pub(crate) struct File {
    /// Below the project's folder.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) syntax: Rc<syn::File>,
}

/// A module. Functions have no scope of their own here: what one imports counts for the module around it.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) parent: Option<usize>,
    pub(crate) file: usize,
    pub(crate) children: BTreeMap<String, usize>,
    /// Items by name, with their files. Those of an exported macro and of the root it stands in may differ.
    pub(crate) definitions: BTreeMap<String, usize>,
    pub(crate) imports: Vec<Import>,
    /// Paths in code, such as `crate::a::b` in `crate::a::b(1)`, and names of macros that are called.
    pub(crate) mentions: Vec<Mention>,
    /// Every name in its code: those that an import of all names may have brought.
    pub(crate) words: BTreeSet<String>,
}

/// One name, or with `*` all names, of a `use`.
pub(crate) struct Import {
    /// The name that it has here; `None` for `*`.
    pub(crate) name: Option<String>,
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) public: bool,
}

pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}
