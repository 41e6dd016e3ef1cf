//! What every TCP socket of ours is set to.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long a connection may be silent before the system asks whether the other side is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);

/// How long between such questions.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);

/// No delay for small requests, and a dead other side is noticed also where nothing is being sent. The sizes of the
/// buffers are left to the system: it adapts them to the path, and setting them would switch that off.
pub(super) fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}
