// Package caller is who makes a request: the noun that authentication puts
// into a context and that domains and stores read from it.
package caller

import "context"

// Role of a user in a workspace, from least to most.
type Role string

const (
	Viewer    Role = "viewer"    // reads
	Annotator Role = "annotator" // reads; answers reviews, gives feedback
	Editor    Role = "editor"    // writes everything but people, settings and approvals
	Approver  Role = "approver"  // editor, and decides promotions
	Admin     Role = "admin"     // everything
)

// Roles from least to most.
var Roles = []Role{Viewer, Annotator, Editor, Approver, Admin}

// Permission is what a route needs.
type Permission uint8

const (
	Read Permission = iota
	Annotate
	Write
	Approve
	Administer
)

// May reports whether r grants p. An unknown role grants nothing.
func (r Role) May(p Permission) bool {
	for i, known := range Roles {
		if r == known {
			return Permission(i) >= p
		}
	}
	return false
}

// DefaultWorkspace is the first workspace.
const DefaultWorkspace = "default"

// Caller is the authenticated source of a request.
type Caller struct {
	User      string // user or service-token name; "" while no account exists
	Role      Role
	Workspace string
	Address   string // remote host
	Request   string // id of the request, as its log line carries it
	Token     bool   // User is the name of a service token, not of a person
	Server    bool   // Role holds in every workspace
	Open      bool   // no account exists yet and the server listens on loopback
}

type key struct{}

// With returns ctx carrying c.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// From returns the caller of ctx. Without one it is the system itself in the
// default workspace, as in commands that run without a server.
func From(ctx context.Context) Caller {
	if c, ok := ctx.Value(key{}).(Caller); ok {
		return c
	}
	return Caller{User: "system", Role: Admin, Workspace: DefaultWorkspace, Server: true}
}

// Workspace returns the workspace of ctx's caller.
func Workspace(ctx context.Context) string {
	if ws := From(ctx).Workspace; ws != "" {
		return ws
	}
	return DefaultWorkspace
}
