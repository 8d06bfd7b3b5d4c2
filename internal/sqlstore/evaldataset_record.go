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
	scope := page.NewQuery("evaluation records", strconv.FormatInt(dataset, 10))
	keys, err := page.Decode(token, scope, 1)
	if err != nil {
		return nil, "", err
	}
	after := int64(0)
	if keys != nil {
		after = keys[0].Int
	}
	rows, err := s.db.Query(ctx, `SELECT `+recordColumns+` FROM evaluation_record WHERE dataset_no = ? AND record_no > ? ORDER BY record_no LIMIT ?`,
		dataset, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	var list []*evaluation.Record
	size := 0
	for rows.Next() {
		if len(list) == limit || size > recordPageBytes {
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
