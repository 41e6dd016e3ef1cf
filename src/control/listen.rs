//! Answers on the local socket, as long as the program runs.

use std::{io, sync::Arc, time::Duration};

use interprocess::local_socket::{
    ListenerOptions, Name,
    tokio::{Listener as Socket, Stream, prelude::*},
};
use tokio::{
    io::{AsyncReadExt, BufReader},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Endpoint, Instance, Service,
    line::{Line, read_line, write_line},
};
use crate::wire::control::{Answer, Envelope, Failure, FailureKind, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};

/// How many are answered at once; more wait.
const MAX_CONNECTIONS: usize = 64;
/// How long somebody who connected may take to say what they want.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long somebody may take to read a line of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the open connections may take to end when the program does.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers that may lie between the service and the socket.
const ANSWERS_WAITING: usize = 4;

/// The open socket. It is taken away when this is dropped or [`Listener::stop`]ped.
pub struct Listener {
    service: Arc<Service>,
    stopping: CancellationToken,
    connections: TaskTracker,
    /// The lock is kept as long as somebody can be answered here.
    instance: Option<Instance>,
}

/// Opens the socket of `instance` and answers there, on the engine's runtime, what `service` says.
pub fn listen(instance: Instance, service: Arc<Service>) -> io::Result<Listener> {
    let runtime = service.handle().runtime().clone();
    let _inside = runtime.enter();
    let socket = open(instance.endpoint())?;
    let (stopping, connections) = (CancellationToken::new(), TaskTracker::new());
    // Tracked as well: the socket is gone from the disk only when this task has ended.
    let _task = connections.spawn_on(accept(socket, service.clone(), stopping.clone(), connections.clone()), &runtime);
    Ok(Listener { service, stopping, connections, instance: Some(instance) })
}

impl Listener {
    /// Waits until nobody waits for something that would be lost if this program ended; who only watches does not count.
    pub async fn idle(&self) {
        self.service.idle().await;
    }

    /// Answers nobody new, gives those who are being answered a moment, and hands back the lock.
    pub async fn stop(mut self) -> Option<Instance> {
        self.stopping.cancel();
        self.connections.close();
        // Who has not ended by then is cut off with the runtime.
        let _ = timeout(STOP_TIMEOUT, self.connections.wait()).await;
        self.instance.take()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

#[cfg(unix)]
fn open(endpoint: &Endpoint) -> io::Result<Socket> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt;
    // We hold the lock, so whatever lies there is left over from a program that did not end well.
    match std::fs::remove_file(&endpoint.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let options = || -> io::Result<_> { Ok(ListenerOptions::new().name(endpoint.name()?)) };
    match options()?.mode(0o600).create_tokio() {
        // Where the system can't set the mode beforehand, the private folder and the check of the user have to do.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => options()?.create_tokio(),
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open(endpoint: &Endpoint) -> io::Result<Socket> {
    ListenerOptions::new().name(endpoint.name()?).create_tokio()
}

impl Endpoint {
    #[cfg(unix)]
    pub(super) fn name(&self) -> io::Result<Name<'_>> {
        use interprocess::local_socket::{GenericFilePath, ToFsName};
        self.path.as_path().to_fs_name::<GenericFilePath>()
    }

    #[cfg(not(unix))]
    pub(super) fn name(&self) -> io::Result<Name<'_>> {
        use interprocess::local_socket::{GenericNamespaced, ToNsName};
        self.pipe.as_str().to_ns_name::<GenericNamespaced>()
    }
}

async fn accept(socket: Socket, service: Arc<Service>, stopping: CancellationToken, connections: TaskTracker) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = async {
                let place = places.clone().acquire_owned().await;
                (place, socket.accept().await)
            } => accepted,
        };
        let (Ok(place), Ok(stream)) = accepted else {
            // Too many open files, say; trying again at once would only burn the processor.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (service, stopping) = (service.clone(), stopping.clone());
        connections.spawn(async move {
            let _place = place;
            tokio::select! {
                () = stopping.cancelled() => {}
                result = converse(&stream, &service) => if let Err(error) = result {
                    tracing::debug!(%error, "a connection to the control socket ended early");
                },
            }
        });
    }
}

/// Reads the request and writes what the service says, until it has said everything or the other side has gone.
async fn converse(stream: &Stream, service: &Service) -> io::Result<()> {
    if !is_this_user(stream) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user"));
    }
    // From before the request is read until its answer is written: whoever waits for the end of the work waits for both.
    let mut busy = Some(service.busy());
    let mut reader = BufReader::new(stream);
    let read = timeout(REQUEST_TIMEOUT, read_line::<Envelope>(&mut reader, MAX_REQUEST_BYTES)).await??;
    let envelope = match read {
        Line::Value(envelope) => envelope,
        Line::End => return Ok(()),
        Line::TooLong => return write(stream, &not_understood("it is too long")).await,
        Line::Malformed(error) => return write(stream, &not_understood(&error.to_string())).await,
    };
    if !envelope.request.is_work() {
        busy = None;
    }
    let (answers, mut waiting) = mpsc::channel(ANSWERS_WAITING);
    let mut rest = [0; 64];
    let speak = async {
        while let Some(answer) = waiting.recv().await {
            write(stream, &answer).await?;
        }
        Ok(())
    };
    let result = tokio::select! {
        // Both in one arm: what was said last is still to be written when the service has ended.
        ((), written) = async { tokio::join!(service.answer(envelope, answers), speak) } => written,
        // One request a connection: whatever comes now, an end or more words, ends it.
        gone = reader.read(&mut rest) => gone.map(drop),
    };
    drop(busy);
    result
}

async fn write(mut stream: &Stream, answer: &Answer) -> io::Result<()> {
    let written = timeout(ANSWER_TIMEOUT, write_line(&mut stream, answer, MAX_ANSWER_BYTES)).await??;
    if !written {
        let failure = Failure::new(
            FailureKind::Failed,
            "The list is too long to be handed over",
            "this request",
            "Ask for less, for instance with `handout search`.",
        );
        write_line(&mut stream, &Answer::Failure(failure), MAX_ANSWER_BYTES).await?;
    }
    Ok(())
}

fn not_understood(reason: &str) -> Answer {
    let hint = "Both programs must be of one version: end the running Handout and start it again.";
    Answer::Failure(Failure::new(FailureKind::Usage, "The request was not understood", reason, hint))
}

/// The folder and the mode keep others out already; this holds also where a system ignores a socket's mode.
#[cfg(unix)]
fn is_this_user(stream: &Stream) -> bool {
    let user = rustix::process::geteuid().as_raw();
    stream.peer_creds().ok().and_then(|creds| creds.euid()).is_none_or(|euid| euid == user || euid == 0)
}

#[cfg(not(unix))]
fn is_this_user(_: &Stream) -> bool {
    true
}
