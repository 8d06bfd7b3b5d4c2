package sqlstore

import (
	"context"
	"math"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/notice"
)

// Notices is the store of notices.
type Notices struct{ db *DB }

// NewNotices returns the notices kept in db, whose schema is "control".
func NewNotices(db *DB) *Notices { return &Notices{db} }

// Write implements [notice.Store].
func (s *Notices) Write(ctx context.Context, fn func(context.Context) error) error {
	return s.db.Write(ctx, fn)
}

// InsertNotice implements [notice.Store].
func (s *Notices) InsertNotice(ctx context.Context, workspace string, n notice.Notice, keep int) error {
	_, err := s.db.Exec(ctx, `INSERT INTO notice (workspace, kind, title, path, time_ms) VALUES (?, ?, ?, ?, ?)`,
		workspace, n.Kind, n.Title, n.Path, n.Time)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `DELETE FROM notice WHERE workspace = ? AND seq <= (
		SELECT seq FROM notice WHERE workspace = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`, workspace, workspace, keep)
	return err
}

// shown is the condition of what a person is shown.
func shown(workspace string, r notice.Reader) (where string, args []any) {
	where, args = `n.workspace = ?`, []any{workspace}
	if len(r.Muted) > 0 {
		where += ` AND n.kind NOT IN (` + Marks(len(r.Muted)) + `)`
		for _, k := range r.Muted {
			args = append(args, k)
		}
	}
	return where, args
}

// ListNotices implements [notice.Store].
func (s *Notices) ListNotices(ctx context.Context, workspace, user string, r notice.Reader, before int64, limit int) ([]notice.Notice, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	where, args := shown(workspace, r)
	args = append([]any{workspace, user}, append(args, before, limit)...)
	var all []notice.Notice
	err := s.db.Each(ctx, `SELECT n.seq, n.kind, n.title, n.path, n.time_ms, CASE WHEN d.seq IS NULL THEN 0 ELSE 1 END
		FROM notice n LEFT JOIN notice_read d ON d.workspace = ? AND d.username = ? AND d.seq = n.seq
		WHERE `+where+` AND n.seq < ? ORDER BY n.seq DESC LIMIT ?`, args, func(scan func(...any) error) error {
		var n notice.Notice
		err := scan(&n.Seq, &n.Kind, &n.Title, &n.Path, &n.Time, (*boolean)(&n.Read))
		n.Read = n.Read || n.Seq <= r.ReadTo
		all = append(all, n)
		return err
	})
	return all, err
}

// CountUnread implements [notice.Store].
func (s *Notices) CountUnread(ctx context.Context, workspace, user string, r notice.Reader, limit int) (int, error) {
	where, args := shown(workspace, r)
	args = append(args, r.ReadTo, workspace, user, limit)
	var n int
	err := s.db.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 AS x FROM notice n WHERE `+where+` AND n.seq > ?
		AND NOT EXISTS (SELECT 1 FROM notice_read d WHERE d.workspace = ? AND d.username = ? AND d.seq = n.seq) LIMIT ?) AS found`, args, &n)
	return n, err
}

// ReaderOf implements [notice.Store].
func (s *Notices) ReaderOf(ctx context.Context, workspace, user string) (notice.Reader, error) {
	var r notice.Reader
	var muted string
	err := s.db.QueryRow(ctx, `SELECT read_to, muted FROM notice_reader WHERE workspace = ? AND username = ?`, []any{workspace, user}, &r.ReadTo, &muted)
	if fault.Is(err, fault.NotFound) {
		return notice.Reader{}, nil
	}
	if muted != "" {
		r.Muted = strings.Split(muted, ",")
	}
	return r, err
}

// PutReader implements [notice.Store].
func (s *Notices) PutReader(ctx context.Context, workspace, user string, r notice.Reader) error {
	_, err := s.db.Exec(ctx, `INSERT INTO notice_reader (workspace, username, read_to, muted) VALUES (?, ?, ?, ?)
		ON CONFLICT (workspace, username) DO UPDATE SET read_to = excluded.read_to, muted = excluded.muted`,
		workspace, user, r.ReadTo, strings.Join(r.Muted, ","))
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `DELETE FROM notice_read WHERE workspace = ? AND username = ? AND seq <= ?`, workspace, user, r.ReadTo)
	return err
}

// PutRead implements [notice.Store]. Numbers of no notice of the workspace are
// not kept.
func (s *Notices) PutRead(ctx context.Context, workspace, user string, seqs []int64) error {
	for _, seq := range seqs {
		_, err := s.db.Exec(ctx, `INSERT INTO notice_read (workspace, username, seq)
			SELECT workspace, ?, seq FROM notice WHERE workspace = ? AND seq = ? ON CONFLICT DO NOTHING`, user, workspace, seq)
		if err != nil {
			return err
		}
	}
	// What was read of notices that are gone is of no use.
	_, err := s.db.Exec(ctx, `DELETE FROM notice_read WHERE workspace = ? AND username = ?
		AND seq < (SELECT coalesce(min(seq), 0) FROM notice WHERE workspace = ?)`, workspace, user, workspace)
	return err
}

// LastNotice implements [notice.Store].
func (s *Notices) LastNotice(ctx context.Context, workspace string) (int64, error) {
	var last int64
	err := s.db.QueryRow(ctx, `SELECT coalesce(max(seq), 0) FROM notice WHERE workspace = ?`, []any{workspace}, &last)
	return last, err
}
