//! Shares and files are found by the words of their names.

use handout::{
    access::{Action, Audience, GroupId},
    share::{Audience as For, Entry, EntryKind, Manifest, Modified, PieceLen, PublicKey, Root, ShareId, SharePath},
    store::central::{Central, FROM_ABOVE, NewShare},
};

use super::{Engine, note, on_both, permit};

#[test]
fn files_are_found_by_beginnings_of_their_words_newest_first() {
    on_both(async |Engine { central, .. }| {
        add(&central, 1, "Biology", &["Biology/Übung_04-final.PDF", "Biology/zelle.png"]).await;
        add(&central, 2, "Übungen", &["Übungen/blatt 4.pdf"]).await;
        let find = async |words: &str| -> Vec<String> {
            let found = central.find(words, i64::MAX, 50).await.unwrap();
            found
                .iter()
                .map(|file| if file.entry.is_some() { file.path.clone() } else { file.share.title.clone() })
                .collect()
        };

        assert_eq!(find("ubung").await, ["Übungen/blatt 4.pdf", "Übungen", "Biology/Übung_04-final.PDF"]);
        assert_eq!(find("FINAL ü").await, ["Biology/Übung_04-final.PDF"]);
        assert_eq!(find("04").await, ["Biology/Übung_04-final.PDF"]);
        assert_eq!(find("pdf 4").await, ["Übungen/blatt 4.pdf"]);
        assert_eq!(find("ung").await, [""; 0], "words are found by their beginning");
        for hostile in ["", "  ", "\"", "' OR 1=1 --", "q:* & !x", "NEAR(a b)", "*", "\\", "\0"] {
            assert_eq!(find(hostile).await, [""; 0], "{hostile:?}");
        }
    });
}

#[test]
fn every_script_and_every_keyboard_finds_what_is_there() {
    on_both(async |Engine { central, .. }| {
        add(&central, 1, "高校数学問題集", &["高校数学問題集/第3課 関数.pdf"]).await;
        add(&central, 2, "แบบฝึกหัดโรงเรียน", &["แบบฝึกหัดโรงเรียน/บทที่1.pdf"]).await;
        add(&central, 3, "수학문제집", &["수학문제집/답안지.pdf"]).await;
        add(&central, 4, "Hauptstraße", &["Hauptstraße/Größe æther.pdf"]).await;
        add(&central, 5, "Łódź", &["Łódź/Mapa Đakova.pdf"]).await;
        let find = async |words: &str| -> Vec<u8> {
            let found = central.find(words, i64::MAX, 50).await.unwrap();
            let mut ids: Vec<u8> = found.iter().map(|file| file.share.id.0[0]).collect();
            ids.dedup();
            ids
        };
        for (words, id) in [
            ("数学", 1),
            ("集", 1),
            ("学問題", 1),
            ("関数 pdf", 1),
            ("課", 1),
            ("เรียน", 2),
            ("บท", 2),
            ("문제", 3),
            ("답안", 3),
            ("hauptstrasse", 4),
            ("HAUPTSTRASSE", 4),
            ("hauptstraße", 4),
            ("grosse aether", 4),
            ("lodz", 5),
            ("ŁÓDŹ", 5),
            ("dakov", 5),
        ] {
            assert_eq!(find(words).await, [id], "{words}");
        }
        assert_eq!(find("数問").await, [0; 0], "letters that do not stand together");
        assert_eq!(find("数学集").await, [0; 0], "pairs that do not stand together");
    });
}

#[test]
fn a_share_is_found_by_its_new_title_and_not_by_the_old_one() {
    on_both(async |Engine { central, .. }| {
        add(&central, 1, "Biology", &["Biology/zelle.png"]).await;
        let share = central.share(ShareId([1; 32])).await.unwrap().unwrap();
        let mut change = central.change(permit(Action::ChangeShare), &note("share")).await.unwrap();
        change.set_title(share.number, "Chemistry").await.unwrap();
        change.commit().await.unwrap();

        let titles = async |words: &str| {
            let found = central.find(words, i64::MAX, 10).await.unwrap();
            found.iter().filter(|file| file.entry.is_none()).count()
        };
        assert_eq!((titles("chem").await, titles("bio").await, titles("ann").await), (1, 0, 1));
    });
}

#[test]
fn what_is_found_goes_on_behind_the_last_one_seen() {
    on_both(async |Engine { central, .. }| {
        let names: Vec<String> = (0..25).map(|number| format!("t/part{number}.txt")).collect();
        add(&central, 1, "t", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let (mut before, mut seen) = (i64::MAX, vec![]);
        loop {
            let page = central.find("part", before, 10).await.unwrap();
            let Some(last) = page.last() else { break };
            before = last.number;
            seen.extend(page.into_iter().map(|file| file.path));
        }
        assert_eq!(seen.len(), 25);
        assert_eq!(seen[0], "t/part24.txt");
    });
}

#[test]
fn a_share_that_was_removed_is_found_no_more_and_can_come_again() {
    on_both(async |Engine { central, .. }| {
        add(&central, 1, "Biology", &["Biology/zelle.png"]).await;
        let share = central.share(ShareId([1; 32])).await.unwrap().unwrap();
        let mut change = central.change(permit(Action::RemoveShare), &note("share")).await.unwrap();
        change.remove_share(share.number).await.unwrap();
        change.commit().await.unwrap();

        assert_eq!(central.find("zelle", i64::MAX, 10).await.unwrap(), []);
        assert_eq!(central.shares_with(Root([7; 32])).await.unwrap(), []);
        assert!(add(&central, 1, "Biology", &["Biology/zelle.png"]).await);
        assert!(!add(&central, 1, "Biology", &["Biology/zelle.png"]).await, "it is known");
        assert_eq!(central.find("zelle", i64::MAX, 10).await.unwrap().len(), 1);
        assert_eq!(central.shares_with(Root([7; 32])).await.unwrap().len(), 1);
    });
}

#[test]
fn an_audience_reads_back_and_so_does_all_else() {
    on_both(async |Engine { central, .. }| {
        add(&central, 1, "Biology", &["Biology/zelle.png"]).await;
        let share = central.share(ShareId([1; 32])).await.unwrap().unwrap();
        assert_eq!((share.audience.clone(), share.size, share.files, share.here), (Audience::Room, 10, 1, true));
        for audience in [Audience::Owner, Audience::Groups([GroupId(4), GroupId(9)].into()), Audience::Room] {
            let mut change = central.change(permit(Action::ChangeShare), &note("share")).await.unwrap();
            change.set_audience(share.number, &audience).await.unwrap();
            change.commit().await.unwrap();
            assert_eq!(central.share(share.id).await.unwrap().unwrap().audience, audience);
        }
    });
}

#[test]
fn what_a_server_above_has_is_remembered_until_it_is_withdrawn_or_too_much() {
    on_both(async |Engine { central, .. }| {
        for id in 1..=3 {
            let manifest = manifest("Biology", &[&format!("Biology/zelle{id}.png")]);
            let new = NewShare { origin: FROM_ABOVE, here: false, ..new_share(id, &manifest) };
            assert!(central.remember(&new, 2).await.unwrap());
            assert!(!central.remember(&new, 2).await.unwrap(), "it is known");
        }
        let known: Vec<u8> = central.shares_here().await.unwrap().keys().map(|id| id.0[0]).collect();
        assert_eq!(known, [2, 3], "the oldest went");
        assert_eq!(central.find("zelle1", i64::MAX, 10).await.unwrap(), []);
        assert!(!central.find("zelle2", i64::MAX, 10).await.unwrap()[0].share.here);

        central.set_here(ShareId([3; 32]), true).await.unwrap();
        add(&central, 4, "Maps", &["Maps/zelle4.png"]).await;
        for id in 2..=4 {
            central.forget(ShareId([id; 32])).await.unwrap();
        }
        let known: Vec<u8> = central.shares_here().await.unwrap().keys().map(|id| id.0[0]).collect();
        assert_eq!(known, [3, 4], "what is here is not forgotten, nor what came from here");
    });
}

async fn add(central: &Central, id: u8, title: &str, paths: &[&str]) -> bool {
    central.add_share(&new_share(id, &manifest(title, paths))).await.unwrap()
}

fn manifest(title: &str, paths: &[&str]) -> Manifest {
    let entry = |path: &&str, kind| Entry {
        path: SharePath::new(path.split('/').map(str::to_owned).collect()).unwrap(),
        modified: Modified { s: 0, ns: 0 },
        kind,
    };
    let mut entries = vec![entry(&title, EntryKind::Folder)];
    let file = EntryKind::File { size: 10, root: Root([7; 32]), executable: false };
    entries.extend(paths.iter().map(|path| entry(path, file)));
    Manifest {
        title: title.to_owned(),
        publisher: PublicKey([1; 32]),
        created_s: 1,
        audience: For::Everyone,
        piece_len: PieceLen::MIN,
        entries,
    }
}

fn new_share(id: u8, manifest: &Manifest) -> NewShare<'_> {
    NewShare {
        id: ShareId([id; 32]),
        manifest,
        owner: None,
        owner_name: "Ann",
        audience: Audience::Room,
        added_s: 2,
        origin: "upload",
        here: true,
    }
}
