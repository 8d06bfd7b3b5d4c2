package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/price"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
	"github.com/assayhq/assay/internal/tracking"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/webhook"
	"github.com/assayhq/assay/internal/wire/api"
)

// openDomains builds the domains over their stores. What one needs of another
// is passed in here, behind the small interface that it declares.
func (a *App) openDomains(ctx context.Context) error {
	key, err := readKey(filepath.Join(a.cfg.Data, "secret.key"))
	if err != nil {
		return err
	}
	a.events = api.NewEvents(a.now)
	if err := a.openMasking(key); err != nil {
		return err
	}
	a.newNotices()
	if err := a.newJobs(); err != nil {
		return err
	}
	a.add(part{name: "jobs", start: a.jobs.Start, stop: a.jobs.Stop})
	a.guarded = web.NewGuarded(func() bool { return a.cfg.AllowPrivate || a.access.open() })
	a.webhooks = webhook.New(sqlstore.NewWebhooks(a.control), webhook.Config{
		Queue: outbox{a}, Sender: a.guarded, Key: key, Plain: a.cfg.AllowPrivate || a.access.loopback, Now: a.now, Log: a.log,
		Audit: a.accounts.Audit,
	})
	// Tracking and tracing know each other: the one is told of the other's
	// deletions through a value that is complete before any request comes.
	observer := &runObserver{}
	a.tracking = tracking.New(sqlstore.NewTracking(a.control), tracking.Config{Now: a.now, Observer: observer, Audit: a.accounts.Audit, Changed: announceRun(a.events)})
	a.artifacts = tracking.NewArtifacts(a.blobs, sha256.Sum256(append([]byte("artifact uploads"), key[:]...)), a.now)
	a.artifacts.Masking = a.masking
	a.artifacts.Removed = func(ctx context.Context, key string) error {
		return a.accounts.Audit.Record(ctx, "artifact.delete", "artifact", key, nil, nil)
	}
	a.prices, _ = price.Snapshot()
	a.tracing = tracing.New(a.traces, a.log, tracing.Config{Now: a.now, Normalise: normalise.New().Apply, Version: normalise.Version,
		Price: cost(a.prices), Experiments: experiments{a.tracking}, Masking: a.masking, Audit: a.accounts.Audit})
	observer.tracing = a.tracing
	a.jobs.Register(api.TraceBulk(a.tracing, a.accounts.Audit))
	a.registry = registry.New(sqlstore.NewRegistry(a.control), registry.Config{
		Origins: origins{a.tracking}, Events: a.webhooks, Audit: a.accounts.Audit, Now: a.now,
	})
	a.evaluation = evaluation.New(sqlstore.NewEvaluation(a.control), evaluation.Config{
		Experiments: origins{a.tracking}, Traces: examples{a.tracing}, Audit: a.accounts.Audit, Now: a.now, Masking: a.masking,
	})
	a.newImporter(key)
	if err := a.newAlerts(key, a.guarded); err != nil {
		return err
	}
	a.openCare(key)
	if err := a.ensureDefaults(ctx); err != nil {
		return err
	}
	if err := a.jobs.Open(ctx); err != nil {
		return err
	}
	return a.care.Schedule(ctx)
}

// ensureDefaults gives every workspace its default experiment, also the ones
// made later.
func (a *App) ensureDefaults(ctx context.Context) error {
	list, err := a.accounts.ListWorkspaces(ctx)
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := a.tracking.EnsureDefault(ctx, w.Name); err != nil {
			return err
		}
	}
	a.accounts.Created = a.tracking.EnsureDefault
	a.accounts.Holds = func(ctx context.Context, workspace string) (string, error) {
		ctx = caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: workspace})
		n, _, err := a.tracing.Count(ctx, tracing.Query{})
		if n > 0 {
			return "traces", err
		}
		return "", err
	}
	return nil
}

// versionURI is where the files of a model version lie.
func (a *App) versionURI(ctx context.Context, name, version string) (string, error) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return "", fault.Invalidf("Parameter 'version' must be an integer, got '%s'.", version)
	}
	return a.registry.DownloadURI(ctx, name, n)
}

// readKey returns the key that seals secrets in the database, making it on
// first use. Who has the database without this file has no secret.
func readKey(path string) (key [32]byte, err error) {
	data, err := os.ReadFile(path)
	if err == nil && len(data) == len(key) {
		return [32]byte(data), nil
	}
	if err == nil {
		return key, fault.New(fault.State, "%s is damaged: it must hold %d bytes; restore it from a backup", path, len(key))
	}
	if !os.IsNotExist(err) {
		return key, fault.Wrap(fault.Unavailable, "app.readKey", err, "cannot read %s", path)
	}
	rand.Read(key[:])
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(key[:])
		if e := f.Sync(); err == nil {
			err = e
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	return key, fault.Wrap(fault.Unavailable, "app.readKey", err, "cannot write %s", path)
}
