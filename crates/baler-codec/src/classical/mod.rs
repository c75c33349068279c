//! Integers -> bytes and back without learning: differences along the axes ([`lorenzo`]), then an entropy coder.
//!
//! Coders: `constant` (all differences equal), `pco` (its bins and tANS fit smooth and noisy grids) and `zstd` over
//! byte planes (repeats). Values that are few may be replaced by their rank first (jet areas: 116 values).

pub mod estimate;
pub mod lorenzo;
mod pack;
mod ranks;
pub mod series;

use crate::coder::{CoderByte, RANKED};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use estimate::best_orders;
use lorenzo::{MAX_AXES, Orders, difference, fill_masked, four_axes, integrate};
use pack::{pack, pack_repeats, pack_zstd, unpack};
use ranks::{from_ranks, read_table, to_ranks, useful_table, write_table};
use series::{Series, Way};

/// Shortest last axis that is tried as a series in a hurry.
const MIN_SERIES: usize = 1024;

/// Values on which it is tried whether differences are of use.
const WHOLE_PART: usize = 1 << 16;

/// A coded grid of integers, and what was done, in words.
#[derive(Debug)]
pub struct Encoded {
    /// The stream, as docs/format.md describes it.
    pub bytes: Vec<u8>,
    /// For example `lorenzo 0111 pco`.
    pub codec: String,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Differences along the axes, and series only of long rows.
    Least,
    /// Series of any shape too.
    Less,
    /// And the slow levels of zstd.
    All,
}

/// Codes `q` (C order of `shape`) with all that there is. Masked values need not come back and are not stored.
pub fn encode(q: Vec<i64>, shape: &[usize], mask: Option<&[bool]>) -> Encoded {
    encode_with(q, shape, mask, Effort::All)
}

/// [`encode`] with so much effort.
pub fn encode_with(mut q: Vec<i64>, shape: &[usize], mask: Option<&[bool]>, effort: Effort) -> Encoded {
    let Some(table) = useful_table(&q, mask) else {
        return encode_unranked(q, shape, mask, effort);
    };
    to_ranks(&mut q, &table);
    let coded = encode_unranked(q, shape, mask, effort);
    let mut writer = ByteWriter::default();
    writer.u8(coded.bytes[0] | RANKED);
    writer.u8(coded.bytes[1]);
    write_table(&table, &mut writer);
    writer.raw(&coded.bytes[2..]);
    Encoded { bytes: writer.bytes, codec: format!("ranks {}", coded.codec) }
}

/// [`encode`] for characters and bytes: whole, without differences, for repeats are all that they have.
pub fn encode_repeats(mut q: Vec<i64>, shape: &[usize], mask: Option<&[bool]>) -> Encoded {
    if let Some(mask) = mask {
        let mut masked = mask.iter();
        q.retain(|_| !*masked.next().expect("a mask as long as the values"));
    }
    let (coder, symbols) = pack_repeats(&q);
    let bytes = [&[coder as u8, 0][..], &symbols].concat();
    Encoded { bytes, codec: describe(coder, [0; MAX_AXES], shape) }
}

/// Inverse of [`encode`]; masked values come back as their predictions. Fails on damaged bytes.
pub fn decode(bytes: &[u8], shape: &[usize], mask: Option<&[bool]>) -> Result<Vec<i64>> {
    let n_values = baler_data::dataset::n_elements(shape)?;
    let mut reader = ByteReader::new(bytes);
    let coder = reader.u8()?;
    let orders = unpack_orders(reader.u8()?)?;
    let table = if coder & RANKED != 0 { Some(read_table(&mut reader)?) } else { None };
    let n_coded = mask.map_or(n_values, |mask| mask.iter().filter(|masked| !**masked).count());
    let coded = unpack(CoderByte::classical(coder & !RANKED)?, reader.rest(), n_coded)?;
    let mut q = match mask {
        None => coded,
        Some(mask) => {
            let mut coded = coded.into_iter();
            mask.iter().map(|masked| if *masked { 0 } else { coded.next().unwrap_or(0) }).collect()
        }
    };
    integrate(&mut q, four_axes(shape), orders);
    if let Some(table) = table {
        from_ranks(&mut q, &table, mask)?;
    }
    Ok(q)
}

fn encode_unranked(mut q: Vec<i64>, shape: &[usize], mask: Option<&[bool]>, effort: Effort) -> Encoded {
    let extents = four_axes(shape);
    let constant = mask.is_none() && q.iter().all(|value| *value == q[0]);
    let ways = match effort {
        Effort::Least if extents[3] >= MIN_SERIES => &[Way::Convolution][..],
        Effort::Least => &[],
        _ => &[Way::Convolution, Way::Chosen],
    };
    let series = (mask.is_none() && !constant && !ways.is_empty()).then(|| Series::of(&q, ways));
    let mut orders = if constant { [0; MAX_AXES] } else { best_orders(&q, extents, mask) };
    if orders != [0; MAX_AXES] && mask.is_none() && whole_pays(&q, extents, orders) {
        orders = [0; MAX_AXES];
    }
    if let Some(mask) = mask {
        fill_masked(&mut q, extents, orders, mask);
    }
    difference(&mut q, extents, orders);
    if let Some(mask) = mask {
        let mut masked = mask.iter();
        q.retain(|_| !*masked.next().expect("a mask as long as the values"));
    }
    let hurries = effort != Effort::All;
    let (coder, symbols) = pack(&q, hurries);
    let way = series.filter(|_| coder != CoderByte::Constant).and_then(|series| series.best(&q));
    // Masks and labels may repeat where their differences do not.
    let repeats =
        coder == CoderByte::Zstd && orders != [0; MAX_AXES] && mask.is_none() && effort != Effort::Least;
    if way.is_some() || repeats {
        integrate(&mut q, extents, orders);
        if let Some((coder, symbols, name)) = pack_whole(&q, (way, repeats), hurries, symbols.len()) {
            return Encoded { bytes: [&[coder as u8, 0][..], &symbols].concat(), codec: name.to_string() };
        }
    }
    let mut bytes = vec![coder as u8, pack_orders(orders)];
    bytes.extend_from_slice(&symbols);
    Encoded { bytes, codec: describe(coder, orders, shape) }
}

/// The smallest of the numbers as they are, less than `limit` bytes: as a series in some way, or by zstd where they may repeat.
fn pack_whole(
    q: &[i64],
    (way, repeats): (Option<Way>, bool),
    hurries: bool,
    limit: usize,
) -> Option<(CoderByte, Vec<u8>, &'static str)> {
    let series = way.and_then(|way| way.pack(q).map(|(coder, bytes)| (coder, bytes, way.name())));
    let series = series.filter(|(_, bytes, _)| bytes.len() < limit);
    let limit = series.as_ref().map_or(limit, |(_, bytes, _)| bytes.len());
    let planes = repeats.then(|| pack_zstd(q, limit, hurries)).flatten();
    planes.map(|planes| (CoderByte::Zstd, planes, CoderByte::Zstd.name())).or(series)
}

/// True if rows from the middle take fewer bytes without differences: an entropy estimate does not see all that a coder does.
fn whole_pays(q: &[i64], extents: [usize; MAX_AXES], orders: Orders) -> bool {
    let row: usize = extents[1..].iter().product();
    let n_rows = (WHOLE_PART / row.max(1)).clamp(1, extents[0].max(1));
    let extents = [n_rows, extents[1], extents[2], extents[3]];
    let start = (q.len() - n_rows * row) / 2 / row.max(1) * row;
    let mut part = q[start..start + n_rows * row].to_vec();
    let whole = pack::pco_bytes(&part);
    difference(&mut part, extents, orders);
    whole < pack::pco_bytes(&part)
}

/// What was done to make a stream, in words.
pub fn describe_stream(bytes: &[u8], shape: &[usize]) -> Result<String> {
    let mut reader = ByteReader::new(bytes);
    let coder = reader.u8()?;
    let orders = unpack_orders(reader.u8()?)?;
    let of_numbers = CoderByte::classical(coder & !RANKED)?;
    let ranks = if coder & RANKED != 0 { "ranks " } else { "" };
    Ok(format!("{ranks}{}", describe(of_numbers, orders, shape)))
}

fn describe(coder: CoderByte, orders: Orders, shape: &[usize]) -> String {
    let coder = coder.name();
    if orders == [0; MAX_AXES] {
        return coder.to_string();
    }
    let n_axes = shape.iter().filter(|&&extent| extent != 1).count().clamp(1, MAX_AXES);
    let orders: Vec<String> = orders[MAX_AXES - n_axes..].iter().map(u8::to_string).collect();
    format!("lorenzo {} {coder}", orders.join(""))
}

/// Two bits an axis, the first axis in the low bits.
fn pack_orders(orders: Orders) -> u8 {
    orders.iter().enumerate().fold(0, |byte, (axis, order)| byte | order << (2 * axis))
}

fn unpack_orders(byte: u8) -> Result<Orders> {
    let orders: Orders = std::array::from_fn(|axis| byte >> (2 * axis) & 3);
    if orders.contains(&3) {
        return Err(Error::corrupt("expected differences of order 0, 1 or 2, found 3"));
    }
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(q: &[i64], shape: &[usize], mask: Option<&[bool]>) -> usize {
        let coded = encode(q.to_vec(), shape, mask);
        let back = decode(&coded.bytes, shape, mask).unwrap();
        for (i, (a, b)) in q.iter().zip(&back).enumerate() {
            assert!(a == b || mask.is_some_and(|mask| mask[i]), "{i}: {a} {b} {}", coded.codec);
        }
        coded.bytes.len()
    }

    #[test]
    fn integers_of_every_kind_come_back() {
        round_trip(&[], &[0], None);
        round_trip(&[i64::MIN], &[], None);
        assert!(round_trip(&[7; 1000], &[10, 100], None) < 8);
        round_trip(&(0..1000).map(|i| i * i).collect::<Vec<_>>(), &[1000], None);
        round_trip(
            &(0..4096).map(|i| (i as i64).wrapping_mul(i64::MAX / 3)).collect::<Vec<_>>(),
            &[64, 64],
            None,
        );
        let repeats: Vec<i64> = (0..6000).map(|i| (i % 300 * 977 % 251) as i64).collect();
        assert!(round_trip(&repeats, &[6000], None) < 500);
        let few: Vec<i64> =
            (0..5000u64).map(|i| [5, 1_000_000, -77, 1 << 40][(i * i / 7 % 4) as usize]).collect();
        assert!(round_trip(&few, &[5000], None) < 2000);
    }

    #[test]
    fn masked_values_cost_nothing() {
        let mask: Vec<bool> = (0..4000).map(|i| i / 7 % 3 == 0).collect();
        let q: Vec<i64> = (0..4000).map(|i| if mask[i] { i64::MAX } else { 3 * i as i64 }).collect();
        assert!(round_trip(&q, &[40, 100], Some(&mask)) < 1500);
        round_trip(&q, &[4000], Some(&vec![true; 4000]));
    }

    #[test]
    fn damaged_streams_are_errors_or_other_integers_but_never_a_panic() {
        let q: Vec<i64> = (0..500).map(|i| i * 31 % 77).collect();
        let coded = encode(q, &[500], None).bytes;
        for cut in 0..coded.len() {
            let _ = decode(&coded[..cut], &[500], None);
        }
        for bit in 0..coded.len() * 8 {
            let mut bytes = coded.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&bytes, &[500], None);
        }
    }
}
