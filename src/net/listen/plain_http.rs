//! Whoever comes without TLS gets one answer: where to come with it. No form is ever shown here.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// More of a request's head is not looked at.
const HEAD_MAX: usize = 4096;
/// The first byte of a TLS handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Whether the first byte is none of TLS. Waits for it; whoever sends nothing runs into the time for handshakes.
pub(super) async fn is_no_tls(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = socket.peek(&mut first).await?;
    Ok(read == 1 && first[0] != TLS_HANDSHAKE)
}

/// Answers a request in plain HTTP with the same address under `https`.
pub(super) async fn lead_to_https(socket: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 512];
        let read = socket.read(&mut part).await?;
        if read == 0 || head.len() + read > HEAD_MAX {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let answer = match secure_address(&String::from_utf8_lossy(&head)) {
        Some(address) => {
            format!(
                "HTTP/1.1 308 Permanent Redirect\r\nLocation: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        None => "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}

/// The address that was asked for, with TLS. Only what a host and a path are made of passes.
fn secure_address(head: &str) -> Option<String> {
    let mut lines = head.lines();
    let mut request = lines.next()?.split(' ');
    let (method, path) = (request.next()?, request.next()?);
    let host = lines.find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")))?;
    let host = host.1.trim();
    let host_fits =
        !host.is_empty() && host.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter));
    let path_fits = path.starts_with('/') && path.chars().all(|letter| letter.is_ascii_graphic());
    (matches!(method, "GET" | "HEAD") && host_fits && path_fits).then(|| format!("https://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_tls_leads_to_the_same_with_it() {
        let check =
            |head: &str, address: Option<&str>| assert_eq!(secure_address(head).as_deref(), address, "{head:?}");
        check("GET /s/x?q=1 HTTP/1.1\r\nHost: lab:47548\r\n\r\n", Some("https://lab:47548/s/x?q=1"));
        check("GET / HTTP/1.1\r\nhost: [::1]:1\r\n\r\n", Some("https://[::1]:1/"));
        check("POST / HTTP/1.1\r\nHost: lab\r\n\r\n", None);
        check("GET / HTTP/1.1\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n", None);
        check("GET http://evil/ HTTP/1.1\r\nHost: lab\r\n\r\n", None);
        check("\0\0", None);
    }
}
