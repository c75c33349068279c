//! The classes that trees are made of, as ROOT 6 writes them: for files that do not describe them, and for the
//! streamer infos of files that we write. One line a class: name, version, checksum; then its bases and members.

use crate::streamers::Element;
use std::sync::Arc;

/// A class: its members are words `type:name`; `base:NAME/VERSION` is a base, `type*name/counter` a counted array.
pub struct Class {
    /// Name.
    pub name: &'static str,
    /// Version.
    pub version: i16,
    /// ROOT's checksum of the members.
    pub checksum: u32,
    /// In their order.
    pub members: &'static str,
}

const fn class(name: &'static str, version: i16, checksum: u32, members: &'static str) -> Class {
    Class { name, version, checksum, members }
}

/// In an order in which each stands after its bases.
pub const CLASSES: &[Class] = &[
    class("TObject", 1, 0x901b_c02d, "uint:fUniqueID bits:fBits"),
    class("TNamed", 1, 0xdfb7_4a3c, "base:TObject/1 text:fName text:fTitle"),
    class("TAttLine", 2, 0x9407_4549, "short:fLineColor short:fLineStyle short:fLineWidth"),
    class("TAttFill", 2, 0xffd9_2a92, "short:fFillColor short:fFillStyle"),
    class("TAttMarker", 2, 0x291d_8bec, "short:fMarkerColor short:fMarkerStyle float:fMarkerSize"),
    class("TCollection", 3, 0x57e3_cb9c, "base:TObject/1 text:fName int:fSize"),
    class("TSeqCollection", 0, 0xfc6c_3bc6, "base:TCollection/3"),
    class("TObjArray", 3, 0xa99e_6552, "base:TSeqCollection/0 int:fLowerBound int:fLast"),
    class("TList", 5, 0x69c5_c3bb, "base:TSeqCollection/0"),
    class("ROOT::TIOFeatures", 1, 0x1aa1_2f10, "uchar:fIOBits"),
    class(
        "TTree",
        20,
        0x7264_e07f,
        "base:TNamed/1 base:TAttLine/2 base:TAttFill/2 base:TAttMarker/2 long64:fEntries long64:fTotBytes \
         long64:fZipBytes long64:fSavedBytes long64:fFlushedBytes double:fWeight int:fTimerInterval int:fScanField \
         int:fUpdate int:fDefaultEntryOffsetLen counter:fNClusterRange long64:fMaxEntries long64:fMaxEntryLoop \
         long64:fMaxVirtualSize long64:fAutoSave long64:fAutoFlush long64:fEstimate \
         long64*fClusterRangeEnd/fNClusterRange long64*fClusterSize/fNClusterRange any:fIOFeatures/ROOT::TIOFeatures \
         object:fBranches/TObjArray object:fLeaves/TObjArray pointer:fAliases/TList any:fIndexValues/TArrayD \
         any:fIndex/TArrayI pointer:fTreeIndex/TVirtualIndex pointer:fFriends/TList pointer:fUserInfo/TList \
         pointer:fBranchRef/TBranchRef",
    ),
    class(
        "TBranch",
        13,
        0x1097_8aac,
        "base:TNamed/1 base:TAttFill/2 int:fCompress int:fBasketSize int:fEntryOffsetLen int:fWriteBasket \
         long64:fEntryNumber any:fIOFeatures/ROOT::TIOFeatures int:fOffset counter:fMaxBaskets int:fSplitLevel \
         long64:fEntries long64:fFirstEntry long64:fTotBytes long64:fZipBytes object:fBranches/TObjArray \
         object:fLeaves/TObjArray object:fBaskets/TObjArray int*fBasketBytes/fMaxBaskets \
         long64*fBasketEntry/fMaxBaskets long64*fBasketSeek/fMaxBaskets text:fFileName",
    ),
    class(
        "TBranchElement",
        10,
        0xe74f_5e63,
        "base:TBranch/13 text:fClassName text:fParentName text:fClonesName uint:fCheckSum short:fClassVersion int:fID \
         int:fType int:fStreamerType int:fMaximum pointer:fBranchCount/TBranchElement \
         pointer:fBranchCount2/TBranchElement",
    ),
    class(
        "TLeaf",
        2,
        0x6d1e_8152,
        "base:TNamed/1 int:fLen int:fLenType int:fOffset bool:fIsRange bool:fIsUnsigned pointer:fLeafCount/TLeaf",
    ),
    class("TLeafB", 1, 0x0f1e_4b5e, "base:TLeaf/2 char:fMinimum char:fMaximum"),
    class("TLeafS", 1, 0x150c_eecf, "base:TLeaf/2 short:fMinimum short:fMaximum"),
    class("TLeafI", 1, 0x7e6a_ae19, "base:TLeaf/2 int:fMinimum int:fMaximum"),
    class("TLeafL", 1, 0xde32_0862, "base:TLeaf/2 long64:fMinimum long64:fMaximum"),
    class("TLeafF", 1, 0x3add_9d72, "base:TLeaf/2 float:fMinimum float:fMaximum"),
    class("TLeafD", 1, 0x118e_8776, "base:TLeaf/2 double:fMinimum double:fMaximum"),
    class("TLeafO", 1, 0x02ae_48d3, "base:TLeaf/2 bool:fMinimum bool:fMaximum"),
    class("TLeafC", 1, 0xfbe3_b2f3, "base:TLeaf/2 int:fMinimum int:fMaximum"),
    class("TLeafElement", 1, 0xa04f_8893, "base:TLeaf/2 int:fID int:fType"),
];

/// How streamer infos themselves are written; no file describes these.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("TStreamerInfo", "base:TNamed/1 uint:fCheckSum int:fClassVersion pointer:fElements/TObjArray"),
    (
        "TStreamerElement",
        "base:TNamed/1 int:fType int:fSize int:fArrayLength int:fArrayDim five:fMaxIndex text:fTypeName",
    ),
    ("TStreamerBase", "base:TStreamerElement/4 int:fBaseVersion"),
    ("TStreamerBasicType", "base:TStreamerElement/4"),
    ("TStreamerBasicPointer", "base:TStreamerElement/4 int:fCountVersion text:fCountName text:fCountClass"),
    ("TStreamerLoop", "base:TStreamerElement/4 int:fCountVersion text:fCountName text:fCountClass"),
    ("TStreamerObject", "base:TStreamerElement/4"),
    ("TStreamerObjectPointer", "base:TStreamerElement/4"),
    ("TStreamerObjectAny", "base:TStreamerElement/4"),
    ("TStreamerObjectAnyPointer", "base:TStreamerElement/4"),
    ("TStreamerString", "base:TStreamerElement/4"),
    ("TStreamerSTL", "base:TStreamerElement/4 int:fSTLtype int:fCtype"),
    ("TStreamerSTLstring", "base:TStreamerSTL/3"),
    ("TStreamerArtificial", "base:TStreamerElement/4"),
];

/// ROOT's number, size and C++ name of each word for a type.
pub const TYPES: &[(&str, i32, i32, &str)] = &[
    ("char", 1, 1, "char"),
    ("short", 2, 2, "short"),
    ("int", 3, 4, "int"),
    ("long", 4, 8, "long"),
    ("float", 5, 4, "float"),
    ("counter", 6, 4, "int"),
    ("double", 8, 8, "double"),
    ("uchar", 11, 1, "unsigned char"),
    ("uint", 13, 4, "unsigned int"),
    ("bits", 15, 4, "unsigned int"),
    ("long64", 16, 8, "Long64_t"),
    ("bool", 18, 1, "bool"),
    ("object", 61, 64, ""),
    ("any", 62, 24, ""),
    ("pointer", 64, 8, ""),
    ("text", 65, 24, "TString"),
    ("five", 23, 4, "int"),
];

/// A member as its word says.
pub struct Member {
    /// Name of the member, or of the base.
    pub name: &'static str,
    /// Word for the type; `base` for a base.
    pub word: &'static str,
    /// What follows the slash: version of a base, class of an object, counter of an array.
    pub more: &'static str,
    /// True for a counted array.
    pub counted: bool,
}

/// The members of a class's line.
pub fn members(line: &'static str) -> impl Iterator<Item = Member> {
    line.split_whitespace().map(|item| {
        let counted = item.contains('*');
        let (word, rest) = item.split_once([':', '*']).unwrap_or((item, ""));
        let (name, more) = rest.split_once('/').unwrap_or((rest, ""));
        Member { name, word, more, counted }
    })
}

/// The class called `name`, if the table has it.
pub fn find(name: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.name == name)
}

/// ROOT's number of a word.
pub fn kind(member: &Member) -> i32 {
    let plain = TYPES.iter().find(|(word, ..)| *word == member.word).map_or(0, |t| t.1);
    if member.counted { plain + 40 } else { plain }
}

/// The members as a file would describe them.
pub fn elements(name: &str) -> Option<Vec<Element>> {
    let line = find(name).map(|class| class.members);
    let line =
        line.or_else(|| DESCRIPTIONS.iter().find(|(class, _)| *class == name).map(|(_, line)| *line))?;
    let element = |member: Member| Element {
        name: Arc::from(member.name),
        kind: kind(&member),
        array_length: if member.word == "five" { 5 } else { 0 },
        type_name: Arc::from(if member.word == "base" { "BASE" } else { member.more }),
        counter: Arc::from(if member.counted { member.more } else { "" }),
        title: Arc::from(""),
    };
    Some(members(line).map(element).collect())
}
