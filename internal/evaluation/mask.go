package evaluation

import (
	"context"

	"github.com/assayhq/assay/internal/mask"
)

// Masking decides what of arriving texts is kept from the disk: records and
// issues quote traces.
type Masking interface {
	// Rules for what arrives in an experiment of the caller's workspace, ""
	// for what belongs to none; nil masks nothing.
	Rules(ctx context.Context, experiment string) (mask.Masker, error)
}

// masked masks texts in place.
func (s *Service) masked(ctx context.Context, experiment string, texts ...*string) error {
	if s.masking == nil {
		return nil
	}
	m, err := s.masking.Rules(ctx, experiment)
	if err != nil || m == nil {
		return err
	}
	for _, t := range texts {
		*t = m.Text(*t, mask.Content)
	}
	return nil
}

// maskedIssue masks what an issue says.
func (s *Service) maskedIssue(ctx context.Context, experiment string, i *Issue) error {
	texts := []*string{&i.Name, &i.Description}
	for _, list := range []*[]string{&i.RootCauses, &i.Categories} {
		*list = append([]string(nil), *list...)
		for n := range *list {
			texts = append(texts, &(*list)[n])
		}
	}
	return s.masked(ctx, experiment, texts...)
}
