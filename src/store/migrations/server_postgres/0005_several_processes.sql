-- Why: several processes can be one server. What one of them changes about shares, the others learn by its version; what is
-- uploaded to one can be gone on with at another; and bytes can lie in an object store. The same stands in server_sqlite.

-- One row: the version of the last change about shares. Taking it is the lock under which versions are given, so that
-- whoever has read up to a version has seen all before it.
CREATE TABLE share_tip (
    one     BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    version BIGINT NOT NULL
);
INSERT INTO share_tip (one, version) VALUES (1, 0);

ALTER TABLE shares ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
-- Whether the bytes lie in the object store, where every process can read them.
ALTER TABLE shares ADD COLUMN stored BIGINT NOT NULL DEFAULT 0;
CREATE INDEX shares_by_version ON shares (version);

-- Shares that were removed, for processes that still have them.
CREATE TABLE removed_shares (
    version   BIGINT PRIMARY KEY NOT NULL,
    id        BYTEA   NOT NULL,
    removed_s BIGINT NOT NULL
);

-- The runs of bytes of an upload that lie in the object store.
CREATE TABLE upload_parts (
    upload TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    start  BIGINT NOT NULL,
    size   BIGINT NOT NULL,
    object TEXT    NOT NULL,
    PRIMARY KEY (upload, start)
);
