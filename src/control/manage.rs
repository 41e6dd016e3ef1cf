//! Manages transfers: queue, limits, schedule, seeding rules, selection of files, and why something is slow; and says when
//! a change came true.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Service, choices,
    failure::stopped,
    manage_rows::{detail, file_row, given_row, traffic_row},
    named::{self, Waited, until},
    service::{Sink, token},
};
use crate::{
    engine::{
        command::{Command, QueuePlace, Selection},
        snapshot::{Done, ShareRow, Snapshot, Traffic, TransferRow, TransferState},
    },
    share::ShareId,
    traffic::{Limits, Schedule},
    wire::{
        control::{Answer, Changed, Failure, FailureKind},
        manage::{Chosen, ChosenForAll, Manage},
    },
};

/// How long a share that is not known may take to turn up.
const FIND_WAIT: Duration = Duration::from_secs(3);
/// How long the engine may take to show a change.
const CHANGE_WAIT: Duration = Duration::from_secs(10);
/// How long the engine may take to list what something was chosen for.
const SHOW_WAIT: Duration = Duration::from_secs(2);
/// How long files may take to be moved, which can be a copy to another disk.
const RELOCATE_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Answers when it is done.
pub(super) async fn manage(service: &Service, wish: Manage, answers: &Sink) -> Result<(), Failure> {
    let looks_only = matches!(wish, Manage::Files { .. } | Manage::Given | Manage::Why { .. });
    let answer = match wish {
        Manage::PauseAll => {
            let answer = all(service, Command::PauseAll, "paused")?;
            come_true(service, |snapshot| !snapshot.transfers.iter().any(|row| is_moving(row.state))).await?;
            answer
        }
        Manage::ResumeAll => {
            let answer = all(service, Command::ResumeAll, "resumed")?;
            let paused = |snapshot: &Snapshot| snapshot.transfers.iter().any(|row| row.state == TransferState::Paused);
            come_true(service, |snapshot| !paused(snapshot)).await?;
            answer
        }
        Manage::RetryAll => all(service, Command::RetryAll, "retried")?,
        Manage::Retry { share } => {
            let row = transfer(service, &share).await?;
            service.handle().send(Command::Retry { share: row.share })?;
            changed(&row, "retried")
        }
        Manage::Move { share, to, other } => move_in_queue(service, &share, &to, other).await?,
        Manage::Set { share, options } => set(service, &share, &options).await?,
        Manage::All { chosen } => set_for_all(service, &chosen).await?,
        Manage::ScheduleAdd { rule } => {
            let rule = choices::rule(&rule)?;
            schedule(service, |schedule| {
                if schedule.0.len() >= crate::traffic::schedule::RULES_MAX {
                    let hint = "Take one away first: handout schedule remove NUMBER.";
                    return Err(Failure::new(FailureKind::Usage, "The schedule has 64 rules already", "", hint));
                }
                schedule.0.push(rule);
                Ok(())
            })
            .await?
        }
        Manage::ScheduleRemove { number } => schedule(service, |schedule| remove_rule(schedule, number)).await?,
        Manage::ScheduleClear => {
            schedule(service, |schedule| {
                schedule.0.clear();
                Ok(())
            })
            .await?
        }
        Manage::Files { share } => files(transfer(service, &share).await?.as_ref())?,
        Manage::Select { share, files } => select(service, &share, files).await?,
        Manage::Relocate { share, into, name } => relocate(service, &share, into, name).await?,
        Manage::Given => Answer::Given { given: service.handle().snapshot().given.iter().map(given_row).collect() },
        Manage::Why { share } => {
            let row = transfer(service, &share).await?;
            Answer::Detail(Box::new(detail(&row)))
        }
    };
    if !looks_only {
        service.lasts("").await?;
    }
    let _ = answers.send(answer).await;
    Ok(())
}

/// The transfer that a person means; what is complete and given counts too.
async fn transfer(service: &Service, text: &str) -> Result<Arc<TransferRow>, Failure> {
    let mut snapshots = service.handle().watch();
    let share = named::share(&mut snapshots, text, FIND_WAIT).await?;
    let find = |snapshot: &Snapshot| snapshot.transfers.iter().find(|row| row.share == share).cloned();
    match until(&mut snapshots, Instant::now() + FIND_WAIT, find).await {
        Waited::Found(row) => Ok(row),
        Waited::TimedOut => {
            let hint = "`handout transfers` lists what is; `handout get` fetches a share.";
            Err(Failure::new(FailureKind::NotFound, "It is not on its way here", text, hint))
        }
        Waited::Stopped => Err(stopped()),
    }
}

/// Waits until the engine shows what was wished.
async fn come_true(service: &Service, is_true: impl Fn(&Snapshot) -> bool) -> Result<(), Failure> {
    let look = |snapshot: &Snapshot| is_true(snapshot).then_some(());
    match until(&mut service.handle().watch(), Instant::now() + CHANGE_WAIT, look).await {
        Waited::Found(()) => Ok(()),
        Waited::TimedOut => {
            let hint = "Look with `handout transfers` and try again.";
            Err(Failure::new(FailureKind::Failed, "The change did not come true", "", hint))
        }
        Waited::Stopped => Err(stopped()),
    }
}

/// Whether a transfer in that state can be paused.
fn is_moving(state: TransferState) -> bool {
    use TransferState::{Done, Failed, Finishing, Paused, Verifying};
    !matches!(state, Done | Failed | Finishing | Paused | Verifying)
}

fn all(service: &Service, command: Command, change: &str) -> Result<Answer, Failure> {
    service.handle().send(command)?;
    Ok(Answer::Changed(Changed { id: String::new(), title: "Everything".to_owned(), change: change.to_owned() }))
}

fn changed(row: &TransferRow, change: &str) -> Answer {
    Answer::Changed(Changed { id: row.share.to_string(), title: row.title.clone(), change: change.to_owned() })
}

async fn move_in_queue(service: &Service, share: &str, to: &str, other: Option<String>) -> Result<Answer, Failure> {
    let row = transfer(service, share).await?;
    if row.queue.is_none() {
        let hint = "Only downloads that are not complete and not paused have a place in the queue.";
        return Err(Failure::new(FailureKind::Failed, "It is not in the queue", &row.title, hint));
    }
    let other = match other {
        Some(other) => Some(transfer(service, &other).await?.share),
        None => None,
    };
    let to = match (to, other) {
        ("top", None) => QueuePlace::Top,
        ("up", None) => QueuePlace::Up,
        ("down", None) => QueuePlace::Down,
        ("bottom", None) => QueuePlace::Bottom,
        ("before", Some(other)) => QueuePlace::Before(other),
        ("after", Some(other)) => QueuePlace::After(other),
        _ => {
            let hint = "Use top, up, down, bottom, or before or after another download.";
            return Err(Failure::new(FailureKind::Usage, "There is no such place in the queue", to, hint));
        }
    };
    service.handle().send(Command::Move { share: row.share, to })?;
    Ok(changed(&row, "moved"))
}

async fn set(service: &Service, share: &str, chosen: &Chosen) -> Result<Answer, Failure> {
    if let Some(mine) = unlisted(service, share).await? {
        return set_unlisted(service, &mine, chosen).await;
    }
    let row = transfer(service, share).await?;
    let commands = choices::of_one(chosen, row.share, row.limits)?;
    for command in &commands {
        service.handle().send(command.clone())?;
    }
    let id = row.share;
    let shows = |snapshot: &Snapshot| {
        let row = snapshot.transfers.iter().find(|row| row.share == id);
        row.is_none_or(|row| commands.iter().all(|command| choices::shows_one(command, row)))
    };
    come_true(service, shows).await?;
    let now = transfer(service, &id.to_string()).await.unwrap_or(row);
    Ok(Answer::Progress(Box::new(now.as_ref().into())))
}

/// A share of one's own that is in no list of transfers, because nobody fetched it and nothing was chosen for it.
async fn unlisted(service: &Service, text: &str) -> Result<Option<Arc<ShareRow>>, Failure> {
    let share = named::share(&mut service.handle().watch(), text, FIND_WAIT).await?;
    let now = service.handle().snapshot();
    let listed = now.transfers.iter().any(|row| row.share == share);
    Ok(now.shares.iter().find(|row| row.id == share && row.mine && !listed).cloned())
}

/// It is listed from then on, unless what was chosen is what holds for all others.
async fn set_unlisted(service: &Service, mine: &ShareRow, chosen: &Chosen) -> Result<Answer, Failure> {
    let commands = choices::of_one(chosen, mine.id, Limits::NONE)?;
    for command in &commands {
        service.handle().send(command.clone())?;
    }
    let shown = |snapshot: &Snapshot| {
        let row = snapshot.transfers.iter().find(|row| row.share == mine.id)?;
        commands.iter().all(|command| choices::shows_one(command, row)).then(|| row.clone())
    };
    match until(&mut service.handle().watch(), Instant::now() + SHOW_WAIT, shown).await {
        Waited::Found(row) => Ok(Answer::Progress(Box::new(row.as_ref().into()))),
        Waited::TimedOut => {
            let (id, title) = (mine.id.to_string(), mine.title.clone());
            Ok(Answer::Changed(Changed { id, title, change: "as usual".to_owned() }))
        }
        Waited::Stopped => Err(stopped()),
    }
}

async fn set_for_all(service: &Service, chosen: &ChosenForAll) -> Result<Answer, Failure> {
    let commands = choices::of_all(chosen, &service.handle().snapshot().traffic)?;
    for command in &commands {
        service.handle().send(command.clone())?;
    }
    come_true(service, |snapshot| commands.iter().all(|command| choices::shows_all(command, &snapshot.traffic)))
        .await?;
    Ok(Answer::Traffic(traffic_row(&service.handle().snapshot().traffic)))
}

async fn schedule(
    service: &Service,
    change: impl FnOnce(&mut Schedule) -> Result<(), Failure>,
) -> Result<Answer, Failure> {
    let traffic: Arc<Traffic> = service.handle().snapshot().traffic.clone();
    if traffic.fixed.schedule {
        return Err(choices::is_fixed("The schedule"));
    }
    let mut schedule = traffic.schedule.clone();
    change(&mut schedule)?;
    service.handle().send(Command::SetSchedule { schedule: schedule.clone() })?;
    come_true(service, |snapshot| snapshot.traffic.schedule == schedule).await?;
    Ok(Answer::Traffic(traffic_row(&service.handle().snapshot().traffic)))
}

fn remove_rule(schedule: &mut Schedule, number: usize) -> Result<(), Failure> {
    match number.checked_sub(1).filter(|at| *at < schedule.0.len()) {
        Some(at) => {
            schedule.0.remove(at);
            Ok(())
        }
        None => {
            let (what, hint) = ("The schedule has no rule with that number", "`handout schedule` lists the rules.");
            Err(Failure::new(FailureKind::Usage, what, number.to_string(), hint))
        }
    }
}

fn files(row: &TransferRow) -> Result<Answer, Failure> {
    let Some(listing) = &row.listing else {
        let hint = "They are known when somebody who has it is here.";
        return Err(Failure::new(FailureKind::Failed, "Its files are not known yet", &row.title, hint));
    };
    Ok(Answer::Files { files: listing.files().into_iter().map(file_row).collect() })
}

async fn select(service: &Service, share: &str, files: Option<Vec<u32>>) -> Result<Answer, Failure> {
    let row = transfer(service, share).await?;
    let files = match files {
        None => Selection::All,
        Some(numbers) => {
            // Number 0 does not exist and becomes one that does not either.
            let numbers: BTreeSet<u32> = numbers.into_iter().map(|number| number.wrapping_sub(1)).collect();
            Selection::These(numbers)
        }
    };
    let (token, share) = (token(), row.share);
    service.handle().send(Command::SelectFiles { token, share, files })?;
    outcome(service, token, CHANGE_WAIT).await?;
    let now = transfer(service, &share.to_string()).await?;
    Ok(Answer::Progress(Box::new(now.as_ref().into())))
}

async fn relocate(
    service: &Service,
    share: &str,
    into: Option<String>,
    name: Option<String>,
) -> Result<Answer, Failure> {
    let row = transfer(service, share).await?;
    let into = into.map(PathBuf::from);
    if let Some(relative) = into.as_ref().filter(|into| !into.is_absolute()) {
        let about = relative.display().to_string();
        return Err(Failure::new(FailureKind::Usage, "The folder's path is not absolute", about, "Give all of it."));
    }
    let (token, share): (u64, ShareId) = (token(), row.share);
    service.handle().send(Command::Relocate { token, share, into, name })?;
    outcome(service, token, RELOCATE_WAIT).await?;
    let now = transfer(service, &share.to_string()).await.unwrap_or(row);
    Ok(Answer::Progress(Box::new(now.as_ref().into())))
}

/// How a wish ended.
async fn outcome(service: &Service, token: u64, wait: Duration) -> Result<Done, Failure> {
    let find = |snapshot: &Snapshot| snapshot.outcomes.iter().find(|outcome| outcome.token == token).cloned();
    match until(&mut service.handle().watch(), Instant::now() + wait, find).await {
        Waited::Found(outcome) => outcome.result.clone().map_err(|trouble| Failure::from(trouble.as_ref())),
        Waited::TimedOut => {
            let hint = "Look with `handout transfers` and try again.";
            Err(Failure::new(FailureKind::Failed, "The change did not come true", "", hint))
        }
        Waited::Stopped => Err(stopped()),
    }
}
