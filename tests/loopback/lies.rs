//! What one computer says of others is a claim: it is shown, called and passed on only as far as it is proved.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use handout::{
    engine::{
        command::{Command, Recipients, Unreadable},
        snapshot::{Done, Role},
        trouble::TroubleKind,
    },
    net::{
        call::{Client, Timeouts},
        identity::Identity,
        tls::Expect,
    },
    share::{PeerId, ShareId},
    wire::{
        paths,
        peer::{Around, Listed, Neighbour},
    },
};

use super::{
    room::{Computer, content},
    stranger::{Stranger, Tales, knock, listed, signed},
};

const NAME: &str = "homework.pdf";

#[test]
fn a_share_that_a_stranger_lists_as_the_teachers_is_nobodys_and_is_not_fetched_as_hers() {
    let teacher = Computer::start("Ms Teacher", &[]);
    let bytes = content(NAME, 100_000);
    let share = Arc::new(signed(NAME, &bytes));
    let lie = Listed { publisher: teacher.snapshot().me.id.to_string(), ..listed(&share) };
    let stranger = telling(&share, &bytes, Tales { listed: Some(vec![lie]), ..Tales::default() });
    let mut ben = Computer::start("Ben", &[&teacher]);
    ben.send(Command::AddPeer { address: stranger.address.to_string() });
    let teachers = teacher.snapshot().me.id;
    ben.wait("both are around", |now| now.peer(teachers).is_some() && !now.shares.is_empty());

    let row = ben.snapshot().shares[0].clone();
    assert_eq!((row.publisher, row.publisher_name.as_deref()), (None, None));

    let token = ben.begin_fetch(share.id());
    let refused = ben.outcome(token).unwrap_err();
    assert_eq!(refused.kind, TroubleKind::WrongContent, "{refused:?}");
    assert!(!ben.downloads().join(NAME).exists());
    // Whoever wants it all the same sees whose it is.
    let row = ben.snapshot().shares.iter().find(|row| row.id == share.id()).cloned().unwrap();
    assert_eq!(row.publisher, Some(share.manifest().publisher.peer_id()));
    assert_eq!(ben.fetch(share.id()).len(), 1);
}

#[test]
fn another_title_or_size_than_was_listed_is_not_fetched() {
    let bytes = content(NAME, 100_000);
    let share = Arc::new(signed(NAME, &bytes));
    let lies = [
        Listed { title: "Timetable".to_owned(), ..listed(&share) },
        Listed { size: 10, ..listed(&share) },
        Listed { kind: "folder".to_owned(), ..listed(&share) },
    ];
    for lie in lies {
        let stranger = telling(&share, &bytes, Tales { listed: Some(vec![lie]), ..Tales::default() });
        let mut ben = Computer::start("Ben", &[]);
        ben.send(Command::AddPeer { address: stranger.address.to_string() });
        ben.wait("it is listed", |now| !now.shares.is_empty());

        let token = ben.begin_fetch(share.id());

        assert_eq!(ben.outcome(token).unwrap_err().kind, TroubleKind::WrongContent);
        assert!(!ben.downloads().join(NAME).exists());
    }
}

#[test]
fn who_made_a_share_is_known_from_its_maker_or_from_its_manifest() {
    let mut ann = Computer::start("Ann", &[]);
    let path = ann.file(NAME, 200_000);
    let share = ann.share(&[path]);
    let anns = ann.snapshot().me.id;
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.wait("it is listed", |now| now.shares.iter().any(|row| row.publisher == Some(anns)));
    ben.fetch(share);
    ann.stop();

    let mut eva = Computer::start("Eva", &[&ben]);
    eva.wait("it is listed", |now| !now.shares.is_empty());
    assert_eq!(eva.snapshot().shares[0].publisher, None);
    eva.fetch(share);
    assert_eq!(eva.snapshot().shares[0].publisher, Some(anns));
}

#[test]
fn a_name_belongs_to_the_key_that_had_it_first() {
    let tales = || Tales { name: "Ms Teacher".to_owned(), ..Tales::default() };
    let first = Stranger::telling("a", b"a", tales());
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: first.address.to_string() });
    ben.wait("the first is around", |now| now.peer(first.id).is_some());
    let second = Stranger::telling("b", b"b", Tales { name: "ms  teacher".to_owned(), ..Tales::default() });
    ben.send(Command::AddPeer { address: second.address.to_string() });
    let now = ben.wait("the second is around", |now| now.peer(second.id).is_some());

    assert_eq!(now.peer(first.id).unwrap().name, "Ms Teacher");
    let shown = &now.peer(second.id).unwrap().name;
    assert!(shown.starts_with("another ms  teacher"), "{shown}");
    ben.restart();
    ben.send(Command::AddPeer { address: second.address.to_string() });
    ben.wait("it is the second still", |now| now.peer(second.id).is_some_and(|row| row.name.starts_with("another")));
}

#[test]
fn the_id_of_a_share_by_link_is_told_to_nobody_who_does_not_know_it() {
    let secret = ShareId([7; 32]);
    let stranger = Stranger::telling("a", b"a", Tales::default());
    let hinted = Stranger::telling("b", b"b", Tales::default());
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: stranger.address.to_string() });
    ben.wait("it is around", |now| now.peer(stranger.id).is_some());

    let token = ben.token();
    ben.send(Command::Fetch { token, share: secret, into: None, hints: vec![hinted.address], hold: false });
    ben.wait("it was looked for", |now| now.transfers.iter().any(|row| row.trouble.is_some()));

    for asked in [&stranger, &hinted] {
        assert!(!asked.was_asked(&secret.to_string()), "{:?}", asked.heard.lock().unwrap());
        assert!(asked.was_asked("/v1/known/"), "{:?}", asked.heard.lock().unwrap());
    }
}

#[test]
fn a_share_by_link_is_found_at_a_peer_that_has_it_without_its_address() {
    let mut seed = Computer::start("Seed", &[]);
    let file = seed.file("film.bin", 300_000);
    let Done::Shared { share, .. } = seed.try_share(&[file], Recipients::Link, Unreadable::Refuse).unwrap() else {
        panic!("it is shared");
    };
    let mut ben = Computer::start("Ben", &[&seed]);
    ben.wait("it is around", |now| !now.peers.is_empty());

    assert_eq!(ben.fetch(share).len(), 1);
}

#[test]
fn one_that_calls_itself_a_server_is_not_told_what_is_searched_for() {
    let role = Tales { role: "server", name: "School Server".to_owned(), ..Tales::default() };
    let server = Stranger::telling("a", b"a", role);
    let others = vec![neighbour(server.id, &[server.address])];
    let friend = Stranger::telling("b", b"b", Tales { others, ..Tales::default() });
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: friend.address.to_string() });
    ben.wait("it is around", |now| now.peer(server.id).is_some_and(|row| row.role == Role::Server));

    let token = ben.token();
    ben.send(Command::SearchServers { token, words: "secret exam words".to_owned() });

    let Done::Searched { found, .. } = ben.outcome(token).unwrap() else { panic!("it was searched") };
    assert!(found.is_empty());
    assert!(!server.was_asked("/api/v1/search"), "{:?}", server.heard.lock().unwrap());
    // One whose address a person gave is asked.
    ben.send(Command::AddPeer { address: server.address.to_string() });
    ben.wait("it is chosen", |now| now.peer(server.id).is_some_and(|row| row.is_asked_server()));
    let token = ben.token();
    ben.send(Command::SearchServers { token, words: "words".to_owned() });
    ben.outcome(token).unwrap();
    assert!(server.was_asked("/api/v1/search"), "{:?}", server.heard.lock().unwrap());
}

#[test]
fn invented_addresses_are_called_seldom_shown_to_nobody_and_told_to_nobody() {
    let trap = Trap::start();
    let others: Vec<Neighbour> = (0..=255).map(|number| neighbour(invented(number), &[trap.at; 16])).collect();
    let stranger = Stranger::telling("a", b"a", Tales { others, ..Tales::default() });
    let honest = Stranger::telling("b", b"b", Tales::default());
    let ben = Computer::start("Ben", &[]);
    for known in [&stranger, &honest] {
        ben.send(Command::AddPeer { address: known.address.to_string() });
    }
    ben.wait("both are around", |now| now.peers.len() == 2);
    // One that says where it answers and does not is not told of either.
    knock(ben.address(), trap.at.port());
    // What is to come has come when another has been told of and answers.
    let late = Stranger::telling("c", b"c", Tales::default());
    let teller =
        Stranger::telling("d", b"d", Tales { others: vec![neighbour(late.id, &[late.address])], ..Tales::default() });
    ben.send(Command::AddPeer { address: teller.address.to_string() });
    ben.wait("the true one is around", |now| now.peer(late.id).is_some());

    assert!(trap.calls() <= 80, "{} calls", trap.calls());
    let told: Vec<String> = ask_around(ben.address()).peers.into_iter().map(|peer| peer.id).collect();
    let mut proved = [&stranger, &honest, &late, &teller].map(|known| known.id.to_string());
    proved.sort();
    assert_eq!(told.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(), proved);
    let shown = ben.snapshot().peers.iter().filter(|row| row.reached.is_none()).count();
    assert!(shown <= 1, "nobody but the caller is shown besides those who answered");
}

#[test]
fn catalogues_of_many_keys_stay_within_one_budget() {
    let listed_by = |number: u8| -> Vec<Listed> {
        let one = |at: u32| {
            let mut id = [number; 32];
            id[..4].copy_from_slice(&at.to_be_bytes());
            Listed {
                id: ShareId(id).to_string(),
                title: format!("share {at}"),
                size: 1,
                files: 1,
                kind: "file".to_owned(),
                publisher: PeerId(id).to_string(),
                created_s: 0,
                complete: true,
                everyone: true,
            }
        };
        (0..18_000).map(one).collect()
    };
    let start =
        |number: u8| Stranger::telling("a", &[number], Tales { listed: Some(listed_by(number)), ..Tales::default() });
    let strangers: Vec<Stranger> = (1..=5).map(start).collect();
    let ben = Computer::start("Ben", &[]);
    for stranger in &strangers {
        ben.send(Command::AddPeer { address: stranger.address.to_string() });
    }

    let now = ben.wait("all are known", |now| now.peers.iter().filter(|row| row.shares > 0).count() == 5);

    let offers: u32 = now.peers.iter().map(|row| row.shares).sum();
    assert!(offers <= 65_536 && now.shares.len() <= 65_536, "{offers} entries, {} rows", now.shares.len());
}

/// A stranger that gives this share.
fn telling(share: &Arc<handout::share::Share>, bytes: &[u8], tales: Tales) -> Stranger {
    let at = "127.0.0.1:0".parse().unwrap();
    Stranger::start_telling(at, share.clone(), bytes.to_vec(), super::stranger::Manner::Honest, tales)
}

fn invented(number: u8) -> PeerId {
    PeerId([number; 32])
}

fn neighbour(id: PeerId, addresses: &[SocketAddr]) -> Neighbour {
    Neighbour { id: id.to_string(), name: format!("Invented {}", id.short()), addresses: addresses.to_vec() }
}

fn ask_around(at: SocketAddr) -> Around {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(Identity::ephemeral().unwrap());
        let mut connection = client.connect(&[at], Expect::Anyone, Timeouts::default()).await.unwrap();
        serde_json::from_slice(&connection.get(paths::PEERS, 1 << 20).await.unwrap()).unwrap()
    })
}

/// Counts who connects, and hangs up.
struct Trap {
    at: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Trap {
    fn start() -> Trap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = calls.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for call in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
                drop(call);
            }
        });
        Trap { at, calls }
    }

    fn calls(&self) -> usize {
        std::thread::sleep(Duration::from_millis(300));
        self.calls.load(Ordering::Relaxed)
    }
}
