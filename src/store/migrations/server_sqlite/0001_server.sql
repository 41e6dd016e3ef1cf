-- Why: everything a central server must remember and find. The same tables stand in server_postgres, with the same names
-- and meanings; a test compares them. Yes and no are 1 and 0; times are seconds since 1970 unless the name says _ms; ids of
-- people and groups are drawn by chance below 2^53; keys and sessions are kept as BLAKE3 hashes, never as themselves.

CREATE TABLE people (
    id           INTEGER PRIMARY KEY NOT NULL,
    -- What they sign in with; lower case.
    name         TEXT    NOT NULL UNIQUE,
    shown        TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    -- Argon2id in PHC form; NULL until they chose one.
    password     TEXT,
    must_change  INTEGER NOT NULL,
    -- The secret of one-time codes, and the last time step that was used, so that no code works twice.
    totp         BLOB,
    totp_step    INTEGER NOT NULL,
    active       INTEGER NOT NULL,
    created_s    INTEGER NOT NULL
) STRICT;

CREATE TABLE groups (
    id   INTEGER PRIMARY KEY NOT NULL,
    name TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    person   INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, person)
) STRICT;
CREATE INDEX members_by_person ON members (person);

CREATE TABLE sessions (
    token         BLOB    PRIMARY KEY NOT NULL,
    person        INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_s     INTEGER NOT NULL,
    seen_s        INTEGER NOT NULL,
    address       TEXT    NOT NULL,
    browser       TEXT    NOT NULL,
    second_factor INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_person ON sessions (person);

CREATE TABLE api_keys (
    id        INTEGER PRIMARY KEY NOT NULL,
    token     BLOB    NOT NULL UNIQUE,
    person    INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    -- Names of scopes with a blank between them.
    scopes    TEXT    NOT NULL,
    created_s INTEGER NOT NULL,
    expires_s INTEGER
) STRICT;

CREATE TABLE devices (
    -- SHA-256 of the computer's key.
    peer       BLOB    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    group_id   INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    enrolled_s INTEGER NOT NULL,
    seen_s     INTEGER NOT NULL,
    seen_at    TEXT    NOT NULL
) STRICT;

CREATE TABLE enrolments (
    id        INTEGER PRIMARY KEY NOT NULL,
    token     BLOB    NOT NULL UNIQUE,
    note      TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    group_id  INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    uses_left INTEGER NOT NULL,
    expires_s INTEGER NOT NULL
) STRICT;

CREATE TABLE policies (
    version  INTEGER PRIMARY KEY NOT NULL,
    -- The signed document, as it travels.
    document BLOB    NOT NULL,
    issued_s INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY NOT NULL,
    at_ms   INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    -- 'done', or 'refused: ' and why.
    outcome TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    request TEXT    NOT NULL,
    -- BLAKE3 of this row and the hash of the one before it.
    hash    BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at_ms);

-- One row: where the log ends. Taking it is also the lock under which entries are added.
CREATE TABLE audit_tip (
    one  INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL
) STRICT;
INSERT INTO audit_tip (one, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE audit_heads (
    seq       INTEGER PRIMARY KEY NOT NULL,
    hash      BLOB    NOT NULL,
    at_ms     INTEGER NOT NULL,
    signature BLOB    NOT NULL
) STRICT;

CREATE TABLE shares (
    number      INTEGER PRIMARY KEY NOT NULL,
    id          BLOB    NOT NULL UNIQUE,
    title       TEXT    NOT NULL,
    owner       INTEGER REFERENCES people (id) ON DELETE SET NULL,
    -- Whom people see as its giver, also when the account is gone.
    owner_name  TEXT    NOT NULL,
    -- 'room', 'groups' or 'owner'.
    audience    TEXT    NOT NULL,
    -- The groups it is for, as |1|2|.
    groups      TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    files       INTEGER NOT NULL,
    created_s   INTEGER NOT NULL,
    added_s     INTEGER NOT NULL,
    -- 'upload' or 'app'.
    origin      TEXT    NOT NULL,
    quarantined INTEGER NOT NULL,
    -- What was said of it when it was reported or hidden.
    note        TEXT    NOT NULL,
    -- Whether the bytes are here at this moment.
    here        INTEGER NOT NULL
) STRICT;
CREATE INDEX shares_by_owner ON shares (owner);

CREATE TABLE files (
    number INTEGER PRIMARY KEY NOT NULL,
    share  INTEGER NOT NULL REFERENCES shares (number) ON DELETE CASCADE,
    -- The index in the manifest; -1 stands for the share's own title.
    entry  INTEGER NOT NULL,
    path   TEXT    NOT NULL,
    size   INTEGER NOT NULL,
    root   BLOB
) STRICT;
CREATE INDEX files_by_share ON files (share, entry);
CREATE INDEX files_by_root ON files (root);

-- The words of each row of files, by its number. The text itself is in files, so it is kept once.
CREATE VIRTUAL TABLE files_words USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3 4'
);

CREATE TABLE links (
    -- The word in the address. Whoever reads this table can read the shares too, so it is kept as it is, to be shown again.
    token          TEXT    PRIMARY KEY NOT NULL,
    share          INTEGER NOT NULL REFERENCES shares (number) ON DELETE CASCADE,
    made_by        INTEGER REFERENCES people (id) ON DELETE CASCADE,
    created_s      INTEGER NOT NULL,
    expires_s      INTEGER,
    password       TEXT,
    downloads_left INTEGER,
    downloads      INTEGER NOT NULL
) STRICT;
CREATE INDEX links_by_share ON links (share);

CREATE TABLE batches (
    id        TEXT    PRIMARY KEY NOT NULL,
    person    INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    title     TEXT    NOT NULL,
    audience  TEXT    NOT NULL,
    groups    TEXT    NOT NULL,
    -- 'open', 'sealing', 'done' or 'failed'.
    state     TEXT    NOT NULL,
    problem   TEXT    NOT NULL,
    share     BLOB,
    created_s INTEGER NOT NULL,
    touched_s INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_by_person ON batches (person);

CREATE TABLE uploads (
    id        TEXT    PRIMARY KEY NOT NULL,
    batch     TEXT    NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    -- Where it goes in the share, with / between folders.
    path      TEXT    NOT NULL,
    size      INTEGER NOT NULL,
    -- Seconds since 1970, as the browser told.
    modified_s INTEGER,
    UNIQUE (batch, path)
) STRICT;

CREATE TABLE throttles (
    -- 'account:…', 'address:…' or 'device:…'.
    who      TEXT    PRIMARY KEY NOT NULL,
    failures INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT;

-- What one of several processes does alone: retention, signing heads.
CREATE TABLE locks (
    name    TEXT    PRIMARY KEY NOT NULL,
    holder  TEXT    NOT NULL,
    until_s INTEGER NOT NULL
) STRICT;

CREATE TABLE facts (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;
