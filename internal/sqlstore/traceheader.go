package sqlstore

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// headerRow is a row of the trace table.
type headerRow struct {
	tracing.Header
	n         int64 // 0 for a new one
	workspace int64
	t         int64 // 0 while the trace has no spans
	overflow  bool
	before    []tracing.Label // of tags and metadata, as they are stored
	stored    minuteMark      // where the stored row counts; zero for a new one
	seen      int64           // unix milliseconds when its sender was last heard of; -1 unknown
	stalled   int64           // since when it counts as stalled; -1 it does not
}

const headerColumns = `n, id, workspace, experiment, part, t, start_ms, duration_ms, state, final, name, run, session, usr, client_id,
	request, response, tags, metadata, prompts, models, spans, errors, first_error, complete, overflow,
	tokens_in, tokens_out, tokens, cache_read, cache_write, reasoning, cost_in, cost_out, cost, unpriced, seen_ms, stalled_ms`

// Bits of the column final.
const (
	finalTimes = 1 << iota
	finalTokens
	finalCost
)

// scanHeader reads a row of headerColumns.
func scanHeader(scan func(...any) error, h *headerRow) error {
	var id []byte
	var experiment, state, final int64
	var t, duration, firstError *int64
	var name, run, session, user, client, request, response, prompts, models *string
	var tags, metadata string
	var complete, overflow int64
	var tokens [6]*int64
	var cost [3]*int64
	var seen, stalled *int64
	err := scan(&h.n, &id, &h.workspace, &experiment, &h.Partition, &t, &h.RequestTime, &duration, &state, &final,
		&name, &run, &session, &user, &client, &request, &response, &tags, &metadata, &prompts, &models,
		&h.Spans, &h.Errors, &firstError, &complete, &overflow,
		&tokens[0], &tokens[1], &tokens[2], &tokens[3], &tokens[4], &tokens[5], &cost[0], &cost[1], &cost[2], &h.Unpriced,
		&seen, &stalled)
	if err != nil {
		return err
	}
	copy(h.ID[:], id)
	h.Experiment = strconv.FormatInt(experiment, 10)
	h.stored = minuteMark{h.workspace, experiment, minuteOf(h.RequestTime)}
	h.seen, h.stalled = number(seen), number(stalled)
	h.t = max(0, number(t))
	h.Duration = number(duration)
	h.State = tracing.States[state&3]
	h.Final, h.TokensGiven, h.CostGiven = final&finalTimes != 0, final&finalTokens != 0, final&finalCost != 0
	h.Name, h.Run, h.Session, h.User, h.ClientRequestID = text(name), text(run), text(session), text(user), text(client)
	h.RequestPreview, h.ResponsePreview = text(request), text(response)
	h.Complete, h.overflow = complete != 0, overflow != 0
	if firstError != nil {
		h.FirstError = spanID(*firstError)
	}
	h.Tokens = trace.Tokens{Input: number(tokens[0]), Output: number(tokens[1]), Total: number(tokens[2]),
		CacheRead: number(tokens[3]), CacheWrite: number(tokens[4]), Reasoning: number(tokens[5])}
	h.Cost = trace.Cost{Input: number(cost[0]), Output: number(cost[1]), Total: number(cost[2])}
	for _, f := range [...]struct {
		text string
		dst  any
	}{{tags, &h.Tags}, {metadata, &h.Metadata}, {text(prompts), &h.Prompts}, {text(models), &h.Models}} {
		if f.text == "" || f.text == "{}" {
			continue
		}
		if err := json.Unmarshal([]byte(f.text), f.dst); err != nil {
			return fault.Wrap(fault.Internal, "sqlstore.scanHeader", err, "the header of %s is damaged", h.ID)
		}
	}
	return nil
}

// headers reads the rows of ids that exist, in any workspace and any order.
func (st *Traces) headers(ctx context.Context, ids []trace.ID) ([]*headerRow, error) {
	var rows []*headerRow
	for chunk := range padded(ids) {
		err := st.index.Each(ctx, `SELECT `+headerColumns+` FROM trace WHERE id IN (`+Marks(len(chunk))+`)`, chunk, func(scan func(...any) error) error {
			h := &headerRow{}
			rows = append(rows, h)
			return scanHeader(scan, h)
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// padded yields the ids as arguments in chunks of 1, 10 or 50, the last one
// filled up with repetitions, so that there are few texts to prepare.
func padded(ids []trace.ID) func(yield func([]any) bool) {
	return func(yield func([]any) bool) {
		for len(ids) > 0 {
			size := 50
			switch {
			case len(ids) == 1:
				size = 1
			case len(ids) <= 10:
				size = 10
			}
			args := make([]any, size)
			for i := range args {
				id := ids[min(i, len(ids)-1)]
				args[i] = id[:]
			}
			ids = ids[min(size, len(ids)):]
			if !yield(args) {
				return
			}
		}
	}
}

// mine reads one header of the caller's workspace.
func (st *Traces) mine(ctx context.Context, id trace.ID) (*headerRow, error) {
	rows, err := st.headers(ctx, []trace.ID{id})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0].workspace != st.workspace(caller.Workspace(ctx)) {
		return nil, fault.NotFoundf("Trace with ID '%s' is not found.", id)
	}
	return rows[0], nil
}

func (h *headerRow) values() []any {
	experiment, _ := strconv.ParseInt(h.Experiment, 10, 64) // checked on the way in
	state, _ := tracing.StateNumber(h.State)
	final := 0
	for i, set := range [...]bool{h.Final, h.TokensGiven, h.CostGiven} {
		if set {
			final |= 1 << i
		}
	}
	var t, firstError, prompts, models any
	if h.t != 0 {
		t = h.t
	}
	if !h.FirstError.IsZero() {
		firstError = spanNumber(h.FirstError)
	}
	if len(h.Prompts) > 0 {
		prompts = jsonText(h.Prompts)
	}
	if len(h.Models) > 0 {
		models = jsonText(h.Models)
	}
	return []any{
		h.ID[:], h.workspace, experiment, h.Partition, t, h.RequestTime, knownOrNull(h.Duration), state, final,
		orNull(h.Name), orNull(h.Run), orNull(h.Session), orNull(h.User), orNull(h.ClientRequestID),
		orNull(h.RequestPreview), orNull(h.ResponsePreview), jsonText(h.Tags), jsonText(h.Metadata), prompts, models,
		h.Spans, h.Errors, firstError, flag(h.Complete), flag(h.overflow),
		knownOrNull(h.Tokens.Input), knownOrNull(h.Tokens.Output), knownOrNull(h.Tokens.Total),
		knownOrNull(h.Tokens.CacheRead), knownOrNull(h.Tokens.CacheWrite), knownOrNull(h.Tokens.Reasoning),
		knownOrNull(h.Cost.Input), knownOrNull(h.Cost.Output), knownOrNull(h.Cost.Total), h.Unpriced,
		knownOrNull(h.seen), knownOrNull(h.stalled),
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// jsonText writes maps and lists of strings, which cannot fail; a nil map is {}.
func jsonText(v any) string {
	b, _ := json.Marshal(v)
	if string(b) == "null" {
		return "{}"
	}
	return string(b)
}

var (
	headerNames  = strings.TrimPrefix(headerColumns, "n, ")
	insertHeader = `INSERT INTO trace (` + headerNames + `) VALUES (` + Marks(37) + `) RETURNING n`
	updateHeader = `UPDATE trace SET ` + setList(headerNames) + ` WHERE n = ?`
)

// setList turns "a, b" into "a = ?, b = ?".
func setList(names string) string {
	parts := strings.Split(names, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p) + " = ?"
	}
	return strings.Join(parts, ", ")
}

// saveHeader inserts or updates a row and its labels, inside a Write. sh may
// be nil when no spans changed.
func (st *Traces) saveHeader(ctx context.Context, h *headerRow, sh *tracing.Shape) error {
	if sh != nil {
		h.overflow = sh.Overflow()
	}
	h.settleStalled()
	if h.n == 0 {
		if err := st.index.QueryRow(ctx, insertHeader, h.values(), &h.n); err != nil {
			return err
		}
	} else if _, err := st.index.Exec(ctx, updateHeader, append(h.values(), h.n)...); err != nil {
		return err
	}
	st.markDirty(ctx, h.stored)
	st.markDirty(ctx, h.mark())
	now := h.labelSet()
	var add, drop []tracing.Label
	for _, l := range now {
		if !slices.Contains(h.before, l) {
			add = append(add, l)
		}
	}
	for _, l := range h.before {
		if !slices.Contains(now, l) {
			drop = append(drop, l)
		}
	}
	h.before = now
	if sh != nil {
		add = append(add, sh.Labels()...)
	}
	return st.relabel(ctx, h.n, add, drop)
}

// mark is where the row counts now.
func (h *headerRow) mark() minuteMark {
	experiment, _ := strconv.ParseInt(h.Experiment, 10, 64) // checked on the way in
	return minuteMark{h.workspace, experiment, minuteOf(h.RequestTime)}
}

// unlabelled are the keys of tags and metadata that nobody searches by, or
// that have a column.
var unlabelled = map[string]bool{
	tracing.TagArtifactLocation: true, tracing.TagSpansLocation: true, tracing.TagLinkedPrompts: true,
	tracing.MetaTokens: true, tracing.MetaCost: true, tracing.MetaSize: true, tracing.MetaRun: true,
	tracing.MetaSession: true, tracing.MetaUser: true, "mlflow.trace.sizeBytes": true,
	"mlflow.traceInputs": true, "mlflow.traceOutputs": true, "mlflow.trace_schema.version": true,
}

// longValue stands for a value too long to be a label; a row that has it is
// to be looked at.
const longValue = "\uFFFFlong"

// labelSet is what a header is found by beside its columns and spans.
func (h *headerRow) labelSet() []tracing.Label {
	set := make([]tracing.Label, 0, len(h.Tags)+len(h.Metadata)+2)
	put := func(kind tracing.LabelKind, key, value string) {
		if len(value) > tracing.MaxLabelValue {
			value = longValue
		}
		set = append(set, tracing.Label{Kind: kind, Key: key, Value: value})
	}
	for k, v := range h.Tags {
		if !unlabelled[k] {
			put(tracing.LabelTag, k, v)
		}
	}
	for k, v := range h.Metadata {
		if !unlabelled[k] {
			put(tracing.LabelMetadata, k, v)
		}
	}
	if h.Run != "" {
		put(tracing.LabelRun, "", h.Run)
	}
	for _, p := range h.Prompts {
		put(tracing.LabelPrompt, "", p.Name+"/"+p.Version)
	}
	return set
}
