package flow

import (
	"fmt"
	"slices"
)

// Report is what an import found and did. It is the job's output, and while
// the job runs part of its checkpoint.
type Report struct {
	Source     SourceInfo         `json:"source"`
	Counts     map[string]*Count  `json:"counts"` // by kind
	Points     int64              `json:"points"` // of metrics, copied
	Bytes      int64              `json:"bytes"`  // of artifacts, copied
	Verified   map[string]*Check  `json:"verified,omitempty"`
	Findings   []Finding          `json:"findings"`
	Omitted    int64              `json:"omitted"` // findings beyond the bound
	NotCarried []string           `json:"not_carried"`
	Experiment []Mapping          `json:"experiments"`
	Seconds    map[string]float64 `json:"seconds"` // of work by phase
}

// Count is what became of the items of one kind.
type Count struct {
	Found     int64 `json:"found"`
	Copied    int64 `json:"copied"`
	Updated   int64 `json:"updated"`
	Already   int64 `json:"already"`
	Different int64 `json:"different"`
	Failed    int64 `json:"failed"`
}

// Check is how many items of a kind were compared on both sides.
type Check struct {
	Compared  int64 `json:"compared"`
	Different int64 `json:"different"`
}

// Finding is one item with what is wrong about it.
type Finding struct {
	Kind    string  `json:"kind"`
	ID      string  `json:"id"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
}

// Mapping says which experiment here an experiment there went into.
type Mapping struct {
	Name   string `json:"name"`
	Source string `json:"source_id"`
	Ours   string `json:"experiment_id"`
}

const (
	maxFindings = 1000
	maxReason   = 500 // bytes
)

func newReport() *Report {
	r := &Report{Counts: map[string]*Count{}, Findings: []Finding{}, NotCarried: []string{}, Experiment: []Mapping{}, Seconds: map[string]float64{}}
	return r
}

func (r *Report) count(kind string) *Count {
	c := r.Counts[kind]
	if c == nil {
		c = &Count{}
		r.Counts[kind] = c
	}
	return c
}

// take notes what became of an item.
func (r *Report) take(kind, id string, o Outcome, reason string) {
	c := r.count(kind)
	c.Found++
	switch o {
	case Copied:
		c.Copied++
	case Updated:
		c.Updated++
	case Already:
		c.Already++
	case Different:
		c.Different++
	case Failed:
		c.Failed++
	}
	if reason != "" {
		r.find(kind, id, o, reason)
	}
}

func (r *Report) find(kind, id string, o Outcome, reason string) {
	if len(r.Findings) >= maxFindings {
		r.Omitted++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, short(id, 300), o, short(reason, maxReason)})
}

// check notes that an item was compared on both sides.
func (r *Report) check(kind, id string, differences []string) {
	if r.Verified == nil {
		r.Verified = map[string]*Check{}
	}
	c := r.Verified[kind]
	if c == nil {
		c = &Check{}
		r.Verified[kind] = c
	}
	c.Compared++
	if len(differences) == 0 {
		return
	}
	c.Different++
	known := func(f Finding) bool { return f.Kind == kind && f.ID == short(id, 300) }
	if !slices.ContainsFunc(r.Findings, known) { // why it is not here is said once
		r.find(kind, id, Different, summary(differences))
	}
}

func (r *Report) leave(what string) {
	if !slices.Contains(r.NotCarried, what) {
		r.NotCarried = append(r.NotCarried, what)
	}
}

// Trouble is how many items are not here as they are there: by the comparison
// of both sides where it was made, else by what was done.
func (r *Report) Trouble() int64 {
	var n int64
	for kind, c := range r.Counts {
		if r.Verified[kind] == nil {
			n += c.Different + c.Failed
		}
	}
	for _, c := range r.Verified {
		n += c.Different
	}
	return n
}

// summary joins differences, a few of them.
func summary(differences []string) string {
	const shown = 5
	text := ""
	for i, d := range differences {
		if i == shown {
			return text + fmt.Sprintf("; and %d more", len(differences)-shown)
		}
		if i > 0 {
			text += "; "
		}
		text += short(d, 160)
	}
	return text
}

func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
