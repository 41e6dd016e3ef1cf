//! Parts that screens are made of. A part is a function that draws, takes the [`View`](super::view::View), and gives back
//! what was pressed or puts a wish into the view; it holds nothing.

pub mod bar;
pub mod blank;
pub mod card;
pub mod chart;
pub mod choice;
pub mod dialogs;
pub mod drop_zone;
pub mod field;
pub mod kind;
pub mod lock;
pub mod menu;
pub mod notices;
pub mod paint;
pub mod person;
pub mod push;
pub mod rail;
pub mod rows;
pub mod share_row;
pub mod toasts;
pub mod top_bar;
pub mod transfer_menu;
pub mod transfer_row;
