//! What becomes of each line of a list: a new account, a place in another class, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Line;
use crate::access::{GroupId, PersonId, Role};

/// Names to sign in with have 60 letters at most; the number of a twin has to fit as well.
const LOGIN_MAX: usize = 56;

/// Somebody who has an account.
#[derive(Clone, Debug)]
pub(in crate::server) struct Known {
    pub id: PersonId,
    pub login: String,
    pub shown: String,
    pub role: Role,
    pub groups: BTreeMap<GroupId, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Step {
    Make {
        login: String,
    },
    /// Comes into the group of the line, and leaves these.
    Join {
        person: PersonId,
        login: String,
        leaves: BTreeSet<GroupId>,
    },
    /// Is there already, as the line says.
    Stays {
        login: String,
    },
    Refused {
        login: String,
        reason: String,
    },
}

/// One step for each line. Somebody who is in the list is who has that name to sign in with, or, where the list tells none,
/// the one student who is shown with that name.
pub(in crate::server) fn plan<'a>(lines: &[Line], known: &'a [Known]) -> Vec<Step> {
    let mut planner = Planner {
        by_login: known.iter().map(|person| (person.login.as_str(), person)).collect(),
        known,
        taken: BTreeSet::new(),
    };
    let mut steps: Vec<Option<Step>> = vec![None; lines.len()];
    // Those whom the list names for sure come first, so that nobody else is taken for them.
    let passes: [fn(&mut Planner<'a>, &Line) -> Option<Step>; 3] =
        [Planner::by_login, Planner::where_they_are, Planner::by_name];
    for pass in passes {
        for (step, line) in steps.iter_mut().zip(lines) {
            if step.is_none() {
                *step = pass(&mut planner, line);
            }
        }
    }
    steps.into_iter().flatten().collect()
}

struct Planner<'a> {
    known: &'a [Known],
    by_login: BTreeMap<&'a str, &'a Known>,
    /// Names to sign in with that a line of the list has already.
    taken: BTreeSet<String>,
}

impl<'a> Planner<'a> {
    fn by_login(&mut self, line: &Line) -> Option<Step> {
        if line.login.is_empty() {
            return None;
        }
        let login = line.login.to_lowercase();
        let refused = |reason: String| Some(Step::Refused { login: login.clone(), reason });
        if self.taken.contains(&login) {
            return refused(format!("Another line of the list has “{login}” already."));
        }
        match self.by_login.get(login.as_str()).copied() {
            None => {
                self.taken.insert(login.clone());
                Some(Step::Make { login })
            }
            Some(person) if !same(&person.shown, &line.shown) => {
                refused(format!("“{login}” belongs to {} already.", person.shown))
            }
            Some(person) if person.role != Role::Student => {
                refused(format!("“{login}” is an account with the role {}; a list changes students only.", person.role))
            }
            Some(person) => Some(self.stays_or_joins(person, line)),
        }
    }

    fn where_they_are(&mut self, line: &Line) -> Option<Step> {
        let is_there = |person: &&Known| person.groups.values().any(|group| *group == line.group);
        let person = self.called(&line.shown).into_iter().find(is_there)?;
        Some(self.stays_or_joins(person, line))
    }

    fn by_name(&mut self, line: &Line) -> Option<Step> {
        let base = login_of(&line.shown);
        if base.is_empty() {
            let reason = "No name to sign in with can be made of this name. Put one into the list.".to_owned();
            return Some(Step::Refused { login: base, reason });
        }
        match self.called(&line.shown)[..] {
            [] => {
                let login = self.free(&base);
                self.taken.insert(login.clone());
                Some(Step::Make { login })
            }
            [person] => Some(self.stays_or_joins(person, line)),
            ref several => {
                let logins: Vec<&str> = several.iter().map(|person| person.login.as_str()).collect();
                let reason = format!(
                    "Several people have this name ({}). Put the name to sign in with into the list.",
                    logins.join(", ")
                );
                Some(Step::Refused { login: base, reason })
            }
        }
    }

    /// Students with that name whom no line of the list means yet.
    fn called(&self, shown: &str) -> Vec<&'a Known> {
        let is_meant = |person: &&Known| {
            person.role == Role::Student && same(&person.shown, shown) && !self.taken.contains(&person.login)
        };
        self.known.iter().filter(is_meant).collect()
    }

    /// The name to sign in with, or the first number behind it that nobody has.
    fn free(&self, base: &str) -> String {
        let numbered = (2u32..).map(|number| format!("{base}{number}"));
        let all = std::iter::once(base.to_owned()).chain(numbered);
        let is_free = |login: &String| !self.taken.contains(login) && !self.by_login.contains_key(login.as_str());
        all.into_iter().find(is_free).unwrap_or_default()
    }

    fn stays_or_joins(&mut self, person: &Known, line: &Line) -> Step {
        let login = person.login.clone();
        self.taken.insert(login.clone());
        if line.group.is_empty() || person.groups.values().any(|group| *group == line.group) {
            return Step::Stays { login };
        }
        let left = |(_, group): &(&GroupId, &String)| is_class(group) && is_class(&line.group);
        Step::Join { person: person.id, login, leaves: person.groups.iter().filter(left).map(|(id, _)| *id).collect() }
    }
}

/// What became of somebody who came into another group. `names`: of all groups.
pub(in crate::server) fn moved(names: &BTreeMap<GroupId, String>, leaves: &BTreeSet<GroupId>, group: &str) -> String {
    let left: Vec<&str> = leaves.iter().filter_map(|id| names.get(id)).map(String::as_str).collect();
    if left.is_empty() { format!("came into {group}") } else { format!("moved from {} to {group}", left.join(", ")) }
}

/// `7b`, `10-2`, `Year 9`: somebody is in one of them at a time. Clubs and courses are joined beside it.
fn is_class(group: &str) -> bool {
    group.chars().count() <= 7 && group.contains(|letter: char| letter.is_ascii_digit())
}

fn same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(one) == plain(other)
}

/// `Ann-Marie Müller` signs in as `annmarie.muller`, `Łukasz Żak` as `lukasz.zak`.
fn login_of(shown: &str) -> String {
    let words = shown.split_whitespace().map(|word| {
        let plain = deunicode::deunicode(word).to_lowercase();
        plain.chars().filter(char::is_ascii_alphanumeric).collect::<String>()
    });
    let login = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".");
    login.chars().take(LOGIN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(shown: &str, login: &str, group: &str) -> Line {
        Line { number: 1, shown: shown.to_owned(), login: login.to_owned(), group: group.to_owned() }
    }

    fn known(id: i64, login: &str, shown: &str, groups: &[(i64, &str)]) -> Known {
        let groups = groups.iter().map(|(id, name)| (GroupId(*id), (*name).to_owned())).collect();
        Known { id: PersonId(id), login: login.to_owned(), shown: shown.to_owned(), role: Role::Student, groups }
    }

    fn make(login: &str) -> Step {
        Step::Make { login: login.to_owned() }
    }

    fn stays(login: &str) -> Step {
        Step::Stays { login: login.to_owned() }
    }

    fn join(id: i64, login: &str, leaves: &[i64]) -> Step {
        let leaves = leaves.iter().copied().map(GroupId).collect();
        Step::Join { person: PersonId(id), login: login.to_owned(), leaves }
    }

    #[test]
    fn everybody_gets_a_name_to_sign_in_with_whatever_the_letters() {
        for (shown, login) in [
            ("Ann-Marie Müller", "annmarie.muller"),
            ("Łukasz Żak", "lukasz.zak"),
            ("Jürgen Groß", "jurgen.gross"),
            ("Đorđe Ćirić", "dorde.ciric"),
            ("Æsa Ødegård", "aesa.odegard"),
            ("Işıl Yıldız", "isil.yildiz"),
            ("Мария Иванова", "mariia.ivanova"),
            ("王小明", "wangxiaoming"),
        ] {
            assert_eq!(login_of(shown), login);
        }
        let long = format!("{} {}", "a".repeat(50), "b".repeat(50));
        assert_eq!(login_of(&long).len(), LOGIN_MAX);
        assert!(matches!(&plan(&[line("…", "", "7b")], &[])[..], [Step::Refused { .. }]));
    }

    #[test]
    fn twins_are_numbered_and_found_again() {
        let twins = [line("Ann Miller", "", "7b"), line("Ann Miller", "", "7b"), line("Änn Miller", "", "7c")];
        assert_eq!(plan(&twins, &[]), [make("ann.miller"), make("ann.miller2"), make("ann.miller3")]);

        let there = [
            known(1, "ann.miller", "Ann Miller", &[(7, "7b")]),
            known(2, "ann.miller2", "Ann Miller", &[(7, "7b")]),
            known(3, "ann.miller3", "Änn Miller", &[(8, "7c")]),
        ];
        assert_eq!(plan(&twins, &there), [stays("ann.miller"), stays("ann.miller2"), stays("ann.miller3")]);
        let unclear = plan(&[line("Ann Miller", "", "8a")], &there);
        assert!(matches!(&unclear[..], [Step::Refused { .. }]), "{unclear:?}");
        assert_eq!(plan(&[line("Ann Miller", "ann.miller2", "8a")], &there), [join(2, "ann.miller2", &[7])]);
    }

    #[test]
    fn a_list_moves_people_to_another_class_and_leaves_their_clubs_alone() {
        let there = [known(1, "ann", "Ann Miller", &[(7, "7b"), (9, "Chess")])];
        assert_eq!(plan(&[line("ann  miller", "", "8b")], &there), [join(1, "ann", &[7])]);
        assert_eq!(plan(&[line("Ann Miller", "ANN", "8b")], &there), [join(1, "ann", &[7])]);
        assert_eq!(plan(&[line("Ann Miller", "", "Choir")], &there), [join(1, "ann", &[])]);
        assert_eq!(plan(&[line("Ann Miller", "", "")], &there), [stays("ann")]);
        // Somebody else of that name in another class is not taken for the one who stays where she is.
        let both = [line("Ann Miller", "", "7a"), line("Ann Miller", "", "7b")];
        assert_eq!(plan(&both, &there), [make("ann.miller"), stays("ann")]);
    }

    #[test]
    fn a_name_to_sign_in_with_belongs_to_one_person() {
        let there = [known(1, "ann", "Ann Miller", &[])];
        let teacher = Known { role: Role::Teacher, ..known(2, "kaya", "Ms Kaya", &[]) };
        for (lines, refused) in [
            (vec![line("Ann Smith", "ann", "7b")], 0),
            (vec![line("Ben One", "ben", "7b"), line("Ben Two", "ben", "7b")], 1),
            (vec![line("Ms Kaya", "kaya", "7b")], 0),
        ] {
            let steps = plan(&lines, &[there[0].clone(), teacher.clone()]);
            assert!(matches!(steps[refused], Step::Refused { .. }), "{steps:?}");
        }
    }
}
