package sqlstore

import (
	"encoding/binary"
	"errors"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// The facts of a span are the columns nothing filters by in SQL, in one value:
// a form byte, then varints and strings in fixed order. Counts are stored plus
// one, so that 0 is unknown. What few spans have stands at the end, as the
// flags say. Form 1 had none of that, and no flag but the first.
const (
	factsForm    = 2
	oldFactsForm = 1
)

// Flags of the facts.
const (
	factsAggregate = 1 << iota
	factsErrorType
	factsInputHash
)

func appendFacts(b []byte, c *trace.Columns) []byte {
	b = append(b, factsForm)
	b = binary.AppendUvarint(b, uint64(max(0, c.Version)))
	flags := byte(0)
	for i, set := range [...]bool{c.Aggregate, c.ErrorType != "", c.InputHash != 0} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	for _, n := range [...]int64{c.Tokens.Input, c.Tokens.Output, c.Tokens.CacheRead, c.Tokens.CacheWrite, c.Tokens.Reasoning, c.Cost.Input, c.Cost.Output} {
		b = binary.AppendUvarint(b, uint64(n+1))
	}
	for _, s := range [...]string{c.Dialect, c.Provider, c.Agent, c.Tool, c.Node, c.Session, c.User} {
		s = clipBytes(s, maxFact)
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if c.ErrorType != "" {
		s := clipBytes(c.ErrorType, maxErrorType)
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if c.InputHash != 0 {
		b = binary.LittleEndian.AppendUint32(b, c.InputHash)
	}
	return b
}

const (
	maxFact      = 1000 // bytes
	maxErrorType = 200
)

func clipBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 { // not inside a character
		n--
	}
	return s[:n]
}

var errFacts = errors.New("sqlstore: a span's facts are damaged")

// parseFacts fills what appendFacts wrote.
func parseFacts(b []byte, c *trace.Columns) error {
	if len(b) < 3 || b[0] != factsForm && b[0] != oldFactsForm {
		return errFacts
	}
	b = b[1:]
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	c.Version = int(next())
	if len(b) == 0 {
		return errFacts
	}
	flags := b[0]
	c.Aggregate = flags&factsAggregate != 0
	b = b[1:]
	for _, dst := range [...]*int64{&c.Tokens.Input, &c.Tokens.Output, &c.Tokens.CacheRead, &c.Tokens.CacheWrite, &c.Tokens.Reasoning, &c.Cost.Input, &c.Cost.Output} {
		*dst = int64(next()) - 1
	}
	texts := []*string{&c.Dialect, &c.Provider, &c.Agent, &c.Tool, &c.Node, &c.Session, &c.User, &c.ErrorType}
	if flags&factsErrorType == 0 {
		texts = texts[:7]
	}
	for _, dst := range texts {
		n := next()
		if n > uint64(len(b)) {
			return errFacts
		}
		*dst = string(b[:n])
		b = b[n:]
	}
	if flags&factsInputHash != 0 {
		if len(b) < 4 {
			return errFacts
		}
		c.InputHash = binary.LittleEndian.Uint32(b)
	}
	return nil
}

func spanNumber(id trace.SpanID) int64 { return int64(binary.BigEndian.Uint64(id[:])) }

func spanID(n int64) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// rowColumns is what [scanRow] reads.
const rowColumns = "s, parent, start_ns, end_ns, status, name, type, model, tokens, cost, block, at, facts"

// spanRow is a row of the span table.
type spanRow struct {
	tracing.SpanRow
	facts   trace.Columns
	block   int64
	at      int64
	scratch []byte
}

// scanRow reads one row; r's strings are its own afterwards.
func scanRow(scan func(...any) error, r *spanRow) error {
	var s, parent int64
	var typ, model *string
	var tokens, cost *int64
	r.facts = trace.Columns{}
	if err := scan(&s, &parent, &r.Start, &r.End, &r.Status, &r.Name, &typ, &model, &tokens, &cost, &r.block, &r.at, &r.scratch); err != nil {
		return err
	}
	if err := parseFacts(r.scratch, &r.facts); err != nil {
		return err
	}
	c := &r.facts
	c.Type, c.Model, c.Tokens.Total, c.Cost.Total = text(typ), text(model), number(tokens), number(cost)
	r.SpanRow = tracing.SpanRow{
		ID: spanID(s), Parent: spanID(parent), Start: r.Start, End: r.End, Status: r.Status, Name: r.Name,
		Type: c.Type, Model: c.Model, Provider: c.Provider, Agent: c.Agent, Tool: c.Tool, Node: c.Node,
		ErrorType: c.ErrorType, InputHash: c.InputHash,
		Aggregate: c.Aggregate, Tokens: c.Tokens, Cost: c.Cost, Version: c.Version,
	}
	return nil
}

// text and number read columns that may be NULL: "" and -1.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func number(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// orNull and knownOrNull are the other way round.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func knownOrNull(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}
