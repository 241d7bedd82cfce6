//! Links between the files of the project: every relative link in a Markdown file leads to a file that is there, and where it
//! names a heading, that file has it.

use std::{collections::BTreeMap, fs, path::Path};

/// One problem for each link of `text` that leads nowhere. `file` is where the text lies, below `root`.
pub(crate) fn problems(root: &Path, file: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let broken = targets(&line).into_iter().filter_map(|target| link_problem(root, file, text, target));
        problems.extend(broken.map(|problem| format!("{}:{number}: {problem}", file.display())));
    }
    problems
}

/// A Markdown text with its links led elsewhere, where `led` says where.
pub(crate) fn redirected(text: &str, led: impl Fn(&str) -> Option<String>) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (number, line) in prose(text) {
        for target in targets(&without_code(line)) {
            if let Some(new) = led(target) {
                let line = &mut lines[number - 1];
                *line = line.replace(&format!("]({target})"), &format!("]({new})"));
                *line = line.replace(&format!("=\"{target}\""), &format!("=\"{new}\""));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The lines of a Markdown text that are in no fenced block, with their numbers.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    (1..).zip(text.lines()).filter(move |(_, line)| !is_fenced(&mut fence, line))
}

/// Whether a line belongs to a fenced block of code, its fences included. `fence` is the one that is open.
pub(crate) fn is_fenced(fence: &mut Option<&'static str>, line: &str) -> bool {
    let line = line.trim_start();
    match *fence {
        Some(mark) => {
            if line.starts_with(mark) {
                *fence = None;
            }
            true
        }
        None => {
            *fence = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
            fence.is_some()
        }
    }
}

/// What stands between backticks is no link, though a link may have it as its text.
pub(crate) fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Where the links of a line lead: `[text](target)`, `[name]: target`, `src="target"` and `href="target"`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets: Vec<&str> = [("](", [')', ' ']), ("src=\"", ['"', '"']), ("href=\"", ['"', '"'])]
        .into_iter()
        .flat_map(|(opening, closing)| line.split(opening).skip(1).filter_map(move |rest| rest.split(closing).next()))
        .collect();
    if let Some((_, target)) = line.split_once("]: ").filter(|(name, _)| name.starts_with('[')) {
        targets.extend(target.split_whitespace().next());
    }
    targets
}

/// `text` is that of `file`, to which a link without a path leads.
fn link_problem(root: &Path, file: &Path, text: &str, target: &str) -> Option<String> {
    let target = target.trim_matches(['<', '>']);
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    // Item paths such as `crate::Layout` are rustdoc's to resolve, and it does.
    if path.contains("://") || path.starts_with("mailto:") || path.contains("::") {
        return None;
    }
    let other = if path.is_empty() { Ok(text.to_owned()) } else { resolve(root, file, path) };
    match other {
        Err(problem) => Some(problem),
        // Other files have lines, `#L12`, and those move.
        Ok(_) if !path.is_empty() && !path.ends_with(".md") => None,
        Ok(other) => heading_problem(target, heading, &other),
    }
}

fn heading_problem(target: &str, heading: &str, text: &str) -> Option<String> {
    let known = anchors(text);
    if heading.is_empty() || known.iter().any(|anchor| anchor == heading) {
        return None;
    }
    Some(format!("the link to {target} names no heading of that page; it has {}", known.join(", ")))
}

/// What a link may name behind `#`: the headings of a page, as forges and mdBook turn them into names, and the names that
/// the page itself gives (`<a id="name">`).
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = Vec::new();
    for (_, line) in prose(text) {
        let given = line.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next());
        anchors.extend(given.map(str::to_owned));
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let name = anchor(title);
        let before = seen.entry(name.clone()).or_insert(0);
        anchors.push(if *before == 0 { name } else { format!("{name}-{before}") });
        *before += 1;
    }
    anchors
}

/// "Adam, and `W_up`" becomes "adam-and-w_up". Of a link its text counts.
fn anchor(title: &str) -> String {
    let mut shown = String::new();
    for piece in title.split("](") {
        let after = if shown.is_empty() { piece } else { piece.split_once(')').map_or(piece, |(_, after)| after) };
        shown += after;
    }
    let letter = |letter: char| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then(|| letter.to_ascii_lowercase()),
    };
    shown.trim().chars().filter_map(letter).collect()
}

/// The text behind a relative path, empty where that is a folder or no text; or what is wrong with the path.
fn resolve(root: &Path, file: &Path, path: &str) -> Result<String, String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let found = root.join(folder).join(path).canonicalize();
    let found = found.map_err(|_| format!("the link to {path} leads nowhere"))?;
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    if !found.starts_with(root) {
        return Err(format!("the link to {path} leads out of the project"));
    }
    Ok(fs::read_to_string(found).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use xshell::{Shell, TempDir};

    use super::*;

    /// A project with `README.md`, `docs/guide.md` and `src/lib.rs`.
    fn project() -> TempDir {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        for (path, text) in [
            ("README.md", "# Project"),
            ("docs/guide.md", "# Guide\n\n## First steps\n\n```\n# no heading\n```\n<a id=\"given\"></a>\n"),
            ("src/lib.rs", "fn sum() {}\n"),
        ] {
            shell.write_file(folder.path().join(path), text).unwrap();
        }
        folder
    }

    fn problems_in(file: &str, text: &str) -> Vec<String> {
        problems(project().path(), Path::new(file), text)
    }

    #[test]
    fn good_links_pass() {
        let text = "\
See [the guide](docs/guide.md#first-steps \"a title\"), [`code`](src/lib.rs#L1) and [the site](https://example.org/x.md).
![picture](docs) [item](crate::Layout) <a href=\"README.md\">here</a> [mail](mailto:a@b.c) [angle](<README.md>)
[name]: docs/guide.md
";
        assert_eq!(problems_in("README.md", text), Vec::<String>::new());
        assert_eq!(problems_in("docs/guide.md", "[up](../README.md)"), Vec::<String>::new());
    }

    #[test]
    fn broken_links_are_named_with_their_lines() {
        let text =
            "fine\n[a](docs/gone.md) [b](docs/guide.md) [`c`](gone.rs)\n\n<img src=\"gone.svg\">\n[d]: gone.md\n";
        assert_eq!(
            problems_in("README.md", text),
            [
                "README.md:2: the link to docs/gone.md leads nowhere",
                "README.md:2: the link to gone.rs leads nowhere",
                "README.md:4: the link to gone.svg leads nowhere",
                "README.md:5: the link to gone.md leads nowhere",
            ]
        );
    }

    #[test]
    fn links_are_relative_to_their_file_and_stay_inside() {
        assert_eq!(problems_in("docs/guide.md", "[a](docs/guide.md)").len(), 1);
        assert_eq!(problems_in("README.md", "[a](..)"), ["README.md:1: the link to .. leads out of the project"]);
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](gone.md)`\n```rust\nlet b = c[i](gone);\n```\n~~~\n[d](gone.md)\n```\n~~~\n[e](gone.md)\n";
        assert_eq!(problems_in("README.md", text), ["README.md:9: the link to gone.md leads nowhere"]);
    }

    #[test]
    fn headings_must_exist() {
        let text = "# The project\n[a](#the-project) [b](docs/guide.md#given) [c](#gone) [d](docs/guide.md#no-heading)";
        assert_eq!(
            problems_in("README.md", text),
            [
                "README.md:2: the link to #gone names no heading of that page; it has the-project",
                "README.md:2: the link to docs/guide.md#no-heading names no heading of that page; it has guide, first-steps, given",
            ]
        );
    }

    #[test]
    fn headings_have_the_names_that_forges_give_them() {
        let text = "# Adam, and `W_up`\n## [A link](to/it.md#x) here\n## Twice\n### Twice\n#hash\n# 4. Größe – d_x";
        let expected = ["adam-and-w_up", "a-link-here", "twice", "twice-1", "4-größe--d_x"];
        assert_eq!(anchors(text), expected);
    }

    #[test]
    fn links_are_led_elsewhere_outside_of_code() {
        let text = "[a](x.md) [b](y.md#z)\n`[a](x.md)`\n```\n[a](x.md)\n```\n<img src=\"x.md\">\n";
        let led = redirected(text, |target| (target == "x.md").then(|| "new".to_owned()));
        assert_eq!(led, "[a](new) [b](y.md#z)\n`[a](x.md)`\n```\n[a](x.md)\n```\n<img src=\"new\">\n");
    }
}
