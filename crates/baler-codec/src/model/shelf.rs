//! Models by their hash: what an archive, a chunk or a stream only names is looked up here, whichever door it came in by. A model is
//! given by the caller, was handed over before ([`remember`]), or lies in a folder of `BALER_MODEL_PATH`.

use crate::model::Model;
use baler_data::error::{Error, Result};
use std::ffi::OsStr;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The variable of the environment that lists folders with models (`*.balm`), as `PATH` lists those with programs.
pub const MODEL_PATH: &str = "BALER_MODEL_PATH";
/// Bytes of a file that is looked into, at most.
const MAX_FILE_BYTES: u64 = 1 << 28;

/// Models that were handed over or found, with their hashes.
static KNOWN: Mutex<Vec<([u8; 32], Arc<Model>)>> = Mutex::new(Vec::new());

/// A model that was named by its hash.
#[derive(Debug)]
pub enum Named<'a> {
    /// The caller's.
    Given(&'a Model),
    /// One that the process knows.
    Known(Arc<Model>),
}

impl Deref for Named<'_> {
    type Target = Model;

    fn deref(&self) -> &Model {
        match self {
            Named::Given(model) => model,
            Named::Known(model) => model,
        }
    }
}

/// Lets this process find a model by its hash.
pub fn remember(model: Arc<Model>) {
    let hash = model.hash();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.iter().any(|(other, _)| *other == hash) {
        known.push((hash, model));
    }
}

/// The model whose BLAKE3 hash begins with these bytes, of which there are 32 or the first few: `given`, or one that is known or
/// lies in a folder of [`MODEL_PATH`].
///
/// # Errors
/// [`baler_data::ErrorKind::Config`] if the given one is another, or nobody has it.
pub fn named<'a>(given: Option<&'a Model>, hash: &[u8]) -> Result<Named<'a>> {
    if let Some(model) = given {
        let found = model.hash();
        if found.starts_with(hash) {
            return Ok(Named::Given(model));
        }
        return Err(Error::config(format!(
            "expected {}, found {}; give the right one with --model",
            words(hash),
            hex(&found)
        )));
    }
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = known.iter().find(|(known, _)| known.starts_with(hash)).map(|(_, model)| model.clone());
    drop(known);
    if let Some(model) = before {
        return Ok(Named::Known(model));
    }
    let path = std::env::var_os(MODEL_PATH).unwrap_or_default();
    if !path.is_empty()
        && let Some(model) = find_in(&path, hash)?
    {
        let model = Arc::new(model);
        remember(model.clone());
        return Ok(Named::Known(model));
    }
    let looked = match path.is_empty() {
        true => "which is not set".to_string(),
        false => format!("which is {}", path.to_string_lossy()),
    };
    Err(Error::config(format!(
        "expected {}, found none; put its file into a folder of {MODEL_PATH}, {looked}, or give it with --model M.balm",
        words(hash)
    )))
}

/// The model in a folder of a list of folders. Those that are not there, and files that cannot be read, are passed over.
fn find_in(path: &OsStr, hash: &[u8]) -> Result<Option<Model>> {
    for folder in std::env::split_paths(path) {
        let Ok(files) = std::fs::read_dir(folder) else { continue };
        for file in files.flatten().map(|file| file.path()) {
            if let Some(bytes) =
                model_bytes(&file).filter(|bytes| blake3::hash(bytes).as_bytes().starts_with(hash))
            {
                return Model::from_bytes(&bytes).map(Some);
            }
        }
    }
    Ok(None)
}

fn model_bytes(file: &Path) -> Option<Vec<u8>> {
    let is_model = file.extension() == Some(OsStr::new("balm"));
    let about = is_model.then(|| file.metadata().ok())??;
    (about.is_file() && about.len() <= MAX_FILE_BYTES).then(|| std::fs::read(file).ok())?
}

fn words(hash: &[u8]) -> String {
    match hash.len() {
        32 => format!("the model with BLAKE3 hash {}", hex(hash)),
        _ => format!("the model whose hash begins with {}", hex(hash)),
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Description;

    fn model(seed: u64) -> Model {
        let description = Description { architecture: "none".into(), n_samples: 1, n_epochs: 1, seed };
        Model::new(Vec::new(), Vec::new(), description)
    }

    #[test]
    fn a_model_is_found_in_a_folder_by_its_hash_or_the_beginning_of_it() {
        let folder = std::env::temp_dir().join(format!("baler-shelf-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("folder.balm")).unwrap();
        let [here, elsewhere] = [model(1), model(2)];
        std::fs::write(folder.join("damaged.balm"), [1, 2, 3]).unwrap();
        std::fs::write(folder.join("named as you like.balm"), here.to_bytes()).unwrap();
        std::fs::write(folder.join("model.txt"), elsewhere.to_bytes()).unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), &folder]).unwrap();
        for n_bytes in [8, 32] {
            assert_eq!(find_in(&path, &here.hash()[..n_bytes]).unwrap(), Some(here.clone()));
            assert_eq!(find_in(&path, &elsewhere.hash()[..n_bytes]).unwrap(), None);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_nobody_has_is_an_error_that_names_the_hash_and_the_variable() {
        let [remembered, other] = [model(3), model(4)];
        remember(Arc::new(remembered.clone()));
        assert_eq!(*named(None, &remembered.hash()[..8]).unwrap(), remembered);
        assert_eq!(*named(Some(&other), &other.hash()).unwrap(), other);
        let told = named(None, &other.hash()).unwrap_err().to_string();
        assert!(told.contains(&hex(&other.hash())) && told.contains("BALER_MODEL_PATH"), "{told}");
        let told = named(Some(&other), &remembered.hash()).unwrap_err().to_string();
        assert!(told.contains(&hex(&other.hash())) && told.contains("right one"), "{told}");
    }
}
