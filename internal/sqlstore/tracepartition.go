package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// partition is one day's spans.
type partition struct {
	st     *Traces
	day    int
	prefix string // of its tables: "" on SQLite
	db     *DB
	pack   *pack // SQLite
	blockReader

	generation int  // of its files; see tracecompact.go
	old        bool // another generation is in use; set under Traces.mu

	ready chan struct{} // closed when open has finished
	err   error         // of opening

	users int       // under Traces.mu
	used  time.Time // likewise

	textOnce sync.Mutex
	textDB   *DB // SQLite; opened on first use
	words    *vocabulary

	// The ingest goroutine's:
	window  *window
	batch   int64
	nextT   int64
	ordinal uint32
}

// partitionConfig opens the spans of a day.
var partitionConfig = SQLiteConfig{Readers: 3, Pragmas: "&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-2048)"}

// sql puts the partition's prefix into a statement: {p} stands before each of
// its tables.
func (p *partition) sql(q string) string { return strings.ReplaceAll(q, "{p}", p.prefix) }

// use opens a partition, or joins others in using it; release it afterwards.
// Without create, one that does not exist is NotFound.
func (st *Traces) use(ctx context.Context, day int, create bool) (*partition, error) {
	st.mu.Lock()
	if st.removed[day] {
		st.mu.Unlock()
		return nil, fault.NotFoundf("the traces of %d were removed by retention", day)
	}
	p := st.partitions[day]
	if p == nil {
		p = &partition{st: st, day: day, ready: make(chan struct{})}
		st.partitions[day] = p
		p.users++
		victim := st.excess()
		st.mu.Unlock()
		if victim != nil {
			if err := victim.close(); err != nil {
				st.log.Warn("closing a trace partition", "day", victim.day, "error", err)
			}
		}
		p.err = p.open(context.WithoutCancel(ctx), create)
		close(p.ready)
	} else {
		p.users++
		st.mu.Unlock()
		<-p.ready
	}
	if p.err != nil {
		err := p.err
		st.mu.Lock()
		if st.partitions[day] == p {
			delete(st.partitions, day)
		}
		st.mu.Unlock()
		st.release(p)
		return nil, err
	}
	return p, nil
}

// excess picks an unused partition to close when too many are open.
func (st *Traces) excess() *partition {
	if len(st.partitions) <= maxOpen {
		return nil
	}
	var oldest *partition
	for _, p := range st.partitions {
		if p.users == 0 && (oldest == nil || p.used.Before(oldest.used)) {
			oldest = p
		}
	}
	if oldest != nil {
		delete(st.partitions, oldest.day)
	}
	return oldest
}

func (st *Traces) release(p *partition) {
	st.mu.Lock()
	p.users--
	p.used = time.Now()
	orphan := st.partitions[p.day] != p && p.users == 0
	st.mu.Unlock()
	if orphan { // closed for others while we used it
		if err := p.close(); err != nil {
			st.log.Warn("closing a trace partition", "day", p.day, "error", err)
		}
	}
}

// retire makes the next user open the partition anew.
func (st *Traces) retire(p *partition) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.partitions[p.day] == p {
		delete(st.partitions, p.day)
	}
}

func (p *partition) open(ctx context.Context, create bool) error {
	p.window = newWindow()
	p.blockReader = blockReader{day: p.day, file: p.st.files.Add(1), cache: p.st.cache}
	if p.st.dir == "" {
		return p.openPostgres(ctx, create)
	}
	dir := p.st.partitionDir(p.day)
	if err := p.st.settleGeneration(ctx, p); err != nil {
		return err
	}
	path := p.path("spans.db")
	if _, err := os.Stat(path); err != nil {
		if !create {
			return fault.NotFoundf("there are no spans of %d", p.day)
		}
		if err := p.makeDir(dir); err != nil {
			return err
		}
	}
	db, err := OpenSQLite(ctx, path, p.st.log, partitionConfig)
	if err != nil {
		return err
	}
	p.db = db
	if _, err := db.Migrate(ctx, "partition"); err != nil {
		return errors.Join(err, db.Close())
	}
	state, err := p.state(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	p.batch, p.nextT, p.ordinal = state["batch"], max(1, state["next"]), uint32(state["ordinal"])
	if p.pack, err = openPack(p.path("payload.pack"), state["pack"]); err != nil {
		return errors.Join(fault.Wrap(fault.KindOf(err), "sqlstore.partition", err, "the payload of %d cannot be opened", p.day), db.Close())
	}
	p.blocks = p.pack
	if err := p.mend(ctx); err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

func (p *partition) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(fault.Unavailable, "sqlstore.partition", err, "cannot create the directory of day %d", p.day)
	}
	return syncDir(filepath.Dir(dir))
}

func (p *partition) state(ctx context.Context) (map[string]int64, error) {
	state := map[string]int64{}
	err := p.db.Each(ctx, p.sql(`SELECT name, value FROM {p}state`), nil, func(scan func(...any) error) error {
		var name string
		var v int64
		err := scan(&name, &v)
		state[name] = v
		return err
	})
	return state, err
}

// mend makes headers and spans agree after a crash between their commits.
// Spans of traces that have no header were never acknowledged and go; of
// others the header is derived again.
func (p *partition) mend(ctx context.Context) error {
	var applied int64
	err := p.st.index.QueryRow(ctx, `SELECT applied FROM trace_partition WHERE day = ?`, []any{p.day}, &applied)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if applied >= p.batch {
		return nil
	}
	type here struct {
		t  int64
		id trace.ID
	}
	var touched []here
	err = p.db.Each(ctx, p.sql(`SELECT t, id FROM {p}trace_here WHERE batch > ?`), []any{applied}, func(scan func(...any) error) error {
		var h here
		var id []byte
		err := scan(&h.t, &id)
		copy(h.id[:], id)
		touched = append(touched, h)
		return err
	})
	if err != nil {
		return err
	}
	p.st.log.Info("mending traces after an unfinished write", "day", p.day, "traces", len(touched))
	for _, h := range touched {
		var part, t *int64
		err := p.st.index.QueryRow(ctx, `SELECT part, t FROM trace WHERE id = ?`, []any{h.id[:]}, &part, &t)
		switch {
		case err == nil && part != nil && int(*part) == p.day && t != nil && *t == h.t:
			err = p.deriveHeader(ctx, h.id, h.t)
		case err == nil, fault.Is(err, fault.NotFound):
			err = p.db.Write(ctx, func(ctx context.Context) error {
				if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}span WHERE t = ?`), h.t); err != nil {
					return err
				}
				_, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}trace_here WHERE t = ?`), h.t)
				return err
			})
		}
		if err != nil {
			return err
		}
	}
	return p.st.index.Write(ctx, func(ctx context.Context) error { return p.st.markApplied(ctx, p.day, p.batch) })
}

// deriveHeader makes a header agree with the spans.
func (p *partition) deriveHeader(ctx context.Context, id trace.ID, t int64) error {
	sh, err := p.shape(ctx, t, 0)
	if err != nil {
		return err
	}
	return p.st.writeIndex(ctx, func(ctx context.Context) error {
		rows, err := p.st.headers(ctx, []trace.ID{id})
		if err != nil || len(rows) == 0 {
			return err
		}
		h := rows[0]
		h.MergeShape(sh)
		return p.st.saveHeader(ctx, h, sh)
	})
}

func (st *Traces) markApplied(ctx context.Context, day int, batch int64) error {
	text := `INSERT INTO trace_partition (day, applied) VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET applied = excluded.applied`
	if st.dir == "" { // nodes must not wait for one another's row
		text = `INSERT INTO trace_partition (day, applied) VALUES (?, ?) ON CONFLICT (day) DO NOTHING`
	}
	_, err := st.index.Exec(ctx, text, day, batch)
	return err
}

// shape reads the shape of a trace from its rows.
func (p *partition) shape(ctx context.Context, t int64, room int) (*tracing.Shape, error) {
	sh := tracing.NewShape(room)
	var row spanRow
	err := p.db.Each(ctx, p.sql(`SELECT `+rowColumns+` FROM {p}span WHERE t = ? ORDER BY s`), []any{t}, func(scan func(...any) error) error {
		if err := scanRow(scan, &row); err != nil {
			return err
		}
		sh.PutRow(&row.SpanRow)
		return nil
	})
	return sh, err
}

func (p *partition) close() error {
	var err error
	p.textOnce.Lock()
	defer p.textOnce.Unlock()
	if p.textDB != nil {
		err = p.textDB.Close()
		p.textDB = nil
	}
	if p.st.dir != "" {
		if p.db != nil {
			err = errors.Join(err, p.db.Close())
		}
		if p.pack != nil {
			err = errors.Join(err, p.pack.file.Close())
		}
	}
	p.cache.drop(p.day)
	if p.old {
		err = errors.Join(err, p.removeFiles())
	}
	return err
}

func (p *partition) String() string { return fmt.Sprintf("partition %d", p.day) }
