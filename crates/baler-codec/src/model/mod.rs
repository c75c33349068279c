//! A trained model: what it was fitted to, its decoder (which travels in archives) and its encoder (which stays in the
//! model file). A model has a part for each table or field of the data that it was trained on.

mod live;
pub mod shelf;

pub use live::live_decoder;

use crate::autoencoder::weights::{read_network, write_network};
use crate::autoencoder::{BlockPlan, Decoder, Scaling};
use crate::container::{GroupMethod, MODEL_MAGIC, check_magic, checksum};
use crate::live::LiveTable;
use crate::network::Network;
use crate::predict::predictor::Predictor;
use crate::quantize::Grid;
use crate::table::shared::KnownTable;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};

/// What the numbers of a grid measure, so that a model fitted on one grid fits another of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinate {
    /// The value (uniform, integer, decimal grids).
    Linear,
    /// Octaves of the magnitude (point-wise relative bounds).
    Log,
    /// Order of the bits (lossless floats).
    Order,
}

/// One variable that a model knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVariable {
    /// Name in the data.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Unit of the three numbers below.
    pub coordinate: Coordinate,
    /// Coordinate that becomes 0.
    pub center: f64,
    /// Distance that becomes 1 (in octaves where there is a `log_unit`).
    pub half_range: f64,
    /// 0 or the distance at which the logarithm bends.
    pub log_unit: f64,
}

/// (coordinate, units per number, coordinate of number 0) of a grid in a dtype.
pub fn coordinate_of(grid: &Grid, dtype: DType) -> (Coordinate, f64, f64) {
    match *grid {
        Grid::Order if !dtype.is_float() => (Coordinate::Linear, 1.0, 0.0),
        Grid::Order | Grid::OrderF32 => (Coordinate::Order, 1.0, 0.0),
        Grid::Integer { step } => (Coordinate::Linear, step as f64, 0.0),
        Grid::Uniform { step, .. } => (Coordinate::Linear, step, 0.0),
        Grid::Decimal { divisor } => (Coordinate::Linear, 1.0 / divisor, 0.0),
        Grid::Log { step, low, .. } => {
            let octaves = step as f64 / (1u64 << 48) as f64;
            (Coordinate::Log, octaves, (low - 1) as f64 * octaves)
        }
    }
}

impl ModelVariable {
    /// The scaling of this variable on `grid`; `None` if the grid measures something else.
    pub fn scaling(&self, grid: &Grid) -> Option<Scaling> {
        let (coordinate, unit, origin) = coordinate_of(grid, self.dtype);
        if coordinate != self.coordinate {
            return None;
        }
        let octaves = self.log_unit != 0.0;
        Some(Scaling {
            center: ((self.center - origin) / unit).round_ties_even() as i64,
            half_range: if octaves { self.half_range } else { self.half_range / unit },
            log_unit: self.log_unit / unit,
        })
    }

    fn write(&self, w: &mut ByteWriter) {
        w.block(self.name.as_bytes());
        w.u8(self.dtype as u8);
        w.u8(self.coordinate as u8);
        for number in [self.center, self.half_range, self.log_unit] {
            w.f64(number);
        }
    }

    fn read(r: &mut ByteReader) -> Result<ModelVariable> {
        let name =
            String::from_utf8(r.block()?.to_vec()).map_err(|_| Error::corrupt("expected a name in UTF-8"))?;
        let dtype = *DType::ALL
            .get(r.u8()? as usize)
            .ok_or_else(|| Error::unsupported("a model's dtype is not known; use a newer version"))?;
        let coordinate = match r.u8()? {
            0 => Coordinate::Linear,
            1 => Coordinate::Log,
            2 => Coordinate::Order,
            n => return Err(Error::unsupported(format!("expected a coordinate from 0 to 2, found {n}"))),
        };
        let variable = ModelVariable {
            name,
            dtype,
            coordinate,
            center: r.f64()?,
            half_range: r.f64()?,
            log_unit: r.f64()?,
        };
        let scales = [variable.half_range, variable.log_unit];
        let positive = variable.half_range > 0.0 && variable.log_unit >= 0.0;
        if positive && scales.iter().all(|x| x.is_finite()) && variable.center.is_finite() {
            Ok(variable)
        } else {
            Err(Error::corrupt("expected finite, positive scales in a model"))
        }
    }
}

/// One table or field that a model knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPart {
    /// The columns of a table, or the one variable of a field.
    pub variables: Vec<ModelVariable>,
    /// Tiles of a field; `None` for a table.
    pub blocks: Option<BlockPlan>,
    /// Latents -> values.
    pub decoder: Decoder,
    /// Values -> latents.
    pub encoder: Network,
}

/// What a model says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Layers in words, such as `dense 24-200-100-50-15`.
    pub architecture: String,
    /// Samples it was trained on.
    pub n_samples: u64,
    /// Passes over them.
    pub n_epochs: u64,
    /// Everything random followed from it.
    pub seed: u64,
}

/// A model in numbers, for people and for `--json`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// BLAKE3 hash of the model file, in hexadecimal.
    pub hash: String,
    /// Layers in words.
    pub architecture: String,
    /// Names of the variables that it knows.
    pub variables: Vec<String>,
    /// Of tables: (name, how the column follows from others) of each column.
    pub columns: Vec<(String, String)>,
    /// Weights and biases of encoders and decoders, weights of predictors, classes of tables' columns.
    pub n_parameters: u64,
    /// Bytes of the model file.
    pub size_bytes: u64,
    /// Samples it was trained on.
    pub trained_on_rows: u64,
    /// Passes over them.
    pub epochs: u64,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Autoencoders.
    pub parts: Vec<ModelPart>,
    /// Predictive models.
    pub predictors: Vec<Predictor>,
    /// Tables; there is at least one of the three.
    pub tables: Vec<KnownTable>,
    /// What live streams need of each table, where it was made.
    pub live: Vec<Option<LiveTable>>,
    /// For people.
    pub description: Description,
    /// The bytes that it was read from: archives name a model by the hash of its file, and another version may
    /// write the same model in other bytes.
    file: Option<Vec<u8>>,
}

impl PartialEq for Model {
    fn eq(&self, other: &Model) -> bool {
        (&self.parts, &self.predictors, &self.tables, &self.live, &self.description)
            == (&other.parts, &other.predictors, &other.tables, &other.live, &other.description)
    }
}

impl Model {
    /// A model that no file holds yet.
    pub fn new(parts: Vec<ModelPart>, predictors: Vec<Predictor>, description: Description) -> Model {
        Model { parts, predictors, tables: Vec::new(), live: Vec::new(), description, file: None }
    }

    /// The model with a table more, and what live streams need of it.
    pub fn with_table(mut self, table: KnownTable, live: Option<LiveTable>) -> Model {
        self.tables.push(table);
        self.live.push(live);
        self
    }

    /// The first table that live streams can be coded with.
    pub fn live_table(&self) -> Option<(usize, &LiveTable)> {
        self.live.iter().enumerate().find_map(|(idx, table)| Some((idx, table.as_ref()?)))
    }

    /// Entries that an archive has of the model: its parts, then its predictors, then its tables.
    pub fn n_entries(&self) -> usize {
        self.parts.len() + self.predictors.len() + self.tables.len()
    }

    /// The table that is an entry.
    pub fn known_table(&self, entry: usize) -> Option<&KnownTable> {
        self.tables.get(entry.checked_sub(self.parts.len() + self.predictors.len())?)
    }

    /// The table of a group's method.
    pub fn table(&self, method: &GroupMethod) -> Option<&KnownTable> {
        let GroupMethod::SharedTable { model } = method else { return None };
        self.known_table(*model)
    }

    /// What an archive holds of an entry.
    pub fn entry(&self, idx: usize) -> Option<Vec<u8>> {
        let predictor = |idx: usize| self.predictors.get(idx).map(|predictor| predictor.shared.write());
        match self.parts.get(idx) {
            Some(part) => Some(part.decoder.write(part.tile())),
            None => predictor(idx - self.parts.len())
                .or_else(|| self.known_table(idx).map(|table| table.shared.write())),
        }
    }

    /// The bytes of a model file: those that the model was read from, if it was.
    pub fn to_bytes(&self) -> Vec<u8> {
        if let Some(bytes) = &self.file {
            return bytes.clone();
        }
        let mut w = ByteWriter::default();
        w.block(self.description.architecture.as_bytes());
        for number in [self.description.n_samples, self.description.n_epochs, self.description.seed] {
            w.varint(number);
        }
        w.count(self.parts.len());
        for part in &self.parts {
            w.count(part.variables.len());
            for variable in &part.variables {
                variable.write(&mut w);
            }
            w.u8(part.blocks.is_some() as u8);
            if let Some(blocks) = &part.blocks {
                blocks.write(&mut w);
            }
            w.block(&part.decoder.write(part.tile()));
            let mut encoder = ByteWriter::default();
            write_network(&part.encoder, part.tile(), &mut encoder);
            w.block(&encoder.bytes);
        }
        w.count(self.predictors.len());
        self.predictors.iter().for_each(|predictor| predictor.write(&mut w));
        w.count(self.tables.len());
        self.tables.iter().for_each(|table| table.write(&mut w));
        if self.live_table().is_some() {
            self.live.iter().for_each(|table| w.block(&table.as_ref().map_or(Vec::new(), LiveTable::write)));
        }
        let mut out = ByteWriter::default();
        out.raw(&MODEL_MAGIC);
        out.block(&w.bytes);
        out.raw(&checksum(&w.bytes));
        out.bytes
    }

    /// Inverse of [`Model::to_bytes`].
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`] or [`baler_data::error::ErrorKind::Unsupported`] for bytes that are no model of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> {
        check_magic(bytes, MODEL_MAGIC, "a model (.balm)")?;
        let mut outer = ByteReader::new(&bytes[MODEL_MAGIC.len()..]);
        let body = outer.block()?;
        if outer.raw(8)? != checksum(body) {
            return Err(Error::corrupt(
                "expected the checksum of the model, found another; the file is damaged",
            ));
        }
        outer.finish("the model")?;
        let mut r = ByteReader::new(body);
        let architecture = String::from_utf8_lossy(r.block()?).into_owned();
        let description =
            Description { architecture, n_samples: r.varint()?, n_epochs: r.varint()?, seed: r.varint()? };
        let parts: Vec<ModelPart> =
            (0..r.count_of_items()?).map(|_| ModelPart::read(&mut r)).collect::<Result<_>>()?;
        let predictors = (0..r.count_of_items()?).map(|_| Predictor::read(&mut r)).collect::<Result<_>>()?;
        let tables: Vec<KnownTable> =
            (0..r.count_of_items()?).map(|_| KnownTable::read(&mut r)).collect::<Result<_>>()?;
        let mut live = vec![None; tables.len()];
        if r.remaining() > 0 {
            for live in &mut live {
                let bytes = r.block()?;
                *live = if bytes.is_empty() { None } else { Some(LiveTable::read(bytes)?) };
            }
        }
        r.finish("the model")?;
        Ok(Model { parts, predictors, tables, live, description, file: Some(bytes.to_vec()) })
    }

    /// What there is to tell.
    pub fn describe(&self) -> ModelInfo {
        let bytes = self.to_bytes();
        let networks = self.parts.iter().flat_map(|part| [&part.encoder, &part.decoder.network]);
        let n_parameters: u64 = networks
            .flat_map(|network| network.layers())
            .map(|layer| (layer.weights.len() + layer.bias.len()) as u64)
            .sum();
        ModelInfo {
            hash: blake3::hash(&bytes).to_hex().to_string(),
            architecture: self.description.architecture.clone(),
            variables: self
                .parts
                .iter()
                .flat_map(|part| part.variables.iter().map(|variable| variable.name.clone()))
                .chain(self.predictors.iter().map(|predictor| predictor.name.clone()))
                .chain(self.tables.iter().flat_map(|table| table.columns.iter().map(|c| c.name.clone())))
                .collect(),
            columns: self.tables.iter().flat_map(KnownTable::words).collect(),
            n_parameters: n_parameters
                + self.predictors.iter().map(|predictor| predictor.shared.n_weights() as u64).sum::<u64>()
                + self.tables.iter().map(|table| table.shared.model.n_bins() as u64).sum::<u64>(),
            size_bytes: bytes.len() as u64,
            trained_on_rows: self.description.n_samples,
            epochs: self.description.n_epochs,
        }
    }

    /// True if any part of the model was made for a variable of this name.
    pub fn covers(&self, name: &str) -> bool {
        let mut columns = self.tables.iter().flat_map(|table| &table.columns);
        self.parts.iter().any(|part| part.covers(name))
            || self.predictors.iter().any(|predictor| predictor.name == name)
            || columns.any(|column| column.name == name)
    }

    /// BLAKE3 hash of the model file, by which archives name it.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.to_bytes()).as_bytes()
    }
}

impl ModelPart {
    /// True if the part was trained for a variable of this name.
    pub fn covers(&self, name: &str) -> bool {
        self.variables.iter().any(|known| known.name == name)
    }

    /// Extents of the tile, empty for a table.
    pub fn tile(&self) -> &[usize] {
        self.blocks.as_ref().map_or(&[], |blocks| &blocks.extents)
    }

    fn read(r: &mut ByteReader) -> Result<ModelPart> {
        let variables: Vec<ModelVariable> =
            (0..r.count_of_items()?).map(|_| ModelVariable::read(r)).collect::<Result<_>>()?;
        let blocks = match r.u8()? {
            0 => None,
            1 => Some(BlockPlan::read(r)?),
            n => return Err(Error::corrupt(format!("expected 0 or 1 before the tiles, found {n}"))),
        };
        let decoder = Decoder::read(r.block()?)?;
        let mut encoder_bytes = ByteReader::new(r.block()?);
        let encoder = read_network(&mut encoder_bytes)?;
        encoder_bytes.finish("an encoder")?;
        let n_values = blocks.as_ref().map_or(variables.len(), BlockPlan::n_values);
        let fits = encoder.n_in() == n_values
            && decoder.network.n_out() == n_values
            && encoder.n_out() == decoder.network.n_in()
            && (blocks.is_none() || variables.len() == 1);
        if fits {
            Ok(ModelPart { variables, blocks, decoder, encoder })
        } else {
            Err(Error::corrupt("the encoder, decoder and variables of a model do not fit each other"))
        }
    }
}
