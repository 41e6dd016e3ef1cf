//! A list that is as long as it likes and draws what can be seen. Arrow keys go from row to row.

use egui::{EventFilter, Id, Key, Modifiers, Rect, Response, Ui, pos2, vec2};

/// Rows drawn beyond the edge, so that the keyboard can step onto them.
const BEYOND: usize = 1;

/// Draws `count` rows of one height with `draw(ui, index, rect)`; returns where the list lies and which rows were drawn.
pub fn rows_ui(ui: &mut Ui, count: usize, height: f32, mut draw: impl FnMut(&mut Ui, usize, Rect)) -> Rect {
    let (_, list) = ui.allocate_space(vec2(ui.available_width(), height * count as f32));
    for index in visible(ui.clip_rect(), list, height, count) {
        draw(ui, index, row_rect(list, index, height));
    }
    list
}

/// Where row `index` lies.
pub fn row_rect(list: Rect, index: usize, height: f32) -> Rect {
    Rect::from_min_size(pos2(list.left(), list.top() + height * index as f32), vec2(list.width(), height))
}

/// The rows that lie within `clip`, and one more on each side.
fn visible(clip: Rect, list: Rect, height: f32, count: usize) -> std::ops::Range<usize> {
    let at = |y: f32| ((y - list.top()) / height).max(0.0) as usize;
    let first = at(clip.top()).saturating_sub(BEYOND).min(count);
    let last = (at(clip.bottom()) + 1 + BEYOND).min(count);
    first..last.max(first)
}

/// Where the arrow keys lead from a focused row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    First,
    Last,
}

/// Keeps the arrow keys for the list while one of its rows has the keyboard, and tells what they said.
pub fn step(ui: &Ui, response: &Response) -> Option<Step> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let keys =
        [(Key::ArrowUp, Step::Up), (Key::ArrowDown, Step::Down), (Key::Home, Step::First), (Key::End, Step::Last)];
    ui.input_mut(|input| {
        keys.into_iter().find(|(key, _)| input.consume_key(Modifiers::NONE, *key)).map(|(_, step)| step)
    })
}

/// In a tree, also keeps the arrows to the sides: whether what the row holds should be open or closed.
pub fn fold(ui: &Ui, response: &Response) -> Option<bool> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter { vertical_arrows: true, horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let keys = [(Key::ArrowRight, true), (Key::ArrowLeft, false)];
    ui.input_mut(|input| {
        keys.into_iter().find(|(key, _)| input.consume_key(Modifiers::NONE, *key)).map(|(_, open)| open)
    })
}

/// The row that a step leads to.
pub fn stepped(index: usize, step: Step, count: usize) -> usize {
    match step {
        Step::Up => index.saturating_sub(1),
        Step::Down => (index + 1).min(count.saturating_sub(1)),
        Step::First => 0,
        Step::Last => count.saturating_sub(1),
    }
}

/// Brings a row that the keyboard came to into sight.
pub fn follow(ui: &Ui, response: &Response, rect: Rect) {
    if response.gained_focus() && !ui.clip_rect().contains_rect(rect) {
        ui.scroll_to_rect(rect, None);
    }
}

/// The id of what belongs to one thing in one list.
pub fn id(list: &'static str, thing: impl std::hash::Hash + std::fmt::Debug) -> Id {
    Id::unique((list, thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen_is_drawn() {
        let list = Rect::from_min_size(pos2(0.0, -4400.0), vec2(100.0, 44.0 * 10_000.0));
        let clip = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 440.0));
        assert_eq!(visible(clip, list, 44.0, 10_000), 99..112);
    }

    #[test]
    fn a_list_out_of_sight_or_without_rows_draws_nothing_or_an_edge() {
        let clip = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 440.0));
        let below = Rect::from_min_size(pos2(0.0, 900.0), vec2(100.0, 88.0));
        assert!(visible(clip, below, 44.0, 2).len() <= 2);
        assert!(visible(clip, clip, 44.0, 0).is_empty());
    }

    #[test]
    fn steps_stay_inside_the_list() {
        assert_eq!(stepped(0, Step::Up, 3), 0);
        assert_eq!(stepped(2, Step::Down, 3), 2);
        assert_eq!(stepped(1, Step::Last, 3), 2);
        assert_eq!(stepped(0, Step::Down, 0), 0);
    }
}
