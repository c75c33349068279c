//! Colors that survive print and color blindness: few, of different lightness, and told apart by line style as well.

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// Text and frames.
pub const INK: Color = Color(0x22, 0x22, 0x22);
/// Secondary text.
pub const GRAY: Color = Color(0x66, 0x66, 0x66);
/// Grid lines.
pub const GRID: Color = Color(0xdd, 0xdd, 0xdd);
/// Values before (blue of Okabe and Ito's palette).
pub const BEFORE: Color = Color(0x00, 0x72, 0xb2);
/// Values after (its vermilion).
pub const AFTER: Color = Color(0xd5, 0x5e, 0x00);
/// A third curve (its bluish green).
pub const THIRD: Color = Color(0x00, 0x9e, 0x73);
/// Bounds and limits.
pub const WARN: Color = Color(0x88, 0x22, 0x55);

impl Color {
    /// Mixed with white: 0 is white, 1 the color itself.
    pub fn tint(self, strength: f64) -> Color {
        let mix = |c: u8| (255.0 + (f64::from(c) - 255.0) * strength).round() as u8;
        Color(mix(self.0), mix(self.1), mix(self.2))
    }

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// Numbers in 0..=1 to colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMap {
    /// Dark blue over gray to light yellow: lightness grows evenly, and blue to yellow is the axis that red-green
    /// blindness leaves.
    Sequential,
    /// Blue over white to vermilion: 0.5 is white.
    Diverging,
}

impl ColorMap {
    /// The color of `t`; beyond 0..=1 the ends.
    pub fn at(self, t: f64) -> Color {
        let t = t.clamp(0.0, 1.0);
        let stops: &[[f64; 3]] = match self {
            // CIELAB: L, a, b
            ColorMap::Sequential => {
                &[[10.0, 5.0, -30.0], [36.0, 5.0, -18.0], [62.0, 1.0, 12.0], [95.0, -5.0, 52.0]]
            }
            ColorMap::Diverging => &[
                [28.0, 8.0, -46.0],
                [62.0, -6.0, -30.0],
                [97.0, 0.0, 0.0],
                [67.0, 32.0, 42.0],
                [38.0, 48.0, 48.0],
            ],
        };
        let place = t * (stops.len() - 1) as f64;
        let below = (place as usize).min(stops.len() - 2);
        let share = place - below as f64;
        let lab: [f64; 3] =
            std::array::from_fn(|k| stops[below][k] + share * (stops[below + 1][k] - stops[below][k]));
        from_lab(lab)
    }
}

/// CIELAB (D65) to sRGB (IEC 61966-2-1), limited to what a screen shows.
fn from_lab([l, a, b]: [f64; 3]) -> Color {
    let fy = (l + 16.0) / 116.0;
    let inverse =
        |f: f64| if f > 6.0 / 29.0 { f * f * f } else { 3.0 * (6.0f64 / 29.0).powi(2) * (f - 4.0 / 29.0) };
    let x = 0.95047 * inverse(fy + a / 500.0);
    let y = inverse(fy);
    let z = 1.08883 * inverse(fy - b / 200.0);
    let rgb = [
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    ];
    let shown = rgb.map(|c| {
        let c = c.clamp(0.0, 1.0);
        let c = if c <= 0.0031308 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (255.0 * c).round() as u8
    });
    Color(shown[0], shown[1], shown[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(c: Color) -> f64 {
        0.2126 * f64::from(c.0) + 0.7152 * f64::from(c.1) + 0.0722 * f64::from(c.2)
    }

    #[test]
    fn the_sequential_map_grows_lighter_all_the_way() {
        let steps: Vec<f64> =
            (0..=50).map(|k| luminance(ColorMap::Sequential.at(f64::from(k) / 50.0))).collect();
        assert!(steps.windows(2).all(|w| w[1] > w[0]), "{steps:?}");
    }

    #[test]
    fn the_diverging_map_is_lightest_in_the_middle() {
        let at = |t: f64| ColorMap::Diverging.at(t);
        assert!(luminance(at(0.5)) > 240.0 && luminance(at(0.0)) < 100.0 && luminance(at(1.0)) < 100.0);
        assert!(at(0.0).2 > at(0.0).0 && at(1.0).0 > at(1.0).2);
        assert_eq!(BEFORE.hex(), "#0072b2");
        assert_eq!(INK.tint(0.0), Color(255, 255, 255));
    }
}
