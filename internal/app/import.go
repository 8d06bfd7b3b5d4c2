package app

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/wire/mlflow"
)

// newImporter builds the import of other servers. Its jobs are registered
// before the engine is opened.
func (a *App) newImporter(key [32]byte) {
	a.importer = flow.NewImporter(flow.ImportConfig{
		Tracking: a.tracking, Artifacts: a.artifacts, Registry: a.registry, Tracing: a.tracing, Evaluation: a.evaluation,
		Ledger: sqlstore.NewImportLedger(a.control, func() int64 { return a.now().UnixMilli() }),
		Jobs:   a.jobs, Seal: newSealer("import credentials", key), Audit: a.accounts.Audit, Now: a.now, Log: a.log,
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

// sealer encrypts secrets with AES-256-GCM under a key of its own purpose. A
// sealed secret is bound to its id, so that one copied to another row does not
// open.
type sealer struct{ aead cipher.AEAD }

func newSealer(purpose string, key [32]byte) sealer {
	own := sha256.Sum256(append([]byte(purpose), key[:]...))
	block, err := aes.NewCipher(own[:])
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for blocks of another length
	}
	return sealer{aead}
}

// Seal implements [flow.Sealer].
func (s sealer) Seal(id string, plain []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, plain, []byte(id))
}

// Open implements [flow.Sealer].
func (s sealer) Open(id string, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, fault.New(fault.Internal, "the secret of %s is damaged", id)
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	return plain, fault.Wrap(fault.State, "app.Open", err, "the credentials of %s do not open with the key of this data directory; start the import again", id)
}
