//! An integer network as bytes and back. Weights, biases and shifts of a layer are grids of integers and take the
//! classical coder; weights that belong to the places of a tile are coded with its extents in view, so that smooth ones are
//! coded as differences.

use crate::classical;
use crate::network::architecture::{Activation, ConvShape, LayerKind, LayerSpec};
use crate::network::{Layer, Network};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Most weights of a layer that a reader accepts.
const MAX_WEIGHTS: usize = 1 << 28;

/// Appends `network`; `tile` are the extents of the tile that its inputs or outputs stand for.
pub fn write_network(network: &Network, tile: &[usize], w: &mut ByteWriter) {
    w.count(network.n_in());
    w.count(network.layers().len());
    for layer in network.layers() {
        write_spec(&layer.spec, w);
        let shape = weight_shape(&layer.spec, tile);
        w.count(shape.len());
        for &extent in &shape {
            w.count(extent);
        }
        let weights: Vec<i64> = layer.weights.iter().map(|&x| x as i64).collect();
        w.block(&classical::encode(weights, &shape, None).bytes);
        // Coarse biases end in zeros that all of them share.
        let zeros = layer.bias.iter().fold(0, |all, &x| all | x).trailing_zeros().min(31);
        w.u8(zeros as u8);
        let bias: Vec<i64> = layer.bias.iter().map(|&x| (x >> zeros) as i64).collect();
        w.block(&classical::encode(bias, bias_extents(&shape, &layer.spec), None).bytes);
        let shift: Vec<i64> = layer.shift.iter().map(|&x| x as i64).collect();
        w.block(&classical::encode(shift, &[layer.shift.len()], None).bytes);
    }
}

/// Inverse of [`write_network`]; checks every rule of [`Network::new`].
pub fn read_network(r: &mut ByteReader) -> Result<Network> {
    let n_in = r.count()?;
    let layers = (0..r.count_of_items()?).map(|_| read_layer(r)).collect::<Result<_>>()?;
    Network::new(n_in, layers)
}

fn read_layer(r: &mut ByteReader) -> Result<Layer> {
    let spec = read_spec(r)?;
    if !spec.is_bounded() {
        return Err(Error::corrupt(format!("a layer is larger than the format allows: {spec:?}")));
    }
    let shape: Vec<usize> = (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?;
    let n_weights = spec.n_rows().checked_mul(spec.n_cols()).filter(|&n| n <= MAX_WEIGHTS);
    let n_shape = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
    // One weight could do without an axis; its bias could not.
    if shape.is_empty() || n_weights.is_none() || n_weights != n_shape {
        return Err(Error::corrupt(format!("the shape {shape:?} of the weights does not fit {spec:?}")));
    }
    let out_of_range = |_| Error::corrupt("a weight, bias or shift is out of range");
    let weights = classical::decode(r.block()?, &shape, None)?;
    let zeros = r.u8()?;
    if zeros > 31 {
        return Err(Error::corrupt(format!("expected at most 31 zeros behind the biases, found {zeros}")));
    }
    let bias = classical::decode(r.block()?, bias_extents(&shape, &spec), None)?;
    let shift = classical::decode(r.block()?, &[spec.n_rows()], None)?;
    Ok(Layer {
        spec,
        weights: weights.into_iter().map(i16::try_from).collect::<Result<_, _>>().map_err(out_of_range)?,
        bias: bias
            .into_iter()
            .map(|x| i32::try_from(x.checked_mul(1 << zeros).unwrap_or(i64::MAX)))
            .collect::<Result<_, _>>()
            .map_err(out_of_range)?,
        shift: shift.into_iter().map(u8::try_from).collect::<Result<_, _>>().map_err(out_of_range)?,
    })
}

/// (rows, columns), with the side that stands for the places of the tile split into its extents.
fn weight_shape(spec: &LayerSpec, tile: &[usize]) -> Vec<usize> {
    let (n_rows, n_cols) = (spec.n_rows(), spec.n_cols());
    let n_places: usize = tile.iter().product();
    match spec.kind {
        LayerKind::Dense { .. } if tile.len() > 1 && n_rows == n_places => [tile, &[n_cols]].concat(),
        LayerKind::Dense { .. } if tile.len() > 1 && n_cols == n_places => [&[n_rows], tile].concat(),
        _ => vec![n_rows, n_cols],
    }
}

/// Biases stand in the shape of the rows: all extents of the weights but the last, if those are the rows.
fn bias_extents<'a>(weight_shape: &'a [usize], spec: &LayerSpec) -> &'a [usize] {
    let mut n_extents = 1;
    while n_extents < weight_shape.len()
        && weight_shape[..n_extents].iter().product::<usize>() < spec.n_rows()
    {
        n_extents += 1;
    }
    &weight_shape[..n_extents]
}

fn write_spec(spec: &LayerSpec, w: &mut ByteWriter) {
    let kind = match spec.kind {
        LayerKind::Dense { .. } => 0,
        LayerKind::Conv(shape) => 1 + shape.transposed as u8,
    };
    w.u8(kind | (spec.skip as u8) << 7);
    w.u8(match spec.activation {
        Activation::Linear => 0,
        Activation::LeakyRelu { shift } => shift,
        Activation::Relu => 255,
    });
    match spec.kind {
        LayerKind::Dense { n_in, n_out } => {
            w.count(n_in);
            w.count(n_out);
        }
        LayerKind::Conv(c) => {
            w.count(c.channels_in);
            w.count(c.channels_out);
            for extents in [c.extent_in, c.extent_out, c.kernel, c.stride, c.pad] {
                extents.iter().for_each(|&extent| w.count(extent));
            }
        }
    }
}

fn read_spec(r: &mut ByteReader) -> Result<LayerSpec> {
    let (kind, activation) = (r.u8()?, r.u8()?);
    let activation = match activation {
        0 => Activation::Linear,
        shift @ 1..=15 => Activation::LeakyRelu { shift },
        255 => Activation::Relu,
        n => return Err(Error::unsupported(format!("expected an activation of 0 to 15 or 255, found {n}"))),
    };
    let skip = kind & 0x80 != 0;
    let kind = match kind & 0x7f {
        0 => LayerKind::Dense { n_in: r.count()?, n_out: r.count()? },
        code @ (1 | 2) => LayerKind::Conv(read_conv(r, code == 2)?),
        n => return Err(Error::unsupported(format!("expected a layer of kind 0, 1 or 2, found {n}"))),
    };
    Ok(LayerSpec { kind, activation, skip })
}

fn read_conv(r: &mut ByteReader, transposed: bool) -> Result<ConvShape> {
    let (channels_in, channels_out) = (r.count()?, r.count()?);
    let mut axes = [[0; 3]; 5];
    for extent in axes.iter_mut().flatten() {
        *extent = r.count()?;
    }
    let all = axes.iter().flatten().chain([&channels_in, &channels_out]);
    if all.clone().any(|&n| n > 1 << 16) {
        return Err(Error::corrupt("a convolution is larger than 65 536 along an axis"));
    }
    let [extent_in, extent_out, kernel, stride, pad] = axes;
    Ok(ConvShape { channels_in, channels_out, extent_in, extent_out, kernel, stride, pad, transposed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_come_back() {
        let conv = ConvShape {
            channels_in: 1,
            channels_out: 2,
            extent_in: [1, 4, 4],
            extent_out: [1, 2, 2],
            kernel: [1, 3, 3],
            stride: [1, 2, 2],
            pad: [0, 1, 1],
            transposed: false,
        };
        let specs = [
            LayerSpec { kind: LayerKind::Conv(conv), activation: Activation::Relu, skip: false },
            LayerSpec {
                kind: LayerKind::Dense { n_in: 8, n_out: 5 },
                activation: Activation::LeakyRelu { shift: 7 },
                skip: false,
            },
            LayerSpec {
                kind: LayerKind::Dense { n_in: 21, n_out: 16 },
                activation: Activation::Linear,
                skip: true,
            },
        ];
        let layers = specs
            .iter()
            .map(|&spec| Layer {
                spec,
                weights: (0..spec.n_rows() * spec.n_cols()).map(|i| (i * 37 % 201) as i16 - 100).collect(),
                bias: (0..spec.n_rows()).map(|i| i as i32 * 1000 - 2000).collect(),
                shift: vec![7; spec.n_rows()],
            })
            .collect();
        let network = Network::new(16, layers).unwrap();
        let mut w = ByteWriter::default();
        write_network(&network, &[4, 4], &mut w);
        let mut r = ByteReader::new(&w.bytes);
        assert_eq!(read_network(&mut r).unwrap(), network);
        r.finish("the network").unwrap();
        for cut in 0..w.bytes.len() {
            assert!(read_network(&mut ByteReader::new(&w.bytes[..cut])).is_err());
        }
    }
}
