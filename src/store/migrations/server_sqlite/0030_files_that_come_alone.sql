-- Why: a file that comes without a batch becomes a share as soon as it is here; any other batch ends when its sender says so.
-- The same stands in server_postgres.
ALTER TABLE batches ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
