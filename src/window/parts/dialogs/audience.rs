//! Who may have a share: everyone, chosen people, whoever has the link; where a server manages this computer, that server
//! or groups of it, too. What its policy forbids can't be chosen, and says so.

use std::collections::BTreeSet;

use egui::Ui;

use super::{LIST_MAX, scrolling};
use crate::{
    access::GroupId,
    engine::command::{ForGroups, Recipients},
    share::PeerId,
    window::{
        icons,
        memory::AudienceKind,
        names,
        parts::{
            choice::{radio_ui, tick_ui},
            lock, paint, person,
        },
        theme::{Palette, radius, space},
        view::View,
        words,
    },
};

/// Draws the choices.
pub fn audience_ui(
    ui: &mut Ui,
    view: &View<'_>,
    kind: &mut AudienceKind,
    people: &mut BTreeSet<PeerId>,
    groups: &mut BTreeSet<GroupId>,
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let managed = view.now.managed.as_deref();
    let server = managed.filter(|managed| managed.server.is_some());
    let no_room = managed.and_then(|managed| managed.no_room.as_ref());
    let no_server = managed.and_then(|managed| managed.no_server.as_ref());
    let kinds = [
        (AudienceKind::Everyone, icons::USERS_THREE, words::FOR_EVERYONE, no_room, true),
        (AudienceKind::Link, icons::LINK_SIMPLE, words::FOR_LINK, no_room, true),
        (AudienceKind::People, icons::USER, words::FOR_PEOPLE, None, true),
        (AudienceKind::Server, icons::HARD_DRIVES, words::managed::FOR_SERVER, no_server, server.is_some()),
        (
            AudienceKind::Groups,
            icons::USERS_THREE,
            words::managed::FOR_GROUPS,
            None,
            server.is_some_and(|server| !server.groups.is_empty()),
        ),
    ];
    for (of, icon, name, forbidden, shown) in kinds {
        if !shown {
            continue;
        }
        let response = ui.add_enabled_ui(forbidden.is_none(), |ui| radio_ui(ui, *kind == of, icon, name)).inner;
        if response.clicked() {
            *kind = of;
        }
    }
    if let (Some(managed), Some(why)) = (managed, no_room.or(no_server)) {
        ui.add_space(space::XS);
        lock::locked_ui(ui, &format!("{why}. {}.", words::managed::managed_by(&names::tame(&managed.by))));
    }
    ui.add_space(space::XS);
    match (*kind, server) {
        (AudienceKind::People, _) => people_ui(ui, view, people),
        (AudienceKind::Groups, Some(server)) => groups_ui(ui, &server.groups, groups),
        _ => {}
    }
}

/// What was chosen.
pub fn chosen(
    view: &View<'_>,
    kind: AudienceKind,
    people: &BTreeSet<PeerId>,
    groups: &BTreeSet<GroupId>,
) -> Recipients {
    let server = view.now.managed.as_deref().and_then(|managed| managed.server);
    match (kind, server) {
        (AudienceKind::People, _) => Recipients::Peers(people.clone()),
        (AudienceKind::Link, _) => Recipients::Link,
        (AudienceKind::Server, Some(server)) => Recipients::Peers([server].into()),
        (AudienceKind::Groups, Some(server)) => {
            Recipients::Groups(ForGroups { server, groups: groups.clone(), keep: true })
        }
        _ => Recipients::Everyone,
    }
}

fn people_ui(ui: &mut Ui, view: &View<'_>, people: &mut BTreeSet<PeerId>) {
    let palette = Palette::of(ui);
    let list = egui::Frame::new().fill(palette.desk).corner_radius(radius::SMALL).inner_margin(space::S);
    list.show(ui, |ui| {
        scrolling(LIST_MAX.min(36.0 * view.now.peers.len() as f32)).show(ui, |ui| {
            for peer in &view.now.peers {
                let chosen = people.contains(&peer.id);
                let response = tick_ui(ui, chosen, &names::tame(&peer.name), |ui, at| {
                    person::paint(ui.painter(), at, space::XL, &peer.id, &peer.name, palette);
                });
                if response.clicked() && !people.remove(&peer.id) {
                    people.insert(peer.id);
                }
            }
        });
    });
}

fn groups_ui(ui: &mut Ui, known: &[(GroupId, String)], groups: &mut BTreeSet<GroupId>) {
    let palette = Palette::of(ui);
    let list = egui::Frame::new().fill(palette.desk).corner_radius(radius::SMALL).inner_margin(space::S);
    list.show(ui, |ui| {
        scrolling(LIST_MAX.min(36.0 * known.len() as f32)).show(ui, |ui| {
            for (id, name) in known {
                let response = tick_ui(ui, groups.contains(id), &names::tame(name), |ui, at| {
                    paint::icon(ui.painter(), at, icons::USERS_THREE, space::L, palette.text_soft);
                });
                if response.clicked() && !groups.remove(id) {
                    groups.insert(*id);
                }
            }
        });
    });
}
