//! `baler compress --latents`: what came out of the hardware becomes an archive that `baler decompress` opens. Nobody runs the
//! encoder again: the archive has the very latents of the stream.

use crate::compress::CompressArgs;
use crate::hardware::{floats, part_of};
use crate::input::{read_bytes, read_model};
use crate::json::{self, ArchiveObject};
use crate::library::{
    BoundSpec, Dataset, Error, Method, ModelPart, Models, NoProgress, Options, Size, Threads, Training,
    Variable, codec_compress, fpga, from_values, to_outputs,
};
use crate::numbers::{counted, grouped};
use crate::output::{Target, refuse_json_on_stdout, say};
use crate::progress::Loudness;
use anyhow::{Context, Result};
use baler_data::source::InMemory;

pub fn run(args: &CompressArgs, stream: &str) -> Result<()> {
    let (Some(model), Some(output)) = (&args.model, &args.output) else {
        let text = "expected --model M, whose encoder the hardware is, and -o FILE beside --latents";
        return Err(Error::config(text).into());
    };
    if args.settings.promise.is_given() || args.settings.promise.has_lists() {
        let text = "latents are kept as they are, and nothing is promised of the data; leave out the promise";
        return Err(Error::config(text).into());
    }
    let target = Target::new(output, args.force)?;
    refuse_json_on_stdout(args.json, &target)?;
    let model = read_model(model)?;
    let part = part_of(&model, None)?;
    let bits = fpga::Spec::of_part("encoder", part, false)?.latent_bits();
    let latents = fpga::stream::unpack(&read_bytes(stream)?, &bits).with_context(|| stream.to_string())?;
    let data = decoded(part, &latents)?;
    for variable in data.variables.iter().filter(|variable| variable.values.dtype().is_float()) {
        let values = floats(variable);
        if values.iter().all(|value| *value == values[0]) {
            let text = "expected latents of different samples, found that all decode to one value; is the model trained for long \
                        enough, and are there several samples?";
            return Err(Error::input(text).in_variable(&variable.name).into());
        }
    }
    let mut options = Options::new(BoundSpec::Unbounded);
    options.size = Some(Size::Latent(bits.len()));
    options.method = Method::Autoencoder;
    options.model_by_reference = args.model_ref;
    options.threads = Threads::new(args.threads.unwrap_or(0))?;
    let mut bytes = Vec::new();
    let models = Models { model: Some(&model), trainer: Some(&Training), latents: Some(&latents) };
    let report = codec_compress(&InMemory::of(&data), &options, models, &mut bytes, &mut NoProgress)?;
    target.write(&bytes)?;
    if args.json {
        json::print(&ArchiveObject::new(&report, None))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&format!(
            "{} of {} latents -> archive of {} bytes",
            counted(latents.len() / bits.len(), "sample"),
            bits.len(),
            grouped(bytes.len() as u64)
        ));
    }
    Ok(())
}

/// The values that the decoder makes of latents.
fn decoded(part: &ModelPart, latents: &[i16]) -> Result<Dataset> {
    let outputs = to_outputs(&part.decoder, latents)?;
    let one = f64::from(1u32 << part.decoder.output_bits);
    let wires = fpga::part::wires(part)?;
    let n_values = wires.len();
    let value =
        |at: usize| wires[at % n_values].scaling.inverse(outputs[at], one) as f64 * wires[at % n_values].unit;
    let Some(blocks) = &part.blocks else {
        let column = |(column, known): (usize, &baler_codec::model::ModelVariable)| {
            let values: Vec<f64> = (column..outputs.len()).step_by(n_values).map(value).collect();
            Variable::new(&known.name, vec![values.len()], from_values(known.dtype, &values))
        };
        let columns = part.variables.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        return Ok(Dataset::from_table(columns));
    };
    if blocks.extents[0] != 1 {
        let text = "expected a model whose samples are whole frames (extent 1 along the first axis) for --latents; train with --block";
        return Err(Error::config(text).into());
    }
    let mut shape = blocks.extents.clone();
    shape[0] = outputs.len() / n_values;
    let values: Vec<f64> = (0..outputs.len()).map(value).collect();
    let known = &part.variables[0];
    let field = Variable::new(&known.name, shape, from_values(known.dtype, &values))?;
    Ok(Dataset::from_arrays(vec![field]))
}
