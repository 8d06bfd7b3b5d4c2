package tracing

import (
	"context"
	"slices"

	"github.com/assayhq/assay/internal/fault"
)

// SessionQuery selects conversations.
type SessionQuery struct {
	Text        string // part of the session id or of the user
	Experiments []string
	From, To    int64  // of any turn, unix milliseconds
	Order       string // one of [SessionOrders]; "" means last
	Ascending   bool
	Limit       int // 0 means 50
	Token       string
}

// SessionOrders are what conversations can be sorted by: the newest turn, the
// first one, how many turns, how many failed, tokens, cost, how long it
// lasted, and the lowest score.
var SessionOrders = []string{"last", "first", "turns", "errors", "tokens", "cost", "duration", "score"}

// Session is a conversation: the traces that share a session id.
type Session struct {
	ID, User    string
	Traces      int
	Errors      int
	First, Last int64 // unix milliseconds; Last is the end of the newest turn
	Tokens      int64 // -1 unknown
	Cost        int64 // pico-dollars; -1 unknown
	Unpriced    int   // model calls whose cost nobody knows
	FirstInput  string
	Experiments []string
	Worst       *SessionScore // lowest numeric feedback; nil if there is none
}

// SessionScore is a feedback somewhere in a conversation.
type SessionScore struct {
	Name  string
	Value float64
}

// SessionDetail is one conversation with what its page needs before its turns.
type SessionDetail struct {
	Session
	Users  []string             // at most 20
	Models []string             // at most 20
	Scores []SessionScoreOfName // by name
	Failed []int                // places of failed turns, at most [MaxFailedTurns]
}

// SessionScoreOfName sums up the feedback of one name over the turns.
type SessionScoreOfName struct {
	Name      string
	N         int64 // with a number
	Missing   int64 // without one: text, or a judge that failed
	Mean, Min float64
}

// MaxFailedTurns bounds the list of failed turns.
const MaxFailedTurns = 1000

// Sessions lists conversations, newest first unless the query says otherwise.
func (s *Service) Sessions(ctx context.Context, q SessionQuery) (sessions []Session, next string, err error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 1000)
	if q.Order == "" {
		q.Order = "last"
	}
	if !slices.Contains(SessionOrders, q.Order) {
		return nil, "", fault.Invalidf("sessions cannot be sorted by %q; use one of last, first, turns, errors, tokens, cost, duration, score", q.Order)
	}
	return s.store.Sessions(ctx, q)
}

// Session returns one conversation of the workspace, or NotFound.
func (s *Service) Session(ctx context.Context, id string) (SessionDetail, error) {
	return s.store.Session(ctx, id)
}

// Turns returns the turns of a conversation from place from on, oldest first,
// as headers with their assessments. A place is how many turns come before.
func (s *Service) Turns(ctx context.Context, session string, from, limit int) ([]Info, error) {
	if from < 0 || limit < 1 || limit > 200 {
		return nil, fault.Invalidf("turns are read from 0 on and at most 200 at a time")
	}
	return s.store.Turns(ctx, session, from, limit)
}
