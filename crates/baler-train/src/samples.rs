//! Datasets -> what a network sees: which variables make a part, how they are scaled, and the network inputs of all
//! samples, exactly as the compressor will make them.

use baler_codec::autoencoder::{BlockPlan, Sampling, Scaling, log};
use baler_codec::model::{Coordinate, ModelVariable, coordinate_of};
use baler_codec::options::training::{Normalization, TrainOptions, Transform};
use baler_codec::options::{BoundSpec, Options, Size};
use baler_codec::part::numbers::quantize_values;
use baler_codec::plan::grids;
use baler_codec::plan::grids::Asked;
use baler_codec::variable::VariablePlan;
use baler_data::dataset::{Dataset, Layout, Variable, row_len};
use baler_data::error::{Error, Result};
use baler_data::names;
use baler_data::source::InMemory;

/// Fewest values of a field, and fewest samples, that a model is worth.
const MIN_VALUES: usize = 4096;
const MIN_SAMPLES: usize = 16;
/// Largest frame that is one sample without being asked for.
const MAX_FRAME: usize = 4096;
/// Largest frame that is one sample where latents are counted per frame.
const MAX_LATENT_FRAME: usize = 1 << 16;
/// Side of a tile of larger frames.
const TILE_SIDE: usize = 16;

/// The variables of a part: columns of a table, or one field with its tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct PartShape {
    /// Names of the variables.
    pub names: Vec<String>,
    /// Tiles of a field.
    pub blocks: Option<BlockPlan>,
}

/// What can be learned from a dataset.
///
/// # Errors
/// If there is nothing that a model could be trained on, or `--block` does not fit.
pub fn part_shapes(dataset: &Dataset, options: &Options) -> Result<Vec<PartShape>> {
    let lossy = |variable: &&Variable| {
        let kind = variable.storage.kind;
        let asked = baler_codec::options::rules::requested(options, &variable.name, kind)
            .unwrap_or(BoundSpec::Lossless);
        asked != BoundSpec::Lossless || options.bound == BoundSpec::Lossless && !kind.is_opaque()
    };
    let n_columns = match dataset.layout {
        Layout::Table { n_columns, .. } => n_columns,
        Layout::Columns => dataset.variables.len(),
        _ => 0,
    };
    let mut parts = Vec::new();
    let (columns, fields) = dataset.variables.split_at(n_columns);
    let columns: Vec<&Variable> = columns.iter().filter(lossy).collect();
    if columns.len() > 1 && columns[0].values.len() >= MIN_SAMPLES {
        parts.push(PartShape {
            names: columns.iter().map(|column| column.name.clone()).collect(),
            blocks: None,
        });
    }
    // Who names blocks knows that the field is small.
    let is_enough = |field: &&Variable| {
        field.values.len() >= MIN_VALUES || (!options.training.block.is_empty() && !field.shape.is_empty())
    };
    for field in fields.iter().filter(lossy).filter(is_enough) {
        let blocks = blocks_of(&field.shape, options).map_err(|error| error.in_variable(&field.name))?;
        if blocks.n_tiles(&field.shape) >= MIN_SAMPLES {
            parts.push(PartShape { names: vec![field.name.clone()], blocks: Some(blocks) });
        }
    }
    if parts.is_empty() {
        return Err(Error::input(format!(
            "expected a table of at least {MIN_SAMPLES} rows or a field of at least {MIN_VALUES} values in \
             {MIN_SAMPLES} tiles to learn from, found none; use --method classical"
        )));
    }
    Ok(parts)
}

/// Whole frames while they are small (or `--latent` counts per frame), tiles of the last two axes otherwise.
fn blocks_of(shape: &[usize], options: &Options) -> Result<BlockPlan> {
    let asked = &options.training.block;
    if !asked.is_empty() {
        if asked.len() != shape.len() || asked.contains(&0) {
            return Err(Error::config(format!(
                "expected --block with one extent for each axis of shape {shape:?}, found {asked:?}"
            )));
        }
        return Ok(BlockPlan {
            extents: asked.iter().zip(shape).map(|(b, n)| (*b).min(*n).max(1)).collect(),
        });
    }
    let n_axes = shape.len();
    let frame = row_len(shape);
    let per_frame = matches!(options.size, Some(Size::Latent(_)));
    let largest = if per_frame { MAX_LATENT_FRAME } else { MAX_FRAME };
    let whole_frames = n_axes > 1 && shape[0] >= MIN_SAMPLES && frame <= largest;
    let extents = (0..n_axes).map(|axis| match n_axes - axis {
        _ if whole_frames => {
            if axis == 0 {
                1
            } else {
                shape[axis]
            }
        }
        1 if n_axes == 1 => TILE_SIDE * TILE_SIDE,
        1 | 2 => TILE_SIDE.min(shape[axis]).max(1),
        _ => 1,
    });
    Ok(BlockPlan { extents: extents.collect() })
}

/// One dataset's variables of a part, as numbers on their grids.
pub struct PartData {
    /// Plans with the grids that compress would choose.
    pub plans: Vec<VariablePlan>,
    /// A vector a variable.
    pub numbers: Vec<Vec<i64>>,
    /// True where a value is kept exactly.
    pub masks: Vec<Option<Vec<bool>>>,
}

/// Quantizes the part's variables as compress will.
pub fn part_data(part: &PartShape, dataset: &Dataset, options: &Options) -> Result<PartData> {
    let mut data = PartData { plans: Vec::new(), numbers: Vec::new(), masks: Vec::new() };
    for name in &part.names {
        let names = || dataset.variables.iter().map(|variable| variable.name.as_str());
        let position = dataset.variables.iter().position(|variable| variable.name == *name);
        let idx = position.ok_or_else(|| names::unknown_variable(name, names()))?;
        let variable = &dataset.variables[idx];
        let typed = grids::type_variable(&InMemory::of(dataset), idx, options, Asked::ByNetwork)?;
        let numbers = quantize_values(&variable.values, &typed.plan);
        data.masks.push(numbers.specials.mask());
        data.numbers.push(numbers.q);
        data.plans.push(typed.plan);
    }
    Ok(data)
}

/// Fits the scaling of each variable to all datasets; the unit is the coordinate of the grid.
pub fn fit_variables(data: &[PartData], training: &TrainOptions) -> Result<Vec<ModelVariable>> {
    (0..data[0].plans.len())
        .map(|v| {
            let first = &data[0].plans[v];
            let (coordinate, ..) = coordinate_of(&first.grid, first.dtype);
            let mut all = Vec::new();
            for part in data {
                let plan = &part.plans[v];
                let (found, unit, origin) = coordinate_of(&plan.grid, plan.dtype);
                if found != coordinate || plan.dtype != first.dtype {
                    return Err(Error::input(
                        "expected the same dtype and kind of bound in all training files",
                    )
                    .in_variable(&first.name));
                }
                let mask = part.masks[v].as_deref();
                let kept =
                    part.numbers[v].iter().enumerate().filter(|(i, _)| !mask.is_some_and(|mask| mask[*i]));
                all.extend(kept.map(|(_, &q)| q as f64 * unit + origin));
            }
            Ok(fit_variable(&first.name, first, coordinate, all, training))
        })
        .collect()
}

fn fit_variable(
    name: &str,
    plan: &VariablePlan,
    coordinate: Coordinate,
    mut values: Vec<f64>,
    training: &TrainOptions,
) -> ModelVariable {
    let (_, unit, _) = coordinate_of(&plan.grid, plan.dtype);
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        values.push(0.0);
    }
    let quantile = |fraction: f64| values[((values.len() - 1) as f64 * fraction) as usize];
    let (center, half_range) = match training.normalization {
        Normalization::MinMax => {
            ((quantile(0.0) + quantile(1.0)) / 2.0, (quantile(1.0) - quantile(0.0)) / 2.0)
        }
        Normalization::Standard => {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            (mean, 4.0 * (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
        }
        Normalization::Robust => (quantile(0.5), 4.0 * (quantile(0.75) - quantile(0.25)) / 1.349),
    };
    // Hardware scales by a shift.
    let power = |x: f64| libm::ldexp(1.0, libm::ceil(libm::log2(x)) as i32);
    let half_range = if training.hardware.is_some() { power(half_range.max(unit)) } else { half_range };
    let mut variable = ModelVariable {
        name: name.to_string(),
        dtype: plan.dtype,
        coordinate,
        center,
        half_range: half_range.max(unit),
        log_unit: 0.0,
    };
    if training.transform == Transform::Log && coordinate == Coordinate::Linear {
        // Positive data bend at their lower end, others at 0.
        let low = quantile(0.0);
        variable.center = if low >= 0.0 { low } else { 0.0 };
        let reach = (quantile(1.0) - variable.center).abs().max((low - variable.center).abs());
        variable.log_unit = (reach * 1e-4).max(unit);
        variable.half_range = log(reach / variable.log_unit).max(1.0);
    }
    variable
}

/// How the samples of one dataset are taken.
pub struct DataSampling {
    /// One a variable.
    pub scalings: Vec<Scaling>,
    /// Shape of the first variable.
    pub shape: Vec<usize>,
}

impl DataSampling {
    /// The sampling of a part's data by a model's variables.
    pub fn new(data: &PartData, variables: &[ModelVariable]) -> Result<DataSampling> {
        let scalings = variables
            .iter()
            .zip(&data.plans)
            .map(|(variable, plan)| {
                variable
                    .scaling(&plan.grid)
                    .ok_or_else(|| Error::config("the training files differ in their grids"))
            })
            .collect::<Result<_>>()?;
        Ok(DataSampling { scalings, shape: data.plans[0].shape.clone() })
    }

    /// As the autoencoder method takes it.
    pub fn sampling<'a>(&'a self, blocks: Option<&'a BlockPlan>) -> Sampling<'a> {
        Sampling { scalings: &self.scalings, blocks, shape: &self.shape }
    }
}
