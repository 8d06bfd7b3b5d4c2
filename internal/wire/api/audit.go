package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

type auditEntry struct {
	Seq        int64           `json:"seq"`
	TimeMS     int64           `json:"time_ms"`
	Actor      string          `json:"actor"`
	ActorKind  string          `json:"actor_kind"`
	Action     string          `json:"action"`
	ObjectKind string          `json:"object_kind"`
	ObjectID   string          `json:"object_id"`
	Address    string          `json:"address"`
	RequestID  string          `json:"request_id"`
	BeforeHash *string         `json:"before_hash"`
	AfterHash  *string         `json:"after_hash"`
	Detail     json.RawMessage `json:"detail"`
}

func auditOf(e account.Entry) auditEntry {
	detail := json.RawMessage(e.Detail)
	if len(detail) == 0 {
		detail = json.RawMessage("{}")
	}
	return auditEntry{e.Seq, e.Time, e.Actor, e.ActorKind, e.Action, e.ObjectKind, e.ObjectID, e.Address, e.RequestID,
		nullable(e.BeforeHash), nullable(e.AfterHash), detail}
}

func auditFilter(r *http.Request) (f account.AuditFilter, err error) {
	q := r.URL.Query()
	f = account.AuditFilter{Workspace: caller.Workspace(r.Context()), Actor: q.Get("actor"), ActionPrefix: q.Get("action"),
		ObjectKind: q.Get("object_kind"), ObjectID: q.Get("object_id")}
	if f.From, err = millis(r, "from_ms", 0); err != nil {
		return f, err
	}
	f.To, err = millis(r, "to_ms", 0)
	return f, err
}

func (p people) audit(ctx context.Context, r *http.Request) (any, error) {
	f, err := auditFilter(r)
	if err != nil {
		return nil, err
	}
	if f.Limit, err = limit(r); err != nil {
		return nil, err
	}
	found, next, err := p.accounts.Audit.List(ctx, f, r.URL.Query().Get("page_token"))
	if err != nil {
		return nil, err
	}
	out := []auditEntry{}
	for _, e := range found {
		out = append(out, auditOf(e))
	}
	return map[string]any{"entries": out, "next_page_token": nullable(next)}, nil
}

// auditPage is how many entries an export reads at once.
const auditPage = 1000

// exportAudit streams all entries that match. A failure after the first page
// can only break the answer off, which the client sees.
func (p people) exportAudit(w http.ResponseWriter, r *http.Request) error {
	f, err := auditFilter(r)
	if err != nil {
		return err
	}
	f.Limit = auditPage
	var write func(account.Entry) error
	kind := "text/csv; charset=utf-8"
	table := csv.NewWriter(w)
	switch format := r.URL.Query().Get("format"); format {
	case "", "csv":
		write = func(e account.Entry) error { return table.Write(auditCells(e)) }
	case "jsonl":
		kind = "application/x-ndjson"
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		write = func(e account.Entry) error { return enc.Encode(auditOf(e)) }
	default:
		return fault.Invalidf("format %q is neither csv nor jsonl", clip(format))
	}
	entries, next, err := p.accounts.Audit.List(r.Context(), f, "")
	if err != nil {
		return err
	}
	name := "audit-" + f.Workspace + map[bool]string{true: ".csv", false: ".jsonl"}[strings.HasPrefix(kind, "text/csv")]
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as long as the log is
	if strings.HasPrefix(kind, "text/csv") {
		table.Write(auditHeader)
	}
	for {
		for _, e := range entries {
			if write(e) != nil {
				return nil // the client is gone
			}
		}
		if next == "" {
			break
		}
		if entries, next, err = p.accounts.Audit.List(r.Context(), f, next); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	table.Flush()
	return nil
}

var auditHeader = []string{"seq", "time", "actor", "actor_kind", "action", "object_kind", "object_id", "address", "request_id", "before_sha256", "after_sha256", "detail"}

// auditCells is an entry as a row of a spreadsheet. A cell that a spreadsheet
// would take for a formula gets an apostrophe before it.
func auditCells(e account.Entry) []string {
	cells := []string{strconv.FormatInt(e.Seq, 10), time.UnixMilli(e.Time).UTC().Format(time.RFC3339Nano), e.Actor, e.ActorKind, e.Action,
		e.ObjectKind, e.ObjectID, e.Address, e.RequestID, e.BeforeHash, e.AfterHash, string(e.Detail)}
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return cells
}
