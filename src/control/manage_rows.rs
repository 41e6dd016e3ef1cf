//! Rows about limits, files and what was given, made from the engine's snapshot.

use super::{rows::rfc3339, words};
use crate::{
    engine::snapshot::{FileRow, GivenRow, Traffic, TransferRow},
    traffic::{Rule, Then, schedule::show_minute},
    wire::manage,
};

pub(super) fn traffic_row(traffic: &Traffic) -> manage::Traffic {
    let rate = |rate: Option<crate::traffic::Rate>| rate.map(crate::traffic::Rate::get);
    let place = traffic.rule_now.map(|(place, _)| place);
    let holds = place.and_then(|place| traffic.schedule.0.get(place));
    let fixed = [
        ("limit_down", traffic.fixed.limits.down.is_some()),
        ("limit_up", traffic.fixed.limits.up.is_some()),
        ("schedule", traffic.fixed.schedule),
        ("active_downloads", traffic.fixed.active_downloads),
        ("seed_until", traffic.fixed.seed_until),
        ("stop_seeding_when_closed", traffic.fixed.stop_seeding_when_closed),
    ];
    manage::Traffic {
        limit_down: rate(traffic.limits.down),
        limit_up: rate(traffic.limits.up),
        limit_down_now: rate(traffic.limits_now.down),
        limit_up_now: rate(traffic.limits_now.up),
        paused_by_schedule: holds.is_some_and(|rule| rule.then == Then::Pause),
        active_downloads: traffic.active_downloads,
        seed_until: traffic.seed_until.to_string(),
        stop_seeding_when_closed: traffic.stop_seeding_when_closed,
        schedule: traffic.schedule.0.iter().map(rule_row).collect(),
        rule_now: place.map(|place| place + 1),
        fixed: fixed.into_iter().filter(|(_, fixed)| *fixed).map(|(name, _)| name.to_owned()).collect(),
    }
}

fn rule_row(rule: &Rule) -> manage::ScheduleRule {
    let limits = match rule.then {
        Then::Pause => None,
        Then::Limit(limits) => Some(limits),
    };
    manage::ScheduleRule {
        days: rule.days.to_string(),
        from: show_minute(rule.from),
        to: show_minute(rule.to),
        pause: limits.is_none(),
        limit_down: limits.and_then(|limits| limits.down).map(crate::traffic::Rate::get),
        limit_up: limits.and_then(|limits| limits.up).map(crate::traffic::Rate::get),
    }
}

pub(super) fn file_row(row: FileRow) -> manage::FileOfShare {
    let FileRow { number, path, size, done_bytes, wanted } = row;
    manage::FileOfShare { number: number + 1, path, size, done_bytes, wanted }
}

pub(super) fn given_row(row: &GivenRow) -> manage::Given {
    manage::Given {
        peer: row.peer.to_string(),
        peer_name: row.peer_name.clone(),
        share: row.share.to_string(),
        title: row.title.clone(),
        bytes: row.bytes,
        rate: row.rate,
        last: rfc3339(row.last),
    }
}

pub(super) fn reason_row(row: &TransferRow) -> manage::Reason {
    let name = |id| row.peers.iter().find(|peer| peer.id == id).map_or_else(|| id.short(), |peer| peer.name.clone());
    words::reason(&row.reason, name)
}

pub(super) fn detail(row: &TransferRow) -> manage::Detail {
    let peers = row.peers.iter().map(|peer| manage::PeerOfTransfer {
        id: peer.id.to_string(),
        name: peer.name.clone(),
        rate: peer.rate_down,
        rate_up: peer.rate_up,
        got_bytes: peer.got_bytes,
        given_bytes: peer.given_bytes,
        pieces: peer.pieces,
        complete: peer.complete,
        in_flight: peer.in_flight,
    });
    let tile = |tile: &crate::engine::snapshot::Tile| manage::Tile {
        had: tile.had,
        in_flight: tile.in_flight,
        copies: tile.copies,
    };
    manage::Detail {
        transfer: row.into(),
        peers: peers.collect(),
        history: row.history.iter().map(|speed| manage::Speed { down: speed.down, up: speed.up }).collect(),
        map: row.map.tiles.iter().map(tile).collect(),
    }
}
