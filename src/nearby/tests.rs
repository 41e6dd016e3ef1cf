use super::*;

const MDNS_SILENCE: Duration = Duration::from_secs(30);

#[test]
fn sightings_of_one_key_are_one_neighbour_with_all_addresses() {
    let mut table = Table::new();

    table.seen(Source::Mdns, "Ann", &["[fe80::1%3]:7000", "10.0.0.1:7000"]);
    table.changes(&[Change::Appeared { peer: ANN }]);
    table.seen(Source::Inbound, "Ann", &["10.0.0.2:7000"]);
    table.changes(&[Change::Changed { peer: ANN }]);

    assert_eq!(table.ann().via, Source::Inbound);
    assert_eq!(table.addresses(), ["10.0.0.2:7000", "10.0.0.1:7000", "[fe80::1%3]:7000"]);
}

#[test]
fn the_same_sighting_again_changes_nothing_but_the_time() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);
    table.changes(&[Change::Appeared { peer: ANN }]);

    table.wait(10);
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);

    table.changes(&[]);
    assert_eq!(table.ann().last_seen, table.now);
}

#[test]
fn a_goodbye_counts_at_once() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);
    table.changes(&[Change::Appeared { peer: ANN }]);

    table.input(Input::Goodbye { peer: ANN });

    table.changes(&[Change::Gone { peer: ANN }]);
    assert_eq!(table.nearby.next_wakeup(), None);
}

#[test]
fn a_goodbye_in_the_name_of_one_that_speaks_with_us_is_checked_first() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);
    table.input(Input::Spoke { peer: ANN });
    table.input(Input::Goodbye { peer: ANN });
    table.changes(&[Change::Appeared { peer: ANN }]);

    table.wait(4);
    table.input(Input::Spoke { peer: ANN });
    table.wait(20);
    assert!(table.nearby.get(&ANN).is_some());

    table.input(Input::Spoke { peer: ANN });
    table.input(Input::Goodbye { peer: ANN });
    table.wait(6);
    assert!(table.nearby.get(&ANN).is_none());
}

#[test]
fn silence_is_doubted_first_and_then_ends_it() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);
    table.changes(&[Change::Appeared { peer: ANN }]);

    table.wait(16);
    table.changes(&[Change::Doubted { peer: ANN }]);
    table.wait(13);
    table.changes(&[]);
    table.wait(2);

    table.changes(&[Change::Gone { peer: ANN }]);
}

#[test]
fn one_that_answers_when_doubted_stays() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);

    for _ in 0..10 {
        table.wait(16);
        table.input(Input::Spoke { peer: ANN });
    }

    assert_eq!(table.addresses(), ["10.0.0.1:7000"]);
    table.wait(MDNS_SILENCE.as_secs() + 1);
    assert!(table.nearby.get(&ANN).is_none());
}

#[test]
fn what_anybody_can_make_up_does_not_overrule_what_was_proven() {
    let mut table = Table::new();
    table.seen(Source::Inbound, "Ann", &["10.0.0.1:7000"]);

    table.seen(Source::Peer, "Mallory", &["10.6.6.6:7000"]);

    assert_eq!(table.ann().name.as_deref(), Some("Ann"));
    assert_eq!(table.addresses(), ["10.0.0.1:7000", "10.6.6.6:7000"]);
}

#[test]
fn an_address_that_is_no_longer_told_is_forgotten() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000", "10.0.0.2:7000"]);

    table.seen(Source::Mdns, "Ann", &["10.0.0.2:7000"]);

    assert_eq!(table.addresses(), ["10.0.0.2:7000"]);
}

#[test]
fn another_catalogue_number_is_told() {
    let mut table = Table::new();
    table.seen(Source::Mdns, "Ann", &["10.0.0.1:7000"]);
    table.changes(&[Change::Appeared { peer: ANN }]);

    let sighting = Sighting { catalogue: Some(2), ..table.sighting(Source::Mdns, "Ann", &["10.0.0.1:7000"]) };
    table.input(Input::Seen(sighting));

    table.changes(&[Change::CatalogueChanged { peer: ANN }]);
    assert_eq!(table.ann().catalogue, Some(2));
}

#[test]
fn a_thousand_addresses_are_cut_to_sixteen() {
    let mut table = Table::new();
    let addresses: Vec<String> = (0..1000).map(|n| format!("10.0.{}.{}:7000", n / 250, n % 250)).collect();

    table.seen(Source::Mdns, "Ann", &addresses.iter().map(String::as_str).collect::<Vec<_>>());

    assert_eq!(table.ann().addresses.len(), 16);
}

#[test]
fn a_full_table_lets_the_longest_unseen_go_and_those_announced_only_for_one_that_is_proven() {
    let mut nearby = Nearby::new(Limits { peers_max: 2, ..Limits::default() }, ME, 1);
    let begin = Instant::now();
    let mut seen = |after: u64, n: u8, source| {
        let sighting = Sighting { peer: PeerId([n; 32]), ..Table::new().sighting(source, "Somebody", &["10.0.0.1:7"]) };
        nearby.handle(begin + Duration::from_secs(after), Input::Seen(sighting));
        nearby.iter().map(|(peer, _)| peer.0[0]).collect::<Vec<_>>()
    };

    assert_eq!(seen(0, 1, Source::Mdns), [1]);
    assert_eq!(seen(1, 2, Source::Peer), [1, 2]);
    assert_eq!(seen(2, 3, Source::Mdns), [1, 3], "one that was told goes, though it was seen later");
    assert_eq!(seen(3, 4, Source::Mdns), [1, 3], "nobody goes for one that anybody can make up");
    assert_eq!(seen(4, 5, Source::Inbound), [3, 5], "the longest unseen goes for one that is proven");
}

const ANN: PeerId = PeerId([1; 32]);
const ME: PeerId = PeerId([0; 32]);

struct Table {
    now: Instant,
    nearby: Nearby,
}

impl Table {
    fn new() -> Table {
        Table { now: Instant::now(), nearby: Nearby::new(Limits::default(), ME, 1) }
    }

    fn input(&mut self, input: Input) {
        self.nearby.handle(self.now, input);
    }

    fn seen(&mut self, source: Source, name: &str, addresses: &[&str]) {
        let sighting = self.sighting(source, name, addresses);
        self.input(Input::Seen(sighting));
    }

    fn sighting(&self, source: Source, name: &str, addresses: &[&str]) -> Sighting {
        Sighting {
            peer: ANN,
            instance: Some(8),
            name: Some(name.to_owned()),
            role: Role::Peer,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            source,
            catalogue: Some(1),
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.input(Input::Tick);
    }

    #[track_caller]
    fn changes(&mut self, expected: &[Change]) {
        let changes: Vec<_> = std::iter::from_fn(|| self.nearby.poll_change()).collect();
        assert_eq!(changes, expected);
    }

    fn ann(&self) -> &Neighbour {
        self.nearby.get(&ANN).expect("Ann is around")
    }

    fn addresses(&self) -> Vec<String> {
        self.ann().addresses.iter().map(|address| address.to_string()).collect()
    }
}
