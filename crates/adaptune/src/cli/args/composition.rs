//! Adapters as they are named: a folder, or several of them put together.

use adaptune_adapters::{Expression, ExpressionError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder, or an expression of folders such as `stack(runs/german, runs/mood)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AdapterArg {
    Folder(PathBuf),
    Composed(Expression),
}

impl AdapterArg {
    /// The folder that says what the base is and how texts are read: of several the last, as the head is its too.
    pub(crate) fn leading(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::Composed(expression) => expression.names().last().map(PathBuf::from).unwrap_or_default(),
        }
    }

    /// All folders.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(folder) => vec![folder.clone()],
            Self::Composed(expression) => expression.names().into_iter().map(PathBuf::from).collect(),
        }
    }
}

impl AdapterArg {
    /// The parts of `parallel(…)`, if it is that.
    pub(crate) fn parallel(&self) -> Result<Option<Vec<Expression>>, ExpressionError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Composed(expression) => Ok(expression.parallel()?.map(<[Expression]>::to_vec)),
        }
    }
}

impl From<Expression> for AdapterArg {
    fn from(expression: Expression) -> Self {
        match expression {
            Expression::Adapter(folder) => Self::Folder(folder.into()),
            composed => Self::Composed(composed),
        }
    }
}

/// True of a text that puts adapters together; a folder may have brackets in its name.
pub(crate) fn is_composed(text: &str) -> bool {
    text.contains('(') && !Path::new(text).exists()
}

impl FromStr for AdapterArg {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        match is_composed(text) {
            true => text.parse().map(Self::Composed),
            false => Ok(Self::Folder(text.into())),
        }
    }
}

impl fmt::Display for AdapterArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Composed(expression) => expression.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_alone_is_an_adapter() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let strange = folder.path().join("a (copy)");
        std::fs::create_dir(&strange).expect("a folder");
        let text = strange.to_str().expect("a text");
        assert_eq!(text.parse(), Ok(AdapterArg::Folder(strange.clone())));
        let composed: AdapterArg = " stack( runs/a,runs/b )".parse().expect("an expression");
        assert_eq!(composed.to_string(), "stack(runs/a, runs/b)");
        assert_eq!((composed.leading(), composed.folders().len()), ("runs/b".into(), 2));
        assert!("stack(runs/a".parse::<AdapterArg>().unwrap_err().to_string().contains("`,` or `)` was expected"));
    }
}
