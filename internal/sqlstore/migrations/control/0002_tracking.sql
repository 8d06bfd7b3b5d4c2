-- Experiments, runs, their metrics, params, tags, inputs and outputs, and
-- logged models. Numbers (run_no, dataset_no, model_no) name rows inside the
-- tables so that indexes stay narrow; the ids that clients know stand once.
CREATE TABLE experiment (
  experiment_id {{serial}},
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  artifact_location {{text}} NOT NULL,
  stage {{int}} NOT NULL DEFAULT 0,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX experiment_name ON experiment (workspace, name);

CREATE INDEX experiment_created ON experiment (workspace, created_at, experiment_id);

CREATE TABLE experiment_tag (
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (experiment_id, key)
){{clustered}};

CREATE TABLE run (
  run_no {{serial}},
  run_id {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  name {{text}} NOT NULL,
  user_id {{text}} NOT NULL,
  status {{text}} NOT NULL,
  start_time {{int}} NOT NULL,
  end_time {{int}},
  stage {{int}} NOT NULL DEFAULT 0,
  deleted_at {{int}},
  artifact_uri {{text}} NOT NULL
);

CREATE UNIQUE INDEX run_by_id ON run (run_id);

-- Serves the default order; the stage stands last so that every view of the
-- lifecycle reads the same index.
CREATE INDEX run_by_time ON run (experiment_id, start_time, run_id, stage);

CREATE INDEX run_by_name ON run (experiment_id, name);

-- Every logged point. NaN is value 0 with is_nan 1.
CREATE TABLE metric (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  timestamp {{int}} NOT NULL,
  step {{int}} NOT NULL,
  value {{float}} NOT NULL,
  is_nan {{int}} NOT NULL,
  PRIMARY KEY (run_no, key, timestamp, step, value, is_nan)
){{clustered}};

-- The last point of each metric of each run, by step, timestamp and value.
CREATE TABLE latest_metric (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL,
  value {{float}} NOT NULL,
  is_nan {{int}} NOT NULL,
  timestamp {{int}} NOT NULL,
  step {{int}} NOT NULL,
  PRIMARY KEY (run_no, key)
){{clustered}};

-- Serves the filter and the order by a metric.
CREATE INDEX latest_metric_rank ON latest_metric (experiment_id, key, is_nan, value, run_no);

CREATE TABLE param (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (run_no, key)
){{clustered}};

-- Only the head of a value is indexed: PostgreSQL refuses long index rows.
CREATE INDEX param_value ON param (experiment_id, key, substr(value, 1, 100));

CREATE TABLE tag (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (run_no, key)
){{clustered}};

CREATE INDEX tag_value ON tag (experiment_id, key, substr(value, 1, 100));

CREATE TABLE dataset (
  dataset_no {{serial}},
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  name {{text}} NOT NULL,
  digest {{text}} NOT NULL,
  source_type {{text}} NOT NULL,
  source {{text}} NOT NULL,
  schema {{text}} NOT NULL,
  profile {{text}} NOT NULL
);

CREATE UNIQUE INDEX dataset_name ON dataset (experiment_id, name, digest);

-- tags is a JSON array of [key, value]; context is the one that is searched.
CREATE TABLE run_dataset (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  dataset_no {{int}} NOT NULL REFERENCES dataset (dataset_no) ON DELETE CASCADE,
  context {{text}},
  tags {{text}} NOT NULL,
  PRIMARY KEY (run_no, dataset_no)
){{clustered}};

CREATE INDEX run_dataset_runs ON run_dataset (dataset_no, run_no);

-- Logged models a run read (output 0) or made (output 1).
CREATE TABLE run_model (
  run_no {{int}} NOT NULL REFERENCES run (run_no) ON DELETE CASCADE,
  output {{int}} NOT NULL,
  step {{int}} NOT NULL,
  model_id {{text}} NOT NULL,
  PRIMARY KEY (run_no, output, step, model_id)
){{clustered}};

CREATE INDEX run_model_runs ON run_model (model_id, output, run_no);

CREATE TABLE logged_model (
  model_no {{serial}},
  model_id {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  name {{text}} NOT NULL,
  artifact_location {{text}} NOT NULL,
  model_type {{text}},
  source_run_id {{text}},
  status {{int}} NOT NULL,
  status_message {{text}},
  stage {{int}} NOT NULL DEFAULT 0,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX logged_model_by_id ON logged_model (model_id);

CREATE INDEX logged_model_by_time ON logged_model (experiment_id, created_at, model_id, stage);

CREATE INDEX logged_model_by_run ON logged_model (source_run_id);

CREATE TABLE logged_model_param (
  model_no {{int}} NOT NULL REFERENCES logged_model (model_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (model_no, key)
){{clustered}};

CREATE TABLE logged_model_tag (
  model_no {{int}} NOT NULL REFERENCES logged_model (model_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (model_no, key)
){{clustered}};

CREATE TABLE logged_model_metric (
  model_no {{int}} NOT NULL REFERENCES logged_model (model_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  timestamp {{int}} NOT NULL,
  step {{int}} NOT NULL,
  run_id {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL,
  value {{float}} NOT NULL,
  is_nan {{int}} NOT NULL,
  dataset_name {{text}},
  dataset_digest {{text}},
  PRIMARY KEY (model_no, key, timestamp, step, run_id)
){{clustered}};

CREATE INDEX logged_model_metric_value ON logged_model_metric (key, value, model_no);
