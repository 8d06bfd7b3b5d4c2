package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Change says that an object is new or different.
type Change struct {
	Workspace    string
	Kind         string // run, trace, experiment, model, prompt, job, alert, notice
	ID           string
	Op           string // created, updated, deleted
	ExperimentID string
	RunID        string
	Job          any // of job changes: the job as it is now, in the contract's shape
}

// Events is the hub of the event stream. Changes of one object within a
// quarter of a second become one event. The zero value is not usable.
type Events struct {
	now func() time.Time

	mu      sync.Mutex
	seq     int64
	recent  []event // the last of them, to resume from
	pending map[[3]string]*event
	order   [][3]string
	timer   *time.Timer
	readers map[chan struct{}]bool
	closed  chan struct{}
	once    sync.Once
}

// event is a Change with its place in the stream.
type event struct {
	Seq          int64   `json:"seq"`
	Kind         string  `json:"kind"`
	ID           string  `json:"id"`
	Op           string  `json:"op"`
	TimeMS       int64   `json:"time_ms"`
	ExperimentID string  `json:"experiment_id"`
	RunID        *string `json:"run_id"`
	Job          any     `json:"job"`
	workspace    string
}

const (
	keepEvents = 4096                   // how far back a client may resume
	coalesce   = 250 * time.Millisecond // how long changes of one object are gathered
	heartbeat  = 15 * time.Second
)

// NewEvents returns a hub. Its numbers start at the time, so that a client of
// a server that was restarted is told to fetch anew.
func NewEvents(now func() time.Time) *Events {
	return &Events{now: now, seq: now().UnixMilli() * 1000, pending: map[[3]string]*event{}, readers: map[chan struct{}]bool{}, closed: make(chan struct{})}
}

// Publish tells the readers of a change. It never blocks.
func (h *Events) Publish(c Change) {
	key := [3]string{c.Workspace, c.Kind, c.ID}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.pending[key]; old != nil {
		if c.Op == "deleted" {
			old.Op = c.Op
		}
		old.Job = c.Job
		return
	}
	if len(h.pending) >= keepEvents {
		return // the flood before it says enough: clients refetch
	}
	h.pending[key] = &event{Kind: c.Kind, ID: c.ID, Op: c.Op, TimeMS: h.now().UnixMilli(), ExperimentID: c.ExperimentID, RunID: nullable(c.RunID), Job: c.Job, workspace: c.Workspace}
	h.order = append(h.order, key)
	if h.timer == nil {
		h.timer = time.AfterFunc(coalesce, h.flush)
	}
}

func (h *Events) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range h.order {
		h.seq++
		e := *h.pending[key]
		e.Seq = h.seq
		h.recent = append(h.recent, e)
	}
	clear(h.pending)
	h.order, h.timer = h.order[:0], nil
	if drop := len(h.recent) - keepEvents; drop > 0 {
		h.recent = append(h.recent[:0], h.recent[drop:]...)
	}
	for r := range h.readers {
		select {
		case r <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Close ends every stream. It may be called twice.
func (h *Events) Close() { h.once.Do(func() { close(h.closed) }) }

// after returns the events behind seq, and false when they are not all kept.
func (h *Events) after(seq int64) (list []event, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq > h.seq {
		return nil, false
	}
	if len(h.recent) == 0 {
		return nil, seq == h.seq
	}
	first := h.recent[0].Seq
	if seq < first-1 {
		return nil, false
	}
	return append(list, h.recent[seq-first+1:]...), true
}

func (h *Events) last() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

func (h *Events) subscribe() (wake chan struct{}, leave func()) {
	wake = make(chan struct{}, 1)
	h.mu.Lock()
	h.readers[wake] = true
	h.mu.Unlock()
	return wake, func() {
		h.mu.Lock()
		delete(h.readers, wake)
		h.mu.Unlock()
	}
}

// ServeEvents adds the event stream.
func (s *Server) ServeEvents(hub *Events) {
	s.add(route{method: "GET", path: "/events", need: caller.Read, stream: hub.serve})
}

func (h *Events) serve(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	seq, resume := h.last(), r.Header.Get("Last-Event-ID")
	if resume == "" {
		resume = q.Get("after")
	}
	if resume != "" {
		n, err := strconv.ParseInt(resume, 10, 64)
		if err != nil {
			return fault.Invalidf("Last-Event-ID %q is not a number", clip(resume))
		}
		seq = n
	}
	kinds := map[string]bool{}
	for k := range strings.SplitSeq(q.Get("kinds"), ",") {
		if k != "" {
			kinds[k] = true
		}
	}
	control := http.NewResponseController(w)
	control.SetWriteDeadline(time.Time{}) // a stream ends with its client or the server
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	wake, leave := h.subscribe()
	defer leave()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	ws := caller.Workspace(r.Context())
	fmt.Fprint(w, ": open\n\n")
	for {
		list, complete := h.after(seq)
		if !complete {
			seq = h.last()
			writeEvent(w, event{Seq: seq, Kind: "reset", Op: "updated", TimeMS: h.now().UnixMilli()})
		}
		for _, e := range list {
			seq = e.Seq
			if e.workspace == ws && (len(kinds) == 0 || kinds[e.Kind]) {
				writeEvent(w, e)
			}
		}
		if control.Flush() != nil {
			return nil
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-h.closed:
			return nil
		case <-wake:
		case <-beat.C:
			fmt.Fprint(w, ": beat\n\n")
		}
	}
}

func writeEvent(w http.ResponseWriter, e event) {
	b, err := json.Marshal(e)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, b)
}
