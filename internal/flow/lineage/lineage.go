// Package lineage follows the arrows between what Assay keeps: experiment →
// run → logged model → model version → alias, dataset → run, prompt → trace,
// trace → dataset, run → trace → session. It stores nothing: every arrow is
// read from where the domains note it, so that it is as true as they are.
//
// A graph begins at one object and grows by steps in both directions. Many
// neighbours of one kind are one node with a count and the filter that opens
// them. A neighbour that is named and not there is drawn broken, with why.
package lineage

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// Kinds of node, in the order of their columns from left to right.
const (
	Experiment  = "experiment"
	Input       = "input"   // a dataset as a run logged it: experiment/digest/name
	Dataset     = "dataset" // for evaluation
	Prompt      = "prompt"  // a version: name/number
	Run         = "run"
	LoggedModel = "logged_model"
	Model       = "model" // a version: name/number
	Alias       = "alias" // name@alias
	Trace       = "trace"
	Session     = "session"
)

// Kinds that a graph may begin at.
var Kinds = []string{Experiment, Input, Dataset, Prompt, Run, LoggedModel, Model, Trace, Session}

// Limits of a graph.
const (
	DefaultDepth = 2
	MaxDepth     = 4
	maxNodes     = 150
	few          = 4 // neighbours of one kind drawn one by one
)

// Node is an object, or a group of them.
type Node struct {
	ID     string // kind:ref, unique in the graph
	Kind   string
	Ref    string // of the object; for a group that of the object it belongs to
	Label  string
	Detail string
	Time   int64  // unix milliseconds; 0 unknown
	Broken string // why it is not there; "" is whole
	// Count is how many a group stands for; 0 is a single object. Exact is
	// false where counting stopped.
	Count int64
	Exact bool
	// Open says which list shows a group: a page and its parameters.
	Open *Open
	Step int // from the focus
}

// Open is a list in the user interface.
type Open struct {
	Page   string
	Params map[string]string
}

// Edge is one arrow, with a sentence that says what it means.
type Edge struct {
	From, To string
	Reason   string
}

// Graph is what was found. More says that the limit of nodes cut it.
type Graph struct {
	Focus string
	Nodes []Node
	Edges []Edge
	More  bool
}

// Service reads lineage.
type Service struct {
	tracking   *tracking.Service
	tracing    *tracing.Service
	registry   *registry.Service
	evaluation *evaluation.Service
}

// New returns a service over the domains.
func New(tracking *tracking.Service, tracing *tracing.Service, registry *registry.Service, evaluation *evaluation.Service) *Service {
	return &Service{tracking, tracing, registry, evaluation}
}

// graph is a graph in the making.
type graph struct {
	*Service
	out   Graph
	at    map[string]int
	edges map[[2]string]bool
	queue []string
}

// Of returns the graph around an object. One that is not there is NotFound.
func (s *Service) Of(ctx context.Context, kind, ref string, depth int) (*Graph, error) {
	if !slices.Contains(Kinds, kind) {
		return nil, fault.Invalidf("kind must be one of %s, not %q", strings.Join(Kinds, ", "), clip(kind))
	}
	if ref == "" || len(ref) > 2000 {
		return nil, fault.Invalidf("id must name the %s", strings.ReplaceAll(kind, "_", " "))
	}
	if depth == 0 {
		depth = DefaultDepth
	}
	if depth < 1 || depth > MaxDepth {
		return nil, fault.Invalidf("depth must be from 1 to %d, not %d", MaxDepth, depth)
	}
	g := &graph{Service: s, at: map[string]int{}, edges: map[[2]string]bool{}}
	g.out.Focus = id(kind, ref)
	g.node(Node{Kind: kind, Ref: ref})
	for len(g.queue) > 0 {
		next := g.queue[0]
		g.queue = g.queue[1:]
		n := g.out.Nodes[g.at[next]]
		if n.Count > 0 || n.Broken != "" {
			continue
		}
		if err := g.expand(ctx, next, n.Step < depth); err != nil {
			if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) || n.Step == 0 {
				return nil, err
			}
			g.out.Nodes[g.at[next]].Broken = broken(n.Kind, err)
		}
	}
	return &g.out, nil
}

func broken(kind string, err error) string {
	return "this " + strings.ReplaceAll(kind, "_", " ") + " is named here but gone: " + fault.Message(err)
}

func id(kind, ref string) string { return kind + ":" + ref }

// expand fills in a node, and with grow its neighbours.
func (g *graph) expand(ctx context.Context, node string, grow bool) error {
	n := g.out.Nodes[g.at[node]]
	switch n.Kind {
	case Experiment:
		return g.experiment(ctx, n.Ref, grow)
	case Run:
		return g.run(ctx, n.Ref, grow)
	case Input:
		return g.input(ctx, n.Ref, grow)
	case Dataset:
		return g.dataset(ctx, n.Ref, grow)
	case Prompt, Model:
		return g.version(ctx, n.Kind, n.Ref, grow)
	case LoggedModel:
		return g.loggedModel(ctx, n.Ref, grow)
	case Trace:
		return g.trace(ctx, n.Ref, grow)
	case Session:
		return g.session(ctx, n.Ref, grow)
	}
	return nil // an alias says all in its name
}

// node adds a node if it is new and there is room, and reports whether it is
// in the graph. Its step is one more than that of the node being expanded.
func (g *graph) node(n Node) bool {
	if n.ID == "" {
		n.ID = id(n.Kind, n.Ref)
	}
	if _, ok := g.at[n.ID]; ok {
		return true
	}
	if len(g.out.Nodes) == maxNodes {
		g.out.More = true
		return false
	}
	if n.Label == "" {
		n.Label = n.Ref
	}
	g.at[n.ID] = len(g.out.Nodes)
	g.out.Nodes = append(g.out.Nodes, n)
	g.queue = append(g.queue, n.ID)
	return true
}

// fill says what is known of a node.
func (g *graph) fill(kind, ref, label, detail string, at int64) *Node {
	n := &g.out.Nodes[g.at[id(kind, ref)]]
	if label != "" {
		n.Label = label
	}
	n.Detail, n.Time = detail, at
	return n
}

// link adds from → to; one of the two is here, other is the one that may be new.
func (g *graph) link(here string, other Node, incoming bool, reason string) {
	other.Step = g.out.Nodes[g.at[here]].Step + 1
	if other.ID == "" {
		other.ID = id(other.Kind, other.Ref)
	}
	if !g.node(other) {
		return
	}
	from, to := here, other.ID
	if incoming {
		from, to = to, from
	}
	if key := [2]string{from, to}; !g.edges[key] && !g.edges[[2]string{to, from}] {
		g.edges[key] = true
		g.out.Edges = append(g.out.Edges, Edge{from, to, reason})
	}
}

// group adds many neighbours as one node.
func (g *graph) group(here, kind string, n int64, exact bool, open *Open, incoming bool, noun, reason string) {
	if n == 0 {
		return
	}
	at := g.out.Nodes[g.at[here]]
	g.link(here, Node{ID: "group:" + kind + ":" + here + ":" + noun, Kind: kind, Ref: at.Ref, Label: plural(n, exact, noun), Count: n, Exact: exact, Open: open}, incoming, reason)
}

func plural(n int64, exact bool, noun string) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if !exact {
		s = "at least " + s
	}
	if n == 1 {
		return s + " " + noun
	}
	return s + " " + noun + "s"
}

func clip(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
