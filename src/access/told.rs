//! The rules that hold on a computer, told one by one for people and programs.

use super::{Actor, Policy, Role, reason::size};

/// One rule and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// For programs.
    pub name: &'static str,
    /// For people: "Share with everyone in the room".
    pub title: &'static str,
    pub value: String,
    /// Whether it takes something away from whoever uses the computer.
    pub limits: bool,
}

const NO_LIMIT: &str = "no limit";

impl Policy {
    /// Every rule as it holds for the people who use this computer. `now_s`: seconds since 1970; `at`: shows such a moment.
    pub fn told(&self, device: &Actor, now_s: i64, at: impl Fn(i64) -> String) -> Vec<Told> {
        let student = device.role <= Role::Student;
        let rules = &self.students;
        let may = |name, title, allowed: bool| {
            let allowed = allowed || !student;
            Told { name, title, value: if allowed { "yes" } else { "no" }.to_owned(), limits: !allowed }
        };
        let most = |name, title, most: Option<String>| {
            let most = most.filter(|_| student);
            let limits = most.is_some();
            Told { name, title, value: most.unwrap_or_else(|| NO_LIMIT.to_owned()), limits }
        };
        let rate = |rate: Option<u64>| rate.map(|rate| format!("{}/s", size(rate)));
        let list = |name, title, value: Option<String>| {
            let limits = value.is_some();
            Told { name, title, value: value.unwrap_or_else(|| "none".to_owned()), limits }
        };
        let types: Vec<&str> = rules.refused_types.iter().map(String::as_str).collect();
        let types = Some(types.join(", ")).filter(|types| student && !types.is_empty());
        let blocked = Some(self.blocked.len()).filter(|count| *count > 0);
        let exam = self.exam_of(&device.groups, now_s).filter(|_| student);
        let exam = exam.map(|exam| {
            let hand_in = if exam.hand_in { "work may be handed in" } else { "nothing may be handed in" };
            format!("until {}; only what was handed out for it; {hand_in}", at(exam.until_s))
        });
        vec![
            may("share_with_room", "Share with everyone in the room", rules.share_with_room),
            may("upload", "Give things to the server", rules.upload),
            most("file_bytes_max", "Largest file", rules.file_bytes_max.map(size)),
            most("quota_bytes", "Everything shared together", rules.quota_bytes.map(size)),
            most("quota_files", "Number of files shared", rules.quota_files.map(|files| files.to_string())),
            most("upload_bytes_per_s", "Speed of giving", rate(rules.upload_bytes_per_s)),
            most("download_bytes_per_s", "Speed of getting", rate(rules.download_bytes_per_s)),
            list("refused_types", "Types that may not be shared", types),
            most("retention_days", "Things are shared for", self.retention_days.map(|days| format!("{days} days"))),
            list("blocked", "Contents that nobody may have", blocked.map(|count| count.to_string())),
            list("exam", "Exam", exam),
        ]
    }
}
