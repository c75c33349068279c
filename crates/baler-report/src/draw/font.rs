//! Widths of text in Helvetica, the font that every PDF reader has; on screen Helvetica, Arial or Liberation Sans, which
//! have the same widths. Used to place text, never to cut it.

/// Widths of the characters from ' ' to '~', in 1/1000 of the size.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Width of `text` at a size, in the same unit.
pub fn text_width(text: &str, size: f64) -> f64 {
    let width = |c: char| (c as usize).checked_sub(32).and_then(|at| WIDTHS.get(at)).copied().unwrap_or(600);
    text.chars().map(|c| f64::from(width(c))).sum::<f64>() * size / 1000.0
}
