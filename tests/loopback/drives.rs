//! Drives that are unplugged and come back, files that are touched or changed, and what each side is told of it.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use handout::{
    engine::{
        command::Command,
        snapshot::{Done, TransferState},
    },
    share::ShareId,
    traffic::{Limits, Rate},
};

use super::room::{Computer, content};

/// Makes a download last for a while.
fn slow_down(computer: &Computer, bytes_per_s: Option<u64>) {
    let limits = Limits { down: bytes_per_s.and_then(Rate::new), up: None };
    computer.send(Command::SetTotalLimits { limits });
}

fn wait_for_bytes(computer: &Computer, share: ShareId, bytes: u64) {
    computer.wait("some of it is here", |snapshot| {
        snapshot.transfers.iter().any(|row| row.share == share && row.done_bytes >= bytes)
    });
}

fn trouble_of(computer: &Computer, share: ShareId) -> Option<String> {
    let snapshot = computer.snapshot();
    let row = snapshot.shares.iter().find(|row| row.id == share)?;
    Some(row.trouble.as_ref()?.what.clone())
}

#[test]
fn a_share_whose_drive_is_absent_at_the_start_waits_and_is_given_without_a_word_when_it_is_back() {
    let mut ann = Computer::start("Ann", &[]);
    let file = ann.file("stick/lesson.bin", 3_000_000);
    let share = ann.share(std::slice::from_ref(&file));
    ann.stop();
    let (stick, drawer) = (file.parent().unwrap().to_owned(), ann.folder.path().join("drawer"));
    fs::rename(&stick, &drawer).unwrap();
    ann.restart();
    ann.wait("the drive is missed", |_| trouble_of(&ann, share).is_some());
    assert_eq!(trouble_of(&ann, share).unwrap(), format!("The drive or folder {} is not here", stick.display()));
    assert_eq!(ann.transfer(share).unwrap().state, TransferState::Waiting);
    let token = ann.token();
    ann.send(Command::Verify { token, share });
    assert!(ann.outcome(token).unwrap_err().what.contains("is not here"));
    let mut ben = Computer::start("Ben", &[&ann]);
    let wish = ben.begin_fetch(share);

    fs::rename(&drawer, &stick).unwrap();

    assert!(matches!(ben.outcome(wish), Ok(Done::Fetched { .. })));
    ann.wait("nothing is wrong", |_| trouble_of(&ann, share).is_none());
}

#[test]
fn a_drive_that_is_unplugged_and_plugged_in_again_under_a_download_only_makes_it_wait() {
    let mut ann = Computer::start("Ann", &[]);
    let names: Vec<String> = (0..120).map(|number| format!("stick/lesson/{number}.bin")).collect();
    names.iter().for_each(|name| _ = ann.file(name, 100_000));
    let stick = ann.folder.path().join("own/stick");
    let share = ann.share(&[stick.join("lesson")]);
    let mut ben = Computer::start("Ben", &[&ann]);
    slow_down(&ben, Some(4_000_000));
    let wish = ben.begin_fetch(share);
    wait_for_bytes(&ben, share, 2_000_000);

    let drawer = ann.folder.path().join("drawer");
    fs::rename(&stick, &drawer).unwrap();
    ann.wait("the drive is missed", |_| trouble_of(&ann, share).is_some_and(|what| what.contains("is not here")));
    slow_down(&ben, None);
    fs::rename(&drawer, &stick).unwrap();

    assert!(matches!(ben.outcome(wish), Ok(Done::Fetched { .. })));
    ann.wait("nothing is wrong", |_| trouble_of(&ann, share).is_none());
}

#[test]
#[cfg(unix)]
fn a_backup_that_touches_a_file_all_the_time_does_not_disturb_its_download() {
    let mut ann = Computer::start("Ann", &[]);
    let file = ann.file("lesson.bin", 6_000_000);
    let share = ann.share(std::slice::from_ref(&file));
    let mut ben = Computer::start("Ben", &[&ann]);
    let (done, disturbed) = (AtomicBool::new(false), AtomicBool::new(false));
    slow_down(&ben, Some(6_000_000));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                touch(&file);
                let row = ann.transfer(share);
                let is_given = row.is_none_or(|row| row.state == TransferState::Seeding);
                disturbed.fetch_or(!is_given || trouble_of(&ann, share).is_some(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        ben.fetch(share);
        done.store(true, Ordering::Relaxed);
    });

    assert!(!disturbed.load(Ordering::Relaxed));
    assert_eq!(fs::read(ben.downloads().join("lesson.bin")).unwrap(), content("lesson.bin", 6_000_000));
}

/// Moves nothing but the time of change.
#[cfg(unix)]
fn touch(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let link = file.with_extension("link");
    fs::hard_link(file, &link).unwrap();
    fs::remove_file(&link).unwrap();
    for mode in [0o664, 0o644] {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn what_was_found_wrong_is_read_again_when_a_person_asks_and_given_when_it_is_right_again() {
    let mut ann = Computer::start("Ann", &[]);
    let file = ann.file("lesson.bin", 1_000_000);
    let share = ann.share(std::slice::from_ref(&file));
    fs::write(&file, content("another", 1_000_000)).unwrap();
    let verify = |ann: &mut Computer| {
        let token = ann.token();
        ann.send(Command::Verify { token, share });
        ann.outcome(token).unwrap()
    };
    assert!(matches!(verify(&mut ann), Done::Verified { wrong: 8, .. }));
    assert!(trouble_of(&ann, share).is_some());
    assert!(matches!(verify(&mut ann), Done::Verified { wrong: 8, .. }));
    fs::write(&file, content("lesson.bin", 1_000_000)).unwrap();

    ann.send(Command::Retry { share });

    ann.wait("it is given again", |_| trouble_of(&ann, share).is_none());
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.fetch(share);
}
