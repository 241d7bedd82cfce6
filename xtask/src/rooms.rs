//! Which room of a crate may see which: low things never import high things.
//!
//! A room is a folder or a file directly under a crate's `src`. Whoever explains the crate can do so from the first line of its
//! table to the last, and what is in a line can be changed knowing only the lines before it.

use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use crate::{
    source::{self, Sources, Tie},
    stage::{Outcome, count},
};

/// A crate whose rooms have an order.
struct House {
    /// Its sources.
    folder: &'static str,
    /// From the ground up. A room sees itself and the lines before its own, but not its neighbours in the line. The root,
    /// `lib.rs`, sees all, and nobody sees it.
    lines: &'static [&'static [&'static str]],
}

const HOUSES: [House; 3] = [
    House {
        folder: "crates/adapters/src",
        lines: &[
            &["core"],
            &["methods"],
            &["registry"],
            &["adapter"],
            &["compose", "head", "of_modules"],
            &["objective"],
            &["model"],
            &["format", "multi_task_model", "tools", "tuning"],
            &["instances", "memory", "pool"],
        ],
    },
    House {
        folder: "crates/train/src",
        lines: &[
            &[
                "answer",
                "batching",
                "clip",
                "json",
                "masking",
                "metrics",
                "model",
                "optimiser",
                "schedule",
                "search",
                "values",
            ],
            &["data_error", "example", "record"],
            &["data"],
            &["error", "supervision"],
            &["activations", "criterion", "fit", "group_router", "history", "mixing", "trained"],
            &["finite"],
            &["evaluate", "options"],
            &["parallel", "tasks"],
            &["identity"],
            &["checkpoint"],
            &["progress"],
            &["trainer"],
            &["instances"],
        ],
    },
    House {
        folder: "crates/text/src",
        lines: &[
            &["error", "sizing", "world"],
            &["builtin", "class_weights", "sentence_transformers", "shipped", "thresholds"],
            &["hub"],
            &["table"],
            &["chat", "labels", "retrieval", "split", "tokenizer"],
            &["base", "corpus", "data", "data_file", "domains"],
            &["input_form"],
            &["run_file"],
            &["card", "embedder", "predictor", "scorer"],
            &["generator", "parallel_predictor"],
            &["chat_session"],
            &["model"],
            &["training"],
        ],
    },
];

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let (mut problems, mut imports) = (Vec::new(), 0);
    for sources in source::load_all(&shell.current_dir())? {
        let root = sources.files[0].path.parent().unwrap_or(Path::new(""));
        for house in HOUSES.iter().filter(|house| root == Path::new(house.folder)) {
            let ties = sources.ties();
            imports += ties.len();
            problems.extend(house.problems(&sources, &ties));
        }
    }
    Ok(Outcome::of_problems(&problems, format!("{} in {}", count(imports, "import"), count(HOUSES.len(), "crate"))))
}

impl House {
    fn problems(&self, sources: &Sources, ties: &[Tie]) -> Vec<String> {
        let mut unknown: Vec<&str> = sources.files.iter().filter_map(|file| self.room(&file.path)).collect();
        unknown.retain(|room| self.line(room).is_none());
        unknown.dedup();
        let unknown = unknown.into_iter().map(|room| {
            format!("{}/{room}: the room has no place; give it one in the table of xtask/src/rooms.rs", self.folder)
        });
        unknown.chain(ties.iter().filter_map(|tie| self.problem(sources, tie))).collect()
    }

    /// An import of a room that is not below; rooms without a place are named once, not for each import.
    fn problem(&self, sources: &Sources, tie: &Tie) -> Option<String> {
        let [from, to] = [tie.from, tie.to].map(|file| &sources.files[file].path);
        let room = self.room(from)?;
        let allowed = match self.room(to) {
            Some(seen) => seen == room || self.line(seen)? < self.line(room)?,
            None => false,
        };
        let below = self.lines[..self.line(room)?].concat();
        let below = if below.is_empty() { "none".to_owned() } else { below.join(", ") };
        (!allowed).then(|| {
            format!(
                "{}:{}: `{}` is in {}, which {room} must not see: the rooms below it are {below}",
                from.display(),
                tie.line,
                tie.name,
                to.display(),
            )
        })
    }

    /// The room of a file; `None` for the root of the crate.
    fn room<'a>(&self, file: &'a Path) -> Option<&'a str> {
        let first = file.strip_prefix(self.folder).ok()?.iter().next()?.to_str()?;
        let room = first.strip_suffix(".rs").unwrap_or(first);
        (first != "lib.rs").then_some(room)
    }

    fn line(&self, room: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.contains(&room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: House = House { folder: "src", lines: &[&["cellar"], &["left", "right"], &["roof"]] };

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        for (name, text) in files {
            shell.write_file(folder.path().join("src").join(name), text).unwrap();
        }
        let sources = source::load(folder.path(), Path::new("src/lib.rs")).unwrap();
        HOUSE.problems(&sources, &sources.ties())
    }

    const LIB: (&str, &str) =
        ("lib.rs", "mod cellar;\nmod left;\nmod right;\nmod roof;\npub use roof::Roof;\npub struct Root;");
    const LEFT: (&str, &str) = ("left.rs", "use crate::cellar::Wine;\npub struct Left(Wine);");
    const RIGHT: (&str, &str) = ("right/mod.rs", "mod inner;\npub struct Right;");
    const INNER: (&str, &str) = ("right/inner.rs", "use super::Right;");
    const ROOF: (&str, &str) = ("roof.rs", "use crate::{left::Left, right::Right};\npub struct Roof(Left, Right);");

    #[test]
    fn a_room_sees_itself_and_what_is_below() {
        let cellar = ("cellar.rs", "pub struct Wine;");
        assert_eq!(problems(&[LIB, cellar, LEFT, RIGHT, INNER, ROOF]), Vec::<String>::new());
    }

    #[test]
    fn what_is_above_or_beside_or_the_root_is_named_with_its_line() {
        let cellar = ("cellar.rs", "//!\nuse crate::Roof;\npub struct Wine;");
        let expected =
            "src/cellar.rs:2: `Roof` is in src/roof.rs, which cellar must not see: the rooms below it are none";
        assert_eq!(problems(&[LIB, cellar, LEFT, RIGHT, INNER, ROOF]), [expected]);

        let cellar = ("cellar.rs", "pub struct Wine;");
        let inner = ("right/inner.rs", "use super::super::left::Left;");
        let expected =
            "src/right/inner.rs:1: `Left` is in src/left.rs, which right must not see: the rooms below it are cellar";
        assert_eq!(problems(&[LIB, cellar, LEFT, RIGHT, inner, ROOF]), [expected]);

        let inner = ("right/inner.rs", "fn f() -> crate::Root { todo() }");
        assert!(problems(&[LIB, cellar, LEFT, RIGHT, inner, ROOF])[0].contains("`Root` is in src/lib.rs"));
    }

    #[test]
    fn a_room_without_a_place_is_named_once() {
        let files = [
            ("lib.rs", "mod attic;\nmod cellar;"),
            ("attic/mod.rs", "mod deep;\nuse crate::cellar::Wine;"),
            ("attic/deep.rs", ""),
            ("cellar.rs", "pub struct Wine;"),
        ];
        assert_eq!(
            problems(&files),
            ["src/attic: the room has no place; give it one in the table of xtask/src/rooms.rs"]
        );
    }

    #[test]
    fn every_room_stands_in_one_line() {
        for house in &HOUSES {
            let mut rooms = house.lines.concat();
            rooms.sort_unstable();
            let all = rooms.len();
            rooms.dedup();
            assert_eq!(rooms.len(), all, "{}", house.folder);
        }
    }
}
