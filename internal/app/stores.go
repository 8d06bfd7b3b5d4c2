package app

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/assayhq/assay/internal/blob"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
)

// openStores takes the data directory and opens the databases in it.
func (a *App) openStores(ctx context.Context) error {
	if err := a.lockData(); err != nil {
		return err
	}
	control, err := openControl(ctx, a.cfg, a.log)
	if err != nil {
		return err
	}
	a.control = control
	a.add(part{name: "control database", stop: func(context.Context) error { return control.Close() }})
	applied, err := control.Migrate(ctx, "control")
	if err != nil {
		return err
	}
	for _, m := range applied {
		a.log.Debug("migrated", "set", m.Set, "name", m.Name)
	}
	traces := sqlstore.TracesConfig{Now: a.now, TraceWatch: sqlstore.TraceWatch{StallAfter: a.cfg.StallAfter, LoopAfter: a.cfg.LoopAfter}}
	if a.cfg.Database != "" {
		a.traces, err = sqlstore.OpenTracesOn(ctx, control, a.log, traces)
	} else {
		a.traces, err = sqlstore.OpenTraces(ctx, a.cfg.Data, a.log, traces)
	}
	if err != nil {
		return err
	}
	a.add(part{name: "traces", stop: func(context.Context) error { return a.traces.Close() }})
	if a.blobs, err = blob.Open(ctx, cmp.Or(a.cfg.Artifacts, a.cfg.artifactDir())); err != nil {
		return err
	}
	a.add(part{name: "artifacts", stop: func(context.Context) error { return a.blobs.Close() }})
	return nil
}

// lockData makes this process the only server of the data directory. The lock
// is the kernel's: it goes with the process, however that ends.
func (a *App) lockData() error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fault.Wrap(fault.Unavailable, "app.lockData", err, "cannot create the data directory %s", a.cfg.Data)
	}
	path := filepath.Join(a.cfg.Data, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "app.lockData", err, "cannot write in the data directory %s", a.cfg.Data)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return fault.Wrap(fault.Unavailable, "app.lockData", err,
			"another Assay server uses %s; stop it, or choose another directory with --data", a.cfg.Data)
	}
	a.add(part{name: "data directory", stop: func(context.Context) error { f.Close(); return nil }})
	return nil
}

// openControl opens the database of metadata and jobs.
func openControl(ctx context.Context, cfg Config, log *slog.Logger) (*sqlstore.DB, error) {
	if cfg.Database != "" {
		return sqlstore.OpenPostgres(ctx, cfg.Database, log)
	}
	return sqlstore.OpenSQLite(ctx, filepath.Join(cfg.Data, "control.db"), log, sqlstore.SQLiteConfig{})
}
