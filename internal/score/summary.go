package score

import (
	"iter"
	"maps"
)

// Summary is what many scores of one name say together.
type Summary struct {
	N        int            `json:"n"`       // with a value
	Missing  int            `json:"missing"` // without
	Mean     Number         `json:"mean"`    // of those with a value; missing if there is none
	Min      Number         `json:"min"`
	Max      Number         `json:"max"`
	Errors   map[string]int `json:"errors,omitempty"`   // missing ones by failure code
	Usage    Usage          `json:"usage"`              // sum of what is known
	Unpriced int            `json:"unpriced,omitempty"` // scores whose cost is unknown

	sum, rest float64
}

// Add counts one score. The mean is summed with Neumaier's compensation, so
// that it does not depend on the order to any digit that is shown.
func (s *Summary) Add(x Score) {
	addKnown(&s.Usage.Input, x.Usage.Input)
	addKnown(&s.Usage.Output, x.Usage.Output)
	if !addKnown(&s.Usage.Cost, x.Usage.Cost) {
		s.Unpriced++
	}
	v, ok := x.Value.Get()
	if !ok {
		s.Missing++
		code := "unknown"
		if x.Error != nil && x.Error.Code != "" {
			code = x.Error.Code
		}
		if s.Errors == nil {
			s.Errors = map[string]int{}
		}
		s.Errors[code]++
		return
	}
	t := s.sum + v
	if abs(s.sum) >= abs(v) {
		s.rest += (s.sum - t) + v
	} else {
		s.rest += (v - t) + s.sum
	}
	s.sum = t
	s.N++
	s.Mean = Some((s.sum + s.rest) / float64(s.N))
	s.Min = Some(min(s.Min.Or(v), v))
	s.Max = Some(max(s.Max.Or(v), v))
}

func addKnown(sum *int64, n int64) bool {
	if n < 0 {
		return false
	}
	*sum += n
	return true
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}

// Summarise sums scores up by name.
func Summarise(scores iter.Seq[Score]) map[string]Summary {
	all := map[string]*Summary{}
	for s := range scores {
		if all[s.Name] == nil {
			all[s.Name] = &Summary{}
		}
		all[s.Name].Add(s)
	}
	out := make(map[string]Summary, len(all))
	for name, s := range maps.All(all) {
		out[name] = *s
	}
	return out
}
