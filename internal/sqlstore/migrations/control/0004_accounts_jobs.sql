-- People, their sessions, service tokens, and what they changed.
CREATE TABLE account_user (
  id {{text}} PRIMARY KEY,
  name {{text}} NOT NULL,
  folded {{text}} NOT NULL UNIQUE,
  display_name {{text}} NOT NULL,
  password {{text}} NOT NULL,
  disabled {{int}} NOT NULL,
  created_at {{int}} NOT NULL,
  last_seen_at {{int}} NOT NULL
);

-- A workspace of '*' is every workspace.
CREATE TABLE account_role (
  user_id {{text}} NOT NULL REFERENCES account_user (id) ON DELETE CASCADE,
  workspace {{text}} NOT NULL,
  role {{text}} NOT NULL,
  PRIMARY KEY (user_id, workspace)
){{clustered}};

CREATE TABLE account_session (
  hash {{blob}} PRIMARY KEY,
  user_id {{text}} NOT NULL REFERENCES account_user (id) ON DELETE CASCADE,
  created_at {{int}} NOT NULL,
  expires_at {{int}} NOT NULL,
  last_used_at {{int}} NOT NULL,
  address {{text}} NOT NULL
);

CREATE INDEX account_session_user ON account_session (user_id);

CREATE TABLE account_token (
  id {{text}} PRIMARY KEY,
  hash {{blob}} NOT NULL UNIQUE,
  name {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  role {{text}} NOT NULL,
  hint {{text}} NOT NULL,
  created_by {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  last_used_at {{int}} NOT NULL,
  expires_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX account_token_name ON account_token (workspace, name);

CREATE TABLE audit (
  seq {{serial}},
  time_ms {{int}} NOT NULL,
  workspace {{text}} NOT NULL,
  actor {{text}} NOT NULL,
  actor_kind {{text}} NOT NULL,
  action {{text}} NOT NULL,
  object_kind {{text}} NOT NULL,
  object_id {{text}} NOT NULL,
  address {{text}} NOT NULL,
  request_id {{text}} NOT NULL,
  before_hash {{text}} NOT NULL,
  after_hash {{text}} NOT NULL,
  detail {{blob}} NOT NULL
);

CREATE INDEX audit_workspace ON audit (workspace, seq);

CREATE INDEX audit_actor ON audit (workspace, actor, seq);

-- The log is append-only in the database itself.
-- only: sqlite
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- only: sqlite
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- only: postgres
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;

-- only: postgres
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Long work. River keeps tables of its own beside these; a ticket is one of its
-- rows. Costs are pico-dollars, -1 for unknown.
CREATE TABLE job (
  id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  kind {{text}} NOT NULL,
  queue {{text}} NOT NULL,
  title {{text}} NOT NULL,
  owner {{text}} NOT NULL,
  state {{text}} NOT NULL,
  priority {{int}} NOT NULL,
  quiet {{int}} NOT NULL,
  input {{blob}} NOT NULL,
  unique_key {{text}} NOT NULL,
  attempt {{int}} NOT NULL,
  failures {{int}} NOT NULL,
  lost {{int}} NOT NULL,
  done {{int}} NOT NULL,
  total {{int}} NOT NULL,
  unit {{text}} NOT NULL,
  rate {{float}} NOT NULL,
  cost {{int}} NOT NULL,
  cost_cap {{int}} NOT NULL,
  error {{text}} NOT NULL,
  result_label {{text}} NOT NULL,
  result_path {{text}} NOT NULL,
  output {{blob}},
  checkpoint {{blob}},
  created_at {{int}} NOT NULL,
  scheduled_at {{int}} NOT NULL,
  started_at {{int}} NOT NULL,
  ended_at {{int}} NOT NULL,
  expires_at {{int}} NOT NULL,
  ticket {{int}} NOT NULL,
  node {{text}} NOT NULL
);

CREATE INDEX job_newest ON job (workspace, quiet, created_at, id);

CREATE INDEX job_kind ON job (workspace, kind, created_at, id);

CREATE INDEX job_queue ON job (state, queue);

CREATE INDEX job_workspace_state ON job (workspace, state, created_at, id);

CREATE INDEX job_sweep ON job (ended_at) WHERE quiet = 1 AND state = 'succeeded';

-- At most one active job per idempotency key.
CREATE UNIQUE INDEX job_unique_key ON job (workspace, kind, unique_key) WHERE unique_key <> '' AND state IN ('queued', 'running', 'canceling');

CREATE TABLE job_event (
  job_id {{text}} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  seq {{int}} NOT NULL,
  time_ms {{int}} NOT NULL,
  level {{text}} NOT NULL,
  message {{text}} NOT NULL,
  PRIMARY KEY (job_id, seq)
){{clustered}};
