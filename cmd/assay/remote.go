package main

import (
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Commands about people, tokens and workspaces work on the data itself, so that
// they can make the first account; with --server or ASSAY_SERVER they ask a
// server instead, as the user whom the environment names.

// remoteFlag declares --server on such a command.
func remoteFlag(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "ask this server instead of working on the data (also ASSAY_SERVER)")
}

// remote returns the server to ask, or nil to work on the data.
func remote(cmd *cobra.Command) (*client, error) {
	server, _ := cmd.Flags().GetString("server")
	if server == "" && os.Getenv("ASSAY_SERVER") == "" || server == "" && cmd.Flags().Changed("data") {
		return nil, nil
	}
	c, err := newClient(cmd)
	if err == nil && c.workspace == "" {
		c.workspace = caller.DefaultWorkspace
	}
	return c, err
}

// apiUser is a user as the server's API has it: with the role in one workspace.
type apiUser struct {
	ID       string      `json:"user_id"`
	Name     string      `json:"username"`
	Role     caller.Role `json:"role"`
	Disabled bool        `json:"disabled"`
	LastSeen *int64      `json:"last_seen_ms"`
}

func (u apiUser) out(ws string) userOut {
	o := userOut{ID: u.ID, Name: u.Name, Roles: map[string]caller.Role{ws: u.Role}, Disabled: u.Disabled}
	if u.LastSeen != nil {
		o.LastSeen = *u.LastSeen
	}
	return o
}

func (c *client) people(cmd *cobra.Command) ([]userOut, error) {
	var page struct {
		Users []apiUser `json:"users"`
	}
	err := c.call(cmd.Context(), http.MethodGet, "/people", nil, nil, &page)
	list := []userOut{}
	for _, u := range page.Users {
		list = append(list, u.out(c.workspace))
	}
	return list, err
}

func (c *client) addUser(cmd *cobra.Command, n account.NewUser) (userOut, error) {
	if n.Workspace == account.Everywhere {
		return userOut{}, usageError{fault.Invalidf("--everywhere works on the data itself; leave --server out")}
	}
	var u apiUser
	in := map[string]any{"username": n.Name, "password": n.Password, "display_name": n.DisplayName, "role": n.Role}
	err := c.call(cmd.Context(), http.MethodPost, "/people", nil, in, &u)
	return u.out(c.workspace), err
}

// changeUser sends change for the user of that name.
func (c *client) changeUser(cmd *cobra.Command, name string, change map[string]any) (userOut, error) {
	list, err := c.people(cmd)
	if err != nil {
		return userOut{}, err
	}
	for _, u := range list {
		if u.Name == name || u.ID == name {
			var changed apiUser
			err := c.call(cmd.Context(), http.MethodPatch, "/people/"+url.PathEscape(u.ID), nil, change, &changed)
			return changed.out(c.workspace), err
		}
	}
	return userOut{}, fault.NotFoundf("no user %q in workspace %q", name, c.workspace)
}

// apiToken is a service token as the server's API has it.
type apiToken struct {
	ID       string      `json:"token_id"`
	Name     string      `json:"name"`
	Role     caller.Role `json:"role"`
	Hint     string      `json:"hint"`
	Secret   string      `json:"secret"`
	Expires  *int64      `json:"expires_ms"`
	LastUsed *int64      `json:"last_used_ms"`
}

func (t apiToken) out(ws string) tokenOut {
	o := tokenOut{ID: t.ID, Name: t.Name, Workspace: ws, Role: t.Role, Hint: t.Hint, Secret: t.Secret}
	if t.Expires != nil {
		o.ExpiresAt = *t.Expires
	}
	if t.LastUsed != nil {
		o.LastUsed = *t.LastUsed
	}
	return o
}

func (c *client) tokens(cmd *cobra.Command) ([]tokenOut, error) {
	var page struct {
		Tokens []apiToken `json:"tokens"`
	}
	err := c.call(cmd.Context(), http.MethodGet, "/tokens", nil, nil, &page)
	list := []tokenOut{}
	for _, t := range page.Tokens {
		list = append(list, t.out(c.workspace))
	}
	return list, err
}

func (c *client) createToken(cmd *cobra.Command, name string, role caller.Role, valid time.Duration) (tokenOut, error) {
	in := map[string]any{"name": name, "role": role}
	if valid != 0 {
		in["expires_ms"] = time.Now().Add(valid).UnixMilli()
	}
	var t apiToken
	err := c.call(cmd.Context(), http.MethodPost, "/tokens", nil, in, &t)
	return t.out(c.workspace), err
}

func (c *client) revokeToken(cmd *cobra.Command, name string) error {
	list, err := c.tokens(cmd)
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.Name == name || t.ID == name {
			return c.call(cmd.Context(), http.MethodDelete, "/tokens/"+url.PathEscape(t.ID), nil, nil, nil)
		}
	}
	return fault.NotFoundf("no token %q in workspace %q", name, c.workspace)
}
