//! Every guarded verb of the server, in one place.

use super::Role;

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look and download.
    Read,
    /// Upload, and change what is one's own.
    Write,
    /// Everything that only those who run the server do.
    Admin,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal, $least:ident, $scope:ident;)+) => {
        /// A guarded verb.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action {
            $($(#[$doc])* $action,)+
        }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$action,)+];

            /// The name in the audit log and the API.
            pub fn name(self) -> &'static str {
                match self { $(Action::$action => $name,)+ }
            }

            /// Nobody below this role does it, whatever the policy says.
            pub fn least_role(self) -> Role {
                match self { $(Action::$action => Role::$least,)+ }
            }

            /// What an API key needs for it.
            pub fn scope(self) -> Scope {
                match self { $(Action::$action => Scope::$scope,)+ }
            }
        }
    };
}

actions! {
    /// Look for shares and files by words; see the list of shares.
    Search = "share.search", Guest, Read;
    /// See one share's page and its files' names.
    SeeShare = "share.see", Guest, Read;
    /// Have a file's bytes: download, preview, zip.
    Download = "share.download", Guest, Read;
    /// Put files on the server.
    Upload = "share.upload", Student, Write;
    /// Give a share to everyone in the room, rather than to groups of one's own.
    ShareWithRoom = "share.room", Student, Write;
    /// Change a share's title or who may have it.
    ChangeShare = "share.change", Student, Write;
    /// Take a share off the server.
    RemoveShare = "share.remove", Student, Write;
    /// Make a link through which people without an account get a share.
    MakeLink = "link.make", Student, Write;
    /// Take such a link back.
    RemoveLink = "link.remove", Student, Write;
    /// Hide a share from everybody but those who judge it, or give it back.
    Quarantine = "share.quarantine", Teacher, Write;
    /// Forbid a content for good, by its hash.
    BlockContent = "content.block", Admin, Admin;
    /// Change one's own password or second factor, end one's own sessions.
    ChangeOwnAccount = "account.change", Student, Write;
    /// Make a key for programs that act as oneself.
    MakeKey = "key.make", Student, Write;
    SeePeople = "people.see", Teacher, Admin;
    AddPerson = "people.add", Teacher, Admin;
    ChangePerson = "people.change", Teacher, Admin;
    RemovePerson = "people.remove", Admin, Admin;
    ChangeGroups = "groups.change", Teacher, Admin;
    SeeDevices = "devices.see", Teacher, Admin;
    EnrolDevice = "devices.enrol", Admin, Admin;
    RemoveDevice = "devices.remove", Admin, Admin;
    SeePolicy = "policy.see", Guest, Read;
    ChangePolicy = "policy.change", Admin, Admin;
    /// Begin or end an exam.
    Exam = "policy.exam", Teacher, Admin;
    /// Ask what somebody could do, and why not.
    Explain = "policy.explain", Teacher, Admin;
    SeeAudit = "audit.see", Admin, Admin;
    SeeStorage = "storage.see", Teacher, Admin;
    ChangeStorage = "storage.change", Admin, Admin;
    SeeUpstreams = "upstreams.see", Teacher, Admin;
    ChangeUpstreams = "upstreams.change", Admin, Admin;
    SeeSettings = "settings.see", Admin, Admin;
    ChangeSettings = "settings.change", Admin, Admin;
    /// Take a copy of everything out of the server, or bring one back.
    Backup = "server.backup", Owner, Admin;
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    pub fn of_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }
}
