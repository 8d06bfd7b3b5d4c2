package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/fault"
)

// Alerts is the store of alert rules, their history, channels and messages.
type Alerts struct{ db *DB }

// NewAlerts returns the alerts kept in db, whose schema is "control".
func NewAlerts(db *DB) *Alerts { return &Alerts{db} }

// Write implements [alert.Store].
func (s *Alerts) Write(ctx context.Context, fn func(context.Context) error) error {
	return s.db.Write(ctx, fn)
}

const ruleColumns = `id, workspace, spec, enabled, muted_until, mute_reason, watched_at, created_at, updated_at, created_by,
	state, since_at, pending_at, evaluated_at, value, n, link, problem, incident, told_at`

func scanRule(scan func(...any) error) (*alert.Rule, error) {
	r, spec, value := new(alert.Rule), "", sql.NullFloat64{}
	st := &r.Status
	err := scan(&r.ID, &r.Workspace, &spec, (*boolean)(&r.Enabled), &r.MutedUntil, &r.MuteReason, &r.Watched, &r.Created, &r.Updated, &r.CreatedBy,
		&st.State, &st.Since, &st.Pending, &st.Evaluated, &value, &st.N, &st.Link, &st.Problem, &st.Incident, &st.Told)
	if err != nil {
		return nil, err
	}
	st.Value = orNaN(value)
	err = json.Unmarshal([]byte(spec), &r.Spec)
	return r, fault.Wrap(fault.Internal, "sqlstore.scanRule", err, "alert rule %s is damaged", r.ID)
}

// orNaN and numberOrNull turn an unknown value into its column and back: SQLite
// would store NaN as NULL, PostgreSQL as NaN.
func orNaN(v sql.NullFloat64) float64 {
	if !v.Valid {
		return math.NaN()
	}
	return v.Float64
}

func numberOrNull(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

// InsertRule implements [alert.RuleStore].
func (s *Alerts) InsertRule(ctx context.Context, r *alert.Rule) error {
	spec, err := json.Marshal(r.Spec)
	if err != nil {
		return err
	}
	st := r.Status
	_, err = s.db.Exec(ctx, `INSERT INTO alert_rule (name, `+ruleColumns+`) VALUES (?, `+Marks(20)+`)`,
		r.Name, r.ID, r.Workspace, string(spec), bit(r.Enabled), r.MutedUntil, r.MuteReason, r.Watched, r.Created, r.Updated, r.CreatedBy,
		string(st.State), st.Since, st.Pending, st.Evaluated, numberOrNull(st.Value), st.N, st.Link, st.Problem, st.Incident, st.Told)
	return err
}

// UpdateRule implements [alert.RuleStore].
func (s *Alerts) UpdateRule(ctx context.Context, r *alert.Rule) error {
	spec, err := json.Marshal(r.Spec)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `UPDATE alert_rule SET name = ?, spec = ?, enabled = ?, muted_until = ?, mute_reason = ?, watched_at = ?, updated_at = ? WHERE id = ?`,
		r.Name, string(spec), bit(r.Enabled), r.MutedUntil, r.MuteReason, r.Watched, r.Updated, r.ID)
	return err
}

// PutStatus implements [alert.RuleStore].
func (s *Alerts) PutStatus(ctx context.Context, rule string, st alert.Status) error {
	_, err := s.db.Exec(ctx, `UPDATE alert_rule SET state = ?, since_at = ?, pending_at = ?, evaluated_at = ?, value = ?, n = ?, link = ?,
		problem = ?, incident = ?, told_at = ? WHERE id = ?`,
		string(st.State), st.Since, st.Pending, st.Evaluated, numberOrNull(st.Value), st.N, st.Link, st.Problem, st.Incident, st.Told, rule)
	return err
}

// DeleteRule implements [alert.RuleStore]; its history goes with it.
func (s *Alerts) DeleteRule(ctx context.Context, workspace, id string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM alert_rule WHERE workspace = ? AND id = ?`, workspace, id)
	return err
}

// RuleByID implements [alert.RuleStore].
func (s *Alerts) RuleByID(ctx context.Context, workspace, id string) (*alert.Rule, error) {
	found, err := s.rules(ctx, `WHERE workspace = ? AND id = ?`, workspace, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("no such alert rule")
	}
	return found[0], nil
}

// ListRules implements [alert.RuleStore].
func (s *Alerts) ListRules(ctx context.Context, workspace string) ([]*alert.Rule, error) {
	if workspace == "" {
		return s.rules(ctx, `ORDER BY workspace, name`)
	}
	return s.rules(ctx, `WHERE workspace = ? ORDER BY name`, workspace)
}

func (s *Alerts) rules(ctx context.Context, rest string, args ...any) ([]*alert.Rule, error) {
	var all []*alert.Rule
	err := s.db.Each(ctx, `SELECT `+ruleColumns+` FROM alert_rule `+rest, args, func(scan func(...any) error) error {
		r, err := scanRule(scan)
		all = append(all, r)
		return err
	})
	return all, err
}

// AppendChange implements [alert.RuleStore].
func (s *Alerts) AppendChange(ctx context.Context, c alert.Change, keep int) error {
	_, err := s.db.Exec(ctx, `INSERT INTO alert_change (workspace, rule_id, time_ms, from_state, to_state, value, n, reason, link)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.Workspace, c.Rule, c.Time, string(c.From), string(c.To), numberOrNull(c.Value), c.N, c.Reason, c.Link)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `DELETE FROM alert_change WHERE rule_id = ? AND seq <= (
		SELECT seq FROM alert_change WHERE rule_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`, c.Rule, c.Rule, keep)
	return err
}

// ListChanges implements [alert.RuleStore].
func (s *Alerts) ListChanges(ctx context.Context, workspace, rule string, before int64, limit int) ([]alert.Change, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	var all []alert.Change
	err := s.db.Each(ctx, `SELECT seq, workspace, rule_id, time_ms, from_state, to_state, value, n, reason, link FROM alert_change
		WHERE rule_id = ? AND seq < ? AND workspace = ? ORDER BY seq DESC LIMIT ?`, []any{rule, before, workspace, limit},
		func(scan func(...any) error) error {
			var c alert.Change
			var value sql.NullFloat64
			err := scan(&c.Seq, &c.Workspace, &c.Rule, &c.Time, &c.From, &c.To, &value, &c.N, &c.Reason, &c.Link)
			c.Value = orNaN(value)
			all = append(all, c)
			return err
		})
	return all, err
}

// ClaimPass implements [alert.RuleStore]. Two processes change the same row,
// so one of them finds it changed.
func (s *Alerts) ClaimPass(ctx context.Context, now, every int64) (bool, error) {
	n, err := s.db.Exec(ctx, `INSERT INTO alert_pass (id, at_ms) VALUES (1, ?) ON CONFLICT (id) DO NOTHING`, now)
	if err != nil || n == 1 {
		return err == nil, err
	}
	n, err = s.db.Exec(ctx, `UPDATE alert_pass SET at_ms = ? WHERE id = 1 AND (at_ms <= ? OR at_ms > ?)`, now, now-every, now+every)
	return n == 1, err
}
