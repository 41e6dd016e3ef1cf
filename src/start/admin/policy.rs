//! `handout admin policy`.

use serde::Serialize;

use super::{done, failed, list, time_of};
use crate::{
    access::Exam,
    cli::{Column, Exit, Output, Shown, admin_args::PolicyCommand},
    server::{Admin, PolicyChange},
};

#[derive(Serialize)]
struct ExplainedLine {
    allowed: bool,
    rules: Vec<RuleLine>,
}

#[derive(Serialize)]
struct RuleLine {
    rule: &'static str,
    refused: Option<String>,
}

pub(super) async fn act(admin: &Admin, command: Option<PolicyCommand>, output: &Output) -> Result<(), Exit> {
    let change = match command.unwrap_or(PolicyCommand::Show) {
        PolicyCommand::Show => return show(admin, output).await,
        PolicyCommand::Explain { action, person, share } => {
            return explain(admin, &action, person.as_deref(), share.as_deref(), output).await;
        }
        PolicyCommand::Set { changes } => PolicyChange::Fields(changes),
        PolicyCommand::BeginExam { minutes, groups, shares, hand_in } => {
            PolicyChange::BeginExam { minutes, groups, shares, hand_in }
        }
        PolicyCommand::EndExam { exam } => PolicyChange::EndExam { name: exam },
        PolicyCommand::Block { hash, note } => PolicyChange::Block { hash, note },
        PolicyCommand::Unblock { hash } => PolicyChange::Unblock { hash },
    };
    let version = admin.change_policy(change).await.map_err(failed)?;
    done(output, &format!("Policy {version} holds; a server that runs takes it in within seconds."))
}

async fn show(admin: &Admin, output: &Output) -> Result<(), Exit> {
    let (policy, fields) = (admin.policy().await.map_err(failed)?, admin.policy_fields().await.map_err(failed)?);
    if output.shown == Shown::Json {
        let rules: serde_json::Map<_, _> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let exams: Vec<_> = policy.exams.iter().map(exam_json).collect();
        let blocked: Vec<_> = policy.blocked.iter().map(|(root, note)| (root.to_string(), note)).collect();
        let blocked: serde_json::Map<_, _> =
            blocked.into_iter().map(|(root, note)| (root, note.as_str().into())).collect();
        return output.json(&serde_json::json!({
            "version": policy.version, "issued": time_of(policy.issued_s), "rules": rules, "exam": exams.first(), "exams": exams,
            "blocked": blocked,
        }));
    }
    let columns = [Column::left("RULE"), Column::flexible("VALUE")];
    let shown = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    let rule = |(name, value): &(&'static str, String)| [(*name).to_owned(), shown(value)];
    list(output, &fields, &columns, rule)?;
    for exam in &policy.exams {
        output.remark(&format!("Exam {} until {}.", exam.name(), time_of(exam.until_s)));
    }
    output.remark(&format!("Version {}; contents that are forbidden: {}.", policy.version, policy.blocked.len()));
    Ok(())
}

fn exam_json(exam: &Exam) -> serde_json::Value {
    let shares: Vec<_> = exam.handouts.iter().map(ToString::to_string).collect();
    let groups: Vec<_> = exam.groups.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "exam": exam.name(), "until": time_of(exam.until_s), "groups": groups, "shares": shares, "hand_in": exam.hand_in,
    })
}

async fn explain(
    admin: &Admin,
    action: &str,
    person: Option<&str>,
    share: Option<&str>,
    output: &Output,
) -> Result<(), Exit> {
    let explained = admin.explain(person, action, share).await.map_err(failed)?;
    if output.shown == Shown::Json {
        let rules = explained.rules.into_iter().map(|(rule, refused)| RuleLine { rule, refused }).collect();
        return output.json(&ExplainedLine { allowed: explained.allowed, rules });
    }
    let mut text = String::new();
    for (rule, refused) in &explained.rules {
        match refused {
            None => text.push_str(&format!("yes  {rule}\n")),
            Some(why) => text.push_str(&format!("no   {rule}: {why}\n")),
        }
    }
    output.result(&text)?;
    output.remark(if explained.allowed { "It is allowed." } else { "It is not allowed." });
    Ok(())
}
