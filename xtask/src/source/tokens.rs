//! Names and paths in tokens of which nothing is known but that they are tokens: what stands within a macro.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

#[derive(Default)]
pub(crate) struct Found {
    pub(crate) words: Vec<String>,
    /// With the lines they are in.
    pub(crate) paths: Vec<(Vec<String>, usize)>,
}

/// All names, and all paths of more than one. `$crate::a` is `crate::a`, and `crate::{a, b}` is two paths.
pub(crate) fn found(tokens: TokenStream) -> Found {
    let mut found = Found::default();
    found.read(tokens, &[]);
    found
}

impl Found {
    /// Reads tokens in which every path begins with `prefix`.
    fn read(&mut self, tokens: TokenStream, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut line = 0;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(name) => {
                    line = name.span().start().line;
                    self.words.push(name.to_string());
                    path.push(name.to_string());
                }
                token if is_colon_of_two(&token) => {
                    tokens.next(); // the second colon
                    if !matches!(tokens.peek(), Some(TokenTree::Ident(_) | TokenTree::Group(_))) {
                        self.end(&mut path, prefix, line); // `::<T>`
                    }
                    continue;
                }
                TokenTree::Group(group) => {
                    let is_list = group.delimiter() == Delimiter::Brace && path.len() > prefix.len();
                    let inner = if is_list && line > 0 { std::mem::take(&mut path) } else { Vec::new() };
                    self.read(group.stream(), &inner);
                }
                _ => {}
            }
            if !tokens.peek().is_some_and(is_colon_of_two) {
                self.end(&mut path, prefix, line);
            }
        }
    }

    fn end(&mut self, path: &mut Vec<String>, prefix: &[String], line: usize) {
        let is_prefix = path.len() <= prefix.len() || path.len() > 1 && path.last().is_some_and(|name| name == "self");
        if path.len() > 1 && !is_prefix {
            self.paths.push((std::mem::take(path), line));
        }
        *path = prefix.to_vec();
    }
}

fn is_colon_of_two(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint)
}
