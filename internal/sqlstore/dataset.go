package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracking"
)

// LogDatasets implements [tracking.DatasetStore].
func (s *Tracking) LogDatasets(ctx context.Context, h tracking.Head, inputs []tracking.DatasetInput) error {
	for _, in := range inputs {
		no, err := s.datasetNo(ctx, h.Experiment, in.Dataset)
		if err != nil {
			return err
		}
		pairs := make([][2]string, len(in.Tags))
		for i, t := range in.Tags {
			pairs[i] = [2]string{t.Key, t.Value}
		}
		tags, err := json.Marshal(pairs)
		if err != nil {
			return fault.Wrap(fault.Invalid, "sqlstore.LogDatasets", err, "the tags of dataset %s cannot be stored", in.Dataset.Name)
		}
		var use any
		if text, ok := in.Context(); ok {
			use = text
		}
		if _, err := s.Exec(ctx, `INSERT INTO run_dataset (run_no, dataset_no, context, tags) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			h.No, no, use, string(tags)); err != nil {
			return err
		}
	}
	return nil
}

// datasetNo finds the dataset of that name and digest, or makes it.
func (s *Tracking) datasetNo(ctx context.Context, experiment int64, d tracking.Dataset) (no int64, err error) {
	err = s.QueryRow(ctx, `SELECT dataset_no FROM dataset WHERE experiment_id = ? AND name = ? AND digest = ?`,
		[]any{experiment, d.Name, d.Digest}, &no)
	if !fault.Is(err, fault.NotFound) {
		return no, err
	}
	err = s.QueryRow(ctx, `INSERT INTO dataset (experiment_id, name, digest, source_type, source, schema, profile)
		VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING dataset_no`,
		[]any{experiment, d.Name, d.Digest, d.SourceType, d.Source, d.Schema, d.Profile}, &no)
	return no, err
}

// LogModelRefs implements [tracking.DatasetStore].
func (s *Tracking) LogModelRefs(ctx context.Context, h tracking.Head, output bool, refs []tracking.ModelRef) error {
	for _, ref := range refs {
		if _, err := s.Exec(ctx, `INSERT INTO run_model (run_no, output, step, model_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			h.No, zeroOne(output), ref.Step, ref.ModelID); err != nil {
			return err
		}
	}
	return nil
}

// Datasets implements [tracking.DatasetStore].
func (s *Tracking) Datasets(ctx context.Context, workspace string, experiments []int64, limit int) ([]tracking.DatasetSummary, error) {
	marks, args := paddedList(experiments)
	var out []tracking.DatasetSummary
	err := s.Each(ctx, `SELECT DISTINCT d.experiment_id, d.name, d.digest, l.context
		FROM dataset d JOIN run_dataset l ON l.dataset_no = d.dataset_no
		JOIN experiment e ON e.experiment_id = d.experiment_id
		WHERE d.experiment_id IN (`+marks+`) AND e.workspace = ?
		ORDER BY d.experiment_id, d.name, d.digest, l.context LIMIT ?`, append(args, workspace, limit),
		func(scan func(...any) error) error {
			var d tracking.DatasetSummary
			err := scan(&d.Experiment, &d.Name, &d.Digest, &d.Context)
			out = append(out, d)
			return err
		})
	return out, err
}

func (s *Tracking) fillDatasets(ctx context.Context, nos []int64, at map[int64]*tracking.Run) error {
	return eachList(nos, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT l.run_no, l.tags, d.name, d.digest, d.source_type, d.source, d.schema, d.profile
			FROM run_dataset l JOIN dataset d ON d.dataset_no = l.dataset_no
			WHERE l.run_no IN (`+marks+`) ORDER BY l.run_no, l.dataset_no`, args, func(scan func(...any) error) error {
			var no int64
			var tags string
			var in tracking.DatasetInput
			d := &in.Dataset
			if err := scan(&no, &tags, &d.Name, &d.Digest, &d.SourceType, &d.Source, &d.Schema, &d.Profile); err != nil {
				return err
			}
			var pairs [][2]string
			if err := json.Unmarshal([]byte(tags), &pairs); err != nil {
				return fault.Wrap(fault.Internal, "sqlstore.fillDatasets", err, "tags of an input cannot be read")
			}
			for _, p := range pairs {
				in.Tags = append(in.Tags, tracking.Tag{Key: p[0], Value: p[1]})
			}
			at[no].Datasets = append(at[no].Datasets, in)
			return nil
		})
	})
}

func (s *Tracking) fillModelRefs(ctx context.Context, nos []int64, at map[int64]*tracking.Run) error {
	return eachList(nos, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT run_no, output, step, model_id FROM run_model WHERE run_no IN (`+marks+`)
			ORDER BY run_no, output, step, model_id`, args, func(scan func(...any) error) error {
			var no, output int64
			var ref tracking.ModelRef
			if err := scan(&no, &output, &ref.Step, &ref.ModelID); err != nil {
				return err
			}
			if output == 1 {
				at[no].Outputs = append(at[no].Outputs, ref)
			} else {
				at[no].Inputs = append(at[no].Inputs, ref)
			}
			return nil
		})
	})
}

// ListInputs implements [tracking.DatasetStore].
func (s *Tracking) ListInputs(ctx context.Context, q tracking.InputList) ([]tracking.InputName, string, error) {
	scope := page.NewQuery("run inputs", q.Workspace, q.Text)
	keys, err := page.Decode(q.Token, scope, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := `e.workspace = ? AND e.stage = 0`, []any{q.Workspace}
	if q.Text != "" {
		where += ` AND ` + s.Dialect.ILike("d.name")
		args = append(args, "%"+likeLiteral(q.Text)+"%")
	}
	if keys != nil {
		where += ` AND d.name > ?`
		args = append(args, keys[0].Any())
	}
	// The page's names come first, so that only their runs are counted.
	var list []tracking.InputName
	err = s.Each(ctx, `SELECT n.name, min(d.source_type), count(DISTINCT d.digest), count(DISTINCT d.experiment_id), count(DISTINCT r.run_no), max(r.start_time)
		FROM (SELECT DISTINCT d.name FROM dataset d JOIN experiment e ON e.experiment_id = d.experiment_id WHERE `+where+` ORDER BY d.name LIMIT ?) n
		JOIN dataset d ON d.name = n.name
		JOIN experiment e ON e.experiment_id = d.experiment_id AND e.workspace = ? AND e.stage = 0
		LEFT JOIN run_dataset l ON l.dataset_no = d.dataset_no
		LEFT JOIN run r ON r.run_no = l.run_no AND r.stage = 0
		GROUP BY n.name ORDER BY n.name`, append(args, q.Limit+1, q.Workspace), func(scan func(...any) error) error {
		var n tracking.InputName
		err := scan(&n.Name, &n.SourceType, &n.Versions, &n.Experiments, &n.Runs, &n.LastUsed)
		list = append(list, n)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	list, more := cutPage(list, q.Limit)
	if !more {
		return list, "", nil
	}
	return list, page.Encode(scope, page.StringKey(list[len(list)-1].Name)), nil
}

// InputVersions implements [tracking.DatasetStore].
func (s *Tracking) InputVersions(ctx context.Context, workspace, name string, limit int) ([]tracking.InputVersion, error) {
	var list []tracking.InputVersion
	var nos []int64
	err := s.Each(ctx, `SELECT d.dataset_no, d.experiment_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, count(r.run_no), max(r.start_time) AS used
		FROM dataset d JOIN experiment e ON e.experiment_id = d.experiment_id
		LEFT JOIN run_dataset l ON l.dataset_no = d.dataset_no
		LEFT JOIN run r ON r.run_no = l.run_no AND r.stage = 0
		WHERE e.workspace = ? AND e.stage = 0 AND d.name = ?
		GROUP BY d.dataset_no, d.experiment_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile
		ORDER BY `+s.Dialect.NullsLast("max(r.start_time)", true)+`, d.dataset_no DESC LIMIT ?`, []any{workspace, name, limit}, func(scan func(...any) error) error {
		var v tracking.InputVersion
		var no int64
		err := scan(&no, &v.Experiment, &v.Name, &v.Digest, &v.SourceType, &v.Source, &v.Schema, &v.Profile, &v.Runs, &v.LastUsed)
		list, nos = append(list, v), append(nos, no)
		return err
	})
	if err != nil {
		return nil, err
	}
	at := make(map[int64]*tracking.InputVersion, len(nos))
	for i, no := range nos {
		at[no] = &list[i]
	}
	return list, eachList(nos, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT DISTINCT dataset_no, context FROM run_dataset WHERE context IS NOT NULL AND dataset_no IN (`+marks+`) ORDER BY dataset_no, context`, args,
			func(scan func(...any) error) error {
				var no int64
				var use string
				err := scan(&no, &use)
				if v := at[no]; v != nil && len(v.Contexts) < 20 {
					v.Contexts = append(v.Contexts, use)
				}
				return err
			})
	})
}
