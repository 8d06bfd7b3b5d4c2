package sqlstore

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/page"
)

// Evaluation is the store of evaluation datasets, scorers and issues.
type Evaluation struct{ db *DB }

// NewEvaluation returns the store in db, whose schema is "control".
func NewEvaluation(db *DB) *Evaluation { return &Evaluation{db} }

// Write implements [evaluation.Store].
func (s *Evaluation) Write(ctx context.Context, fn func(context.Context) error) error {
	return s.db.Write(ctx, fn)
}

// unknown is s as a column keeps it: a missing value for "".
func unknown(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// known scans such a column.
type known string

// Scan implements [sql.Scanner].
func (k *known) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*k = ""
	case string:
		*k = known(v)
	case []byte:
		*k = known(v)
	default:
		return fmt.Errorf("sqlstore: a text column holds %T", v)
	}
	return nil
}

// InsertDataset implements [evaluation.Datasets].
func (s *Evaluation) InsertDataset(ctx context.Context, d *evaluation.Dataset) error {
	err := s.db.QueryRow(ctx, `INSERT INTO evaluation_dataset (dataset_id, workspace, name, digest, schema, num_records, created_by, updated_by, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING dataset_no`,
		[]any{d.ID, d.Workspace, d.Name, d.Digest, d.Schema, d.Records, unknown(d.CreatedBy), unknown(d.UpdatedBy), d.Created, d.Updated}, &d.No)
	if err != nil {
		return err
	}
	for _, t := range d.Tags {
		if err := s.PutDatasetTag(ctx, d.No, t); err != nil {
			return err
		}
	}
	return s.LinkDataset(ctx, d.No, d.Experiments)
}

const datasetColumns = `d.dataset_no, d.dataset_id, d.workspace, d.name, d.digest, d.schema, d.num_records, d.created_by, d.updated_by, d.created_at, d.updated_at`

func scanDataset(d *evaluation.Dataset) []any {
	return []any{
		&d.No, &d.ID, &d.Workspace, &d.Name, &d.Digest, &d.Schema, &d.Records,
		(*known)(&d.CreatedBy), (*known)(&d.UpdatedBy), &d.Created, &d.Updated,
	}
}

// DatasetByID implements [evaluation.Datasets].
func (s *Evaluation) DatasetByID(ctx context.Context, workspace, id string) (*evaluation.Dataset, error) {
	d := new(evaluation.Dataset)
	err := s.db.QueryRow(ctx, `SELECT `+datasetColumns+` FROM evaluation_dataset d WHERE d.dataset_id = ? AND d.workspace = ?`,
		[]any{id, workspace}, scanDataset(d)...)
	if err != nil {
		return nil, err
	}
	return d, s.fillDatasets(ctx, []*evaluation.Dataset{d})
}

func (s *Evaluation) fillDatasets(ctx context.Context, list []*evaluation.Dataset) error {
	byNo := make(map[int64]*evaluation.Dataset, len(list))
	numbers := make([]int64, len(list))
	for i, d := range list {
		byNo[d.No], numbers[i] = d, d.No
	}
	err := s.db.eachOf(ctx, `SELECT dataset_no, key, value FROM evaluation_dataset_tag WHERE dataset_no IN (%s) ORDER BY dataset_no, key`, numbers,
		func(scan func(...any) error) error {
			var no int64
			var t evaluation.Tag
			if err := scan(&no, &t.Key, &t.Value); err != nil {
				return err
			}
			byNo[no].Tags = append(byNo[no].Tags, t)
			return nil
		})
	if err != nil {
		return err
	}
	return s.db.eachOf(ctx, `SELECT dataset_no, experiment_id FROM evaluation_dataset_experiment WHERE dataset_no IN (%s) ORDER BY dataset_no, experiment_id`, numbers,
		func(scan func(...any) error) error {
			var no, experiment int64
			if err := scan(&no, &experiment); err != nil {
				return err
			}
			byNo[no].Experiments = append(byNo[no].Experiments, experiment)
			return nil
		})
}

// UpdateDataset implements [evaluation.Datasets].
func (s *Evaluation) UpdateDataset(ctx context.Context, d *evaluation.Dataset) error {
	_, err := s.db.Exec(ctx, `UPDATE evaluation_dataset SET digest = ?, schema = ?, num_records = ?, updated_by = ?, updated_at = ? WHERE dataset_no = ?`,
		d.Digest, d.Schema, d.Records, unknown(d.UpdatedBy), d.Updated, d.No)
	return err
}

// DeleteDataset implements [evaluation.Datasets].
func (s *Evaluation) DeleteDataset(ctx context.Context, no int64) error {
	_, err := s.db.Exec(ctx, `DELETE FROM evaluation_dataset WHERE dataset_no = ?`, no)
	return err
}

// PutDatasetTag implements [evaluation.Datasets].
func (s *Evaluation) PutDatasetTag(ctx context.Context, no int64, t evaluation.Tag) error {
	_, err := s.db.Exec(ctx, `INSERT INTO evaluation_dataset_tag (dataset_no, key, value) VALUES (?, ?, ?)
		ON CONFLICT (dataset_no, key) DO UPDATE SET value = excluded.value`, no, t.Key, t.Value)
	return err
}

// DeleteDatasetTag implements [evaluation.Datasets].
func (s *Evaluation) DeleteDatasetTag(ctx context.Context, no int64, key string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM evaluation_dataset_tag WHERE dataset_no = ? AND key = ?`, no, key)
	return err
}

// LinkDataset implements [evaluation.Datasets].
func (s *Evaluation) LinkDataset(ctx context.Context, no int64, experiments []int64) error {
	for _, e := range experiments {
		_, err := s.db.Exec(ctx, `INSERT INTO evaluation_dataset_experiment (dataset_no, experiment_id) VALUES (?, ?)
			ON CONFLICT (dataset_no, experiment_id) DO NOTHING`, no, e)
		if err != nil {
			return err
		}
	}
	return nil
}

// UnlinkDataset implements [evaluation.Datasets].
func (s *Evaluation) UnlinkDataset(ctx context.Context, no int64, experiments []int64) error {
	for _, e := range experiments {
		if _, err := s.db.Exec(ctx, `DELETE FROM evaluation_dataset_experiment WHERE dataset_no = ? AND experiment_id = ?`, no, e); err != nil {
			return err
		}
	}
	return nil
}

var datasetFields = searchFields{
	id: "d.dataset_no", workspace: "d.workspace", tags: "evaluation_dataset_tag", owner: "dataset_no",
	columns: map[string]string{
		"name": "d.name", "dataset_id": "d.dataset_id", "created_time": "d.created_at", "last_update_time": "d.updated_at",
		"created_by": "d.created_by", "last_updated_by": "d.updated_by",
	},
}

// SearchDatasets implements [evaluation.Datasets].
func (s *Evaluation) SearchDatasets(ctx context.Context, workspace string, q evaluation.Query) ([]*evaluation.Dataset, string, error) {
	sel := selection{db: s.db, workspace: workspace, fields: datasetFields, filter: q.Filter, order: q.Order, limit: q.Limit}
	sel.scope = page.NewQuery("evaluation datasets", workspace, fmt.Sprint(q.Experiments, q.Filter, q.Order))
	if len(q.Experiments) > 0 {
		args := make([]any, len(q.Experiments))
		for i, e := range q.Experiments {
			args[i] = e
		}
		sel.where("d.dataset_no IN (SELECT e.dataset_no FROM evaluation_dataset_experiment e WHERE e.experiment_id IN ("+Marks(len(args))+"))", args...)
	}
	query, args, err := sel.build(ctx, `SELECT `+datasetColumns+` FROM evaluation_dataset d`, q.Token)
	if err != nil {
		return nil, "", err
	}
	var list []*evaluation.Dataset
	err = s.db.Each(ctx, query, args, func(scan func(...any) error) error {
		d := new(evaluation.Dataset)
		list = append(list, d)
		return scan(scanDataset(d)...)
	})
	if err != nil {
		return nil, "", err
	}
	list, more := cutPage(list, q.Limit)
	if err := s.fillDatasets(ctx, list); err != nil || !more {
		return list, "", err
	}
	last := list[len(list)-1]
	return list, sel.token(map[string]page.Key{
		"name": page.StringKey(last.Name), "dataset_id": page.StringKey(last.ID),
		"created_time": page.IntKey(last.Created), "last_update_time": page.IntKey(last.Updated),
	}), nil
}
