//! The bytes of a manifest: deterministic CBOR (RFC 8949 §4.2.1), arrays only, so there is one form and no key order.
//!
//! ```text
//! manifest = [ 1, title: tstr, publisher: bstr .size 32, created_s: int, audience: 0..2, piece_len_log2: 18..24,
//!              [ * entry ] ]
//! entry    = [ [ + component: tstr ], modified_s: int, modified_ns: uint ]                              ; folder
//!          / [ [ + component: tstr ], modified_s: int, modified_ns: uint, size: uint, root: bstr, executable: bool ]
//! ```

use minicbor::{Decoder, Encoder, decode, encode};

use super::{
    Audience, ENTRIES_MAX, Entry, EntryKind, MANIFEST_BYTES_MAX, Manifest, ManifestError, Modified, PieceLen,
    PublicKey, Root, SharePath,
};

const VERSION: u8 = 1;
const MANIFEST_FIELDS: u64 = 7;
const FOLDER_FIELDS: u64 = 3;
const FILE_FIELDS: u64 = 6;
const COMPONENTS_MAX: u64 = 32;

impl Manifest {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(128 + self.entries.len() * 96));
        encode_manifest(self, &mut encoder).expect("a Vec takes every write");
        encoder.into_writer()
    }

    /// Reads canonical bytes from a stranger: every limit, every path rule, order and uniqueness are checked, and bytes
    /// that [`Manifest::to_bytes`] would write otherwise are refused.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge { limit: MANIFEST_BYTES_MAX });
        }
        let manifest = decode_manifest(&mut Decoder::new(bytes))?;
        manifest.check()?;
        if manifest.to_bytes() != bytes {
            return Err(ManifestError::Malformed("it can be written in fewer bytes"));
        }
        Ok(manifest)
    }
}

type Encoded = Result<(), encode::Error<std::convert::Infallible>>;

fn encode_manifest(manifest: &Manifest, encoder: &mut Encoder<Vec<u8>>) -> Encoded {
    encoder.array(MANIFEST_FIELDS)?.u8(VERSION)?.str(&manifest.title)?.bytes(&manifest.publisher.0)?;
    encoder.i64(manifest.created_s)?.u8(audience_number(manifest.audience))?.u8(manifest.piece_len.log2())?;
    encoder.array(manifest.entries.len() as u64)?;
    manifest.entries.iter().try_for_each(|entry| encode_entry(entry, encoder))
}

fn encode_entry(entry: &Entry, encoder: &mut Encoder<Vec<u8>>) -> Encoded {
    let fields = if entry.kind == EntryKind::Folder { FOLDER_FIELDS } else { FILE_FIELDS };
    encoder.array(fields)?.array(entry.path.components().len() as u64)?;
    for component in entry.path.components() {
        encoder.str(component)?;
    }
    encoder.i64(entry.modified.s)?.u32(entry.modified.ns)?;
    if let EntryKind::File { size, root, executable } = entry.kind {
        encoder.u64(size)?.bytes(&root.0)?.bool(executable)?;
    }
    Ok(())
}

fn decode_manifest(decoder: &mut Decoder<'_>) -> Result<Manifest, ManifestError> {
    expect_array(decoder, MANIFEST_FIELDS)?;
    let version = decoder.u8().map_err(malformed)?;
    if version != VERSION {
        return Err(ManifestError::Version(version));
    }
    let title = decoder.str().map_err(malformed)?.to_owned();
    let publisher = PublicKey(decode_32(decoder)?);
    let created_s = decoder.i64().map_err(malformed)?;
    let audience = audience_of(decoder.u8().map_err(malformed)?)?;
    let log2 = decoder.u8().map_err(malformed)?;
    let piece_len = PieceLen::from_log2(log2).ok_or(ManifestError::Malformed("its piece length is not allowed"))?;
    let count = definite_array(decoder)?;
    if count > ENTRIES_MAX as u64 {
        return Err(ManifestError::TooManyEntries { limit: ENTRIES_MAX });
    }
    let entries = (0..count).map(|_| decode_entry(decoder)).collect::<Result<_, _>>()?;
    if decoder.position() != decoder.input().len() {
        return Err(ManifestError::Malformed("there is more behind its end"));
    }
    Ok(Manifest { title, publisher, created_s, audience, piece_len, entries })
}

fn decode_entry(decoder: &mut Decoder<'_>) -> Result<Entry, ManifestError> {
    let fields = definite_array(decoder)?;
    let components = definite_array(decoder)?;
    if components > COMPONENTS_MAX {
        return Err(ManifestError::Malformed("a path has too many folders"));
    }
    let components = (0..components).map(|_| decoder.str().map(str::to_owned).map_err(malformed));
    let path = SharePath::new(components.collect::<Result<_, _>>()?)?;
    let modified = Modified { s: decoder.i64().map_err(malformed)?, ns: decoder.u32().map_err(malformed)? };
    if modified.ns >= 1_000_000_000 {
        return Err(ManifestError::Malformed("a time has too many nanoseconds"));
    }
    let kind = match fields {
        FOLDER_FIELDS => EntryKind::Folder,
        FILE_FIELDS => EntryKind::File {
            size: decoder.u64().map_err(malformed)?,
            root: Root(decode_32(decoder)?),
            executable: decoder.bool().map_err(malformed)?,
        },
        _ => return Err(ManifestError::Malformed("a file has too many or too few fields")),
    };
    Ok(Entry { path, modified, kind })
}

fn audience_number(audience: Audience) -> u8 {
    match audience {
        Audience::Everyone => 0,
        Audience::Peers => 1,
        Audience::Link => 2,
    }
}

fn audience_of(number: u8) -> Result<Audience, ManifestError> {
    [Audience::Everyone, Audience::Peers, Audience::Link]
        .into_iter()
        .find(|audience| audience_number(*audience) == number)
        .ok_or(ManifestError::Malformed("its audience is not known"))
}

fn decode_32(decoder: &mut Decoder<'_>) -> Result<[u8; 32], ManifestError> {
    let bytes = decoder.bytes().map_err(malformed)?;
    bytes.try_into().map_err(|_| ManifestError::Malformed("a key or hash does not have 32 bytes"))
}

fn expect_array(decoder: &mut Decoder<'_>, len: u64) -> Result<(), ManifestError> {
    if definite_array(decoder)? == len {
        Ok(())
    } else {
        Err(ManifestError::Malformed("a field is missing or too many"))
    }
}

fn definite_array(decoder: &mut Decoder<'_>) -> Result<u64, ManifestError> {
    decoder.array().map_err(malformed)?.ok_or(ManifestError::Malformed("a list has no length"))
}

fn malformed(error: decode::Error) -> ManifestError {
    ManifestError::Malformed(if error.is_end_of_input() { "it is cut short" } else { "a field has another type" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::{PathError, SignedManifest, testing::share_of};
    use proptest::prelude::*;

    #[test]
    fn a_manifest_reads_back_what_it_wrote() {
        let manifest = example();
        assert_eq!(Manifest::parse(&manifest.to_bytes()), Ok(manifest));
    }

    /// The bytes must never change: ids of all shares are made of them.
    #[test]
    fn the_bytes_of_a_known_manifest_stay_what_they_are() {
        let hash = blake3::hash(&example().to_bytes()).to_hex();
        assert_eq!(hash.as_str(), "18728f2318c8a394e0d5ae30b4be66fc0ce6a509c6a9e3b1a68d00a233d6a683");
    }

    #[test]
    fn lists_out_of_order_twice_or_without_their_folder_are_refused() {
        let mut twice = example();
        twice.entries.push(twice.entries[1].clone());
        assert!(matches!(Manifest::parse(&twice.to_bytes()), Err(ManifestError::Path(PathError::Twice { .. }))));

        let mut unsorted = example();
        unsorted.entries.push(entry(&["A"], EntryKind::Folder));
        assert_eq!(Manifest::parse(&unsorted.to_bytes()), Err(ManifestError::Malformed("it is not sorted")));

        let mut orphan = example();
        orphan.entries.push(entry(&["new", "x"], EntryKind::Folder));
        assert!(matches!(Manifest::parse(&orphan.to_bytes()), Err(ManifestError::Path(PathError::NoFolder { .. }))));

        let mut below_a_file = example();
        below_a_file.entries.push(entry(&["Lesson", "a.pdf", "x"], EntryKind::Folder));
        assert!(matches!(
            Manifest::parse(&below_a_file.to_bytes()),
            Err(ManifestError::Path(PathError::NoFolder { .. }))
        ));
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let mut huge = example();
        for name in ["x", "y"] {
            let kind = EntryKind::File { size: u64::MAX, root: Root([0; 32]), executable: false };
            huge.entries.push(entry(&["Lesson", name], kind));
        }
        assert_eq!(Manifest::parse(&huge.to_bytes()), Err(ManifestError::TooManyBytes));
    }

    #[test]
    fn pieces_that_are_too_short_for_the_size_are_refused() {
        let read = |size: u64, piece_len: PieceLen| {
            let file = EntryKind::File { size, root: Root([2; 32]), executable: false };
            Manifest::parse(&Manifest { piece_len, entries: vec![entry(&["a"], file)], ..example() }.to_bytes())
        };
        for size in [1u64, 1 << 20, 8 << 30, 1 << 40, 16 << 40] {
            assert!(read(size, PieceLen::for_size(size)).is_ok(), "{size} bytes as we cut them");
        }
        assert!(read(8 << 30, PieceLen::MIN).is_ok());
        let short = ManifestError::Malformed("its pieces are too short for its size");
        assert_eq!(read(9 << 30, PieceLen::MIN), Err(short.clone()));
        assert_eq!(read(2 << 40, PieceLen::from_log2(23).unwrap()), Err(short.clone()));
        assert_eq!(read(16 << 40, PieceLen::MIN), Err(short));
    }

    #[test]
    fn a_signature_that_is_not_the_publishers_is_refused() {
        let (share, _) = share_of(&[("a", 10)]);
        let mut wire = share.signed().to_wire().to_vec();
        assert_eq!(SignedManifest::parse(&wire).unwrap().id(), share.id());
        wire[3] ^= 1;
        assert_eq!(SignedManifest::parse(&wire).unwrap_err(), ManifestError::Signature);
        assert!(SignedManifest::parse(&wire[..20]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(manifest) = Manifest::parse(&bytes) {
                prop_assert_eq!(manifest.to_bytes(), bytes);
            }
        }

        #[test]
        fn a_manifest_with_one_byte_changed_is_refused_or_another_manifest(at in 0usize..100, to in any::<u8>()) {
            let mut bytes = example().to_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            if let Ok(manifest) = Manifest::parse(&bytes) {
                prop_assert_ne!(&manifest, &example());
                prop_assert_eq!(manifest.to_bytes(), bytes);
            }
        }
    }

    fn example() -> Manifest {
        let file = EntryKind::File { size: 7, root: Root([2; 32]), executable: true };
        Manifest {
            title: "Lesson".to_owned(),
            publisher: PublicKey([1; 32]),
            created_s: 1_700_000_000,
            audience: Audience::Everyone,
            piece_len: PieceLen::from_log2(18).unwrap(),
            entries: vec![entry(&["Lesson"], EntryKind::Folder), entry(&["Lesson", "a.pdf"], file)],
        }
    }

    fn entry(path: &[&str], kind: EntryKind) -> Entry {
        let path = SharePath::new(path.iter().map(|name| (*name).to_owned()).collect()).unwrap();
        Entry { path, modified: Modified { s: -1, ns: 5 }, kind }
    }
}
