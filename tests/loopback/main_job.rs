//! The main job: given here, fetched there, checked, given on.

use super::room::{Computer, content, unfinished};

#[test]
fn a_file_goes_from_one_to_the_next_and_on_when_the_first_has_left() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    let file = ann.file("lesson.bin", 3_000_000);

    let share = ann.share(&[file]);
    let places = ben.fetch(share);

    assert_eq!(std::fs::read(&places[0]).unwrap(), content("lesson.bin", 3_000_000));
    assert_eq!(unfinished(&ben.downloads()), Vec::<std::path::PathBuf>::new());

    let mut cem = Computer::start("Cem", &[&ben]);
    ann.stop();
    let places = cem.fetch(share);
    assert_eq!(std::fs::read(&places[0]).unwrap(), content("lesson.bin", 3_000_000));
}
