//! Every icon by name: Phosphor Icons (MIT, licence beside the fonts), cut down to what stands here.

use egui::{FontFamily, FontId};

/// One icon of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icon(pub char);

/// The outlined icons.
pub fn outlined(px: f32) -> FontId {
    FontId::new(px, FontFamily::Name("icons".into()))
}

/// The filled ones, of which there are a few: what is chosen, and the four meanings.
pub fn filled(px: f32) -> FontId {
    FontId::new(px, FontFamily::Name("icons-filled".into()))
}

pub const USERS_THREE: Icon = Icon('\u{e68e}');
pub const ARROWS_DOWN_UP: Icon = Icon('\u{e098}');
pub const PAPER_PLANE_TILT: Icon = Icon('\u{e398}');
pub const GEAR_SIX: Icon = Icon('\u{e272}');
pub const MAGNIFYING_GLASS: Icon = Icon('\u{e30c}');
pub const PLUS: Icon = Icon('\u{e3d4}');
pub const X: Icon = Icon('\u{e4f6}');
pub const FILE: Icon = Icon('\u{e230}');
pub const FILE_PDF: Icon = Icon('\u{e702}');
pub const FILE_TEXT: Icon = Icon('\u{e23a}');
pub const FILE_IMAGE: Icon = Icon('\u{ea24}');
pub const FILE_VIDEO: Icon = Icon('\u{ea22}');
pub const FILE_AUDIO: Icon = Icon('\u{ea20}');
pub const FILE_ZIP: Icon = Icon('\u{e958}');
pub const FILE_CODE: Icon = Icon('\u{e914}');
pub const FILE_XLS: Icon = Icon('\u{eb22}');
pub const FILE_PPT: Icon = Icon('\u{eb20}');
pub const FILE_DOC: Icon = Icon('\u{eb1e}');
pub const FOLDER: Icon = Icon('\u{e24a}');
pub const FILES: Icon = Icon('\u{e710}');
pub const PAUSE: Icon = Icon('\u{e39e}');
pub const PLAY: Icon = Icon('\u{e3d0}');
pub const FOLDER_OPEN: Icon = Icon('\u{e256}');
pub const ARROW_SQUARE_OUT: Icon = Icon('\u{e5de}');
pub const CHECK: Icon = Icon('\u{e182}');
pub const CHECK_CIRCLE: Icon = Icon('\u{e184}');
pub const WARNING: Icon = Icon('\u{e4e0}');
pub const WARNING_CIRCLE: Icon = Icon('\u{e4e2}');
pub const INFO: Icon = Icon('\u{e2ce}');
pub const WIFI_SLASH: Icon = Icon('\u{e4f2}');
pub const CLOCK: Icon = Icon('\u{e19a}');
pub const ARROW_DOWN: Icon = Icon('\u{e03e}');
pub const ARROW_UP: Icon = Icon('\u{e08e}');
pub const COPY: Icon = Icon('\u{e1ca}');
pub const LINK_SIMPLE: Icon = Icon('\u{e2e6}');
pub const SUN: Icon = Icon('\u{e472}');
pub const MOON: Icon = Icon('\u{e330}');
pub const DESKTOP: Icon = Icon('\u{e560}');
pub const ARROWS_CLOCKWISE: Icon = Icon('\u{e094}');
pub const SEAL_CHECK: Icon = Icon('\u{e606}');
pub const CLIPBOARD_TEXT: Icon = Icon('\u{e198}');
pub const SORT_ASCENDING: Icon = Icon('\u{e444}');
pub const TRAY: Icon = Icon('\u{e4aa}');
pub const USER: Icon = Icon('\u{e4c2}');
pub const MONITOR: Icon = Icon('\u{e32e}');
pub const WIFI_HIGH: Icon = Icon('\u{e4ea}');
pub const DOTS_THREE: Icon = Icon('\u{e1fe}');
pub const DOTS_SIX_VERTICAL: Icon = Icon('\u{eae2}');
pub const LOCK_KEY: Icon = Icon('\u{e2fe}');
pub const CARET_RIGHT: Icon = Icon('\u{e13a}');
pub const CARET_DOWN: Icon = Icon('\u{e136}');
pub const ARROW_LINE_UP: Icon = Icon('\u{e066}');
pub const ARROW_LINE_DOWN: Icon = Icon('\u{e05c}');
pub const CALENDAR_DOTS: Icon = Icon('\u{e7b4}');
pub const HOURGLASS: Icon = Icon('\u{e2b2}');
pub const TRASH: Icon = Icon('\u{e4a6}');
pub const PENCIL_SIMPLE: Icon = Icon('\u{e3b4}');
pub const LIST_CHECKS: Icon = Icon('\u{eadc}');
pub const MINUS: Icon = Icon('\u{e32a}');
pub const GAUGE: Icon = Icon('\u{e628}');
pub const LEAF: Icon = Icon('\u{e2da}');
pub const HARD_DRIVES: Icon = Icon('\u{e2a0}');
