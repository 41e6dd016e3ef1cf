//! Pictures of every screen, for people to look at: `target/pictures/*.png`. The tests prove that each can be drawn and that
//! nothing of it lies outside the window; whether it is beautiful, somebody has to say.

use std::path::PathBuf;

use egui::{Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, Theme, vec2};
use handout::{
    engine::snapshot::Snapshot,
    window::{Dialog, Face, Screen, ThemeChoice, standing, style},
};

use super::{
    canvas::{Canvas, Picture},
    made_up,
};

/// How a picture is taken.
struct Shot {
    name: &'static str,
    size: [f32; 2],
    /// Pixels per point.
    scale: f32,
    theme: Theme,
    /// Files that hover over the window.
    hovering: usize,
    click: Option<Pos2>,
}

const SMALL: [f32; 2] = [900.0, 600.0];
const USUAL: [f32; 2] = [1280.0, 800.0];
const TALL: [f32; 2] = [1280.0, 1700.0];
const LARGE: [f32; 2] = [2560.0, 1440.0];

fn shot(name: &'static str, size: [f32; 2], theme: Theme) -> Shot {
    Shot { name, size, scale: 1.0, theme, hovering: 0, click: None }
}

#[test]
fn the_room_can_be_drawn_in_every_size_and_theme() {
    for (name, size, theme) in [
        ("room-small-light", SMALL, Theme::Light),
        ("room-usual-dark", USUAL, Theme::Dark),
        ("room-large-light", LARGE, Theme::Light),
    ] {
        take(&shot(name, size, theme), &made_up::busy(), |_| {});
    }
    let twice = Shot { scale: 2.0, ..shot("room-small-twice-dark", SMALL, Theme::Dark) };
    take(&twice, &made_up::busy(), |_| {});
    take(&shot("room-empty-light", SMALL, Theme::Light), &made_up::empty(), |_| {});
    take(&shot("room-empty-dark", USUAL, Theme::Dark), &made_up::empty(), |face| face.welcome("Lab 3 · PC 07"));
    take(&shot("room-broken-light", SMALL, Theme::Light), &made_up::broken(), |_| {});
    take(&shot("room-crowded-light", USUAL, Theme::Light), &made_up::crowded(1000), |face| {
        face.memory().person = Some(made_up::peer_id(1));
    });
    take(&shot("room-found-light", SMALL, Theme::Light), &made_up::busy(), |face| {
        face.memory().search = "photo".to_owned();
    });
}

#[test]
fn transfers_and_mine_and_settings_can_be_drawn() {
    let to = |screen: Screen| move |face: &mut Face| face.memory().screen = screen;
    take(&shot("transfers-small-light", SMALL, Theme::Light), &made_up::busy(), to(Screen::Transfers));
    take(&shot("transfers-usual-dark", USUAL, Theme::Dark), &made_up::busy(), to(Screen::Transfers));
    take(&shot("transfers-empty-light", SMALL, Theme::Light), &made_up::empty(), to(Screen::Transfers));
    take(&shot("mine-small-light", SMALL, Theme::Light), &made_up::busy(), to(Screen::Mine));
    take(&shot("mine-usual-dark", USUAL, Theme::Dark), &made_up::busy(), to(Screen::Mine));
    take(&shot("settings-small-light", SMALL, Theme::Light), &made_up::busy(), to(Screen::Settings));
    take(&shot("settings-usual-dark", USUAL, Theme::Dark), &made_up::busy(), to(Screen::Settings));
}

#[test]
fn the_queue_and_what_is_chosen_for_it_can_be_drawn() {
    let to = |screen: Screen| move |face: &mut Face| face.memory().screen = screen;
    take(&shot("queue-small-light", SMALL, Theme::Light), &made_up::queued(), to(Screen::Transfers));
    take(&shot("queue-usual-dark", USUAL, Theme::Dark), &made_up::queued(), to(Screen::Transfers));
    take(&shot("queue-large-light", LARGE, Theme::Light), &made_up::queued(), |face| {
        face.memory().screen = Screen::Transfers;
        face.memory().selected = Some(made_up::share_id(5));
    });
    let twice = Shot { scale: 2.0, ..shot("queue-small-twice-light", SMALL, Theme::Light) };
    take(&twice, &made_up::queued(), to(Screen::Transfers));
    let menu = Shot { click: Some(Pos2::new(846.0, 400.0)), ..shot("queue-menu-light", SMALL, Theme::Light) };
    take(&menu, &made_up::queued(), to(Screen::Transfers));
    take(&shot("transfers-hectic-light", USUAL, Theme::Light), &made_up::hectic(1000, 200), to(Screen::Transfers));
    take(&shot("settings-traffic-light", TALL, Theme::Light), &made_up::queued(), to(Screen::Settings));
    take(&shot("settings-traffic-dark", TALL, Theme::Dark), &made_up::managed(), to(Screen::Settings));
    take(&shot("given-usual-light", USUAL, Theme::Light), &made_up::queued(), |face| {
        face.memory().screen = Screen::Mine;
        face.memory().mine_people = true;
        face.memory().mine_person = Some(made_up::peer_id(1));
    });
    take(&shot("given-small-dark", SMALL, Theme::Dark), &made_up::empty(), |face| {
        face.memory().screen = Screen::Mine;
        face.memory().mine_people = true;
    });
    take(&shot("files-tall-light", TALL, Theme::Light), &made_up::queued(), |face| {
        face.memory().selected = Some(made_up::share_id(5));
    });
    take(&shot("files-tall-dark", TALL, Theme::Dark), &made_up::queued(), |face| {
        face.memory().selected = Some(made_up::share_id(2));
    });
}

#[test]
fn the_dialogs_of_transfers_can_be_drawn() {
    use handout::window::{LimitsOf, RuleText, SeedKind};
    let share = made_up::share_id(2);
    let title = "Video lesson 4.mp4".to_owned();
    let dialogs = [
        (
            "limits",
            Dialog::Limits {
                of: LimitsOf::Transfer { share, title: title.clone() },
                down: "16 Mbit/s".to_owned(),
                up: "fast".to_owned(),
            },
        ),
        (
            "seeding",
            Dialog::Seeding { share: Some((share, title.clone())), kind: SeedKind::Times, number: "2".to_owned() },
        ),
        ("rule", Dialog::Rule { at: None, rule: RuleText::usual() }),
        (
            "move",
            Dialog::Move {
                share,
                title,
                before: ("/home/ann".into(), "Video lesson 4.mp4".to_owned()),
                into: "/home/ann/Downloads/Handout".to_owned(),
                name: Some("Video lesson 4.mp4".to_owned()),
            },
        ),
    ];
    for (name, dialog) in dialogs {
        for theme in [Theme::Light, Theme::Dark] {
            let name: &'static str = format!("dialog-{name}-{theme:?}").to_lowercase().leak();
            take(&shot(name, SMALL, theme), &made_up::managed(), |face| face.memory().dialog = Some(dialog.clone()));
        }
    }
}

#[test]
fn a_computer_that_a_server_manages_can_be_drawn() {
    let settings = |face: &mut Face| face.memory().screen = Screen::Settings;
    let usual = made_up::by_server(|_| {});
    take(&shot("managed-settings-light", TALL, Theme::Light), &usual, settings);
    take(&shot("managed-settings-dark", SMALL, Theme::Dark), &usual, settings);
    take(&shot("managed-none-light", SMALL, Theme::Light), &made_up::busy(), settings);
    let exam = made_up::by_server(|managed| managed.exam_clock = Some((10, 5)));
    take(&shot("managed-exam-light", USUAL, Theme::Light), &exam, |_| {});
    take(&shot("managed-exam-dark", SMALL, Theme::Dark), &exam, |_| {});
    let lost = made_up::by_server(|managed| {
        managed.reachable = false;
        managed.lost = Some(("it can’t be reached at 10.0.0.2:47548".to_owned(), std::time::UNIX_EPOCH));
    });
    take(&shot("managed-lost-dark", USUAL, Theme::Dark), &lost, |_| {});
    let missing = made_up::by_server(|managed| {
        (managed.server, managed.policy, managed.role) = (None, None, None);
        managed.missing = Some("it is not enrolled at 10.0.0.2:47548 yet".to_owned());
        managed.by_machine = true;
    });
    take(&shot("managed-missing-light", SMALL, Theme::Light), &missing, |_| {});
    for (name, size, theme) in [
        ("managed-found-light", USUAL, Theme::Light),
        ("managed-found-dark", SMALL, Theme::Dark),
        ("managed-found-large", LARGE, Theme::Light),
    ] {
        take(&shot(name, size, theme), &usual, |face| {
            face.memory().search = "photo".to_owned();
            face.memory().at_servers.asked = "photo".to_owned();
            face.memory().at_servers.found = made_up::found();
            face.memory().at_servers.silent =
                std::sync::Arc::from([("District".to_owned(), "did not answer in time".to_owned())]);
        });
    }
    for (name, theme) in [("dialog-enrol-light", Theme::Light), ("dialog-enrol-dark", Theme::Dark)] {
        take(&shot(name, SMALL, theme), &made_up::busy(), |face| {
            let (server, token) = ("10.0.0.2:47548".to_owned(), String::new());
            face.memory().dialog = Some(Dialog::Enrol { server, token });
        });
    }
    for (name, theme) in [("dialog-groups-light", Theme::Light), ("dialog-groups-dark", Theme::Dark)] {
        take(&shot(name, SMALL, theme), &usual, |face| {
            let (share, title) = (made_up::share_id(6), "My presentation.pptx".to_owned());
            let kind = handout::window::AudienceKind::Groups;
            let (people, groups) = (Default::default(), [handout::access::GroupId(1)].into());
            face.memory().dialog = Some(Dialog::Audience { share, title, kind, people, groups });
        });
    }
}

#[test]
fn details_can_be_drawn_beside_and_over_the_page() {
    let select = |face: &mut Face| face.memory().selected = Some(made_up::share_id(2));
    take(&shot("details-usual-light", USUAL, Theme::Light), &made_up::busy(), select);
    take(&shot("details-small-dark", SMALL, Theme::Dark), &made_up::busy(), select);
    take(&shot("details-folder-dark", USUAL, Theme::Dark), &made_up::busy(), |face| {
        face.memory().screen = Screen::Transfers;
        face.memory().selected = Some(made_up::share_id(3));
    });
}

#[test]
fn what_floats_can_be_drawn() {
    take(&shot("question-light", SMALL, Theme::Light), &made_up::asking(), |_| {});
    take(&shot("cancel-dark", SMALL, Theme::Dark), &made_up::busy(), |face| {
        let title = "Video lesson 4.mp4".to_owned();
        face.memory().dialog = Some(Dialog::Cancel { share: made_up::share_id(2), title, done_bytes: 793_000_000 });
    });
    take(&shot("audience-light", SMALL, Theme::Light), &made_up::busy(), |face| {
        let people = [made_up::peer_id(1), made_up::peer_id(3)].into();
        let (share, title) = (made_up::share_id(6), "My presentation.pptx".to_owned());
        let kind = handout::window::AudienceKind::People;
        face.memory().dialog = Some(Dialog::Audience { share, title, kind, people, groups: Default::default() });
    });
    take(&shot("path-dark", SMALL, Theme::Dark), &made_up::busy(), |face| {
        let (text, audience) = ("photos".to_owned(), handout::engine::command::Recipients::Everyone);
        face.memory().dialog =
            Some(Dialog::Path { text, audience, problem: Some("That is not a whole path.".to_owned()) });
    });
    let hovering = Shot { hovering: 3, ..shot("drop-light", SMALL, Theme::Light) };
    take(&hovering, &made_up::busy(), |_| {});
    let hovering = Shot { hovering: 1, ..shot("drop-person-dark", SMALL, Theme::Dark) };
    take(&hovering, &made_up::busy(), |face| face.memory().person = Some(made_up::peer_id(1)));
    let hovering = Shot { hovering: 2, ..shot("drop-face-light", SMALL, Theme::Light) };
    take(&hovering, &made_up::busy(), |face| face.memory().drop_at = Some(Pos2::new(226.0, 170.0)));
    let hovering = Shot { hovering: 2, ..shot("drop-faces-dark", USUAL, Theme::Dark) };
    take(&hovering, &made_up::busy(), |face| face.memory().drop_at = Some(Pos2::new(700.0, 600.0)));
    let menu = Shot { click: Some(Pos2::new(840.0, 32.0)), ..shot("menu-light", SMALL, Theme::Light) };
    take(&menu, &made_up::busy(), |_| {});
}

#[test]
fn toasts_can_be_drawn_over_the_room() {
    let mut now = made_up::busy();
    now.outcomes = super::outcomes();
    take(&shot("toasts-light", SMALL, Theme::Light), &now, super::expect_outcomes);
    take(&shot("toasts-dark", SMALL, Theme::Dark), &now, super::expect_outcomes);
}

#[test]
fn a_window_without_an_engine_can_be_drawn() {
    draw(&shot("starting-light", SMALL, Theme::Light), |ui| standing::starting_ui(ui, 1.0));
    let message = "Another Handout already uses the folder /home/ann/.local/share/handout. Close it, or start this one with \
                   another folder: handout --home FOLDER.";
    draw(&shot("cant-start-dark", SMALL, Theme::Dark), |ui| standing::broken_ui(ui, "Handout can't start", message));
    draw(&shot("cant-start-light", USUAL, Theme::Light), |ui| standing::broken_ui(ui, "Handout can't start", message));
}

/// Draws a face over a snapshot until it is still, and saves the picture.
fn take(shot: &Shot, now: &Snapshot, arrange: impl FnOnce(&mut Face)) {
    let mut face = Face::new(1, ThemeChoice::System);
    arrange(&mut face);
    draw(shot, |ui| {
        face.ui(ui, now);
    });
}

fn draw(shot: &Shot, mut ui: impl FnMut(&mut egui::Ui)) {
    let ctx = Context::default();
    style::install(&ctx, true);
    ctx.add_font_provider(std::sync::Arc::new(egui_system_font_provider::SystemFontProvider::new()));
    ctx.set_theme(shot.theme);
    let mut canvas = Canvas::new();
    let mut last = None;
    for frame in 0..6 {
        let mut output = ctx.run_ui(input(shot, frame), |root| ui(root));
        canvas.take(std::mem::take(&mut output.textures_delta));
        last = Some(output);
    }
    let output = last.expect("frames were drawn");
    let primitives = ctx.tessellate(output.shapes, output.pixels_per_point);
    let [width, height] = shot.size.map(|side| (side * shot.scale) as usize);
    let picture = canvas.draw(&primitives, width, height, shot.scale);
    save(shot.name, &picture);
    let first = picture.pixels[0];
    assert!(picture.pixels.iter().any(|pixel| *pixel != first), "{} shows nothing", shot.name);
}

fn input(shot: &Shot, frame: usize) -> RawInput {
    let screen = Rect::from_min_size(Pos2::ZERO, vec2(shot.size[0], shot.size[1]));
    let mut input = RawInput { screen_rect: Some(screen), time: Some(frame as f64 * 0.5), ..RawInput::default() };
    if let Some(viewport) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
        viewport.native_pixels_per_point = Some(shot.scale);
    }
    input.hovered_files = (0..shot.hovering).map(|_| egui::HoveredFile::default()).collect();
    let press = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    match (shot.click, frame) {
        (Some(at), 1) => input.events = vec![Event::PointerMoved(at), press(at, true)],
        (Some(at), 2) => input.events = vec![press(at, false)],
        _ => {}
    }
    input
}

fn save(name: &str, picture: &Picture) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).expect("the folder of pictures can be made");
    picture.save(&folder.join(format!("{name}.png")));
}
