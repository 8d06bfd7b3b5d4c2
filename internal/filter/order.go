package filter

import (
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// ParseOrder reads the order_by list of a search for entity, each entry an
// identifier with an optional ASC or DESC after it. The caller adds the tie
// breaker. Logged models name their order in fields of their own; see
// [ParseOrderField].
func ParseOrder(entity Entity, entries []string) ([]Order, error) {
	if len(entries) > MaxOrders {
		return nil, fault.Invalidf("order_by has %d entries; at most %d are allowed", len(entries), MaxOrders)
	}
	var orders []Order
	for _, s := range entries {
		o, err := parseOrder(entity, s)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(orders, func(other Order) bool { return other.Field == o.Field }) {
			return nil, fault.Invalidf("`order_by` contains duplicate fields: %s appears twice", o.Field)
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func parseOrder(entity Entity, s string) (Order, error) {
	if err := checkText("order_by", s); err != nil {
		return Order{}, err
	}
	lex := lexer{src: s}
	t, dir, rest := lex.next(), lex.next(), lex.next()
	var o Order
	switch {
	case t.kind != word && t.kind != path && t.kind != backtick && t.kind != double:
		return o, fault.Invalidf("Invalid order_by clause %s. Could not be parsed: expected a key such as 'start_time DESC'", quote(s))
	case dir.kind == end:
	case rest.kind != end || dir.kind != word:
		return o, fault.Invalidf("Invalid order_by clause %s. Could not be parsed: expected one key and ASC or DESC", quote(s))
	case dir.is("DESC"):
		o.Desc = true
	case !dir.is("ASC"):
		return o, fault.Invalidf("Invalid ordering key in order_by clause %s: expected ASC or DESC, found %s", quote(s), quote(dir.raw))
	}
	var err error
	o.Field, err = orderField(entity, t)
	return o, err
}

// ParseOrderField reads the field_name of one order_by entry of a logged model
// search: an attribute, or "metrics." and the metric's name as it is.
func ParseOrderField(name string) (Field, error) {
	if err := checkText("field_name", name); err != nil {
		return Field{}, err
	}
	prefix, metric, ok := strings.Cut(name, ".")
	if ok && prefix == "metrics" && metric != "" {
		return Field{Metric, metric}, nil
	}
	if ok {
		return Field{}, fault.Invalidf("Invalid order by field name: %s. Only metrics are supported besides attributes, as metrics.<name>", quote(name))
	}
	f, found := grammars[LoggedModels].order[name]
	if !found {
		return Field{}, fault.Invalidf("Invalid order by field name: %s. Valid names are %s and metrics.<name>", quote(name), names(grammars[LoggedModels].order))
	}
	return f, nil
}

func orderField(entity Entity, t token) (Field, error) {
	g := grammars[entity]
	if g == nil {
		return Field{}, fault.Invalidf("%s cannot be sorted", entity)
	}
	group, name := Attribute, t.raw
	if t.kind == path {
		prefix, rest := splitPath(t.raw)
		var ok bool
		// Registered models are the one entity sorted by bare keys only.
		if group, ok = g.prefixes[unquoteKey(prefix)]; !ok || entity == RegisteredModels || entity == Prompts {
			return Field{}, fault.Invalidf("Invalid order by key %s specified. Valid keys are %s", quote(t.raw), names(g.order))
		}
		name = rest
	}
	name = unquoteKey(name)
	if group != Attribute {
		if !g.sortable[group] || name == "" {
			return Field{}, fault.Invalidf("Invalid order_by entity: %s cannot be sorted by %s %s", entity, group, quote(name))
		}
		f := Field{group, name}
		switch {
		case entity != Traces:
		case f == Field{Tag, traceNameTag}:
			f = attribute("name")
		case f == Field{Metadata, sourceRunKey}:
			f = attribute("run_id")
		case f == Field{Metadata, tokenUsageKey}, f == Field{Metadata, traceCostKey}:
			return Field{}, fault.Invalidf("Ordering by reserved metadata '%s' is not supported", name)
		}
		return f, nil
	}
	f, ok := g.order[name]
	if !ok {
		return Field{}, fault.Invalidf("Invalid attribute key %s specified. Valid keys are %s", quote(name), names(g.order))
	}
	return f, nil
}
