//! Asking whether somebody has a share without telling its id, which for a share by link is the secret.
//!
//! Both sides are hashes of the id and of one key, so each is of use between these two alone: whoever does not know the id
//! can neither make the answer nor hand the question on to one who does, since that one takes only what names its own key.

use super::{PeerId, ShareId};

const QUESTION: &str = "handout 2026 share probe question";
const ANSWER: &str = "handout 2026 share probe answer";

/// Bytes of an answer.
pub const ANSWER_BYTES: usize = 32;

/// What `holder` is asked by; shown like an id.
pub fn question(share: ShareId, holder: PeerId) -> ShareId {
    ShareId(keyed(QUESTION, share, holder))
}

/// What one who has the share answers to `asker`.
pub fn answer(share: ShareId, asker: PeerId) -> [u8; ANSWER_BYTES] {
    keyed(ANSWER, share, asker)
}

fn keyed(context: &str, share: ShareId, peer: PeerId) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(&share.0).update(&peer.0);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_and_answer_name_share_and_peer_and_differ() {
        let (share, other) = (ShareId([1; 32]), ShareId([2; 32]));
        let (ann, ben) = (PeerId([3; 32]), PeerId([4; 32]));

        assert_ne!(question(share, ann), question(other, ann));
        assert_ne!(question(share, ann), question(share, ben));
        assert_ne!(answer(share, ann), answer(share, ben));
        assert_ne!(question(share, ann).0, answer(share, ann));
        assert_ne!(question(share, ann), share);
    }
}
