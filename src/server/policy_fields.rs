//! The policy as fields with names: of the form on its page, and of `handout admin policy`.

use crate::access::{Guests, LinkRules, Policy, Role, StudentRules};

/// Every field with its value, as [`read`] takes it. Yes is `yes`, and what is not limited is empty.
pub(super) fn fields_of(policy: &Policy) -> Vec<(&'static str, String)> {
    let yes = |yes: bool| if yes { "yes".to_owned() } else { String::new() };
    let units = |value: Option<u64>, unit: u64| value.map_or_else(String::new, |value| (value / unit).to_string());
    let small = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
    let students = &policy.students;
    let guests = match policy.guests {
        Guests::Nothing => "nothing",
        Guests::Look => "look",
        Guests::Download => "download",
    };
    vec![
        ("managed_by", policy.managed_by.clone()),
        ("guests", guests.to_owned()),
        ("upload", yes(students.upload)),
        ("share_with_room", yes(students.share_with_room)),
        ("make_links", yes(students.make_links)),
        ("file_mib", units(students.file_bytes_max, 1 << 20)),
        ("quota_mib", units(students.quota_bytes, 1 << 20)),
        ("quota_files", small(students.quota_files)),
        ("up_kib", units(students.upload_bytes_per_s, 1 << 10)),
        ("down_kib", units(students.download_bytes_per_s, 1 << 10)),
        ("refused_types", students.refused_types.iter().cloned().collect::<Vec<_>>().join(" ")),
        ("second_factor", policy.second_factor_from.map_or_else(String::new, |role| role.name().to_owned())),
        ("link_days", small(policy.links.days_max)),
        ("link_password", yes(policy.links.password_needed)),
        ("retention_days", small(policy.retention_days)),
    ]
}

/// The policy that a form asks for as far as its fields can be read, so that nobody has to type the others again.
pub(super) fn read_what_fits(fields: &[(String, String)], before: &Policy) -> Policy {
    let mut policy = before.clone();
    let names = fields_of(before).into_iter().map(|(name, _)| name);
    for name in names {
        let mut tried: Vec<(String, String)> =
            fields_of(&policy).into_iter().map(|(known, value)| (known.to_owned(), value)).collect();
        let typed = fields.iter().find(|(known, _)| known == name);
        if let Some(field) = tried.iter_mut().find(|(known, _)| known == name) {
            // A box that is not ticked is not sent.
            field.1 = typed.map_or_else(String::new, |(_, value)| value.clone());
        }
        policy = read(&tried, &policy).unwrap_or(policy);
    }
    policy
}

/// The policy without an exam. `name`: as [`Exam::name`](crate::access::Exam::name); may be left out where only one goes on.
/// Tells which there are where it does not say which is meant.
pub(super) fn without_exam(before: &Policy, name: Option<&str>, now_s: i64) -> Result<Policy, String> {
    let mut policy = before.clone();
    let on: Vec<String> = before.exams_on(now_s).map(crate::access::Exam::name).collect();
    let name = match (name, on.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => return Ok(policy),
        (None, names) => return Err(format!("Several exams are on. Say which one ends: {}", names.join(", "))),
    };
    policy.exams.retain(|exam| now_s < exam.until_s && exam.name() != name);
    match policy.exams.len() < on.len() {
        true => Ok(policy),
        false => Err(format!("No exam {name} is on")),
    }
}

/// The policy with some fields changed. Tells which field there is not, or what is wrong with a value.
pub(super) fn changed(before: &Policy, changes: &[(String, String)]) -> Result<Policy, String> {
    let mut fields: Vec<(String, String)> =
        fields_of(before).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, value) in changes {
        let names = || fields_of(before).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let field = fields.iter_mut().find(|(known, _)| known == name);
        let field = field.ok_or_else(|| format!("The policy has no {name:?}: choose {}.", names()))?;
        if let Some(known) = choices(name)
            && !known.contains(&value.as_str())
        {
            return Err(format!("{name} can't be {value:?}: choose {}.", known.join(", ")));
        }
        let no = ["no", "none"].contains(&value.as_str());
        field.1 = if no { String::new() } else { value.clone() };
    }
    read(&fields, before)
}

/// What a field may be, where only some words make sense. A box of the form that is not ticked is not sent, so the form can't
/// tell a wrong word from none.
fn choices(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "upload" | "share_with_room" | "make_links" | "link_password" => Some(&["yes", "no"]),
        "guests" => Some(&["nothing", "look", "download"]),
        _ => None,
    }
}

/// What a form makes of the policy. What it does not speak of stays.
pub(super) fn read(fields: &[(String, String)], before: &Policy) -> Result<Policy, String> {
    let one = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
    let yes = |name: &str| one(name) == "yes";
    let number = |name: &str, unit: u64| match one(name) {
        "" => Ok(None),
        text => {
            let number =
                text.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|number| *number > 0);
            number.map(Some).ok_or_else(|| format!("{name}: {text:?} is no number that can be used here."))
        }
    };
    let small = |name: &str| {
        let number: Result<Option<u32>, _> = number(name, 1)?.map(u32::try_from).transpose();
        number.map_err(|_| format!("{name}: the number is too large."))
    };
    let types = one("refused_types").split([' ', ',']).map(|kind| kind.trim_start_matches('.').to_lowercase());
    let second_factor_from = match one("second_factor") {
        "" => None,
        role => Some(role.parse::<Role>().map_err(|error| error.to_string())?),
    };
    let policy = Policy {
        managed_by: super::routes::title_of(one("managed_by")).map_err(|problem| problem.detail)?,
        guests: match one("guests") {
            "look" => Guests::Look,
            "download" => Guests::Download,
            _ => Guests::Nothing,
        },
        students: StudentRules {
            upload: yes("upload"),
            share_with_room: yes("share_with_room"),
            make_links: yes("make_links"),
            file_bytes_max: number("file_mib", 1 << 20)?,
            quota_bytes: number("quota_mib", 1 << 20)?,
            quota_files: small("quota_files")?,
            upload_bytes_per_s: number("up_kib", 1 << 10)?,
            download_bytes_per_s: number("down_kib", 1 << 10)?,
            refused_types: types.filter(|kind| !kind.is_empty()).collect(),
        },
        second_factor_from,
        links: LinkRules { days_max: small("link_days")?, password_needed: yes("link_password") },
        retention_days: small("retention_days")?,
        ..before.clone()
    };
    policy.check().map_err(|error| error.to_string())?;
    Ok(policy)
}

/// What is new, for the audit log: `upload=no, file_mib=100`.
pub(super) fn difference(before: &Policy, after: &Policy) -> String {
    let old = fields_of(before);
    let new = fields_of(after).into_iter().filter(|field| !old.contains(field));
    let said = |(name, value): (&str, String)| format!("{name}={}", if value.is_empty() { "no" } else { &value });
    new.map(said).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, value: &str) -> Result<Policy, String> {
        changed(&Policy::default(), &[(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_policy_goes_through_its_fields_and_back() {
        let policy = Policy::default();
        assert_eq!(changed(&policy, &[]).unwrap(), policy);
    }

    #[test]
    fn what_changed_is_told_as_it_is_given() {
        let before = Policy::default();
        let after = changed(&before, &[("upload".into(), "no".into()), ("file_mib".into(), "100".into())]).unwrap();
        assert_eq!(difference(&before, &after), "upload=no, file_mib=100");
        assert_eq!(difference(&after, &after), "");
    }

    #[test]
    fn one_field_is_changed_and_the_others_stay() {
        let usual = Policy::default();
        let policy = change("upload", "no").unwrap();
        assert!(!policy.students.upload);
        assert_eq!(policy.students.quota_bytes, usual.students.quota_bytes);
        assert_eq!(change("quota_mib", "none").unwrap().students.quota_bytes, None);
        assert_eq!(change("second_factor", "admin").unwrap().second_factor_from, Some(Role::Admin));
        assert!(change("colour", "red").unwrap_err().contains("retention_days"));
        assert_eq!(change("upload", "maybe").unwrap_err(), "upload can't be \"maybe\": choose yes, no.");
        assert!(change("guests", "all").unwrap_err().contains("download"));
        assert!(change("quota_mib", "much").unwrap_err().contains("quota_mib"));
    }
}
