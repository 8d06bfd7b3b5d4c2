package evaluation

import (
	"context"
	"slices"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// What another server holds keeps its ids and its times here.

// ImportDataset stores d with its id and times, without records: a new dataset,
// or tags, experiments and times over the one with its id.
func (s *Service) ImportDataset(ctx context.Context, d Dataset) error {
	if err := required("name", d.Name, maxDatasetName); err != nil {
		return err
	}
	if err := required("dataset_id", d.ID, maxTagKey); err != nil {
		return err
	}
	for what, text := range map[string]string{"schema": d.Schema, "digest": d.Digest, "created_by": d.CreatedBy, "last_updated_by": d.UpdatedBy} {
		if err := checkText(what, text, maxSerialized); err != nil {
			return err
		}
	}
	if err := checkTags(d.Tags); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		fresh := d
		fresh.Workspace, fresh.Tags = caller.Workspace(ctx), sortTags(d.Tags)
		old, err := s.store.DatasetByID(ctx, fresh.Workspace, d.ID)
		if fault.Is(err, fault.NotFound) {
			fresh.Records = 0
			return s.store.InsertDataset(ctx, &fresh)
		}
		if err != nil {
			return err
		}
		for _, t := range fresh.Tags {
			if err := s.store.PutDatasetTag(ctx, old.No, t); err != nil {
				return err
			}
		}
		var added []int64
		for _, n := range fresh.Experiments {
			if !slices.Contains(old.Experiments, n) {
				added = append(added, n)
			}
		}
		if err := s.store.LinkDataset(ctx, old.No, added); err != nil {
			return err
		}
		old.Digest, old.Schema, old.UpdatedBy, old.Updated = fresh.Digest, fresh.Schema, fresh.UpdatedBy, fresh.Updated
		return s.store.UpdateDataset(ctx, old)
	})
}

// ImportRecords adds records to a dataset, or lays them over those with the
// same inputs. The dataset's own times stay.
func (s *Service) ImportRecords(ctx context.Context, datasetID string, records []Record) error {
	if err := s.MaskRecords(ctx, records); err != nil {
		return err
	}
	hashes := make([]string, len(records))
	for i := range records {
		if err := records[i].prepare(); err != nil {
			return fault.Invalidf("record %s: %s", clip(records[i].ID), fault.Message(err))
		}
		hashes[i] = records[i].Hash
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		d, err := s.Dataset(ctx, datasetID)
		if err != nil {
			return err
		}
		known, err := s.store.RecordsByHash(ctx, d.No, hashes)
		if err != nil {
			return err
		}
		byHash := make(map[string]*Record, len(known))
		for _, r := range known {
			byHash[r.Hash] = r
		}
		var added []*Record
		for i := range records {
			r := records[i]
			r.DatasetNo = d.No
			old := byHash[r.Hash]
			if old == nil {
				byHash[r.Hash] = &r
				added = append(added, &r)
				continue
			}
			old.Outputs, old.Expectations, old.Tags, old.UpdatedBy, old.Updated = r.Outputs, r.Expectations, r.Tags, r.UpdatedBy, r.Updated
			if old.No != 0 {
				if err := s.store.UpdateRecord(ctx, old); err != nil {
					return err
				}
			}
		}
		if err := s.store.InsertRecords(ctx, added); err != nil {
			return err
		}
		d.Records += int64(len(added))
		return s.store.UpdateDataset(ctx, d)
	})
}

// MaskRecords takes out of records of another server, in place, what may not be
// kept, so that they can be compared with what is stored. Masking what is masked
// changes nothing.
func (s *Service) MaskRecords(ctx context.Context, records []Record) error {
	for i := range records {
		r := &records[i]
		for _, field := range [...]*[]byte{&r.Inputs, &r.Outputs, &r.Expectations, &r.Tags, &r.Source} {
			if *field == nil {
				continue
			}
			text := string(*field)
			if err := s.masked(ctx, "", &text); err != nil {
				return err
			}
			*field = []byte(text)
		}
	}
	return nil
}

// prepare checks an imported record by reading it as a client would write it.
func (r *Record) prepare() error {
	whole := object{}
	for name, raw := range map[string][]byte{"inputs": r.Inputs, "outputs": r.Outputs, "expectations": r.Expectations, "tags": r.Tags, "source": r.Source} {
		if raw != nil {
			whole = append(whole, member{name, raw})
		}
	}
	n, err := parseRecord(whole.encode(false))
	if err != nil {
		return err
	}
	for what, text := range map[string]string{"dataset_record_id": r.ID, "created_by": r.CreatedBy, "last_updated_by": r.UpdatedBy} {
		if err := checkText(what, text, maxTagKey); err != nil {
			return err
		}
	}
	if r.ID == "" {
		return fault.Invalidf("it has no id")
	}
	r.Hash, r.Inputs, r.Tags = n.hash, n.inputs.encode(false), n.tags.encode(false)
	r.Source, r.SourceType, r.SourceID = n.source, n.sourceType, n.sourceID
	r.Outputs, r.Expectations = n.outputs, nil
	if isNull(n.outputs) {
		r.Outputs = nil
	}
	if n.expectations != nil {
		r.Expectations = n.expectations.encode(false)
	}
	return nil
}

// ImportScorer stores one version of a scorer with its number and time. A
// version that is there with another text is an Exists fault.
func (s *Service) ImportScorer(ctx context.Context, sc Scorer) error {
	if err := required("name", sc.Name, maxScorerName); err != nil {
		return err
	}
	if _, err := checkSerialized(sc.Serialized); err != nil {
		return err
	}
	if sc.Version < 1 {
		return fault.Invalidf("the version number %d is not positive", sc.Version)
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		fresh := sc
		fresh.Workspace = caller.Workspace(ctx)
		versions, err := s.store.ScorerVersions(ctx, sc.Experiment, sc.Name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		for _, v := range versions {
			if v.Version == sc.Version && v.Serialized != sc.Serialized {
				return fault.Existsf("version %d of the scorer is another here", sc.Version)
			}
			if v.Version == sc.Version {
				return nil
			}
		}
		if fresh.ID == "" {
			fresh.ID = uuid()
		}
		return s.store.PutScorer(ctx, &fresh)
	})
}

// ImportedScorers returns the versions of a scorer, of an experiment in any
// stage; none is no error.
func (s *Service) ImportedScorers(ctx context.Context, experiment int64, name string) ([]*Scorer, error) {
	versions, err := s.store.ScorerVersions(ctx, experiment, name)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return versions, err
}
