//! NumPy's npz: a zip of npy files in, variables out, and back (stored, as `np.savez` does, with a fixed date so that the
//! same dataset gives the same bytes). Members that are stored are read where they stand, others are unpacked first, to
//! memory or a temporary file. Refuses members that are no npy, encrypted members, and sizes that the bytes present
//! cannot bear out.

use crate::ReadOptions;
use crate::store::{Region, RegionReader, Spill};
use crate::stored::Stored;
use crate::table;
use crate::table::Member;
use baler_data::error::{Error, Result};
use baler_data::source::Source;
use std::io::{Read, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, System, ZipArchive, ZipWriter};

/// Deflate makes at most 1032 bytes out of one.
const MAX_DEFLATE_RATIO: u64 = 1032;
/// Bytes that are unpacked at a time.
const UNPACKED_AT_ONCE: u64 = 1 << 20;

/// All members that `options` asks for: those not dropped, or only the one named by `options.inner`, and whether it was
/// one; if not, it is left for the caller to pick a column of that name.
pub fn open(file: &Region, options: &ReadOptions) -> Result<(Stored, bool)> {
    let mut archive = ZipArchive::new(file.reader()).map_err(damaged)?;
    check_names(file, archive.len())?;
    let mut names = Vec::new();
    let mut n_packed_bytes = 0u64;
    for i in 0..archive.len() {
        let member = archive.by_index_raw(i).map_err(damaged)?;
        n_packed_bytes = n_packed_bytes.saturating_add(member.compressed_size());
        names.push(member_name(&member.name().map_err(damaged)?)?);
    }
    // Members that share bytes are how a small zip unpacks into a huge one.
    if n_packed_bytes > file.len() {
        return Err(Error::input(format!(
            "the members of the npz claim {n_packed_bytes} bytes, the file has {}; it is damaged",
            file.len()
        )));
    }
    let inner = options.inner.as_ref().filter(|inner| names.contains(inner));
    let wanted = |name: &String| match inner {
        Some(inner) => inner == name,
        // Patterns such as n* are for columns; they take the table's own members only by their full name.
        None if name == "data" || name == "names" => !options.drop.contains(name),
        None => !options.drops(name),
    };
    let mut members = Vec::new();
    for (i, name) in names.iter().enumerate().filter(|(_, name)| wanted(name)) {
        let member = unpack(&mut archive, i, file).map_err(|e| e.in_variable(name))?;
        members.push(Member::parse(name.clone(), member, &options.warnings)?);
    }
    let stored = table::assemble(members)?;
    let columns = stored.schema().names();
    options.check_drop(&names.iter().map(String::as_str).chain(columns).collect::<Vec<_>>())?;
    Ok((stored, inner.is_some()))
}

/// A zip may have several members of one name, of which only the last is found: then its directory counts more of them.
fn check_names(file: &Region, n_found: usize) -> Result<()> {
    const END: &[u8] = b"PK\x05\x06";
    let end_bytes = file.len().min(22 + 65_535);
    let end = file.read_at(file.len() - end_bytes, end_bytes)?;
    let counted = end.windows(12).rev().find(|window| window.starts_with(END));
    let n_members =
        counted.map_or(n_found, |window| usize::from(u16::from_le_bytes([window[10], window[11]])));
    // All bits are set where there are more than this number can count.
    if n_members > n_found && n_members != 0xffff {
        return Err(Error::input(format!(
            "expected members of different names in the npz, found {n_members} with only {n_found} names; rename those that are there twice"
        )));
    }
    Ok(())
}

fn member_name(path: &str) -> Result<String> {
    path.strip_suffix(".npy").map(str::to_string).ok_or_else(|| {
        Error::input(format!(
            "expected only NAME.npy files in an npz, found '{path}'; take it out of the zip"
        ))
    })
}

/// The bytes of one member, its checksum checked: where they stand in the file if they are stored.
fn unpack(archive: &mut ZipArchive<RegionReader>, i: usize, file: &Region) -> Result<Region> {
    let mut member = archive.by_index(i).map_err(damaged)?;
    let (size, packed_size) = (member.size(), member.compressed_size());
    let is_stored = member.compression() == CompressionMethod::Stored;
    let credible =
        if is_stored { size == packed_size } else { size <= packed_size.saturating_mul(MAX_DEFLATE_RATIO) };
    if !credible {
        return Err(Error::input(format!(
            "{packed_size} packed bytes cannot hold {size} bytes; the npz is damaged"
        )));
    }
    let start = member.data_start();
    let mut unpacked = if is_stored { None } else { Some(Spill::new(size)?) };
    let (mut bytes, mut n_bytes) = (Vec::new(), 0);
    loop {
        bytes.clear();
        member.by_ref().take(UNPACKED_AT_ONCE).read_to_end(&mut bytes).map_err(|e| {
            Error::input(format!(
                "expected {size} bytes in the npz member, which cannot be unpacked ({e}); the file is damaged"
            ))
        })?;
        if bytes.is_empty() || n_bytes > size {
            break;
        }
        if let Some(unpacked) = unpacked.as_mut().filter(|_| n_bytes + bytes.len() as u64 <= size) {
            unpacked.write_at(n_bytes, &bytes)?;
        }
        n_bytes += bytes.len() as u64;
    }
    if n_bytes != size {
        return Err(Error::input(format!("expected {size} bytes in the npz member, found {n_bytes}")));
    }
    match (unpacked, start) {
        (Some(unpacked), _) => unpacked.finish(),
        (None, Some(start)) => file.part(start, size),
        (None, None) => Err(Error::input("the npz does not say where its members are; it is damaged")),
    }
}

fn damaged(error: zip::result::ZipError) -> Error {
    Error::input(format!("expected an npz (a zip of npy files), found damaged or other bytes ({error})"))
}

/// Writes an npz member by member.
pub struct NpzWriter<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> NpzWriter<W> {
    /// Without a member.
    pub fn new(out: W) -> NpzWriter<W> {
        NpzWriter(ZipWriter::new(out))
    }

    /// Where to write the `n_bytes` of the next member.
    pub fn member(&mut self, name: &str, n_bytes: usize) -> Result<&mut dyn Write> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .system(System::Unix) // the same bytes on every system
            .last_modified_time(zip::DateTime::default())
            .large_file(n_bytes >= u32::MAX as usize);
        self.0
            .start_file(format!("{name}.npy"), options)
            .map_err(|e| Error::input(format!("'{name}' cannot be a member of an npz ({e})")))?;
        Ok(&mut self.0)
    }

    /// Writes the directory.
    pub fn finish(self) -> Result<()> {
        match self.0.finish() {
            Ok(_) => Ok(()),
            Err(zip::result::ZipError::Io(e)) => Err(Error::io("writing the npz", e)),
            Err(e) => Err(Error::input(format!("the npz cannot be finished ({e})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as io;
    use crate::npy;
    use crate::npy::tests::any_array;
    use baler_data::dataset::{DType, Dataset, Layout, Storage, Values, Variable};
    use std::io::Cursor;

    fn npy_of(variable: &Variable) -> Vec<u8> {
        npy::tests::bytes_of(variable)
    }

    fn read(bytes: &[u8], options: &ReadOptions) -> Result<Dataset> {
        io::read_bytes(bytes, io::Format::Npz, options)
    }

    fn write(dataset: &Dataset) -> Result<Vec<u8>> {
        io::write(dataset, io::Format::Npz)
    }

    fn text(texts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        npy::write_text(texts, 5, &mut bytes);
        bytes
    }

    fn zip_of(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method))
                .unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn contents(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        let file = Region::of_bytes(bytes.to_vec());
        let mut archive = ZipArchive::new(file.reader()).unwrap();
        (0..archive.len())
            .map(|i| {
                let name = archive.by_index(i).unwrap().name().unwrap().into_owned();
                (name, unpack(&mut archive, i, &file).unwrap().all().unwrap())
            })
            .collect()
    }

    fn no_options() -> ReadOptions {
        ReadOptions::default()
    }

    #[test]
    fn tables_come_back_member_for_member() {
        for dtype in DType::ALL {
            for (fortran_order, big_endian) in [(false, false), (true, false), (false, true), (true, true)] {
                let big_endian = big_endian && dtype.size_bytes() > 1;
                let data = npy_of(&any_array(
                    dtype,
                    &[40, 3],
                    Storage { fortran_order, big_endian, ..Storage::default() },
                ));
                let extra = npy_of(&any_array(DType::F32, &[4], Storage::default()));
                let members = [
                    ("kinds", text(&["int", "f", "f"])),
                    ("names", text(&["pt", "eta", "phi"])),
                    ("limits", extra),
                    ("data", data),
                ];
                for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
                    let source = zip_of(&members, method);
                    let dataset = read(&source, &no_options()).unwrap();
                    assert_eq!(
                        dataset.layout,
                        Layout::Table { n_columns: 3, data_position: 3, names_position: 1, names_width: 5 }
                    );
                    assert_eq!(dataset.variables.len(), 4);
                    assert_eq!(dataset.variables[1].name, "eta");
                    assert_eq!(contents(&write(&dataset).unwrap()), contents(&source), "{dtype:?}");
                }
            }
        }
    }

    #[test]
    fn members_of_one_name_are_told() {
        let one = npy_of(&any_array(DType::U8, &[2], Storage::default()));
        let mut source = zip_of(&[("aa", one.clone()), ("ab", one)], CompressionMethod::Stored);
        while let Some(at) = source.windows(6).position(|w| w == b"ab.npy") {
            source[at + 1] = b'a';
        }
        let error = read(&source, &no_options()).unwrap_err().to_string();
        assert!(
            error.starts_with("expected members of different names in the npz, found 2 with only 1"),
            "{error}"
        );
    }

    #[test]
    fn objects_are_kept_and_told_and_text_is_read() {
        let mut object = Vec::new();
        npy::tests::header_of("'|O'", &[1], &mut object);
        object.extend_from_slice(b"\x80\x04N.");
        let number = npy_of(&any_array(DType::F32, &[4], Storage::default()));
        let source = zip_of(
            &[("obj", object), ("x", number), ("kinds", text(&["a", "bc"]))],
            CompressionMethod::Stored,
        );
        let options = no_options();
        let dataset = read(&source, &options).unwrap();
        assert_eq!(dataset.variables.iter().map(|v| &*v.name).collect::<Vec<_>>(), ["x", "kinds"]);
        assert_eq!(dataset.variables[1].storage.kind, baler_data::dataset::kind::Kind::Text);
        let told = options.warnings.take();
        assert!(told[0].starts_with("'obj' is kept byte for byte and not read: found an object"), "{told:?}");
        assert_eq!(contents(&write(&dataset).unwrap()), contents(&source));
    }

    #[test]
    fn members_keep_their_order_beside_records() {
        let mut record = Vec::new();
        npy::tests::header_of("[('a', '<f4'), ('b', '<i2'), ('c', '<i2')]", &[2], &mut record);
        record.extend_from_slice(&[7; 16]);
        let data = npy_of(&any_array(DType::U16, &[4, 2], Storage::default()));
        let names = [("names", text(&["p", "q"])), ("kinds", text(&["x"]))];
        for order in [[0, 1, 2, 3], [0, 2, 3, 1], [2, 0, 3, 1], [3, 2, 1, 0]] {
            let all = [("rec", record.clone()), ("data", data.clone()), names[0].clone(), names[1].clone()];
            let source = zip_of(&order.map(|at| all[at].clone()), CompressionMethod::Stored);
            let dataset = read(&source, &no_options()).unwrap();
            assert_eq!(dataset.variables.len(), 5, "{order:?}");
            assert_eq!(contents(&write(&dataset).unwrap()), contents(&source), "{order:?}");
        }
    }

    #[test]
    fn image_stacks_keep_their_names_as_they_are() {
        let data = npy_of(&any_array(DType::U16, &[2, 3, 4], Storage::default()));
        let source = zip_of(&[("names", text(&[])), ("data", data)], CompressionMethod::Deflated);
        let dataset = read(&source, &no_options()).unwrap();
        assert_eq!(dataset.layout, Layout::Arrays);
        assert_eq!(dataset.variables[0].shape, [2, 3, 4]);
        assert_eq!(contents(&write(&dataset).unwrap()), contents(&source));
    }

    #[test]
    fn names_that_do_not_fit_are_told() {
        let data = npy_of(&any_array(DType::U16, &[4, 3], Storage::default()));
        let npz = |names: &[&str]| {
            zip_of(&[("data", data.clone()), ("names", text(names))], CompressionMethod::Stored)
        };
        let error = read(&npz(&["a", "b"]), &no_options()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a name for each of the 3 columns of 'data', found 2 in 'names'"
        );
        let error = read(&npz(&["a", "b", "a"]), &no_options()).unwrap_err();
        assert_eq!(error.to_string(), "expected unique names, found 'a' twice; rename one");
    }

    #[test]
    fn members_and_columns_can_be_dropped_or_picked() {
        let data = npy_of(&any_array(DType::U16, &[4, 3], Storage::default()));
        let source = zip_of(
            &[
                ("junk", b"no npy".to_vec()),
                ("data", data),
                ("names", text(&["a", "b", "c"])),
                ("kinds", text(&["x"])),
            ],
            CompressionMethod::Stored,
        );
        assert!(read(&source, &no_options()).is_err());
        let dropping = |patterns: &[&str]| ReadOptions {
            drop: patterns.iter().map(|p| p.to_string()).collect(),
            ..ReadOptions::default()
        };
        let dataset = io::read_bytes(&source, io::Format::Npz, &dropping(&["junk", "b"])).unwrap();
        assert_eq!(dataset.variables.iter().map(|v| &*v.name).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(contents(&write(&dataset).unwrap())[0].1.len(), 128 + 4 * 2 * 2);
        let inner = ReadOptions { inner: Some("data".into()), ..ReadOptions::default() };
        assert_eq!(read(&source, &inner).unwrap().variables[0].shape, [4, 3]);
        let inner = ReadOptions { inner: Some("c".into()), ..dropping(&["junk"]) };
        assert_eq!(read(&source, &inner).unwrap().variables.len(), 1);
        let inner = ReadOptions { inner: Some("d".into()), ..dropping(&["junk"]) };
        assert!(read(&source, &inner).unwrap_err().to_string().contains("it has a, b, c"));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let data = npy_of(&any_array(DType::F32, &[2, 2], Storage::default()));
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let source = zip_of(&[("data", data.clone()), ("names", text(&["a", "b"]))], method);
            for end in 0..source.len() {
                assert!(read(&source[..end], &no_options()).is_err(), "cut at {end}");
            }
            for at in 0..source.len() {
                for bit in [0, 3, 7] {
                    let mut damaged = source.clone();
                    damaged[at] ^= 1 << bit;
                    let _ = read(&damaged, &no_options());
                }
            }
        }
    }

    #[test]
    fn claimed_sizes_earn_no_memory() {
        let source = zip_of(
            &[("data", npy_of(&any_array(DType::U8, &[64], Storage::default())))],
            CompressionMethod::Deflated,
        );
        let directory = source.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        let mut bomb = source.clone();
        bomb[directory + 24..directory + 28].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        let error = read(&bomb, &no_options()).unwrap_err().to_string();
        assert!(error.contains("cannot hold 4294967280 bytes"), "{error}");
    }

    #[test]
    fn values_are_the_ones_of_the_file() {
        let data = Variable::new("data", vec![2, 2], Values::I16(vec![1, 2, 3, 4])).unwrap();
        let source =
            zip_of(&[("data", npy_of(&data)), ("names", text(&["a", "b"]))], CompressionMethod::Stored);
        let dataset = read(&source, &no_options()).unwrap();
        assert_eq!(dataset.variable("b").unwrap().values, Values::I16(vec![2, 4]));
    }
}
