//! An array of numbers as it is written: with the source's datatype if that is still the one of the values, in one piece or
//! in chunks as the source had them. Refuses more axes than HDF5 has.

use super::chunks::{self, Chunks, Unpacked};
use super::datatype;
use super::fields::UNDEFINED;
use super::header::kind;
use super::items::OUR_SIZES;
use super::messages::{DataPlace, contiguous, dataspace, message, one_piece, type_message};
use baler_data::dataset::Variable;
use baler_data::error::{Error, Result};
use baler_data::metadata::{About, Packing, Role};

/// An array of numbers.
pub struct Array<'a> {
    pub variable: &'a Variable,
    pub type_bytes: Vec<u8>,
    pub extents: Vec<u64>,
    /// How far each axis can grow.
    pub most: Vec<u64>,
    /// What stands where nothing was written, in the file's byte order.
    pub fill: Option<Vec<u8>>,
    /// Its values, if they are not in one piece.
    pub chunks: Option<Chunks>,
    /// True if the values mean nothing and need no place.
    pub is_axis: bool,
}

impl Array<'_> {
    /// Where the values go, or the tree of their chunks, which follows them.
    pub fn place(&self, at: &mut u64) -> DataPlace {
        let Some(chunks) = &self.chunks else {
            let n_bytes = if self.is_axis { 0 } else { self.variable.values.size_bytes() as u64 };
            return one_piece(n_bytes, at);
        };
        let n_bytes = chunks.size_bytes();
        let start = *at + n_bytes.next_multiple_of(8);
        let (nodes, address) = chunks.tree(*at, start);
        *at = start + (nodes.len() as u64).next_multiple_of(8);
        DataPlace { address, n_bytes }
    }

    /// What stands at [`Array::place`].
    pub fn append(&self, file: &mut Vec<u8>) {
        match &self.chunks {
            None if self.is_axis => {}
            None => self.variable.values.append_bytes(file, self.variable.storage.big_endian),
            Some(chunks) => {
                let data = file.len() as u64;
                chunks.packed.iter().for_each(|(_, bytes)| file.extend_from_slice(bytes));
                file.resize(file.len().next_multiple_of(8), 0);
                file.extend(chunks.tree(data, file.len() as u64).0);
            }
        }
    }

    /// The messages that describe it.
    pub fn messages(&self, out: &mut Vec<u8>, place: DataPlace, named: Option<u64>) {
        message(out, kind::DATASPACE, 0, &dataspace(Some(&self.extents), &self.most));
        type_message(out, &self.type_bytes, named);
        // Version 3: space made late, or chunk by chunk; bit 5 for a value that is set.
        let when = if self.chunks.is_some() { 0x0b } else { 0x0a };
        match &self.fill {
            None => message(out, kind::FILL, 0, &[3, when]),
            Some(fill) => {
                let n_bytes = (fill.len() as u32).to_le_bytes();
                message(out, kind::FILL, 0, &[&[3, when | 0x20], n_bytes.as_slice(), fill].concat());
            }
        }
        let Some(chunks) = &self.chunks else {
            return message(out, kind::LAYOUT, 0, &contiguous(place));
        };
        // Version 3, chunks found by a tree; the last axis is that of an element's bytes.
        let mut layout = vec![3, 2, self.extents.len() as u8 + 1];
        layout.extend_from_slice(&place.address.to_le_bytes());
        let n_elements = self.extents.iter().product::<u64>().max(1);
        let element_bytes = datatype::parse(&self.type_bytes, OUR_SIZES)
            .map_or(self.variable.values.size_bytes() as u64 / n_elements, |(of_type, _)| {
                of_type.n_bytes() as u64
            });
        for &extent in chunks.extents.iter().chain(&[element_bytes]) {
            layout.extend_from_slice(&(extent as u32).to_le_bytes());
        }
        message(out, kind::LAYOUT, 0, &layout);
        if let Some(filters) = &chunks.filters {
            message(out, kind::FILTERS, 0, filters);
        }
    }
}

/// A variable as it is written: with the source's datatype if that is still the one of the values, and packed as the
/// source was.
pub fn array<'a>(
    variable: &'a Variable,
    type_bytes: Option<Vec<u8>>,
    most: &[u64],
    about: Option<&About>,
) -> Result<Array<'a>> {
    let dtype = variable.values.dtype();
    let shape: Vec<u64> = variable.shape.iter().map(|&n| n as u64).collect();
    let fits = type_bytes.and_then(|bytes| {
        let (of_type, _) = datatype::parse(&bytes, OUR_SIZES).ok()?;
        let (stored, big_endian, inner) = of_type.numbers()?;
        let rank = variable.shape.len().checked_sub(inner.len())?;
        let same =
            stored == dtype && variable.shape[rank..] == inner && big_endian == variable.storage.big_endian;
        (same || (stored == dtype && inner.is_empty() && dtype.size_bytes() == 1)).then_some((bytes, rank))
    });
    let (type_bytes, rank) =
        fits.unwrap_or_else(|| (datatype::write(dtype, variable.storage.big_endian), shape.len()));
    if rank > super::layout::MAX_AXES {
        let text = format!(
            "an HDF5 array has at most {} axes, '{}' has {rank}",
            super::layout::MAX_AXES,
            variable.name
        );
        return Err(Error::config(text));
    }
    let element_bytes = shape[rank..].iter().product::<u64>() as usize * dtype.size_bytes();
    let extents = shape[..rank].to_vec();
    let most = match most.len() == rank && most.iter().zip(&extents).all(|(most, n)| most >= n) {
        true => most.to_vec(),
        false => extents.clone(),
    };
    let none = Packing::default();
    let packing = about.map_or(&none, |about| &about.packing);
    let mut array = Array { variable, type_bytes, extents, most, fill: None, chunks: None, is_axis: false };
    array.grow(about);
    array.is_axis = about.is_some_and(|about| about.role == Role::Axis) && is_zero(variable);
    array.fill = packing.fill.clone().filter(|fill| fill.len() == element_bytes);
    if variable.storage.big_endian {
        let numbers = array.fill.iter_mut().flat_map(|fill| fill.chunks_exact_mut(dtype.size_bytes()));
        numbers.for_each(<[u8]>::reverse);
    }
    if element_bytes > 0 && chunks::are_wanted(packing, &array.extents, &array.most) {
        let mut raw = Vec::new();
        variable.values.append_bytes(&mut raw, variable.storage.big_endian);
        let (shape, most) = (&array.extents[..], &array.most[..]);
        let fill = array.fill.as_deref().unwrap_or_default();
        let unpacked = Unpacked { raw: &raw, shape, most, element_bytes, fill };
        array.chunks = Some(chunks::pack(packing, &unpacked)?);
    }
    Ok(array)
}

impl Array<'_> {
    /// Axes that grew without end in a source of any format still do.
    fn grow(&mut self, about: Option<&About>) {
        let axes = about.iter().flat_map(|about| &about.axes);
        for (most, _) in self.most.iter_mut().zip(axes).filter(|(_, axis)| axis.grows) {
            *most = UNDEFINED;
        }
    }
}

/// True if all values are 0.
fn is_zero(variable: &Variable) -> bool {
    variable
        .values
        .in_bytes(false, |bytes| if bytes.iter().any(|&b| b != 0) { Err(()) } else { Ok(()) })
        .is_ok()
}
