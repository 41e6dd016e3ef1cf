//! Which pieces: one bit each, and its bytes on the wire and on disk.

use super::PieceIndex;

/// A set of pieces of one share. Its bytes have the first piece in the highest bit of the first byte, as BitTorrent's do
/// (BEP 3); spare bits are zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    bytes: Vec<u8>,
    len: u32,
    count: u32,
}
