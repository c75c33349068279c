//! The streamer infos of a file that we write: the classes of [`crate::classes`], described as ROOT describes them.

use crate::bytes::Bytes;
use crate::classes::{CLASSES, Class, Member, TYPES, find, kind, members};
use crate::error::{Error, Result};
use crate::streamers::Streamers;
use crate::write::out::Out;

/// The content of the key called `StreamerInfo`.
pub fn content(n_header: usize) -> Vec<u8> {
    let mut out = Out::new(n_header);
    out.object(5, |out| {
        out.base_object();
        out.text("");
        out.i32(CLASSES.len() as i32);
        for class in CLASSES {
            out.any("TStreamerInfo", |out| info(class, out));
            out.u8(0); // no option
        }
    });
    out.bytes
}

/// The descriptions of another file, and ours of classes that it does not describe.
pub fn with(theirs: &[u8], n_header: usize) -> Result<Vec<u8>> {
    let known = Streamers::read(theirs, n_header)?;
    let ours: Vec<&Class> = CLASSES.iter().filter(|class| known.any_version(class.name).is_none()).collect();
    let mut r = Bytes::new(theirs);
    let (_, end) = r.version()?;
    let end = end.ok_or_else(|| Error::damaged("descriptions of classes without a length"))?;
    r.take(10)?; // what every object starts with
    r.text()?;
    let at = r.position();
    let n_items = r.count()? + ours.len();
    let mut out = Out::new(n_header);
    out.bytes.extend_from_slice(&theirs[..end]);
    out.bytes[at..at + 4].copy_from_slice(&(n_items as i32).to_be_bytes());
    for class in ours {
        out.any("TStreamerInfo", |out| info(class, out));
        out.u8(0); // no option
    }
    out.set_length(0);
    Ok(out.bytes)
}

fn info(class: &Class, out: &mut Out) {
    out.object(9, |out| {
        out.named(class.name, "");
        out.u32(class.checksum);
        out.i32(i32::from(class.version));
        let all: Vec<Member> = members(class.members).collect();
        out.any("TObjArray", |out| {
            out.array(all.len(), |out| {
                for member in &all {
                    element(class, member, out);
                }
            });
        });
    });
}

fn element(class: &Class, member: &Member, out: &mut Out) {
    if member.word == "base" {
        let version: i32 = member.more.parse().unwrap_or(1);
        let checksum = find(member.name).map_or(0, |base| base.checksum);
        let kind = match member.name {
            "TObject" => 66,
            "TNamed" => 67,
            _ => 0,
        };
        out.any("TStreamerBase", |out| {
            out.object(3, |out| {
                plain(member.name, kind, 0, "BASE", checksum as i32, out);
                out.i32(version);
            });
        });
        return;
    }
    let (_, _, size, cpp) = TYPES.iter().find(|(word, ..)| *word == member.word).copied().unwrap_or_default();
    let pointed = format!("{}*", if cpp.is_empty() { member.more } else { cpp });
    let (streamer, version, type_name) = match member.word {
        _ if member.counted => ("TStreamerBasicPointer", 2, pointed.as_str()),
        "object" => ("TStreamerObject", 2, member.more),
        "any" => ("TStreamerObjectAny", 2, member.more),
        "pointer" => ("TStreamerObjectPointer", 2, pointed.as_str()),
        "text" => ("TStreamerString", 2, cpp),
        _ => ("TStreamerBasicType", 2, cpp),
    };
    out.any(streamer, |out| {
        out.object(version, |out| {
            plain(member.name, kind(member), size, type_name, 0, out);
            if member.counted {
                out.i32(i32::from(class.version));
                out.text(member.more);
                out.text(class.name);
            }
        });
    });
}

/// A `TStreamerElement`; the second extent of a base holds its checksum.
fn plain(name: &str, kind: i32, size: i32, type_name: &str, checksum: i32, out: &mut Out) {
    out.object(4, |out| {
        out.named(name, "");
        for number in [kind, size, 0, 0, 0, checksum, 0, 0, 0] {
            out.i32(number);
        }
        out.text(type_name);
    });
}
