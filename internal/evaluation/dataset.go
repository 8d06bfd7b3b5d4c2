package evaluation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/id"
)

// userTag names, among the tags of a dataset or record, who wrote it.
const userTag = "mlflow.user"

// Dataset is a collection of examples. Times are milliseconds since 1970.
type Dataset struct {
	No          int64 // of the store
	ID          string
	Workspace   string
	Name        string
	Digest      string  // of name and last change
	Schema      string  // JSON: the fields of inputs, outputs, expectations and their types; "" while empty
	Records     int64   // how many there are
	Experiments []int64 // it is linked to, ascending
	Tags        []Tag   // by key
	CreatedBy   string  // may be unknown
	UpdatedBy   string
	Created     int64
	Updated     int64
}

// Tag is a key with a value.
type Tag struct{ Key, Value string }

// Datasets stores datasets. Reads return them with tags and experiments.
type Datasets interface {
	// InsertDataset stores d with tags and experiments and sets d.No.
	InsertDataset(ctx context.Context, d *Dataset) error
	DatasetByID(ctx context.Context, workspace, id string) (*Dataset, error)
	// UpdateDataset writes Digest, Schema, Records, UpdatedBy and Updated.
	UpdateDataset(ctx context.Context, d *Dataset) error
	DeleteDataset(ctx context.Context, no int64) error
	PutDatasetTag(ctx context.Context, no int64, t Tag) error
	DeleteDatasetTag(ctx context.Context, no int64, key string) error
	LinkDataset(ctx context.Context, no int64, experiments []int64) error
	UnlinkDataset(ctx context.Context, no int64, experiments []int64) error
	SearchDatasets(ctx context.Context, workspace string, q Query) ([]*Dataset, string, error)
}

// Limits, in characters but for counts.
const (
	maxDatasetName  = 255
	maxTagKey       = 255
	maxTagValue     = 5000
	maxTags         = 1000
	defaultDatasets = 1000
	maxDatasets     = 50_000
)

// NewDataset is the request for a dataset.
type NewDataset struct {
	Name        string
	Experiments []string
	Tags        []Tag
}

// CreateDataset makes an empty dataset. Names need not be unique.
func (s *Service) CreateDataset(ctx context.Context, n NewDataset) (*Dataset, error) {
	if err := required("name", n.Name, maxDatasetName); err != nil {
		return nil, err
	}
	if err := checkTags(n.Tags); err != nil {
		return nil, err
	}
	now := s.millis()
	d := &Dataset{
		ID: id.Prefixed("d-"), Workspace: caller.Workspace(ctx), Name: n.Name, Digest: digest(n.Name, now),
		Tags: sortTags(n.Tags), CreatedBy: author(ctx, n.Tags), Created: now, Updated: now,
	}
	d.UpdatedBy = d.CreatedBy
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if d.Experiments, err = s.experimentNumbers(ctx, n.Experiments, true); err != nil {
			return err
		}
		return s.store.InsertDataset(ctx, d)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// author is the user that tags name, else the caller, else unknown.
func author(ctx context.Context, tags []Tag) string {
	for _, t := range tags {
		if t.Key == userTag {
			return t.Value
		}
	}
	return caller.From(ctx).User
}

func digest(name string, updated int64) string {
	sum := sha256.Sum256([]byte(name + ":" + strconv.FormatInt(updated, 10)))
	return hex.EncodeToString(sum[:])[:8]
}

func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return fault.Invalidf("'tags' has %d entries; at most %d are allowed", len(tags), maxTags)
	}
	for _, t := range tags {
		if err := required("key", t.Key, maxTagKey); err != nil {
			return err
		}
		if err := checkText("value", t.Value, maxTagValue); err != nil {
			return err
		}
	}
	return nil
}

func sortTags(tags []Tag) []Tag {
	tags = slices.Clone(tags)
	slices.SortStableFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags
}

// Dataset returns a dataset.
func (s *Service) Dataset(ctx context.Context, datasetID string) (*Dataset, error) {
	d, err := s.store.DatasetByID(ctx, caller.Workspace(ctx), datasetID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Evaluation dataset with id '%s' not found", clip(datasetID))
	}
	return d, err
}

// datasetRecord is what the audit log keeps of a dataset.
type datasetRecord struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
}

// DeleteDataset removes a dataset with its records; a missing one is no error.
func (s *Service) DeleteDataset(ctx context.Context, datasetID string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		d, err := s.Dataset(ctx, datasetID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.audit.Record(ctx, "dataset.delete", "dataset", d.ID, datasetRecord{d.Name, d.Records}, nil); err != nil {
			return err
		}
		return s.store.DeleteDataset(ctx, d.No)
	})
}

// SetDatasetTags sets tags of a dataset and keeps its others.
func (s *Service) SetDatasetTags(ctx context.Context, datasetID string, tags []Tag) (*Dataset, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	return s.changeDataset(ctx, datasetID, func(ctx context.Context, d *Dataset) error {
		for _, t := range tags {
			if err := s.store.PutDatasetTag(ctx, d.No, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteDatasetTag removes a tag; a missing one, or dataset, is no error.
func (s *Service) DeleteDatasetTag(ctx context.Context, datasetID, key string) error {
	_, err := s.changeDataset(ctx, datasetID, func(ctx context.Context, d *Dataset) error {
		return s.store.DeleteDatasetTag(ctx, d.No, key)
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// LinkDataset adds a dataset to experiments.
func (s *Service) LinkDataset(ctx context.Context, datasetID string, experiments []string) (*Dataset, error) {
	return s.changeDataset(ctx, datasetID, func(ctx context.Context, d *Dataset) error {
		numbers, err := s.experimentNumbers(ctx, experiments, true)
		if err != nil {
			return err
		}
		d.Updated = s.millis()
		if err := s.store.LinkDataset(ctx, d.No, numbers); err != nil {
			return err
		}
		return s.store.UpdateDataset(ctx, d)
	})
}

// UnlinkDataset removes a dataset from experiments; those it is not in are no
// error.
func (s *Service) UnlinkDataset(ctx context.Context, datasetID string, experiments []string) (*Dataset, error) {
	return s.changeDataset(ctx, datasetID, func(ctx context.Context, d *Dataset) error {
		numbers, err := s.experimentNumbers(ctx, experiments, false)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(numbers, func(n int64) bool { return slices.Contains(d.Experiments, n) }) {
			return nil
		}
		d.Updated = s.millis()
		if err := s.store.UnlinkDataset(ctx, d.No, numbers); err != nil {
			return err
		}
		return s.store.UpdateDataset(ctx, d)
	})
}

// changeDataset reads a dataset inside a Write, lets fn change it, and returns
// it as it then is.
func (s *Service) changeDataset(ctx context.Context, datasetID string, fn func(ctx context.Context, d *Dataset) error) (*Dataset, error) {
	var d *Dataset
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if d, err = s.Dataset(ctx, datasetID); err != nil {
			return err
		}
		if err := fn(ctx, d); err != nil {
			return err
		}
		d, err = s.Dataset(ctx, datasetID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// DatasetSearch is a search as a client writes it.
type DatasetSearch struct {
	Filter      string
	Order       []string
	Experiments []string // any of these; none for all
	Limit       int      // 0: the default
	Token       string
}

// SearchDatasets returns a page of datasets, the newest first unless asked
// otherwise, and the next page's token.
func (s *Service) SearchDatasets(ctx context.Context, req DatasetSearch) ([]*Dataset, string, error) {
	if len(req.Order) == 0 {
		req.Order = []string{"created_time DESC"}
	}
	q := Query{Token: req.Token}
	var err error
	if q.Limit, err = limitOf(req.Limit, defaultDatasets, maxDatasets); err != nil {
		return nil, "", err
	}
	if q.Filter, err = filter.Parse(filter.Datasets, req.Filter); err != nil {
		return nil, "", err
	}
	if q.Order, err = filter.ParseOrder(filter.Datasets, req.Order); err != nil {
		return nil, "", err
	}
	if q.Experiments, err = s.experimentNumbers(ctx, req.Experiments, false); err != nil {
		return nil, "", err
	}
	q.Order = append(q.Order, filter.Order{Field: filter.Field{Group: filter.Attribute, Key: "dataset_id"}, Desc: true})
	return s.store.SearchDatasets(ctx, caller.Workspace(ctx), q)
}
