package api

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
)

// read opens the stream and returns its data lines.
func read(t *testing.T, h *Events, path string) <-chan string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := caller.With(r.Context(), caller.Caller{Role: caller.Viewer, Workspace: "default"})
		if err := h.serve(w, r.WithContext(ctx)); err != nil {
			http.Error(w, err.Error(), 400)
		}
	}))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); srv.Close() })
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+path, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		sc := bufio.NewScanner(resp.Body)
		for sc.Scan() {
			if strings.HasPrefix(sc.Text(), "data: ") {
				lines <- sc.Text()
			}
		}
	}()
	return lines
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case l := <-lines:
		return l
	case <-time.After(5 * time.Second):
		t.Fatal("no event")
		return ""
	}
}

func TestEventsCoalesceAndKeepToTheWorkspace(t *testing.T) {
	h := NewEvents(time.Now)
	defer h.Close()
	lines := read(t, h, "/events?kinds=run")
	for range 100 {
		h.Publish(Change{Workspace: "default", Kind: "run", ID: "a", Op: "updated"})
	}
	h.Publish(Change{Workspace: "other", Kind: "run", ID: "b", Op: "updated"})
	h.Publish(Change{Workspace: "default", Kind: "trace", ID: "c", Op: "created"})
	h.Publish(Change{Workspace: "default", Kind: "run", ID: "d", Op: "created"})
	if l := next(t, lines); !strings.Contains(l, `"id":"a"`) {
		t.Fatal(l)
	}
	if l := next(t, lines); !strings.Contains(l, `"id":"d"`) {
		t.Fatal(l)
	}
	select {
	case l := <-lines:
		t.Fatalf("one more: %s", l)
	case <-time.After(2 * coalesce):
	}
}

func TestEventsResume(t *testing.T) {
	h := NewEvents(time.Now)
	defer h.Close()
	start := h.last()
	h.Publish(Change{Workspace: "default", Kind: "run", ID: "a", Op: "created"})
	h.flush()
	h.Publish(Change{Workspace: "default", Kind: "run", ID: "b", Op: "created"})
	h.flush()
	list, complete := h.after(start + 1)
	if !complete || len(list) != 1 || list[0].ID != "b" {
		t.Fatalf("%v %v", list, complete)
	}
	if _, complete := h.after(start - 5); complete {
		t.Fatal("resumed from before the first event")
	}
	if l := next(t, read(t, h, "/events?after=1")); !strings.Contains(l, `"kind":"reset"`) {
		t.Fatal(l)
	}
}
