//! The rules of questions one by one; whole chains are played in `tests/sim/chain.rs`.

use std::time::{Duration, Instant};

use super::*;
use crate::share::{Audience, Root, ShareId};

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_same_words_are_the_same_question_and_no_words_are_none() {
    assert_eq!(Words::parse("Über  Bio, bio!"), Words::parse("bio ÜBER"));
    assert_eq!(Words::parse("Über  Bio").unwrap().to_string(), "bio uber");
    assert_eq!(Words::parse(" .,- "), None);
    assert_eq!(Words::parse(&"a b c d e f g h i j ".repeat(9)).unwrap().iter().count(), 8);
}

#[test]
fn a_title_answers_words_like_the_index_of_a_server() {
    let fit = |words: &str, title: &str| Words::parse(words).unwrap().fit(title);
    for (words, title) in
        [("数学", "高校数学問題集"), ("strasse", "Straße"), ("lodz", "Łódź"), ("lesson 7", "lesson7b")]
    {
        assert!(fit(words, title), "{words}");
    }
    assert!(!fit("sheet", "worksheet") && !fit("数問", "高校数学問題集"));
    let long = Words::parse(&format!("{} ", "𠀀".repeat(400)).repeat(9)).unwrap();
    assert!(long.to_string().len() <= 1_024, "it fits into a question");
}

#[test]
fn equal_questions_of_people_go_up_once() {
    let mut server = At::new(&[1]);

    let asks: Vec<_> = (0..30).flat_map(|number| server.person_asks(number, hash())).collect();

    assert_eq!(asks.len(), 1);
    assert_eq!(server.answer_to_all(asks[0].0, 1, not_found(1)).len(), 30);
}

#[test]
fn a_flight_goes_on_when_all_have_left_and_its_answer_is_remembered() {
    let mut server = At::new(&[1]);
    let asks = server.person_asks(1, hash());
    server.input(Input::Left { ticket: Ticket(1) });

    let answers = server.answer_to_all(asks[0].0, 1, Answer::Found { finds: vec![find(1, &[1])], missing: vec![] });

    assert!(answers.is_empty());
    assert!(server.person_asks(2, hash()).is_empty(), "it is known");
}

#[test]
fn not_found_is_forgotten_after_its_time_and_at_once_when_an_upstream_has_news() {
    let mut server = At::new(&[1]);
    let asks = server.person_asks(1, hash());
    server.answer_to_all(asks[0].0, 1, not_found(1));
    assert!(server.person_asks(2, hash()).is_empty());

    server.input(Input::UpstreamChanged { upstream: id(1) });
    let asks = server.person_asks(3, hash());
    assert_eq!(asks.len(), 1);
    server.answer_to_all(asks[0].0, 1, not_found(1));

    server.now += 61 * 1_000 * MS;
    assert_eq!(server.person_asks(4, hash()).len(), 1);
}

#[test]
fn who_presses_try_again_is_not_answered_from_memory() {
    let mut server = At::new(&[1]);
    let asks = server.person_asks(1, hash());
    server.answer_to_all(asks[0].0, 1, not_found(1));

    let again = server.asks(2, Asker::Person(1), Query { fresh: true, ..query(2, hash()) });

    assert_eq!(again.len(), 1);
}

#[test]
fn a_known_id_and_an_own_name_among_those_passed_are_loops() {
    let mut server = At::new(&[1]);
    server.person_asks(1, hash());

    server.asks(2, Asker::Server(id(5)), query(1, hash()));
    server.asks(3, Asker::Server(id(5)), Query { passed: vec![id(0), id(5)], ..query(9, hash()) });

    let unknown = Answer::Unknown { reason: Reason::Loop, at: id(0) };
    assert_eq!(server.answers, [(Ticket(2), unknown.clone()), (Ticket(3), unknown)]);
}

#[test]
fn an_upstream_is_not_asked_what_it_asks() {
    let mut server = At::new(&[1, 2]);

    let asks = server.asks(1, Asker::Server(id(1)), query(1, hash()));

    assert_eq!(asks.iter().map(|(_, upstream)| *upstream).collect::<Vec<_>>(), [id(2)]);
}

#[test]
fn a_server_waits_only_for_a_flight_with_a_smaller_id() {
    let mut server = At::new(&[1]);
    server.asks(1, Asker::Person(1), query(5, hash()));

    assert_eq!(server.asks(2, Asker::Server(id(8)), query(6, hash())).len(), 0, "it joins");
    assert_eq!(server.asks(3, Asker::Server(id(9)), query(4, hash())).len(), 1, "it does not");
}

#[test]
fn a_short_question_does_not_make_an_upstream_look_dead() {
    let mut server = At::new(&[1]);
    server.asks(1, Asker::Server(id(9)), Query { budget: 100 * MS, ..query(1, hash()) });
    server.now += 100 * MS;
    server.input(Input::Tick);

    assert!(matches!(server.answers[..], [(_, Answer::Unknown { reason: Reason::Timeout, .. })]));
    assert_eq!(server.lookup.upstreams().map(|upstream| upstream.health).collect::<Vec<_>>(), [Health::Up]);
}

#[test]
fn one_person_can_not_take_all_places() {
    let mut server = At::new(&[1]);

    for number in 0..100 {
        let words = Ask::Words(Words::parse(&format!("w{number}")).unwrap());
        server.asks(number, Asker::Person(1), query(number as u8, words));
    }

    let refused = server
        .answers
        .iter()
        .filter(|(_, answer)| matches!(answer, Answer::Unknown { reason: Reason::Overloaded, .. }));
    assert_eq!(refused.count(), 100 - Limits::default().open_per_person);
}

#[test]
fn finds_with_an_impossible_way_or_of_another_share_are_lies() {
    let share = Ask::Share(ShareId([1; 32]));
    let too_long: Vec<u8> = (1..7).collect();
    let wrong = [find(1, &[2]), find(1, &[]), find(1, &[1, 2, 1]), find(2, &[1]), find(1, &too_long)];
    for lie in wrong {
        let mut server = At::new(&[1]);
        let asks = server.person_asks(1, share.clone());

        let answers = server.answer_to_all(asks[0].0, 1, Answer::Found { finds: vec![lie.clone()], missing: vec![] });

        assert_eq!(answers, [Answer::Unknown { reason: Reason::Corrupt, at: id(1) }], "{lie:?}");
        assert_eq!(server.lookup.upstreams().next().map(|upstream| upstream.lies), Some(1));
    }
}

#[test]
fn what_needs_a_link_is_found_by_its_id_alone() {
    let secret = Find { audience: Audience::Link, ..find(1, &[1]) };
    let ask = |ask: Ask| {
        let mut server = At::new(&[1]);
        let asks = server.person_asks(1, ask);
        server.answer_to_all(asks[0].0, 1, Answer::Found { finds: vec![secret.clone()], missing: vec![] })
    };

    assert!(matches!(ask(Ask::Share(ShareId([1; 32])))[..], [Answer::Found { .. }]));
    assert!(matches!(ask(Ask::Words(Words::parse("x").unwrap()))[..], [Answer::Unknown { .. }]));
}

#[test]
fn lists_of_several_servers_become_one_with_the_closest_first() {
    let mut server = At::new(&[1, 2]);
    let asks = server.person_asks(1, Ask::Words(Words::parse("cell").unwrap()));
    assert_eq!(asks.len(), 2);
    let titled = |share: u8, title: &str, route: &[u8]| Find { title: title.to_owned(), ..find(share, route) };
    let one = vec![titled(1, "Cells", &[1, 3]), titled(2, "Atoms", &[1])];
    let other = vec![titled(1, "Cells", &[2]), titled(3, "The cell", &[2, 4])];

    server.input(Input::Answered {
        flight: asks[0].0,
        upstream: id(1),
        answer: Answer::Found { finds: one, missing: vec![] },
    });
    let answers = server.answer_to_all(asks[1].0, 2, Answer::Found { finds: other, missing: vec![] });

    let [Answer::Found { finds, .. }] = &answers[..] else { panic!("{answers:?}") };
    let ids: Vec<u8> = finds.iter().map(|find| find.share.0[0]).collect();
    assert_eq!(ids, [3, 1, 2]);
    let ways: Vec<usize> = finds[1].routes().map(Vec::len).collect();
    assert_eq!(ways, [2, 3], "the same share by two ways, the shorter first");
}

#[test]
fn nobody_waits_for_a_share_that_is_on_its_way_over_himself() {
    let mut transfers = transfers::Transfers::new(transfers::Limits::default(), id(0));
    let now = Instant::now();
    let mut wanted = |ticket: u64, passed: &[u8]| {
        let route = [0, 1, 2].map(|number| Step { server: id(number), name: String::new() }).to_vec();
        let (passed, patience) = (passed.iter().map(|number| id(*number)).collect(), Duration::from_secs(9));
        let (ticket, share) = (Ticket(ticket), ShareId([1; 32]));
        transfers.handle(now, transfers::Input::Wanted { ticket, share, routes: vec![route], passed, patience });
        std::iter::from_fn(|| transfers.poll_effect()).collect::<Vec<_>>()
    };

    assert!(matches!(wanted(1, &[])[..], [transfers::Effect::Prepare { .. }]));
    let refused = transfers::Effect::Refuse { ticket: Ticket(2), reason: Reason::Loop, at: id(0) };
    assert_eq!(wanted(2, &[2]), [refused]);
    assert_eq!(wanted(3, &[7]), []);
}

/// A server in the middle of what it is told.
struct At {
    now: Instant,
    lookup: Lookup,
    answers: Vec<(Ticket, Answer)>,
}

impl At {
    fn new(upstreams: &[u8]) -> At {
        let me = Step { server: id(0), name: "lab".to_owned() };
        let mut at = At { now: Instant::now(), lookup: Lookup::new(Limits::default(), me), answers: vec![] };
        at.input(Input::UpstreamsSet { upstreams: upstreams.iter().map(|number| id(*number)).collect() });
        at
    }

    /// What is asked of whom because of it.
    fn input(&mut self, input: Input) -> Vec<(u64, PeerId)> {
        self.lookup.handle(self.now, input);
        let mut asks = vec![];
        let mut searches = vec![];
        while let Some(effect) = self.lookup.poll_effect() {
            match effect {
                Effect::Ask { flight, upstream, .. } => asks.push((flight, upstream)),
                Effect::Answer { ticket, answer } => self.answers.push((ticket, answer)),
                Effect::SearchHere { ticket, .. } => searches.push(ticket),
                _ => {}
            }
        }
        for ticket in searches {
            asks.extend(self.input(Input::SearchedHere { ticket, finds: vec![] }));
        }
        asks
    }

    fn asks(&mut self, ticket: u64, asker: Asker, query: Query) -> Vec<(u64, PeerId)> {
        self.input(Input::Asked { ticket: Ticket(ticket), asker, query })
    }

    fn person_asks(&mut self, ticket: u64, ask: Ask) -> Vec<(u64, PeerId)> {
        self.asks(ticket, Asker::Person(ticket), query(ticket as u8, ask))
    }

    fn answer_to_all(&mut self, flight: u64, upstream: u8, answer: Answer) -> Vec<Answer> {
        self.answers.clear();
        self.input(Input::Answered { flight, upstream: id(upstream), answer });
        self.answers.drain(..).map(|(_, answer)| answer).collect()
    }
}

fn query(number: u8, ask: Ask) -> Query {
    let budget = Duration::from_secs(3);
    Query { id: QueryId([number; 16]), ask, hops_left: 4, passed: vec![], budget, mode: Mode::Parents, fresh: false }
}

fn hash() -> Ask {
    Ask::Hash(Root([7; 32]))
}

fn not_found(server: u8) -> Answer {
    Answer::NotFound { scope: vec![id(server)], ttl: Duration::from_secs(3_600) }
}

fn find(share: u8, route: &[u8]) -> Find {
    Find {
        share: ShareId([share; 32]),
        title: "x".to_owned(),
        size: 1,
        files: 1,
        kind: FindKind::File,
        publisher: id(50),
        created_s: 0,
        audience: Audience::Everyone,
        manifest: None,
        route: route.iter().map(|number| Step { server: id(*number), name: String::new() }).collect(),
        detours: vec![],
    }
}

fn id(number: u8) -> PeerId {
    PeerId([number; 32])
}
