//! What must last lasts; what is damaged is set aside and told.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use handout::{
    share::{PeerId, ShareId},
    store::{
        Database, DatabaseError, GivenRecord, Recipients, RememberedPeer, Repair, ShareBytes, ShareRecord, ShareState,
        Sources, Store,
    },
    traffic::{Class, Limits, Options, Order, Priority, Rate, SeedUntil},
};

use super::{World, put, share_of};

#[tokio::test]
async fn shares_and_peers_are_there_after_a_restart() {
    let world = World::new();
    let (_, imported) = share_of(&[put(world.from.join("a"), b"1")]);
    let home = world.state.join("deep/home");
    let peers = BTreeSet::from([PeerId([1; 32]), PeerId([2; 32])]);
    let mut mine = record(1);
    mine.recipients = Recipients::Peers(peers);
    mine.sources = Some(imported.sources.clone());
    let mut coming = record(2);
    (coming.mine, coming.state, coming.into) = (false, ShareState::Partial, Some(PathBuf::from("/tmp/Ω")));
    coming.recipients = Recipients::Link;
    let ann = peer(1, 1000);

    let (store, repairs) = Store::open(&home).await.unwrap();
    assert_eq!(repairs, []);
    store.remember_share(&mine, bytes(1)).await.unwrap();
    store.remember_share(&coming, bytes(2)).await.unwrap();
    store.database.remember_peer(&ann).await.unwrap();
    store.database.close().await;

    let (store, _) = Store::open(&home).await.unwrap();
    let (shares, damaged) = store.all_shares().await.unwrap();
    assert_eq!(shares.iter().map(|share| &share.record).collect::<Vec<_>>(), [&mine, &coming]);
    assert_eq!(shares.iter().map(|share| &share.bytes).collect::<Vec<_>>(), [&bytes(1), &bytes(2)]);
    assert_eq!((damaged, store.database.peers().await.unwrap()), (vec![], vec![ann]));
    let mode = fs::metadata(store.state_folder()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    store.database.close().await;
}

#[tokio::test]
async fn what_is_known_of_a_share_can_be_changed_and_forgotten() {
    let world = World::new();
    let (_, imported) = share_of(&[put(world.from.join("a"), b"1")]);
    let (store, _) = Store::open(&world.state).await.unwrap();
    let share = ShareRecord { state: ShareState::Partial, ..record(1) };
    store.remember_share(&share, bytes(1)).await.unwrap();
    let only = async || store.all_shares().await.unwrap().0.remove(0).record;

    assert!(store.database.set_state(share.id, ShareState::Paused).await.unwrap());
    assert_eq!(only().await.state, ShareState::Paused);
    assert!(store.database.set_sources(share.id, &imported.sources).await.unwrap());
    assert_eq!((only().await.state, only().await.sources), (ShareState::Complete, Some(imported.sources.clone())));
    for recipients in [Recipients::Peers(BTreeSet::from([PeerId([9; 32])])), Recipients::Link, Recipients::Everyone] {
        assert!(store.database.set_recipients(share.id, &recipients).await.unwrap());
        assert_eq!(only().await.recipients, recipients);
    }
    // Writing it down again replaces it, and keeps where its files are.
    store.remember_share(&share, bytes(1)).await.unwrap();
    assert_eq!(only().await, ShareRecord { sources: Some(imported.sources.clone()), ..share.clone() });

    store.forget_share(share.id).await.unwrap();
    store.forget_share(share.id).await.unwrap();
    assert!(store.all_shares().await.unwrap().0.is_empty());
    let unknown = ShareId([77; 32]);
    assert!(!store.database.set_state(unknown, ShareState::Paused).await.unwrap());
    assert!(!store.database.set_sources(unknown, &Sources::new()).await.unwrap());
    assert!(
        !store.database.set_recipients(unknown, &Recipients::Peers(BTreeSet::from([PeerId([1; 32])]))).await.unwrap()
    );
    store.database.close().await;
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_and_a_new_one_begun() {
    for damage in [&b"this is not a database, whatever its name says"[..], &[0; 8192], b""] {
        let world = World::new();
        let (store, _) = Store::open(&world.state).await.unwrap();
        store.remember_share(&record(1), bytes(1)).await.unwrap();
        store.database.close().await;
        let file = store.state_folder().join("handout.db");
        let mut content = fs::read(&file).unwrap();
        content[..damage.len().min(8192)].copy_from_slice(damage);
        if damage.is_empty() {
            // A page in the middle, so that only a look at everything finds it.
            content[4096..4196].fill(0xff);
        }
        fs::write(&file, content).unwrap();

        let (store, repairs) = Store::open(&world.state).await.unwrap();

        let [Repair::Database { aside }] = &repairs[..] else { panic!("it should be told") };
        assert!(aside.exists() && repairs[0].to_string().contains("is kept as"));
        assert!(store.all_shares().await.unwrap().0.is_empty());
        // The share itself survived, and can be written down again.
        store.remember_share(&record(1), bytes(1)).await.unwrap();
        assert_eq!(store.all_shares().await.unwrap().0.len(), 1);
        store.database.close().await;
        let (store, repairs) = Store::open(&world.state).await.unwrap();
        assert_eq!(repairs, []);
        store.database.close().await;
    }
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_alone() {
    let world = World::new();
    let path = world.state.join("handout.db");
    let (database, _) = Database::open(&path).await.unwrap();
    database.close().await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'later', 1, x'00', 0)";
    sqlx::query(later).execute(&pool).await.unwrap();
    pool.close().await;

    assert!(matches!(Database::open(&path).await, Err(DatabaseError::Newer { .. })));
}

#[tokio::test]
async fn a_folder_that_cant_be_made_is_an_error_that_names_it() {
    let world = World::new();
    let file = put(world.state.join("file"), b"in the way");
    let error = Store::open(&file).await.err().unwrap();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn leftovers_of_an_unclean_stop_are_swept_and_nothing_else() {
    let world = World::new();
    let (store, _) = Store::open(&world.state).await.unwrap();
    store.remember_share(&record(1), bytes(1)).await.unwrap();
    store.remember_share(&ShareRecord { state: ShareState::Partial, ..record(2) }, bytes(2)).await.unwrap();
    store.database.close().await;
    let state = store.state_folder();
    let name = |number: u8, end: &str| state.join(format!("{}{end}", ShareId([number; 32])));
    let swept = [name(1, ".have"), name(2, ".have.new"), name(3, ".share"), name(3, ".share.new")];
    let kept = [name(1, ".share"), name(2, ".share"), name(2, ".have"), name(3, ".have"), state.join("other")];
    swept.iter().chain(&kept[2..]).for_each(|path| drop(put(path, b"x")));

    let (store, _) = Store::open(&world.state).await.unwrap();

    assert_eq!(swept.map(|path| path.exists()), [false; 4]);
    assert_eq!(kept.map(|path| path.exists()), [true; 5]);
    store.database.close().await;
}

#[tokio::test]
async fn a_share_whose_file_is_damaged_is_told_apart() {
    let world = World::new();
    let (store, _) = Store::open(&world.state).await.unwrap();
    for number in [1, 2] {
        store.remember_share(&record(number), bytes(number)).await.unwrap();
    }
    fs::write(store.state_folder().join(format!("{}.share", ShareId([1; 32]))), b"short").unwrap();
    let (stored, damaged) = store.all_shares().await.unwrap();
    assert_eq!(stored.iter().map(|share| share.record.id).collect::<Vec<_>>(), [ShareId([2; 32])]);
    assert_eq!(damaged, [record(1)]);
    store.database.close().await;
}

#[tokio::test]
async fn of_very_many_peers_those_seen_last_are_remembered() {
    let world = World::new();
    let (database, _) = Database::open(&world.state.join("db")).await.unwrap();
    for number in 0..4_100u64 {
        database.remember_peer(&peer(number, number)).await.unwrap();
    }
    let mut long = peer(5_000, 5_000);
    long.name = "é".repeat(1000);
    long.addresses = vec!["10.0.0.1:1".parse().unwrap(); 100];
    database.remember_peer(&long).await.unwrap();

    let peers = database.peers().await.unwrap();

    assert_eq!(peers.len(), 4_096);
    assert_eq!((peers[0].addresses.len(), peers[0].name.len()), (16, 254));
    assert_eq!(peers.last().unwrap().last_seen, UNIX_EPOCH + Duration::from_secs(5));
    database.close().await;
}

fn record(number: u8) -> ShareRecord {
    ShareRecord {
        id: ShareId([number; 32]),
        mine: true,
        state: ShareState::Complete,
        recipients: Recipients::Everyone,
        into: None,
        added: UNIX_EPOCH + Duration::from_secs(1_700_000_000 - u64::from(number == 1)),
        sources: None,
    }
}

fn bytes(number: u8) -> ShareBytes {
    ShareBytes { signed: vec![number; 1000], hashes: vec![number; 64] }
}

fn peer(number: u64, seen_s: u64) -> RememberedPeer {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    RememberedPeer {
        id: PeerId(id),
        name: format!("Ann {number}"),
        addresses: vec!["192.168.1.7:4711".parse().unwrap(), "[fe80::1]:4711".parse().unwrap()],
        last_seen: SystemTime::UNIX_EPOCH + Duration::from_secs(seen_s),
    }
}

#[tokio::test]
async fn what_was_chosen_for_a_share_and_what_was_given_of_it_read_back() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(home.path()).await.unwrap();
    let world = World::new();
    let (share, _) = share_of(&[put(world.from.join("a"), b"a")]);
    let options = Options {
        priority: Priority::High,
        position: -3,
        order: Order::InOrder,
        class: Class::Background,
        limits: Limits { down: Rate::new(65_536), up: None },
        seed_until: Some(SeedUntil::Ratio(1_500)),
        seeding_ended: true,
        completed_s: Some(1_700_000_000),
        choosing: true,
        wanted: Some(Arc::new([0, 7, 4_000_000_000].into())),
    };
    let given = GivenRecord {
        share: share.id(),
        peer: PeerId([5; 32]),
        title: "Film".to_owned(),
        bytes: 1 << 40,
        last: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    };

    // Nothing is kept of a share that is not known.
    store.database.set_options(share.id(), &options).await.unwrap();
    assert!(store.database.all_options().await.unwrap().is_empty());
    let mut known = record(1);
    known.id = share.id();
    store.remember_share(&known, bytes(1)).await.unwrap();
    for options in [Options::default(), options.clone()] {
        store.database.set_options(share.id(), &options).await.unwrap();
        assert_eq!(store.database.all_options().await.unwrap(), [(share.id(), options)].into());
    }
    store.database.set_given(std::slice::from_ref(&given)).await.unwrap();

    store.forget_share(share.id()).await.unwrap();

    assert!(store.database.all_options().await.unwrap().is_empty());
    assert_eq!(store.database.given().await.unwrap(), [given]);
}
