//! Whether a website needs another: scripts, styles, fonts and pictures that a page would load from elsewhere. Links may lead
//! anywhere, since nobody follows them unasked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Tags that load what they name, and the attribute in which they name it.
const LOADING: [(&str, &str); 10] = [
    ("<script", "src"),
    ("<link", "href"),
    ("<img", "src"),
    ("<iframe", "src"),
    ("<source", "src"),
    ("<video", "src"),
    ("<audio", "src"),
    ("<embed", "src"),
    ("<object", "data"),
    ("<use", "href"),
];

/// A problem for each thing that a file below `folder` loads from elsewhere.
pub(crate) fn problems(folder: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in files(folder)? {
        let found: fn(&str) -> Vec<String> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => in_html,
            Some("css") => in_css,
            _ => continue,
        };
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        problems.extend(found(&text).into_iter().map(|address| format!("{} loads {address}", path.display())));
    }
    Ok(problems)
}

fn in_html(text: &str) -> Vec<String> {
    let mut found = in_css(text);
    for (tag, attribute) in LOADING {
        for rest in text.split(tag).skip(1) {
            let inside = rest.split('>').next().unwrap_or_default();
            let value =
                inside.split_once(&format!(" {attribute}=")).map(|(_, value)| value.trim_start_matches(['"', '\'']));
            let address = value.and_then(|value| value.split(['"', '\'', ' ']).next()).unwrap_or_default();
            // What names the page's own address loads nothing.
            let is_loaded = !inside.contains("rel=\"canonical\"");
            found.extend((is_elsewhere(address) && is_loaded).then(|| address.to_owned()));
        }
    }
    found
}

fn in_css(text: &str) -> Vec<String> {
    let named = text.split("url(").skip(1).chain(text.split("@import ").skip(1));
    let addresses = named.filter_map(|rest| rest.trim_start_matches(['"', '\'']).split(['"', '\'', ')', ';']).next());
    addresses.filter(|address| is_elsewhere(address)).map(str::to_owned).collect()
}

fn is_elsewhere(address: &str) -> bool {
    address.starts_with("http:") || address.starts_with("https:") || address.starts_with("//")
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use xshell::Shell;

    use super::*;

    #[test]
    fn what_is_loaded_from_elsewhere_is_found() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let page = "<a href=\"https://example.org\">fine</a><script src=\"book.js\"></script>\
            <script async src=\"https://cdn.example.org/x.js\"></script><link rel=\"stylesheet\" href='//fonts.example.org/f.css'>\
            <link rel=\"canonical\" href=\"https://example.org/page\"><img src=\"roofline.svg\">";
        shell.write_file(folder.path().join("page.html"), page).unwrap();
        let style = "@import \"https://a.org/b.css\"; p { src: url(f.woff2), url('http://a.org/f.woff2') }";
        shell.write_file(folder.path().join("css/style.css"), style).unwrap();
        let found = problems(folder.path()).unwrap();
        let addresses: Vec<&str> = found.iter().filter_map(|problem| problem.split(" loads ").nth(1)).collect();
        assert_eq!(
            addresses,
            [
                "http://a.org/f.woff2",
                "https://a.org/b.css",
                "https://cdn.example.org/x.js",
                "//fonts.example.org/f.css"
            ]
        );
    }
}
