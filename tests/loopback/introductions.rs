//! Peers that are learned of through peers.

use std::net::SocketAddr;

use handout::{
    engine::{
        command::{Command, Recipients, Unreadable},
        snapshot::Done,
    },
    net::{
        call::{CallError, Client, Timeouts},
        identity::Identity,
        tls::Expect,
    },
    share::ShareId,
    wire::{paths, peer::Around},
};

use super::room::Computer;

#[test]
fn who_fetches_by_a_link_learns_from_one_source_who_else_has_it() {
    let mut seed = Computer::start("Seed", &[]);
    let share = give(&mut seed, Recipients::Link);
    let seed_id = seed.snapshot().me.id;
    let mut first = Computer::start("First", &[]);
    fetch_from(&mut first, share, seed.address());

    let told = ask_for_others(first.address(), share).unwrap();
    assert_eq!(told.peers.iter().map(|peer| peer.id.clone()).collect::<Vec<_>>(), [seed_id.to_string()]);

    let mut second = Computer::start("Second", &[]);
    fetch_from(&mut second, share, first.address());
    second.wait("it has learned of the seed", |snapshot| snapshot.peers.iter().any(|peer| peer.id == seed_id));
}

#[test]
fn who_may_not_have_a_share_does_not_learn_who_has_it() {
    let mut seed = Computer::start("Seed", &[]);
    let share = give(&mut seed, Recipients::Peers(Default::default()));

    let refused = ask_for_others(seed.address(), share);

    assert!(matches!(refused, Err(CallError::Refused { status: 404, .. })), "{refused:?}");
}

fn give(seed: &mut Computer, to: Recipients) -> ShareId {
    let file = seed.file("film.bin", 3_000_000);
    match seed.try_share(&[file], to, Unreadable::Refuse).unwrap() {
        Done::Shared { share, .. } => share,
        other => panic!("sharing ended with {other:?}"),
    }
}

fn fetch_from(computer: &mut Computer, share: ShareId, source: SocketAddr) {
    let token = computer.token();
    computer.send(Command::Fetch { token, share, into: None, hints: vec![source], hold: false });
    assert!(matches!(computer.outcome(token), Ok(Done::Fetched { .. })));
}

/// As a stranger asks.
fn ask_for_others(at: SocketAddr, share: ShareId) -> Result<Around, CallError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(Identity::ephemeral().unwrap());
        let mut connection = client.connect(&[at], Expect::Anyone, Timeouts::default()).await?;
        let answer = connection.get(&paths::share_peers(share), 1 << 20).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    })
}
