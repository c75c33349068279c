//! What file formats have in common beside their arrays: names of axes, coordinates, typed attributes (units, fill value,
//! scale and offset among them), and how the source was packed. Readers fill a [`Metadata`] beside the attachment of
//! their own format; it travels as one attachment more, and writers of any format take from it what theirs can say.
//! What does not fit in here is not its matter: the format's own attachment keeps that, for the same format only.

use crate::bytes::{ByteReader, ByteWriter};
use crate::dataset::{Attachment, DType, Dataset, Values, n_elements};
use crate::error::{Error, Result};
use std::collections::HashMap;

/// The name of the attachment.
pub const NAME: &str = "shared";
/// The first byte of its bytes.
const VERSION: u8 = 1;
/// Variables, groups, axes and attributes together, at most.
const MAX_ITEMS: usize = 1 << 20;
/// Axes of an attribute, at most.
const MAX_AXES: usize = 32;

/// Everything that is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The file itself (an empty path) and its groups, as far as they have attributes.
    pub groups: Vec<Group>,
    /// Of the variables, as far as something is known of them.
    pub variables: Vec<About>,
}

/// Attributes of a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Its path without a slash at either end; empty for the file.
    pub path: String,
    /// In their order.
    pub attributes: Vec<Attribute>,
}

/// What is known of a variable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// The variable's name in the dataset.
    pub name: String,
    /// What its axes are, from the first on; empty where nothing is known, never more than it has.
    pub axes: Vec<Axis>,
    /// What it is for.
    pub role: Role,
    /// In their order, under the names of the CF conventions: `units`, `long_name`, `_FillValue`, `missing_value`,
    /// `scale_factor`, `add_offset`. Not those by which a format tells what the other fields here say.
    pub attributes: Vec<Attribute>,
    /// How the source was packed.
    pub packing: Packing,
}

/// An axis of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Axis {
    /// The path of the dimension, `time` or `group/lat`; axes of one name have one extent. Empty for an axis without one.
    pub name: String,
    /// True if the source lets it grow without end.
    pub grows: bool,
}

/// What a variable is for. The discriminants are those of docs/format.md.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Data.
    #[default]
    Data = 0,
    /// The positions along the axis that has its name.
    Coordinate = 1,
    /// Nothing but the extent of the axis that has its name; its values mean nothing.
    Axis = 2,
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// Numbers of any dtype: `shape` is empty for a single one.
    Numbers {
        /// Extents.
        shape: Vec<usize>,
        /// C order.
        values: Values,
    },
    /// Anything else, as JSON.
    Json(String),
}

/// How a source packed the values of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packing {
    /// With what.
    pub codec: Codec,
    /// At which level, where that is known.
    pub level: Option<i32>,
    /// True if bytes of equal weight stood together.
    pub shuffle: bool,
    /// True if each chunk had a checksum.
    pub checksum: bool,
    /// Extents of a chunk; empty where there are none.
    pub chunk: Vec<u64>,
    /// Extents of a shard of chunks; empty where there are none.
    pub shard: Vec<u64>,
    /// What stands where nothing was written: the bytes of one element, little-endian.
    pub fill: Option<Vec<u8>>,
}

/// A codec of files. The discriminants are those of docs/format.md.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Codec {
    #[default]
    None = 0,
    /// zlib's, and gzip's.
    Deflate = 1,
    Zstd = 2,
    Lz4 = 3,
    Lzf = 4,
    Xz = 5,
    Blosc = 6,
    Bzip2 = 7,
    Snappy = 8,
    Lzw = 9,
    PackBits = 10,
    Brotli = 11,
    /// One that is not written.
    Other = 12,
}

impl Codec {
    const ALL: [Codec; 13] = [
        Codec::None,
        Codec::Deflate,
        Codec::Zstd,
        Codec::Lz4,
        Codec::Lzf,
        Codec::Xz,
        Codec::Blosc,
        Codec::Bzip2,
        Codec::Snappy,
        Codec::Lzw,
        Codec::PackBits,
        Codec::Brotli,
        Codec::Other,
    ];
}

impl Axis {
    /// The last part of the name, as users say it.
    pub fn short(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

impl Value {
    /// A single number.
    pub fn number(value: Values) -> Value {
        Value::Numbers { shape: Vec::new(), values: value }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Texts(texts) => texts.first().filter(|_| texts.len() == 1).map(String::as_str),
            _ => None,
        }
    }

    /// The first number, if there is one.
    pub fn first(&self) -> Option<f64> {
        use crate::element::Element;
        match self {
            Value::Numbers { values, .. } => {
                crate::with_values!(values, v => v.first().map(|x| x.to_f64()))
            }
            _ => None,
        }
    }
}

impl About {
    /// Of the variable called `name`, of which nothing is known yet.
    pub fn new(name: impl Into<String>) -> About {
        About { name: name.into(), ..About::default() }
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }

    /// The units, as the source writes them.
    pub fn units(&self) -> Option<&str> {
        self.attribute("units")?.text()
    }

    /// What marks missing values: `_FillValue`, else `missing_value`.
    pub fn missing(&self) -> Option<f64> {
        ["_FillValue", "missing_value"].iter().find_map(|name| self.attribute(name)?.first())
    }

    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == About::new(self.name.clone())
    }
}

impl Metadata {
    /// What the attachments hold; nothing if there is none of ours.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Corrupt`] for damaged bytes.
    pub fn of(attachments: &[Attachment]) -> Result<Metadata> {
        match attachments.iter().find(|attachment| attachment.metadata_format() == Some(NAME)) {
            Some(attachment) => Metadata::read(&attachment.bytes),
            None => Ok(Metadata::default()),
        }
    }

    /// The attachment, behind all `n_arrays`; none if nothing is known.
    pub fn attachment(&self, n_arrays: usize) -> Option<Attachment> {
        let empty = self.groups.iter().all(|group| group.attributes.is_empty())
            && self.variables.iter().all(About::is_empty);
        (!empty).then(|| Attachment::metadata(NAME, n_arrays, self.write()))
    }

    /// What is known of a variable.
    pub fn about(&self, name: &str) -> Option<&About> {
        self.variables.iter().find(|about| about.name == name)
    }

    /// What is known of each variable, by name.
    pub fn by_name(&self) -> HashMap<&str, &About> {
        self.variables.iter().map(|about| (about.name.as_str(), about)).collect()
    }

    /// The attributes of a group; of the file where the path is empty.
    pub fn group(&self, path: &str) -> &[Attribute] {
        self.groups.iter().find(|group| group.path == path).map_or(&[], |group| &group.attributes)
    }

    /// What marks missing values: (name of the variable, value).
    pub fn missing(&self) -> Vec<(String, f64)> {
        let of = |about: &About| Some((about.name.clone(), about.missing()?));
        self.variables.iter().filter_map(of).collect()
    }

    /// What it tells, in words (`units of t`, ...), for warnings of formats that keep none of it but the attributes that
    /// are `carried`, of a variable or else of a group.
    pub fn names(&self, carried: &dyn Fn(Option<&About>, &Attribute) -> bool) -> Vec<String> {
        let attributes = |of: &str, about: Option<&About>, attributes: &[Attribute]| {
            let lost = attributes.iter().filter(|a| !carried(about, a));
            lost.map(|a| format!("{} of {of}", a.name)).collect::<Vec<_>>()
        };
        let of_group = |group: &Group| {
            let of = if group.path.is_empty() { "the file" } else { &group.path };
            attributes(of, None, &group.attributes)
        };
        let of_variable = |about: &About| {
            let mut names = attributes(&about.name, Some(about), &about.attributes);
            if about.role == Role::Data && about.axes.iter().any(|axis| !axis.name.is_empty()) {
                names.push(format!("axes of {}", about.name));
            }
            names
        };
        self.groups.iter().flat_map(of_group).chain(self.variables.iter().flat_map(of_variable)).collect()
    }

    /// The bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        w.u8(VERSION);
        w.count(self.groups.len());
        for group in &self.groups {
            w.block(group.path.as_bytes());
            write_attributes(&group.attributes, &mut w);
        }
        w.count(self.variables.len());
        for about in &self.variables {
            w.block(about.name.as_bytes());
            w.count(about.axes.len());
            for axis in &about.axes {
                w.block(axis.name.as_bytes());
                w.u8(u8::from(axis.grows));
            }
            w.u8(about.role as u8);
            write_attributes(&about.attributes, &mut w);
            about.packing.write(&mut w);
        }
        w.bytes
    }

    /// Inverse of [`Metadata::write`].
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Corrupt`] for damaged bytes.
    pub fn read(bytes: &[u8]) -> Result<Metadata> {
        let mut r = Reader { fields: ByteReader::new(bytes), n_left: MAX_ITEMS };
        let version = r.fields.u8()?;
        if version != VERSION {
            return Err(Error::unsupported(format!("metadata of version {version} are not known")));
        }
        let groups = (0..r.count()?)
            .map(|_| Ok(Group { path: r.text()?, attributes: r.attributes()? }))
            .collect::<Result<_>>()?;
        let variables = (0..r.count()?).map(|_| r.about()).collect::<Result<_>>()?;
        r.fields.finish("metadata")?;
        Ok(Metadata { groups, variables })
    }
}

impl Packing {
    fn write(&self, w: &mut ByteWriter) {
        w.u8(self.codec as u8);
        let flags = [self.shuffle, self.checksum, self.level.is_some(), self.fill.is_some()];
        w.u8(flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag)));
        if let Some(level) = self.level {
            w.signed(i64::from(level));
        }
        if let Some(fill) = &self.fill {
            w.block(fill);
        }
        for extents in [&self.chunk, &self.shard] {
            w.count(extents.len());
            extents.iter().for_each(|&extent| w.varint(extent));
        }
    }
}

fn write_attributes(attributes: &[Attribute], w: &mut ByteWriter) {
    w.count(attributes.len());
    for Attribute { name, value } in attributes {
        w.block(name.as_bytes());
        match value {
            Value::Text(text) => {
                w.u8(0);
                w.block(text.as_bytes());
            }
            Value::Texts(texts) => {
                w.u8(1);
                w.count(texts.len());
                texts.iter().for_each(|text| w.block(text.as_bytes()));
            }
            Value::Numbers { shape, values } => {
                w.u8(2);
                w.u8(values.dtype() as u8);
                w.count(shape.len());
                shape.iter().for_each(|&extent| w.count(extent));
                let mut bytes = Vec::new();
                values.append_bytes(&mut bytes, false);
                w.block(&bytes);
            }
            Value::Json(text) => {
                w.u8(3);
                w.block(text.as_bytes());
            }
        }
    }
}

/// Fields, and how many items may still come: an item takes more memory than its few bytes.
struct Reader<'a> {
    fields: ByteReader<'a>,
    n_left: usize,
}

impl Reader<'_> {
    fn count(&mut self) -> Result<usize> {
        let n = self.fields.count_of_items()?;
        self.n_left = self.n_left.checked_sub(n).ok_or_else(|| {
            Error::limit(format!("expected at most {MAX_ITEMS} attributes and axes, found more"))
        })?;
        Ok(n)
    }

    fn text(&mut self) -> Result<String> {
        let bytes = self.fields.block()?.to_vec();
        String::from_utf8(bytes).map_err(|_| Error::corrupt("expected text in the metadata"))
    }

    fn flag(&mut self) -> Result<bool> {
        match self.fields.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            n => Err(Error::corrupt(format!("expected 0 or 1 in the metadata, found {n}"))),
        }
    }

    fn extents(&mut self) -> Result<Vec<u64>> {
        (0..self.count()?).map(|_| self.fields.varint()).collect()
    }

    fn about(&mut self) -> Result<About> {
        let name = self.text()?;
        let axes = (0..self.count()?)
            .map(|_| Ok(Axis { name: self.text()?, grows: self.flag()? }))
            .collect::<Result<_>>()?;
        let role = match self.fields.u8()? {
            0 => Role::Data,
            1 => Role::Coordinate,
            2 => Role::Axis,
            n => return Err(Error::corrupt(format!("expected a role from 0 to 2, found {n}"))),
        };
        Ok(About { name, axes, role, attributes: self.attributes()?, packing: self.packing()? })
    }

    fn packing(&mut self) -> Result<Packing> {
        let code = self.fields.u8()?;
        let codec = Codec::ALL.get(usize::from(code)).copied();
        let codec =
            codec.ok_or_else(|| Error::corrupt(format!("expected a codec from 0 to 12, found {code}")))?;
        let flags = self.fields.u8()?;
        let level = if flags & 4 != 0 { Some(self.fields.signed()?) } else { None };
        let level = level
            .map(|level| i32::try_from(level).map_err(|_| Error::corrupt("a level does not fit 32 bits")));
        let fill = if flags & 8 != 0 { Some(self.fields.block()?.to_vec()) } else { None };
        let (shuffle, checksum) = (flags & 1 != 0, flags & 2 != 0);
        let (chunk, shard) = (self.extents()?, self.extents()?);
        Ok(Packing { codec, level: level.transpose()?, shuffle, checksum, chunk, shard, fill })
    }

    fn attributes(&mut self) -> Result<Vec<Attribute>> {
        (0..self.count()?).map(|_| Ok(Attribute { name: self.text()?, value: self.value()? })).collect()
    }

    fn value(&mut self) -> Result<Value> {
        Ok(match self.fields.u8()? {
            0 => Value::Text(self.text()?),
            1 => Value::Texts((0..self.count()?).map(|_| self.text()).collect::<Result<_>>()?),
            2 => {
                let code = usize::from(self.fields.u8()?);
                let dtype = DType::ALL.get(code).copied();
                let dtype = dtype.ok_or_else(|| {
                    Error::corrupt(format!("expected a dtype of an attribute, found the code {code}"))
                })?;
                let rank = self.count()?;
                if rank > MAX_AXES {
                    return Err(Error::corrupt(format!(
                        "expected at most {MAX_AXES} axes of an attribute, found {rank}"
                    )));
                }
                let shape = (0..rank).map(|_| self.fields.count()).collect::<Result<Vec<usize>>>()?;
                let values = Values::from_bytes(dtype, self.fields.block()?, false)
                    .map_err(|_| Error::corrupt("the numbers of an attribute are cut off"))?;
                if n_elements(&shape)? != values.len() {
                    return Err(Error::corrupt(format!(
                        "expected the shape {shape:?} of an attribute, found {} numbers",
                        values.len()
                    )));
                }
                Value::Numbers { shape, values }
            }
            3 => Value::Json(self.text()?),
            n => return Err(Error::corrupt(format!("expected a value of kind 0 to 3, found {n}"))),
        })
    }
}

impl Dataset {
    /// What the source told beside the values, in what formats have in common; nothing where it is damaged.
    pub fn shared_metadata(&self) -> Metadata {
        Metadata::of(&self.attachments).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> Metadata {
        let attribute = |name: &str, value| Attribute { name: name.into(), value };
        let numbers = |shape: &[usize], values| Value::Numbers { shape: shape.to_vec(), values };
        let mut about = About::new("group/t2m");
        about.axes = vec![Axis { name: "time".into(), grows: true }, Axis::default()];
        about.role = Role::Coordinate;
        about.attributes = vec![
            attribute("units", Value::Text("K".into())),
            attribute("flags", Value::Texts(vec!["a".into(), "ö".into()])),
            attribute("_FillValue", Value::number(Values::F32(vec![1e20]))),
            attribute("matrix", numbers(&[2, 2], Values::I64(vec![1, -2, 3, i64::MAX]))),
            attribute("more", Value::Json("{\"a\": null}".into())),
        ];
        about.packing = Packing {
            codec: Codec::Deflate,
            level: Some(-4),
            shuffle: true,
            checksum: false,
            chunk: vec![1, 1 << 40],
            shard: vec![3],
            fill: Some(vec![0, 1]),
        };
        let title = attribute("title", Value::Text("made".into()));
        let groups = vec![Group { path: String::new(), attributes: vec![title] }];
        Metadata { groups, variables: vec![about, About::new("bare")] }
    }

    #[test]
    fn it_comes_back_and_tells_the_conventions() {
        let metadata = any();
        let attachments = vec![metadata.attachment(2).unwrap()];
        assert_eq!(Metadata::of(&attachments).unwrap(), metadata);
        let about = metadata.about("group/t2m").unwrap();
        assert_eq!((about.units(), about.missing()), (Some("K"), Some(f64::from(1e20f32))));
        assert_eq!(metadata.missing(), [("group/t2m".to_string(), f64::from(1e20f32))]);
        assert_eq!(metadata.names(&|_, _| false)[..2], ["title of the file", "units of group/t2m"]);
        assert_eq!(Axis { name: "group/lat".into(), grows: false }.short(), "lat");
        assert_eq!(Metadata::default().attachment(0), None);
        assert_eq!(Metadata::of(&[]).unwrap(), Metadata::default());
    }

    #[test]
    fn cuts_and_changed_bytes_are_errors_or_metadata() {
        let bytes = any().write();
        for cut in 0..bytes.len() {
            assert!(Metadata::read(&bytes[..cut]).is_err(), "{cut}");
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                let _ = Metadata::read(&bytes);
            }
        }
        let claims = [&[VERSION, 0], [255, 255, 255, 7].as_slice(), &[0; 64]].concat();
        assert!(Metadata::read(&claims).is_err());
    }
}
