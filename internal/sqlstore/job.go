package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/job"
)

// Jobs is [job.Store] over a control database.
type Jobs struct {
	*DB
	node string // this process, once HoldNode has named it
}

// NewJobs returns the jobs kept in db.
func NewJobs(db *DB) *Jobs { return &Jobs{DB: db} }

// OpenQueuePool opens a second connection to the SQLite file at path, for the
// job queue. Its transactions take the write lock when they begin: one that
// asked for it later could be refused without waiting.
func OpenQueuePool(path string) (*sql.DB, error) {
	registerFunctions()
	pool, err := sql.Open("sqlite", SQLiteDSN(path)+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

// Tx returns the transaction that ctx is in.
func (s *Jobs) Tx(ctx context.Context) (*sql.Tx, *sql.Conn) {
	tx := s.TxFrom(ctx)
	if tx == nil {
		return nil, nil
	}
	return tx.SQL(), tx.Conn()
}

const jobColumns = `id, workspace, kind, queue, title, owner, state, priority, quiet, input, unique_key, attempt, failures, lost,
	done, total, unit, rate, cost, cost_cap, error, result_label, result_path, output, checkpoint,
	created_at, scheduled_at, started_at, ended_at, expires_at, ticket, node`

const jobColumnCount = 32

func jobFields(j *job.Job, output, checkpoint *[]byte) []any {
	return []any{&j.ID, &j.Workspace, &j.Kind, &j.Queue, &j.Title, &j.Owner, &j.State, &j.Priority, &j.Quiet, (*[]byte)(&j.Input), &j.Key,
		&j.Attempt, &j.Failures, &j.Lost, &j.Done, &j.Total, &j.Unit, &j.Rate, &j.Cost, &j.CostCap, &j.Error,
		&j.Result.Label, &j.Result.Path, output, checkpoint,
		&j.CreatedAt, &j.ScheduledAt, &j.StartedAt, &j.EndedAt, &j.ExpiresAt, &j.Ticket, &j.Node}
}

func scanJob(scan func(...any) error) (job.Job, error) {
	var j job.Job
	var output, checkpoint []byte
	err := scan(jobFields(&j, &output, &checkpoint)...)
	j.Output, j.Checkpoint = output, checkpoint
	return j, err
}

// InsertJob adds a job.
func (s *Jobs) InsertJob(ctx context.Context, j job.Job) error {
	_, err := s.Exec(ctx, `INSERT INTO job (`+jobColumns+`) VALUES (`+Marks(jobColumnCount)+`)`,
		j.ID, j.Workspace, j.Kind, j.Queue, j.Title, j.Owner, string(j.State), j.Priority, truth(j.Quiet), []byte(j.Input), j.Key,
		j.Attempt, j.Failures, j.Lost, j.Done, j.Total, j.Unit, j.Rate, j.Cost, j.CostCap, j.Error,
		j.Result.Label, j.Result.Path, []byte(j.Output), []byte(j.Checkpoint),
		j.CreatedAt, j.ScheduledAt, j.StartedAt, j.EndedAt, j.ExpiresAt, j.Ticket, j.Node)
	return err
}

// JobByID finds a job.
func (s *Jobs) JobByID(ctx context.Context, id string) (job.Job, error) {
	return s.oneJob(ctx, `SELECT `+jobColumns+` FROM job WHERE id = ?`, id)
}

// ActiveByKey finds the active job with an idempotency key.
func (s *Jobs) ActiveByKey(ctx context.Context, workspace, kind, key string) (job.Job, error) {
	return s.oneJob(ctx, `SELECT `+jobColumns+` FROM job WHERE workspace = ? AND kind = ? AND unique_key = ?
		AND unique_key <> '' AND state IN ('queued', 'running', 'canceling')`, workspace, kind, key)
}

func (s *Jobs) oneJob(ctx context.Context, query string, args ...any) (job.Job, error) {
	var j job.Job
	found := false
	err := s.Each(ctx, query, args, func(scan func(...any) error) error {
		var err error
		j, err = scanJob(scan)
		found = true
		return err
	})
	if err == nil && !found {
		err = fault.NotFoundf("no such job")
	}
	return j, err
}

// UpdateJob writes what changes of j, if its newest attempt is number attempt.
func (s *Jobs) UpdateJob(ctx context.Context, j job.Job, attempt int) (bool, error) {
	n, err := s.Exec(ctx, `UPDATE job SET state = ?, attempt = ?, failures = ?, lost = ?, done = ?, total = ?, unit = ?, rate = ?, cost = ?,
		error = ?, result_label = ?, result_path = ?, output = ?, checkpoint = ?,
		scheduled_at = ?, started_at = ?, ended_at = ?, expires_at = ?, ticket = ?, node = ?
		WHERE id = ? AND attempt = ?`,
		string(j.State), j.Attempt, j.Failures, j.Lost, j.Done, j.Total, j.Unit, j.Rate, j.Cost,
		j.Error, j.Result.Label, j.Result.Path, []byte(j.Output), []byte(j.Checkpoint),
		j.ScheduledAt, j.StartedAt, j.EndedAt, j.ExpiresAt, j.Ticket, j.Node, j.ID, attempt)
	return n == 1, err
}

// ListJobs returns jobs newest first. Each combination of filters has an index
// that ends in the order.
func (s *Jobs) ListJobs(ctx context.Context, f job.Filter) ([]job.Job, error) {
	where, args := []string{"workspace = ?"}, []any{f.Workspace}
	if f.Kind != "" {
		where, args = append(where, "kind = ?"), append(args, f.Kind)
	} else if !f.Quiet {
		where = append(where, "quiet = 0")
	}
	if len(f.States) > 0 {
		where = append(where, "state IN ("+Marks(len(f.States))+")")
		for _, st := range f.States {
			args = append(args, string(st))
		}
	}
	if f.AfterID != "" {
		where = append(where, "(created_at, id) < (?, ?)")
		args = append(args, f.AfterCreated, f.AfterID)
	}
	args = append(args, f.Limit)
	var all []job.Job
	err := s.Each(ctx, `SELECT `+jobColumns+` FROM job WHERE `+strings.Join(where, " AND ")+` ORDER BY created_at DESC, id DESC LIMIT ?`, args,
		func(scan func(...any) error) error {
			j, err := scanJob(scan)
			all = append(all, j)
			return err
		})
	return all, err
}

// CountJobs counts up to limit.
func (s *Jobs) CountJobs(ctx context.Context, workspace, queue string, state job.State, limit int) (int, error) {
	where, args := "state = ?", []any{string(state)}
	if workspace != "" {
		where, args = where+" AND workspace = ? AND quiet = 0", append(args, workspace)
	}
	if queue != "" {
		where, args = where+" AND queue = ?", append(args, queue)
	}
	var n int
	err := s.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 AS x FROM job WHERE `+where+` LIMIT ?) AS found`, append(args, limit), &n)
	return n, err
}

// RunningJobs returns what runs, on one node or on all.
func (s *Jobs) RunningJobs(ctx context.Context, node string) ([]job.Job, error) {
	query, args := `SELECT `+jobColumns+` FROM job WHERE state IN ('running', 'canceling')`, []any(nil)
	if node != "" {
		query, args = query+` AND node = ?`, []any{node}
	}
	var all []job.Job
	err := s.Each(ctx, query, args, func(scan func(...any) error) error {
		j, err := scanJob(scan)
		all = append(all, j)
		return err
	})
	return all, err
}

// SweepJobs removes quiet jobs that succeeded long ago.
func (s *Jobs) SweepJobs(ctx context.Context, endedBefore int64, limit int) (int64, error) {
	return s.Exec(ctx, `DELETE FROM job WHERE id IN (SELECT id FROM job WHERE quiet = 1 AND state = 'succeeded' AND ended_at < ? LIMIT ?)`,
		endedBefore, limit)
}

// maxEvents bounds the log of one job; later lines are dropped.
const maxEvents = 5000

// AppendEvent adds a line to a job's log.
func (s *Jobs) AppendEvent(ctx context.Context, jobID string, e job.Event) error {
	var last int64
	if err := s.QueryRow(ctx, `SELECT coalesce(max(seq), 0) FROM job_event WHERE job_id = ?`, []any{jobID}, &last); err != nil {
		return err
	}
	if last >= maxEvents {
		return nil
	}
	_, err := s.Exec(ctx, `INSERT INTO job_event (job_id, seq, time_ms, level, message) VALUES (?, ?, ?, ?, ?)`,
		jobID, last+1, e.Time, e.Level, e.Message)
	return err
}

// ListEvents returns a job's log from a place on.
func (s *Jobs) ListEvents(ctx context.Context, jobID string, after int64, limit int) ([]job.Event, error) {
	var all []job.Event
	err := s.Each(ctx, `SELECT seq, time_ms, level, message FROM job_event WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
		[]any{jobID, after, limit}, func(scan func(...any) error) error {
			var e job.Event
			err := scan(&e.Seq, &e.Time, &e.Level, &e.Message)
			all = append(all, e)
			return err
		})
	return all, err
}

// HoldNode takes a lock that goes with the process, under a random number. On
// SQLite only one server uses the data, and any other is dead.
func (s *Jobs) HoldNode(ctx context.Context) (string, func(), error) {
	n := rand.Int64()
	node := strconv.FormatInt(n, 10)
	if s.Dialect.NodeLock == "" {
		s.node = node
		return node, func() {}, nil
	}
	conn, err := s.reads.Conn(ctx)
	if err != nil {
		return "", nil, s.fault(err, "CONNECT")
	}
	if _, err := conn.ExecContext(ctx, s.rebind(s.Dialect.NodeLock), n); err != nil {
		conn.Close()
		return "", nil, s.fault(err, s.Dialect.NodeLock)
	}
	s.node = node
	return node, func() {
		// The lock belongs to the session, which ends with the connection.
		conn.Raw(func(any) error { return driver.ErrBadConn })
		conn.Close()
	}, nil
}

// NodeAlive tries the lock of node.
func (s *Jobs) NodeAlive(ctx context.Context, node string) (bool, error) {
	if node == s.node {
		return true, nil
	}
	n, err := strconv.ParseInt(node, 10, 64)
	if err != nil || s.Dialect.NodeTryLock == "" {
		return false, nil
	}
	var free bool
	if err := s.QueryRow(ctx, s.Dialect.NodeTryLock, []any{n}, &free); err != nil {
		return false, err
	}
	return !free, nil
}
