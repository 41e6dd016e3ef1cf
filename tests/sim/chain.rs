//! Questions and bytes along chains of servers: in a row, in rings, with servers that are dead, slow, lying or doubled.

use std::time::Duration;

use handout::lookup::{Answer, Ask, HOPS_MAX, Health, Reason, Words};

use super::{
    servers::{Bytes, Chain, Event, Kind, PIECES, id_of, root_of},
    world::with_seeds,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn of_ten_servers_in_a_row_those_within_the_hops_are_asked_and_no_more() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 10).in_a_row();
        chain.give(8, 0);
        let far = chain.client(0, Ask::Hash(root_of(0)), Duration::ZERO);
        chain.clients[far].hops = HOPS_MAX;
        let near = chain.client(3, Ask::Hash(root_of(0)), 20 * SECOND);
        chain.clients[near].hops = 4;

        chain.play();

        assert_eq!(chain.route(far), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(
            matches!(chain.answer(near), Answer::Found { .. }),
            "it is remembered on the way: {:?}",
            chain.answer(near)
        );
        assert_eq!(chain.link(9, 8).questions, 0);
    });
}

#[test]
fn what_is_further_up_than_the_hops_go_is_unknown_and_not_missing() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 10).in_a_row();
        chain.give(9, 0);
        let client = chain.client(0, Ask::Hash(root_of(0)), Duration::ZERO);

        chain.play();

        assert_eq!(*chain.answer(client), Answer::Unknown { reason: Reason::HopLimit, at: id_of(5) });
    });
}

#[test]
fn in_a_ring_of_three_that_all_ask_at_once_each_learns_that_nobody_has_it() {
    with_seeds(0..100, |seed| {
        let mut chain = Chain::new(seed, 3).in_a_row();
        chain.put_above(2, &[0]);
        for at in 0..3 {
            let after = MS * chain.dice.below(4) as u32;
            chain.client(at, Ask::Hash(root_of(0)), after);
        }

        chain.play();

        for client in 0..3 {
            let Answer::NotFound { scope, .. } = chain.answer(client) else { panic!("{:?}", chain.answer(client)) };
            assert_eq!(scope.len(), 3);
            let took = chain.clients[client].answer.as_ref().unwrap().1;
            assert!(took < 100 * MS, "they waited for each other: {took:?}");
        }
    });
}

#[test]
fn two_servers_above_each_other_find_what_the_other_has() {
    with_seeds(0..50, |seed| {
        let mut chain = Chain::new(seed, 2).in_a_row();
        chain.put_above(1, &[0]);
        chain.give(0, 0);
        chain.give(1, 2);
        let asks = [(1, root_of(0)), (0, root_of(2)), (0, root_of(1)), (1, root_of(1))];
        for (at, root) in asks {
            chain.client(at, Ask::Hash(root), MS * (seed % 3) as u32);
        }

        chain.play();

        assert_eq!((chain.route(0), chain.route(1)), (vec![1, 0], vec![0, 1]));
        assert!(matches!(chain.answer(2), Answer::NotFound { .. }));
        assert!(matches!(chain.answer(3), Answer::NotFound { .. }));
    });
}

#[test]
fn a_server_that_is_its_own_upstream_is_not_asked_and_by_another_address_says_loop() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 1);
        chain.put_above(0, &[0]);
        let plain = chain.client(0, Ask::Hash(root_of(0)), Duration::ZERO);
        chain.play();
        assert!(matches!(chain.answer(plain), Answer::NotFound { .. }));

        chain.put_above_as(0, vec![(id_of(77), 0)]);
        let hidden = chain.client(0, Ask::Share(chain.shares[0].id()), Duration::ZERO);
        chain.play();

        assert!(matches!(chain.answer(hidden), Answer::Unknown { reason: Reason::Loop, .. }));
        assert_eq!(chain.link(0, 0).questions, 1);
    });
}

#[test]
fn a_copy_of_a_servers_key_further_up_ends_the_question_and_not_the_server() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 4).in_a_row();
        // The third has the key of the first, and a file that the fourth has too.
        chain.servers[2].id = id_of(0);
        chain.put_above_as(1, vec![(id_of(0), 2), (id_of(3), 3)]);
        chain.truthful = false;
        chain.give(3, 0);
        let client = chain.client(0, Ask::Hash(root_of(0)), Duration::ZERO);

        chain.play();

        assert_eq!(chain.route(client), [0, 1, 3]);
    });
}

#[test]
fn a_dead_upstream_costs_one_timeout_and_is_asked_again_when_it_is_back() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 2).in_a_row();
        chain.servers[1].kind = Kind::Silent;
        chain.give(1, 0);
        for number in 0..40 {
            let root = root_of(number % 3);
            chain.client(0, Ask::Hash(root), SECOND * number as u32);
        }
        chain.play_for(42 * SECOND);

        let waited =
            chain.clients.iter().filter(|client| client.answer.as_ref().is_some_and(|(_, took)| *took > 100 * MS));
        assert!(waited.count() <= 3, "those that came within the first time of waiting");
        assert!(chain.link(1, 0).questions <= 3 && chain.servers[0].probes > 3, "{:?}", chain.link(1, 0));
        assert!(chain.clients.iter().all(|client| matches!(client.answer, Some((Answer::Unknown { .. }, _)))));

        chain.servers[1].kind = Kind::Honest;
        let back = chain.client(0, Ask::Hash(root_of(0)), 70 * SECOND);
        chain.play();
        assert_eq!(chain.route(back), [0, 1]);
    });
}

#[test]
fn a_slow_top_loses_nothing_of_the_middle_and_does_not_make_it_look_dead() {
    with_seeds(0..20, |seed| {
        let mut chain = Chain::new(seed, 3).in_a_row();
        chain.servers[2].slowness = 20 * SECOND;
        chain.give(1, 0);
        let words = Ask::Words(Words::parse("biology").unwrap());
        let list = chain.client(0, words, Duration::ZERO);
        let none = chain.client(0, Ask::Hash(root_of(1)), Duration::ZERO);

        chain.play_for(10 * SECOND);

        assert_eq!(chain.route(list), [0, 1]);
        assert!(matches!(chain.answer(none), Answer::Unknown { reason: Reason::Timeout, .. }));
        let health: Vec<Health> = chain.servers[0].lookup.upstreams().map(|upstream| upstream.health).collect();
        assert_eq!((health, chain.servers[0].probes), (vec![Health::Up], 0));
        chain.play();
    });
}

#[test]
fn what_liars_make_up_is_found_out_at_the_latest_when_it_is_fetched() {
    with_seeds(0..100, |seed| {
        let mut chain = Chain::new(seed, 3);
        chain.truthful = false;
        chain.put_above(0, &[1, 2]);
        chain.servers[1].kind = Kind::Liar;
        let share = chain.give(2, 0);
        let client = chain.client(0, Ask::Share(share), Duration::ZERO);
        chain.clients[client].wants_bytes = true;
        // By then the liar was found out, and it is asked again without it.
        let later = chain.client(0, Ask::Share(share), 20 * SECOND);
        chain.clients[later].wants_bytes = true;

        chain.play();

        assert_eq!(chain.clients[later].bytes, Bytes::All, "{:?}", chain.clients);
        assert_eq!(chain.link(1, 0).pieces, 0);
        let lies = chain.servers[0].lookup.upstreams().next().unwrap().lies;
        assert!(
            lies > 0 || chain.servers[0].blamed == [(id_of(1), Reason::Unreachable)],
            "{:?}",
            chain.servers[0].blamed
        );
    });
}

#[test]
fn a_refusal_is_remembered_for_nobody() {
    with_seeds(0..10, |seed| {
        let mut chain = Chain::new(seed, 2).in_a_row();
        chain.servers[1].kind = Kind::Denying;
        let share = chain.give(1, 0);
        let denied = chain.client(0, Ask::Share(share), Duration::ZERO);
        chain.play_for(SECOND);
        assert_eq!(*chain.answer(denied), Answer::Unknown { reason: Reason::Denied, at: id_of(1) });

        chain.servers[1].kind = Kind::Honest;
        let allowed = chain.client(0, Ask::Share(share), Duration::ZERO);
        chain.play();

        assert_eq!(chain.route(allowed), [0, 1]);
    });
}

#[test]
fn what_is_for_chosen_people_is_told_to_no_other_server() {
    with_seeds(0..10, |seed| {
        let mut chain = Chain::new(seed, 2).in_a_row();
        let share = chain.give(1, 1);
        let above = chain.client(1, Ask::Share(share), Duration::ZERO);
        let below = chain.client(0, Ask::Share(share), Duration::ZERO);

        chain.play();

        assert_eq!(chain.route(above), [1]);
        assert!(!matches!(chain.answer(below), Answer::Found { .. }));
    });
}

#[test]
fn thirty_who_want_what_only_the_fourth_server_has_cause_one_transfer_a_link() {
    with_seeds(0..50, |seed| {
        let mut chain = Chain::new(seed, 4).in_a_row();
        let share = chain.give(3, 0);
        for _ in 0..30 {
            let after = MS * chain.dice.below(120) as u32;
            let client = chain.client(0, Ask::Share(share), after);
            chain.clients[client].wants_bytes = true;
        }
        // The first leaves while it is on its way, wherever it is then.
        let after = MS * chain.dice.below(300) as u32;
        chain.world.plan_in(after, Event::Leaves { client: 0 });

        chain.play();

        for link in [chain.link(3, 2), chain.link(2, 1), chain.link(1, 0)] {
            assert_eq!((link.transfers, link.pieces), (1, PIECES));
            assert!(link.questions <= 2, "{link:?}: once for the share, once to have it in hand");
        }
        let got = chain.clients.iter().filter(|client| client.bytes == Bytes::All).count();
        assert!(got >= 29, "{got} got it");

        (1..4).for_each(|server| chain.servers[server].cut_off = true);
        let second = chain.client(0, Ask::Share(share), Duration::ZERO);
        chain.clients[second].wants_bytes = true;
        chain.play();
        assert_eq!((chain.route(second), chain.clients[second].bytes), (vec![0], Bytes::All));
        assert!(chain.clients[second].answer.as_ref().unwrap().1 < 10 * MS);
    });
}

#[test]
fn when_a_source_dies_half_way_the_next_goes_on_with_what_is_missing() {
    with_seeds(0..50, |seed| {
        let mut chain = Chain::new(seed, 3);
        chain.put_above(0, &[1, 2]);
        let share = chain.give(1, 0);
        chain.give(2, 0);
        // A search by words knows both ways; a find by id is satisfied with the first.
        let client = chain.client(0, Ask::Words(Words::parse("lesson 0").unwrap()), Duration::ZERO);
        chain.clients[client].wants_bytes = true;
        chain.play_for(120 * MS);
        let before = chain.servers[0].has[&share];
        assert!((1..PIECES).contains(&before));
        let first = if chain.link(1, 0).pieces > 0 { 1 } else { 2 };
        chain.servers[first].cut_off = true;

        chain.play();

        assert_eq!(chain.clients[client].bytes, Bytes::All);
        assert_eq!(chain.servers[0].blamed, [(id_of(first), Reason::Timeout)]);
        assert_eq!(chain.link(1, 0).pieces + chain.link(2, 0).pieces, PIECES);
    });
}

#[test]
fn wrong_bytes_are_named_and_the_next_source_takes_over() {
    with_seeds(0..30, |seed| {
        let mut chain = Chain::new(seed, 3);
        chain.put_above(0, &[1, 2]);
        chain.servers[1].kind = Kind::Forger;
        chain.give(1, 0);
        chain.give(2, 0);
        let client = chain.client(0, Ask::Words(Words::parse("lesson 0").unwrap()), Duration::ZERO);
        chain.clients[client].wants_bytes = true;

        chain.play();

        assert_eq!(chain.clients[client].bytes, Bytes::All);
        assert!(chain.servers[0].blamed.iter().all(|blame| *blame == (id_of(1), Reason::Corrupt)));
    });
}

#[test]
fn ten_thousand_different_questions_leave_a_bounded_memory() {
    let mut chain = Chain::new(1, 2).in_a_row();
    for number in 0..10_000u32 {
        let words = Words::parse(&format!("nothing{number}")).unwrap();
        chain.client(0, Ask::Words(words), MS * (number / 4));
    }

    chain.play();

    let shown = format!("{:?}", chain.servers[0].lookup).len();
    assert!(shown < 5_000_000, "{shown}");
}

#[test]
fn whatever_is_mixed_every_question_ends_once_and_in_time() {
    with_seeds(0..300, |seed| {
        let mut chain = mixture(seed);

        chain.play();
    });
}

/// Servers above each other at random, some of them bad, some cut off for a while, and clients that come and go.
fn mixture(seed: u64) -> Chain {
    let count = 2 + (seed % 8) as usize;
    let mut chain = Chain::new(seed, count);
    for server in 0..count {
        let above: Vec<usize> = (0..chain.dice.below(4)).map(|_| chain.dice.below(count as u64) as usize).collect();
        chain.put_above(server, &above);
        chain.servers[server].kind = match chain.dice.below(14) {
            0 => Kind::Silent,
            1 => Kind::Liar,
            2 => Kind::Forger,
            3 => Kind::Denying,
            _ => Kind::Honest,
        };
        chain.servers[server].slowness = MS * [0, 0, 0, 30, 400, 5_000][chain.dice.below(6) as usize];
        if chain.dice.percent(25) {
            let (share, from) = (chain.dice.below(3) as usize, chain.dice.below(5_000) as u32);
            chain.give(server, share);
            chain.world.plan_in(MS * from, Event::CutOff { server });
            chain.world.plan_in(MS * (from + chain.dice.below(20_000) as u32), Event::ComesBack { server });
        }
    }
    chain.truthful = chain.servers.iter().all(|server| matches!(server.kind, Kind::Honest | Kind::Silent));
    for _ in 0..chain.dice.below(40) {
        let share = chain.dice.below(3) as usize;
        let ask = match chain.dice.below(3) {
            0 => Ask::Hash(root_of(share)),
            1 => Ask::Share(chain.shares[share].id()),
            _ => Ask::Words(Words::parse(["biology", "lesson 1", "nothing"][share]).unwrap()),
        };
        let (at, after) = (chain.dice.below(count as u64) as usize, MS * chain.dice.below(15_000) as u32);
        let client = chain.client(at, ask, after);
        chain.clients[client].wants_bytes = chain.dice.percent(60);
        chain.clients[client].budget = MS * (60 + chain.dice.below(4_000) as u32);
        chain.clients[client].hops = chain.dice.below(9) as u8;
        if chain.dice.percent(20) {
            let later = after + MS * chain.dice.below(3_000) as u32;
            chain.world.plan_in(later, Event::Leaves { client });
        }
    }
    chain
}
