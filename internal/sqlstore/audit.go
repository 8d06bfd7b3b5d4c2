package sqlstore

import (
	"context"
	"strings"

	"github.com/assayhq/assay/internal/account"
)

// AppendAudit adds an entry; the database gives its number.
func (s *Accounts) AppendAudit(ctx context.Context, e account.Entry) error {
	return s.one(ctx, `INSERT INTO audit (time_ms, workspace, actor, actor_kind, action, object_kind, object_id, address, request_id, before_hash, after_hash, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Time, e.Workspace, e.Actor, e.ActorKind, e.Action, e.ObjectKind, e.ObjectID, e.Address, e.RequestID, e.BeforeHash, e.AfterHash, e.Detail)
}

// ListAudit returns entries newest first. Seq and time rise together, so the
// index on seq serves both.
func (s *Accounts) ListAudit(ctx context.Context, f account.AuditFilter) ([]account.Entry, error) {
	where, args := []string{"workspace = ?"}, []any{f.Workspace}
	add := func(clause string, arg any) { where, args = append(where, clause), append(args, arg) }
	if f.Actor != "" {
		add("actor = ?", f.Actor)
	}
	if f.ActionPrefix != "" {
		add("action >= ?", f.ActionPrefix)
		add("action < ?", f.ActionPrefix+"\U0010ffff")
	}
	if f.ObjectKind != "" {
		add("object_kind = ?", f.ObjectKind)
	}
	if f.ObjectID != "" {
		add("object_id = ?", f.ObjectID)
	}
	if f.From != 0 {
		add("time_ms >= ?", f.From)
	}
	if f.To != 0 {
		add("time_ms < ?", f.To)
	}
	if f.Before != 0 {
		add("seq < ?", f.Before)
	}
	args = append(args, f.Limit)
	var all []account.Entry
	err := s.Each(ctx, `SELECT seq, time_ms, workspace, actor, actor_kind, action, object_kind, object_id, address, request_id, before_hash, after_hash, detail
		FROM audit WHERE `+strings.Join(where, " AND ")+` ORDER BY seq DESC LIMIT ?`, args, func(scan func(...any) error) error {
		var e account.Entry
		err := scan(&e.Seq, &e.Time, &e.Workspace, &e.Actor, &e.ActorKind, &e.Action, &e.ObjectKind, &e.ObjectID, &e.Address,
			&e.RequestID, &e.BeforeHash, &e.AfterHash, &e.Detail)
		all = append(all, e)
		return err
	})
	return all, err
}
