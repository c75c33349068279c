//! A dataset that came from a classic NetCDF file as such a file: under the header that it had where every variable is
//! there with its shape, else under a new one with the same dimensions, attributes and order, of the same version (CDF-2
//! where places need 64 bits). Refuses more bytes than a header can count, and axes that grow and are not the first.

use super::Kept;
use super::header::{self, Header, RawVariable};
use baler_data::dataset::{Dataset, Variable};
use baler_data::error::{Error, Result};

/// The bytes of the file; an error if the dataset is of another source.
pub fn write(dataset: &Dataset) -> Result<Vec<u8>> {
    let kept = dataset.metadata(super::NAME).map(Kept::read).transpose()?;
    let kept =
        kept.ok_or_else(|| Error::config("expected the header of a classic NetCDF file, found none"))?;
    let told = Header::read(&kept.header)?;
    let n_records = n_records(&told, dataset);
    let variables: Option<Vec<&Variable>> =
        told.variables.iter().map(|raw| dataset.variable(&raw.name)).collect();
    let same = |(raw, variable): (&RawVariable, &&Variable)| {
        let shape = told.shape(raw, n_records);
        let is_dtype = header::dtype(raw.code).is_ok_and(|dtype| dtype == variable.values.dtype());
        is_dtype && variable.shape.iter().map(|&n| n as u64).eq(shape)
    };
    let is_same = told.n_records.is_none_or(|n| n == n_records)
        && told.variables.len() == dataset.variables.len()
        && variables.as_ref().is_some_and(|variables| told.variables.iter().zip(variables).all(same));
    match variables {
        Some(variables) if is_same && end(&told, n_records)? <= most_bytes(dataset, &kept) => {
            let mut file = vec![0; usize::try_from(end(&told, n_records)?).unwrap_or(usize::MAX)];
            place(&mut file, &told, n_records, &variables, &kept.pads)?;
            let room = file.get_mut(..kept.header.len());
            room.ok_or_else(|| header::damaged("a variable lies in the header"))?
                .copy_from_slice(&kept.header);
            file.truncate(file.len() - kept.n_missing.min(3).min(file.len()));
            file.extend_from_slice(&kept.tail);
            Ok(file)
        }
        _ => anew(dataset, &told),
    }
}

/// More than all values and gaps of a file that we have written or read: places that are told are not believed.
fn most_bytes(dataset: &Dataset, kept: &Kept) -> u64 {
    2 * (dataset.size_bytes() + kept.header.len()) as u64 + (1 << 16)
}

/// Records that the variables have.
fn n_records(told: &Header, dataset: &Dataset) -> u64 {
    let of = |raw: &RawVariable| {
        let variable = dataset.variable(&raw.name).filter(|_| told.is_record(raw))?;
        Some(*variable.shape.first()? as u64)
    };
    told.variables.iter().find_map(of).or(told.n_records).unwrap_or(0)
}

/// Where the values end.
pub fn end(header: &Header, n_records: u64) -> Result<u64> {
    let too_large = || header::damaged("a variable lies beyond any file");
    let record_bytes = header.record_bytes()?;
    let is_only = header.variables.iter().filter(|v| header.is_record(v)).count() == 1;
    let mut end = header.n_bytes;
    for variable in &header.variables {
        let n_bytes = header.row_bytes(variable)?;
        let behind = match header.is_record(variable) {
            // Where records would begin is no place yet: libraries end the file before it.
            true if n_records == 0 => continue,
            // The last record of the only variable with records has no padding.
            true => {
                let padded = if is_only { n_bytes } else { n_bytes.next_multiple_of(4) };
                (n_records - 1).checked_mul(record_bytes).and_then(|n| n.checked_add(padded))
            }
            false => Some(n_bytes.next_multiple_of(4)),
        };
        let behind = behind.and_then(|n| n.checked_add(variable.begin)).ok_or_else(too_large)?;
        end = end.max(behind);
    }
    Ok(end)
}

/// Puts the values of all variables where the header says, with what pads them.
fn place(
    file: &mut [u8],
    header: &Header,
    n_records: u64,
    variables: &[&Variable],
    pads: &[Vec<u8>],
) -> Result<()> {
    let record_bytes = header.record_bytes()? as usize;
    let outside = || header::damaged("a variable lies outside the file");
    for (idx, (raw, variable)) in header.variables.iter().zip(variables).enumerate() {
        let mut bytes = Vec::new();
        variable.values.append_bytes(&mut bytes, true);
        let row_bytes = header.row_bytes(raw)? as usize;
        let (step, n) = match header.is_record(raw) {
            true => (record_bytes, n_records as usize),
            false => (0, 1),
        };
        let pads = pads.get(idx).map(Vec::as_slice).unwrap_or_default();
        let n_pad = row_bytes.wrapping_neg() % 4;
        for (record, row) in (0..n).zip(bytes.chunks(row_bytes.max(1))) {
            let at = raw.begin as usize + record * step;
            file.get_mut(at..at + row.len()).ok_or_else(outside)?.copy_from_slice(row);
            // The only variable with records has the next record where others have padding.
            let is_packed = step == row_bytes && step > 0;
            let own = pads.get(record * n_pad..(record + 1) * n_pad).or(pads.get(..n_pad));
            let room = file.get_mut(at + row.len()..at + row.len() + n_pad).filter(|_| !is_packed);
            room.zip(own).into_iter().for_each(|(room, pad)| room.copy_from_slice(pad));
        }
    }
    Ok(())
}

/// The file under a new header.
fn anew(dataset: &Dataset, told: &Header) -> Result<Vec<u8>> {
    let mut header = Header { variables: Vec::new(), ..told.clone() };
    let n_records = n_records(told, dataset);
    header.n_records = Some(n_records);
    // The extents that each dimension has now: the first that is met, further ones get names of their own.
    let mut extents: Vec<Option<u64>> = told.dimensions.iter().map(|_| None).collect();
    let mut variables = Vec::new();
    for variable in &dataset.variables {
        let raw = told.variables.iter().find(|raw| raw.name == variable.name);
        let raw = raw.filter(|raw| raw.axes.len() == variable.shape.len());
        let raw = raw.ok_or_else(|| {
            Error::config(format!("'{}' is not in the NetCDF header of the source", variable.name))
        })?;
        let mut axes = Vec::new();
        for (&axis, &extent) in raw.axes.iter().zip(&variable.shape) {
            let extent = extent as u64;
            let is_first = axes.is_empty();
            let grows = told.dimensions[axis].1 == 0;
            if grows && is_first && extent == n_records {
                axes.push(axis);
                continue;
            }
            match extents[axis] {
                None if !grows && extent > 0 => {
                    extents[axis] = Some(extent);
                    header.dimensions[axis].1 = extent;
                    axes.push(axis);
                }
                Some(known) if known == extent => axes.push(axis),
                _ => axes.push(further(&mut header, axis, extent, &variable.name)?),
            }
        }
        header.variables.push(RawVariable { axes, ..raw.clone() });
        variables.push(variable);
    }
    settle(&mut header, n_records)?;
    let mut file = header.write();
    file.resize(usize::try_from(end(&header, n_records)?).unwrap_or(usize::MAX), 0);
    place(&mut file, &header, n_records, &variables, &[])?;
    Ok(file)
}

/// A dimension for an extent that the one of the source has not: `lat_12`.
fn further(header: &mut Header, axis: usize, extent: u64, variable: &str) -> Result<usize> {
    if extent == 0 {
        let text = format!("'{variable}' has an axis of 0, which NetCDF keeps for records; write an .h5");
        return Err(Error::config(text));
    }
    let name = format!("{}_{extent}", header.dimensions[axis].0);
    if let Some(known) = header.dimensions.iter().position(|(other, n)| *other == name && *n == extent) {
        return Ok(known);
    }
    header.dimensions.push((name, extent));
    Ok(header.dimensions.len() - 1)
}

/// Says where each variable begins: those without records first, then the records.
fn settle(header: &mut Header, n_records: u64) -> Result<()> {
    loop {
        header.n_bytes = header.write().len() as u64;
        let mut at = header.n_bytes;
        let n_variables = header.variables.len();
        for wants_records in [false, true] {
            for idx in 0..n_variables {
                let variable = &header.variables[idx];
                if header.is_record(variable) != wants_records {
                    continue;
                }
                let n_bytes = header.row_bytes(variable)?.next_multiple_of(4);
                header.variables[idx].begin = at;
                header.variables[idx].told_bytes = n_bytes;
                at =
                    at.checked_add(n_bytes).ok_or_else(|| Error::limit("more bytes than a file can have"))?;
            }
        }
        if header.version != 1 || end(header, n_records)? <= i32::MAX as u64 {
            return Ok(());
        }
        header.version = 2;
    }
}
