//! One JSON value a line, with a greatest length that holds before anything is kept.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// What came of reading a line.
#[derive(Debug)]
pub(super) enum Line<T> {
    Value(T),
    /// The other side said all it had to say.
    End,
    /// Not JSON, or not what was expected.
    Malformed(serde_json::Error),
    /// Longer than allowed; nothing after it can be trusted.
    TooLong,
}

/// Reads one line of at most `max_bytes`.
pub(super) async fn read_line<T: DeserializeOwned>(
    reader: &mut (impl AsyncBufRead + Unpin),
    max_bytes: usize,
) -> io::Result<Line<T>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() && line.is_empty() {
            return Ok(Line::End);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let take = end.unwrap_or(available.len());
        if line.len() + take > max_bytes {
            return Ok(Line::TooLong);
        }
        line.extend(available.iter().take(take));
        let complete = end.is_some() || available.is_empty();
        reader.consume(take + usize::from(end.is_some()));
        if complete {
            return Ok(serde_json::from_slice(&line).map_or_else(Line::Malformed, Line::Value));
        }
    }
}

/// Writes one line of at most `max_bytes`; `false` when the value is longer, and then nothing is written.
pub(super) async fn write_line(
    writer: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
    max_bytes: usize,
) -> io::Result<bool> {
    let mut line = serde_json::to_vec(value)?;
    if line.len() > max_bytes {
        return Ok(false);
    }
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `input` through a buffer of 4 bytes, so that lines come in parts.
    fn read(input: &[u8], max_bytes: usize) -> Vec<String> {
        let mut reader = tokio::io::BufReader::with_capacity(4, input);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut seen = Vec::new();
        loop {
            match runtime.block_on(read_line::<Vec<u32>>(&mut reader, max_bytes)).unwrap() {
                Line::Value(value) => seen.push(format!("{value:?}")),
                Line::Malformed(_) => seen.push("malformed".to_owned()),
                Line::TooLong => {
                    seen.push("too long".to_owned());
                    return seen;
                }
                Line::End => return seen,
            }
        }
    }

    #[test]
    fn lines_are_read_one_by_one_and_the_last_needs_no_end() {
        assert_eq!(read(b"[1,2]\n[3]\n[4, 5, 6]", 100), ["[1, 2]", "[3]", "[4, 5, 6]"]);
    }

    #[test]
    fn what_is_not_json_costs_its_own_line_only() {
        assert_eq!(read(b"\n\xff\xfe\n{}\n[1]\n", 100), ["malformed", "malformed", "malformed", "[1]"]);
    }

    #[test]
    fn a_line_may_be_as_long_as_allowed_and_not_a_byte_longer() {
        assert_eq!(read(b"[12345]\n", 7), ["[12345]"]);
        assert_eq!(read(b"[123456]\n[1]\n", 7), ["too long"]);
    }

    #[test]
    fn nothing_is_written_of_a_value_that_is_too_long() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut out = Vec::new();

        assert!(runtime.block_on(write_line(&mut out, &[1, 2], 5)).unwrap());
        assert!(!runtime.block_on(write_line(&mut out, &[12, 3], 5)).unwrap());

        assert_eq!(out, b"[1,2]\n");
    }
}
