-- What monitoring shows, summed up ahead: see internal/tracing/rollup.go.

-- Minutes whose cells no longer agree with the traces. A change of a header
-- adds a row in its own transaction; who has summed up the minute again
-- removes the rows it saw, and only those. Nothing is ever updated here, so
-- that writers of many nodes never wait for one another.
CREATE TABLE rollup_dirty (
  n {{serial}},
  workspace {{int}} NOT NULL,
  experiment {{int}} NOT NULL,
  minute {{int}} NOT NULL,
  at_ms {{int}} NOT NULL
);

-- level 0: a minute, all dimensions in one value (dim 0); level 1: an hour,
-- a row per dimension (tracing.Dim) and, for tags, key. at counts minutes or
-- hours since 1970.
CREATE TABLE rollup (
  n {{serial}},
  workspace {{int}} NOT NULL,
  level {{int}} NOT NULL,
  dim {{int}} NOT NULL,
  key {{text}} NOT NULL,
  at {{int}} NOT NULL,
  experiment {{int}} NOT NULL,
  cells {{blob}} NOT NULL
);

CREATE UNIQUE INDEX rollup_at ON rollup (workspace, level, dim, key, at, experiment);
CREATE INDEX rollup_of ON rollup (experiment, level, at);

-- When a trace last heard of its sender, and since when it counts as stalled.
ALTER TABLE trace ADD COLUMN seen_ms {{int}};
ALTER TABLE trace ADD COLUMN stalled_ms {{int}};

UPDATE trace SET seen_ms = start_ms + coalesce(duration_ms, 0) WHERE state = 1;

-- Open traces (state 1) that may have to be marked.
CREATE INDEX trace_quiet ON trace (seen_ms) WHERE state = 1 AND stalled_ms IS NULL;

-- What is there already is summed up once.
INSERT INTO rollup_dirty (workspace, experiment, minute, at_ms)
  SELECT DISTINCT workspace, experiment, start_ms / 60000, 0 FROM trace;
