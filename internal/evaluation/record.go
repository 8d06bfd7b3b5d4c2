package evaluation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Record is one example. The JSON fields are compact; nil means absent. Times
// are milliseconds since 1970.
type Record struct {
	No           int64 // of the store: the order of insertion
	ID           string
	DatasetNo    int64
	Hash         string // of the inputs; unique in a dataset
	Inputs       []byte // object
	Outputs      []byte // any value
	Expectations []byte // object
	Tags         []byte // object; never nil
	Source       []byte // object with source_type and source_data
	SourceType   string // upper case
	SourceID     string // the trace's id, for a trace
	CreatedBy    string // may be unknown
	UpdatedBy    string
	Created      int64
	Updated      int64
}

// Records stores the records of datasets.
type Records interface {
	// RecordsByHash returns those records of a dataset that have one of hashes.
	RecordsByHash(ctx context.Context, dataset int64, hashes []string) ([]*Record, error)
	InsertRecords(ctx context.Context, list []*Record) error
	UpdateRecord(ctx context.Context, r *Record) error
	// DeleteRecords removes records by id and returns how many there were.
	DeleteRecords(ctx context.Context, dataset int64, ids []string) (int64, error)
	// RecordsOfTraces finds records of a workspace that were made from traces:
	// ids of records by dataset, at most limit for each few hundred traces.
	RecordsOfTraces(ctx context.Context, workspace string, traces []string, limit int) (map[string][]string, error)
	// ListRecords returns a page in order of insertion and the next page's
	// token. A page may be short when its records are large.
	ListRecords(ctx context.Context, dataset int64, limit int, token string) ([]*Record, string, error)
	// FindRecords is ListRecords for those that q selects.
	FindRecords(ctx context.Context, dataset int64, q RecordQuery) ([]*Record, string, error)
	RecordByID(ctx context.Context, dataset int64, id string) (*Record, error)
	// CountRecords counts a dataset's records by the type of their source, ""
	// where it is unknown, and the distinct traces among the sources.
	CountRecords(ctx context.Context, dataset int64) (bySource map[string]int64, traces int64, err error)
	// RecordsOfTrace returns the records of the workspace, without payload,
	// that were copied from a trace, at most limit.
	RecordsOfTrace(ctx context.Context, workspace, traceID string, limit int) ([]TraceRecord, error)
}

// RecordQuery selects records of a dataset.
type RecordQuery struct {
	Text    string // that inputs, outputs or expectations hold, letter case aside
	TraceID string // of the source; "" is any
	Limit   int
	Token   string
}

// TraceRecord names a record copied from a trace, and its dataset.
type TraceRecord struct{ DatasetID, Dataset, RecordID string }

const (
	maxRecords     = 100_000 // of one request
	maxRecordBytes = 8 << 20
	defaultRecords = 1000
	maxRecordPage  = 10_000
)

// newRecord is a record as clients write it.
type newRecord struct {
	inputs       object
	outputs      json.RawMessage // nil when not given
	expectations object
	tags         object
	source       []byte
	sourceType   string
	sourceID     string
	hash         string
	author       string // the user tag; "" without one
}

// UpsertRecords adds records, given as a JSON list of objects, to a dataset.
// A record whose inputs the dataset has already is merged into that one:
// outputs are replaced, expectations and tags are added to. All or nothing.
func (s *Service) UpsertRecords(ctx context.Context, datasetID string, list []byte) (inserted, updated int, err error) {
	text := string(list)
	if err := s.masked(ctx, "", &text); err != nil {
		return 0, 0, err
	}
	records, err := parseRecords([]byte(text))
	if err != nil {
		return 0, 0, err
	}
	err = s.store.Write(ctx, func(ctx context.Context) error {
		d, err := s.Dataset(ctx, datasetID)
		if err != nil {
			return err
		}
		var merged *merge
		if merged, err = s.merge(ctx, d, records); err != nil {
			return err
		}
		inserted, updated = len(merged.inserts), merged.updated
		if err := s.store.InsertRecords(ctx, merged.inserts); err != nil {
			return err
		}
		for _, r := range merged.updates {
			if err := s.store.UpdateRecord(ctx, r); err != nil {
				return err
			}
		}
		if d.Schema, err = extendSchema(d.Schema, records); err != nil {
			return err
		}
		d.Records += int64(inserted)
		d.Updated, d.UpdatedBy = merged.now, merged.author
		d.Digest = digest(d.Name, merged.now)
		return s.store.UpdateDataset(ctx, d)
	})
	return inserted, updated, err
}

// merge is what an upsert changes.
type merge struct {
	now     int64
	author  string
	inserts []*Record
	updates []*Record
	updated int // records merged, also into one inserted by the same request
}

func (s *Service) merge(ctx context.Context, d *Dataset, records []newRecord) (*merge, error) {
	hashes := make([]string, len(records))
	for i, r := range records {
		hashes[i] = r.hash
	}
	known, err := s.store.RecordsByHash(ctx, d.No, hashes)
	if err != nil {
		return nil, err
	}
	byHash := make(map[string]*Record, len(known))
	for _, r := range known {
		byHash[r.Hash] = r
	}
	m := &merge{now: s.millis(), author: caller.From(ctx).User}
	changed := map[*Record]bool{}
	for _, n := range records {
		if n.author != "" {
			m.author = n.author
		}
		if r := byHash[n.hash]; r != nil {
			if err := n.into(r); err != nil {
				return nil, err
			}
			r.Updated = m.now
			m.updated++
			if r.No != 0 && !changed[r] {
				changed[r] = true
				m.updates = append(m.updates, r)
			}
			continue
		}
		by := n.author
		if by == "" {
			by = caller.From(ctx).User
		}
		r := &Record{
			ID: id.Prefixed("dr-"), DatasetNo: d.No, Hash: n.hash, Inputs: n.inputs.encode(false),
			Outputs: n.outputs, Tags: n.tags.encode(false), Source: n.source, SourceType: n.sourceType, SourceID: n.sourceID,
			CreatedBy: by, UpdatedBy: by, Created: m.now, Updated: m.now,
		}
		switch {
		case n.outputs == nil:
			r.Outputs = []byte("{}") // as MLflow has it for records without
		case isNull(n.outputs):
			r.Outputs = nil
		}
		if n.expectations != nil {
			r.Expectations = n.expectations.encode(false)
		}
		byHash[n.hash] = r
		m.inserts = append(m.inserts, r)
	}
	return m, nil
}

// into merges n into the record with the same inputs.
func (n *newRecord) into(r *Record) error {
	switch {
	case n.outputs == nil:
	case isNull(n.outputs):
		r.Outputs = nil
	default:
		r.Outputs = n.outputs
	}
	var err error
	if r.Expectations, err = mergeObject("expectations", r.Expectations, n.expectations); err != nil {
		return err
	}
	if r.Tags, err = mergeObject("tags", r.Tags, n.tags); err != nil {
		return err
	}
	if n.author != "" {
		r.UpdatedBy = n.author
	}
	return nil
}

func mergeObject(what string, old []byte, more object) ([]byte, error) {
	if len(more) == 0 {
		return old, nil
	}
	if old == nil {
		return more.encode(false), nil
	}
	o, err := parseObject(what, old)
	if err != nil {
		return nil, err
	}
	return o.with(more).encode(false), nil
}

func parseRecords(list []byte) ([]newRecord, error) {
	var raw []json.RawMessage
	if bytes.ContainsRune(list, 0) || json.Unmarshal(list, &raw) != nil || raw == nil {
		return nil, fault.Invalidf("'records' must be a JSON list of objects")
	}
	if len(raw) > maxRecords {
		return nil, fault.Invalidf("'records' has %d entries; at most %d are allowed in a request", len(raw), maxRecords)
	}
	records := make([]newRecord, len(raw))
	for i, r := range raw {
		n, err := parseRecord(r)
		if err != nil {
			return nil, fault.Invalidf("record %d: %s", i, fault.Message(err))
		}
		records[i] = n
	}
	return records, nil
}

func parseRecord(raw []byte) (n newRecord, err error) {
	if len(raw) > maxRecordBytes {
		return n, fault.Invalidf("it is over %d MiB", maxRecordBytes>>20)
	}
	if bytes.Contains(raw, []byte(`\u0000`)) {
		return n, fault.Invalidf("it contains a NUL character")
	}
	record, err := parseObject("record", raw)
	if err != nil {
		return n, err
	}
	inputs, given := record.get("inputs")
	if !given {
		inputs = []byte("{}")
	}
	if n.inputs, err = parseObject("inputs", inputs); err != nil {
		return n, err
	}
	form, err := canonical(inputs)
	if err != nil {
		return n, fault.Invalidf("'inputs' must be a JSON object")
	}
	sum := sha256.Sum256(form)
	n.hash = hex.EncodeToString(sum[:])
	n.outputs, _ = record.get("outputs")
	if raw, _ := record.get("expectations"); !isNull(raw) {
		if n.expectations, err = parseObject("expectations", raw); err != nil {
			return n, err
		}
	}
	if raw, _ := record.get("tags"); !isNull(raw) {
		if n.tags, err = parseObject("tags", raw); err != nil {
			return n, err
		}
	}
	if user, ok := n.tags.get(userTag); ok {
		n.author, _ = text(user)
	}
	if raw, _ := record.get("source"); !isNull(raw) {
		err = n.parseSource(raw)
	}
	return n, err
}

// sourceTypes are where a record may come from.
var sourceTypes = []string{"UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"}

func (n *newRecord) parseSource(raw []byte) error {
	source, err := parseObject("source", raw)
	if err != nil {
		return err
	}
	rawType, _ := source.get("source_type")
	kind, ok := text(rawType)
	n.sourceType = strings.ToUpper(kind)
	if !ok || !slices.Contains(sourceTypes, n.sourceType) {
		return fault.Invalidf("Invalid dataset record source type: %s. Valid source types: %s", clip(string(rawType)), strings.Join(sourceTypes, ", "))
	}
	data := object{}
	if rawData, _ := source.get("source_data"); !isNull(rawData) {
		if data, err = parseObject("source_data", rawData); err != nil {
			return err
		}
	}
	key := "source_id"
	if n.sourceType == "TRACE" {
		key = "trace_id"
	}
	if rawID, ok := data.get(key); ok {
		n.sourceID, _ = text(rawID)
	}
	n.source = object{{"source_type", quote(n.sourceType)}, {"source_data", data.encode(false)}}.encode(false)
	return nil
}

// extendSchema adds the fields of records that schema does not have yet.
func extendSchema(schema string, records []newRecord) (string, error) {
	if schema == "" && len(records) == 0 {
		return "", nil
	}
	if schema == "" {
		schema = `{"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}`
	}
	o, err := parseObject("schema", []byte(schema))
	if err != nil {
		return "", err
	}
	parts := map[string]*fieldTypes{}
	whole := "" // the type of outputs that are no object
	for _, name := range []string{"inputs", "outputs", "expectations"} {
		raw, _ := o.get(name)
		if t, ok := text(raw); ok {
			whole = t
			continue
		}
		fields, err := parseObject(name, raw)
		if err != nil {
			return "", err
		}
		parts[name] = newFieldTypes(fields)
	}
	outputs := parts["outputs"]
	for _, r := range records {
		parts["inputs"].learn(r.inputs)
		parts["expectations"].learn(r.expectations)
		if isNull(r.outputs) || whole != "" {
			continue
		}
		if fields, err := parseObject("outputs", r.outputs); err == nil {
			outputs.learn(fields)
		} else if len(outputs.fields) == 0 {
			whole = typeName(r.outputs)
		}
	}
	for i := range o {
		switch fields, ok := parts[o[i].key]; {
		case o[i].key == "outputs" && whole != "":
			o[i].value = quote(whole)
		case ok:
			o[i].value = fields.fields.encode(true)
		}
	}
	return string(o.encode(true)), nil
}

// maxFields bounds the fields a part of a schema lists.
const maxFields = 1000

// fieldTypes is a part of a schema: the types of fields in the order they were
// first seen.
type fieldTypes struct {
	fields object
	known  map[string]bool
}

func newFieldTypes(fields object) *fieldTypes {
	f := &fieldTypes{fields: fields, known: make(map[string]bool, len(fields))}
	for _, m := range fields {
		f.known[m.key] = true
	}
	return f
}

// learn adds the types of the members that are new.
func (f *fieldTypes) learn(seen object) {
	for _, m := range seen {
		if len(f.fields) < maxFields && !f.known[m.key] {
			f.known[m.key] = true
			f.fields = append(f.fields, member{m.key, quote(typeName(m.value))})
		}
	}
}

// Records returns a page of a dataset's records in order of insertion, and the
// next page's token. A limit of 0 is the default of 1,000.
func (s *Service) Records(ctx context.Context, datasetID string, limit int, token string) ([]*Record, string, error) {
	if limit < 0 {
		return nil, "", fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be at least 1", limit)
	}
	if limit == 0 {
		limit = defaultRecords
	}
	d, err := s.Dataset(ctx, datasetID)
	if err != nil {
		return nil, "", err
	}
	return s.store.ListRecords(ctx, d.No, min(limit, maxRecordPage), token)
}

// DeleteRecords removes records by id and returns how many there were.
func (s *Service) DeleteRecords(ctx context.Context, datasetID string, ids []string) (deleted int64, err error) {
	if len(ids) > maxRecords {
		return 0, fault.Invalidf("'dataset_record_ids' has %d entries; at most %d are allowed in a request", len(ids), maxRecords)
	}
	err = s.store.Write(ctx, func(ctx context.Context) error {
		d, err := s.Dataset(ctx, datasetID)
		if err != nil {
			return err
		}
		if deleted, err = s.store.DeleteRecords(ctx, d.No, ids); err != nil || deleted == 0 {
			return err
		}
		if err := s.audit.Record(ctx, "dataset.delete_records", "dataset", d.ID, datasetRecord{d.Name, deleted}, nil); err != nil {
			return err
		}
		d.Records = max(0, d.Records-deleted)
		d.Updated = s.millis()
		d.Digest = digest(d.Name, d.Updated)
		return s.store.UpdateDataset(ctx, d)
	})
	return deleted, err
}

// CountRecordsOf counts the records of the caller's workspace that were made
// from traces.
func (s *Service) CountRecordsOf(ctx context.Context, traces []string) (n int64, err error) {
	found, err := s.store.RecordsOfTraces(ctx, caller.Workspace(ctx), traces, maxRecords)
	for _, ids := range found {
		n += int64(len(ids))
	}
	return n, err
}

// PurgeRecordsOf removes the records that were made from traces, of which they
// are copies, and returns how many there were.
func (s *Service) PurgeRecordsOf(ctx context.Context, traces []string) (n int64, err error) {
	found, err := s.store.RecordsOfTraces(ctx, caller.Workspace(ctx), traces, maxRecords)
	if err != nil {
		return 0, err
	}
	for dataset, ids := range found {
		deleted, err := s.DeleteRecords(ctx, dataset, ids)
		if n += deleted; err != nil {
			return n, err
		}
	}
	return n, nil
}
