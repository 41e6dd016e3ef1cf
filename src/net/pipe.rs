//! A TLS connection that has left tokio: plain blocking reads and writes on a thread of its own.
//!
//! For bulk this is the fastest way that was measured: no scheduler between the socket and the cipher, records are
//! decrypted in place, and whoever reads gets slices of them. Reads and writes wait a stated time at most; a [`Closer`]
//! ends them from another thread.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustls::Connection;

use super::pace::{LeastSpeed, Pace};

/// What rustls may keep for sending: one step of a piece with its records' heads, and room.
const SEND_BUFFER: usize = 256 * 1024;

/// What is read from the socket at a time where nobody asked for more; rustls reads as much itself.
const READ: usize = 4 * 1024;

/// A connection, and what of it was read before it came here.
pub struct Pipe {
    socket: BufReader<TcpStream>,
    tls: Connection,
    early: Bytes,
    least_speed: LeastSpeed,
    reading: Pace,
    /// How long one read waits.
    patience: Duration,
}

/// Ends a [`Pipe`]'s reads and writes from outside.
#[derive(Debug)]
pub struct Closer(TcpStream);

/// Why a pipe can't go on.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    #[error("it closed the connection")]
    Ended,
    #[error("nothing came or went for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("it keeps less than the least speed ({bytes} bytes in {} s)", window.as_secs())]
    TooSlow { bytes: u64, window: Duration },
    #[error("its encryption is wrong ({0})")]
    Tls(#[from] rustls::Error),
    #[error("the connection broke ({0})")]
    Broken(io::Error),
}

impl Pipe {
    /// Takes a connection out of tokio. `early`: decrypted bytes that were read already.
    pub(super) fn new(socket: tokio::net::TcpStream, tls: Connection, early: Bytes) -> io::Result<Pipe> {
        let socket = socket.into_std()?;
        socket.set_nonblocking(false)?;
        let least_speed = LeastSpeed::default();
        let reading = Pace::start(least_speed, Instant::now());
        let socket = BufReader::with_capacity(READ, socket);
        let mut pipe = Pipe { socket, tls, early, least_speed, reading, patience: Duration::ZERO };
        pipe.tls.set_buffer_limit(Some(SEND_BUFFER));
        pipe.hold_to(least_speed)?;
        Ok(pipe)
    }

    /// What the other side is held to from now on.
    pub fn hold_to(&mut self, least_speed: LeastSpeed) -> io::Result<()> {
        self.least_speed = least_speed;
        self.socket.get_ref().set_write_timeout(Some(least_speed.window))?;
        self.expect_bytes()
    }

    /// The other side owes us bytes: it has to keep the least speed.
    pub fn expect_bytes(&mut self) -> io::Result<()> {
        self.reading = Pace::start(self.least_speed, Instant::now());
        self.wait_for_reads(self.least_speed.window)
    }

    /// The other side owes us nothing: a read waits for `patience`, and then it is [`PipeError::Stalled`].
    pub fn allow_silence(&mut self, patience: Duration) -> io::Result<()> {
        self.reading = Pace::start(LeastSpeed { window: patience, bytes: 1 }, Instant::now());
        self.wait_for_reads(patience)
    }

    /// The system takes about so many bytes from the wire before they are read here.
    pub fn receive_at_most(&self, bytes: usize) -> io::Result<()> {
        socket2::SockRef::from(self.socket.get_ref()).set_recv_buffer_size(bytes)
    }

    /// Takes up to so many bytes from the system at a time, for a connection by which much comes: rustls alone takes a quarter
    /// of a record at a time. Before the first read.
    pub fn read_ahead(self, bytes: usize) -> Pipe {
        debug_assert!(self.socket.buffer().is_empty());
        Pipe { socket: BufReader::with_capacity(bytes, self.socket.into_inner()), ..self }
    }

    /// The system takes about so many bytes to be sent beyond those that are on their way; a write waits until there are
    /// fewer. So what is written is nearly sent, and what is decided late is decided well. Where the system can't, it takes
    /// as many as it likes.
    pub fn unsent_at_most(&self, bytes: u32) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = socket2::SockRef::from(self.socket.get_ref()).set_tcp_notsent_lowat(bytes) {
            tracing::debug!(%error, "the system sends as far ahead as it likes");
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = bytes;
    }

    /// A way to end this from another thread.
    pub fn closer(&self) -> io::Result<Closer> {
        self.socket.get_ref().try_clone().map(Closer)
    }

    /// Decrypted bytes, at least one; waits for them. They stay until they are [consumed](Pipe::consume).
    pub fn peek(&mut self) -> Result<&[u8], PipeError> {
        if self.early.is_empty() {
            self.decrypt()?;
            return self.tls.reader().into_first_chunk().map_err(PipeError::Broken);
        }
        Ok(&self.early)
    }

    /// Drops the first `count` bytes of what [`Pipe::peek`] gave.
    pub fn consume(&mut self, count: usize) {
        if self.early.is_empty() { self.tls.reader().consume(count) } else { drop(self.early.split_to(count)) }
    }

    /// Fills `bytes`.
    pub fn read_exact(&mut self, mut bytes: &mut [u8]) -> Result<(), PipeError> {
        while !bytes.is_empty() {
            let some = self.peek()?;
            let count = some.len().min(bytes.len());
            let (now, later) = bytes.split_at_mut(count);
            now.copy_from_slice(&some[..count]);
            bytes = later;
            self.consume(count);
        }
        Ok(())
    }

    /// Encrypts `bytes` (at most some 128 KiB) to be sent with the next [`Pipe::flush`].
    pub fn queue(&mut self, bytes: &[u8]) -> Result<(), PipeError> {
        self.tls.writer().write_all(bytes).map_err(PipeError::Broken)
    }

    /// Sends everything that is queued.
    pub fn flush(&mut self) -> Result<(), PipeError> {
        let mut writing = Pace::start(self.least_speed, Instant::now());
        while self.tls.wants_write() {
            let sent = self.tls.write_tls(&mut self.socket.get_ref()).map_err(|error| self.broken(error))?;
            if sent == 0 {
                return Err(PipeError::Ended);
            }
            if self.tls.wants_write() {
                writing.moved(sent, Instant::now()).map_err(|slow| self.too_slow(slow.bytes))?;
            }
        }
        Ok(())
    }

    /// Says that this is the end, and closes. Nobody waits for an answer.
    pub fn finish(mut self) {
        self.tls.send_close_notify();
        let _ = self.flush();
        let _ = self.socket.get_ref().shutdown(Shutdown::Both);
    }

    /// Reads from the socket until there is at least one decrypted byte.
    fn decrypt(&mut self) -> Result<(), PipeError> {
        loop {
            match self.tls.reader().fill_buf() {
                Ok([]) => return Err(PipeError::Ended),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other side closed without saying so.
                Err(_) => return Err(PipeError::Ended),
            }
            let came = self.tls.read_tls(&mut self.socket).map_err(|error| self.broken(error))?;
            self.tls.process_new_packets()?;
            self.reading.moved(came, Instant::now()).map_err(|slow| self.too_slow(slow.bytes))?;
            if self.tls.wants_write() {
                self.flush()?;
            }
        }
    }

    fn wait_for_reads(&mut self, patience: Duration) -> io::Result<()> {
        if self.patience != patience {
            self.socket.get_ref().set_read_timeout(Some(patience))?;
            self.patience = patience;
        }
        Ok(())
    }

    fn broken(&self, error: io::Error) -> PipeError {
        match error.kind() {
            // Unix and Windows name a passed time-out differently.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => PipeError::Stalled(self.patience),
            _ => PipeError::Broken(error),
        }
    }

    fn too_slow(&self, bytes: u64) -> PipeError {
        PipeError::TooSlow { bytes, window: self.least_speed.window }
    }
}

impl Closer {
    /// Ends reads and writes on the pipe, those that wait and those to come.
    pub fn close(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
