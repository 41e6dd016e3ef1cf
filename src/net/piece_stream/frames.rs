//! The frames in bytes.

use super::Refusal;

/// What stands in the `Upgrade` header.
pub const PROTOCOL: &str = "handout-pieces/1";

/// A request in bytes.
pub(super) const REQUEST_BYTES: usize = 4;

/// The head of an answer in bytes.
pub(super) const HEAD_BYTES: usize = 9;

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub piece: u32,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// So many bytes follow.
    Bytes(u32),
    Refused(Refusal),
}

impl Head {
    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let (status, number) = match self.answer {
            Answer::Bytes(length) => (0, length),
            Answer::Refused(Refusal::Busy { retry_after_ms }) => (1, retry_after_ms),
            Answer::Refused(Refusal::Missing) => (2, 0),
            Answer::Refused(Refusal::Withdrawn) => (3, 0),
            Answer::Refused(Refusal::Deferred { retry_after_ms }) => (4, retry_after_ms),
        };
        let mut bytes = [status; HEAD_BYTES];
        bytes[1..5].copy_from_slice(&self.piece.to_be_bytes());
        bytes[5..].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    /// The error is a status that does not exist.
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Result<Head, u8> {
        let [status, p0, p1, p2, p3, n0, n1, n2, n3] = bytes;
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let answer = match status {
            0 => Answer::Bytes(number),
            1 => Answer::Refused(Refusal::Busy { retry_after_ms: number }),
            2 => Answer::Refused(Refusal::Missing),
            3 => Answer::Refused(Refusal::Withdrawn),
            4 => Answer::Refused(Refusal::Deferred { retry_after_ms: number }),
            unknown => return Err(unknown),
        };
        Ok(Head { piece: u32::from_be_bytes([p0, p1, p2, p3]), answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_as_it_was_written() {
        let ms = 250;
        let refusals = [
            Refusal::Busy { retry_after_ms: ms },
            Refusal::Missing,
            Refusal::Withdrawn,
            Refusal::Deferred { retry_after_ms: ms },
        ];
        for answer in refusals.map(Answer::Refused).into_iter().chain([Answer::Bytes(1 << 24)]) {
            let head = Head { piece: 0x0102_0304, answer };
            assert_eq!(Head::parse(head.to_bytes()), Ok(head));
        }
    }

    #[test]
    fn a_head_in_bytes_is_what_the_protocol_says() {
        let head = Head { piece: 7, answer: Answer::Bytes(0x0010_0000) };
        assert_eq!(head.to_bytes(), [0, 0, 0, 0, 7, 0, 0x10, 0, 0]);
    }

    #[test]
    fn an_unknown_status_is_told() {
        assert_eq!(Head::parse([9; HEAD_BYTES]), Err(9));
    }
}
