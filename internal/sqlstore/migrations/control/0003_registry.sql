-- Registered models and prompts with their versions. is_prompt repeats the tag
-- mlflow.prompt.is_prompt and workspace and name of a version repeat its
-- model's, so that every search reads an index in the order it answers.
CREATE TABLE registered_model (
  id {{serial}},
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  is_prompt {{int}} NOT NULL,
  description {{text}} NOT NULL,
  last_version {{int}} NOT NULL,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX registered_model_name ON registered_model (workspace, name);

CREATE INDEX registered_model_kind ON registered_model (workspace, is_prompt, name);

CREATE INDEX registered_model_updated ON registered_model (workspace, is_prompt, updated_at, name);

CREATE TABLE registered_model_tag (
  model_id {{int}} NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (model_id, key)
);

-- Values may be long, index rows may not.
CREATE INDEX registered_model_tag_value ON registered_model_tag (key, substr(value, 1, 64), model_id);

CREATE TABLE registered_model_alias (
  model_id {{int}} NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  alias {{text}} NOT NULL,
  version {{int}} NOT NULL,
  PRIMARY KEY (model_id, alias)
){{clustered}};

CREATE TABLE model_version (
  id {{serial}},
  model_id {{int}} NOT NULL REFERENCES registered_model (id) ON DELETE CASCADE,
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  version {{int}} NOT NULL,
  is_prompt {{int}} NOT NULL,
  stage {{text}} NOT NULL,
  description {{text}},
  user_id {{text}} NOT NULL,
  source {{text}} NOT NULL,
  location {{text}} NOT NULL,
  run_id {{text}} NOT NULL,
  run_link {{text}} NOT NULL,
  logged_model {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX model_version_number ON model_version (workspace, name, version);

CREATE INDEX model_version_stage ON model_version (model_id, stage, version);

CREATE INDEX model_version_prompt ON model_version (model_id, is_prompt);

CREATE INDEX model_version_updated ON model_version (workspace, is_prompt, updated_at DESC, name, version DESC);

CREATE INDEX model_version_created ON model_version (workspace, is_prompt, created_at);

CREATE INDEX model_version_run ON model_version (workspace, run_id);

CREATE INDEX model_version_logged ON model_version (workspace, logged_model);

CREATE TABLE model_version_tag (
  version_id {{int}} NOT NULL REFERENCES model_version (id) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (version_id, key)
);

CREATE INDEX model_version_tag_value ON model_version_tag (key, substr(value, 1, 64), version_id);

-- Webhooks. The secret is sealed with the key of the data directory.
CREATE TABLE webhook (
  id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  description {{text}} NOT NULL,
  url {{text}} NOT NULL,
  active {{int}} NOT NULL,
  secret {{blob}},
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE INDEX webhook_created ON webhook (workspace, created_at, id);

CREATE TABLE webhook_event (
  webhook_id {{text}} NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  workspace {{text}} NOT NULL,
  entity {{text}} NOT NULL,
  action {{text}} NOT NULL,
  PRIMARY KEY (webhook_id, entity, action)
){{clustered}};

CREATE INDEX webhook_event_kind ON webhook_event (workspace, entity, action);
