package score

import (
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// Label is a word of a judge's scale and the raw value it stands for.
type Label struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Scale says how raw judgements become values from 0 to 1. A scale has labels,
// or bounds, or both; with labels and without bounds, the labels' least and
// greatest values are the bounds.
type Scale struct {
	Min, Max float64
	Labels   []Label
	Lower    bool // less is better: harmfulness, latency
}

// Binary is the scale of yes-or-no judgements.
var Binary = Scale{Min: 0, Max: 1}

func (s Scale) bounds() (least, most float64) {
	least, most = s.Min, s.Max
	if least == most {
		for i, l := range s.Labels {
			if i == 0 {
				least, most = l.Value, l.Value
			}
			least, most = min(least, l.Value), max(most, l.Value)
		}
	}
	return least, most
}

// Normalise maps raw to (raw−min)/(max−min), turned round where less is
// better. A value off the scale is a mistake of the judge and [fault.Invalid],
// not cut to fit.
func (s Scale) Normalise(raw float64) (Number, error) {
	least, most := s.bounds()
	if !(least < most) {
		return Number{}, fault.Invalidf("the scale from %g to %g has no extent", least, most)
	}
	if !(raw >= least && raw <= most) {
		return Number{}, fault.Invalidf("%g is not on the scale from %g to %g", raw, least, most)
	}
	v := (raw - least) / (most - least)
	if s.Lower {
		v = 1 - v
	}
	return Some(v), nil
}

// Label finds what the judge called name, in any case and with space or final
// punctuation around it, and returns its raw and normalised values.
func (s Scale) Label(name string) (raw, value Number, err error) {
	word := strings.Trim(strings.TrimSpace(name), ".!\"'*`")
	for _, l := range s.Labels {
		if strings.EqualFold(l.Name, word) {
			value, err = s.Normalise(l.Value)
			return Some(l.Value), value, err
		}
	}
	return Number{}, Number{}, fault.Invalidf("%q is not a label of the scale", clip(name))
}
