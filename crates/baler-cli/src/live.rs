//! Live streams: records of fixed width from standard input become frames at once, and frames records.

use crate::compress::CompressArgs;
use crate::decompress::{DecompressArgs, Sizes, say_lost};
use crate::input::read_model;
use crate::library::{Dataset, Error, Format, Layout, Schema, Values, Variable, io, live, live_decoder};
use crate::names;
use crate::numbers::{bound, grouped};
use crate::output::{Target, say};
use crate::progress::Loudness;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

/// `baler compress - --model M.balm --records`: the model's bound is kept; frames go out as soon as they are due.
pub fn compress(args: &CompressArgs) -> Result<()> {
    let Some(model) = args.model.as_deref() else {
        let text =
            "--records needs --model; make one with baler train on a file of the same columns, and a bound";
        return Err(Error::config(text).into());
    };
    let promise = &args.settings.promise;
    if promise.is_given() || promise.has_lists() || args.config.is_some() || args.settings.training.is_given()
    {
        let text = "live streams keep the model's bounds and nothing else; leave out the promise and the training options";
        return Err(Error::config(text).into());
    }
    if args.json && args.output.is_none() {
        return Err(
            Error::config("standard output takes --json or the stream, not both; give -o a file").into()
        );
    }
    let mut encoder = read_model(model)?.live_encoder(args.model_ref)?;
    let [input] = args.inputs.as_slice() else {
        return Err(Error::config("expected one INPUT with --records, found several").into());
    };
    let input: Box<dyn Read + Send> = match input.as_str() {
        "-" => Box::new(std::io::stdin()),
        name => Box::new(std::fs::File::open(names::path(name)).with_context(|| format!("reading {name}"))?),
    };
    let pump = live::Pump::new(Duration::from_secs_f64(args.latency_ms.unwrap_or(LATENCY_MS) / 1e3));
    let stats = match args.output.as_deref().filter(|output| *output != Path::new("-")) {
        None => pump.run(input, &mut std::io::stdout(), &mut encoder)?,
        // A stream that is cut is good up to there: nothing is gained by holding it back until it is whole.
        Some(output) => pump.run(input, &mut create(output, args.force)?, &mut encoder)?,
    };
    if args.json {
        crate::json::print(&Live::new(&stats))?;
    }
    if args.say.loudness() > Loudness::Quiet {
        say(&line(&stats));
    }
    warn(&stats, encoder.record_bytes())
}

/// How long a record waits for others where nothing else is asked for, in milliseconds.
const LATENCY_MS: f64 = 2.0;

fn create(output: &Path, force: bool) -> Result<std::fs::File> {
    Target::new(output, force)?;
    std::fs::File::create(output).with_context(|| format!("writing {}", output.display()))
}

/// What was measured, for `--json`.
#[derive(serde::Serialize)]
struct Live {
    records: u64,
    stored_records: u64,
    frames: u64,
    input_bytes: u64,
    stream_bytes: u64,
    seconds: f64,
    records_per_s: f64,
    mb_per_s: f64,
    latency_ms_p50: f64,
    latency_ms_p99: f64,
    latency_ms_max: f64,
}

impl Live {
    fn new(stats: &live::Stats) -> Live {
        let seconds = stats.elapsed.as_secs_f64();
        let ms = |latency: Duration| 1e3 * latency.as_secs_f64();
        Live {
            records: stats.n_records,
            stored_records: stats.n_stored,
            frames: stats.latencies.n_frames(),
            input_bytes: stats.bytes_in,
            stream_bytes: stats.bytes_out,
            seconds,
            records_per_s: stats.n_records as f64 / seconds.max(1e-9),
            mb_per_s: stats.bytes_in as f64 / 1e6 / seconds.max(1e-9),
            latency_ms_p50: ms(stats.latencies.quantile(0.5)),
            latency_ms_p99: ms(stats.latencies.quantile(0.99)),
            latency_ms_max: ms(stats.latencies.longest),
        }
    }
}

/// `1 000 000 records in 15 626 frames  64 000 000 -> 11 000 000 bytes (5.8 x; model included)  101.2 MB/s, ...`
fn line(stats: &live::Stats) -> String {
    let live = Live::new(stats);
    format!(
        "{} records in {} frames  {} -> {} bytes ({:.1} x; head included)  {:.0} records/s, {:.1} MB/s  latency of a frame \
         {:.2} ms (p50), {:.2} ms (p99), {:.2} ms (longest)",
        grouped(live.records),
        grouped(live.frames),
        grouped(live.input_bytes),
        grouped(live.stream_bytes),
        live.input_bytes as f64 / live.stream_bytes.max(1) as f64,
        live.records_per_s,
        live.mb_per_s,
        live.latency_ms_p50,
        live.latency_ms_p99,
        live.latency_ms_max,
    )
}

/// Data unlike the model's are said, half a record is an error.
fn warn(stats: &live::Stats, record_bytes: usize) -> Result<()> {
    if stats.n_stored * 10 > stats.n_records {
        say(&format!(
            "baler: warning: {} of {} records are stored as they are: they are not like the model's training data, or are \
             in too small frames; train a model for them, or raise --latency-ms",
            grouped(stats.n_stored),
            grouped(stats.n_records)
        ));
    }
    if stats.bytes_left > 0 {
        let text = format!(
            "expected whole records of {record_bytes} bytes, found {} bytes behind the last; the {} records before are in \
             the stream",
            stats.bytes_left, stats.n_records
        );
        return Err(Error::input(text).into());
    }
    Ok(())
}

/// `inspect` of a live stream: every frame was decoded.
#[derive(serde::Serialize)]
pub struct LiveObject {
    kind: &'static str,
    records: u64,
    input_bytes: u64,
    stream_bytes: u64,
    ratio: f64,
    variables: Vec<LiveVariable>,
}

#[derive(serde::Serialize)]
struct LiveVariable {
    name: String,
    dtype: &'static str,
    bound: String,
}

/// Reads a live stream to its end. One that only names its model cannot be read without it.
pub fn inspect(name: &str) -> Result<LiveObject> {
    let file = std::fs::File::open(names::path(name)).with_context(|| format!("reading {name}"))?;
    let mut decoder = live_decoder(BufReader::new(file), None).with_context(|| name.to_string())?;
    let mut input_bytes = 0;
    while let Some(records) = decoder.next_frame().with_context(|| name.to_string())? {
        input_bytes += records.len() as u64;
    }
    let variable = |variable: &baler_codec::variable::VariablePlan| LiveVariable {
        name: variable.name.clone(),
        dtype: variable.dtype.name(),
        bound: bound(variable.bound.spec),
    };
    let (records, stream_bytes) = decoder.counts();
    let variables = decoder.variables().iter().map(variable).collect();
    let ratio = input_bytes as f64 / stream_bytes.max(1) as f64;
    Ok(LiveObject { kind: "live", records, input_bytes, stream_bytes, ratio, variables })
}

impl LiveObject {
    /// For people.
    pub fn text(&self) -> String {
        let variables = self.variables.iter().map(|v| format!("{}  {}  {}\n", v.name, v.dtype, v.bound));
        format!(
            "{}{} records, {} bytes in {} ({:.1} x; head included)",
            variables.collect::<String>(),
            grouped(self.records),
            grouped(self.input_bytes),
            grouped(self.stream_bytes),
            self.ratio
        )
    }
}

/// True if a file begins as live streams do; false also for standard input, which is looked at where it is read.
pub fn is_stream(name: &str) -> bool {
    let head = |file: std::fs::File| {
        let mut head = Vec::new();
        file.take(64).read_to_end(&mut head).is_ok_and(|_| live::is_live(&head))
    };
    // What is no file, a pipe for example, would be lost by looking.
    let path = names::path(name);
    path.is_file() && std::fs::File::open(path).is_ok_and(head)
}

/// Decodes `name` if it is a live stream; none if it is something else, of which nothing was read. Without a format the
/// output takes the records as they came.
pub fn decompress(
    name: &str,
    target: &Target,
    format: Option<Format>,
    args: &DecompressArgs,
) -> Result<Option<Sizes>> {
    let mut input: Box<dyn BufRead> = match name {
        "-" => Box::new(std::io::stdin().lock()),
        _ => match std::fs::File::open(names::path(name)) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(_) => return Ok(None), // told where archives are read
        },
    };
    if !input.fill_buf().is_ok_and(live::is_live) {
        return Ok(None);
    }
    if args.variables.is_some() || args.rows.is_some() || args.slice.is_some() {
        let text = "--variables, --rows and --slice are for archives; a live stream comes back whole";
        return Err(Error::config(text).into());
    }
    let model = args.model.as_deref().map(read_model).transpose()?;
    let mut decoder = live_decoder(input, model.as_ref()).with_context(|| name.to_string())?;
    let record_bytes = live::records::record_bytes(decoder.variables()) as u64;
    let decoded = match (format, target) {
        (Some(format), target) if format != Format::Raw => to_file(&mut decoder, format, target),
        (_, Target::Stdout) => to_records(&mut decoder, &mut std::io::stdout()),
        (_, Target::File { path, .. } | Target::Special(path)) => {
            let file = std::fs::File::create(path).with_context(|| format!("writing {}", path.display()));
            file.and_then(|mut file| to_records(&mut decoder, &mut file))
        }
    };
    decoded.with_context(|| name.to_string())?;
    let (n_records, n_bytes) = decoder.counts();
    if args.say.loudness() > Loudness::Quiet {
        say(&format!("{} bytes -> {} records", grouped(n_bytes), grouped(n_records)));
    }
    Ok(Some(Sizes { archive: n_bytes, output: n_records * record_bytes }))
}

/// Records leave as soon as their frame is decoded.
fn to_records(decoder: &mut live::Decoder<Box<dyn BufRead>>, output: &mut impl Write) -> Result<()> {
    while let Some(records) = decoder.next_frame()? {
        match output.write_all(&records).and_then(|()| output.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.context("writing records")?,
        }
    }
    Ok(())
}

/// All records as columns of a file.
fn to_file(decoder: &mut live::Decoder<Box<dyn BufRead>>, format: Format, target: &Target) -> Result<()> {
    let mut records = Vec::new();
    let cut = loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => records.extend_from_slice(&frame),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let columns = live::records::to_columns(&records, decoder.variables())?;
    let variable = |(variable, values): (&baler_codec::variable::VariablePlan, Values)| {
        Variable::new(variable.name.clone(), vec![values.len()], values)
    };
    let variables = decoder.variables().iter().zip(columns).map(variable).collect::<Result<Vec<_>, _>>()?;
    // Columns of several dtypes become arrays where the format has no tables of such.
    let dataset = Dataset { layout: Layout::Columns, ..Dataset::from_table(variables) };
    say_lost(&Schema::of(&dataset), format);
    match format {
        Format::Zarr => target.write_folder(&io::write_zarr(&dataset)?)?,
        _ => target.write(&io::write(&dataset, format)?)?,
    }
    cut.map_or(Ok(()), |error| Err(error.into()))
}
