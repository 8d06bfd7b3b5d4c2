// Package fault is the one error type of Assay.
//
// Domains and stores create faults; every wire package owns one table from
// [Kind] to its protocol's own vocabulary. Msg is written for the user: what
// is wrong, where, and how to mend it. Err is the cause and is only logged.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what class of failure an error is. The zero value is Internal, so
// that an error nobody classified is never mistaken for the caller's mistake.
type Kind uint8

const (
	Internal        Kind = iota // a defect or a broken disk; the cause is in the log
	Invalid                     // the request is malformed or breaks a rule
	NotFound                    // the named thing does not exist
	Exists                      // the named thing exists already
	Conflict                    // lost against a concurrent change; read again and retry
	State                       // the thing exists but is in the wrong state for this
	Unauthenticated             // no or wrong credentials
	Denied                      // known caller, missing permission
	TooLarge                    // over a size limit
	Limited                     // over a rate or depth limit; retry later
	Unavailable                 // temporarily not possible; retry later
	Unsupported                 // a documented call this server does not offer
	Canceled                    // the caller went away
)

var kindNames = [...]string{
	"internal", "invalid", "not found", "exists", "conflict", "state", "unauthenticated",
	"denied", "too large", "limited", "unavailable", "unsupported", "canceled",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is a classified failure.
type Error struct {
	Kind Kind
	Op   string // where it happened, as "package.Function"; may be empty
	Msg  string // safe to show to the user
	Err  error  // the cause, for the log only; may be nil
}

func (e *Error) Error() string {
	s := e.Msg
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// New returns a fault of kind k whose user-visible message is formatted from
// format and args. Do not format causes into the message; use [Wrap].
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// Invalidf, NotFoundf and Existsf are New for the commonest kinds.
func Invalidf(format string, args ...any) error  { return New(Invalid, format, args...) }
func NotFoundf(format string, args ...any) error { return New(NotFound, format, args...) }
func Existsf(format string, args ...any) error   { return New(Exists, format, args...) }

// Wrap classifies cause. It returns nil if cause is nil.
func Wrap(k Kind, op string, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Kind: k, Op: op, Msg: fmt.Sprintf(format, args...), Err: cause}
}

// KindOf reports the kind of err: that of the outermost fault in its chain,
// Canceled for context errors, Internal otherwise.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Canceled
	}
	return Internal
}

// Message returns the text of err that may be shown to the user.
func Message(err error) string {
	if f, ok := errors.AsType[*Error](err); ok && f.Kind != Internal {
		return f.Msg
	}
	if KindOf(err) == Canceled {
		return "the request was cancelled"
	}
	return "internal error; the server's log has the cause"
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
