//! The id of a request, as it goes from a browser to a server and on to the servers above (W3C Trace Context, `traceparent`).
//!
//! One request has one id on every server that it passes: the log, the audit log and the answer (`x-request-id`) name it.

use data_encoding::HEXLOWER;

/// The header in which the id travels; the standard's.
pub const TRACEPARENT: &str = "traceparent";
/// The header in which an answer tells it.
pub const REQUEST_ID: &str = "x-request-id";

/// 128 bits, never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// From bytes that were drawn by chance.
    pub fn new(bytes: [u8; 16]) -> TraceId {
        // All zero means "none" in the standard.
        if bytes == [0; 16] { TraceId([1; 16]) } else { TraceId(bytes) }
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`. A later version may have more behind it; what can't be read is no id.
    pub fn parse(header: &str) -> Option<TraceId> {
        let mut parts = header.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len: usize| text.len() == len && HEXLOWER.decode(text.as_bytes()).is_ok();
        let version_fits = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        if !version_fits || !hex(trace, 32) || !hex(parent, 16) || !hex(flags, 2) || parent.bytes().all(|b| b == b'0') {
            return None;
        }
        let bytes: [u8; 16] = HEXLOWER.decode(trace.as_bytes()).ok()?.try_into().ok()?;
        (bytes != [0; 16]).then_some(TraceId(bytes))
    }

    /// What a call to another server carries. `span`: drawn by chance for this call.
    pub fn header(self, span: [u8; 8]) -> String {
        let span = if span == [0; 8] { [1; 8] } else { span };
        format!("00-{self}-{}-01", HEXLOWER.encode(&span))
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_goes_through_its_header_and_back() {
        let id = TraceId::new([0xab; 16]);
        let header = id.header([7; 8]);
        assert_eq!(header, format!("00-{}-{}-01", "ab".repeat(16), "07".repeat(8)));
        assert_eq!(TraceId::parse(&header), Some(id));
        assert_eq!(TraceId::parse(&TraceId::new([0; 16]).header([0; 8])), Some(TraceId([1; 16])));
    }

    #[test]
    fn what_is_no_id_is_none() {
        let (trace, parent) = ("ab".repeat(16), "07".repeat(8));
        for bad in [
            String::new(),
            "x".to_owned(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-01-more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{}\r\n-{parent}-01", &trace[..30]),
        ] {
            assert_eq!(TraceId::parse(&bad), None, "{bad:?}");
        }
        assert!(TraceId::parse(&format!("cc-{trace}-{parent}-01-more")).is_some(), "a later version");
    }
}
