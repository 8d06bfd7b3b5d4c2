-- generation: which of the files of a day are in use (SQLite); a rewritten day
-- has a new one. dead: spans whose traces were deleted since. due: the day is
-- to be rewritten when it is over (PostgreSQL).
ALTER TABLE trace_partition ADD COLUMN generation {{int}} NOT NULL DEFAULT 0;

ALTER TABLE trace_partition ADD COLUMN dead {{int}} NOT NULL DEFAULT 0;

ALTER TABLE trace_partition ADD COLUMN due {{int}} NOT NULL DEFAULT 0;
