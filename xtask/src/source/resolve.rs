//! From a path to the file that defines the item it names, as the compiler finds it: through re-exports, to the end.

use std::collections::BTreeSet;

use super::tree::{Import, Module, Sources};

/// An item of one file that another one uses.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tie {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) name: String,
    /// In the file `from`.
    pub(crate) line: usize,
}

/// What a name may stand for. One name can stand for a module and for a function at once.
enum Target {
    Module(usize),
    Item {
        file: usize,
        name: String,
    },
    /// Something of another crate.
    Outside,
}

/// Questions that are being answered, so that re-exports in a circle come to an end.
type Asked = BTreeSet<(usize, String)>;

impl Sources {
    /// Every use of an item of another file, each once, at its first line.
    pub(crate) fn ties(&self) -> Vec<Tie> {
        let mut ties = Vec::new();
        for (number, module) in self.modules.iter().enumerate() {
            let mut add = |items: Vec<(usize, String)>, line: usize| {
                let others = items.into_iter().filter(|(file, _)| *file != module.file);
                ties.extend(others.map(|(to, name)| Tie { from: module.file, to, name, line }));
            };
            for import in &module.imports {
                add(self.imported(number, import), import.line);
            }
            for mention in &module.mentions {
                add(self.mentioned(number, &mention.path), mention.line);
            }
        }
        ties.sort();
        ties.dedup_by(|a, b| (a.from, a.to, &a.name) == (b.from, b.to, &b.name));
        ties
    }

    /// The items that an import brings, with their files. A module that is brought counts where it is used.
    fn imported(&self, module: usize, import: &Import) -> Vec<(usize, String)> {
        let targets = self.resolve(module, &import.path, &mut Asked::new());
        if import.name.is_some() {
            return items(targets);
        }
        let mut found = Vec::new();
        for target in targets {
            match target {
                Target::Module(from) => {
                    let names =
                        if import.public { self.names(from, &mut Asked::new()) } else { self.open_words(module) };
                    found.extend(names.iter().flat_map(|name| items(self.lookup(from, name, &mut Asked::new()))));
                }
                other => found.extend(items(vec![other])), // the variants of an enum
            }
        }
        found
    }

    fn mentioned(&self, module: usize, path: &[String]) -> Vec<(usize, String)> {
        let found = items(self.resolve(module, path, &mut Asked::new()));
        match path {
            [name] if found.is_empty() => self.macros.get(name).map(|file| (*file, name.clone())).into_iter().collect(),
            _ => found,
        }
    }

    /// The names in a module's code that neither it nor its other imports define.
    fn open_words(&self, module: usize) -> BTreeSet<String> {
        let module = &self.modules[module];
        let is_known = |word: &&String| module.definitions.contains_key(*word) || module.named(word).next().is_some();
        module.words.iter().filter(|word| !is_known(word)).cloned().collect()
    }

    /// The names that a module gives to others.
    fn names(&self, module: usize, asked: &mut Asked) -> BTreeSet<String> {
        if !asked.insert((module, "*".to_owned())) {
            return BTreeSet::new();
        }
        let mut names: BTreeSet<String> = self.modules[module].definitions.keys().cloned().collect();
        for import in self.modules[module].imports.iter().filter(|import| import.public) {
            names.extend(import.name.clone());
            if import.name.is_none() {
                for target in self.resolve(module, &import.path, &mut Asked::new()) {
                    if let Target::Module(from) = target {
                        names.extend(self.names(from, asked));
                    }
                }
            }
        }
        names
    }

    /// What a path stands for in a module.
    fn resolve(&self, module: usize, path: &[String], asked: &mut Asked) -> Vec<Target> {
        let (mut here, rest) = self.start(module, path);
        let mut is_ours = rest.len() < path.len();
        let Some((last, before)) = rest.split_last() else { return vec![Target::Module(here)] };
        for name in before {
            match self.step(here, name, asked) {
                Some(Target::Module(next)) => here = next,
                Some(other) => return vec![other],
                None => return vec![self.unknown(here, name, is_ours, asked)],
            }
            is_ours = true;
        }
        let found = self.lookup(here, last, asked);
        if found.is_empty() { vec![self.unknown(here, last, is_ours, asked)] } else { found }
    }

    /// The module at which a path begins, and what is left of it.
    fn start<'a>(&self, module: usize, mut path: &'a [String]) -> (usize, &'a [String]) {
        let mut here = module;
        while let Some((first, rest)) = path.split_first() {
            here = match first.as_str() {
                "crate" => 0,
                "self" => here,
                "super" => self.modules[here].parent.unwrap_or(here),
                _ => break,
            };
            path = rest;
        }
        (here, path)
    }

    /// What a name stands for before a `::`.
    fn step(&self, module: usize, name: &str, asked: &mut Asked) -> Option<Target> {
        if let Some(child) = self.modules[module].children.get(name) {
            return Some(Target::Module(*child));
        }
        let mut found = self.lookup(module, name, asked);
        let first = found.iter().position(|target| matches!(target, Target::Module(_))).unwrap_or(0);
        (!found.is_empty()).then(|| found.swap_remove(first))
    }

    /// All that a name of a module stands for.
    fn lookup(&self, module: usize, name: &str, asked: &mut Asked) -> Vec<Target> {
        if !asked.insert((module, name.to_owned())) {
            return Vec::new();
        }
        let here = &self.modules[module];
        let mut found: Vec<Target> = here.children.get(name).map(|child| Target::Module(*child)).into_iter().collect();
        found.extend(here.definitions.get(name).map(|file| Target::Item { file: *file, name: name.to_owned() }));
        for import in here.named(name) {
            found.extend(self.resolve(module, &import.path, asked));
        }
        if found.is_empty() {
            for import in here.imports.iter().filter(|import| import.name.is_none()) {
                for target in self.resolve(module, &import.path, asked) {
                    if let Target::Module(from) = target {
                        found.extend(self.lookup(from, name, asked));
                    }
                }
            }
        }
        found
    }

    /// A name that is not found: if the module is one of ours, a macro has made the item there; else it is of another crate.
    fn unknown(&self, module: usize, name: &str, is_ours: bool, asked: &mut Asked) -> Target {
        let here = &self.modules[module];
        if is_ours
            && asked.insert((module, format!("{name}?")))
            && !self.takes_all_of_another_crate(here, module, asked)
        {
            return Target::Item { file: here.file, name: name.to_owned() };
        }
        Target::Outside
    }

    fn takes_all_of_another_crate(&self, here: &Module, module: usize, asked: &mut Asked) -> bool {
        let mut open = here.imports.iter().filter(|import| import.name.is_none());
        open.any(|import| self.resolve(module, &import.path, asked).iter().any(|t| matches!(t, Target::Outside)))
    }
}

impl Module {
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Import> {
        self.imports.iter().filter(move |import| import.name.as_deref() == Some(name))
    }
}

fn items(targets: Vec<Target>) -> Vec<(usize, String)> {
    let item = |target| match target {
        Target::Item { file, name } => Some((file, name)),
        Target::Module(_) | Target::Outside => None,
    };
    targets.into_iter().filter_map(item).collect()
}
