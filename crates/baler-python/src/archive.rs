//! An archive that is open: what is in it, and any part of its values, decoded straight into arrays of Python's.

use crate::errors::OrRaise;
use crate::json::json;
use crate::memory::{Held, Room};
use crate::model::Model;
use crate::source::{NOTES, PyMetadata, Source, metadata};
use crate::work;
use baler::{BoundSpec, DecompressOptions, Format, Noise, Progress, Reader, Result, Threads};
use baler_cli::objects::{ArchiveObject, VerifyObject};
use baler_codec::container::ModelEntry;
use baler_codec::decode::apart;
use baler_data::bytes::with_room;
use baler_data::dataset::Layout;
use baler_data::dataset::kind::Kind;
use baler_data::error::Error;
use baler_data::source::slice::{Range1, Slice};
use baler_data::source::sliced::Sliced;
use baler_data::source::{Schema, Selected, Source as _, VariableSchema, each_block};
use baler_data::threads::run_on;
use baler_io::Region;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::json;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are asked of a file of Python's at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// What archives are read from.
pub trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// An archive.
#[pyclass(frozen, module = "baler._baler")]
pub struct Archive {
    reader: Arc<Reader<Box<dyn Input>>>,
    size_bytes: u64,
}

/// First, and one past the last; each from the end if negative, and the axis' own without one.
type Ends = (Option<isize>, Option<isize>);

/// A variable that is decoded: its name, ranges of its first axes, and where it goes.
type Placed = (String, Vec<Ends>, Room);

/// One variable that is wanted: its name, a range (first, one past the last) for each of the first axes, and where its values
/// go: an array's bytes, the offset of the first value, strides and byte order.
type Wanted<'py> = (String, Vec<Ends>, Bound<'py, PyAny>, usize, Vec<usize>, bool);

#[pymethods]
impl Archive {
    /// Opens the archive in a file, in bytes, or in anything with `read` and `seek`.
    #[new]
    #[pyo3(signature = (input, model=None))]
    fn new(py: Python, input: &Bound<PyAny>, model: Option<&Model>) -> PyResult<Archive> {
        let (input, size_bytes) = opened(input)?;
        let model = model.map(|model| model.inner.clone());
        let open = || Reader::open_with(input, model.as_deref(), &Threads::of_caller());
        let reader = Arc::new(py.detach(open).or_raise(py)?);
        Ok(Archive { reader, size_bytes })
    }

    /// Bytes of the archive.
    #[getter]
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What there is, as JSON.
    fn schema(&self, py: Python) -> PyResult<String> {
        let schema = self.reader.schema();
        let plan = &self.reader.index().plan;
        let variables: Vec<_> = schema.variables.iter().map(|of| variable_object(of, schema)).collect();
        let of_bound = |spec: BoundSpec| match spec {
            BoundSpec::Noise(Noise { k, gain, read }) => json!([spec.kind(), k, gain, read]),
            _ => json!([spec.kind(), spec.value()]),
        };
        let bounds: Vec<_> = plan.variables.iter().map(|of| of_bound(of.bound.spec)).collect();
        let layout = match schema.layout {
            Layout::Arrays => "arrays",
            Layout::Single => "single",
            Layout::Table { .. } => "table",
            Layout::Columns => "columns",
        };
        let table = match schema.layout {
            Layout::Table { n_columns, data_position, names_position, names_width } => {
                Some([n_columns, data_position, names_position, names_width])
            }
            _ => None,
        };
        let format = schema.attachments.iter().find_map(|attachment| match attachment.metadata_format()? {
            baler_data::metadata::NAME | NOTES | "npy" => None,
            format => Some(format),
        });
        json(&json!({
            "variables": variables,
            "bounds": bounds,
            "layout": layout,
            "table": table,
            "format": format,
            "models": self.models(),
            "notes": schema.attached(NOTES).map(String::from_utf8_lossy),
            "records": records(py, schema)?,
        }))
    }

    /// Arrays that are no numbers, and their place among the arrays of the source: npy files.
    fn attachments<'py>(&self, py: Python<'py>) -> Vec<(String, usize, Bound<'py, PyBytes>)> {
        let attachments = self.reader.schema().attachments.iter().filter(|a| a.metadata_format().is_none());
        attachments.map(|a| (a.name.clone(), a.position, PyBytes::new(py, &a.bytes))).collect()
    }

    /// The rows of each chunk that holds a variable; none for one without values.
    fn chunk_rows(&self, py: Python, name: &str) -> PyResult<Vec<usize>> {
        let schema = self.reader.schema();
        let idx =
            schema.position(name).ok_or_else(|| baler_data::names::unknown_variable(name, schema.names()));
        let idx = idx.or_raise(py)?;
        py.detach(|| self.reader.chunk_rows(idx)).or_raise(py)
    }

    /// Of each group: names of its variables, rows of each chunk, first byte and number of bytes of each chunk, and the head that
    /// [`ChunkHead`] takes.
    #[allow(clippy::type_complexity)]
    fn groups<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Vec<(Vec<&str>, Vec<usize>, Vec<(u64, u64)>, Bound<'py, PyBytes>)>> {
        let names = &self.reader.schema().variables;
        let groups = py.detach(|| apart::groups(self.reader.index())).or_raise(py)?;
        let told = groups.into_iter().map(|group| {
            let variables = group.variables.iter().map(|&idx| names[idx].name.as_str()).collect();
            let places = group.chunks.iter().map(|place| (place.start, place.end - place.start)).collect();
            (variables, group.rows, places, PyBytes::new(py, &group.head))
        });
        Ok(told.collect())
    }

    /// Axes, roles and attributes.
    fn metadata(&self) -> PyMetadata {
        metadata(self.reader.schema())
    }

    /// Extents of the part that these ranges pick of a variable.
    fn shape_of(&self, py: Python, name: &str, ranges: Vec<Ends>) -> PyResult<Vec<usize>> {
        let sliced = sliced(&self.reader, name, &ranges).or_raise(py)?;
        Ok(sliced.1)
    }

    /// Decodes parts of variables into arrays; with `check`, the hash of the whole archive is checked before.
    #[pyo3(signature = (wanted, threads=0, check=false, hearer=None))]
    fn decode(
        &self,
        py: Python,
        wanted: Vec<Wanted>,
        threads: usize,
        check: bool,
        hearer: Option<Bound<PyAny>>,
    ) -> PyResult<()> {
        let place = |(name, ranges, array, offset, strides, big_endian): Wanted| {
            Ok((name, ranges, Room::of(&array, offset, strides, big_endian)?))
        };
        let wanted = wanted.into_iter().map(place).collect::<PyResult<Vec<_>>>()?;
        let reader = self.reader.clone();
        work::run(py, threads, hearer, move |teller| {
            if check {
                reader.index().check_hash()?;
            }
            let threads = teller.threads.clone();
            threads.run(move || decode(&reader, wanted, teller))
        })
    }

    /// Writes a file of a format to a path that is there, or gives its bytes.
    #[pyo3(signature = (extension, path=None, variables=None, slice=None, threads=0, hearer=None))]
    #[allow(clippy::too_many_arguments)]
    fn write<'py>(
        &self,
        py: Python<'py>,
        extension: &str,
        path: Option<PathBuf>,
        variables: Option<Vec<String>>,
        slice: Option<&str>,
        threads: usize,
        hearer: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let format = Format::from_path(Path::new(&format!("x.{extension}"))).or_raise(py)?;
        let slice = slice.map(Slice::parse).transpose().or_raise(py)?;
        let reader = self.reader.clone();
        let bytes = work::run(py, threads, hearer, move |teller| {
            let options = DecompressOptions { variables, slice, ..DecompressOptions::default() };
            let threads = teller.threads.clone();
            threads.run(move || {
                let decompressed = baler::internal::Decompressed::new(&*reader, &options)?;
                let Some(path) = path else {
                    let mut out = Cursor::new(Vec::new());
                    decompressed.write(format, &mut out, teller)?;
                    return Ok(Some(out.into_inner()));
                };
                let failed = |e| Error::io(format!("writing '{}'", path.display()), e);
                let mut file = std::fs::File::options()
                    .write(true)
                    .truncate(true)
                    .read(true)
                    .open(&path)
                    .map_err(failed)?;
                decompressed.write(format, &mut file, teller)?;
                file.sync_all().map_err(failed)?;
                Ok(None)
            })
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// Decodes everything and compares it with the original, if that is given; what was found, as JSON.
    #[pyo3(signature = (against=None, threads=0, hearer=None))]
    fn verify(
        &self,
        py: Python,
        against: Option<&Source>,
        threads: usize,
        hearer: Option<Bound<PyAny>>,
    ) -> PyResult<String> {
        let (reader, against) = (self.reader.clone(), against.map(|source| source.inner.clone()));
        let found = work::run(py, threads, hearer, move |teller| {
            let threads = teller.threads.clone();
            threads.run(move || baler::verify_with(&reader, against.as_deref(), teller))
        })?;
        json(&VerifyObject::from(&found))
    }

    /// What the archive says of itself, as JSON.
    fn report(&self, py: Python) -> PyResult<String> {
        let report = py.detach(|| self.reader.report()).or_raise(py)?;
        json(&ArchiveObject::new(&report, Some("archive")))
    }
}

impl Archive {
    /// Of each model: its hash if the archive only names it, or its bytes.
    fn models(&self) -> Vec<serde_json::Value> {
        let object = |entry: &ModelEntry| match entry {
            ModelEntry::Inline(bytes) => json!({ "bytes": bytes.len() }),
            ModelEntry::Reference { hash, .. } => {
                json!({ "hash": hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
            }
        };
        self.reader.index().models.iter().map(object).collect()
    }
}

/// What the chunks of a group need beside their own bytes.
#[pyclass(frozen, module = "baler._baler")]
pub struct ChunkHead(apart::Head);

#[pymethods]
impl ChunkHead {
    /// Of the bytes that [`Archive::groups`] gives.
    #[new]
    fn new(py: Python, head: &Bound<PyAny>) -> PyResult<ChunkHead> {
        let head = Held::of(head)?;
        py.detach(|| apart::Head::read(head.as_ref())).or_raise(py).map(ChunkHead)
    }

    /// The values of a variable (its position in the group) in a chunk, in C order, little-endian.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        chunk: &Bound<'py, PyAny>,
        variable: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let chunk = Held::of(chunk)?;
        let decoded = py.detach(|| {
            run_on(1, || {
                let values = self.0.decode(chunk.as_ref(), variable)?;
                let mut bytes = with_room(values.size_bytes())?;
                values.append_bytes(&mut bytes, false);
                Ok(bytes)
            })?
        });
        Ok(PyBytes::new(py, &decoded.or_raise(py)?))
    }
}

/// What an archive in a file or in bytes says of itself, its checksums checked; JSON.
#[pyfunction]
pub fn inspect(py: Python, input: &Bound<PyAny>) -> PyResult<String> {
    let (input, _) = opened(input)?;
    let report = py.detach(|| baler_codec::decode::inspect::inspect_from(input)).or_raise(py)?;
    json(&ArchiveObject::new(&report, Some("archive")))
}

/// What is read, and its bytes.
pub fn opened(input: &Bound<PyAny>) -> PyResult<(Box<dyn Input>, u64)> {
    let py = input.py();
    if input.hasattr("read")? && input.hasattr("seek")? {
        let mut file = PythonFile(input.clone().unbind());
        let size = file.seek(SeekFrom::End(0))?;
        return Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), size));
    }
    let region = match input.extract::<PathBuf>() {
        Ok(path) => {
            let reading = |e| Error::io(format!("reading '{}'", path.display()), e);
            std::fs::File::open(&path).and_then(Region::of_file).map_err(reading).or_raise(py)?
        }
        Err(_) => Region::of_shared(Vec::new(), Held::of(input)?),
    };
    let head = region.read_at(0, 64).or_raise(py)?;
    if baler::is_model(&head) {
        return Err(Error::input("expected an archive, found a model; give the .bale file")).or_raise(py);
    }
    Ok((Box::new(region.reader()), region.len()))
}

/// A file object of Python's.
struct PythonFile(Py<PyAny>);

impl Read for PythonFile {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = Python::attach(|py| -> PyResult<usize> {
            let bytes = self.0.bind(py).call_method1("read", (out.len(),))?;
            let bytes: &[u8] = bytes.extract()?;
            let n_bytes = bytes.len().min(out.len());
            out[..n_bytes].copy_from_slice(&bytes[..n_bytes]);
            Ok(n_bytes)
        });
        read.map_err(std::io::Error::other)
    }
}

impl Seek for PythonFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let (offset, whence) = match to {
            SeekFrom::Start(at) => (at as i64, 0),
            SeekFrom::Current(by) => (by, 1),
            SeekFrom::End(by) => (by, 2),
        };
        let seek = |py: Python| -> PyResult<u64> {
            self.0.bind(py).call_method1("seek", (offset, whence))?;
            self.0.bind(py).call_method0("tell")?.extract()
        };
        Python::attach(seek).map_err(std::io::Error::other)
    }
}

/// A variable as Python needs it: what NumPy calls its items, and how many of the last axes belong to them.
fn variable_object(of: &VariableSchema, schema: &Schema) -> serde_json::Value {
    let (descr, n_inner) = baler_io::told(of.dtype, &of.shape, of.storage);
    let unit = match of.storage.kind {
        Kind::Time(unit) | Kind::Duration(unit) => Some(unit.symbol()),
        _ => None,
    };
    json!({
        "name": of.name,
        "dtype": of.dtype.name(),
        "shape": of.shape,
        "descr": descr,
        "n_inner": n_inner,
        "kind": kind_word(of.storage.kind),
        "unit": unit,
        "big_endian": of.storage.big_endian,
        "fortran": of.storage.fortran_order,
        "counts": of.storage.lists.and_then(|lists| Some(&schema.variables.get(lists.counts)?.name)),
        "optional": of.storage.lists.is_some_and(|lists| lists.kind == baler_data::dataset::ListKind::Optional),
    })
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Text => "text",
        Kind::Bytes => "bytes",
        Kind::Complex => "complex",
        Kind::Time(_) => "time",
        Kind::Duration(_) => "duration",
        Kind::Exact => "exact",
    }
}

/// Arrays of records: of which variables their items are made.
fn records(py: Python, schema: &Schema) -> PyResult<Vec<serde_json::Value>> {
    let members = baler_io::members(schema).or_raise(py)?;
    let object = |member: &baler_io::Member| {
        let (descr, n_axes) = member.item();
        let names = member.variables.iter().map(|&idx| &schema.variables[idx].name);
        json!({
            "name": member.name(),
            "descr": descr,
            "n_axes": n_axes,
            "fortran": member.is_fortran(),
            "fields": names.zip(member.offsets()).collect::<Vec<_>>(),
        })
    };
    Ok(members.iter().map(object).collect())
}

/// The part of a variable that ranges pick, and its extents.
fn sliced<'a>(
    reader: &'a Reader<Box<dyn Input>>,
    name: &str,
    ranges: &[Ends],
) -> Result<(Box<dyn baler::Source + 'a>, Vec<usize>)> {
    let schema = reader.schema();
    let unknown = || baler_data::names::unknown_variable(name, schema.names());
    let idx = schema.position(name).ok_or_else(unknown)?;
    // Without what counts its lists: its rows are the items.
    let one = One { reader, idx, schema: alone(&schema.variables[idx]) };
    let source: Box<dyn baler::Source + 'a> = match ranges.is_empty() {
        true => Box::new(one),
        false => {
            let ranges: Vec<Range1> = ranges.iter().map(|&(start, end)| Range1 { start, end }).collect();
            Box::new(Sliced::new(one, &Slice::of_ranges(&ranges))?)
        }
    };
    let shape = source.schema().variables[0].shape.clone();
    Ok((source, shape))
}

/// One variable of an archive, without what is known of others.
struct One<'a> {
    reader: &'a Reader<Box<dyn Input>>,
    idx: usize,
    schema: Schema,
}

fn alone(variable: &VariableSchema) -> Schema {
    let mut variable = variable.clone();
    // Items of lists are sliced as numbers are, those of texts too.
    (variable.storage.lists, variable.storage.kind) = (None, Kind::Number);
    Schema { variables: vec![variable], layout: Layout::Arrays, attachments: Vec::new() }
}

impl baler::Source for One<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn read(&self, _: usize, elements: std::ops::Range<usize>) -> Result<baler::Values> {
        self.reader.read(self.idx, elements)
    }
    fn read_rows(&self, _: &[usize], rows: std::ops::Range<usize>) -> Result<Vec<baler::Values>> {
        self.reader.read_rows(&[self.idx], rows)
    }
    fn rows_at_once(&self, _: &[usize]) -> usize {
        self.reader.rows_at_once(&[self.idx])
    }
}

/// Decodes what is wanted, whole variables together, for those that are coded together are decoded once.
fn decode(reader: &Reader<Box<dyn Input>>, wanted: Vec<Placed>, progress: &mut dyn Progress) -> Result<()> {
    let (mut whole, parts): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|(_, ranges, _)| ranges.is_empty());
    let names: Vec<&str> = whole.iter().map(|(name, ..)| name.as_str()).collect();
    let selected = Selected::new(reader, |name| names.contains(&name));
    let total: usize = selected.schema().size_bytes();
    progress.stage("decompress", total as u64);
    let mut n_done = 0u64;
    if !whole.is_empty() {
        let schema = selected.schema();
        if let Some((name, ..)) = whole.iter().find(|(name, ..)| schema.position(name).is_none()) {
            return Err(baler_data::names::unknown_variable(name, reader.schema().names()));
        }
        let mut rooms: Vec<Option<&mut Room>> = schema.variables.iter().map(|_| None).collect();
        for (name, _, room) in &mut whole {
            let place = schema.position(name).expect("every name was looked up");
            rooms[place] = Some(room);
        }
        each_block(&selected, &Threads::of_caller(), |block, values| {
            for (&idx, values) in block.variables.iter().zip(&values) {
                if let Some(room) = &mut rooms[idx] {
                    room.put(block.rows.start, &schema.variables[idx].shape, values)?;
                }
                n_done += values.size_bytes() as u64;
            }
            progress.advance(n_done);
            stop_if_cancelled(progress)
        })?;
    }
    for (name, ranges, mut room) in parts {
        let (source, shape) = sliced(reader, &name, &ranges)?;
        each_block(&source, &Threads::of_caller(), |block, values| {
            room.put(block.rows.start, &shape, &values[0])?;
            stop_if_cancelled(progress)
        })?;
    }
    Ok(())
}

fn stop_if_cancelled(progress: &dyn Progress) -> Result<()> {
    match progress.is_cancelled() {
        true => Err(Error::new(baler::ErrorKind::Interrupted, "interrupted")),
        false => Ok(()),
    }
}
