//! A mixed logit and what is known -> the probability that was seen there: two tables, each a curve over the logit.

use crate::predict::tables::Tables;

/// Points of a curve, and the binary logarithm of their distance in 1/256.
const N_POINTS: usize = 45;
const STEP_BITS: u32 = 7;
const FIRST: i32 = -(22 << STEP_BITS);
/// How fast a point moves, as a shift.
const RATE: u32 = 6;

pub struct Refine {
    curves: [Vec<[u16; N_POINTS]>; 2],
    rows: [usize; 2],
    nearest: usize,
}

impl Refine {
    /// `sizes`: rows of both tables.
    pub fn new(sizes: [usize; 2]) -> Refine {
        let t = crate::predict::tables::tables();
        let curve = std::array::from_fn(|point| t.squash(FIRST + ((point as i32) << STEP_BITS)) as u16);
        Refine { curves: sizes.map(|size| vec![curve; size]), rows: [0; 2], nearest: 0 }
    }

    /// The probability out of 2^16: a quarter the mixed one, a quarter by the first table and half by the second.
    #[inline(always)]
    pub fn refine(&mut self, t: &Tables, logit: i32, rows: [usize; 2]) -> u32 {
        let above = (logit - FIRST) as usize;
        let (point, part) = (above >> STEP_BITS, (above & ((1 << STEP_BITS) - 1)) as u32);
        let at = |which: usize| {
            let curve = &self.curves[which][rows[which]];
            (curve[point] as u32 * ((1 << STEP_BITS) - part) + curve[point + 1] as u32 * part) >> STEP_BITS
        };
        let p = (t.squash(logit) + at(0) + 2 * at(1)) >> 2;
        self.rows = rows;
        self.nearest = point + (part >> (STEP_BITS - 1)) as usize;
        p.clamp(1, 65_535)
    }

    #[inline(always)]
    pub fn learn(&mut self, bit: u32) {
        let target = if bit != 0 { 65_535 } else { 0 };
        for (curves, row) in self.curves.iter_mut().zip(self.rows) {
            let point = &mut curves[row][self.nearest];
            *point = (*point as i32 + ((target - *point as i32) >> RATE)) as u16;
        }
    }
}
