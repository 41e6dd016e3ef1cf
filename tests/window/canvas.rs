//! Draws what egui tessellated, without a graphics card, a window or a display: the same picture on every machine.

use std::collections::BTreeMap;

use egui::{
    Color32, ColorImage, TextureId, TexturesDelta,
    epaint::{ClippedPrimitive, Mesh, Primitive, Vertex},
};

/// Positions are rounded to this part of a pixel, so that triangles that share an edge never both own a pixel.
const PARTS: f64 = 256.0;

/// A picture being drawn, with the textures that egui sent so far.
pub struct Canvas {
    textures: BTreeMap<TextureId, ColorImage>,
}

/// A finished picture: RGBA, row by row.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Color32>,
}

impl Canvas {
    pub fn new() -> Canvas {
        Canvas { textures: BTreeMap::new() }
    }

    /// Takes the textures that changed. None is ever thrown away; a test is short.
    pub fn take(&mut self, mut delta: TexturesDelta) {
        for (id, image) in delta.set.iter().flat_map(|(id, images)| images.iter().map(move |image| (id, image))) {
            let egui::ImageData::Color(patch) = &image.image;
            match image.pos {
                None => {
                    self.textures.insert(*id, ColorImage::clone(patch));
                }
                Some([left, top]) => {
                    let whole = self.textures.get_mut(id).expect("a patch follows its texture");
                    for y in 0..patch.size[1] {
                        for x in 0..patch.size[0] {
                            whole[(left + x, top + y)] = patch[(x, y)];
                        }
                    }
                }
            }
        }
        delta.clear();
    }

    /// Draws a frame; `scale` is pixels per point.
    pub fn draw(&self, primitives: &[ClippedPrimitive], width: usize, height: usize, scale: f32) -> Picture {
        let mut picture = Picture { width, height, pixels: vec![Color32::BLACK; width * height] };
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else { continue };
            let bound = |at: f32, most: usize| ((at * scale).round().max(0.0) as usize).min(most);
            let clip = Clip {
                left: bound(clip_rect.left(), width),
                right: bound(clip_rect.right(), width),
                top: bound(clip_rect.top(), height),
                bottom: bound(clip_rect.bottom(), height),
            };
            picture.mesh(mesh, &self.textures[&mesh.texture_id], &clip, scale);
        }
        picture
    }
}

struct Clip {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

/// A corner in rounded pixels.
#[derive(Clone, Copy)]
struct Corner {
    x: f64,
    y: f64,
}

impl Picture {
    fn mesh(&mut self, mesh: &Mesh, texture: &ColorImage, clip: &Clip, scale: f32) {
        for triangle in mesh.indices.chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|at| mesh.vertices[triangle[at] as usize]);
            self.triangle([a, b, c], texture, clip, scale);
        }
    }

    fn triangle(&mut self, vertices: [Vertex; 3], texture: &ColorImage, clip: &Clip, scale: f32) {
        let round = |at: f32| (f64::from(at * scale) * PARTS).round() / PARTS;
        let mut corners = vertices.map(|v| Corner { x: round(v.pos.x), y: round(v.pos.y) });
        let mut vertices = vertices;
        let area = cross(corners[0], corners[1], corners[2]);
        if area == 0.0 {
            return;
        }
        if area < 0.0 {
            corners.swap(1, 2);
            vertices.swap(1, 2);
        }
        let area = area.abs();
        let top = corners.iter().map(|c| c.y).fold(f64::MAX, f64::min).floor().max(clip.top as f64) as usize;
        let bottom =
            corners.iter().map(|c| c.y).fold(f64::MIN, f64::max).ceil().clamp(0.0, clip.bottom as f64) as usize;
        let plain = vertices.iter().all(|v| v.color == vertices[0].color && v.uv == vertices[0].uv);
        for y in top..bottom {
            let (from, to) = span(&corners, y as f64 + 0.5, clip);
            for x in from..to {
                let paint = if plain {
                    multiplied(vertices[0].color, sample(texture, vertices[0].uv.x, vertices[0].uv.y))
                } else {
                    let at = Corner { x: x as f64 + 0.5, y: y as f64 + 0.5 };
                    let weights = [
                        cross(corners[1], corners[2], at) / area,
                        cross(corners[2], corners[0], at) / area,
                        cross(corners[0], corners[1], at) / area,
                    ]
                    .map(|weight| weight as f32);
                    shade(&vertices, weights, texture)
                };
                let under = &mut self.pixels[y * self.width + x];
                *under = over(paint, *under);
            }
        }
    }

    /// Writes the picture as PNG.
    pub fn save(&self, path: &std::path::Path) {
        let file = std::fs::File::create(path).expect("the folder of pictures can be written");
        let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().expect("a picture has a head");
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|p| [p.r(), p.g(), p.b()]).collect();
        writer.write_image_data(&bytes).expect("a picture has all its pixels");
    }
}

/// Twice the area of a triangle; positive when it turns to the right on a screen.
fn cross(a: Corner, b: Corner, c: Corner) -> f64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// The pixels of a row whose middle lies in the triangle; a middle on an edge belongs to the left and upper triangle only.
fn span(corners: &[Corner; 3], y: f64, clip: &Clip) -> (usize, usize) {
    let (mut from, mut to) = (clip.left as f64, clip.right as f64);
    for at in 0..3 {
        let (a, b) = (corners[at], corners[(at + 1) % 3]);
        let dy = b.y - a.y;
        if dy == 0.0 {
            // A flat edge: the row is on its inner side, or the triangle has none of this row.
            let inside = if b.x > a.x { y >= a.y } else { y < a.y };
            if !inside {
                return (0, 0);
            }
            continue;
        }
        // Where the edge crosses the row, in pixels counted from their middles.
        let x = a.x + (b.x - a.x) * (y - a.y) / dy - 0.5;
        if dy < 0.0 {
            from = from.max(x.ceil());
        } else {
            to = to.min(x.ceil());
        }
    }
    if from >= to { (0, 0) } else { (from as usize, to as usize) }
}

fn shade(vertices: &[Vertex; 3], weights: [f32; 3], texture: &ColorImage) -> Color32 {
    let mix = |of: fn(&Vertex) -> f32| vertices.iter().zip(weights).map(|(v, w)| of(v) * w).sum::<f32>();
    let channel = |at: usize| {
        let value: f32 = vertices.iter().zip(weights).map(|(v, w)| f32::from(v.color[at]) * w).sum();
        value.round().clamp(0.0, 255.0) as u8
    };
    let color = Color32::from_rgba_premultiplied(channel(0), channel(1), channel(2), channel(3));
    multiplied(color, sample(texture, mix(|v| v.uv.x), mix(|v| v.uv.y)))
}

/// Four neighbours, weighed by nearness.
fn sample(texture: &ColorImage, u: f32, v: f32) -> [f32; 4] {
    let [width, height] = texture.size;
    let (x, y) = (u * width as f32 - 0.5, v * height as f32 - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let at = |x: f32, y: f32| {
        let x = (x.max(0.0) as usize).min(width - 1);
        let y = (y.max(0.0) as usize).min(height - 1);
        texture[(x, y)].to_array().map(f32::from)
    };
    let (a, b, c, d) = (at(left, top), at(left + 1.0, top), at(left, top + 1.0), at(left + 1.0, top + 1.0));
    let blend = |i: usize| (a[i] * (1.0 - dx) + b[i] * dx) * (1.0 - dy) + (c[i] * (1.0 - dx) + d[i] * dx) * dy;
    [blend(0), blend(1), blend(2), blend(3)]
}

fn multiplied(color: Color32, texel: [f32; 4]) -> Color32 {
    let [r, g, b, a] = color.to_array();
    let by = |channel: u8, texel: f32| (f32::from(channel) * texel / 255.0).round().clamp(0.0, 255.0) as u8;
    Color32::from_rgba_premultiplied(by(r, texel[0]), by(g, texel[1]), by(b, texel[2]), by(a, texel[3]))
}

fn over(paint: Color32, under: Color32) -> Color32 {
    let keep = 255 - u32::from(paint.a());
    let add = |p: u8, u: u8| (u32::from(p) + (u32::from(u) * keep + 127) / 255).min(255) as u8;
    Color32::from_rgba_premultiplied(
        add(paint.r(), under.r()),
        add(paint.g(), under.g()),
        add(paint.b(), under.b()),
        255,
    )
}
