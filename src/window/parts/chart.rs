//! Speed over the last minutes as a line.

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, pos2};

use crate::{
    engine::snapshot::Speed,
    window::theme::{Palette, size},
};

/// One value a second, at most this many: five minutes.
const SECONDS: usize = 300;
/// A chart of nearly nothing must not look like a chart of much. Bytes a second.
const LEAST_TOP: u64 = 100_000;

/// Paints both directions into `rect`, the newest second at the right; the higher of the two gives the scale.
pub fn paint(painter: &Painter, rect: Rect, history: &[Speed], palette: &Palette) {
    let base = Stroke::new(size::HAIRLINE, palette.hairline);
    painter.hline(rect.x_range(), rect.bottom() - 0.5, base);
    let shown = &history[history.len().saturating_sub(SECONDS)..];
    if shown.len() < 2 {
        return;
    }
    let top = shown.iter().map(|speed| speed.down.max(speed.up)).max().unwrap_or(0).max(LEAST_TOP);
    let points = |of: fn(&Speed) -> u64| -> Vec<Pos2> {
        let first = SECONDS - shown.len();
        let x = |at: usize| rect.left() + rect.width() * (first + at) as f32 / (SECONDS - 1) as f32;
        let y = |value: u64| rect.bottom() - 1.0 - (rect.height() - 2.0) * (value as f64 / top as f64) as f32;
        shown.iter().enumerate().map(|(at, speed)| pos2(x(at), y(of(speed)))).collect()
    };
    let (down, up) = (points(|speed| speed.down), points(|speed| speed.up));
    painter.add(area(&down, rect.bottom() - 1.0, palette.accent_soft));
    painter.line(up, Stroke::new(1.5, palette.text_faint));
    painter.line(down, Stroke::new(2.0, palette.accent_text));
}

/// What lies under a line.
fn area(points: &[Pos2], bottom: f32, fill: Color32) -> Shape {
    let mut mesh = Mesh::default();
    for point in points {
        mesh.colored_vertex(*point, fill);
        mesh.colored_vertex(pos2(point.x, bottom), fill);
    }
    for at in 0..points.len().saturating_sub(1) as u32 {
        let (a, b, c, d) = (2 * at, 2 * at + 1, 2 * at + 2, 2 * at + 3);
        mesh.add_triangle(a, b, c);
        mesh.add_triangle(c, b, d);
    }
    Shape::mesh(mesh)
}
