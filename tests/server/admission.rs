//! What a server's swarm gives: the same as its pages would, to computers that prove their keys instead of people.

use std::{net::SocketAddr, time::Duration};

use handout::{
    net::{
        Pipe,
        call::{BodyStream, CallError, Client, Connection, Timeouts},
        identity::Identity,
        piece_stream::PROTOCOL,
        tls::Expect,
    },
    share::ShareId,
    wire::{paths, peer::Catalogue},
};
use tokio::runtime::Runtime;

use super::{
    Browser, Server,
    apps::{App, policy, token},
};

/// A computer that speaks the protocol and nothing else.
struct Computer {
    client: Client,
    id: String,
    at: SocketAddr,
    runtime: Runtime,
}

/// What a computer gets of a share.
#[derive(Debug, PartialEq, Eq)]
struct Gets {
    listed: bool,
    manifest: bool,
    hashes: bool,
    have: bool,
    piece: bool,
    stream: bool,
    peers: bool,
}

const ALL: Gets =
    Gets { listed: true, manifest: true, hashes: true, have: true, piece: true, stream: true, peers: true };
const NOTHING: Gets =
    Gets { listed: false, manifest: false, hashes: false, have: false, piece: false, stream: false, peers: false };

impl Computer {
    fn new(server: &Server) -> Computer {
        let identity = Identity::ephemeral().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let id = identity.id().to_string();
        Computer { client: Client::new(identity), id, at: server.at().parse().unwrap(), runtime }
    }

    fn enrol(&self, token: &str) {
        let token = token.split('@').next().unwrap();
        let asked = serde_json::json!({ "token": token, "name": "Computer" }).to_string().into_bytes();
        self.runtime.block_on(async {
            let mut connection = self.connect().await;
            connection.post(paths::ENROL, asked, Duration::from_secs(10), 1 << 20).await.unwrap();
        });
    }

    async fn connect(&self) -> Connection {
        self.client.connect(&[self.at], Expect::Anyone, Timeouts::default()).await.unwrap()
    }

    /// Whether it may have what is at a path; refused is 404, as for what is not there.
    fn may_get(&self, path: &str) -> bool {
        self.runtime.block_on(async { allowed(self.connect().await.get(path, 1 << 24).await) })
    }

    fn catalogue(&self) -> Catalogue {
        let bytes = self.runtime.block_on(async { self.connect().await.get(paths::SHARES, 1 << 24).await.unwrap() });
        serde_json::from_slice(&bytes).unwrap()
    }

    fn have(&self, share: ShareId) -> Result<BodyStream, CallError> {
        self.runtime
            .block_on(async { self.connect().await.get_stream(&paths::have(share), Duration::from_secs(20)).await })
    }

    fn stream(&self, share: ShareId) -> Result<Pipe, CallError> {
        self.runtime.block_on(async { self.connect().await.upgrade(&paths::stream(share), PROTOCOL).await })
    }

    fn gets(&self, share: ShareId) -> Gets {
        Gets {
            listed: self.catalogue().shares.iter().any(|listed| listed.id == share.to_string()),
            manifest: self.may_get(&paths::manifest(share)),
            hashes: self.may_get(&paths::hashes(share)),
            have: allowed(self.have(share)),
            piece: self.may_get(&format!("/v1/shares/{share}/pieces/0")),
            stream: allowed(self.stream(share)),
            peers: self.may_get(&paths::share_peers(share)),
        }
    }
}

fn allowed<T>(result: Result<T, CallError>) -> bool {
    match result {
        Ok(_) => true,
        Err(CallError::Refused { status: 404, .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The status of the answer to the next request for a piece; its bytes are read. While another one is given it first, it is
/// asked for again.
fn next_piece(pipe: &mut Pipe) -> u8 {
    loop {
        pipe.queue(&0u32.to_be_bytes()).unwrap();
        pipe.flush().unwrap();
        let mut head = [0; 9];
        pipe.read_exact(&mut head).unwrap();
        let number = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[0] {
            0 => pipe.read_exact(&mut vec![0; number as usize]).unwrap(),
            1 | 4 => {
                std::thread::sleep(Duration::from_millis(number.into()));
                continue;
            }
            _ => {}
        }
        return head[0];
    }
}

fn upload(owner: &Browser, title: &str) -> ShareId {
    owner.upload(title, "room", &format!("{title}.bin"), title.repeat(50_000).as_bytes()).parse().unwrap()
}

#[test]
fn who_is_not_enrolled_gets_nothing_where_guests_may_not_download() {
    let (server, owner) = Server::owned();
    let share = upload(&owner, "lesson");
    let (stranger, own) = (Computer::new(&server), Computer::new(&server));
    own.enrol(&token(&owner, &[]));
    for guests in ["nothing", "look"] {
        policy(&owner, &[("guests", guests)]);
        assert_eq!((stranger.gets(share), own.gets(share)), (NOTHING, ALL), "{guests}");
    }
    policy(&owner, &[("guests", "download")]);
    assert_eq!((stranger.gets(share), own.gets(share)), (ALL, ALL));

    // The same with two real programs.
    policy(&owner, &[("guests", "nothing")]);
    let app = App::enrolled(&server, &token(&owner, &[]));
    let got = app.json(&["get", &share.to_string(), "--timeout", "30"]);
    assert_eq!(std::fs::read(got["places"][0].as_str().unwrap()).unwrap(), "lesson".repeat(50_000).as_bytes());
    let refused = App::start().run(&["--peer", &server.at(), "get", &share.to_string(), "--timeout", "3"]);
    assert_eq!(refused.code(), Some(3), "{refused:?}");
}

#[test]
fn taken_off_the_list_a_computer_is_refused_at_once_on_connections_that_are_open() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("guests", "nothing")]);
    let share = upload(&owner, "lesson");
    let (first, second) = (Computer::new(&server), Computer::new(&server));
    let token = token(&owner, &[]);
    for computer in [&first, &second] {
        computer.enrol(&token);
    }
    let mut streams = [&first, &second].map(|computer| computer.stream(share).unwrap());
    let mut haves = [&first, &second].map(|computer| computer.have(share).unwrap());
    for (stream, have) in streams.iter_mut().zip(&mut haves) {
        assert_eq!(next_piece(stream), 0);
        assert!(first.runtime.block_on(have.chunk()).unwrap().is_some(), "the bitmap");
    }
    let before = first.catalogue().revision;

    assert_eq!(owner.post(&format!("/admin/devices/{}/remove", first.id), &[]).status, 303);
    assert_eq!(streams.each_mut().map(next_piece), [3, 0], "not given any more to the one, given to the other");
    let ended = first.runtime.block_on(haves[0].chunk()).unwrap();
    assert!(ended.is_none(), "it is told nothing more, not even that there is no news");
    assert_eq!((first.gets(share), second.gets(share)), (NOTHING, ALL));
    assert!(first.catalogue().revision > before, "whoever waits for another catalogue gets it");

    // The console works beside the server, which takes in what it does.
    let removed = server.admin(&["devices", "revoke", &second.id]);
    assert!(removed.status.success(), "{removed:?}");
    let begun = std::time::Instant::now();
    while second.gets(share) != NOTHING {
        assert!(begun.elapsed() < Duration::from_secs(20), "taken off at the console, it still gets pieces");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_exam_and_forbidden_contents_hold_in_the_swarm_too() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("guests", "download")]);
    let (sheet, other) = (upload(&owner, "sheet"), upload(&owner, "other"));
    let [stranger, pupil, teacher] = [(); 3].map(|()| Computer::new(&server));
    pupil.enrol(&token(&owner, &[]));
    teacher.enrol(&token(&owner, &[("role", "teacher")]));
    let everyone = |share| [&stranger, &pupil, &teacher].map(|computer| computer.gets(share));
    assert_eq!(everyone(other), [ALL, ALL, ALL]);
    let mut open = pupil.stream(other).unwrap();
    assert_eq!(next_piece(&mut open), 0);

    let exam = [("minutes", "10"), ("share", &sheet.to_string()), ("hand_in", "yes")];
    assert_eq!(owner.post("/admin/policy/exam", &exam).status, 303);
    assert_eq!(next_piece(&mut open), 3);
    assert_eq!((everyone(sheet), everyone(other)), ([ALL, ALL, ALL], [NOTHING, NOTHING, ALL]));
    assert_eq!(owner.post("/admin/policy/exam", &[("do", "end")]).status, 303);
    assert_eq!(everyone(other), [ALL, ALL, ALL]);

    let root = blake3::hash("other".repeat(50_000).as_bytes()).to_hex().to_string();
    let block = |what| owner.post("/admin/policy/block", &[("root", root.as_str()), ("note", ""), ("do", what)]);
    assert_eq!(block("block").status, 303);
    assert_eq!((everyone(sheet), everyone(other)), ([ALL, ALL, ALL], [NOTHING, NOTHING, NOTHING]));
}
