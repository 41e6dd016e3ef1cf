//! Finding each other by real mDNS: on this computer, and between network namespaces that a bridge joins.

mod room;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use handout::{
    net::discovery::{Announcement, Discovery, Event, Role, Seen},
    share::PeerId,
};
use tokio::sync::mpsc;

use self::room::Room;
use super::soon;
use crate::as_root;

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_on_one_computer_see_each_other_and_each_others_changes_and_goodbye() {
    let (mut ann, mut ben) = (Person::start("Ann", 1001), Person::start("Ben", 1002));

    let seen = ben.sees(ann.me.id).await;
    assert_eq!((seen.name.as_str(), seen.role, seen.catalogue), ("Ann", Role::Peer, 1));
    assert_eq!(seen.instance, ann.me.instance);
    assert!(!seen.addresses.is_empty() && seen.addresses.len() <= 16);
    assert!(seen.addresses.iter().all(|address| address.port() == 1001));
    ann.sees(ben.me.id).await;

    // Many changes at once become few packets, and the last one counts.
    for catalogue in 2..=50 {
        ann.me.catalogue = catalogue;
        ann.discovery.announce(ann.me.clone());
    }
    soon(async { while ben.sees(ann.me.id).await.catalogue != 50 {} }).await;

    let id = ann.me.id;
    ann.discovery.shutdown().await;
    ben.loses(id).await;
    ben.discovery.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_with_our_key_is_told() {
    let mut first = Person::start("Ann", 1003);
    let mut copy = Announcement { instance: 99, ..first.me.clone() };
    let (sender, _receiver) = mpsc::channel(16);
    let second = Discovery::start(copy.clone(), sender).unwrap();
    let twin = soon(async {
        loop {
            // Which it is as soon as it gives a sign of life; a change is one too.
            copy.catalogue += 1;
            second.announce(copy.clone());
            match tokio::time::timeout(Duration::from_secs(1), first.events.recv()).await {
                Ok(Some(Event::Twin { addresses, .. })) => return addresses,
                Ok(Some(Event::Seen(seen))) => assert_ne!(seen.id, copy.id, "we are not our own neighbour"),
                _ => {}
            }
        }
    })
    .await;
    assert!(twin.iter().all(|address| address.port() == 1003));
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn computers_in_a_room_find_each_other_say_goodbye_and_are_missed_when_cut_off() {
    let test = "computers_in_a_room_find_each_other_say_goodbye_and_are_missed_when_cut_off";
    if let Ok(number) = std::env::var(room::PERSON) {
        return one_computer_of_the_room(number.parse().unwrap()).await;
    }
    if as_root::instead(module_path!(), test) {
        return;
    }
    let room = Room::build(3, test);
    let mut ann = room.person(0);
    let mut ben = room.person(1);
    let began = Instant::now();
    let mut eve = room.person(2);

    let seen = ann.sees("person 2").await;
    println!("a newcomer is seen after {:?}", began.elapsed());
    assert_eq!(seen, "10.77.0.3:3002", "and no address of loopback");
    // IPv6 takes a moment, until the system is sure of its address.
    let link_local = |text: &str| matches!(text.parse(), Ok(SocketAddr::V6(v6)) if v6.scope_id() > 0);
    soon(async { while !ann.sees("person 2").await.split(',').any(link_local) {} }).await;
    for other in ["person 0", "person 2"] {
        ben.sees(other).await;
    }

    let ended = Instant::now();
    eve.say_goodbye();
    ann.loses("person 2").await;
    println!("a goodbye is heard after {:?}", ended.elapsed());

    // The link of the bridge, so that Ben's own computer notices nothing.
    let cut = Instant::now();
    room.cut(1);
    ann.loses_within("person 1", Duration::from_secs(60)).await;
    println!("somebody cut off is missed after {:?}", cut.elapsed());
    assert!(cut.elapsed() < Duration::from_secs(45), "long before the records expire");

    room.join(1);
    ann.sees_within("person 1", Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_comes_while_the_program_runs_is_used_and_may_go_and_come_again() {
    let test = "an_interface_that_comes_while_the_program_runs_is_used_and_may_go_and_come_again";
    if let Ok(number) = std::env::var(room::PERSON) {
        return one_computer_of_the_room(number.parse().unwrap()).await;
    }
    if as_root::instead(module_path!(), test) {
        return;
    }
    let room = Room::build(2, test);
    let patience = Duration::from_secs(60);
    let mut ann = room.person(0);
    room.unplug(1);
    let mut ben = room.person(1);
    tokio::time::sleep(Duration::from_secs(1)).await;

    room.plug_in(1);
    ann.sees_within("person 1", patience).await;
    ben.sees_within("person 0", patience).await;

    room.unplug(1);
    ann.loses_within("person 1", patience).await;
    room.plug_in(1);
    ann.sees_within("person 1", patience).await;
}

/// One running discovery and what it tells.
struct Person {
    me: Announcement,
    discovery: Discovery,
    events: mpsc::Receiver<Event>,
}

impl Person {
    fn start(name: &str, port: u16) -> Person {
        let id = handout::net::identity::Identity::ephemeral().unwrap().id();
        let me = Announcement { id, instance: 1, name: name.to_owned(), role: Role::Peer, port, catalogue: 1 };
        let (sender, events) = mpsc::channel(16);
        let discovery = Discovery::start(me.clone(), sender).unwrap();
        Person { me, discovery, events }
    }

    async fn sees(&mut self, who: PeerId) -> Seen {
        self.until(|event| match event {
            Event::Seen(seen) if seen.id == who => Some(seen),
            _ => None,
        })
        .await
    }

    async fn loses(&mut self, who: PeerId) {
        self.until(|event| (event == Event::Left { id: who }).then_some(())).await;
    }

    async fn until<T>(&mut self, look: impl Fn(Event) -> Option<T>) -> T {
        soon(async {
            loop {
                if let Some(found) = look(self.events.recv().await.expect("discovery goes on")) {
                    return found;
                }
            }
        })
        .await
    }
}

/// What the test does as a process of its own in a namespace: tells on standard output what it sees, and ends with its standard input.
async fn one_computer_of_the_room(number: u16) {
    let mut person = Person::start(&format!("person {number}"), 3000 + number);
    let (sender, mut ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::read_to_string(std::io::stdin());
        let _ = sender.send(());
    });
    let mut names = BTreeMap::new();
    loop {
        tokio::select! {
            _ = &mut ended => break,
            event = person.events.recv() => match event.expect("discovery goes on") {
                Event::Seen(seen) => {
                    let addresses: Vec<_> = seen.addresses.iter().map(SocketAddr::to_string).collect();
                    println!("seen {}: {}", seen.name, addresses.join(","));
                    names.insert(seen.id, seen.name);
                }
                Event::Left { id } => println!("left {}:", names[&id]),
                Event::Twin { .. } => println!("twin"),
            },
        }
    }
    person.discovery.shutdown().await;
}
