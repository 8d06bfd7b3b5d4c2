package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/page"
)

// Kinds of actor in the audit log.
const (
	ActorUser      = "user"
	ActorToken     = "token"
	ActorAnonymous = "anonymous" // a server without accounts
	ActorSystem    = "system"    // a command or a job
)

// Entry is one line of the audit log: who did what to which object, when and
// from where. The hashes are SHA-256 of the object's canonical JSON before and
// after; "" where there was or is none.
type Entry struct {
	Seq        int64
	Time       int64 // unix milliseconds
	Workspace  string
	Actor      string
	ActorKind  string
	Action     string // noun.verb, as model_version.delete
	ObjectKind string
	ObjectID   string
	Address    string
	RequestID  string
	BeforeHash string
	AfterHash  string
	Detail     []byte // JSON object; never a secret
}

// AuditFilter selects entries; zero fields select all.
type AuditFilter struct {
	Workspace    string
	Actor        string
	ActionPrefix string
	ObjectKind   string
	ObjectID     string
	From, To     int64 // unix milliseconds, [From, To)
	Before       int64 // entries with a smaller Seq
	Limit        int
}

// AuditLog keeps entries. It cannot change or remove one.
type AuditLog interface {
	AppendAudit(ctx context.Context, e Entry) error
	// ListAudit returns entries newest first.
	ListAudit(ctx context.Context, f AuditFilter) ([]Entry, error)
}

// Audit writes and reads the audit log.
type Audit struct {
	store interface {
		Transactor
		AuditLog
	}
	now func() time.Time
}

// Record appends what ctx's caller did. before and after are the object as the
// user sees it (anything that encodes as JSON), nil where it did not or does
// not exist. Call it inside the Write that makes the change, so that both are
// kept or neither.
func (a *Audit) Record(ctx context.Context, action, kind, id string, before, after any) error {
	c := caller.From(ctx)
	e := Entry{Actor: c.User, ActorKind: ActorUser, Action: action, ObjectKind: kind, ObjectID: id}
	switch {
	case c.Open:
		e.Actor, e.ActorKind = "anonymous", ActorAnonymous
	case c.Token:
		e.ActorKind = ActorToken
	case c.Address == "" && c.User == "system":
		e.ActorKind = ActorSystem
	}
	return a.record(ctx, e, before, after)
}

// maxDetail bounds the kept copies of an object; the hashes cover all of it.
const maxDetail = 16 << 10

func (a *Audit) record(ctx context.Context, e Entry, before, after any) error {
	c := caller.From(ctx)
	e.Time, e.Workspace, e.Address, e.RequestID = a.now().UnixMilli(), caller.Workspace(ctx), c.Address, c.Request
	detail := map[string]json.RawMessage{}
	for _, side := range []struct {
		name  string
		value any
		hash  *string
	}{{"before", before, &e.BeforeHash}, {"after", after, &e.AfterHash}} {
		if side.value == nil {
			continue
		}
		canonical, err := canonicalJSON(side.value)
		if err != nil {
			return fault.Wrap(fault.Internal, "account.Record", err, "the audit entry cannot be encoded")
		}
		sum := sha256.Sum256(canonical)
		*side.hash = hex.EncodeToString(sum[:])
		if len(canonical) <= maxDetail {
			detail[side.name] = canonical
		}
	}
	var err error
	if e.Detail, err = json.Marshal(detail); err != nil {
		return fault.Wrap(fault.Internal, "account.Record", err, "the audit entry cannot be encoded")
	}
	return a.store.Write(ctx, func(ctx context.Context) error { return a.store.AppendAudit(ctx, e) })
}

// canonicalJSON encodes v with sorted keys and without the values of secrets.
func canonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(withoutSecrets(tree))
}

func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			name := strings.ToLower(k)
			if _, isText := inner.(string); isText && (strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "authorization")) {
				v[k] = "[secret]"
				continue
			}
			v[k] = withoutSecrets(inner)
		}
	case []any:
		for i := range v {
			v[i] = withoutSecrets(v[i])
		}
	}
	return v
}

// List returns a page of the log of the caller's workspace, newest first.
func (a *Audit) List(ctx context.Context, f AuditFilter, token string) (entries []Entry, next string, err error) {
	f.Workspace = caller.Workspace(ctx)
	if f.Limit < 1 || f.Limit > 1000 {
		return nil, "", fault.Invalidf("limit must be from 1 to 1000, not %d", f.Limit)
	}
	q := page.NewQuery("audit", f.Workspace, f.Actor, f.ActionPrefix, f.ObjectKind, f.ObjectID, time.UnixMilli(f.From).String(), time.UnixMilli(f.To).String())
	keys, err := page.Decode(token, q, 1)
	if err != nil {
		return nil, "", err
	}
	if keys != nil {
		f.Before = keys[0].Int
	}
	limit := f.Limit
	f.Limit++
	if entries, err = a.store.ListAudit(ctx, f); err != nil {
		return nil, "", err
	}
	if len(entries) > limit {
		entries = entries[:limit]
		next = page.Encode(q, page.IntKey(entries[limit-1].Seq))
	}
	return entries, next, nil
}
