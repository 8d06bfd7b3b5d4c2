package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/caller"
)

func newToken(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Create, list and revoke service tokens",
		Long: `Create, list and revoke service tokens: credentials for programs, with one role in
one workspace. A program sends its token as Bearer, or as the Basic password
under any user name:

    export MLFLOW_TRACKING_TOKEN=assay_…`,
	}
	cmd.AddCommand(newTokenCreate(s), newTokenList(s), newTokenRevoke(s))
	return cmd
}

type tokenOut struct {
	ID        string      `json:"token_id"`
	Name      string      `json:"name"`
	Workspace string      `json:"workspace"`
	Role      caller.Role `json:"role"`
	Hint      string      `json:"hint"`
	Secret    string      `json:"secret,omitempty"`
	ExpiresAt int64       `json:"expires_ms,omitempty"`
	LastUsed  int64       `json:"last_used_ms,omitempty"`
}

func outToken(t account.Token) tokenOut {
	return tokenOut{ID: t.ID, Name: t.Name, Workspace: t.Workspace, Role: t.Role, Hint: t.Hint, ExpiresAt: t.ExpiresAt, LastUsed: t.LastUsedAt}
}

func newTokenCreate(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a token; its secret is shown this once", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().String("role", "editor", "viewer, annotator, editor, approver or admin")
	cmd.Flags().Duration("expires", 0, "how long it is valid, as 720h; 0 is for ever")
	workspaceFlag(cmd)
	dataFlags(cmd.Flags())
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		role, _ := cmd.Flags().GetString("role")
		valid, _ := cmd.Flags().GetDuration("expires")
		if c, err := remote(cmd); c != nil || err != nil {
			if err != nil {
				return err
			}
			t, err := c.createToken(cmd, given[0], caller.Role(role), valid)
			return s.printSecret(t, err)
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			expires := int64(0)
			if valid != 0 {
				expires = time.Now().Add(valid).UnixMilli()
			}
			t, secret, err := d.Accounts.CreateToken(ctx, given[0], caller.Role(role), expires)
			out := outToken(t)
			out.Secret = secret
			return s.printSecret(out, err)
		})
	}
	return cmd
}

// printSecret prints a new token's secret alone on standard output, so that a
// script can take it, unless err says that there is none.
func (s *streams) printSecret(t tokenOut, err error) error {
	if err != nil {
		return err
	}
	return s.print(t, func(w io.Writer) {
		fmt.Fprintln(w, t.Secret)
		fmt.Fprintf(s.err, "%s is %s in workspace %s. The secret is not shown again.\n", t.Name, t.Role, t.Workspace)
	})
}

func newTokenList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List a workspace's tokens, without their secrets", Args: args(cobra.NoArgs)}
	workspaceFlag(cmd)
	dataFlags(cmd.Flags())
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if c, err := remote(cmd); c != nil || err != nil {
			if err != nil {
				return err
			}
			list, err := c.tokens(cmd)
			if err != nil {
				return err
			}
			return s.printTokens(list)
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			tokens, err := d.Accounts.ListTokens(ctx)
			if err != nil {
				return err
			}
			list := []tokenOut{}
			for _, t := range tokens {
				list = append(list, outToken(t))
			}
			return s.printTokens(list)
		})
	}
	return cmd
}

func (s *streams) printTokens(list []tokenOut) error {
	return s.print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "No tokens. `assay token create NAME` makes one.")
			return
		}
		table(w, "NAME\tROLE\tSECRET\tLAST USED\tEXPIRES", func(row func(cells ...any)) {
			for _, t := range list {
				row(t.Name, t.Role, t.Hint+"…", when(t.LastUsed), when(t.ExpiresAt))
			}
		})
	})
}

func newTokenRevoke(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "revoke NAME", Short: "Revoke a token, by name or id", Args: args(cobra.ExactArgs(1))}
	workspaceFlag(cmd)
	dataFlags(cmd.Flags())
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		done := func(w io.Writer) { fmt.Fprintf(w, "%s is revoked\n", given[0]) }
		if c, err := remote(cmd); c != nil || err != nil {
			if err == nil {
				err = c.revokeToken(cmd, given[0])
			}
			if err != nil {
				return err
			}
			return s.print(map[string]string{"revoked": given[0]}, done)
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			if err := d.Accounts.RevokeToken(ctx, given[0]); err != nil {
				return err
			}
			return s.print(map[string]string{"revoked": given[0]}, done)
		})
	}
	return cmd
}
