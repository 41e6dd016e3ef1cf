//! Each computer's part in a transfer.

use egui::{Align, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::part;
use crate::{
    engine::snapshot::{TransferPeer, TransferRow},
    window::{
        figures, names,
        parts::{paint, person, rows},
        screens::soft,
        theme::{Palette, Type, Weight, size, space},
        words,
    },
};

const FACE: f32 = 28.0;

/// Draws a row for each, those that give fastest first.
pub fn peers_ui(ui: &mut Ui, transfer: &TransferRow) {
    let (seeds, leeches) = (transfer.seeds, transfer.leeches);
    part(ui, words::WHO_HAS_IT, &words::seeds_and_leeches(seeds, leeches));
    if transfer.peers.is_empty() {
        soft(ui, words::NOBODY_CONNECTED);
        return;
    }
    let mut peers: Vec<&TransferPeer> = transfer.peers.iter().map(|peer| &**peer).collect();
    peers.sort_by(|a, b| (b.rate_down + b.rate_up, &a.name).cmp(&(a.rate_down + a.rate_up, &b.name)));
    let pieces = transfer.facts.as_ref().map_or(0, |facts| facts.pieces);
    rows::rows_ui(ui, peers.len(), size::ROW, |ui, at, rect| peer_ui(ui, peers[at], pieces, rect));
}

fn peer_ui(ui: &mut Ui, peer: &TransferPeer, pieces: u32, rect: Rect) {
    let palette = Palette::of(ui);
    let role = role(peer, pieces);
    let name = names::tame(&peer.name);
    let response = ui.interact(rect, rows::id("peer", peer.id), Sense::hover());
    let speeds = speeds(peer);
    let parts = parts(peer);
    let spoken = format!("{name}, {role}, {speeds}, {parts}");
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &spoken));
    let painter = ui.painter();
    person::paint(painter, pos2(rect.left() + FACE / 2.0, rect.center().y), FACE, &peer.id, &name, palette);
    let left = rect.left() + FACE + space::M;
    let above = Rect::from_min_max(pos2(left, rect.top() + space::XS), pos2(rect.right(), rect.center().y + 2.0));
    let below = Rect::from_min_max(pos2(left, rect.center().y + 2.0), pos2(rect.right(), rect.bottom() - space::XS));
    let right_width = paint::width(painter, &speeds, Type::Small.weighing(Weight::Medium));
    let title = Rect::from_min_size(above.min, vec2(above.width() - right_width - space::M, above.height()));
    paint::line(painter, title, Align::Min, &name, Type::Body.font(), palette.text);
    paint::line(painter, above, Align::Max, &speeds, Type::Small.weighing(Weight::Medium), palette.text);
    paint::line(painter, below, Align::Min, &role, Type::Small.font(), palette.text_soft);
    paint::line(painter, below, Align::Max, &parts, Type::Small.font(), palette.text_faint);
    response.on_hover_text(peer.id.short());
}

fn role(peer: &TransferPeer, pieces: u32) -> String {
    if peer.complete {
        return words::SEED.to_owned();
    }
    words::leech(&figures::percent(peer.pieces.into(), u64::from(pieces).max(1)))
}

fn speeds(peer: &TransferPeer) -> String {
    let mut parts = Vec::new();
    if peer.rate_down > 0 {
        parts.push(format!("↓ {}", figures::speed(peer.rate_down)));
    }
    if peer.rate_up > 0 {
        parts.push(format!("↑ {}", figures::speed(peer.rate_up)));
    }
    parts.join("  ")
}

/// What went both ways so far, and what is asked for.
fn parts(peer: &TransferPeer) -> String {
    let mut parts = Vec::new();
    if peer.in_flight > 0 {
        parts.push(words::in_flight(peer.in_flight));
    }
    if peer.got_bytes > 0 {
        parts.push(words::got_from(&figures::bytes(peer.got_bytes)));
    }
    if peer.given_bytes > 0 {
        parts.push(words::gave_to(&figures::bytes(peer.given_bytes)));
    }
    parts.join("  ·  ")
}
