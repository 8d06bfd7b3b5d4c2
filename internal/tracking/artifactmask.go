package tracking

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/mask"
)

// Masking decides what of arriving texts is kept from the disk.
type Masking interface {
	// Rules for what arrives in an experiment of the caller's workspace; nil
	// masks nothing.
	Rules(ctx context.Context, experiment string) (mask.Masker, error)
}

// traceFiles is where clients put the files of a trace: its spans and what is
// attached to it.
var traceFiles = regexp.MustCompile(`(?:^|/)([0-9]+)/traces/tr-[^/]+/artifacts/`)

// maxMasked bounds a trace's file where there is something to mask: it must be
// looked at as a whole.
const maxMasked = 256 << 20

func (a *Artifacts) rulesOf(ctx context.Context, key string) (mask.Masker, error) {
	found := traceFiles.FindStringSubmatch(key)
	if a.Masking == nil || found == nil {
		return nil, nil
	}
	return a.Masking.Rules(ctx, found[1])
}

// masked is r without what may not be kept, if key belongs to a trace and is a
// text.
func (a *Artifacts) masked(ctx context.Context, key string, r io.Reader) (io.Reader, error) {
	m, err := a.rulesOf(ctx, key)
	if err != nil || m == nil {
		return r, err
	}
	body, err := io.ReadAll(io.LimitReader(r, maxMasked+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxMasked {
		return nil, fault.New(fault.TooLarge, "files of traces may have %d MiB here, where they are masked", maxMasked>>20)
	}
	if !utf8.Valid(body) {
		return bytes.NewReader(body), nil
	}
	return strings.NewReader(m.Text(string(body), mask.Everywhere)), nil
}

// unmasked refuses an upload in parts of what would have to be masked.
func (a *Artifacts) unmasked(ctx context.Context, key string) error {
	m, err := a.rulesOf(ctx, key)
	if err == nil && m != nil {
		err = fault.New(fault.Unsupported, "files of traces are masked here, so they cannot be uploaded in parts")
	}
	return err
}
