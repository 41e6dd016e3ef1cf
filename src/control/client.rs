//! Asks the Handout of a home: the one that runs already, or the one that was started for this.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use interprocess::local_socket::tokio::{Stream, prelude::*};
use tokio::{
    io::BufReader,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{
    Claim, ClaimError, Endpoint, Instance, Service,
    holder::Holder,
    instance::elsewhere,
    line::{Line, read_line, write_line},
};
use crate::wire::control::{Answer, Envelope, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Request};

/// How long a program that holds the lock may take to open its socket or to end: it makes its identity and database first,
/// and saves what it has last.
const FIND_TIMEOUT: Duration = Duration::from_secs(20);
/// The program that gets the lock has written down where it runs after this time.
const WRITES_ITSELF_DOWN: Duration = Duration::from_secs(1);
/// How often to look meanwhile.
const FIND_AGAIN: Duration = Duration::from_millis(100);
/// How long it may take to read a request.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Answers that may lie between the other side and the one who shows them.
const ANSWERS_WAITING: usize = 4;

/// Who answers.
#[derive(Clone)]
pub enum Connection {
    /// Another program.
    Running(Endpoint),
    /// An engine in this one.
    Here(Arc<Service>),
}

/// Who runs for a home.
#[derive(Debug)]
pub enum Found {
    /// Nobody did; from here on it is us.
    Nobody(Instance),
    /// Another program does, and it answers there.
    Running(Endpoint),
}

/// Why nobody can say who runs; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(
        "Handout is running for the folder {home}, but does not answer ({cause}); end that program{process} and try again"
    )]
    Silent { home: PathBuf, cause: io::Error, process: String },
}

/// Finds who runs for `home`, or becomes it. A command that holds the lock for a moment and answers nobody is waited for.
pub async fn find(home: &Path) -> Result<Found, FindError> {
    let (end, elsewhere_from) = (Instant::now() + FIND_TIMEOUT, Instant::now() + WRITES_ITSELF_DOWN);
    loop {
        let endpoint = match Instance::claim(home)? {
            Claim::First(instance) => return Ok(Found::Nobody(instance)),
            Claim::Taken(endpoint) => endpoint,
        };
        match connect(&endpoint).await {
            Ok(_) => return Ok(Found::Running(endpoint)),
            Err(cause) if Instant::now() >= end => return Err(silent(home, cause)),
            // Not there yet, or left over from a crash and about to be replaced; or it runs where no socket leads to.
            Err(_) => match Holder::of(home).filter(Holder::is_elsewhere) {
                Some(holder) if Instant::now() >= elsewhere_from => return Err(elsewhere(home, holder).into()),
                _ => sleep(FIND_AGAIN).await,
            },
        }
    }
}

fn silent(home: &Path, cause: io::Error) -> FindError {
    let process = Holder::of(home).map_or_else(String::new, |holder| format!(" (process {})", holder.process));
    FindError::Silent { home: home.to_owned(), cause, process }
}

/// Why nobody answers; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("the running Handout does not answer ({0}); end that program and try again")]
    Silent(io::Error),
    #[error("the request is too long; share fewer paths at once, or the folder that they are in")]
    TooLong,
    #[error("the running Handout ended before it had answered; start it again and look with `handout transfers`")]
    CutOff,
    #[error("the running Handout is of another version ({0}); end it and start it again")]
    Malformed(serde_json::Error),
}

/// What is said to a request, one after the other.
pub struct Answers {
    receiver: mpsc::Receiver<Result<Answer, AskError>>,
}

impl Answers {
    /// The next answer; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Answer, AskError>> {
        self.receiver.recv().await
    }
}

impl Connection {
    /// Whether the engine ends with this program.
    pub fn is_here(&self) -> bool {
        matches!(self, Connection::Here(_))
    }

    /// Asks. Dropping the answers ends what still goes on for them alone.
    pub async fn ask(&self, mut envelope: Envelope) -> Result<Answers, AskError> {
        let (sender, receiver) = mpsc::channel(ANSWERS_WAITING);
        match self {
            Connection::Running(endpoint) => {
                let stream = connect(endpoint).await.map_err(AskError::Silent)?;
                let sent = timeout(SEND_TIMEOUT, write_line(&mut &stream, &envelope, MAX_REQUEST_BYTES)).await;
                let silent = |_| AskError::Silent(io::ErrorKind::TimedOut.into());
                if !sent.map_err(silent)?.map_err(AskError::Silent)? {
                    return Err(AskError::TooLong);
                }
                tokio::spawn(async move {
                    tokio::select! {
                        () = hear(&stream, &sender) => {}
                        () = sender.closed() => {}
                    }
                });
            }
            Connection::Here(service) => {
                // The engine was started with these already; only a `get` uses them once more, as the first to be asked.
                if !matches!(envelope.request, Request::Get { .. }) {
                    envelope.peers.clear();
                }
                let service = service.clone();
                tokio::spawn(async move {
                    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING);
                    tokio::select! {
                        _ = async { tokio::join!(service.answer(envelope, answers), pass_on(waiting, &sender)) } => {}
                        () = sender.closed() => {}
                    }
                });
            }
        }
        Ok(Answers { receiver })
    }
}

async fn connect(endpoint: &Endpoint) -> io::Result<Stream> {
    timeout(SEND_TIMEOUT, Stream::connect(endpoint.name()?)).await?
}

async fn hear(stream: &Stream, sender: &mpsc::Sender<Result<Answer, AskError>>) {
    let mut reader = BufReader::new(stream);
    let mut answered = false;
    loop {
        let answer = match read_line::<Answer>(&mut reader, MAX_ANSWER_BYTES).await {
            Ok(Line::Value(answer)) => Ok(answer),
            Ok(Line::End) if answered => return,
            Ok(Line::Malformed(error)) => Err(AskError::Malformed(error)),
            Ok(Line::End | Line::TooLong) | Err(_) => Err(AskError::CutOff),
        };
        answered |= answer.as_ref().is_ok_and(Answer::is_last);
        let ended = answer.is_err();
        if sender.send(answer).await.is_err() || ended {
            return;
        }
    }
}

async fn pass_on(mut waiting: mpsc::Receiver<Answer>, sender: &mpsc::Sender<Result<Answer, AskError>>) {
    while let Some(answer) = waiting.recv().await {
        if sender.send(Ok(answer)).await.is_err() {
            return;
        }
    }
}
