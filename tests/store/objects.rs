//! Bytes in an object store (a real S3 server in this process), and the cache that brings them.

use std::{
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::TryStreamExt as _;
use handout::{
    share::{EntryKind, Share},
    store::{
        Complete, Effort, ReadError, ShareBytes,
        central::{Central, Place},
        objects::{Cache, ObjectError, Objects},
    },
};

use super::{World, bytes, put, read_all, share_of};
use crate::s3::S3;

fn on_threads<T>(work: impl AsyncFnOnce() -> T) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work())
}

/// Shares files from a folder and puts them into the store.
fn stored(world: &World, objects: &Objects, contents: &[(&str, Vec<u8>)]) -> Arc<Share> {
    for (name, content) in contents {
        put(world.from.join("f").join(name), content);
    }
    let (share, imported) = share_of(&[world.from.join("f")]);
    on_threads(async || {
        for (entry, listed) in share.manifest().entries.iter().enumerate() {
            if let EntryKind::File { size, root, .. } = listed.kind {
                objects.put_content(root, size, &imported.sources.path(entry).unwrap()).await.unwrap();
            }
        }
    });
    share
}

fn cache(objects: &Objects, world: &World, limit: u64, runtime: &tokio::runtime::Runtime) -> Cache {
    Cache::open(objects.clone(), &world.from.join("cache"), limit, runtime.handle().clone()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The bytes of a file, read through the cache.
fn read(complete: &Complete, name: &str) -> Result<Vec<u8>, ReadError> {
    let entries = &complete.share().manifest().entries;
    let entry = entries.iter().position(|entry| entry.path.name() == name).unwrap();
    let mut reader = complete.file_reader(entry, 0, entries[entry].kind.size());
    let (mut all, mut buffer) = (vec![], vec![0; 100_000]);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(all),
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

#[test]
fn objects_are_put_read_in_parts_listed_and_deleted() {
    let s3 = S3::start();
    for prefix in ["", "school/lab"] {
        let objects = s3.open(prefix);
        on_threads(async || {
            objects.try_out().await.unwrap();
            objects.put("a/b", "0123456789".into()).await.unwrap();
            assert_eq!(objects.get("a/b").await.unwrap(), "0123456789");
            assert_eq!(objects.get_range("a/b", 3..6).await.unwrap(), "345");
            let all: Vec<_> = objects.list("a").try_collect().await.unwrap();
            assert_eq!(all.iter().map(|found| (found.key.as_str(), found.size)).collect::<Vec<_>>(), [("a/b", 10)]);
            objects.delete("a/b").await.unwrap();
            objects.delete("a/b").await.unwrap();
            assert!(matches!(objects.get("a/b").await, Err(ObjectError::Missing { .. })));
            assert_eq!(objects.look("a/b").await.unwrap(), None);
        });
    }
    assert!(s3.objects("").is_empty());
}

#[test]
fn wrong_keys_and_a_store_that_is_down_are_told_within_seconds() {
    let s3 = S3::start();
    let mut bucket = s3.bucket("");
    bucket.keys.secret = "another".to_owned();
    let http = handout::net::object_http::ObjectHttp::new(None).unwrap();
    let stranger = Objects::open(&bucket, http).unwrap();
    let error = on_threads(async || stranger.try_out().await).unwrap_err();
    assert!(error.to_string().contains(&s3.endpoint()), "{error}");
    assert!(!error.to_string().contains("another"), "{error}");

    s3.set_down(true);
    let error = on_threads(async || s3.open("").ping().await).unwrap_err();
    assert!(matches!(error, ObjectError::Failed { .. }), "{error}");
}

#[test]
fn what_is_stored_reads_back_equal_and_large_files_go_up_in_parts() {
    let (s3, world, runtime) = (S3::start(), World::new(), runtime());
    let objects = s3.open("lab");
    let contents =
        [("big", bytes(1, 19_000_000)), ("mid", bytes(2, 300_000)), ("same", bytes(2, 300_000)), ("zero", vec![])];
    let share = stored(&world, &objects, &contents);
    assert_eq!(s3.objects("lab/content").len(), 3, "one content is one object");

    let cache = cache(&objects, &world, 100 << 20, &runtime);
    let complete = Complete::stored(share.clone(), cache.clone());
    for (name, content) in &contents {
        assert!(read(&complete, name).unwrap() == *content, "{name}");
    }
    for piece in share.pieces().iter() {
        let spans = share.pieces().spans(piece);
        let expected: Vec<u8> = spans
            .flat_map(|span| {
                let name = share.manifest().entries[span.entry].path.name();
                let content = &contents.iter().find(|(known, _)| *known == name).unwrap().1;
                content[span.offset as usize..][..span.len as usize].to_vec()
            })
            .collect();
        assert!(read_all(complete.reader(piece).unwrap()) == expected);
    }
    let asked = s3.requests();
    assert!(read(&complete, "big").unwrap() == contents[0].1);
    assert_eq!(s3.requests(), asked, "what is here is not asked for again");
    assert_eq!(cache.usage().bytes, 19_300_000);
    let watch = handout::store::Checking { effort: Effort::Foreground, ..handout::store::Checking::default() };
    assert!(complete.verify_all(&watch).right.is_full());
}

#[test]
fn a_byte_that_the_store_changed_is_never_given_out() {
    let (s3, world, runtime) = (S3::start(), World::new(), runtime());
    let objects = s3.open("");
    let contents = [("big", bytes(1, 5_000_000)), ("mid", bytes(2, 300_000)), ("tiny", bytes(3, 10))];
    let share = stored(&world, &objects, &contents);
    for path in s3.objects("content") {
        let mut content = fs::read(&path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(&path, content).unwrap();
    }
    let complete = Complete::stored(share.clone(), cache(&objects, &world, 100 << 20, &runtime));
    for (name, content) in &contents {
        let error = read(&complete, name).unwrap_err();
        assert!(matches!(&error, ReadError::Away { reason } if reason.contains("wrong bytes")), "{name}: {error}");
        assert_eq!(error.hint(), "Try again when the storage answers.");
        let file = share.manifest().entries.iter().position(|entry| entry.path.name() == *name).unwrap();
        let mut first = vec![0; 10];
        // What comes before the wrong piece is right, and may be given.
        if complete.file_reader(file, 0, 10).read(&mut first).is_ok() {
            assert_eq!(first, content[..10]);
        }
    }
}

#[test]
fn a_cache_smaller_than_what_is_read_stays_within_its_bound_and_readers_go_on() {
    let (s3, world, runtime) = (S3::start(), World::new(), runtime());
    let objects = s3.open("");
    let contents: Vec<(String, Vec<u8>)> =
        (0..6).map(|number| (format!("f{number}"), bytes(number, 3_000_000))).collect();
    let named: Vec<(&str, Vec<u8>)> = contents.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let share = stored(&world, &objects, &named);
    let cache = cache(&objects, &world, 8 << 20, &runtime);
    let complete = Complete::stored(share, cache.clone());

    std::thread::scope(|scope| {
        for (name, content) in &contents {
            let (complete, cache) = (complete.clone(), cache.clone());
            scope.spawn(move || {
                for _ in 0..2 {
                    assert!(read(&complete, name).unwrap() == *content, "{name}");
                    assert!(cache.usage().bytes <= 9 << 20, "{:?}", cache.usage());
                }
            });
        }
    });

    let on_disk: u64 =
        fs::read_dir(world.from.join("cache")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(on_disk <= 18_000_000 && cache.usage().bytes <= 8 << 20, "{on_disk} {:?}", cache.usage());
}

#[test]
fn a_store_that_was_down_is_read_again_when_it_is_back() {
    let (s3, world, runtime) = (S3::start(), World::new(), runtime());
    let objects = s3.open("");
    let contents = [("a", bytes(1, 400_000))];
    let share = stored(&world, &objects, &contents);
    let complete = Complete::stored(share, cache(&objects, &world, 64 << 20, &runtime));

    s3.set_down(true);
    assert!(matches!(read(&complete, "a"), Err(ReadError::Away { .. })));
    s3.set_down(false);

    assert!(read(&complete, "a").unwrap() == contents[0].1);
}

#[test]
fn a_file_that_was_changed_after_it_was_read_is_not_stored() {
    let (s3, world) = (S3::start(), World::new());
    let objects = s3.open("");
    for size in [1_000, 9_000_000] {
        let path = put(world.from.join("a"), &bytes(1, size));
        let (share, _) = share_of(std::slice::from_ref(&path));
        let EntryKind::File { root, .. } = share.manifest().entries[0].kind else { unreachable!() };
        fs::write(&path, bytes(2, size)).unwrap();
        let error = on_threads(async || objects.put_content(root, size as u64, &path).await).unwrap_err();
        assert!(error.to_string().contains("was changed"), "{error}");
    }
    assert!(s3.objects("content").is_empty());
}

#[test]
fn garbage_goes_after_its_time_and_what_a_row_names_stays() {
    let (s3, world) = (S3::start(), World::new());
    let objects = s3.open("lab");
    let share = stored(&world, &objects, &[("kept", bytes(1, 1_000)), ("also", bytes(2, 1_000))]);
    put(world.from.join("gone"), &bytes(3, 1_000));
    let (gone, _) = share_of(&[world.from.join("gone")]);
    let EntryKind::File { size, root, .. } = gone.manifest().entries[0].kind else { unreachable!() };
    on_threads(async || {
        let central = Central::open(&Place::Sqlite(world.from.join("server.db"))).await.unwrap();
        let new = handout::store::central::NewShare {
            id: share.id(),
            manifest: share.manifest(),
            owner: None,
            owner_name: "Ann",
            audience: handout::access::Audience::Room,
            added_s: 1,
            origin: "upload",
            here: true,
        };
        central.add_share(&new).await.unwrap();
        let wire = ShareBytes { signed: share.signed().to_wire().to_vec(), hashes: share.hashes().to_bytes() };
        objects.put_share(share.id(), &wire).await.unwrap();
        assert_eq!(objects.share(share.id()).await.unwrap(), wire);
        objects.put_share(gone.id(), &wire).await.unwrap();
        objects.put_content(root, size, &world.from.join("gone")).await.unwrap();
        objects.put("uploads/nobody/0-1", "x".into()).await.unwrap();
        objects.put("notes/of-somebody-else", "x".into()).await.unwrap();

        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        assert_eq!(objects.sweep(hour_ago, &central).await.unwrap(), 0, "all of it is young");
        let later = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(objects.sweep(later, &central).await.unwrap(), 3);
        assert_eq!(objects.sweep(later, &central).await.unwrap(), 0);
    });
    assert_eq!((s3.objects("lab/content").len(), s3.objects("lab/shares").len()), (2, 1));
    assert_eq!((s3.objects("lab/uploads").len(), s3.objects("lab/notes").len()), (0, 1));
}
