-- The trace index: one header per trace, and what headers are found by.
-- Times are unix milliseconds, costs pico-dollars; NULL is unknown.

-- Names of workspaces as small numbers, to keep the indexes narrow.
CREATE TABLE trace_workspace (
  n {{serial}},
  name {{text}} NOT NULL UNIQUE
);

-- part is the day (yyyymmdd) of first sight, which fixes where the spans are;
-- t is the trace's number inside that partition, once it has spans. The n of a
-- header grows with first sight.
CREATE TABLE trace (
  n {{serial}},
  id {{blob}} NOT NULL,
  workspace {{int}} NOT NULL,
  experiment {{int}} NOT NULL,
  part {{int}} NOT NULL,
  t {{int}},
  start_ms {{int}} NOT NULL,
  duration_ms {{int}},
  state {{int}} NOT NULL,
  final {{int}} NOT NULL,
  name {{text}},
  run {{text}},
  session {{text}},
  usr {{text}},
  client_id {{text}},
  request {{text}},
  response {{text}},
  tags {{text}} NOT NULL,
  metadata {{text}} NOT NULL,
  prompts {{text}},
  models {{text}},
  spans {{int}} NOT NULL,
  errors {{int}} NOT NULL,
  first_error {{int}},
  complete {{int}} NOT NULL,
  overflow {{int}} NOT NULL,
  tokens_in {{int}},
  tokens_out {{int}},
  tokens {{int}},
  cache_read {{int}},
  cache_write {{int}},
  reasoning {{int}},
  cost_in {{int}},
  cost_out {{int}},
  cost {{int}},
  unpriced {{int}} NOT NULL
);

CREATE UNIQUE INDEX trace_id ON trace (id);
CREATE INDEX trace_start ON trace (experiment, start_ms, n);
CREATE INDEX trace_workspace_start ON trace (workspace, start_ms, n);
CREATE INDEX trace_state ON trace (experiment, state, start_ms, n);
CREATE INDEX trace_duration ON trace (experiment, duration_ms, start_ms);
CREATE INDEX trace_name ON trace (experiment, name, start_ms);
CREATE INDEX trace_part ON trace (part, t);
CREATE INDEX trace_session ON trace (session, start_ms) WHERE session IS NOT NULL;
CREATE INDEX trace_usr ON trace (usr, start_ms) WHERE usr IS NOT NULL;
CREATE INDEX trace_client ON trace (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX trace_tokens ON trace (experiment, tokens) WHERE tokens IS NOT NULL;
CREATE INDEX trace_cost ON trace (experiment, cost) WHERE cost IS NOT NULL;

-- Facts that traces are found by (kind as in tracing.LabelKind): a distinct
-- tag, span name, model, … once, and which traces have it.
CREATE TABLE label (
  n {{serial}},
  kind {{int}} NOT NULL,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL
);

CREATE UNIQUE INDEX label_value ON label (kind, key, value);

CREATE TABLE trace_label (
  label {{int}} NOT NULL,
  trace {{int}} NOT NULL,
  PRIMARY KEY (label, trace)
){{clustered}};

CREATE TABLE assessment (
  n {{serial}},
  id {{text}} NOT NULL,
  trace {{int}} NOT NULL,
  span {{text}},
  name {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  value {{text}} NOT NULL,
  number {{float}},
  error {{text}},
  rationale {{text}},
  source_type {{text}} NOT NULL,
  source_id {{text}} NOT NULL,
  metadata {{text}},
  run {{text}},
  overrides {{text}},
  valid {{int}} NOT NULL,
  session_wide {{int}} NOT NULL,
  created_ms {{int}} NOT NULL,
  updated_ms {{int}} NOT NULL
);

CREATE UNIQUE INDEX assessment_id ON assessment (id);
CREATE INDEX assessment_trace ON assessment (trace, created_ms);
CREATE INDEX assessment_name ON assessment (kind, name, trace);
CREATE INDEX assessment_run ON assessment (run) WHERE run IS NOT NULL;

-- Partitions: applied is the last batch of spans whose headers are here.
CREATE TABLE trace_partition (
  day {{int}} PRIMARY KEY,
  applied {{int}} NOT NULL,
  removed_ms {{int}}
);

CREATE INDEX trace_overflow ON trace (n) WHERE overflow = 1;
