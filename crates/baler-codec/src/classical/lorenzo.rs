//! N-D Lorenzo prediction as differences: along each axis the values are replaced by their first or second
//! differences, (1 - S)^order with zeros before the start. All axes at first order is the Lorenzo predictor; one
//! axis is a delta. Arithmetic wraps, so every i64 comes back.
//!
//! Differences are taken in place, slab by slab of the leading axis, so that a slab is still in the cache for the
//! other axes. They vectorize on all axes but the last.

/// Order of the difference along each axis: 0, 1 or 2.
pub type Orders = [u8; MAX_AXES];
/// Axes after merging; arrays with more have their leading axes merged.
pub const MAX_AXES: usize = 4;

/// `shape` as exactly four extents: axes of extent 1 dropped, leading axes merged or filled with 1.
pub fn four_axes(shape: &[usize]) -> [usize; MAX_AXES] {
    let kept: Vec<usize> = shape.iter().copied().filter(|&extent| extent != 1).collect();
    let mut extents = [1; MAX_AXES];
    for (i, &extent) in kept.iter().rev().enumerate() {
        extents[MAX_AXES - 1 - i.min(MAX_AXES - 1)] *= extent;
    }
    extents
}

/// Replaces `q` (C order, `extents`) by its differences.
pub fn difference(q: &mut [i64], extents: [usize; MAX_AXES], orders: Orders) {
    if !q.is_empty() {
        difference_from(q, &extents, &orders);
    }
}

/// Inverse of [`difference`].
pub fn integrate(q: &mut [i64], extents: [usize; MAX_AXES], orders: Orders) {
    if !q.is_empty() {
        integrate_from(q, &extents, &orders);
    }
}

/// Differences along the axes of `extents`; `q` is one array of them.
fn difference_from(q: &mut [i64], extents: &[usize], orders: &[u8]) {
    let ([extent, inner_extents @ ..], [order, inner_orders @ ..]) = (extents, orders) else { return };
    if inner_extents.is_empty() {
        return (0..*order).for_each(|_| difference_row(q));
    }
    let slab = q.len() / extent;
    // Slab k needs slab k - 1 as it was, so the last comes first; slabs are finished in the last pass.
    for pass in (0..(*order).max(1)).rev() {
        for k in (0..*extent).rev() {
            if k > 0 && *order > 0 {
                let (before, after) = q[(k - 1) * slab..(k + 1) * slab].split_at_mut(slab);
                after.iter_mut().zip(before).for_each(|(value, before)| *value = value.wrapping_sub(*before));
            }
            if pass == 0 {
                difference_from(&mut q[k * slab..(k + 1) * slab], inner_extents, inner_orders);
            }
        }
    }
}

/// Inverse of [`difference_from`].
fn integrate_from(q: &mut [i64], extents: &[usize], orders: &[u8]) {
    let ([extent, inner_extents @ ..], [order, inner_orders @ ..]) = (extents, orders) else { return };
    if inner_extents.is_empty() {
        return (0..*order).for_each(|_| integrate_row(q));
    }
    let slab = q.len() / extent;
    for pass in 0..(*order).max(1) {
        for k in 0..*extent {
            if pass == 0 {
                integrate_from(&mut q[k * slab..(k + 1) * slab], inner_extents, inner_orders);
            }
            if k > 0 && *order > 0 {
                let (before, after) = q[(k - 1) * slab..(k + 1) * slab].split_at_mut(slab);
                after.iter_mut().zip(before).for_each(|(value, before)| *value = value.wrapping_add(*before));
            }
        }
    }
}

fn difference_row(row: &mut [i64]) {
    let mut previous = 0i64;
    for value in row {
        (*value, previous) = (value.wrapping_sub(previous), *value);
    }
}

fn integrate_row(row: &mut [i64]) {
    let mut sum = 0i64;
    for value in row {
        sum = sum.wrapping_add(*value);
        *value = sum;
    }
}

/// Sets each masked value to its prediction, so that its difference is 0 and need not be stored.
pub fn fill_masked(q: &mut [i64], extents: [usize; MAX_AXES], orders: Orders, mask: &[bool]) {
    let taps = taps(orders);
    let strides: [usize; MAX_AXES] = std::array::from_fn(|axis| extents[axis + 1..].iter().product());
    for idx in (0..q.len()).filter(|&idx| mask[idx]) {
        let mut prediction = 0i64;
        for (back, weight) in &taps {
            let inside = (0..MAX_AXES).all(|axis| idx / strides[axis] % extents[axis] >= back[axis]);
            if inside {
                let behind: usize = (0..MAX_AXES).map(|axis| back[axis] * strides[axis]).sum();
                prediction = prediction.wrapping_sub(q[idx - behind].wrapping_mul(*weight));
            }
        }
        q[idx] = prediction;
    }
}

/// The terms of the product over the axes of (1 - S)^order but the first: (steps back along each axis, weight).
fn taps(orders: Orders) -> Vec<([usize; MAX_AXES], i64)> {
    let mut taps = vec![([0; MAX_AXES], 1i64)];
    for axis in 0..MAX_AXES {
        for _ in 0..orders[axis] {
            let shifted: Vec<_> = taps
                .iter()
                .map(|&(mut back, weight)| {
                    back[axis] += 1;
                    (back, -weight)
                })
                .collect();
            taps.extend(shifted);
        }
    }
    taps.remove(0);
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: usize) -> Vec<i64> {
        (0..n as i64).map(|i| (i * 7919 % 1013) - 500 + if i % 97 == 0 { i64::MAX / 2 } else { 0 }).collect()
    }

    #[test]
    fn every_difference_is_undone() {
        let extents = [3, 4, 5, 6];
        let q = sample(360);
        for code in 0..81u32 {
            let orders: Orders = std::array::from_fn(|axis| (code / 3u32.pow(axis as u32) % 3) as u8);
            let mut d = q.clone();
            difference(&mut d, extents, orders);
            integrate(&mut d, extents, orders);
            assert_eq!(d, q, "{orders:?}");
        }
    }

    #[test]
    fn first_order_on_all_axes_is_the_lorenzo_predictor() {
        let q = sample(20);
        let mut d = q.clone();
        difference(&mut d, [1, 1, 4, 5], [0, 0, 1, 1]);
        let at = |y: usize, x: usize| q[y * 5 + x];
        assert_eq!(d[2 * 5 + 3], at(2, 3) - at(1, 3) - at(2, 2) + at(1, 2));
        assert_eq!(d[3], at(0, 3) - at(0, 2));
    }

    #[test]
    fn masked_values_have_no_difference() {
        let extents = [2, 3, 4, 5];
        let mask: Vec<bool> = (0..120).map(|i| i % 3 == 0 || (40..60).contains(&i)).collect();
        for orders in [[0, 0, 0, 1], [1, 1, 1, 1], [0, 0, 2, 1], [0, 0, 0, 0]] {
            let mut q = sample(120);
            fill_masked(&mut q, extents, orders, &mask);
            difference(&mut q, extents, orders);
            assert!(q.iter().zip(&mask).all(|(d, m)| !m || *d == 0), "{orders:?}");
        }
    }

    #[test]
    fn shapes_become_four_extents() {
        assert_eq!(four_axes(&[]), [1, 1, 1, 1]);
        assert_eq!(four_axes(&[7]), [1, 1, 1, 7]);
        assert_eq!(four_axes(&[2, 1, 3]), [1, 1, 2, 3]);
        assert_eq!(four_axes(&[2, 3, 4, 5, 6]), [6, 4, 5, 6]);
        assert_eq!(four_axes(&[0, 3]), [1, 1, 0, 3]);
    }
}
