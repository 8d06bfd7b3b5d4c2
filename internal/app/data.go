package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/tracking"
)

// Data is what commands work on that need no server: the control database of a
// data directory, also while a server runs on it.
type Data struct {
	Accounts *account.Service

	control *sqlstore.DB
}

// OpenData opens the control database that cfg names and brings it up to date.
func OpenData(ctx context.Context, cfg Config, log *slog.Logger) (*Data, error) {
	control, err := openControl(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	if _, err := control.Migrate(ctx, "control"); err != nil {
		control.Close()
		return nil, err
	}
	accounts := account.NewService(sqlstore.NewAccounts(control), log, time.Now)
	accounts.Created = tracking.New(sqlstore.NewTracking(control), tracking.Config{}).EnsureDefault
	return &Data{Accounts: accounts, control: control}, nil
}

// Close closes the database.
func (d *Data) Close() error { return d.control.Close() }

// Migration is a step of a database's schema.
type Migration = sqlstore.Migration

// Migrate brings the databases that cfg names up to date and returns the steps
// it applied; with dry it returns those it would and changes nothing.
func Migrate(ctx context.Context, cfg Config, log *slog.Logger, dry bool) ([]Migration, error) {
	if _, err := os.Stat(filepath.Join(cfg.Data, "control.db")); dry && cfg.Database == "" && err != nil {
		return nil, fault.New(fault.NotFound, "there is no data in %s yet; choose the directory with --data", cfg.Data)
	}
	control, err := openControl(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	traces := control
	if cfg.Database == "" {
		if traces, err = sqlstore.OpenSQLite(ctx, filepath.Join(cfg.Data, "traces.db"), log, sqlstore.SQLiteConfig{}); err != nil {
			return nil, err
		}
		defer traces.Close()
	}
	var all []Migration
	for _, one := range []struct {
		db  *sqlstore.DB
		set string
	}{{control, "control"}, {traces, "traces"}} {
		step := one.db.Migrate
		if dry {
			step = one.db.Pending
		}
		steps, err := step(ctx, one.set)
		if err != nil {
			return all, err
		}
		all = append(all, steps...)
	}
	return all, nil
}
