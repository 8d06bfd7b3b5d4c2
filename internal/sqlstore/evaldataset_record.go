package sqlstore

import (
	"context"
	"strconv"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/page"
)

const recordColumns = `record_no, record_id, dataset_no, input_hash, inputs, outputs, expectations, tags, source, source_type, source_id,
	created_by, updated_by, created_at, updated_at`

func scanRecord(r *evaluation.Record) []any {
	return []any{
		&r.No, &r.ID, &r.DatasetNo, &r.Hash, &r.Inputs, &r.Outputs, &r.Expectations, &r.Tags, &r.Source,
		(*known)(&r.SourceType), (*known)(&r.SourceID), (*known)(&r.CreatedBy), (*known)(&r.UpdatedBy), &r.Created, &r.Updated,
	}
}

// jsonValue is a JSON value as a column keeps it.
func jsonValue(raw []byte) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// RecordsByHash implements [evaluation.Records].
func (s *Evaluation) RecordsByHash(ctx context.Context, dataset int64, hashes []string) ([]*evaluation.Record, error) {
	var list []*evaluation.Record
	err := eachList(hashes, func(marks string, args []any) error {
		return s.db.Each(ctx, `SELECT `+recordColumns+` FROM evaluation_record WHERE dataset_no = ? AND input_hash IN (`+marks+`)`,
			append([]any{dataset}, args...), func(scan func(...any) error) error {
				r := new(evaluation.Record)
				list = append(list, r)
				return scan(scanRecord(r)...)
			})
	})
	return list, err
}

// InsertRecords implements [evaluation.Records].
func (s *Evaluation) InsertRecords(ctx context.Context, list []*evaluation.Record) error {
	insert := newBulk(`INSERT INTO evaluation_record (record_id, dataset_no, input_hash, inputs, outputs, expectations, tags, source, source_type, source_id,
		created_by, updated_by, created_at, updated_at) VALUES `, 14, "")
	args := make([]any, 0, 14*len(list))
	for _, r := range list {
		args = append(args, r.ID, r.DatasetNo, r.Hash, string(r.Inputs), jsonValue(r.Outputs), jsonValue(r.Expectations), string(r.Tags),
			jsonValue(r.Source), unknown(r.SourceType), unknown(r.SourceID), unknown(r.CreatedBy), unknown(r.UpdatedBy), r.Created, r.Updated)
	}
	_, err := insert.exec(ctx, s.db, args)
	return err
}

// UpdateRecord implements [evaluation.Records].
func (s *Evaluation) UpdateRecord(ctx context.Context, r *evaluation.Record) error {
	_, err := s.db.Exec(ctx, `UPDATE evaluation_record SET outputs = ?, expectations = ?, tags = ?, updated_by = ?, updated_at = ? WHERE record_no = ?`,
		jsonValue(r.Outputs), jsonValue(r.Expectations), string(r.Tags), unknown(r.UpdatedBy), r.Updated, r.No)
	return err
}

// DeleteRecords implements [evaluation.Records].
func (s *Evaluation) DeleteRecords(ctx context.Context, dataset int64, ids []string) (int64, error) {
	var deleted int64
	err := eachList(ids, func(marks string, args []any) error {
		n, err := s.db.Exec(ctx, `DELETE FROM evaluation_record WHERE dataset_no = ? AND record_id IN (`+marks+`)`, append([]any{dataset}, args...)...)
		deleted += n
		return err
	})
	return deleted, err
}

// recordPageBytes is how much text a page of records may hold.
const recordPageBytes = 32 << 20

// ListRecords implements [evaluation.Records].
func (s *Evaluation) ListRecords(ctx context.Context, dataset int64, limit int, token string) ([]*evaluation.Record, string, error) {
	return s.FindRecords(ctx, dataset, evaluation.RecordQuery{Limit: limit, Token: token})
}

// FindRecords implements [evaluation.Records].
func (s *Evaluation) FindRecords(ctx context.Context, dataset int64, q evaluation.RecordQuery) ([]*evaluation.Record, string, error) {
	scope := page.NewQuery("evaluation records", strconv.FormatInt(dataset, 10), q.Text, q.TraceID)
	keys, err := page.Decode(q.Token, scope, 1)
	if err != nil {
		return nil, "", err
	}
	after := int64(0)
	if keys != nil {
		after = keys[0].Int
	}
	query, args := `SELECT `+recordColumns+` FROM evaluation_record WHERE dataset_no = ? AND record_no > ?`, []any{dataset, after}
	if q.TraceID != "" {
		query += ` AND source_id = ?`
		args = append(args, q.TraceID)
	}
	if q.Text != "" {
		like := s.db.Dialect.ILike
		query += ` AND (` + like("inputs") + ` OR ` + like("outputs") + ` OR ` + like("expectations") + `)`
		text := "%" + likeLiteral(q.Text) + "%"
		args = append(args, text, text, text)
	}
	rows, err := s.db.Query(ctx, query+` ORDER BY record_no LIMIT ?`, append(args, q.Limit+1)...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var list []*evaluation.Record
	size := 0
	for rows.Next() {
		if len(list) == q.Limit || size > recordPageBytes {
			return list, page.Encode(scope, page.IntKey(list[len(list)-1].No)), nil
		}
		r := new(evaluation.Record)
		if err := rows.Scan(scanRecord(r)...); err != nil {
			return nil, "", s.db.fault(err, "evaluation_record")
		}
		size += len(r.Inputs) + len(r.Outputs) + len(r.Expectations) + len(r.Tags)
		list = append(list, r)
	}
	return list, "", s.db.fault(rows.Err(), "evaluation_record")
}

// RecordByID implements [evaluation.Records].
func (s *Evaluation) RecordByID(ctx context.Context, dataset int64, id string) (*evaluation.Record, error) {
	r := new(evaluation.Record)
	err := s.db.QueryRow(ctx, `SELECT `+recordColumns+` FROM evaluation_record WHERE dataset_no = ? AND record_id = ?`, []any{dataset, id}, scanRecord(r)...)
	return r, err
}

// CountRecords implements [evaluation.Records].
func (s *Evaluation) CountRecords(ctx context.Context, dataset int64) (bySource map[string]int64, traces int64, err error) {
	bySource = map[string]int64{}
	err = s.db.Each(ctx, `SELECT source_type, count(*) FROM evaluation_record WHERE dataset_no = ? GROUP BY source_type`, []any{dataset},
		func(scan func(...any) error) error {
			var kind known
			var n int64
			err := scan(&kind, &n)
			bySource[string(kind)] = n
			return err
		})
	if err != nil || bySource["TRACE"] == 0 {
		return bySource, 0, err
	}
	err = s.db.QueryRow(ctx, `SELECT count(DISTINCT source_id) FROM evaluation_record WHERE dataset_no = ? AND source_type = 'TRACE'`, []any{dataset}, &traces)
	return bySource, traces, err
}

// RecordsOfTrace implements [evaluation.Records].
func (s *Evaluation) RecordsOfTrace(ctx context.Context, workspace, traceID string, limit int) (list []evaluation.TraceRecord, err error) {
	err = s.db.Each(ctx, `SELECT d.dataset_id, d.name, r.record_id FROM evaluation_record r JOIN evaluation_dataset d ON d.dataset_no = r.dataset_no
		WHERE r.source_id = ? AND r.source_type = 'TRACE' AND d.workspace = ? ORDER BY r.record_no LIMIT ?`, []any{traceID, workspace, limit},
		func(scan func(...any) error) error {
			var r evaluation.TraceRecord
			err := scan(&r.DatasetID, &r.Dataset, &r.RecordID)
			list = append(list, r)
			return err
		})
	return list, err
}

// RecordsOfTraces implements [evaluation.Records].
func (s *Evaluation) RecordsOfTraces(ctx context.Context, workspace string, traces []string, limit int) (map[string][]string, error) {
	found := map[string][]string{}
	err := eachList(traces, func(marks string, args []any) error {
		return s.db.Each(ctx, `SELECT d.dataset_id, r.record_id FROM evaluation_record r JOIN evaluation_dataset d ON d.dataset_no = r.dataset_no
			WHERE r.source_id IN (`+marks+`) AND d.workspace = ? LIMIT ?`, append(args, workspace, limit), func(scan func(...any) error) error {
			var dataset, record string
			err := scan(&dataset, &record)
			found[dataset] = append(found[dataset], record)
			return err
		})
	})
	return found, err
}
