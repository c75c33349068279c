//! Data that Python has, as a source: arrays by their npy headers and the bytes of their values, which stay where they are,
//! files by their paths, and files in memory.

use crate::errors::OrRaise;
use crate::memory::Held;
use baler::{Format, ReadOptions, Result};
use baler_data::dataset::kind::Kind;
use baler_data::dataset::{Attachment, Layout, ListKind, Lists, Values};
use baler_data::error::Error;
use baler_data::metadata::{About, Attribute, Axis, Group, Metadata, Role, Value};
use baler_data::source::{Schema, VariableSchema};
use baler_io::Region;
use pyo3::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What the attachment with Python's own notes is called.
pub const NOTES: &str = "python";

/// Data to compress, to train on, or to compare with.
#[pyclass(frozen, module = "baler._baler")]
pub struct Source {
    /// What is read.
    pub inner: Arc<dyn baler::Source>,
    warnings: Vec<String>,
    /// Bytes of the file that all of it comes from.
    pub file_bytes: Option<u64>,
}

/// The value of an attribute.
#[derive(FromPyObject, IntoPyObject)]
pub enum PyValue {
    /// A text.
    #[pyo3(transparent)]
    Text(String),
    /// dtype, extents, and the bytes of numbers.
    Numbers(String, Vec<usize>, Vec<u8>),
    /// Texts.
    #[pyo3(transparent)]
    Texts(Vec<String>),
}

/// What is known of a variable beside its values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PyAbout {
    name: String,
    axes: Vec<String>,
    role: String,
    attributes: Vec<(String, PyValue)>,
    /// The variable that counts its items, if it holds those of lists.
    counts: Option<String>,
    /// `number`, `text`, `bytes` or `exact`; none where the dtype says it.
    kind: Option<String>,
}

#[pymethods]
impl Source {
    /// One array, from its npy header and the bytes of its values.
    #[staticmethod]
    fn of_array(py: Python, header: Vec<u8>, values: &Bound<PyAny>) -> PyResult<Source> {
        let file = Region::of_shared(header, Held::of(values)?);
        Source::of(|options| baler_io::open_bytes(file, Format::Npy, options)).or_raise(py)
    }

    /// Named arrays: as those of an npz.
    #[staticmethod]
    fn of_arrays(py: Python, members: Vec<(String, Vec<u8>, Bound<PyAny>)>) -> PyResult<Source> {
        let member = |(name, header, values): (String, Vec<u8>, Bound<PyAny>)| {
            Ok((name, Region::of_shared(header, Held::of(&values)?)))
        };
        let members = members.into_iter().map(member).collect::<PyResult<Vec<_>>>()?;
        Source::of(|options| baler_io::open_members(members, options)).or_raise(py)
    }

    /// Named arrays, each for itself: no name of one means anything for another, as `data` and `names` do in an npz. They
    /// may be the `columns` of a table.
    #[staticmethod]
    #[pyo3(signature = (members, columns=false))]
    fn of_variables(
        py: Python,
        members: Vec<(String, Vec<u8>, Bound<PyAny>)>,
        columns: bool,
    ) -> PyResult<Source> {
        let mut sources: Vec<Box<dyn baler::Source>> = Vec::with_capacity(members.len());
        let layout = if columns { Layout::Columns } else { Layout::Arrays };
        let mut schema = Schema { variables: Vec::new(), layout, attachments: Vec::new() };
        for (name, header, values) in members {
            let file = Region::of_shared(header, Held::of(&values)?);
            let opened = baler_io::open_bytes(file, Format::Npy, &ReadOptions::default());
            let source = opened.map_err(|e| e.in_variable(&name)).or_raise(py)?;
            let [variable] = source.schema().variables.as_slice() else {
                let text =
                    "expected an array of numbers, text or times, found records; take their fields apart";
                return Err(Error::input(text).in_variable(&name)).or_raise(py);
            };
            schema.variables.push(VariableSchema { name, ..variable.clone() });
            sources.push(source);
        }
        Ok(Source { inner: Arc::new(Several { sources, schema }), warnings: Vec::new(), file_bytes: None })
    }

    /// A file of any format, or, as `FILE:INNER`, an array in it.
    #[staticmethod]
    fn of_file(py: Python, name: &str) -> PyResult<Source> {
        let (file, inner) = baler_io::split_inner(name);
        let (path, inner) = (Path::new(file), inner.map(str::to_string));
        let file_bytes = if inner.is_none() { baler_io::bytes_on_disk(path) } else { None };
        let open = |options: &ReadOptions| baler::open(path, &ReadOptions { inner, ..options.clone() });
        let opened = py.detach(|| Source::of(open)).or_raise(py)?;
        Ok(Source { file_bytes, ..opened })
    }

    /// The bytes of a file in memory, of the format that an extension names.
    #[staticmethod]
    fn of_bytes(py: Python, bytes: &Bound<PyAny>, extension: &str) -> PyResult<Source> {
        let file = Region::of_shared(Vec::new(), Held::of(bytes)?);
        let format = Format::from_path(Path::new(&format!("x.{extension}"))).or_raise(py)?;
        Source::of(|options| baler_io::open_bytes(file, format, options)).or_raise(py)
    }

    /// The same values, of which more is known: of variables, of the whole (attributes), and notes of Python's own.
    fn described(
        &self,
        py: Python,
        about: Vec<PyAbout>,
        attributes: Vec<(String, PyValue)>,
        notes: Option<&str>,
    ) -> PyResult<Source> {
        let mut schema = self.inner.schema().clone();
        describe(&mut schema, about, attributes, notes).or_raise(py)?;
        let inner = Arc::new(Described { source: self.inner.clone(), schema });
        Ok(Source { inner, warnings: self.warnings.clone(), file_bytes: self.file_bytes })
    }

    /// Names of the variables.
    fn names(&self) -> Vec<String> {
        self.inner.schema().names().map(str::to_string).collect()
    }

    /// Elements times item size.
    #[getter]
    fn size_bytes(&self) -> usize {
        self.inner.schema().size_bytes()
    }

    /// What could not be kept, a line each.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

impl Source {
    fn of(open: impl FnOnce(&ReadOptions) -> Result<Box<dyn baler::Source>>) -> Result<Source> {
        let options = ReadOptions::default();
        let inner = Arc::from(open(&options)?);
        Ok(Source { inner, warnings: options.warnings.take(), file_bytes: None })
    }
}

/// Adds to a schema what Python knows.
fn describe(
    schema: &mut Schema,
    about: Vec<PyAbout>,
    attributes: Vec<(String, PyValue)>,
    notes: Option<&str>,
) -> Result<()> {
    let mut metadata = schema.metadata();
    for PyAbout { name, axes, role, attributes, counts, kind } in about {
        let find = |name: &str| {
            let unknown = || Error::config(format!("expected the name of a variable, found '{name}'"));
            schema.position(name).ok_or_else(unknown)
        };
        let idx = find(&name)?;
        if let Some(counts) = counts {
            schema.variables[idx].storage.lists =
                Some(Lists { counts: find(&counts)?, kind: ListKind::Vector });
        }
        if let Some(kind) = kind {
            schema.variables[idx].storage.kind = kind_of(&kind)?;
        }
        let role = match role.as_str() {
            "coordinate" => Role::Coordinate,
            "axis" => Role::Axis,
            _ => Role::Data,
        };
        let axes = axes.into_iter().map(|name| Axis { name, grows: false }).collect();
        let attributes = attributes_of(attributes)?;
        metadata.variables.retain(|other| other.name != name);
        metadata.variables.push(About { axes, role, attributes, ..About::new(name) });
    }
    if !attributes.is_empty() {
        metadata.groups.retain(|group| !group.path.is_empty());
        metadata.groups.push(Group { path: String::new(), attributes: attributes_of(attributes)? });
    }
    let n_members = schema.variables.len() + schema.attachments.len() + 2;
    let is_old = |attachment: &Attachment| attachment.metadata_format() == Some(baler_data::metadata::NAME);
    schema.attachments.retain(|attachment| !is_old(attachment));
    schema.attachments.extend(metadata.attachment(n_members));
    let notes = notes.map(|notes| Attachment::metadata(NOTES, n_members, notes.as_bytes().to_vec()));
    schema.attachments.extend(notes);
    Ok(())
}

fn kind_of(word: &str) -> Result<Kind> {
    match word {
        "number" => Ok(Kind::Number),
        "text" => Ok(Kind::Text),
        "bytes" => Ok(Kind::Bytes),
        "exact" => Ok(Kind::Exact),
        _ => Err(Error::config(format!("expected a kind (number, text, bytes, exact), found '{word}'"))),
    }
}

fn attributes_of(attributes: Vec<(String, PyValue)>) -> Result<Vec<Attribute>> {
    let value = |value: PyValue| {
        Ok(match value {
            PyValue::Text(text) => Value::Text(text),
            PyValue::Texts(texts) => Value::Texts(texts),
            PyValue::Numbers(dtype, shape, bytes) => {
                let dtype = baler::DType::from_name(&dtype)
                    .ok_or_else(|| Error::config(format!("expected a dtype, found '{dtype}'")))?;
                Value::Numbers { shape, values: Values::from_bytes(dtype, &bytes, false)? }
            }
        })
    };
    attributes.into_iter().map(|(name, of)| Ok(Attribute { name, value: value(of)? })).collect()
}

/// A source with another schema of the same variables.
struct Described {
    source: Arc<dyn baler::Source>,
    schema: Schema,
}

impl baler::Source for Described {
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.source.read(variable, elements)
    }
    fn read_rows(&self, variables: &[usize], rows: Range<usize>) -> Result<Vec<Values>> {
        self.source.read_rows(variables, rows)
    }
    fn rows_at_once(&self, variables: &[usize]) -> usize {
        self.source.rows_at_once(variables)
    }
    fn read_group(&self, variable: usize) -> usize {
        self.source.read_group(variable)
    }
}

/// Sources of one variable each, together.
struct Several {
    sources: Vec<Box<dyn baler::Source>>,
    schema: Schema,
}

impl baler::Source for Several {
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn read(&self, variable: usize, elements: Range<usize>) -> Result<Values> {
        self.sources[variable].read(0, elements)
    }
}

/// Metadata as Python takes it: (name, axes, role, attributes) of variables, and attributes of the whole.
pub type PyMetadata =
    (Vec<(String, Vec<String>, &'static str, Vec<(String, PyValue)>)>, Vec<(String, PyValue)>);

/// What a source tells beside its values.
pub fn metadata(schema: &Schema) -> PyMetadata {
    let attributes = |attributes: &[Attribute]| {
        attributes.iter().map(|a| (a.name.clone(), py_value(&a.value))).collect::<Vec<_>>()
    };
    let metadata: Metadata = schema.metadata();
    let about = metadata.variables.iter().map(|about| {
        let role = match about.role {
            Role::Data => "data",
            Role::Coordinate => "coordinate",
            Role::Axis => "axis",
        };
        let axes = about.axes.iter().map(|axis| axis.name.clone()).collect();
        (about.name.clone(), axes, role, attributes(&about.attributes))
    });
    (about.collect(), attributes(metadata.group("")))
}

fn py_value(value: &Value) -> PyValue {
    match value {
        Value::Text(text) | Value::Json(text) => PyValue::Text(text.clone()),
        Value::Texts(texts) => PyValue::Texts(texts.clone()),
        Value::Numbers { shape, values } => {
            let mut bytes = Vec::new();
            values.append_bytes(&mut bytes, false);
            PyValue::Numbers(values.dtype().name().to_string(), shape.clone(), bytes)
        }
    }
}
