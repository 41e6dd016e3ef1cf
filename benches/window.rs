//! What a frame of the window costs, without a display: 10,000 shares and 200 transfers, as many as a large school has.
//!
//! `cargo bench --bench window -- [FRAMES]`: every row is so many frames (600) of one thing that a person does; a frame is
//! everything between input and triangles for the graphics card. 60 frames a second leave 16.7 ms for it and the card
//! together, so half of that is the goal, for nineteen frames of twenty. The last row is how many frames the window asks
//! for by itself when nothing happens, which should be none.

mod common;

#[path = "../tests/window/made_up.rs"]
#[allow(dead_code)]
mod made_up;

use std::time::{Duration, Instant};

use common::{Found, Reach, Result, Row};
use egui::{Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, vec2};
use handout::{
    engine::{command::Recipients, snapshot::Snapshot},
    window::{Face, Screen, ThemeChoice, style},
};

const SIZE: [f32; 2] = [1920.0, 1080.0];
const SHARES: u64 = 10_000;
const TRANSFERS: u64 = 200;
/// A frame that takes longer leaves the graphics card less than half of the time.
const GOAL_MS: f64 = 8.0;

fn main() -> Result<()> {
    let frames = common::number(&common::arguments(), 0, 600)? as usize;
    let now = made_up::hectic(SHARES, TRANSFERS);
    scrolling(&now, frames);
    changing(&now, frames);
    searching(&now, frames);
    idle(&now);
    Ok(())
}

fn scrolling(now: &Snapshot, frames: usize) {
    let mine = all_mine(now);
    for (name, screen, now) in [
        ("scroll the room", Screen::Room, now),
        ("scroll the transfers", Screen::Transfers, now),
        ("scroll what is mine, all 10,000", Screen::Mine, &mine),
    ] {
        let mut window = Window::new(screen);
        window.warm_up(now);
        let times = (0..frames).map(|at| window.frame(now, vec![wheel(if at % 200 < 100 { -9.0 } else { 9.0 })]));
        report(name, times.collect());
    }
    let mut window = Window::new(Screen::Room);
    window.face.memory().selected = now.transfers.first().map(|row| row.share);
    window.warm_up(now);
    let times = (0..frames).map(|at| window.frame(now, vec![wheel(if at % 200 < 100 { -9.0 } else { 9.0 })]));
    report("scroll the room, details open", times.collect());
}

/// Every frame has a newer picture, as often as the engine makes one at most.
fn changing(first: &Snapshot, frames: usize) {
    for (name, screen) in [("new picture, room", Screen::Room), ("new picture, transfers", Screen::Transfers)] {
        let mut window = Window::new(screen);
        window.warm_up(first);
        let mut now = first.clone();
        let mut times = Vec::new();
        for _ in 0..frames / 4 {
            now = made_up::a_moment_later(&now);
            times.push(window.frame(&now, Vec::new()));
        }
        report(name, times);
    }
    let mut window = Window::new(Screen::Room);
    window.face.memory().search = "group 12".to_owned();
    window.face.memory().sort = handout::window::Sort::Name;
    window.warm_up(first);
    let mut now = first.clone();
    let mut times = Vec::new();
    for _ in 0..frames / 4 {
        now = made_up::a_moment_later(&now);
        // A share that others got meanwhile: the list of shares is another one too.
        let at = times.len() % now.shares.len();
        std::sync::Arc::make_mut(&mut now.shares[at]).seeds += 1;
        times.push(window.frame(&now, Vec::new()));
    }
    report("new picture, room searched and sorted", times);
}

/// Each frame has one letter more or less of what is searched for.
fn searching(now: &Snapshot, frames: usize) {
    for (name, text) in [("type “work of group 123”", "work of group 123"), ("type what nothing has", "photo zzz qqq")]
    {
        let mut window = Window::new(Screen::Room);
        window.warm_up(now);
        let mut times = Vec::new();
        let mut typed = String::new();
        let mut letters = text.chars().cycle();
        while times.len() < frames / 4 {
            if typed.len() == text.len() {
                typed.clear();
            }
            typed.extend(letters.next());
            window.face.memory().search.clone_from(&typed);
            times.push(window.frame(now, Vec::new()));
        }
        report(name, times);
    }
}

/// Frames that the window asks for although nothing happens.
fn idle(now: &Snapshot) {
    let mut asked = 0;
    for screen in [Screen::Room, Screen::Transfers, Screen::Mine, Screen::Settings] {
        let mut window = Window::new(screen);
        window.warm_up(now);
        for _ in 0..100 {
            window.frame(now, Vec::new());
            asked += usize::from(window.asked_for_more);
        }
    }
    let found = Found::Amount { value: asked as f64, unit: "frames", reach: Reach::AtMost(0.0) };
    Row { work: "window in which nothing happens", measure: "asked for", against: "", found }.tell();
}

fn all_mine(now: &Snapshot) -> Snapshot {
    let mut now = now.clone();
    now.revision += 1_000;
    for row in &mut now.shares {
        let row = std::sync::Arc::make_mut(row);
        (row.mine, row.recipients) = (true, Some(Recipients::Everyone));
    }
    now
}

fn wheel(y: f32) -> Event {
    Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: vec2(0.0, y),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Trackpad,
        modifiers: Modifiers::NONE,
    }
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default().as_secs_f64() * 1000.0;
    let work = format!("window, {SHARES} shares, {TRANSFERS} transfers: {name}");
    for (measure, value, reach) in
        [("frame, median", ms(50), Reach::Told), ("frame, 95 %", ms(95), Reach::AtMost(GOAL_MS))]
    {
        Row { work: &work, measure, against: "", found: Found::Amount { value, unit: "ms", reach } }.tell();
    }
}

/// A window without a display.
struct Window {
    ctx: Context,
    face: Face,
    time_s: f64,
    asked_for_more: bool,
}

impl Window {
    fn new(screen: Screen) -> Window {
        let ctx = Context::default();
        style::install(&ctx, false);
        ctx.enable_accesskit();
        let mut face = Face::new(1, ThemeChoice::System);
        face.memory().screen = screen;
        Window { ctx, face, time_s: 0.0, asked_for_more: false }
    }

    /// Draws until letters are in the atlas and nothing moves.
    fn warm_up(&mut self, now: &Snapshot) {
        let middle = Pos2::new(SIZE[0] / 2.0, SIZE[1] * 0.7);
        self.frame(now, vec![Event::PointerMoved(middle)]);
        for _ in 0..60 {
            self.frame(now, Vec::new());
        }
    }

    /// One frame, from input to triangles.
    fn frame(&mut self, now: &Snapshot, events: Vec<Event>) -> Duration {
        self.time_s += 1.0 / 60.0;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE[0], SIZE[1])));
        let input = RawInput { screen_rect, time: Some(self.time_s), events, focused: true, ..RawInput::default() };
        let started = Instant::now();
        let mut output = self.ctx.run_ui(input, |ui| {
            self.face.ui(ui, now);
        });
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = started.elapsed();
        // There is no graphics card to give them to.
        output.textures_delta.clear();
        assert!(!triangles.is_empty(), "a frame shows something");
        self.asked_for_more = self.ctx.has_requested_repaint();
        took
    }
}
