//! The latents that an archive holds, what is known of each sample, and how active each layer is. Latents and decoder
//! come from the archive alone; the layers of the encoder need the model file.

use crate::metrics::{Errors, floats};
use baler::{Dataset, Model, Reader, Result, Source, Threads, Variable};
use baler_codec::autoencoder::decoder::Decoder;
use baler_codec::autoencoder::{BlockPlan, Sampling};
use baler_codec::container::{Archive, GroupMethod, GroupPlan, Index, ModelEntry};
use baler_codec::entropy::decode_columns;
use baler_codec::model::ModelPart;
use baler_codec::network::Network;
use baler_codec::part::numbers;
use baler_data::bytes::ByteReader;
use baler_data::dataset::row_len;
use baler_data::source::InMemory;
use std::borrow::Cow;
use std::io::Cursor;
use std::ops::Range;

/// Samples that are looked at.
const MAX_SAMPLES: usize = 20_000;
/// Samples that go through every layer.
const MAX_ACTIVE: usize = 1000;

/// Latents of one autoencoder.
pub struct Latents {
    /// The variable, or the first of the table.
    pub name: String,
    /// Latents of a sample.
    pub n_latents: usize,
    /// Samples held here.
    pub n_samples: usize,
    /// (n_samples, n_latents).
    pub values: Vec<i16>,
    /// What is known of each sample: a name and a number a sample.
    pub known: Vec<(String, Vec<f64>)>,
    /// Layers of encoder (if the model is given) and decoder.
    pub activations: Activations,
}

/// Mean activations by layer.
pub struct Activations {
    /// Samples that were run.
    pub n_samples: usize,
    /// In order.
    pub layers: Vec<LayerActivity>,
}

/// One layer.
pub struct LayerActivity {
    /// `en1`, `en2`, ..., `de1`, ...
    pub name: String,
    /// Mean of each node.
    pub means: Vec<f64>,
    /// Nodes that have the same value for all samples.
    pub n_idle: usize,
}

impl Latents {
    /// One latent, a number a sample.
    pub fn column(&self, latent: usize) -> Vec<f64> {
        self.values.iter().skip(latent).step_by(self.n_latents).map(|&z| f64::from(z)).collect()
    }

    /// Latents from the one that varies most to the one that varies least.
    pub fn by_variance(&self) -> Vec<usize> {
        let spread: Vec<f64> = (0..self.n_latents)
            .map(|k| {
                let column = self.column(k);
                Errors::of(&column, &column).deviation()
            })
            .collect();
        let mut order: Vec<usize> = (0..self.n_latents).collect();
        order.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
        order
    }
}

/// The latents of each autoencoder in an archive; `data` are the values that are correlated with them.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for damaged bytes.
pub fn latents(bytes: &[u8], data: &Dataset, model: Option<&Model>) -> Result<Vec<Latents>> {
    let archive = Archive::parse(bytes)?;
    let data = &*rows_in_chunks(bytes, data, model)?;
    let groups = archive.plan.groups.iter().enumerate();
    groups.filter_map(|(idx, group)| of_group(&archive, idx, group, data, model).transpose()).collect()
}

/// The rows of the data that latents stand for: those that are not stored in full.
fn rows_in_chunks<'a>(bytes: &[u8], data: &'a Dataset, model: Option<&Model>) -> Result<Cow<'a, Dataset>> {
    if Index::open(Cursor::new(bytes))?.outliers.is_none() {
        return Ok(Cow::Borrowed(data));
    }
    let reader = Reader::open_with(Cursor::new(bytes), model, &Threads::default())?;
    let Some(picks) = reader.picks()? else { return Ok(Cow::Borrowed(data)) };
    let source = InMemory::of(data);
    let mut variables = Vec::new();
    for (idx, of) in reader.schema().variables.iter().enumerate() {
        let place = source.schema().position(&of.name);
        let Some(place) = place.filter(|&at| source.schema().variables[at].shape == of.shape) else {
            continue;
        };
        let (rows, _) = picks.parts(idx, &(0..of.n_rows()));
        let mut shape = of.shape.clone();
        shape[0] = rows.len();
        for values in picks.read_others(&source, &[(place, idx)], rows)? {
            variables.push(Variable::new(of.name.clone(), shape.clone(), values)?);
        }
    }
    Ok(Cow::Owned(Dataset::from_arrays(variables)))
}

fn of_group(
    archive: &Archive,
    group_idx: usize,
    group: &GroupPlan,
    data: &Dataset,
    model: Option<&Model>,
) -> Result<Option<Latents>> {
    let GroupMethod::Autoencoder { model: model_idx, scalings, blocks, .. } = &group.method else {
        return Ok(None);
    };
    let part = model.and_then(|model| model.parts.get(*model_idx));
    let decoder = match archive.models.get(*model_idx) {
        Some(ModelEntry::Inline(bytes)) => Decoder::read(bytes)?,
        _ => match part {
            Some(part) => part.decoder.clone(),
            None => return Ok(None),
        },
    };
    let first = &archive.plan.variables[group.variables[0]];
    let mut values = Vec::new();
    for chunk in archive.chunks.iter().filter(|chunk| chunk.group == group_idx) {
        let shape = first.shape_of_rows(archive.plan.rows_of_chunk(group_idx, chunk.first_row));
        let n_samples = blocks.as_ref().map_or(shape[0], |b| b.n_tiles(&shape));
        let bytes = ByteReader::new(&chunk.payload).block()?;
        let decoded = decode_columns(bytes, n_samples, &decoder.priors)?;
        values.extend(decoded.into_iter().map(|z| z.clamp(-32767, 32767) as i16));
    }
    let n_latents = decoder.priors.len().max(1);
    values.truncate(MAX_SAMPLES * n_latents);
    let n_samples = values.len() / n_latents;
    let known = match blocks {
        None => known_of_rows(archive, group, data, n_samples),
        Some(blocks) => known_of_tiles(archive, group, blocks, data, n_samples),
    };
    let n_active = n_samples.min(MAX_ACTIVE);
    let mut layers = Vec::new();
    if let Some(part) = part {
        let inputs = encoder_inputs(archive, group, part, scalings, blocks.as_ref(), data, n_active);
        layers.extend(activity("en", &part.encoder, &inputs)?);
    }
    layers.extend(activity("de", &decoder.network, &decoder.activations(&values[..n_active * n_latents]))?);
    let activations = Activations { n_samples: n_active, layers };
    Ok(Some(Latents { name: first.name.clone(), n_latents, n_samples, values, known, activations }))
}

fn known_of_rows(archive: &Archive, group: &GroupPlan, data: &Dataset, n: usize) -> Vec<(String, Vec<f64>)> {
    let names = group.variables.iter().map(|&idx| &archive.plan.variables[idx].name);
    let columns = names.filter_map(|name| data.variable(name));
    columns.map(|v| (v.name.clone(), floats(&v.values).into_iter().take(n).collect())).collect()
}

/// Mean, spread and extremes of each tile, and Bernoulli's sum where there are velocity and pressure.
fn known_of_tiles(
    archive: &Archive,
    group: &GroupPlan,
    blocks: &BlockPlan,
    data: &Dataset,
    n: usize,
) -> Vec<(String, Vec<f64>)> {
    let plan = &archive.plan.variables[group.variables[0]];
    let Some(variable) = data.variable(&plan.name) else { return Vec::new() };
    let tiles = tiles_of(&floats(&variable.values), &variable.shape, group, blocks, n);
    let statistics: Vec<Errors> = tiles.iter().map(|tile| Errors::of(tile, tile)).collect();
    let figure = |name: &str, of: fn(&Errors) -> f64| (name.to_string(), statistics.iter().map(of).collect());
    let mut known: Vec<(String, Vec<f64>)> = vec![
        figure("mean", Errors::mean),
        figure("standard deviation", Errors::deviation),
        figure("min", |e| e.min),
        figure("max", |e| e.max),
    ];
    known.push(("place in the data".to_string(), (0..tiles.len()).map(|k| k as f64).collect()));
    if let Some(sum) = bernoulli(data, &variable.shape) {
        let tiles = tiles_of(&sum, &variable.shape, group, blocks, n);
        let means = tiles.iter().map(|tile| Errors::of(tile, tile).mean()).collect();
        known.push(("p + rho v^2 / 2".to_string(), means));
    }
    known
}

/// The first `n` tiles, chunk by chunk as the archive has them.
fn tiles_of(
    values: &[f64],
    shape: &[usize],
    group: &GroupPlan,
    blocks: &BlockPlan,
    n: usize,
) -> Vec<Vec<f64>> {
    let row = row_len(shape);
    let mut tiles: Vec<Vec<f64>> = Vec::new();
    let rows = group.rows_per_chunk;
    let of_piece = |piece: Range<usize>| {
        piece.clone().step_by(rows).map(move |start| start..start.saturating_add(rows).min(piece.end))
    };
    for rows in group.pieces(shape[0]).flat_map(of_piece) {
        let chunk = &values[rows.start * row..rows.end * row];
        let mut shape = shape.to_vec();
        shape[0] = rows.len();
        let base = tiles.len();
        tiles.resize(base + blocks.n_tiles(&shape), Vec::new());
        blocks.for_each(&shape, |tile, _, position, inside| {
            if inside {
                tiles[base + tile].push(chunk[position]);
            }
        });
        if tiles.len() >= n {
            break;
        }
    }
    tiles.truncate(n);
    tiles
}

/// p + (u^2 + v^2 + w^2) / 2 (density 1) of the variables of this shape with such names; `None` if they are not there.
fn bernoulli(data: &Dataset, shape: &[usize]) -> Option<Vec<f64>> {
    let find = |names: &[&str]| {
        let is_one = |name: &str| names.iter().any(|n| name.eq_ignore_ascii_case(n));
        let found = data.variables.iter().find(|v| v.shape == shape && is_one(&v.name));
        found.map(|v| floats(&v.values))
    };
    let mut sum = find(&["p", "pressure"])?;
    let velocities =
        [["u", "ux", "vx", "velocity_x"], ["v", "uy", "vy", "velocity_y"], ["w", "uz", "vz", "velocity_z"]];
    let found: Vec<Vec<f64>> = velocities.iter().filter_map(|names| find(names)).collect();
    if found.len() < 2 {
        return None;
    }
    for velocity in found {
        sum.iter_mut().zip(velocity).for_each(|(sum, v)| *sum += 0.5 * v * v);
    }
    Some(sum)
}

/// Network inputs of the first samples.
fn encoder_inputs(
    archive: &Archive,
    group: &GroupPlan,
    part: &ModelPart,
    scalings: &[baler_codec::autoencoder::Scaling],
    blocks: Option<&BlockPlan>,
    data: &Dataset,
    n_samples: usize,
) -> Vec<i16> {
    let plans: Vec<_> = group.variables.iter().map(|&idx| &archive.plan.variables[idx]).collect();
    let n_rows = group.rows_per_chunk.min(plans[0].n_rows());
    let shape = plans[0].shape_of_rows(n_rows);
    let n_values: usize = shape.iter().product();
    let mut numbers = Vec::new();
    let mut masks = Vec::new();
    for plan in plans {
        let Some(variable) = data.variable(&plan.name) else { return Vec::new() };
        let found = numbers::quantize_values(&variable.values.slice(0..n_values), plan);
        masks.push(found.specials.mask());
        numbers.push(found.q);
    }
    let mut inputs = Sampling { scalings, blocks, shape: &shape }.inputs(&numbers, &masks);
    inputs.truncate(n_samples * part.encoder.n_in());
    inputs
}

/// Runs each beginning of a network, and averages what its last layer gives.
fn activity(prefix: &str, network: &Network, inputs: &[i16]) -> Result<Vec<LayerActivity>> {
    let n_rows = inputs.len() / network.n_in();
    (1..=network.layers().len())
        .map(|depth| {
            let beginning = Network::new(network.n_in(), network.layers()[..depth].to_vec())?;
            let n_out = beginning.n_out();
            let mut outputs = vec![0; n_rows * n_out];
            beginning.run(&inputs[..n_rows * network.n_in()], n_rows, &mut outputs)?;
            let mut means = vec![0.0; n_out];
            let mut varies = vec![false; n_out];
            for row in outputs.chunks_exact(n_out) {
                for (node, &y) in row.iter().enumerate() {
                    means[node] += f64::from(y) / n_rows as f64;
                    varies[node] |= y != outputs[node];
                }
            }
            let n_idle = varies.iter().filter(|varies| !**varies).count();
            Ok(LayerActivity { name: format!("{prefix}{depth}"), means, n_idle })
        })
        .collect()
}
