//! How fast pieces go from one side to the other over loopback, as a part of what plain TCP does in the same minute.
//!
//! `cargo bench --bench piece_stream -- [MIB] [ROUNDS] [FOLDER]`: a file of so many MiB (2,048) in the page cache is sent
//! so many times (5) in each way, in turns, and the medians are printed. Absolute numbers drift with the machine's other
//! work; the ratio to plain TCP, measured in the same rounds, drifts less.
//!
//! The file that is written is the same in every round, so that its pages exist: making fresh ones costs more than all of
//! the rest, is the system's work, and varies by several times.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Instant,
};

use axum::{Router, body::Body, extract::Request, routing::get};
use blake3::hazmat::HasherExt;
use handout::net::{
    call::{Client, Timeouts},
    identity::Identity,
    listen::{self, Limits, Listener},
    piece_stream::{
        Lane, LaneHandle, LaneLimits, OpenPiece, PROTOCOL, PieceEnd, PieceSink, PieceSource, Refusal, ServeLimits,
        Serving, upgrade,
    },
    tls::{self, Expect},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const PIECE: u64 = 1 << 20;
const STEP: usize = 64 * 1024;

/// Requests that a lane has at a time.
const AHEAD: usize = 8;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mebibytes: u64 = arguments.next().map_or(2048, |text| text.parse().expect("a number of MiB"));
    let rounds: usize = arguments.next().map_or(5, |text| text.parse().expect("a number of rounds"));
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("handout-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = compare(&folder, mebibytes, rounds);
    fs::remove_dir_all(&folder)?;
    result
}

fn compare(folder: &Path, mebibytes: u64, rounds: usize) -> io::Result<()> {
    let source = folder.join("source");
    write_noise(&source, mebibytes)?;
    let target = folder.join("target");
    fs::copy(&source, &target)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let sender = runtime.block_on(async { Sender::start(source.clone()) });
    let ways: &[(&str, &dyn Fn() -> io::Result<()>)] = &[
        ("plain TCP, thrown away", &|| plain_tcp(&source)),
        ("1 lane, thrown away", &|| sender.fetch(&runtime, 1, mebibytes, None)),
        ("2 lanes, thrown away", &|| sender.fetch(&runtime, 2, mebibytes, None)),
        ("1 lane, BLAKE3 and file", &|| sender.fetch(&runtime, 1, mebibytes, Some(&target))),
        ("2 lanes, BLAKE3 and file", &|| sender.fetch(&runtime, 2, mebibytes, Some(&target))),
    ];
    let mut speeds = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, way), speeds) in ways.iter().zip(&mut speeds) {
            let began = Instant::now();
            way()?;
            speeds.push(mebibytes as f64 / began.elapsed().as_secs_f64());
        }
    }
    let medians: Vec<f64> = speeds.iter_mut().map(|speeds| median(speeds)).collect();
    println!("{mebibytes} MiB, {rounds} rounds; MiB/s: median [least to most], part of plain TCP");
    for (((name, _), speeds), median) in ways.iter().zip(&speeds).zip(&medians) {
        let (least, most) = (speeds[0], speeds[speeds.len() - 1]);
        println!("{name:<26} {median:>6.0} [{least:>6.0} to {most:>6.0}]  {:.2}", median / medians[0]);
    }
    Ok(())
}

fn median(speeds: &mut [f64]) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}

/// A file that does not compress; xorshift (Marsaglia, 2003).
fn write_noise(path: &Path, mebibytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = vec![0; 1 << 20];
    for _ in 0..mebibytes {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    Ok(())
}

fn plain_tcp(source: &Path) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut receiver = TcpStream::connect(listener.local_addr()?)?;
    let (mut sender, _) = listener.accept()?;
    let mut file = File::open(source)?;
    let sending = std::thread::spawn(move || -> io::Result<()> {
        let mut step = vec![0; STEP];
        loop {
            match file.read(&mut step)? {
                0 => return Ok(()),
                count => sender.write_all(&step[..count])?,
            }
        }
    });
    let mut step = vec![0; STEP];
    while receiver.read(&mut step)? > 0 {}
    sending.join().expect("the sender does not panic")
}

/// A peer that gives the pieces of one file.
struct Sender {
    address: std::net::SocketAddr,
    identity: Identity,
}

impl Sender {
    fn start(source: PathBuf) -> Sender {
        let identity = Identity::ephemeral().expect("a key");
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let serving = Serving::new(ServeLimits::default(), cancel.clone(), tracker.clone());
        let source = Arc::new(source);
        let route = get(move |request: Request<Body>| async move {
            upgrade(request, Box::new(Source(File::open(&*source).expect("the source"))), &serving, |_| ())
        });
        let listener = Listener::bind(Some(([127, 0, 0, 1], 0).into())).expect("a port");
        let address = listener.address();
        let config = tls::server_config(&identity).expect("a configuration");
        let router = Router::new().route("/stream", route);
        tokio::spawn(listen::serve(listener, config, router, Limits::default(), cancel, tracker));
        Sender { address, identity }
    }

    /// Brings all pieces over, shared out among so many lanes.
    fn fetch(
        &self,
        runtime: &tokio::runtime::Runtime,
        lanes: u32,
        pieces: u64,
        target: Option<&Path>,
    ) -> io::Result<()> {
        let (sender, ended) = mpsc::channel();
        let mut handles = Vec::new();
        for lane in 0..lanes {
            let target = target.map(|path| OpenOptions::new().write(true).open(path)).transpose()?;
            let sink = Sink { lane, target, hasher: blake3::Hasher::new(), ended: sender.clone() };
            handles.push(self.lane(runtime, sink)?);
        }
        let mut waiting = 0..pieces as u32;
        for handle in handles.iter().cycle().take(AHEAD * handles.len()) {
            waiting.next().map(|piece| handle.fetch(piece)).transpose().map_err(io::Error::other)?;
        }
        for _ in 0..pieces {
            let (lane, end) = ended.recv().map_err(io::Error::other)?;
            assert!(matches!(end, PieceEnd::Complete { .. }), "{end:?}");
            waiting.next().map(|piece| handles[lane as usize].fetch(piece)).transpose().map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn lane(&self, runtime: &tokio::runtime::Runtime, sink: Sink) -> io::Result<LaneHandle> {
        let client = Client::new(Identity::ephemeral().map_err(io::Error::other)?);
        let pipe = runtime.block_on(async {
            let expect = Expect::Peer(self.identity.id());
            client.connect(&[self.address], expect, Timeouts::default()).await?.upgrade("/stream", PROTOCOL).await
        });
        let (handle, lane) = Lane::new(pipe.map_err(io::Error::other)?, Box::new(sink), LaneLimits::default())?;
        std::thread::spawn(move || lane.run());
        Ok(handle)
    }
}

struct Source(File);

impl PieceSource for Source {
    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal> {
        let found = self.0.seek(SeekFrom::Start(u64::from(piece) * PIECE));
        found.map_err(|_| Refusal::Missing)?;
        Ok(Box::new(Open(&self.0)))
    }
}

struct Open<'a>(&'a File);

impl OpenPiece for Open<'_> {
    fn length(&self) -> u32 {
        PIECE as u32
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

struct Sink {
    lane: u32,
    target: Option<File>,
    hasher: blake3::Hasher,
    ended: mpsc::Sender<(u32, PieceEnd)>,
}

impl PieceSink for Sink {
    fn wanted(&mut self, _piece: u32) -> Option<u32> {
        Some(PIECE as u32)
    }

    fn begin(&mut self, piece: u32) -> io::Result<()> {
        let at = u64::from(piece) * PIECE;
        self.hasher = blake3::Hasher::new();
        self.hasher.set_input_offset(at);
        self.target.as_mut().map_or(Ok(0), |target| target.seek(SeekFrom::Start(at))).map(drop)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(target) = &mut self.target {
            self.hasher.update(bytes);
            target.write_all(bytes)?;
        }
        Ok(())
    }

    fn end(&mut self, _piece: u32, end: PieceEnd) {
        if self.target.is_some() {
            std::hint::black_box(self.hasher.finalize_non_root());
        }
        let _ = self.ended.send((self.lane, end));
    }
}
