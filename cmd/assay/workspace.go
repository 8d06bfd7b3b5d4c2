package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/app"
)

func newWorkspace(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "workspace", Short: "Create, list and delete workspaces"}
	cmd.AddCommand(newWorkspaceCreate(s), newWorkspaceList(s), newWorkspaceDelete(s))
	return cmd
}

type workspaceOut struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func newWorkspaceCreate(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a workspace", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().String("description", "", "what it is for")
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			description, _ := cmd.Flags().GetString("description")
			w, err := d.Accounts.CreateWorkspace(ctx, given[0], description)
			return s.printWorkspace(w, err, "created")
		})
	}
	return cmd
}

func newWorkspaceList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List workspaces", Args: args(cobra.NoArgs)}
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			all, err := d.Accounts.ListWorkspaces(ctx)
			if err != nil {
				return err
			}
			list := []workspaceOut{}
			for _, w := range all {
				list = append(list, workspaceOut{w.Name, w.Description})
			}
			return s.print(list, func(w io.Writer) {
				table(w, "NAME\tDESCRIPTION", func(row func(cells ...any)) {
					for _, ws := range list {
						row(ws.Name, ws.Description)
					}
				})
			})
		})
	}
	return cmd
}

func newWorkspaceDelete(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete an empty workspace", Args: args(cobra.ExactArgs(1))}
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			return s.printWorkspace(account.Workspace{Name: given[0]}, d.Accounts.DeleteWorkspace(ctx, given[0]), "deleted")
		})
	}
	return cmd
}

func (s *streams) printWorkspace(w account.Workspace, err error, done string) error {
	if err != nil {
		return err
	}
	return s.print(workspaceOut{w.Name, w.Description}, func(out io.Writer) { fmt.Fprintf(out, "workspace %s %s\n", w.Name, done) })
}
