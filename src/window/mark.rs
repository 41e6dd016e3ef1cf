//! Our own mark: a sheet being handed on.

use std::sync::Arc;

use egui::{ColorImage, Context, Id, Rect, TextureHandle, TextureOptions, Ui};

/// The picture of the window in the task bar, as RGBA of 256 × 256.
pub fn window_icon() -> Option<egui::IconData> {
    eframe::icon_data::from_png_bytes(include_bytes!("../../icons/handout-256.png")).ok()
}

/// Paints the mark; the picture is decoded at the first time only.
pub fn paint(ui: &Ui, rect: Rect) {
    if let Some(texture) = texture(ui.ctx()) {
        let uv = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        ui.painter().image(texture.id(), rect, uv, egui::Color32::WHITE);
    }
}

fn texture(ctx: &Context) -> Option<TextureHandle> {
    let id = Id::unique("mark");
    let known: Option<Arc<TextureHandle>> = ctx.data(|data| data.get_temp(id));
    if let Some(known) = known {
        return Some((*known).clone());
    }
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../icons/handout-128.png")).ok()?;
    let image = ColorImage::from_rgba_unmultiplied([icon.width as usize, icon.height as usize], &icon.rgba);
    let options = TextureOptions { mipmap_mode: Some(egui::TextureFilter::Linear), ..TextureOptions::LINEAR };
    let texture = ctx.load_texture("mark", image, options);
    ctx.data_mut(|data| data.insert_temp(id, Arc::new(texture.clone())));
    Some(texture)
}
