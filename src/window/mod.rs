//! The window: draws the engine's newest snapshot and sends commands. It never waits, opens no file and holds no engine.
//!
//! The [`Shell`](shell) owns the window, the channels and the threads; the [`Face`] draws and gives back [`Wish`]es; the
//! screens and parts below it are functions over one [`View`](view). What only the window knows is in `memory`, and dies
//! with it, except for the few things in [`Kept`].
//!
//! Numbers and colours stand in `theme`, sentences in `words`, figures in `figures`, icons in `icons`, and nowhere else.

mod appearance;
mod at_servers;
mod chooser;
mod details;
mod face;
mod figures;
mod files;
mod given;
mod icons;
mod index;
mod keys;
mod mark;
mod memory;
mod names;
mod outcomes;
mod parts;
mod pointer;
mod screens;
mod shell;
pub mod standing;
pub mod style;
pub mod theme;
mod typed;
mod view;
mod wishes;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
};

use egui::ViewportBuilder;

pub use self::{
    face::Face,
    memory::{AudienceKind, Dialog, LimitsOf, Memory, RuleText, Screen, SeedKind, Sent, Sort},
    wishes::{Choice, Chosen, ThemeChoice, Wish},
};
use crate::engine::Handle;

/// Makes the engine, on a thread of its own; is given what wakes the window. The error is shown as it is, so it says what
/// happened, to what, and what to do now.
pub type Make = Box<dyn FnOnce(Arc<dyn Fn() + Send + Sync>) -> Result<Handle, String> + Send>;

/// Opens or shows a place; may take its time. The error is a reason in the system's words.
pub type Opener = fn(&Path) -> Result<(), String>;

/// What the window is started with.
pub struct Options {
    pub theme: ThemeChoice,
    /// Points; as it was when the window was closed last.
    pub size: Option<[f32; 2]>,
    /// Show the card that asks for a name.
    pub first_start: bool,
    /// Open a file or folder with the program that the system has for it.
    pub open: Opener,
    /// Show a file in its folder.
    pub reveal: Opener,
    /// Called off the frame whenever something of it changed, and at the end.
    pub keep: Arc<dyn Fn(Kept) + Send + Sync>,
}

/// What the next start should know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    pub theme: ThemeChoice,
    /// Points, when the window was not maximized.
    pub size: Option<[f32; 2]>,
    /// The card of the first start was read.
    pub welcomed: bool,
}

const SIZE: [f32; 2] = [1120.0, 720.0];
const SIZE_MIN: [f32; 2] = [640.0, 480.0];

/// Shows the window until it is closed. `dropped` brings what later starts hand over: paths to share, or none, which only
/// raises the window. Must be called on the main thread.
pub fn run(make: Make, dropped: Receiver<Vec<PathBuf>>, options: Options) -> Result<(), String> {
    let mut viewport = ViewportBuilder::default()
        .with_title("Handout")
        .with_app_id("handout")
        .with_inner_size(options.size.unwrap_or(SIZE))
        .with_min_inner_size(SIZE_MIN)
        .with_drag_and_drop(true);
    if let Some(icon) = mark::window_icon() {
        viewport = viewport.with_icon(icon);
    }
    let native = eframe::NativeOptions { viewport, event_loop_builder: backend(), ..eframe::NativeOptions::default() };
    let app = Box::new(|cc: &eframe::CreationContext<'_>| {
        let shell: Box<dyn eframe::App> = Box::new(shell::Shell::new(&cc.egui_ctx, make, dropped, options));
        Ok(shell)
    });
    eframe::run_native("Handout", native, app).map_err(|error| error.to_string())
}

/// The windowing library takes no dropped files on Wayland; where XWayland is there too, the window goes through it.
#[cfg(target_os = "linux")]
fn backend() -> Option<eframe::EventLoopBuilderHook> {
    use winit::platform::x11::EventLoopBuilderExtX11;
    let display = std::env::var("DISPLAY").ok()?;
    std::env::var_os("WAYLAND_DISPLAY")?;
    let number = display.strip_prefix(':')?.split('.').next()?;
    // A display that is named but does not answer would keep the window from opening at all.
    std::os::unix::net::UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).ok()?;
    Some(Box::new(|builder| {
        builder.with_x11();
    }))
}

#[cfg(not(target_os = "linux"))]
fn backend() -> Option<eframe::EventLoopBuilderHook> {
    None
}
