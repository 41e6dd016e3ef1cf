//! What objects are called.

use data_encoding::HEXLOWER;

use crate::share::{Root, ShareId};

pub(super) const CONTENT: &str = "content";
pub(super) const SHARES: &str = "shares";
pub(super) const UPLOADS: &str = "uploads";

/// The first two digits are a folder of their own: some stores keep what begins alike in one place.
pub(super) fn content(root: Root) -> String {
    let hash = HEXLOWER.encode(&root.0);
    format!("{CONTENT}/{}/{hash}", hash.get(..2).unwrap_or_default())
}

pub(super) fn share(id: ShareId) -> String {
    format!("{SHARES}/{id}")
}

/// Which content an object holds.
pub(super) fn root_of(key: &str) -> Option<Root> {
    let hash = key.strip_prefix(CONTENT)?.rsplit('/').next()?;
    HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok().map(Root)
}

pub(super) fn share_of(key: &str) -> Option<ShareId> {
    key.strip_prefix(SHARES)?.strip_prefix('/')?.parse().ok()
}

/// Which upload an object is a part of.
pub(super) fn upload_of(key: &str) -> Option<&str> {
    key.strip_prefix(UPLOADS)?.strip_prefix('/')?.split('/').next()
}

/// A new key for a run of an upload's bytes. `chance` keeps two who write at once apart.
pub fn upload_part(upload: &str, start: u64, chance: [u8; 8]) -> String {
    format!("{UPLOADS}/{upload}/{start:020}-{}", HEXLOWER.encode(&chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let (root, id) = (Root([0xab; 32]), ShareId([7; 32]));
        assert!(content(root).starts_with("content/ab/abab"));
        assert_eq!((root_of(&content(root)), share_of(&share(id))), (Some(root), Some(id)));
        assert_eq!(upload_of(&upload_part("u1", 7, [1; 8])), Some("u1"));
        assert_eq!((root_of("content/ab/zz"), share_of("content/x"), upload_of("content/x")), (None, None, None));
    }
}
