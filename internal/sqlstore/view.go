package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/view"
)

// Views is the store of saved views.
type Views struct{ db *DB }

// NewViews returns the store in db, whose schema is "control".
func NewViews(db *DB) *Views { return &Views{db} }

// Write implements [view.Store].
func (s *Views) Write(ctx context.Context, fn func(context.Context) error) error {
	return s.db.Write(ctx, fn)
}

const viewColumns = `view_id, workspace, page, name, state, state_hash, owner, shared, created_at, updated_at`

func scanView(v *view.View) []any {
	return []any{&v.ID, &v.Workspace, &v.Page, &v.Name, &v.State, &v.Hash, &v.Owner, (*boolean)(&v.Shared), &v.Created, &v.Updated}
}

// InsertView implements [view.Store].
func (s *Views) InsertView(ctx context.Context, v *view.View) error {
	_, err := s.db.Exec(ctx, `INSERT INTO saved_view (`+viewColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.ID, v.Workspace, v.Page, v.Name, v.State, v.Hash, v.Owner, bit(v.Shared), v.Created, v.Updated)
	return err
}

// ViewByID implements [view.Store].
func (s *Views) ViewByID(ctx context.Context, workspace, id string) (*view.View, error) {
	v := new(view.View)
	err := s.db.QueryRow(ctx, `SELECT `+viewColumns+` FROM saved_view WHERE view_id = ? AND workspace = ?`, []any{id, workspace}, scanView(v)...)
	return v, err
}

// LinkByHash implements [view.Store].
func (s *Views) LinkByHash(ctx context.Context, workspace, hash string) (*view.View, error) {
	v := new(view.View)
	err := s.db.QueryRow(ctx, `SELECT `+viewColumns+` FROM saved_view WHERE workspace = ? AND state_hash = ? AND name = '' LIMIT 1`,
		[]any{workspace, hash}, scanView(v)...)
	return v, err
}

// UpdateView implements [view.Store].
func (s *Views) UpdateView(ctx context.Context, v *view.View) error {
	_, err := s.db.Exec(ctx, `UPDATE saved_view SET name = ?, state = ?, state_hash = ?, shared = ?, updated_at = ? WHERE view_id = ? AND workspace = ?`,
		v.Name, v.State, v.Hash, bit(v.Shared), v.Updated, v.ID, v.Workspace)
	return err
}

// DeleteView implements [view.Store].
func (s *Views) DeleteView(ctx context.Context, workspace, id string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM saved_view WHERE view_id = ? AND workspace = ?`, id, workspace)
	return err
}

// CountViews implements [view.Store].
func (s *Views) CountViews(ctx context.Context, workspace, owner string, links bool) (n int64, err error) {
	op := "<>"
	if links {
		op = "="
	}
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM saved_view WHERE workspace = ? AND owner = ? AND name `+op+` ''`, []any{workspace, owner}, &n)
	return n, err
}

// ListViews implements [view.Store].
func (s *Views) ListViews(ctx context.Context, q view.List) ([]view.View, string, error) {
	scope := page.NewQuery("views", q.Workspace, q.Owner, q.Page, q.Text)
	keys, err := page.Decode(q.Token, scope, 2)
	if err != nil {
		return nil, "", err
	}
	query, args := `SELECT `+viewColumns+` FROM saved_view WHERE workspace = ? AND name <> '' AND (owner = ? OR shared = 1)`, []any{q.Workspace, q.Owner}
	if q.Page != "" {
		query += ` AND page = ?`
		args = append(args, q.Page)
	}
	if q.Text != "" {
		query += ` AND ` + s.db.Dialect.ILike("name")
		args = append(args, "%"+likeLiteral(q.Text)+"%")
	}
	if keys != nil {
		query += ` AND (name > ? OR (name = ? AND view_id > ?))`
		args = append(args, keys[0].Any(), keys[0].Any(), keys[1].Any())
	}
	var list []view.View
	err = s.db.Each(ctx, query+` ORDER BY name, view_id LIMIT ?`, append(args, q.Limit+1), func(scan func(...any) error) error {
		list = append(list, view.View{})
		return scan(scanView(&list[len(list)-1])...)
	})
	if err != nil {
		return nil, "", err
	}
	list, more := cutPage(list, q.Limit)
	if !more {
		return list, "", nil
	}
	last := list[len(list)-1]
	return list, page.Encode(scope, page.StringKey(last.Name), page.StringKey(last.ID)), nil
}
