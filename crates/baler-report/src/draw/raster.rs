//! Images of colored pixels, as PNG for SVG and as they are for PDF.

use super::color::{Color, ColorMap};

/// Pixels in rows from the top, red, green, blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// (height, width, 3).
    pub rgb: Vec<u8>,
}

/// Shown where a value is not finite.
const NO_VALUE: Color = Color(0x99, 0x99, 0x99);

impl Raster {
    /// A picture of `values` (height, width), brought to 0..=1 by `place`.
    pub fn of(values: &[f64], width: usize, map: ColorMap, place: impl Fn(f64) -> f64) -> Raster {
        let rgb = values.iter().flat_map(|&x| {
            let Color(r, g, b) = if x.is_finite() { map.at(place(x)) } else { NO_VALUE };
            [r, g, b]
        });
        Raster { width, height: values.len() / width.max(1), rgb: rgb.collect() }
    }

    /// A PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("memory takes any write");
        writer.write_image_data(&self.rgb).expect("the pixels fill the image");
        drop(writer);
        bytes
    }
}

/// Bytes in base 64 (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word =
            part.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - part.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= part.len() { DIGITS[index] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn an_image_comes_back_from_its_png() {
        let raster = Raster::of(&[0.0, 0.5, f64::NAN, 1.0, 2.0, -1.0], 3, ColorMap::Sequential, |x| x);
        assert_eq!((raster.width, raster.height), (3, 2));
        let mut reader = png::Decoder::new(std::io::Cursor::new(raster.png())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, raster.rgb);
        assert_eq!(raster.rgb[6..9], [0x99; 3]);
        assert_eq!(raster.rgb[12..15], raster.rgb[9..12]);
    }
}
