//! Is the first record of a text file one of names or of values? And the names of columns, each made unique.

use super::number;

/// True if the first of the sample's records names the columns.
pub fn has_header(records: &[&Vec<Vec<u8>>]) -> bool {
    let Some((first, rest)) = records.split_first() else { return true };
    let is_finite = |cell: &Vec<u8>| number::finite(cell).is_some();
    if first.iter().all(|cell| number::is_number_or_missing(cell)) {
        return !first.iter().any(is_finite);
    }
    if !first.iter().any(is_finite) {
        // Words alone; they are values only if columns of numbers have numbers (or nothing) there.
        return true;
    }
    let numeric = |column: usize| {
        let cells = || rest.iter().filter_map(|line| line.get(column));
        cells().any(is_finite) && cells().all(|cell| number::is_number_or_missing(cell))
    };
    let named = first
        .iter()
        .enumerate()
        .any(|(column, cell)| numeric(column) && !cell.is_empty() && !number::is_number_or_missing(cell));
    // One year above numbers that are none: `district,2021`.
    let years: Vec<usize> = (0..first.len()).filter(|&column| is_finite(&first[column])).collect();
    let is_year = |cell: &Vec<u8>| {
        number::finite(cell).is_some_and(|x| x.fract() == 0.0 && (1000.0..3000.0).contains(&x))
    };
    let lone_year = years.len() == 1
        && is_year(&first[years[0]])
        && !rest.iter().filter_map(|line| line.get(years[0])).any(is_year);
    named || rest.is_empty() || lone_year || counts_up(first)
}

/// Years and the like: a row of names where all that are numbers are whole and count up.
fn counts_up(first: &[Vec<u8>]) -> bool {
    let numbers: Vec<f64> = first.iter().filter_map(|cell| number::finite(cell)).collect();
    let whole = numbers.iter().all(|x| x.fract() == 0.0 && *x >= 0.0);
    let by_one = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1.0);
    let years = numbers.iter().all(|x| (1000.0..3000.0).contains(x));
    whole && numbers.len() > 1 && (by_one || (years && numbers.windows(2).all(|pair| pair[0] < pair[1])))
}

/// Names for `n_columns` columns: those of the header's cells without blanks around them, `c3` where there is none, and
/// `x.1` for the second `x`.
pub fn names(header: Option<&[Vec<u8>]>, is_shifted: bool, n_columns: usize) -> Vec<String> {
    let cell = |column: usize| {
        let column = if is_shifted { column.checked_sub(1)? } else { column };
        header?.get(column).map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned())
    };
    let mut taken = std::collections::HashSet::new();
    let wanted: Vec<Option<String>> =
        (0..n_columns).map(|column| cell(column).filter(|name| !name.is_empty())).collect();
    let all: std::collections::HashSet<&String> = wanted.iter().flatten().collect();
    (0..n_columns)
        .map(|column| {
            let base = wanted[column].clone().unwrap_or_else(|| format!("c{column}"));
            let mut name = base.clone();
            let mut n = 0;
            while taken.contains(&name)
                || (n > 0 && all.contains(&name))
                || (wanted[column].is_none() && all.contains(&name))
            {
                n += 1;
                name = format!("{base}.{n}");
            }
            taken.insert(name.clone());
            name
        })
        .collect()
}
