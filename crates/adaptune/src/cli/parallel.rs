//! Several adapters, each with its head, that answer the same texts: `parallel(DIR, DIR)`.

use super::args::{AdapterArg, ModelArgs, TableArgs, Threshold};
use super::finished::Finished;
use super::loaded::{Loaded, check_adapters};
use super::misused::misuse;
use adaptune_adapters::Expression;
use adaptune_text::ParallelPredictor;
use anyhow::{Context, Result};

/// Loads the base once, and each part with its head.
pub(crate) fn open_parallel(args: &ModelArgs, table: &TableArgs, parts: &[Expression]) -> Result<ParallelPredictor> {
    if let Some(head) = &args.head {
        misuse!("--head {}: in parallel(…) each adapter answers with the head in its own folder", head.display());
    }
    let adapters: Vec<AdapterArg> = parts.iter().cloned().map(AdapterArg::from).collect();
    let each: Vec<String> = (1..).zip(parts).map(|(n, part)| format!("parallel(…), part {n}, {part}")).collect();
    let (mut first, mut members, mut accepted) = (None::<Finished>, Vec::new(), Vec::new());
    for (adapter, place) in adapters.iter().zip(&each) {
        let finished = opened(adapter, args, first.as_ref()).with_context(|| place.clone())?;
        first.get_or_insert_with(|| finished.clone());
        let loaded = Loaded::of(adapter, finished, args, table).with_context(|| place.clone())?;
        let own: Vec<&Threshold> = args.threshold.iter().filter(|threshold| loaded.accepts(threshold)).collect();
        accepted.extend(own.clone());
        members.push(own.into_iter().try_fold(loaded, Loaded::with_threshold).with_context(|| place.clone())?);
    }
    if let Some(threshold) = args.threshold.iter().find(|threshold| !accepted.contains(threshold)) {
        misuse!("--threshold {threshold}: none of these adapters has such a class, or any number of labels");
    }
    let base = first.context("parallel(…) names no adapter")?.base;
    let mut predictor = ParallelPredictor::new(base);
    for ((name, member), place) in names(&adapters).iter().zip(members).zip(each) {
        predictor.add(name, member.predictor).with_context(|| place)?;
    }
    Ok(predictor)
}

/// The base of an adapter, which is that of the first one.
fn opened(adapter: &AdapterArg, args: &ModelArgs, first: Option<&Finished>) -> Result<Finished> {
    check_adapters(adapter)?;
    match first {
        Some(first) => first.beside(&adapter.leading(), args.model.is_some(), args.base_dtype.is_some()),
        None => Finished::open(args.model.as_deref(), args.base_dtype, &adapter.leading()),
    }
}

/// What the answers of each are called: the name of its folder, with a number behind it where another has it.
fn names(adapters: &[AdapterArg]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for adapter in adapters {
        let leading = adapter.leading();
        let name = leading.canonicalize().unwrap_or(leading);
        let name = name.file_name().map_or_else(|| "adapter".to_owned(), |name| name.to_string_lossy().into_owned());
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_one_name_are_told_apart() {
        let of = |text: &str| {
            let expression: Expression = text.parse().expect("an expression");
            let parts = expression.parallel().expect("it is one").expect("it is one").to_vec();
            names(&parts.into_iter().map(AdapterArg::from).collect::<Vec<_>>())
        };
        assert_eq!(of("parallel(x/mood, y/mood, stack(z/german, topic), mood)"), ["mood", "mood-2", "topic", "mood-3"]);
    }
}
