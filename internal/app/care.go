package app

import (
	"context"
	"crypto/sha256"

	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/masking"
	"github.com/assayhq/assay/internal/sqlstore"
)

// maskPolicy is the policy of the option --mask.
func maskPolicy(names []string) (p mask.Policy) {
	for _, name := range names {
		p.BuiltIn = append(p.BuiltIn, mask.Use{Name: name})
	}
	return p
}

// openMasking builds what every way in passes through.
func (a *App) openMasking(key [32]byte) error {
	counter := a.metrics.Counter("assay_masked_values_total", "Values that masking rules kept from the disk.", "rule")
	var err error
	a.masking, err = masking.New(sqlstore.NewMaskPolicies(a.control), masking.Config{
		Default: maskPolicy(a.cfg.Mask), Key: sha256.Sum256(append([]byte("pseudonyms"), key[:]...)),
		Now: a.now, Audit: a.accounts.Audit, Counted: counter,
	})
	return err
}

// openCare builds what removes data; its jobs are registered before the engine
// is opened.
func (a *App) openCare(key [32]byte) {
	a.care = flow.New(flow.Config{
		Tracking: a.tracking, Artifacts: a.artifacts, Tracing: a.tracing, Registry: a.registry, Evaluation: a.evaluation,
		Policies: sqlstore.NewRetention(a.control), Jobs: a.jobs, Audit: a.accounts.Audit, Log: a.log, Now: a.now,
		Pseudonym: a.masking.UserPseudonym, Key: sha256.Sum256(append([]byte("removals"), key[:]...)),
		Workspaces: func(ctx context.Context) ([]string, error) {
			list, err := a.accounts.ListWorkspaces(ctx)
			var names []string
			for _, w := range list {
				names = append(names, w.Name)
			}
			return names, err
		},
	})
}
