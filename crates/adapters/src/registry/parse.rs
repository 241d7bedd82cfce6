//! Configuration strings: `name[field=value, …]`, joined by `|`.

use crate::core::literal;
use crate::core::nearest::did_you_mean;
use crate::registry::error::ParseMethodError;
use crate::registry::method::Method;
use crate::registry::presets::{PRESETS, names};
use std::str::FromStr;

impl FromStr for Method {
    type Err = ParseMethodError;

    fn from_str(text: &str) -> Result<Self, ParseMethodError> {
        let form = |why: String| ParseMethodError::Form { text: text.into(), why };
        if !text.contains('|') {
            return member(text);
        }
        let members = literal::split(text, '|').map_err(form)?;
        if members.is_empty() || text.trim_end().ends_with('|') {
            return Err(form("a name is missing".into()));
        }
        Ok(Self::union(members.into_iter().map(member).collect::<Result<_, _>>()?))
    }
}

/// One `name[field=value, …]`.
fn member(text: &str) -> Result<Method, ParseMethodError> {
    let form = |why: String| ParseMethodError::Form { text: text.trim().into(), why };
    let (name, fields) = literal::name_and_fields(text).map_err(form)?;
    if name.is_empty() {
        return Err(form("a name is missing".into()));
    }
    let mut method = preset(name)?;
    for field in literal::split(fields, ',').map_err(form)? {
        let (field, value) = literal::field(field).map_err(form)?;
        let named = |source| ParseMethodError::Field { name: name.into(), source };
        method.set(field, &value).map_err(named)?;
    }
    Ok(method)
}

fn preset(name: &str) -> Result<Method, ParseMethodError> {
    let found = PRESETS.iter().find(|p| p.name == name || p.aliases.contains(&name));
    let unknown = || ParseMethodError::Unknown { name: name.into(), suggestion: did_you_mean(name, names()) };
    found.map(|p| (p.method)()).ok_or_else(unknown)
}
