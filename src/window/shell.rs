//! The shell around the face: the window itself, the engine that is made beside it, threads for what may wait.
//!
//! What comes from outside a frame (the engine, a chooser, a second start) comes through one channel, after which a frame is
//! asked for; nothing is asked for while nothing comes, so an idle window costs nothing.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
};

use egui::{Context, ThemePreference, ViewportCommand};

use super::{
    Kept, Make, Opener, Options,
    appearance::Appearance,
    chooser::{Answer, Chooser},
    face::{Face, cannot_open},
    pointer::Pointer,
    standing, style,
    wishes::{ThemeChoice, Wish},
    words,
};
use crate::engine::{Handle, SendError};

/// What comes from outside a frame.
enum News {
    Engine(Result<Handle, String>),
    Chooser(Answer),
    /// A second start handed these over; none: it only wants the window to be seen.
    Dropped(Vec<PathBuf>),
    /// Something could not be opened.
    Complaint(String),
}

/// How the engine is.
enum Stage {
    Starting,
    Running(Handle),
    Broken { title: &'static str, message: String },
}

/// The application as eframe runs it.
pub struct Shell {
    stage: Stage,
    face: Face,
    news: Receiver<News>,
    send_news: Sender<News>,
    /// Paths that came before the engine was there.
    early: Vec<PathBuf>,
    chooser: Chooser,
    appearance: Appearance,
    pointer: Pointer,
    /// Whether motion was reduced when the style was made.
    still: bool,
    options: Options,
    kept: Kept,
    started_s: Option<f64>,
}

impl Shell {
    pub fn new(ctx: &Context, make: Make, dropped: Receiver<Vec<PathBuf>>, options: Options) -> Shell {
        style::install(ctx, false);
        ctx.set_theme(preference(options.theme));
        let (send_news, news) = channel();
        make_engine(ctx, make, send_news.clone());
        pass_on_drops(ctx, dropped, send_news.clone());
        let woken = ctx.clone();
        Shell {
            stage: Stage::Starting,
            face: Face::new(first_token(), options.theme),
            news,
            send_news,
            early: Vec::new(),
            chooser: Chooser::default(),
            appearance: Appearance::watch(move || woken.request_repaint()),
            pointer: Pointer::default(),
            still: false,
            kept: Kept { theme: options.theme, size: options.size, welcomed: !options.first_start },
            options,
            started_s: None,
        }
    }

    fn take_news(&mut self, ctx: &Context) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Engine(Ok(handle)) => self.run_with(handle),
                News::Engine(Err(message)) => self.stage = Stage::Broken { title: words::CANT_START, message },
                News::Dropped(paths) => {
                    raise(ctx);
                    self.early.extend(paths);
                }
                News::Chooser(Answer::Unavailable(choice)) => self.face.no_chooser(choice),
                News::Chooser(Answer::Chosen(chosen)) => {
                    if let Stage::Running(handle) = &self.stage {
                        self.face.chosen(&handle.snapshot(), chosen);
                    }
                }
                News::Complaint(sentence) => self.face.complain(ctx.input(|input| input.time), sentence),
            }
        }
        if let Stage::Running(handle) = &self.stage
            && !self.early.is_empty()
        {
            self.face.share(&handle.snapshot(), std::mem::take(&mut self.early));
        }
    }

    fn run_with(&mut self, handle: Handle) {
        if !self.kept.welcomed {
            self.face.welcome(&handle.snapshot().me.name);
        }
        self.stage = Stage::Running(handle);
    }

    fn grant(&mut self, ctx: &Context, wish: Wish) {
        match wish {
            Wish::Command(command) => {
                let Stage::Running(handle) = &self.stage else { return };
                match handle.send(command) {
                    Ok(()) => {}
                    Err(SendError::Busy) => self.face.complain(ctx.input(|i| i.time), words::BUSY.to_owned()),
                    Err(SendError::Stopped) => self.engine_stopped(),
                }
            }
            Wish::Open(place) => self.beside(ctx, self.options.open, place),
            Wish::Reveal(place) => self.beside(ctx, self.options.reveal, place),
            Wish::Choose(choice) => {
                let (answers, passed) = channel();
                let (news, woken) = (self.send_news.clone(), ctx.clone());
                self.chooser.put_up(choice, answers, move || {
                    // The answer is sent before this is called.
                    if let Ok(answer) = passed.try_recv() {
                        let _ = news.send(News::Chooser(answer));
                    }
                    woken.request_repaint();
                });
            }
            Wish::Theme(theme) => {
                ctx.set_theme(preference(theme));
                self.kept.theme = theme;
                self.keep();
            }
            Wish::Welcomed => {
                self.kept.welcomed = true;
                self.keep();
            }
        }
    }

    /// Opens a place on a thread: a slow program must not hold the frame.
    fn beside(&self, ctx: &Context, open: Opener, place: PathBuf) {
        let (news, woken) = (self.send_news.clone(), ctx.clone());
        let spawned = std::thread::Builder::new().name("open".to_owned()).spawn(move || {
            if let Err(why) = open(&place) {
                let _ = news.send(News::Complaint(cannot_open(&place, &why)));
                woken.request_repaint();
            }
        });
        if let Err(why) = spawned {
            let _ = self.send_news.send(News::Complaint(cannot_open(Path::new(""), &why.to_string())));
        }
    }

    fn keep(&self) {
        let (keep, kept) = (self.options.keep.clone(), self.kept);
        let _ = std::thread::Builder::new().name("keep".to_owned()).spawn(move || keep(kept));
    }

    fn engine_stopped(&mut self) {
        self.stage = Stage::Broken { title: words::STOPPED, message: words::STOPPED_TEXT.to_owned() };
    }

    /// Where the pointer is while files hover or are let go, in points from the window's corner.
    fn note_pointer(&mut self, ctx: &Context, input: &egui::RawInput) {
        let hovering = !input.hovered_files.is_empty();
        let here = hovering || !input.dropped_files.is_empty();
        let window = input.viewports.get(&input.viewport_id).and_then(|viewport| viewport.inner_rect);
        let scale = ctx.pixels_per_point();
        let at = self.pointer.at().zip(window).map(|([x, y], window)| egui::pos2(x, y) / scale - window.min.to_vec2());
        self.face.memory().drop_at = at.filter(|_| here);
        let woken = ctx.clone();
        self.pointer.follow(hovering, move || woken.request_repaint());
    }

    fn note_size(&mut self, ctx: &Context) {
        let (rect, maximized) = ctx.input(|input| {
            let viewport = input.viewport();
            (viewport.inner_rect, viewport.maximized.unwrap_or(false) || viewport.fullscreen.unwrap_or(false))
        });
        if let Some(rect) = rect.filter(|_| !maximized) {
            self.kept.size = Some([rect.width(), rect.height()]);
        }
    }
}

impl eframe::App for Shell {
    fn raw_input_hook(&mut self, ctx: &Context, input: &mut egui::RawInput) {
        if input.system_theme.is_none() {
            input.system_theme = self.appearance.theme();
        }
        self.note_pointer(ctx, input);
    }

    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_news(ctx);
        let gone = matches!(&self.stage, Stage::Running(handle) if handle.watch().has_changed().is_err());
        if gone {
            self.engine_stopped();
        }
        if self.appearance.still() != self.still {
            self.still = self.appearance.still();
            style::install(ctx, self.still);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.note_size(&ctx);
        let time = ui.input(|input| input.time);
        let wishes = match &self.stage {
            Stage::Starting => {
                let started = *self.started_s.get_or_insert(time);
                standing::starting_ui(ui, time - started);
                Vec::new()
            }
            Stage::Broken { title, message } => {
                standing::broken_ui(ui, title, message);
                Vec::new()
            }
            Stage::Running(handle) => self.face.ui(ui, &handle.snapshot()),
        };
        for wish in wishes {
            self.grant(&ctx, wish);
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        (self.options.keep)(self.kept);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

fn make_engine(ctx: &Context, make: Make, news: Sender<News>) {
    let (woken, failed) = (ctx.clone(), news.clone());
    let spawned = std::thread::Builder::new().name("make engine".to_owned()).spawn(move || {
        let wake = {
            let woken = woken.clone();
            Arc::new(move || woken.request_repaint())
        };
        let _ = news.send(News::Engine(make(wake)));
        woken.request_repaint();
    });
    if let Err(why) = spawned {
        let _ = failed.send(News::Engine(Err(why.to_string())));
    }
}

/// Waits on a thread for what later starts hand over; ends when the sender is gone.
fn pass_on_drops(ctx: &Context, dropped: Receiver<Vec<PathBuf>>, news: Sender<News>) {
    let woken = ctx.clone();
    let _ = std::thread::Builder::new().name("second starts".to_owned()).spawn(move || {
        for paths in dropped {
            if news.send(News::Dropped(paths)).is_err() {
                return;
            }
            woken.request_repaint();
        }
    });
}

/// Brings the window to the front; some desktops only let it ask for attention.
fn raise(ctx: &Context) {
    ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
    ctx.send_viewport_cmd(ViewportCommand::Focus);
    ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
}

fn preference(theme: ThemeChoice) -> ThemePreference {
    match theme {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::Dark => ThemePreference::Dark,
    }
}

/// By chance, from what std seeds its maps with.
fn first_token() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
