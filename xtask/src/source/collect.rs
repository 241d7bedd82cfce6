//! Reads a crate: follows its `mod` declarations from the root, and notes what every module defines, imports and mentions.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, Result};
use syn::{
    Attribute, ImplItem, Item, ItemMacro, ItemMod, ItemUse, Macro, Meta, Stmt, UseTree, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::{
    syntax::{attribute_tokens, head, is_test, is_test_member, is_test_statement, path_attribute},
    tokens,
    tree::{File, Import, Mention, Module, Sources},
};

/// Every crate of the project: the libraries and programs under `crates`, the packages beside it, examples and benches.
pub(crate) fn load_all(root: &Path) -> Result<Vec<Sources>> {
    let mut packages = ["benches", "docs/exercises", "test-support", "xtask"].map(PathBuf::from).to_vec();
    packages.extend(entries(root, Path::new("crates"))?);
    let mut roots = Vec::new();
    for package in packages {
        roots.extend(["src/lib.rs", "src/main.rs"].map(|entry| package.join(entry)));
        roots.extend(entries(root, &package.join("examples"))?);
        roots.extend(entries(root, &package.join("benches"))?);
    }
    roots.retain(|path| path.extension().is_some_and(|extension| extension == "rs") && root.join(path).is_file());
    roots.sort();
    roots.iter().map(|entry| load(root, entry)).collect()
}

/// What is in a folder, if there is one; paths below `root`.
fn entries(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let full = root.join(folder);
    if !full.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&full).with_context(|| full.display().to_string())?;
    entries.map(|entry| Ok(folder.join(entry?.file_name()))).collect()
}

/// The crate whose root is the file `entry`, below the project's folder `root`.
pub(crate) fn load(root: &Path, entry: &Path) -> Result<Sources> {
    let sources = Sources { files: Vec::new(), modules: vec![Module::default()], macros: Default::default() };
    let folder = entry.parent().unwrap_or(Path::new("")).to_owned();
    let mut collector = Collector { root, sources, module: 0, folder, problem: None };
    collector.read(entry)?;
    match collector.problem {
        Some(problem) => Err(problem),
        None => Ok(collector.sources),
    }
}

struct Collector<'a> {
    root: &'a Path,
    sources: Sources,
    /// The one that is being read.
    module: usize,
    /// Where the files of its children lie.
    folder: PathBuf,
    problem: Option<anyhow::Error>,
}

impl Collector<'_> {
    /// Reads the file of the current module.
    fn read(&mut self, path: &Path) -> Result<()> {
        let full = self.root.join(path);
        let text = fs::read_to_string(&full).with_context(|| full.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| format!("{} is no Rust", path.display()))?;
        let syntax = Rc::new(parsed);
        self.here().file = self.sources.files.len();
        self.sources.files.push(File { path: path.to_owned(), text, syntax: Rc::clone(&syntax) });
        self.visit_file(&syntax);
        Ok(())
    }

    fn here(&mut self) -> &mut Module {
        &mut self.sources.modules[self.module]
    }

    /// Makes a module of the current one, and runs `work` within it.
    fn within(&mut self, name: &str, folder: PathBuf, work: impl FnOnce(&mut Self)) {
        let (parent, file) = (self.module, self.here().file);
        let child = self.sources.modules.len();
        self.sources.modules.push(Module { parent: Some(parent), file, ..Module::default() });
        self.here().children.insert(name.to_owned(), child);
        let outer = std::mem::replace(&mut self.folder, folder);
        self.module = child;
        work(self);
        self.module = parent;
        self.folder = outer;
    }

    /// The file of `mod name;`, and where the files of its children lie.
    fn file_of(&self, name: &str, attributes: &[Attribute]) -> (PathBuf, PathBuf) {
        if let Some(path) = path_attribute(attributes) {
            let here = &self.sources.files[self.sources.modules[self.module].file].path;
            let file = here.parent().unwrap_or(Path::new("")).join(path);
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            return (file, folder);
        }
        let (folder, flat) = (self.folder.join(name), self.folder.join(format!("{name}.rs")));
        let file = if self.root.join(&flat).is_file() { flat } else { folder.join("mod.rs") };
        (file, folder)
    }

    fn define(&mut self, name: String) {
        let file = self.here().file;
        self.here().definitions.insert(name, file);
    }

    fn define_macro(&mut self, item: &ItemMacro) {
        let Some(name) = item.ident.as_ref().map(ToString::to_string) else { return };
        let file = self.here().file;
        self.sources.macros.insert(name.clone(), file);
        if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
            self.sources.modules[0].definitions.insert(name.clone(), file);
        }
        self.define(name);
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String], public: bool) {
        let line = tree.span().start().line;
        let below = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &below(&path.ident), public),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, prefix, public)),
            UseTree::Glob(_) => (None, prefix.to_vec()),
            UseTree::Name(name) if name.ident == "self" => (prefix.last().cloned(), prefix.to_vec()),
            UseTree::Rename(rename) if rename.ident == "self" => (Some(rename.rename.to_string()), prefix.to_vec()),
            UseTree::Name(name) => (Some(name.ident.to_string()), below(&name.ident)),
            UseTree::Rename(rename) => (Some(rename.rename.to_string()), below(&rename.ident)),
        };
        self.here().imports.push(Import { name, path, line, public });
    }

    fn mention(&mut self, path: Vec<String>, line: usize) {
        self.here().mentions.push(Mention { path, line });
    }

    /// Notes what stands in tokens that only their macro understands.
    fn scan(&mut self, found: tokens::Found) {
        self.here().words.extend(found.words);
        for (path, line) in found.paths {
            self.mention(path, line);
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = head(item);
        if is_test(attributes) {
            return;
        }
        if let Some(name) = name {
            self.define(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !is_test_member(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if !is_test_statement(statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        if item.content.is_some() {
            self.within(&name, self.folder.join(&name), |this| visit::visit_item_mod(this, item));
            return;
        }
        let (file, folder) = self.file_of(&name, &item.attrs);
        self.within(&name, folder, |this| {
            if let Err(problem) = this.read(&file) {
                this.problem.get_or_insert(problem);
            }
        });
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // `use ::name` is another crate for certain.
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        self.define_macro(item);
        visit::visit_item_macro(self, item);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let path: Vec<String> = call.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.mention(path, call.path.span().start().line);
        self.scan(tokens::found(call.tokens.clone()));
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(tokens::found(attribute_tokens(list)));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.mention(names, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.here().words.insert(name.to_string());
    }
}
