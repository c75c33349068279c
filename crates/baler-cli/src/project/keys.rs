//! Every key of the original's config: honored, or named in a warning with its replacement.

use super::python::{Assignment, Literal};
use crate::library::{Dataset, Error, Layout, Loss, Method};
use crate::nearest::suggestion;
use crate::settings::{FileSettings, TrainingArgs};
use anyhow::Result;
use std::path::Path;

/// What a key becomes.
enum Meaning {
    /// Read below.
    Honored,
    /// Named in a warning with this text, unless its value is False, None or [] (and so asks for nothing).
    Replaced(&'static str),
}
use Meaning::{Honored, Replaced};

const SHAPE: &str = "not needed: the shape of the data says it";
const NO_EFFECT: &str = "had no effect in the original; a penalty on the weights is l1 in baler.toml";
const DTYPES: &str = "not needed: the data come back in the dtypes they had";
const HLS4ML: &str =
    "is used by convert_with_hls4ml only, whose place baler export takes; its options say the same";

const KEYS: &[(&str, Meaning)] = &[
    ("input_path", Honored),
    ("compression_ratio", Honored),
    ("model_name", Honored),
    ("epochs", Honored),
    ("lr", Honored),
    ("batch_size", Honored),
    ("early_stopping", Honored),
    ("early_stopping_patience", Honored),
    ("min_delta", Honored),
    ("lr_scheduler", Honored),
    ("lr_scheduler_patience", Honored),
    ("test_size", Honored),
    ("intermittent_model_saving", Honored),
    ("intermittent_saving_patience", Honored),
    ("save_error_bounded_deltas", Honored),
    ("error_bounded_requirement", Honored),
    ("convert_to_blocks", Honored),
    ("custom_loss_function", Honored),
    ("apply_normalization", Honored),
    ("deterministic_algorithm", Honored),
    ("data_dimension", Replaced(SHAPE)),
    ("number_of_columns", Replaced(SHAPE)),
    ("model_type", Replaced("not needed: model_name says it")),
    ("custom_norm", Replaced("had no effect in the original; use normalization in baler.toml")),
    ("reg_param", Replaced(NO_EFFECT)),
    ("RHO", Replaced(NO_EFFECT)),
    ("l1", Replaced(NO_EFFECT)),
    ("mse_avg", Replaced(NO_EFFECT)),
    ("mse_sum", Replaced(NO_EFFECT)),
    ("emd", Replaced(NO_EFFECT)),
    ("extra_compression", Replaced("not needed: every archive is entropy-coded")),
    ("activation_extraction", Replaced("not needed: diagnose runs the layers itself")),
    ("separate_model_saving", Replaced("not needed: one model.balm has encoder and decoder")),
    ("type_list", Replaced(DTYPES)),
    ("float_dtype", Replaced(DTYPES)),
    ("dtype", Replaced(DTYPES)),
    ("compress_to_latent_space", Replaced("not needed: latents are always what is stored")),
    ("latent_space_size", Replaced("is computed from compression_ratio; or use latent in baler.toml")),
    ("default_reuse_factor", Replaced(HLS4ML)),
    ("default_precision", Replaced(HLS4ML)),
    ("Strategy", Replaced(HLS4ML)),
    ("Part", Replaced(HLS4ML)),
    ("ClockPeriod", Replaced(HLS4ML)),
    ("IOType", Replaced(HLS4ML)),
    ("InputShape", Replaced(HLS4ML)),
    ("InputData", Replaced(HLS4ML)),
    ("OutputPredictions", Replaced(HLS4ML)),
    ("OutputDir", Replaced(HLS4ML)),
    ("ProjectName", Replaced(HLS4ML)),
    ("HLSConfig", Replaced(HLS4ML)),
    ("csim", Replaced(HLS4ML)),
    ("synth", Replaced(HLS4ML)),
    ("cosim", Replaced(HLS4ML)),
    ("export", Replaced(HLS4ML)),
];

/// An original config in today's words.
#[derive(Debug)]
pub struct Original {
    pub settings: FileSettings,
    /// `compression_ratio`, where no bound takes its place.
    pub ratio: Option<f64>,
    pub warnings: Vec<String>,
}

impl Original {
    /// Checks and translates; `name` is the file, `training` the folder of checkpoints.
    pub fn from_assignments(list: Vec<Assignment>, name: &str, training: &Path) -> Result<Original> {
        for Assignment { line, key, .. } in &list {
            if !KEYS.iter().any(|(known, _)| known == key) {
                let near = suggestion(key, KEYS.iter().map(|(known, _)| *known));
                let text = format!("{name}, line {line}: no such key '{key}'; {near}");
                return Err(Error::config(text).into());
            }
        }
        let keys = Keys { list: &list, name };
        let mut original = Original { settings: FileSettings::default(), ratio: None, warnings: Vec::new() };
        original.settings.input = keys.text("input_path")?.map(Into::into);
        original.settings.settings.method = Some(Method::Autoencoder);
        original.read_promise(&keys)?;
        original.read_training(&keys, training)?;
        original.warnings.extend(replaced(&list));
        Ok(original)
    }

    fn read_promise(&mut self, keys: &Keys<'_>) -> Result<()> {
        self.ratio = keys.number("compression_ratio", |r| r > 0.0, "a number above 0")?;
        let percent = keys.number("error_bounded_requirement", |p| p > 0.0, "a percentage above 0")?;
        let wanted = keys.flag("save_error_bounded_deltas")?;
        match (wanted, percent) {
            (Some(true), Some(percent)) => {
                self.settings.settings.promise.pw_rel = Some((percent / 100.0).into());
                self.warnings.push(format!(
                    "error_bounded_requirement = {percent} is kept as pw_rel = {}: every value, zeros too",
                    percent / 100.0
                ));
                if self.ratio.is_some() {
                    self.warnings
                        .push("compression_ratio is not used: the bound decides the size".to_string());
                }
            }
            (Some(true), None) => {
                let text = "save_error_bounded_deltas needs error_bounded_requirement (percent)";
                return Err(Error::config(format!("{}: {text}", keys.name)).into());
            }
            (_, Some(_)) => self.warnings.push(
                "error_bounded_requirement is not used: save_error_bounded_deltas is not True; \
                 or use pw_rel in baler.toml"
                    .to_string(),
            ),
            _ => {}
        }
        Ok(())
    }

    fn read_training(&mut self, keys: &Keys<'_>, folder: &Path) -> Result<()> {
        // The original's defaults, where they differ from today's.
        let mut training = TrainingArgs { validation: Some(0.0), ..TrainingArgs::default() };
        training.arch = keys.text("model_name")?;
        training.epochs = keys.count("epochs")?;
        training.lr = keys.number("lr", |x| x > 0.0, "a number above 0")?;
        training.batch = keys.count("batch_size")?;
        training.min_delta = keys.number("min_delta", |x| x >= 0.0, "a number, 0 or above")?;
        let fraction = |x: f64| (0.0..1.0).contains(&x);
        training.validation =
            keys.number("test_size", fraction, "a fraction below 1")?.or(training.validation);
        training.early_stopping_patience = keys.patience("early_stopping", "early_stopping_patience")?;
        training.lr_patience = keys.patience("lr_scheduler", "lr_scheduler_patience")?;
        if keys.flag("intermittent_model_saving")? == Some(true) {
            training.checkpoint_every = Some(keys.count("intermittent_saving_patience")?.unwrap_or(100));
            training.checkpoint_dir = Some(folder.to_path_buf());
        }
        if let Some(loss) = keys.text("custom_loss_function")? {
            if loss != "loss_function_swae" {
                return Err(keys.wrong("custom_loss_function", "'loss_function_swae' or none"));
            }
            training.loss = Some(Loss::SlicedWasserstein);
        }
        if keys.flag("apply_normalization")? == Some(false) {
            self.warnings.push(
                "apply_normalization = False is not kept: normalization is part of every model; \
                 see normalization in baler.toml"
                    .to_string(),
            );
        }
        if keys.flag("deterministic_algorithm")? == Some(false) {
            self.warnings.push(
                "deterministic_algorithm = False is not kept: training always gives the same model; \
                 another comes from seed in baler.toml"
                    .to_string(),
            );
        }
        training.block = self.read_block(keys)?;
        self.settings.settings.training = training;
        Ok(())
    }

    /// `[d, h, w]`: d had no effect in the original, and h x w values in a row were a block; here they are a tile.
    fn read_block(&mut self, keys: &Keys<'_>) -> Result<Option<Vec<usize>>> {
        let wrong = || keys.wrong("convert_to_blocks", "False or [depth, height, width]");
        match keys.get("convert_to_blocks") {
            None | Some(Literal::Bool(false) | Literal::None) => Ok(None),
            Some(Literal::List(list)) => match list[..] {
                [Literal::Int(_), Literal::Int(h), Literal::Int(w)] if h > 0 && w > 0 => {
                    self.warnings.push(format!(
                        "convert_to_blocks is kept as block = [1, {h}, {w}], true tiles of a frame; its first number \
                         had no effect in the original"
                    ));
                    Ok(Some(vec![1, h as usize, w as usize]))
                }
                _ => Err(wrong()),
            },
            Some(_) => Err(wrong()),
        }
    }
}

/// One warning for each text, with all the keys that it is about.
fn replaced(list: &[Assignment]) -> Vec<String> {
    let mut warnings: Vec<(&str, Vec<&str>)> = Vec::new();
    for Assignment { key, value, .. } in list {
        let asks_nothing = matches!(value, Literal::Bool(false) | Literal::None)
            || matches!(value, Literal::List(items) if items.is_empty());
        let meaning = KEYS.iter().find(|(known, _)| known == key).map(|(_, meaning)| meaning);
        let (Some(Replaced(text)), false) = (meaning, asks_nothing) else { continue };
        match warnings.iter_mut().find(|(known, _)| known == text) {
            Some((_, keys)) => keys.push(key),
            None => warnings.push((text, vec![key])),
        }
    }
    warnings.into_iter().map(|(text, keys)| format!("{}: {text}", keys.join(", "))).collect()
}

/// Typed access; the last assignment of a key wins.
struct Keys<'a> {
    list: &'a [Assignment],
    name: &'a str,
}

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a Literal> {
        self.list.iter().rev().find(|a| a.key == key).map(|a| &a.value)
    }

    fn wrong(&self, key: &str, expected: &str) -> anyhow::Error {
        let line = self.list.iter().rev().find(|a| a.key == key).map_or(0, |a| a.line);
        Error::config(format!("{}, line {line}: expected {key} to be {expected}", self.name)).into()
    }

    fn text(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            None | Some(Literal::None | Literal::Bool(false)) => Ok(None),
            Some(Literal::Str(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None | Some(Literal::None) => Ok(None),
            Some(Literal::Bool(flag)) => Ok(Some(*flag)),
            Some(Literal::Int(flag @ (0 | 1))) => Ok(Some(*flag == 1)),
            Some(_) => Err(self.wrong(key, "True or False")),
        }
    }

    fn number(&self, key: &str, fits: impl Fn(f64) -> bool, expected: &str) -> Result<Option<f64>> {
        let number = match self.get(key) {
            None | Some(Literal::None | Literal::Bool(false)) => return Ok(None),
            Some(Literal::Int(n)) => *n as f64,
            Some(Literal::Float(x)) => *x,
            Some(_) => return Err(self.wrong(key, expected)),
        };
        if fits(number) { Ok(Some(number)) } else { Err(self.wrong(key, expected)) }
    }

    fn count(&self, key: &str) -> Result<Option<usize>> {
        match self.get(key) {
            None | Some(Literal::None | Literal::Bool(false)) => Ok(None),
            Some(Literal::Int(n)) if *n > 0 => Ok(Some(*n as usize)),
            Some(Literal::Float(n)) if *n > 0.0 && *n < 1e15 && n.fract() == 0.0 => Ok(Some(*n as usize)),
            Some(_) => Err(self.wrong(key, "a whole number above 0")),
        }
    }

    /// The epochs of `patience_key`, or 0 (never) where `key` is False.
    fn patience(&self, key: &str, patience_key: &str) -> Result<Option<usize>> {
        let epochs = self.count(patience_key)?;
        Ok(if self.flag(key)? == Some(false) { Some(0) } else { epochs })
    }
}

/// Tiles of the only frame of the data, of which a network needs several to learn from; none for anything else.
pub fn tiles_of_one_frame(dataset: &Dataset) -> Option<Vec<usize>> {
    /// Tiles along an axis, at least, and their largest side.
    const TILES: usize = 4;
    const SIDE: usize = 16;
    let [field] = dataset.variables.as_slice() else { return None };
    let is_table = matches!(dataset.layout, Layout::Table { .. } | Layout::Columns);
    let (height, width) = match field.shape[..] {
        [1, height, width] => (height, width),
        [height, width] if !is_table => (height, width),
        _ => return None,
    };
    let side = |extent: usize| (extent / TILES).clamp(1, SIDE);
    let mut tile = vec![1; field.shape.len() - 2];
    tile.extend([side(height), side(width)]);
    Some(tile)
}

/// `ceil(n / ratio)` as in the original; n is columns of a table, values of a frame or block.
pub fn latents(dataset: &Dataset, training: &TrainingArgs, ratio: f64) -> Result<u64> {
    let n: usize = match (dataset.layout, &training.block) {
        (Layout::Table { .. } | Layout::Columns, _) => dataset.variables.len(),
        (_, Some(block)) => block.iter().product(),
        (_, None) => {
            let first = dataset
                .variables
                .first()
                .ok_or_else(|| Error::input("expected at least one array in the data, found none"))?;
            baler_data::dataset::row_len(&first.shape)
        }
    };
    Ok(((n as f64 / ratio).ceil() as u64).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{BoundSpec, Values};
    use crate::project::python::parse;
    use baler::Variable;

    fn read(text: &str) -> Result<Original> {
        Original::from_assignments(parse(text, "x.py").unwrap(), "x.py", Path::new("t"))
    }

    #[test]
    fn honored_keys_reach_the_options() {
        let text = "c.input_path = 'a.npz'\nc.compression_ratio = 1.6\nc.model_name = 'AE'\nc.epochs = 5\n\
            c.lr = 0.01\nc.batch_size = 64\nc.early_stopping = False\nc.early_stopping_patience = 9\n\
            c.lr_scheduler = True\nc.lr_scheduler_patience = 7\nc.test_size = 0.2\nc.min_delta = 0\n\
            c.intermittent_model_saving = True\nc.custom_loss_function = 'loss_function_swae'\n\
            c.convert_to_blocks = [1, 25, 50]\nc.apply_normalization = True";
        let mut original = read(text).unwrap();
        assert_eq!(original.ratio, Some(1.6));
        original.settings.settings.promise.latent = Some(15);
        let options = original.settings.settings.options().unwrap();
        let training = &options.training;
        assert!(training.arch == "AE" && training.epochs == 5 && training.lr == 0.01 && training.batch == 64);
        assert!(training.early_stopping_patience == 0 && training.lr_patience == 7);
        assert!(training.validation == 0.2 && training.loss == Loss::SlicedWasserstein);
        assert!(training.checkpoint_every == 100 && training.block == [1, 25, 50]);
        assert_eq!(options.method, Method::Autoencoder);
        assert_eq!(original.warnings.len(), 1, "{:?}", original.warnings);
    }

    #[test]
    fn one_frame_is_learned_in_tiles() {
        let of = |shape: &[usize]| {
            let values = Values::F32(vec![0.0; shape.iter().product()]);
            let variable = Variable::new("data", shape.to_vec(), values).unwrap();
            tiles_of_one_frame(&Dataset::from_arrays(vec![variable]))
        };
        assert_eq!(of(&[1, 50, 50]), Some(vec![1, 12, 12]));
        assert_eq!(of(&[500, 6]), Some(vec![16, 1]));
        assert_eq!((of(&[2, 50, 50]), of(&[100])), (None, None));
    }

    #[test]
    fn percent_become_a_bound() {
        let original = read(
            "c.save_error_bounded_deltas = True\nc.error_bounded_requirement = 5\nc.compression_ratio = 2",
        )
        .unwrap();
        assert_eq!(original.settings.settings.options().unwrap().bound, BoundSpec::PwRel(0.05));
        assert_eq!(original.warnings.len(), 2);
        assert!(read("c.save_error_bounded_deltas = True").is_err());
        assert_eq!(read("c.error_bounded_requirement = 5").unwrap().warnings.len(), 1);
        let off = "c.error_bounded_requirement = False\nc.save_error_bounded_deltas = False\n\
            c.convert_to_blocks = None\nc.custom_loss_function = False\nc.InputShape = (1, 16)\nc.epochs = 1e3";
        let off = read(off).unwrap();
        assert_eq!(off.settings.settings.training.epochs, Some(1000));
        assert_eq!(off.warnings.len(), 1, "{:?}", off.warnings); // InputShape
    }

    #[test]
    fn other_keys_are_named_once_with_their_replacement() {
        let original = read("c.RHO = 0.05\nc.l1 = True\nc.emd = False\nc.type_list = ['int']").unwrap();
        assert_eq!(original.warnings, [format!("RHO, l1: {NO_EFFECT}"), format!("type_list: {DTYPES}")]);
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_errors() {
        for (text, expected) in [
            ("c.epoch = 5", "x.py, line 1: no such key 'epoch'; nearest: epochs"),
            ("\nc.epochs = 'many'", "x.py, line 2: expected epochs to be a whole number above 0"),
            ("c.test_size = 1.5", "expected test_size to be a fraction below 1"),
            ("c.convert_to_blocks = [5, 5]", "expected convert_to_blocks to be"),
            ("c.custom_loss_function = 'mine'", "expected custom_loss_function to be"),
            ("c.early_stopping = 2", "expected early_stopping to be True or False"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn latents_are_those_of_the_original() {
        let frames = Variable::new("data", vec![2, 5, 5], Values::U8(vec![0; 50])).unwrap();
        let field = Dataset::from_arrays(vec![frames]);
        assert_eq!(latents(&field, &TrainingArgs::default(), 10.0).unwrap(), 3);
        let tiles = TrainingArgs { block: Some(vec![1, 2, 2]), ..TrainingArgs::default() };
        assert_eq!(latents(&field, &tiles, 10.0).unwrap(), 1);
        let column = |name: &str| Variable::new(name, vec![1], Values::U8(vec![0])).unwrap();
        let table = Dataset::from_table((0..24).map(|i| column(&i.to_string())).collect());
        assert_eq!(latents(&table, &TrainingArgs::default(), 1.6).unwrap(), 15);
    }
}
