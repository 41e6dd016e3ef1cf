//! Manages transfers: queue, limits, schedule, seeding, files, places, and what was given to whom.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    figures::{ago, count, percent, plain, size, speed},
    manage_args::{
        ClassArg, Files, GivenBy, Limit, OrderArg, PriorityArg, Queue, ScheduleChange, ScheduleRule, Seeding, Set,
    },
    run::{answers, next, unexpected},
    selection,
    table::{Column, lay_out},
};
use crate::{
    control::Connection,
    wire::{
        control::{Answer, Envelope, Request, Transfer},
        manage::{Chosen, ChosenForAll, Detail, FileOfShare, Given, Manage, ScheduleRule as Rule, Traffic},
    },
};

/// Asks for one thing and shows the answer.
pub(super) struct Manager<'a> {
    pub peers: Vec<String>,
    pub connection: &'a Connection,
    pub output: &'a Output,
    pub interrupt: &'a CancellationToken,
}

impl Manager<'_> {
    async fn ask(&self, request: Request) -> Result<Answer, Exit> {
        let envelope = Envelope { peers: self.peers.clone(), ..Envelope::new(request) };
        let mut answers = answers(self.connection, envelope, self.interrupt).await?;
        next(&mut answers, self.interrupt).await
    }

    /// Does it, and shows what came of it.
    pub async fn manage(&self, wish: Manage) -> Result<(), Exit> {
        let answer = self.ask(Request::Manage { wish }).await?;
        let json = self.output.shown == Shown::Json;
        match answer {
            Answer::Changed(changed) if json => self.output.json(&changed),
            Answer::Changed(changed) => {
                self.output.remark(&format!("{} is {}.", plain(&changed.title), changed.change));
                Ok(())
            }
            Answer::Progress(row) if json => self.output.json(&row),
            Answer::Progress(row) => self.output.result(&transfer_lines(&row)),
            Answer::Traffic(traffic) if json => self.output.json(&traffic),
            Answer::Traffic(traffic) => self.output.result(&traffic_lines(&traffic)),
            Answer::Files { files } if json => self.output.json(&files),
            Answer::Files { files } => self.output.result(&files_table(&files, self.output.width())),
            Answer::Detail(detail) if json => self.output.json(&detail),
            Answer::Detail(detail) => self.output.result(&detail_lines(&detail, self.output.width())),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn queue(&self, args: Queue) -> Result<(), Exit> {
        if let Some(count) = args.active {
            let chosen = ChosenForAll { active_downloads: Some(count), ..ChosenForAll::default() };
            self.manage(Manage::All { chosen: Box::new(chosen) }).await?;
        }
        if let Some(share) = args.share {
            let flags = [("top", args.top), ("up", args.up), ("down", args.down), ("bottom", args.bottom)];
            let flag = flags.into_iter().find(|(_, set)| *set).map(|(name, _)| (name, None));
            let before = args.before.map(|other| ("before", Some(other)));
            let after = args.after.map(|other| ("after", Some(other)));
            let Some((to, other)) = flag.or(before).or(after) else {
                return Err(Exit::usage("Where it should go was not said", share, "Use --top, --before ID and so on."));
            };
            return self.manage(Manage::Move { share, to: to.to_owned(), other }).await;
        }
        if args.active.is_some() { Ok(()) } else { self.show_queue().await }
    }

    async fn show_queue(&self) -> Result<(), Exit> {
        let Answer::Transfers { transfers } = self.ask(Request::Transfers { watch: false }).await? else {
            return Err(Exit::failed(
                "The running Handout answered another question",
                "",
                "End it and start it again.",
            ));
        };
        let mut queue: Vec<Transfer> = transfers.into_iter().filter(|row| row.queue.is_some()).collect();
        queue.sort_by_key(|row| row.queue);
        if self.output.shown == Shown::Json {
            return self.output.json(&queue);
        }
        self.output.result(&queue_table(&queue, self.output.width()))
    }

    /// Shows the files, or chooses among them.
    pub async fn files(&self, args: Files) -> Result<(), Exit> {
        let share = args.share;
        if args.all {
            return self.manage(Manage::Select { share, files: None }).await;
        }
        if args.only.is_empty() && args.skip.is_empty() {
            return self.manage(Manage::Files { share }).await;
        }
        let Answer::Files { files } =
            self.ask(Request::Manage { wish: Manage::Files { share: share.clone() } }).await?
        else {
            return Err(Exit::failed(
                "The running Handout answered another question",
                "",
                "End it and start it again.",
            ));
        };
        let files = selection::choose(&files, &args.only, &args.skip)?;
        self.manage(Manage::Select { share, files: Some(files) }).await
    }

    pub async fn given(&self, by: Option<GivenBy>) -> Result<(), Exit> {
        let Answer::Given { given } = self.ask(Request::Manage { wish: Manage::Given }).await? else {
            return Err(Exit::failed(
                "The running Handout answered another question",
                "",
                "End it and start it again.",
            ));
        };
        let given = by.map_or_else(|| given.clone(), |by| add_up(&given, by));
        if self.output.shown == Shown::Json {
            return self.output.json(&given);
        }
        self.output.result(&given_table(&given, by, self.output.width()))
    }
}

/// What `set` changes.
pub(super) fn set(args: Set) -> Manage {
    let options = Chosen {
        priority: args.priority.map(|priority| {
            let name = match priority {
                PriorityArg::High => "high",
                PriorityArg::Normal => "normal",
                PriorityArg::Low => "low",
            };
            name.to_owned()
        }),
        order: args.order.map(|order| match order {
            OrderArg::Rarest => "rarest".to_owned(),
            OrderArg::InOrder => "in-order".to_owned(),
        }),
        class: args.class.map(ClassArg::name),
        limit_down: args.down,
        limit_up: args.up,
        seed_until: args.seed_until,
    };
    Manage::Set { share: args.share, options: Box::new(options) }
}

/// What `limit` changes; without a value everything is shown.
pub(super) fn limit_all(args: &Limit) -> Manage {
    let chosen = ChosenForAll { limit_down: args.down, limit_up: args.up, ..ChosenForAll::default() };
    Manage::All { chosen: Box::new(chosen) }
}

/// What `seeding` changes; without a value everything is shown.
pub(super) fn seeding(args: Seeding) -> Manage {
    let Seeding { until, stop_when_closed } = args;
    let chosen =
        ChosenForAll { seed_until: until, stop_seeding_when_closed: stop_when_closed, ..ChosenForAll::default() };
    Manage::All { chosen: Box::new(chosen) }
}

/// What `schedule` changes; without a change everything is shown.
pub(super) fn schedule(change: Option<ScheduleChange>) -> Manage {
    match change {
        None => Manage::All { chosen: Box::default() },
        Some(ScheduleChange::Add(ScheduleRule { days, from, to, pause, down, up })) => {
            Manage::ScheduleAdd { rule: Rule { days, from, to, pause, limit_down: down, limit_up: up } }
        }
        Some(ScheduleChange::Remove { number }) => Manage::ScheduleRemove { number: number as usize },
        Some(ScheduleChange::Clear) => Manage::ScheduleClear,
    }
}

fn limit(rate: Option<u64>) -> String {
    rate.map_or_else(|| "no limit".to_owned(), speed)
}

fn traffic_lines(traffic: &Traffic) -> String {
    let now = |chosen: Option<u64>, now: Option<u64>| match (traffic.paused_by_schedule, chosen == now) {
        (true, _) => format!("{}; nothing at the moment, by schedule", limit(chosen)),
        (false, true) => limit(chosen),
        (false, false) => format!("{}; {} at the moment", limit(chosen), limit(now)),
    };
    let mut lines = vec![
        ("Down", now(traffic.limit_down, traffic.limit_down_now)),
        ("Up", now(traffic.limit_up, traffic.limit_up_now)),
        ("Active", count(traffic.active_downloads.into(), "download at a time", "downloads at a time")),
        ("Seeding", traffic.seed_until.clone()),
        (
            "When closed",
            if traffic.stop_seeding_when_closed { "seeding stops" } else { "seeding goes on later" }.to_owned(),
        ),
    ];
    for (number, rule) in (1..).zip(&traffic.schedule) {
        let holds = if traffic.rule_now == Some(number) { " (now)" } else { "" };
        lines.push(("Schedule", format!("{number}. {} {}-{}: {}{holds}", rule.days, rule.from, rule.to, then(rule))));
    }
    if traffic.schedule.is_empty() {
        lines.push(("Schedule", "none".to_owned()));
    }
    if !traffic.fixed.is_empty() {
        lines.push(("Fixed", format!("{} (by an administrator)", traffic.fixed.join(", "))));
    }
    lines.iter().map(|(name, value)| format!("{name:<12} {}\n", plain(value))).collect()
}

fn then(rule: &Rule) -> String {
    if rule.pause {
        return "pause".to_owned();
    }
    format!("down {}, up {}", limit(rule.limit_down), limit(rule.limit_up))
}

fn transfer_lines(row: &Transfer) -> String {
    let mut lines = vec![
        ("Title", row.title.clone()),
        ("State", row.state.clone()),
        ("Why", format!("{} {}", row.reason.what, row.reason.hint).trim_end().to_owned()),
        ("Done", format!("{} of {} ({})", size(row.done_bytes), size(row.size), percent(row.done_bytes, row.size))),
        ("Files", format!("{} of {} wanted", row.files_wanted, row.files)),
        ("Into", row.into.clone()),
        ("Priority", format!("{}, {}, {}", row.priority, row.order, row.class)),
        ("Limits", format!("down {}, up {}", limit(row.limit_down), limit(row.limit_up))),
        (
            "Given",
            format!("{} in all; until {}", size(row.given_in_all), row.seed_until.as_deref().unwrap_or("default")),
        ),
    ];
    if let Some(place) = row.queue {
        lines.push(("Queue", format!("place {place}")));
    }
    lines.iter().map(|(name, value)| format!("{name:<12} {}\n", plain(value))).collect()
}

fn queue_table(queue: &[Transfer], width: Option<usize>) -> String {
    if queue.is_empty() {
        return "No download is waiting or on its way.\n".to_owned();
    }
    let columns = [
        Column::right("#"),
        Column::left("ID"),
        Column::flexible("TITLE"),
        Column::left("PRIORITY"),
        Column::left("STATE"),
        Column::right("DONE"),
    ];
    let cells = |row: &Transfer| {
        [
            row.queue.map(|place| place.to_string()).unwrap_or_default(),
            row.share.chars().take(8).collect(),
            row.title.clone(),
            row.priority.clone(),
            row.state.clone(),
            percent(row.done_bytes, row.size),
        ]
    };
    lay_out(&columns, &queue.iter().map(cells).collect::<Vec<_>>(), width)
}

pub(super) fn files_table(files: &[FileOfShare], width: Option<usize>) -> String {
    let columns = [
        Column::right("#"),
        Column::flexible("FILE"),
        Column::right("SIZE"),
        Column::right("DONE"),
        Column::left("WANTED"),
    ];
    let cells = |row: &FileOfShare| {
        [
            row.number.to_string(),
            row.path.clone(),
            size(row.size),
            percent(row.done_bytes, row.size.max(1)),
            if row.wanted { "yes" } else { "no" }.to_owned(),
        ]
    };
    lay_out(&columns, &files.iter().map(cells).collect::<Vec<_>>(), width)
}

/// What each computer, or each share, got in all.
fn add_up(given: &[Given], by: GivenBy) -> Vec<Given> {
    let mut sums: BTreeMap<&str, Given> = BTreeMap::new();
    for row in given {
        let key = if by == GivenBy::Peer { &row.peer } else { &row.share };
        match sums.get_mut(key.as_str()) {
            Some(sum) => {
                sum.bytes = sum.bytes.saturating_add(row.bytes);
                sum.rate = sum.rate.saturating_add(row.rate);
                sum.last = sum.last.clone().max(row.last.clone());
            }
            None => drop(sums.insert(key, row.clone())),
        }
    }
    let mut sums: Vec<Given> = sums.into_values().collect();
    for row in &mut sums {
        let others =
            if by == GivenBy::Peer { [&mut row.share, &mut row.title] } else { [&mut row.peer, &mut row.peer_name] };
        others.into_iter().for_each(String::clear);
    }
    sums.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    sums
}

fn given_table(given: &[Given], by: Option<GivenBy>, width: Option<usize>) -> String {
    if given.is_empty() {
        return "Nothing was given to anybody yet.\n".to_owned();
    }
    let columns = [
        Column::flexible("TO"),
        Column::flexible("SHARE"),
        Column::right("GIVEN"),
        Column::right("NOW"),
        Column::left("LAST"),
    ];
    let now = OffsetDateTime::now_utc();
    let cells = |row: &Given| {
        let all =
            |text: &str, whole: GivenBy| if by == Some(whole) { "all together".to_owned() } else { text.to_owned() };
        [
            all(&row.peer_name, GivenBy::Share),
            all(&row.title, GivenBy::Peer),
            size(row.bytes),
            speed(row.rate),
            ago(&row.last, now),
        ]
    };
    lay_out(&columns, &given.iter().map(cells).collect::<Vec<_>>(), width)
}

fn detail_lines(detail: &Detail, width: Option<usize>) -> String {
    let mut text = transfer_lines(&detail.transfer);
    if !detail.peers.is_empty() {
        let columns = [
            Column::flexible("COMPUTER"),
            Column::right("DOWN"),
            Column::right("UP"),
            Column::right("GOT"),
            Column::right("GIVEN"),
        ];
        let cells = |row: &crate::wire::manage::PeerOfTransfer| {
            [row.name.clone(), speed(row.rate), speed(row.rate_up), size(row.got_bytes), size(row.given_bytes)]
        };
        text.push('\n');
        text.push_str(&lay_out(&columns, &detail.peers.iter().map(cells).collect::<Vec<_>>(), width));
    }
    if !detail.map.is_empty() {
        text.push_str(&format!("\nPieces  {}\n", strip(&detail.map)));
    }
    if detail.history.iter().any(|speed| speed.down > 0 || speed.up > 0) {
        text.push_str(&format!("Speed   {}\n", sparks(&detail.history)));
    }
    text
}

/// How many signs the strips have.
const STRIP: usize = 60;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The pieces, from the first to the last: here, on their way, missing.
fn strip(map: &[crate::wire::manage::Tile]) -> String {
    let sign = |tiles: &[crate::wire::manage::Tile]| match tiles {
        tiles if tiles.iter().all(|tile| tile.had == 255) => '█',
        tiles if tiles.iter().any(|tile| tile.in_flight > 0) => '▒',
        tiles if tiles.iter().any(|tile| tile.had > 0) => '▄',
        _ => '·',
    };
    map.chunks(map.len().div_ceil(STRIP).max(1)).map(sign).collect()
}

/// The speed over the last minutes; the highest sign is the highest speed, named at the end.
fn sparks(history: &[crate::wire::manage::Speed]) -> String {
    let rates: Vec<u64> = history
        .chunks(history.len().div_ceil(STRIP).max(1))
        .map(|some| some.iter().map(|speed| speed.down.max(speed.up)).max().unwrap_or(0))
        .collect();
    let most = rates.iter().copied().max().unwrap_or(0).max(1);
    let sign = |rate: &u64| {
        let at = usize::try_from(u128::from(*rate) * 7 / u128::from(most)).unwrap_or(0);
        SPARKS.get(at).copied().unwrap_or('█')
    };
    format!("{} up to {}", rates.iter().map(sign).collect::<String>(), speed(most))
}
