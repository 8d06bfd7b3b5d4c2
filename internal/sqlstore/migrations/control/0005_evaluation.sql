-- Evaluation datasets. Numbers name rows inside the tables; the ids that
-- clients know stand once.
CREATE TABLE evaluation_dataset (
  dataset_no {{serial}},
  dataset_id {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  name {{text}} NOT NULL,
  digest {{text}} NOT NULL,
  schema {{text}} NOT NULL,
  num_records {{int}} NOT NULL,
  created_by {{text}},
  updated_by {{text}},
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX evaluation_dataset_by_id ON evaluation_dataset (dataset_id);

CREATE INDEX evaluation_dataset_created ON evaluation_dataset (workspace, created_at DESC, dataset_id DESC);

CREATE INDEX evaluation_dataset_updated ON evaluation_dataset (workspace, updated_at DESC, dataset_id DESC);

CREATE INDEX evaluation_dataset_name ON evaluation_dataset (workspace, name, dataset_id DESC);

CREATE TABLE evaluation_dataset_tag (
  dataset_no {{int}} NOT NULL REFERENCES evaluation_dataset (dataset_no) ON DELETE CASCADE,
  key {{text}} NOT NULL,
  value {{text}} NOT NULL,
  PRIMARY KEY (dataset_no, key)
);

CREATE INDEX evaluation_dataset_tag_value ON evaluation_dataset_tag (key, substr(value, 1, 64), dataset_no);

CREATE TABLE evaluation_dataset_experiment (
  dataset_no {{int}} NOT NULL REFERENCES evaluation_dataset (dataset_no) ON DELETE CASCADE,
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  PRIMARY KEY (dataset_no, experiment_id)
){{clustered}};

CREATE INDEX evaluation_dataset_of_experiment ON evaluation_dataset_experiment (experiment_id, dataset_no);

-- Records. The JSON columns are text in the order their authors wrote.
CREATE TABLE evaluation_record (
  record_no {{serial}},
  record_id {{text}} NOT NULL,
  dataset_no {{int}} NOT NULL REFERENCES evaluation_dataset (dataset_no) ON DELETE CASCADE,
  input_hash {{text}} NOT NULL,
  inputs {{text}} NOT NULL,
  outputs {{text}},
  expectations {{text}},
  tags {{text}} NOT NULL,
  source {{text}},
  source_type {{text}},
  source_id {{text}},
  created_by {{text}},
  updated_by {{text}},
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE UNIQUE INDEX evaluation_record_by_id ON evaluation_record (record_id);

CREATE UNIQUE INDEX evaluation_record_inputs ON evaluation_record (dataset_no, input_hash);

CREATE INDEX evaluation_record_order ON evaluation_record (dataset_no, record_no);

-- Which records came from a trace.
CREATE INDEX evaluation_record_source ON evaluation_record (source_id);

-- Scorers registered for experiments, and what each version of one is.
CREATE TABLE scorer (
  scorer_no {{serial}},
  scorer_id {{text}} NOT NULL,
  workspace {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  name {{text}} NOT NULL,
  last_version {{int}} NOT NULL
);

CREATE UNIQUE INDEX scorer_name ON scorer (experiment_id, name);

CREATE UNIQUE INDEX scorer_by_id ON scorer (scorer_id);

CREATE INDEX scorer_workspace ON scorer (workspace, experiment_id, name);

CREATE TABLE scorer_version (
  scorer_no {{int}} NOT NULL REFERENCES scorer (scorer_no) ON DELETE CASCADE,
  version {{int}} NOT NULL,
  serialized {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  PRIMARY KEY (scorer_no, version)
);

CREATE TABLE scorer_online (
  scorer_no {{int}} PRIMARY KEY REFERENCES scorer (scorer_no) ON DELETE CASCADE,
  config_id {{text}} NOT NULL,
  sample_rate {{float}} NOT NULL,
  filter {{text}}
);

-- Problems found in traces. gravity orders severities.
CREATE TABLE issue (
  issue_id {{text}} PRIMARY KEY,
  workspace {{text}} NOT NULL,
  experiment_id {{int}} NOT NULL REFERENCES experiment (experiment_id) ON DELETE CASCADE,
  name {{text}} NOT NULL,
  description {{text}} NOT NULL,
  status {{text}} NOT NULL,
  severity {{text}} NOT NULL,
  gravity {{int}} NOT NULL,
  root_causes {{text}} NOT NULL,
  categories {{text}} NOT NULL,
  source_run_id {{text}},
  created_by {{text}} NOT NULL,
  created_at {{int}} NOT NULL,
  updated_at {{int}} NOT NULL
);

CREATE INDEX issue_order ON issue (workspace, gravity DESC, created_at DESC, issue_id DESC);

CREATE INDEX issue_of_experiment ON issue (experiment_id, gravity DESC, created_at DESC, issue_id DESC);
