//! `shares`, `peers`, `transfers`, `status`, `search`: tables for people, rows for machines; with `--watch`, each change.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    figures::{ago, count, duration, percent, plain, size, speed},
    run::{answers, next, unexpected},
    table::{Column, lay_out},
};
use crate::{
    control::Connection,
    wire::control::{Answer, Envelope, Failure, FailureKind, Peer, Request, Share, Status, Transfer},
};

/// How much of an id is shown: enough to tell shares apart and to be typed.
const SHORT_ID: usize = 8;

/// Shows the list once, or, when the request watches, until Ctrl-C.
pub(super) async fn list(
    envelope: Envelope,
    watch: bool,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let sought = match &envelope.request {
        Request::Search { words } => Some(words.clone()),
        _ => None,
    };
    let mut answers = answers(connection, envelope, interrupt).await?;
    let mut known = Known::default();
    loop {
        let answer = match next(&mut answers, interrupt).await {
            Err(Exit::Interrupted) if watch => return Ok(()),
            answer => answer?,
        };
        match output.shown {
            Shown::Json if watch => known.changes(&answer)?.iter().try_for_each(|row| output.json(row))?,
            Shown::Json => document(&answer, output)?,
            Shown::ForPeople if sought.is_some() => found(&answer, output)?,
            Shown::ForPeople => table(&answer, watch, output)?,
        }
        if let Answer::Shares { silent, .. } = &answer {
            silent.iter().for_each(|why| output.remark(&plain(why)));
        }
        if let (Some(words), Answer::Shares { shares, .. }) = (&sought, &answer)
            && shares.is_empty()
        {
            let hint = "Try fewer words, or `handout shares` for all that is known.";
            return Err(Failure::new(FailureKind::NotFound, "Nothing was found", words.join(" "), hint).into());
        }
        if !watch {
            return Ok(());
        }
    }
}

fn document(answer: &Answer, output: &Output) -> Result<(), Exit> {
    match answer {
        Answer::Shares { shares, .. } => output.json(shares),
        Answer::Peers { peers } => output.json(peers),
        Answer::Transfers { transfers } => output.json(transfers),
        Answer::Status(status) => output.json(status),
        other => Err(unexpected(other)),
    }
}

fn table(answer: &Answer, watch: bool, output: &Output) -> Result<(), Exit> {
    let (width, now) = (output.width(), OffsetDateTime::now_utc());
    let text = match answer {
        Answer::Shares { shares, .. } => shares_table(shares, width),
        Answer::Peers { peers } => peers_table(peers, width, now),
        Answer::Transfers { transfers } => transfers_table(transfers, width),
        Answer::Status(status) => status_lines(status),
        other => return Err(unexpected(other)),
    };
    if watch && output.is_terminal() {
        output.clear()?;
    }
    output.result(&if watch && !output.is_terminal() { format!("{text}\n") } else { text })
}

/// What a search found, with where each is.
fn found(answer: &Answer, output: &Output) -> Result<(), Exit> {
    let Answer::Shares { shares, .. } = answer else { return Err(unexpected(answer)) };
    if shares.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::left("ID"),
        Column::flexible("TITLE"),
        Column::right("SIZE"),
        Column::right("FILES"),
        Column::flexible("FROM"),
        Column::flexible("WHERE"),
    ];
    let cells = |row: &Share| {
        let file = row.file.as_ref().map_or(String::new(), |file| format!(" ({file})"));
        let from = if row.mine { Some("me") } else { row.publisher_name.as_deref() };
        [
            short(&row.id),
            format!("{}{file}", row.title),
            size(row.size),
            row.files.to_string(),
            from.unwrap_or_default().to_owned(),
            row.at.clone(),
        ]
    };
    output.result(&lay_out(&columns, &shares.iter().map(cells).collect::<Vec<_>>(), output.width()))
}

fn shares_table(shares: &[Share], width: Option<usize>) -> String {
    if shares.is_empty() {
        return "Nothing is shared here yet. Share something: handout share PATH\n".to_owned();
    }
    let columns = [
        Column::left("ID"),
        Column::flexible("TITLE"),
        Column::right("SIZE"),
        Column::right("FILES"),
        Column::flexible("FROM"),
        Column::right("HAVE IT"),
        Column::left("HERE"),
    ];
    let rows: Vec<_> = shares.iter().map(share_cells).collect();
    lay_out(&columns, &rows, width)
}

fn share_cells(row: &Share) -> [String; 7] {
    let from = if row.mine { Some("me") } else { row.publisher_name.as_deref() };
    let here = match row.state.as_str() {
        "here" => "yes",
        "on_its_way" => "on its way",
        _ => "",
    };
    // The publisher counts himself only on his own computer; a person counts everybody who has it.
    let have = u64::from(row.seeds) + u64::from(row.state == "here");
    [
        short(&row.id),
        row.title.clone(),
        size(row.size),
        row.files.to_string(),
        from.map_or_else(|| row.publisher.as_deref().map_or_else(|| "somebody".to_owned(), short), str::to_owned),
        have.to_string(),
        with_trouble(here, row.trouble.as_ref().map(|trouble| trouble.what.as_str())),
    ]
}

fn peers_table(peers: &[Peer], width: Option<usize>, now: OffsetDateTime) -> String {
    if peers.is_empty() {
        return "No other computer is around. One that multicast does not reach: --peer HOST:PORT\n".to_owned();
    }
    let columns = [
        Column::left("ID"),
        Column::flexible("NAME"),
        Column::flexible("ADDRESS"),
        Column::right("SHARES"),
        Column::left("FOUND BY"),
        Column::left("SEEN"),
    ];
    let rows: Vec<_> = peers.iter().map(|row| peer_cells(row, now)).collect();
    lay_out(&columns, &rows, width)
}

fn peer_cells(row: &Peer, now: OffsetDateTime) -> [String; 6] {
    let more = row.addresses.len().saturating_sub(1);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let address = row.addresses.first().map(|address| format!("{address}{more}")).unwrap_or_default();
    let via = match row.via.as_str() {
        "mdns" => "itself",
        "typed" => "address",
        "inbound" => "its call",
        "peer" => "another",
        other => other,
    };
    let seen = ago(&row.last_seen, now);
    [
        short(&row.id),
        if row.role == "server" { format!("{} (server)", row.name) } else { row.name.clone() },
        address,
        row.shares.to_string(),
        via.to_owned(),
        with_trouble(&seen, row.trouble.as_ref().map(|trouble| trouble.what.as_str())),
    ]
}

fn transfers_table(transfers: &[Transfer], width: Option<usize>) -> String {
    if transfers.is_empty() {
        return "Nothing is on its way. Get something: handout get LINK\n".to_owned();
    }
    let columns = [
        Column::left("ID"),
        Column::flexible("TITLE"),
        Column::flexible("STATE"),
        Column::right("DONE"),
        Column::right("OF"),
        Column::right("DOWN"),
        Column::right("UP"),
        Column::right("LEFT"),
        Column::right("FROM"),
    ];
    let rows: Vec<_> = transfers.iter().map(transfer_cells).collect();
    lay_out(&columns, &rows, width)
}

fn transfer_cells(row: &Transfer) -> [String; 9] {
    let sources = if row.sources == 0 { String::new() } else { row.sources.to_string() };
    [
        short(&row.share),
        row.title.clone(),
        with_trouble(&row.state, row.trouble.as_ref().map(|trouble| trouble.what.as_str())),
        percent(row.done_bytes, row.size),
        size(row.size),
        speed(row.rate),
        speed(row.rate_up),
        row.eta.map(duration).unwrap_or_default(),
        sources,
    ]
}

fn status_lines(status: &Status) -> String {
    let listen = match (status.running, status.addresses.is_empty()) {
        (false, _) => "not running".to_owned(),
        (true, true) => "no address".to_owned(),
        (true, false) => status.addresses.join(", "),
    };
    let runs = match (status.pid, status.window) {
        (Some(pid), true) => format!("with a window (process {pid})"),
        (Some(pid), false) => format!("without a window (process {pid})"),
        (None, _) => "no; `handout` or `handout daemon` starts it".to_owned(),
    };
    let around = [
        count(status.peers as u64, "computer", "computers"),
        count(status.shares as u64, "share", "shares"),
        count(status.transfers as u64, "transfer", "transfers"),
    ];
    let mut lines = vec![
        ("Name", status.name.clone()),
        ("Id", status.id.clone()),
        ("Running", runs),
        ("Answers at", listen),
        ("Finds others", if status.discovery { "yes" } else { "no" }.to_owned()),
        ("Around", around.join(", ")),
        ("Downloads", status.downloads.clone()),
        ("Home", status.home.clone()),
        ("Version", status.version.clone()),
    ];
    lines.extend(status.managed.iter().flat_map(|managed| super::managed::lines(managed)));
    if status.rate > 0 || status.rate_up > 0 {
        lines.push(("Speed", format!("{}/s down, {}/s up", size(status.rate), size(status.rate_up))));
    }
    for trouble in &status.troubles {
        lines.push(("Trouble", format!("{}: {}. {}", trouble.what, trouble.about, trouble.hint)));
    }
    lines.iter().map(|(name, value)| format!("{name:<13} {}\n", plain(value))).collect()
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}

fn with_trouble(state: &str, trouble: Option<&str>) -> String {
    match trouble {
        Some(what) if state.is_empty() => what.to_owned(),
        Some(what) => format!("{state}: {what}"),
        None => state.to_owned(),
    }
}

/// The rows that were shown already, so that a watcher is told of changes alone.
#[derive(Default)]
struct Known {
    rows: BTreeMap<String, Value>,
}

impl Known {
    /// One object for each row that is there for the first time, changed or went away, with what happened under `change`.
    fn changes(&mut self, answer: &Answer) -> Result<Vec<Value>, Exit> {
        let rows = match answer {
            Answer::Shares { shares, .. } => keyed(shares, |row| &row.id)?,
            Answer::Peers { peers } => keyed(peers, |row| &row.id)?,
            Answer::Transfers { transfers } => keyed(transfers, |row| &row.share)?,
            Answer::Status(status) => keyed(std::slice::from_ref(status), |row| &row.id)?,
            other => return Err(unexpected(other)),
        };
        let mut changes = Vec::new();
        for (id, row) in &rows {
            match self.rows.get(id) {
                None => changes.push(marked(row, "added")),
                Some(before) if before != row => changes.push(marked(row, "changed")),
                Some(_) => {}
            }
        }
        let gone = self.rows.iter().filter(|(id, _)| !rows.contains_key(*id));
        changes.extend(gone.map(|(_, row)| marked(row, "removed")));
        self.rows = rows;
        Ok(changes)
    }
}

fn keyed<T: Serialize>(rows: &[T], id: impl Fn(&T) -> &String) -> Result<BTreeMap<String, Value>, Exit> {
    let value = |row| serde_json::to_value(row).map_err(std::io::Error::from);
    Ok(rows.iter().map(|row| Ok((id(row).clone(), value(row)?))).collect::<Result<_, std::io::Error>>()?)
}

fn marked(row: &Value, change: &str) -> Value {
    let mut row = row.clone();
    if let Value::Object(fields) = &mut row {
        fields.insert("change".to_owned(), Value::from(change));
    }
    row
}
