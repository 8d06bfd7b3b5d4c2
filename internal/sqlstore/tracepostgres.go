package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
)

var errPostgresTraces = fault.New(fault.Unsupported, "traces on PostgreSQL are not built yet")

func (p *partition) openPostgres(ctx context.Context, create bool) error { return errPostgresTraces }

func (p *partition) nextBlock(ctx context.Context) (int64, error) { return 0, errPostgresTraces }

func (p *partition) putBlock(ctx context.Context, n int64, frame []byte) error {
	return errPostgresTraces
}

func (ix *textIndexer) stepPostgres(ctx context.Context) (bool, error) {
	return false, errPostgresTraces
}

func (p *partition) textMatchesPostgres(ctx context.Context, words []string, before int64, yield func(int64) bool) error {
	return errPostgresTraces
}

func (st *Traces) dropSchema(ctx context.Context, day int) error { return errPostgresTraces }
