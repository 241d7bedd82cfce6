//! A model's directory: one file of weights, or several with an index.

use super::error::examples;
use super::file_name::is_plain;
use super::open::{TOKENIZER_LIMIT, is_there, read_file};
use super::{TensorFile, TensorSource, WeightError, resolve};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// What older checkpoints have in their places.
const TORCH: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// The weights of a model's directory in the layout of Hugging Face.
///
/// That is `model.safetensors`, or else `model.safetensors.index.json` with the shards that it
/// names; and where there is neither, `pytorch_model.bin` or its index, of which no code is run. Index and shards must agree entirely: every tensor of the index lies in the shard that it
/// names, and every tensor of a shard is in the index. The reading methods are those of
/// [`TensorSource`].
///
/// ```no_run
/// use adaptune_transformer::weights::{TensorSource, WeightDirectory};
/// let weights = WeightDirectory::open("models/bert-base-uncased")?;
/// let embeddings = weights.read_shaped::<f32>("bert.embeddings.word_embeddings.weight", &[30522, 768])?;
/// # Ok::<(), adaptune_transformer::weights::WeightError>(())
/// ```
#[derive(Debug)]
pub struct WeightDirectory {
    path: PathBuf,
    files: Vec<TensorFile>,
    /// For each tensor, the number of its file.
    places: BTreeMap<String, usize>,
}

impl WeightDirectory {
    /// Opens the weights of a directory.
    ///
    /// # Errors
    /// If there are none, a file is invalid, or index and shards disagree: see
    /// [`WeightError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightError> {
        let path = path.as_ref();
        let there = |name: &str| is_there(&path.join(name));
        let single = resolve(path, SINGLE)?;
        if is_there(&single) {
            Ok(Self::single(path, TensorFile::open(single)?))
        } else if there(INDEX) {
            Self::sharded(path, INDEX)
        } else if there(TORCH) {
            Ok(Self::single(path, TensorFile::open_torch(path.join(TORCH))?))
        } else if there(TORCH_INDEX) {
            Self::sharded(path, TORCH_INDEX)
        } else {
            Err(WeightError::NoWeights { path: path.into() })
        }
    }

    /// The files that hold the weights.
    pub fn files(&self) -> impl Iterator<Item = &TensorFile> {
        self.files.iter()
    }

    fn single(path: &Path, file: TensorFile) -> Self {
        let places = file.names().into_iter().map(|name| (name.to_string(), 0)).collect();
        Self { path: path.into(), files: vec![file], places }
    }

    fn sharded(path: &Path, index: &str) -> Result<Self, WeightError> {
        let index = Index::read(path.join(index))?;
        let shards = index.open_shards(path)?;
        index.check_listed(&shards)?;
        index.check_held(&shards)?;
        let numbers: BTreeMap<&String, usize> = shards.keys().copied().zip(0..).collect();
        let places = index.places.iter().map(|(name, shard)| (name.clone(), numbers[shard])).collect();
        Ok(Self { path: path.into(), files: shards.into_values().collect(), places })
    }
}

impl TensorSource for WeightDirectory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Vec<&str> {
        self.places.keys().map(String::as_str).collect()
    }

    fn file_of(&self, name: &str) -> Result<&TensorFile, WeightError> {
        self.places.get(name).map(|&file| &self.files[file]).ok_or_else(|| {
            let (path, held) = (self.path.clone(), self.places.len());
            WeightError::Missing { path, name: name.into(), held, examples: examples(self.names(), 3) }
        })
    }
}

/// What the index says: for each tensor, the name of its shard.
struct Index {
    path: PathBuf,
    places: BTreeMap<String, String>,
}

type Shards<'a> = BTreeMap<&'a String, TensorFile>;

impl Index {
    fn read(path: PathBuf) -> Result<Self, WeightError> {
        let failed = |source| WeightError::Io { path: path.clone(), action: "read", source };
        let bytes = read_file(&path, TOKENIZER_LIMIT).map_err(failed)?;
        match serde_json::from_slice::<IndexJson>(&bytes) {
            Ok(json) => Ok(Self { path, places: json.weight_map.0 }),
            Err(e) => Err(WeightError::Index { path, reason: e.to_string() }),
        }
    }

    fn open_shards(&self, folder: &Path) -> Result<Shards<'_>, WeightError> {
        let mut shards = Shards::new();
        for shard in self.places.values() {
            if !shards.contains_key(shard) {
                shards.insert(shard, self.open_shard(folder, shard)?);
            }
        }
        Ok(shards)
    }

    fn open_shard(&self, folder: &Path, shard: &str) -> Result<TensorFile, WeightError> {
        let (path, name) = (self.path.clone(), shard.to_string());
        if !is_plain(shard) {
            return Err(WeightError::ShardName { path, shard: name });
        }
        if !is_there(&folder.join(shard)) {
            return Err(WeightError::ShardMissing { path, shard: name });
        }
        let shard = folder.join(shard);
        if shard.extension().is_some_and(|end| end == "bin") {
            TensorFile::open_torch(shard)
        } else {
            TensorFile::open(shard)
        }
    }

    /// Every tensor of the index lies in the shard that it names.
    fn check_listed(&self, shards: &Shards<'_>) -> Result<(), WeightError> {
        for (name, listed) in &self.places {
            if !shards[listed].contains(name) {
                let elsewhere = shards.iter().find(|(_, file)| file.contains(name));
                let found = elsewhere.map_or("no shard", |(shard, _)| shard.as_str());
                return Err(self.wrong_shard(name, listed, found));
            }
        }
        Ok(())
    }

    /// Every tensor of a shard is in the index, for that shard.
    fn check_held(&self, shards: &Shards<'_>) -> Result<(), WeightError> {
        for (shard, file) in shards {
            for name in file.names() {
                match self.places.get(name) {
                    Some(listed) if listed == *shard => {}
                    Some(listed) => return Err(self.wrong_shard(name, listed, &format!("{shard} too"))),
                    None => return Err(self.not_listed(name, shard)),
                }
            }
        }
        Ok(())
    }

    fn wrong_shard(&self, name: &str, listed: &str, found: &str) -> WeightError {
        let (path, name) = (self.path.clone(), name.into());
        WeightError::WrongShard { path, name, listed: listed.into(), found: found.into() }
    }

    fn not_listed(&self, name: &str, shard: &str) -> WeightError {
        WeightError::NotInIndex { path: self.path.clone(), name: name.into(), shard: shard.into() }
    }
}

#[derive(Deserialize)]
struct IndexJson {
    weight_map: UniqueMap,
}

/// A JSON object of strings in which no name comes twice.
struct UniqueMap(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for UniqueMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = UniqueMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object from tensor names to shard names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMap, A::Error> {
        let mut unique = BTreeMap::new();
        while let Some((name, shard)) = map.next_entry::<String, String>()? {
            if unique.contains_key(&name) {
                return Err(A::Error::custom(format!("tensor `{name}` is listed twice")));
            }
            unique.insert(name, shard);
        }
        Ok(UniqueMap(unique))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{save, tensor};
    use super::super::torch_bin::testing::{WHOLE, saved};
    use super::*;
    use adaptune_test_support::Folder;

    const FIRST: &str = "model-00001-of-00002.safetensors";
    const SECOND: &str = "model-00002-of-00002.safetensors";

    /// Two shards: `a` and `c` in the first, `b` in the second; and an index of these entries.
    fn sharded(entries: &[(&str, &str)]) -> Folder {
        let folder = Folder::new();
        save(&folder, FIRST, &[("a", tensor::<f32>(1, &[3, 2])), ("c", tensor(3, &[4]))]);
        save(&folder, SECOND, &[("b", tensor::<f32>(2, &[5]))]);
        let entries: Vec<_> = entries.iter().map(|(name, shard)| format!("{name:?}: {shard:?}")).collect();
        let index = format!(r#"{{"metadata": {{"total_size": 60}}, "weight_map": {{{}}}}}"#, entries.join(", "));
        folder.write(INDEX, index.as_bytes());
        folder
    }

    fn error_of(entries: &[(&str, &str)]) -> String {
        let error = WeightDirectory::open(sharded(entries).path("")).unwrap_err().to_string();
        assert!(error.contains(INDEX), "{error}");
        error
    }

    #[test]
    fn shards_read_like_one_file() {
        let folder = sharded(&[("a", FIRST), ("b", SECOND), ("c", FIRST)]);
        let weights = WeightDirectory::open(folder.path("")).unwrap();
        assert_eq!(weights.names(), ["a", "b", "c"]);
        assert_eq!(weights.read::<f32>("a").unwrap(), tensor::<f32>(1, &[3, 2]));
        assert_eq!(weights.read_shaped::<f32>("b", &[5]).unwrap(), tensor::<f32>(2, &[5]));
        assert_eq!(weights.file_of("b").unwrap().path(), folder.path(SECOND));
        assert_eq!((weights.shape("c").unwrap(), weights.files().count()), (&[4][..], 2));
        let error = weights.read::<f32>("d").unwrap_err().to_string();
        assert!(error.contains("no tensor `d`; its 3 tensors are `a`, `b`, `c`"), "{error}");
    }

    #[test]
    fn a_single_file_comes_before_an_index() {
        let folder = sharded(&[("a", "gone.safetensors")]);
        save(&folder, SINGLE, &[("only", tensor::<f64>(4, &[2]))]);
        let weights = WeightDirectory::open(folder.path("")).unwrap();
        assert_eq!(weights.names(), ["only"]);
        assert_eq!(weights.read::<f64>("only").unwrap(), tensor::<f64>(4, &[2]));
    }

    #[test]
    fn index_and_shards_must_agree() {
        assert!(error_of(&[("a", FIRST), ("b", SECOND)]).contains("does not list tensor `c`"));
        let misplaced = error_of(&[("a", SECOND), ("b", SECOND), ("c", FIRST)]);
        assert!(misplaced.contains(&format!("tensor `a` lies in {SECOND}, but it lies in {FIRST};")), "{misplaced}");
        let invented = error_of(&[("a", FIRST), ("b", SECOND), ("c", FIRST), ("d", FIRST)]);
        assert!(invented.contains("tensor `d` lies in") && invented.contains("in no shard"), "{invented}");
    }

    #[test]
    fn a_tensor_in_two_shards_is_refused() {
        let folder = sharded(&[("a", FIRST), ("b", SECOND), ("c", FIRST)]);
        save(&folder, SECOND, &[("b", tensor::<f32>(2, &[5])), ("c", tensor(9, &[4]))]);
        let error = WeightDirectory::open(folder.path("")).unwrap_err().to_string();
        assert!(error.contains(&format!("tensor `c` lies in {FIRST}, but it lies in {SECOND} too")), "{error}");
    }

    #[test]
    fn a_shard_that_is_not_there_is_named() {
        let error = error_of(&[("a", FIRST), ("b", "model-00003-of-00003.safetensors")]);
        assert!(error.contains("`model-00003-of-00003.safetensors`, which is not beside it"), "{error}");
    }

    #[test]
    fn a_shard_lies_beside_its_index() {
        let folder = Folder::new();
        save(&folder, "outside.safetensors", &[("a", tensor::<f32>(1, &[2]))]);
        std::fs::create_dir(folder.path("model")).unwrap();
        let absolute = folder.path("outside.safetensors").display().to_string();
        for shard in ["../outside.safetensors", &absolute, "..", ".", "", "./x", "x/", "sub/x", "sub\\x", "c:x", "x\0"]
        {
            let index = serde_json::json!({"weight_map": {"a": shard}}).to_string();
            folder.write("model/model.safetensors.index.json", index.as_bytes());
            let error = WeightDirectory::open(folder.path("model")).unwrap_err();
            assert!(matches!(error, WeightError::ShardName { .. }), "{shard:?}: {error}");
        }
    }

    #[test]
    fn an_index_that_is_not_one_is_explained() {
        let folder = Folder::new();
        for (json, reason) in [
            ("{", "EOF"),
            ("{}", "missing field `weight_map`"),
            (r#"{"weight_map": ["a"]}"#, "expected a JSON object from tensor names"),
            (r#"{"weight_map": {"a": "x", "a": "y"}}"#, "tensor `a` is listed twice"),
        ] {
            folder.write(INDEX, json.as_bytes());
            let error = WeightDirectory::open(folder.path("")).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(INDEX), "{error}");
        }
    }

    /// Two tensors in one place of a storage: tied weights.
    fn torch(names: [&str; 2]) -> Vec<u8> {
        saved(
            &names.map(|name| (name, WHOLE.instructions())),
            &[0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0].map(f32::to_le_bytes).concat(),
        )
    }

    #[test]
    fn files_of_torch_are_read_where_there_are_no_others() {
        let folder = Folder::new();
        assert!(matches!(WeightDirectory::open(folder.path("")), Err(WeightError::NoWeights { .. })));
        folder.write(TORCH, torch(["a", "b"]));
        let weights = WeightDirectory::open(folder.path("")).unwrap();
        assert_eq!((weights.names(), weights.shape("a").unwrap()), (vec!["a", "b"], &[2, 3][..]));
        let numbers = ndarray::arr2(&[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).into_dyn();
        assert_eq!(
            (weights.read::<f32>("a").unwrap(), weights.read::<f64>("b").unwrap()),
            (numbers.mapv(|x| x as f32), numbers)
        );
        save(&folder, SINGLE, &[("only", tensor::<f64>(4, &[2]))]);
        assert_eq!(WeightDirectory::open(folder.path("")).unwrap().names(), ["only"]);
    }

    #[test]
    fn shards_of_torch_read_like_one_file() {
        let folder = Folder::new();
        folder.write("one.bin", torch(["a", "b"]));
        folder.write("two.bin", torch(["c", "d"]));
        let index = r#"{"weight_map": {"a": "one.bin", "b": "one.bin", "c": "two.bin", "d": "two.bin"}}"#;
        folder.write(TORCH_INDEX, index.as_bytes());
        let weights = WeightDirectory::open(folder.path("")).unwrap();
        assert_eq!((weights.names(), weights.files().count()), (vec!["a", "b", "c", "d"], 2));
        assert_eq!(weights.read::<f32>("d").unwrap()[[1, 0]], 3.0);
        folder.write("two.bin", b"PK\x03\x04 and no more");
        let error = WeightDirectory::open(folder.path("")).unwrap_err().to_string();
        assert!(error.contains("two.bin") && error.contains("damaged zip archive"), "{error}");
    }
}
