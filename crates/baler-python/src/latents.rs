//! The latents of autoencoders: those of data, as an archive holds them, and what a decoder makes of latents.

use crate::errors::OrRaise;
use crate::memory::{Held, Room};
use crate::model::Model;
use crate::source::Source;
use crate::work;
use baler::{BoundSpec, Method, Options, Result, Size, Values};
use baler_codec::autoencoder::{Coder, Sampling, Scaling};
use baler_codec::container::{Archive, GroupMethod};
use baler_codec::entropy::{decode_columns, encode_columns};
use baler_codec::model::{Coordinate, ModelPart, ModelVariable};
use baler_codec::quantize::{Grid, Limits};
use baler_data::bytes::ByteReader;
use baler_data::error::Error;
use baler_data::values_of;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The grid of decoded values is this fine, of half the range that the model has seen.
const FINE_STEP: f64 = 1.0 / (1u64 << 18) as f64;

fn part_of(model: &baler::Model, part: usize) -> Result<&ModelPart> {
    let found = model.parts.len();
    let missing = || Error::config(format!("expected an autoencoder in the model, found {part} of {found}"));
    model.parts.get(part).ok_or_else(missing)
}

/// Latents of a sample, of each autoencoder of a model.
#[pyfunction]
pub fn n_latents(model: &Model) -> Vec<usize> {
    model.inner.parts.iter().map(|part| part.decoder.priors.len()).collect()
}

/// Names of the variables of an autoencoder, and the extents of its tiles if it is one of fields.
#[pyfunction]
pub fn part_variables(py: Python, model: &Model, part: usize) -> PyResult<(Vec<String>, Option<Vec<usize>>)> {
    let part = part_of(&model.inner, part).or_raise(py)?;
    let names = part.variables.iter().map(|variable| variable.name.clone()).collect();
    Ok((names, part.blocks.as_ref().map(|blocks| blocks.extents.clone())))
}

/// The latents of data, 16 bits each, little-endian, as their archive holds them.
#[pyfunction]
#[pyo3(signature = (model, source, part=0, threads=0))]
pub fn encode_latents<'py>(
    py: Python<'py>,
    model: &Model,
    source: &Source,
    part: usize,
    threads: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let (inner, model) = (source.inner.clone(), model.inner.clone());
    let latents = work::run(py, threads, None, move |teller| {
        let n_latents = part_of(&model, part)?.decoder.priors.len();
        let options = Options {
            method: Method::Autoencoder,
            size: Some(Size::Latent(n_latents)),
            threads: teller.threads.clone(),
            ..Options::new(BoundSpec::Unbounded)
        };
        let mut bytes = Vec::new();
        baler::compress_source(&inner, &options, Some(&model), &mut bytes, teller)?;
        of_archive(&bytes, part, &model)
    })?;
    let bytes: Vec<u8> = latents.into_iter().flat_map(i16::to_le_bytes).collect();
    Ok(PyBytes::new(py, &bytes))
}

/// What an archive holds of a part of its model.
fn of_archive(bytes: &[u8], part: usize, model: &baler::Model) -> Result<Vec<i16>> {
    let archive = Archive::parse(bytes)?;
    let is_wanted =
        |method: &GroupMethod| matches!(method, GroupMethod::Autoencoder { model, .. } if *model == part);
    let group_idx = archive.plan.groups.iter().position(|group| is_wanted(&group.method));
    let group_idx =
        group_idx.ok_or_else(|| Error::input("expected data that the model is for, found others"))?;
    let group = &archive.plan.groups[group_idx];
    let GroupMethod::Autoencoder { blocks, .. } = &group.method else { return Ok(Vec::new()) };
    let first = &archive.plan.variables[group.variables[0]];
    let mut latents = Vec::new();
    for chunk in archive.chunks.iter().filter(|chunk| chunk.group == group_idx) {
        let shape = first.shape_of_rows(archive.plan.rows_of_chunk(group_idx, chunk.first_row));
        let n_samples = blocks.as_ref().map_or(shape[0], |blocks| blocks.n_tiles(&shape));
        let coded = ByteReader::new(&chunk.payload).block()?;
        let decoded = decode_columns(coded, n_samples, &model.parts[part].decoder.priors)?;
        latents.extend(decoded.into_iter().map(|z| z.clamp(-32767, 32767) as i16));
    }
    Ok(latents)
}

/// dtype and extents of what a decoder makes of so many samples.
#[pyfunction]
#[pyo3(signature = (model, n_samples, shape=None, part=0))]
pub fn decoded_shape(
    py: Python,
    model: &Model,
    n_samples: usize,
    shape: Option<Vec<usize>>,
    part: usize,
) -> PyResult<(&'static str, Vec<usize>)> {
    let part = part_of(&model.inner, part).or_raise(py)?;
    let dtype = part.variables[0].dtype.name();
    let Some(blocks) = &part.blocks else { return Ok((dtype, vec![n_samples, part.variables.len()])) };
    let shape = shape.unwrap_or_else(|| {
        let mut extents = blocks.extents.clone();
        extents[0] *= n_samples;
        extents
    });
    let found = (shape.len() == blocks.extents.len()).then(|| blocks.n_tiles(&shape));
    match found == Some(n_samples) {
        true => Ok((dtype, shape)),
        false => Err(Error::config(format!(
            "expected the extents of a field of {n_samples} tiles of {:?}, found {shape:?}",
            blocks.extents
        )))
        .or_raise(py),
    }
}

/// What a decoder makes of latents, into the bytes of an array; on the grids of an archive, if one is given.
#[pyfunction]
#[pyo3(signature = (model, latents, shape, out, part=0, like=None, threads=0))]
#[allow(clippy::too_many_arguments)]
pub fn decode_latents(
    py: Python,
    model: &Model,
    latents: &Bound<PyAny>,
    shape: Vec<usize>,
    out: &Bound<PyAny>,
    part: usize,
    like: Option<&Bound<PyAny>>,
    threads: usize,
) -> PyResult<()> {
    let latents = Held::of(latents)?;
    let like = like.map(Held::of).transpose()?;
    let model = model.inner.clone();
    let variables = part_of(&model, part).or_raise(py)?.variables.clone();
    let item = variables[0].dtype.size_bytes();
    let is_table = part_of(&model, part).or_raise(py)?.blocks.is_none();
    let row = item * variables.len();
    let rooms = (0..variables.len()).map(|column| match is_table {
        true => Room::of(out, column * item, vec![row], false),
        false => Room::of(out, 0, crate::memory::contiguous(&shape, item), false),
    });
    let mut rooms = rooms.collect::<PyResult<Vec<_>>>()?;
    work::run(py, threads, None, move |_| {
        let shape = if is_table { vec![shape[0]] } else { shape };
        let found = match &like {
            Some(bytes) => decoded_like(&model, part, latents.as_ref(), &shape, bytes.as_ref())?,
            None => decoded(part_of(&model, part)?, latents.as_ref(), &shape)?,
        };
        rooms.iter_mut().zip(&found).try_for_each(|(room, values)| room.put(0, &shape, values))
    })
}

/// The values of each variable, on grids of the model's own.
fn decoded(part: &ModelPart, latents: &[u8], shape: &[usize]) -> Result<Vec<Values>> {
    let grids = part.variables.iter().map(grid_of).collect::<Result<Vec<_>>>()?;
    let scaling = |(variable, grid): (&ModelVariable, &Grid)| {
        variable.scaling(grid).ok_or_else(|| Error::config("expected a model of values, found another"))
    };
    let scalings = part.variables.iter().zip(&grids).map(scaling).collect::<Result<Vec<_>>>()?;
    let limits = vec![None; grids.len()];
    on_grids(part, latents, shape, &scalings, &grids, &limits)
}

/// [`decoded`] on the grids of an archive that the model has made, within its limits: the same bits.
fn decoded_like(
    model: &baler::Model,
    part: usize,
    latents: &[u8],
    shape: &[usize],
    bytes: &[u8],
) -> Result<Vec<Values>> {
    let archive = Archive::parse(bytes)?;
    let found = archive.plan.groups.iter().find_map(|group| match &group.method {
        GroupMethod::Autoencoder { model, scalings, .. } if *model == part => Some((group, scalings)),
        _ => None,
    });
    let (group, scalings) = found.ok_or_else(|| {
        Error::input("expected an archive that was made with this model's autoencoder, found another")
    })?;
    let variables = group.variables.iter().map(|&idx| &archive.plan.variables[idx]);
    let (grids, limits): (Vec<Grid>, Vec<Option<Limits>>) =
        variables.map(|variable| (variable.grid, variable.limits)).unzip();
    if grids.len() != part_of(model, part)?.variables.len() {
        return Err(Error::input("expected an archive that was made with this model, found another"));
    }
    on_grids(part_of(model, part)?, latents, shape, scalings, &grids, &limits)
}

fn on_grids(
    part: &ModelPart,
    latents: &[u8],
    shape: &[usize],
    scalings: &[Scaling],
    grids: &[Grid],
    limits: &[Option<Limits>],
) -> Result<Vec<Values>> {
    let (latents, _) = latents.as_chunks::<2>();
    let latents: Vec<i32> = latents.iter().map(|z| i32::from(i16::from_le_bytes(*z))).collect();
    let sampling = Sampling { scalings, blocks: part.blocks.as_ref(), shape };
    let coder = Coder::new(&part.decoder, None)?;
    let numbers = coder.decode(sampling, &encode_columns(&latents, &part.decoder.priors))?;
    let mut all = Vec::with_capacity(numbers.len());
    for (at, numbers) in numbers.into_iter().enumerate() {
        all.push(values_of!(part.variables[at].dtype, T => {
            let mut values: Vec<T> = numbers.iter().map(|&q| grids[at].reconstruct::<T>(q)).collect();
            if let Some(limits) = limits[at] {
                limits.apply(&mut values);
            }
            values
        }));
    }
    Ok(all)
}

/// A grid on which decoded values lie: as fine as that of an archive without a bound.
fn grid_of(variable: &ModelVariable) -> Result<Grid> {
    match variable.coordinate {
        Coordinate::Linear if variable.dtype.is_float() => {
            let step = variable.half_range * FINE_STEP;
            Ok(Grid::Uniform { step, non_negative: false })
        }
        Coordinate::Linear => Ok(Grid::Integer { step: 1 }),
        Coordinate::Log | Coordinate::Order => Err(Error::config(
            "expected a model trained for a size (latent, ratio), found one for a point-wise or no error",
        )
        .in_variable(&variable.name)),
    }
}
