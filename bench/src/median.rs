//! The middle of a few measurements, because one measurement on a shared machine says little.

/// The median of `values`; they are sorted on the way. 0 when there are none.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
