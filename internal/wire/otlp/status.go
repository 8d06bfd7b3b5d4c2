package otlp

import (
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/assayhq/assay/internal/fault"
)

// answer is a failure in the words of both transports.
type answer struct {
	http  int
	grpc  codes.Code
	again bool // tell the sender when to come again
}

// answers is the one table from faults to OTLP. Of the HTTP codes only 429 and
// 503 make a sender try again, of the gRPC ones UNAVAILABLE and, with
// RetryInfo, RESOURCE_EXHAUSTED.
var answers = map[fault.Kind]answer{
	fault.Internal:        {http.StatusInternalServerError, codes.Internal, false},
	fault.Invalid:         {http.StatusBadRequest, codes.InvalidArgument, false},
	fault.NotFound:        {http.StatusNotFound, codes.NotFound, false},
	fault.Exists:          {http.StatusConflict, codes.AlreadyExists, false},
	fault.Conflict:        {http.StatusServiceUnavailable, codes.Unavailable, true},
	fault.State:           {http.StatusBadRequest, codes.FailedPrecondition, false},
	fault.Unauthenticated: {http.StatusUnauthorized, codes.Unauthenticated, false},
	fault.Denied:          {http.StatusForbidden, codes.PermissionDenied, false},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, codes.ResourceExhausted, false},
	fault.Limited:         {http.StatusTooManyRequests, codes.ResourceExhausted, true},
	fault.Unavailable:     {http.StatusServiceUnavailable, codes.Unavailable, true},
	fault.Unsupported:     {http.StatusNotImplemented, codes.Unimplemented, false},
	fault.Canceled:        {http.StatusServiceUnavailable, codes.Canceled, true},
}

func answerTo(err error) (answer, string) {
	if e, ok := errors.AsType[*unsupportedMedia](err); ok {
		return answer{http.StatusUnsupportedMediaType, codes.InvalidArgument, false}, e.msg
	}
	return answers[fault.KindOf(err)], fault.Message(err)
}
