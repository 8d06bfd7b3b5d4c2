-- Alert rules. What people decide of one is JSON: it is read whole, always.
-- The columns from state on are what the evaluator remembers.
CREATE TABLE alert_rule (
  id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  spec {{text}} NOT NULL,
  enabled {{int}} NOT NULL,
  muted_until {{int}} NOT NULL,
  mute_reason {{text}} NOT NULL,
  watched_at {{int}} NOT NULL,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL,
  created_by {{text}} NOT NULL,
  state {{text}} NOT NULL,
  since_at {{int}} NOT NULL,
  pending_at {{int}} NOT NULL,
  evaluated_at {{int}} NOT NULL,
  value {{float}},
  n {{int}} NOT NULL,
  link {{text}} NOT NULL,
  problem {{text}} NOT NULL,
  incident {{text}} NOT NULL,
  told_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX alert_rule_name ON alert_rule (workspace, name);

-- The history of rules.
CREATE TABLE alert_change (
  seq {{serial}},
  workspace {{text}} NOT NULL,
  rule_id {{text}} NOT NULL REFERENCES alert_rule (id) ON DELETE CASCADE,
  time_ms {{int}} NOT NULL,
  from_state {{text}} NOT NULL,
  to_state {{text}} NOT NULL,
  value {{float}},
  n {{int}} NOT NULL,
  reason {{text}} NOT NULL,
  link {{text}} NOT NULL
);

CREATE INDEX alert_change_of_rule ON alert_change (rule_id, seq);

-- One row: when the rules were last judged, by whichever process.
CREATE TABLE alert_pass (
  id {{int}} PRIMARY KEY,
  at_ms {{int}} NOT NULL
);

CREATE TABLE alert_channel (
  id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  target {{text}} NOT NULL,
  sealed {{blob}},
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX alert_channel_name ON alert_channel (workspace, name);

-- The outbox. Messages outlive their rule, which may be deleted with news of
-- that on its way.
CREATE TABLE alert_message (
  seq {{serial}},
  id {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  channel_id {{text}} NOT NULL,
  rule_id {{text}} NOT NULL,
  body {{text}} NOT NULL,
  state {{text}} NOT NULL,
  reason {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  ended_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX alert_message_id ON alert_message (id);

CREATE INDEX alert_message_waiting ON alert_message (channel_id, rule_id, seq) WHERE state = 'waiting';

CREATE INDEX alert_message_ended ON alert_message (ended_at) WHERE state <> 'waiting';

-- Notices, which the bell shows, and what each person has read of them: all up
-- to a number, and single ones beyond. The person of a server without accounts
-- is ''.
CREATE TABLE notice (
  seq {{serial}},
  workspace {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  title {{text}} NOT NULL,
  path {{text}} NOT NULL,
  time_ms {{int}} NOT NULL
);

CREATE INDEX notice_newest ON notice (workspace, seq);

CREATE TABLE notice_reader (
  workspace {{text}} NOT NULL,
  username {{text}} NOT NULL,
  read_to {{int}} NOT NULL,
  muted {{text}} NOT NULL,
  PRIMARY KEY (workspace, username)
){{clustered}};

CREATE TABLE notice_read (
  workspace {{text}} NOT NULL,
  username {{text}} NOT NULL,
  seq {{int}} NOT NULL,
  PRIMARY KEY (workspace, username, seq)
){{clustered}};
