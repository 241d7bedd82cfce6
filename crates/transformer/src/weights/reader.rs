//! Loading a model from a source, and noticing what was not used.

use super::error::examples;
use super::{TensorSource, WeightError};
use adaptune_tensor::Scalar;
use ndarray::ArrayD;
use safetensors::Dtype;
use std::collections::BTreeSet;

/// Takes tensors out of a [`TensorSource`], one by one, and remembers which.
///
/// A model's tensors often share a prefix that depends on the class that saved it (`bert.` or
/// nothing). The reader finds out which it is, and from then on names are given without it. At the
/// end [`Reader::finish`] fails if anything is left over, so that no weight is ignored in silence.
/// See the [module](super) for an example.
pub struct Reader<'a> {
    source: &'a dyn TensorSource,
    prefix: String,
    /// Full names.
    taken: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// A reader with the first of `prefixes` under which the tensor `probe` exists.
    ///
    /// # Errors
    /// [`WeightError::NoPrefix`] if it exists under none.
    pub fn new(source: &'a dyn TensorSource, prefixes: &[&str], probe: &str) -> Result<Self, WeightError> {
        match prefixes.iter().find(|prefix| source.contains(&format!("{prefix}{probe}"))) {
            Some(prefix) => Ok(Self { source, prefix: (*prefix).into(), taken: BTreeSet::new() }),
            None => Err(no_prefix(source, prefixes, probe)),
        }
    }

    /// The prefix that was found.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// True if there is a tensor of this name (given without the prefix), taken or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.source.contains(&self.full(name))
    }

    /// The lengths of a tensor's axes. Asking does not count as taking.
    ///
    /// # Errors
    /// [`WeightError::Missing`] if there is no such tensor.
    pub fn shape(&self, name: &str) -> Result<&'a [usize], WeightError> {
        self.source.shape(&self.full(name))
    }

    /// The type of a tensor's numbers as the file holds them. Asking does not count as taking.
    ///
    /// # Errors
    /// [`WeightError::Missing`] if there is no such tensor.
    pub fn dtype(&self, name: &str) -> Result<Dtype, WeightError> {
        self.source.dtype(&self.full(name))
    }

    /// Takes a tensor of a known shape, converted to `S`.
    ///
    /// # Errors
    /// If there is no such tensor, its shape is another, its numbers are no floats, or some are not
    /// finite.
    pub fn take<S: Scalar>(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<S>, WeightError> {
        let full = self.full(name);
        let file = self.source.file_of(&full)?;
        file.check_shape(&full, shape)?;
        let array = file.convert(&full)?;
        self.taken.insert(full);
        Ok(array)
    }

    /// Counts a tensor as taken without reading it; nothing happens if there is none.
    pub fn skip(&mut self, name: &str) {
        self.taken.insert(self.full(name));
    }

    /// Ends the reading: everything that was not taken must be allowed to be there.
    ///
    /// `allowed` is called with the name without the prefix where it has it, else with the full
    /// name (`cls.predictions.bias` beside tensors under `bert.`).
    ///
    /// # Errors
    /// [`WeightError::Unexpected`] with the number of tensors left over and the first five names.
    pub fn finish(self, allowed: impl Fn(&str) -> bool) -> Result<(), WeightError> {
        let names = self.source.names();
        let short = |name: &'a str| name.strip_prefix(&self.prefix).unwrap_or(name);
        let left: Vec<_> =
            names.into_iter().filter(|&name| !self.taken.contains(name) && !allowed(short(name))).collect();
        if left.is_empty() {
            return Ok(());
        }
        let (path, count) = (self.source.path().into(), left.len());
        Err(WeightError::Unexpected { path, count, examples: examples(left, 5) })
    }

    /// The name of a tensor that has not the prefix, as the other functions take it.
    #[must_use]
    pub fn beside(name: &str) -> String {
        format!("{BESIDE}{name}")
    }

    fn full(&self, name: &str) -> String {
        match name.strip_prefix(BESIDE) {
            Some(name) => name.to_owned(),
            None => format!("{}{name}", self.prefix),
        }
    }
}

/// What stands before names that have not the prefix; no tensor's name begins so.
const BESIDE: &str = "/";

fn no_prefix(source: &dyn TensorSource, prefixes: &[&str], probe: &str) -> WeightError {
    let names = source.names();
    WeightError::NoPrefix {
        path: source.path().into(),
        probe: probe.into(),
        prefixes: prefixes.iter().map(ToString::to_string).collect(),
        held: names.len(),
        examples: examples(names, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{save, tensor};
    use super::super::{TensorFile, TensorSource, WeightError};
    use super::Reader;
    use adaptune_test_support::Folder;

    const NAMES: [&str; 4] = ["bert.a.weight", "bert.b.bias", "bert.unused", "cls.bias"];

    fn file(folder: &Folder) -> TensorFile {
        let tensors: Vec<_> = NAMES.iter().map(|&name| (name, tensor::<f32>(name.len() as u64, &[3, 2]))).collect();
        TensorFile::open(save(folder, "model.safetensors", &tensors)).unwrap()
    }

    #[test]
    fn the_prefix_is_the_one_under_which_the_probe_lies() {
        let folder = Folder::new();
        let file = file(&folder);
        assert_eq!(Reader::new(&file, &["", "roberta.", "bert."], "a.weight").unwrap().prefix(), "bert.");
        assert_eq!(Reader::new(&file, &["", "bert."], "bert.a.weight").unwrap().prefix(), "");
        let error = Reader::new(&file, &["", "bert."], "c.weight").err().unwrap();
        assert!(matches!(error, WeightError::NoPrefix { held: 4, .. }), "{error}");
        assert!(error.to_string().contains("`c.weight`, with none of the prefixes [\"\", \"bert.\"]"), "{error}");
    }

    #[test]
    fn tensors_are_taken_as_they_were_saved() {
        let folder = Folder::new();
        let tensors = [("v", tensor::<f32>(1, &[5])), ("t", tensor::<f32>(3, &[2, 1, 4]))];
        let file = TensorFile::open(save(&folder, "model.safetensors", &tensors)).unwrap();
        let mut reader = Reader::new(&file, &[""], "v").unwrap();
        assert_eq!(reader.take::<f64>("v", &[5]).unwrap(), tensors[0].1.mapv(f64::from));
        assert_eq!(reader.take::<f32>("t", &[2, 1, 4]).unwrap(), tensors[1].1);
        reader.finish(|_| false).unwrap();
    }

    #[test]
    fn what_is_left_over_is_named() {
        let folder = Folder::new();
        let file = file(&folder);
        let mut reader = Reader::new(&file, &["bert."], "a.weight").unwrap();
        reader.take::<f32>("a.weight", &[3, 2]).unwrap();
        reader.skip("b.bias");
        let error = reader.finish(|name| name.starts_with("cls.")).unwrap_err();
        assert!(matches!(error, WeightError::Unexpected { count: 1, .. }), "{error}");
        assert!(error.to_string().contains("1 tensors that nothing asked for: `bert.unused`;"), "{error}");
    }

    #[test]
    fn names_are_allowed_without_the_prefix() {
        let folder = Folder::new();
        let file = file(&folder);
        let mut reader = Reader::new(&file, &["bert."], "a.weight").unwrap();
        reader.take::<f32>("a.weight", &[3, 2]).unwrap();
        reader.finish(|name| ["b.bias", "unused", "cls.bias"].contains(&name)).unwrap();
    }

    #[test]
    fn at_most_five_names_are_listed() {
        let folder = Folder::new();
        let names: Vec<String> = (0..7).map(|i| format!("n{i}")).collect();
        let tensors: Vec<_> = names.iter().map(|name| (name.as_str(), tensor::<f32>(7, &[2]))).collect();
        let file = TensorFile::open(save(&folder, "x.safetensors", &tensors)).unwrap();
        let error = Reader::new(&file, &[""], "n0").unwrap().finish(|_| false).unwrap_err().to_string();
        assert!(error.contains("7 tensors that nothing asked for: `n0`, `n1`, `n2`, `n3`, `n4`, ...;"), "{error}");
    }

    #[test]
    fn a_tensor_that_could_not_be_taken_is_left_over() {
        let folder = Folder::new();
        let file = file(&folder);
        let mut reader = Reader::new(&file, &["bert."], "a.weight").unwrap();
        assert!(matches!(reader.take::<f32>("a.weight", &[2, 3]), Err(WeightError::Shape { .. })));
        assert!(matches!(reader.take::<f32>("c", &[1]), Err(WeightError::Missing { .. })));
        assert_eq!((reader.shape("a.weight").unwrap(), reader.has("unused")), (&[3, 2][..], true));
        assert!(matches!(reader.finish(|_| false), Err(WeightError::Unexpected { count: 4, .. })));
        assert_eq!(file.names(), NAMES);
    }
}
