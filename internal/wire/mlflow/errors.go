package mlflow

import (
	"errors"
	"net/http"

	"github.com/assayhq/assay/internal/fault"
)

// coded is a fault that answers with a code its kind would not give, where
// clients depend on MLflow's own choice.
type coded struct {
	code string
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// withCode makes err answer with MLflow error code code.
func withCode(code string, err error) error { return &coded{code, err} }

// statusOf is the HTTP status MLflow gives to each error code.
var statusOf = map[string]int{
	"INVALID_PARAMETER_VALUE": 400, "RESOURCE_ALREADY_EXISTS": 400, "BAD_REQUEST": 400,
	"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
	"RESOURCE_DOES_NOT_EXIST": 404, "ENDPOINT_NOT_FOUND": 404, "NOT_FOUND": 404,
	"ABORTED": 409, "RESOURCE_CONFLICT": 409,
	"REQUEST_LIMIT_EXCEEDED": 429, "INTERNAL_ERROR": 500, "INVALID_STATE": 500,
	"NOT_IMPLEMENTED": 501, "TEMPORARILY_UNAVAILABLE": 503,
}

// codeOfKind is the one table from faults to MLflow's vocabulary. State is
// INVALID_PARAMETER_VALUE because clients retry a 500 for minutes; where MLflow
// itself answers INVALID_STATE, use withCode.
var codeOfKind = map[fault.Kind]string{
	fault.Internal: "INTERNAL_ERROR", fault.Invalid: "INVALID_PARAMETER_VALUE",
	fault.NotFound: "RESOURCE_DOES_NOT_EXIST", fault.Exists: "RESOURCE_ALREADY_EXISTS",
	fault.Conflict: "RESOURCE_CONFLICT", fault.State: "INVALID_PARAMETER_VALUE",
	fault.Unauthenticated: "UNAUTHENTICATED", fault.Denied: "PERMISSION_DENIED",
	fault.TooLarge: "BAD_REQUEST", fault.Limited: "REQUEST_LIMIT_EXCEEDED",
	fault.Unavailable: "TEMPORARILY_UNAVAILABLE", fault.Unsupported: "NOT_IMPLEMENTED",
	fault.Canceled: "TEMPORARILY_UNAVAILABLE",
}

func codeOf(err error) (status int, code string) {
	if c, ok := errors.AsType[*coded](err); ok {
		return statusOf[c.code], c.code
	}
	kind := fault.KindOf(err)
	code = codeOfKind[kind]
	if kind == fault.TooLarge {
		return http.StatusRequestEntityTooLarge, code
	}
	return statusOf[code], code
}

// classOf is the finer class and the SQLSTATE that newer clients read beside an
// error code; codes that MLflow gives none have no entry.
var classOf = map[string]struct{ class, sqlState string }{
	"INVALID_PARAMETER_VALUE": {"INVALID_PARAMETER_VALUE", "KAM00"},
	"BAD_REQUEST":             {"INVALID_PARAMETER_VALUE", "KAM00"},
	"RESOURCE_ALREADY_EXISTS": {"RESOURCE_ALREADY_EXISTS", "KAM00"},
	"RESOURCE_DOES_NOT_EXIST": {"RESOURCE_NOT_FOUND", "KAM00"},
	"ENDPOINT_NOT_FOUND":      {"RESOURCE_NOT_FOUND", "KAM00"},
	"NOT_FOUND":               {"RESOURCE_NOT_FOUND", "KAM00"},
	"PERMISSION_DENIED":       {"PERMISSION_DENIED", "KAM00"},
	"INTERNAL_ERROR":          {"CLIENT_INTERNAL_ERROR", "XXM00"},
	"INVALID_STATE":           {"CLIENT_INTERNAL_ERROR", "XXM00"},
	"TEMPORARILY_UNAVAILABLE": {"CLIENT_INTERNAL_ERROR", "XXM00"},
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	body := map[string]string{"error_code": code, "message": message}
	if c, ok := classOf[code]; ok {
		body["error_class"], body["sqlstate"] = c.class, c.sqlState
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(mustJSON(body))
}
