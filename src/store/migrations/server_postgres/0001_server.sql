-- Why: everything a central server must remember and find. The same tables stand in server_sqlite, with the same names
-- and meanings; a test compares them. Yes and no are 1 and 0; times are seconds since 1970 unless the name says _ms; ids of
-- people and groups are drawn by chance below 2^53; keys and sessions are kept as BLAKE3 hashes, never as themselves.

CREATE TABLE people (
    id           BIGINT PRIMARY KEY NOT NULL,
    -- What they sign in with; lower case.
    name         TEXT    NOT NULL UNIQUE,
    shown        TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    -- Argon2id in PHC form; NULL until they chose one.
    password     TEXT,
    must_change  BIGINT NOT NULL,
    -- The secret of one-time codes, and the last time step that was used, so that no code works twice.
    totp         BYTEA,
    totp_step    BIGINT NOT NULL,
    active       BIGINT NOT NULL,
    created_s    BIGINT NOT NULL
);

CREATE TABLE groups (
    id   BIGINT PRIMARY KEY NOT NULL,
    name TEXT    NOT NULL UNIQUE
);

CREATE TABLE members (
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    person   BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, person)
);
CREATE INDEX members_by_person ON members (person);

CREATE TABLE sessions (
    token         BYTEA    PRIMARY KEY NOT NULL,
    person        BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_s     BIGINT NOT NULL,
    seen_s        BIGINT NOT NULL,
    address       TEXT    NOT NULL,
    browser       TEXT    NOT NULL,
    second_factor BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person);

CREATE TABLE api_keys (
    id        BIGINT PRIMARY KEY NOT NULL,
    token     BYTEA    NOT NULL UNIQUE,
    person    BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    -- Names of scopes with a blank between them.
    scopes    TEXT    NOT NULL,
    created_s BIGINT NOT NULL,
    expires_s BIGINT
);

CREATE TABLE devices (
    -- SHA-256 of the computer's key.
    peer       BYTEA    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    group_id   BIGINT REFERENCES groups (id) ON DELETE SET NULL,
    enrolled_s BIGINT NOT NULL,
    seen_s     BIGINT NOT NULL,
    seen_at    TEXT    NOT NULL
);

CREATE TABLE enrolments (
    id        BIGINT PRIMARY KEY NOT NULL,
    token     BYTEA    NOT NULL UNIQUE,
    note      TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    group_id  BIGINT REFERENCES groups (id) ON DELETE SET NULL,
    uses_left BIGINT NOT NULL,
    expires_s BIGINT NOT NULL
);

CREATE TABLE policies (
    version  BIGINT PRIMARY KEY NOT NULL,
    -- The signed document, as it travels.
    document BYTEA    NOT NULL,
    issued_s BIGINT NOT NULL
);

CREATE TABLE audit (
    seq     BIGINT PRIMARY KEY NOT NULL,
    at_ms   BIGINT NOT NULL,
    actor   TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    -- 'done', or 'refused: ' and why.
    outcome TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    request TEXT    NOT NULL,
    -- BLAKE3 of this row and the hash of the one before it.
    hash    BYTEA    NOT NULL
);
CREATE INDEX audit_by_time ON audit (at_ms);

-- One row: where the log ends. Taking it is also the lock under which entries are added.
CREATE TABLE audit_tip (
    one  BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    seq  BIGINT NOT NULL,
    hash BYTEA    NOT NULL
);
INSERT INTO audit_tip (one, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_heads (
    seq       BIGINT PRIMARY KEY NOT NULL,
    hash      BYTEA    NOT NULL,
    at_ms     BIGINT NOT NULL,
    signature BYTEA    NOT NULL
);

CREATE TABLE shares (
    number      BIGINT PRIMARY KEY NOT NULL,
    id          BYTEA    NOT NULL UNIQUE,
    title       TEXT    NOT NULL,
    owner       BIGINT REFERENCES people (id) ON DELETE SET NULL,
    -- Whom people see as its giver, also when the account is gone.
    owner_name  TEXT    NOT NULL,
    -- 'room', 'groups' or 'owner'.
    audience    TEXT    NOT NULL,
    -- The groups it is for, as |1|2|.
    groups      TEXT    NOT NULL,
    size        BIGINT NOT NULL,
    files       BIGINT NOT NULL,
    created_s   BIGINT NOT NULL,
    added_s     BIGINT NOT NULL,
    -- 'upload' or 'app'.
    origin      TEXT    NOT NULL,
    quarantined BIGINT NOT NULL,
    -- What was said of it when it was reported or hidden.
    note        TEXT    NOT NULL,
    -- Whether the bytes are here at this moment.
    here        BIGINT NOT NULL
);
CREATE INDEX shares_by_owner ON shares (owner);

CREATE TABLE files (
    number BIGINT PRIMARY KEY NOT NULL,
    share  BIGINT NOT NULL REFERENCES shares (number) ON DELETE CASCADE,
    -- The index in the manifest; -1 stands for the share's own title.
    entry  BIGINT NOT NULL,
    path   TEXT    NOT NULL,
    size   BIGINT NOT NULL,
    root   BYTEA
);
CREATE INDEX files_by_share ON files (share, entry);
CREATE INDEX files_by_root ON files (root);

-- The words of each row of files, by its number.
CREATE TABLE files_words (
    number BIGINT   PRIMARY KEY NOT NULL REFERENCES files (number) ON DELETE CASCADE,
    words  TSVECTOR NOT NULL
);
CREATE INDEX files_words_by_word ON files_words USING GIN (words) WITH (fastupdate = off);

CREATE TABLE links (
    -- The word in the address. Whoever reads this table can read the shares too, so it is kept as it is, to be shown again.
    token          TEXT    PRIMARY KEY NOT NULL,
    share          BIGINT NOT NULL REFERENCES shares (number) ON DELETE CASCADE,
    made_by        BIGINT REFERENCES people (id) ON DELETE CASCADE,
    created_s      BIGINT NOT NULL,
    expires_s      BIGINT,
    password       TEXT,
    downloads_left BIGINT,
    downloads      BIGINT NOT NULL
);
CREATE INDEX links_by_share ON links (share);

CREATE TABLE batches (
    id        TEXT    PRIMARY KEY NOT NULL,
    person    BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    title     TEXT    NOT NULL,
    audience  TEXT    NOT NULL,
    groups    TEXT    NOT NULL,
    -- 'open', 'sealing', 'done' or 'failed'.
    state     TEXT    NOT NULL,
    problem   TEXT    NOT NULL,
    share     BYTEA,
    created_s BIGINT NOT NULL,
    touched_s BIGINT NOT NULL
);
CREATE INDEX batches_by_person ON batches (person);

CREATE TABLE uploads (
    id        TEXT    PRIMARY KEY NOT NULL,
    batch     TEXT    NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    -- Where it goes in the share, with / between folders.
    path      TEXT    NOT NULL,
    size      BIGINT NOT NULL,
    -- Seconds since 1970, as the browser told.
    modified_s BIGINT,
    UNIQUE (batch, path)
);

CREATE TABLE throttles (
    -- 'account:…', 'address:…' or 'device:…'.
    who      TEXT    PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    at_ms    BIGINT NOT NULL
);

-- What one of several processes does alone: retention, signing heads.
CREATE TABLE locks (
    name    TEXT    PRIMARY KEY NOT NULL,
    holder  TEXT    NOT NULL,
    until_s BIGINT NOT NULL
);

CREATE TABLE facts (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
