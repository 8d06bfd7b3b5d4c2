package app

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/secret"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/wire/mlflow"
)

// newImporter builds the import of other servers. Its jobs are registered
// before the engine is opened.
func (a *App) newImporter(key [32]byte) {
	a.importer = flow.NewImporter(flow.ImportConfig{
		Tracking: a.tracking, Artifacts: a.artifacts, Registry: a.registry, Tracing: a.tracing, Evaluation: a.evaluation,
		Ledger: sqlstore.NewImportLedger(a.control, func() int64 { return a.now().UnixMilli() }),
		Jobs:   a.jobs, Seal: secret.NewSealer(sha256.Sum256(append([]byte("import credentials"), key[:]...))), Audit: a.accounts.Audit, Now: a.now, Log: a.log,
		Connect: func(_ context.Context, spec flow.ImportSpec, c flow.Credentials) (flow.Source, error) {
			return a.source(spec, c, 0)
		},
	})
	a.jobs.Register(a.importer.Kind())
}

// helloTime is how long a source may take to say what it is before an import
// of it is begun.
const helloTime = 15 * time.Second

// mayImport refuses directories of this machine to those who do not administer
// all of this server, addresses that may not be called, and what is no source:
// a job would try for a long time.
func (a *App) mayImport(ctx context.Context, spec flow.ImportSpec, c flow.Credentials) error {
	if spec.Directory() {
		if who := caller.From(ctx); !who.Server && !who.Open {
			return fault.New(fault.Denied, "%s administers workspace %q alone; reading a directory of the server's machine takes an administrator of the whole server", who.User, who.Workspace)
		}
	} else if err := a.guarded.Allowed(ctx, spec.Source); err != nil {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, helloTime, fault.New(fault.Unavailable, "%s does not answer", spec.Source))
	defer stop()
	source, err := a.source(spec, c, 1)
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = source.Describe(ctx)
	return err
}

// source opens what an import reads.
func (a *App) source(spec flow.ImportSpec, c flow.Credentials, tries int) (flow.Source, error) {
	if spec.Directory() {
		return mlflow.OpenFiles(spec.Source)
	}
	return mlflow.NewClient(spec.Source, mlflow.ClientConfig{
		HTTP: a.guarded.Long(), Username: c.Username, Password: c.Password, Token: c.Token, Tries: tries,
	})
}
