//! `--space`: methods with alternatives, or a file of them.

use super::super::misused::{misuse, unreadable};
use super::super::train::usual_rate;
use adaptune_train::search::{SearchedMethod, Space};
use adaptune_transformer::Config;
use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

/// A file of a space.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    methods: Vec<Spanned<String>>,
    rates: Option<Vec<f64>>,
}

/// The space that is named; the usual one if none is.
///
/// # Errors
/// A file cannot be read, or what is named is no space, or does not fit the model.
pub(super) fn read(named: &[String], model_name: &str, model: &Config) -> Result<Space> {
    let usual = Space::usual(model, usual_rate(model_name));
    match named {
        [] => Ok(usual),
        [path] if is_file(path) => in_file(Path::new(path), usual.rates, model),
        texts => {
            if let Some(path) = texts.iter().find(|text| is_file(text)) {
                misuse!("--space {path}: a file stands by itself; put all methods into it");
            }
            let read = |text: &String| {
                let found = method(text, &usual.rates, model).map_err(unreadable("--space"));
                Ok(found?)
            };
            let methods = texts.iter().map(read).collect::<Result<_>>()?;
            Ok(Space { methods, rates: usual.rates })
        }
    }
}

fn is_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|extension| extension == "toml")
}

fn in_file(path: &Path, usual: Vec<f64>, model: &Config) -> Result<Space> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("--space: cannot read {shown}"))?;
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let file: File = toml::from_str(&text).map_err(|error| {
        let place = error.span().map(|span| format!(", line {}", line(span.start))).unwrap_or_default();
        anyhow!("{shown}{place}: {}", error.message())
    })?;
    let rates = file.rates.unwrap_or(usual);
    let read = |text: &Spanned<String>| {
        method(text.get_ref(), &rates, model).with_context(|| format!("{shown}, line {}", line(text.span().start)))
    };
    let methods = file.methods.iter().map(read).collect::<Result<_>>()?;
    let space = Space { methods, rates };
    space.check(model).with_context(|| shown.to_string())?;
    Ok(space)
}

/// A method by itself, so that a mistake in it is told with its place.
fn method(text: &str, rates: &[f64], model: &Config) -> Result<SearchedMethod> {
    let method: SearchedMethod = text.parse()?;
    Space { methods: vec![method.clone()], rates: rates.to_vec() }.check(model)?;
    Ok(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Space> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("space.toml");
        std::fs::write(&path, text).expect("it can be written");
        read(&[path.display().to_string()], "model", &Config::bert(16, 3, 4, 32))
    }

    #[test]
    fn a_file_is_read_and_mistakes_are_told_with_their_line() {
        let good = "# wide\nmethods = [\n  \"seq_bn[reduction_factor=each(2|4|none)]\",\n  'lora[r=1|2]@1e-2',\n]\n";
        let space = file(good).unwrap();
        assert_eq!((space.methods.len(), space.rates), (2, vec![5e-4, 1e-3, 2e-3]));
        assert_eq!(file(&format!("rates = [0.5]\n{good}")).unwrap().rates, [0.5]);
        for (text, words) in [
            ("methods = ['lora']\nrate = 3\n", &["line 2", "unknown field `rate`"][..]),
            ("methods = [\n'lora',\n'seq_bn[reduction_facto=2|4]']", &["line 3", "did you mean `reduction_factor`?"]),
            ("methods = ['seq_bn[leave_out=[3]|[0]]']", &["line 1", "layer 3", "layers 0 to 2"]),
            ("methods = ['seq_bn[dropout=each(0|1)]']", &["line 1", "not for dropout"]),
            ("\nmethods = 'lora'", &["line 2", "invalid type"]),
            ("rates = [1e-3]", &["missing field `methods`"]),
            ("methods = []", &["no methods"]),
            ("methods = ['lora']\nrates = [0.0]", &["learning rate is 0"]),
        ] {
            let message = format!("{:#}", file(text).unwrap_err());
            assert!(words.iter().all(|word| message.contains(word)), "{text}: {message}");
        }
    }
}
