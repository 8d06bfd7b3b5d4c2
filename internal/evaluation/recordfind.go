package evaluation

import (
	"context"
	"encoding/json"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// FindRecords returns a page of those records of a dataset that q selects.
func (s *Service) FindRecords(ctx context.Context, datasetID string, q RecordQuery) ([]*Record, string, error) {
	if q.Limit < 1 || q.Limit > maxRecordPage {
		return nil, "", fault.Invalidf("limit must be from 1 to %d, not %d", maxRecordPage, q.Limit)
	}
	if err := checkText("q", q.Text, 1000); err != nil {
		return nil, "", err
	}
	d, err := s.Dataset(ctx, datasetID)
	if err != nil {
		return nil, "", err
	}
	return s.store.FindRecords(ctx, d.No, q)
}

// Record returns one record.
func (s *Service) Record(ctx context.Context, datasetID, recordID string) (*Record, error) {
	d, err := s.Dataset(ctx, datasetID)
	if err != nil {
		return nil, err
	}
	return s.record(ctx, d, recordID)
}

func (s *Service) record(ctx context.Context, d *Dataset, recordID string) (*Record, error) {
	r, err := s.store.RecordByID(ctx, d.No, recordID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("dataset %q has no record %s; it may have been deleted", clip(d.Name), clip(recordID))
	}
	return r, err
}

// Sources returns how many records a dataset has by the type of their source,
// and how many traces they came from.
func (s *Service) Sources(ctx context.Context, d *Dataset) (map[string]int64, int64, error) {
	return s.store.CountRecords(ctx, d.No)
}

// RecordsOfTrace returns where copies of a trace are, at most limit of them.
func (s *Service) RecordsOfTrace(ctx context.Context, traceID string, limit int) ([]TraceRecord, error) {
	return s.store.RecordsOfTrace(ctx, caller.Workspace(ctx), traceID, limit)
}

// RecordChange replaces parts of a record; nil leaves one as it is, and null
// removes it.
type RecordChange struct {
	Expectations json.RawMessage
	Tags         json.RawMessage
}

// ChangeRecord edits what people say of an example. Its inputs stay: they are
// what it is known by.
func (s *Service) ChangeRecord(ctx context.Context, datasetID, recordID string, c RecordChange) (*Record, error) {
	for _, raw := range []*json.RawMessage{&c.Expectations, &c.Tags} {
		text := string(*raw)
		if err := s.masked(ctx, "", &text); err != nil {
			return nil, err
		}
		if *raw != nil {
			*raw = json.RawMessage(text)
		}
	}
	var r *Record
	err := s.store.Write(ctx, func(ctx context.Context) error {
		d, err := s.Dataset(ctx, datasetID)
		if err != nil {
			return err
		}
		if r, err = s.record(ctx, d, recordID); err != nil {
			return err
		}
		n, err := c.apply(r)
		if err != nil {
			return err
		}
		r.Updated, r.UpdatedBy = s.millis(), caller.From(ctx).User
		if err := s.store.UpdateRecord(ctx, r); err != nil {
			return err
		}
		if d.Schema, err = extendSchema(d.Schema, []newRecord{n}); err != nil {
			return err
		}
		d.Updated, d.UpdatedBy = r.Updated, r.UpdatedBy
		d.Digest = digest(d.Name, d.Updated)
		return s.store.UpdateDataset(ctx, d)
	})
	return r, err
}

// apply edits r. What was written goes the way of a new record, so that the
// same rules hold for it.
func (c RecordChange) apply(r *Record) (newRecord, error) {
	edited := object{{"inputs", r.Inputs}}
	if c.Expectations != nil {
		edited = append(edited, member{"expectations", c.Expectations})
	}
	if c.Tags != nil {
		edited = append(edited, member{"tags", c.Tags})
	}
	n, err := parseRecord(edited.encode(false))
	if err != nil {
		return n, err
	}
	if c.Expectations != nil {
		r.Expectations = nil
		if n.expectations != nil {
			r.Expectations = n.expectations.encode(false)
		}
	}
	if c.Tags != nil {
		r.Tags = n.tags.encode(false)
	}
	return n, nil
}
