//! A person at the window: looks at a snapshot, presses, types and drops, and has the commands that came of it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::{Key, Modifiers, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use handout::{
    engine::{command::Command, snapshot::Snapshot},
    window::{Face, ThemeChoice, Wish, style},
};

/// The face with what it is given and what it gave back.
pub struct Window {
    pub face: Face,
    pub now: Snapshot,
    pub wishes: Vec<Wish>,
    styled: bool,
}

pub struct Person {
    pub harness: Harness<'static, Window>,
}

impl Person {
    /// Somebody before a window of the usual size.
    pub fn at(now: Snapshot) -> Person {
        Person::before(now, [1280.0, 800.0])
    }

    pub fn before(now: Snapshot, size: [f32; 2]) -> Person {
        let window = Window { face: Face::new(100, ThemeChoice::System), now, wishes: Vec::new(), styled: false };
        let draw = |ui: &mut egui::Ui, window: &mut Window| {
            if !window.styled {
                window.styled = true;
                style::install(ui.ctx(), true);
                return;
            }
            let wishes = window.face.ui(ui, &window.now);
            window.wishes.extend(wishes);
        };
        let builder = Harness::builder().with_size(vec2(size[0], size[1])).allow_missing_glyphs();
        let mut harness = builder.build_ui_state(draw, window);
        harness.run();
        Person { harness }
    }

    pub fn press(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run();
    }

    pub fn sees(&self, name: &str) -> bool {
        self.harness.query_all_by_label(name).next().is_some()
    }

    pub fn sees_something_with(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    /// The uppermost row of the list, as it is spoken.
    pub fn first_row(&self) -> String {
        let rows = self.harness.query_all_by_role(egui::Role::ListItem);
        let first = rows.min_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
        first.and_then(|node| node.accesskit_node().label()).unwrap_or_default()
    }

    pub fn types(&mut self, field: &str, text: &str) {
        self.harness.get_by_label(field).focus();
        self.harness.run();
        self.harness.get_by_label(field).type_text(text);
        self.harness.run();
    }

    /// Types over what stands in a field.
    pub fn retypes(&mut self, field: &str, text: &str) {
        self.harness.get_by_label(field).focus();
        self.harness.run();
        self.key(Modifiers::COMMAND, Key::A);
        self.harness.get_by_label(field).type_text(text);
        self.harness.run();
    }

    pub fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run();
    }

    pub fn drops(&mut self, paths: &[&str]) {
        for path in paths {
            self.harness.input_mut().dropped_files.push(Arc::new(Dropped(PathBuf::from(path))));
        }
        self.harness.run();
    }

    /// The engine has something new.
    pub fn shown(&mut self, now: Snapshot) {
        self.harness.state_mut().now = now;
        self.harness.run();
    }

    pub fn face(&mut self) -> &mut Face {
        &mut self.harness.state_mut().face
    }

    /// Everything that was wished for since the last time.
    pub fn wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.harness.state_mut().wishes)
    }

    /// The one command that was given since the last time.
    pub fn command(&mut self) -> Command {
        let mut wishes = self.wishes();
        assert_eq!(wishes.len(), 1, "one wish was expected: {wishes:?}");
        match wishes.remove(0) {
            Wish::Command(command) => command,
            other => panic!("a command was expected: {other:?}"),
        }
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        panic!("the window must not read what is dropped")
    }
}
