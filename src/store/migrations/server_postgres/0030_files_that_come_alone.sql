-- Why: a file that comes without a batch becomes a share as soon as it is here; any other batch ends when its sender says so.
-- The same stands in server_sqlite.
ALTER TABLE batches ADD COLUMN alone BIGINT NOT NULL DEFAULT 0;
