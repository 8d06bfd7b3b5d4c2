package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
)

// Setting is an option's value with where it came from.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Settings is what the server runs with.
type Settings struct {
	Options []Setting `json:"options"`
	Prices  struct {
		Entries    int     `json:"entries"`
		NewestDate *string `json:"newest_date"`
	} `json:"prices"`
	Storage struct {
		Metadata        string `json:"metadata"`
		Objects         string `json:"objects"`
		TracePartitions *int   `json:"trace_partitions"`
		Bytes           *int64 `json:"bytes"`
	} `json:"storage"`
}

// ServeSettings adds what the server runs with; read asks for it anew.
func (s *Server) ServeSettings(read func(ctx context.Context) (Settings, error)) {
	s.add(route{method: "GET", path: "/settings", need: caller.Administer, call: func(ctx context.Context, _ *http.Request) (any, error) {
		return read(ctx)
	}})
}
