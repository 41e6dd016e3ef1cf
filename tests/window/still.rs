//! A window to which nothing happens does nothing, and a long list costs no more than a short one.

use egui_kittest::kittest::Queryable;
use handout::window::Screen;

use super::{made_up, person::Person};

#[test]
fn a_still_snapshot_asks_for_no_further_frame() {
    for now in [made_up::empty(), made_up::busy(), made_up::broken(), made_up::crowded(1000)] {
        let mut person = Person::at(now);
        for screen in [Screen::Room, Screen::Transfers, Screen::Mine, Screen::Settings] {
            person.face().memory().screen = screen;
            person.harness.run();
            person.harness.step();
            let ctx = &person.harness.ctx;
            assert!(!ctx.has_requested_repaint(), "{screen:?} asks for a frame: {:?}", ctx.repaint_causes());
        }
    }
}

#[test]
fn of_ten_thousand_shares_only_those_in_sight_are_drawn() {
    let person = Person::at(made_up::crowded(10_000));
    let rows = person.harness.query_all_by_role(egui::Role::ListItem).count();
    assert!((10..40).contains(&rows), "{rows} rows were drawn");
}

#[test]
fn a_hover_tells_what_letting_go_will_do() {
    let mut person = Person::at(made_up::busy());
    person.harness.input_mut().hovered_files = vec![egui::HoveredFile::default(); 3];
    // While files hover, the library itself asks for every frame.
    person.harness.run_steps(2);
    assert!(person.sees("Share these 3 with everyone here"));
    person.harness.input_mut().hovered_files.clear();
    person.harness.run();
    assert!(!person.sees("Share these 3 with everyone here"));
}

#[test]
fn a_narrow_window_with_long_names_keeps_every_button_inside() {
    for size in [[640.0, 480.0], [900.0, 600.0], [2560.0, 1440.0]] {
        for screen in [Screen::Room, Screen::Transfers, Screen::Mine, Screen::Settings] {
            let mut person = Person::before(made_up::busy(), size);
            person.face().memory().screen = screen;
            person.harness.run();
            for node in person.harness.query_all_by_role(egui::Role::Button) {
                let rect = node.rect();
                let inside = rect.left() >= 0.0 && rect.right() <= size[0] + 0.5;
                assert!(inside, "{screen:?} at {size:?}: {:?} lies at {rect:?}", node.value());
            }
        }
    }
}
