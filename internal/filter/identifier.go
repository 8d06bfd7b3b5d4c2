package filter

import "strings"

// resolve finds what the identifier t stands for.
func (p *parser) resolve(t token) (key, *problem) {
	switch t.kind {
	case word, path, backtick, double:
	case end:
		return key{}, problemf(t.pos, "expected a comparison, found the end")
	default:
		return key{}, problemf(t.pos, "Invalid clause: expected an identifier such as %s, found %s", p.example(), quote(t.raw))
	}
	group, name := Attribute, t.raw
	if t.kind == path {
		prefix, rest := splitPath(t.raw)
		g, ok := p.grammar.prefixes[unquoteKey(prefix)]
		if !ok {
			return key{}, problemf(t.pos, "Invalid entity type %s. Valid entity types are %s", quote(prefix), names(p.grammar.prefixes))
		}
		group, name = g, rest
		if p.entity == TraceMetrics && g == Attribute {
			for inner, ofTrace := range map[string]Group{"tag.": Tag, "metadata.": Metadata} {
				if k, ok := strings.CutPrefix(rest, inner); ok {
					group, name = ofTrace, k
				}
			}
		}
	} else if p.entity == TraceMetrics {
		return key{}, problemf(t.pos, "Invalid identifier %s. Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'", quote(t.raw))
	} else if p.entity == Traces {
		switch t.raw {
		case bareTextFilter:
			return key{}, problemf(t.pos, "Invalid attribute key 'text'; write trace.text")
		case bareTimestamp:
			return key{attribute("timestamp_ms"), ordered, integerOnly}, nil
		}
	}
	return p.lookup(group, name, t)
}

// lookup finds the key name, still quoted, of a group.
func (p *parser) lookup(group Group, name string, t token) (key, *problem) {
	if group == Span && p.entity == Traces {
		if attr, ok := strings.CutPrefix(name, spanAttributePrefix); ok {
			k := spanAttribute
			k.field.Key = spanAttributePrefix + unquoteKey(attr)
			return k, nil
		}
	}
	name = unquoteKey(name)
	if keys, ok := p.grammar.closed[group]; ok {
		k, ok := keys[name]
		if !ok && group == Span && p.entity == Traces {
			return key{}, problemf(t.pos, "Invalid span attribute %s. Supported attributes: %s, attributes.<attribute_name>", quote(name), names(keys))
		}
		if !ok {
			return key{}, problemf(t.pos, "Invalid %s key %s specified. Valid keys are %s", group, quote(name), names(keys))
		}
		return k, nil
	}
	if name == "" {
		return key{}, problemf(t.pos, "the name after %s is empty", group)
	}
	k := p.grammar.open[group]
	k.field.Key = name
	if p.entity == Traces {
		k = p.reserved(k)
	}
	return k, nil
}

// reserved maps the tags and metadata that MLflow keeps an attribute of a
// trace in to that attribute, so that a store sees one name for one thing.
func (p *parser) reserved(k key) key {
	attributes := p.grammar.closed[Attribute]
	switch k.field {
	case Field{Tag, traceNameTag}:
		return attributes["name"]
	case Field{Tag, linkedPrompts}:
		return attributes["prompt"]
	case Field{Metadata, sourceRunKey}:
		return attributes["run_id"]
	case Field{Metadata, tokenUsageKey}, Field{Metadata, traceCostKey}:
		k.ops = equality | null
	}
	return k
}

// example is an identifier of the entity to show in a message.
func (p *parser) example() string {
	switch {
	case p.grammar.prefixes["metrics"] == Metric:
		return "metrics.accuracy"
	case p.grammar.prefixes["tags"] == Tag:
		return "tags.team"
	}
	return "status"
}

// splitPath cuts an identifier at its first dot outside of backticks.
func splitPath(raw string) (prefix, rest string) {
	from := 0
	if strings.HasPrefix(raw, "`") || strings.HasPrefix(raw, `"`) {
		from = strings.IndexByte(raw[1:], raw[0]) + 2
	}
	i := strings.IndexByte(raw[from:], '.')
	if i < 0 {
		return raw, ""
	}
	return raw[:from+i], raw[from+i+1:]
}

// unquoteKey takes the quotes and then the backticks off a key.
func unquoteKey(s string) string {
	for _, quotes := range []string{`'"`, "`"} {
		if len(s) >= 2 && strings.IndexByte(quotes, s[0]) >= 0 && s[len(s)-1] == s[0] {
			s = s[1 : len(s)-1]
		}
	}
	return s
}
