package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

func newUser(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Add, list, change and remove people",
		Long: `Add, list, change and remove people. The commands work on the data itself, whether
or not a server runs on it. From the first user on, every protocol asks for
credentials.`,
	}
	cmd.AddCommand(newUserAdd(s), newUserList(s), newUserPasswd(s), newUserRole(s), newUserRemove(s))
	return cmd
}

// userOut is a user as commands print them.
type userOut struct {
	ID       string                 `json:"user_id"`
	Name     string                 `json:"username"`
	Roles    map[string]caller.Role `json:"roles"`
	Disabled bool                   `json:"disabled"`
	LastSeen int64                  `json:"last_seen_ms,omitempty"`
}

func outUser(u account.User) userOut {
	return userOut{u.ID, u.Name, u.Roles, u.Disabled, u.LastSeenAt}
}

func (u userOut) roles() string {
	var list []string
	for ws, role := range u.Roles {
		if ws == account.Everywhere {
			ws = "everywhere"
		}
		list = append(list, string(role)+" ("+ws+")")
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func newUserAdd(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a person; the first one is an admin of the whole server",
		Example: `  assay user add ada
  assay user add bob --role editor --password-stdin < password.txt`,
		Args: args(cobra.ExactArgs(1)),
	}
	flags := cmd.Flags()
	flags.String("role", "", "viewer, annotator, editor, approver or admin")
	flags.Bool("everywhere", false, "the role holds in every workspace")
	flags.String("display-name", "", "name to show")
	flags.Bool("password-stdin", false, "read the password from standard input")
	workspaceFlag(cmd)
	dataFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			n := account.NewUser{Name: given[0], Workspace: caller.Workspace(ctx)}
			role, _ := flags.GetString("role")
			n.Role = caller.Role(role)
			n.DisplayName, _ = flags.GetString("display-name")
			everywhere, _ := flags.GetBool("everywhere")
			any, err := d.Accounts.AnyUser(ctx)
			if err != nil {
				return err
			}
			if !any && role == "" {
				n.Role, everywhere = caller.Admin, true
			}
			if n.Role == "" {
				return usageError{fault.Invalidf("--role is needed: viewer, annotator, editor, approver or admin")}
			}
			if everywhere {
				n.Workspace = account.Everywhere
			}
			if n.Password, err = s.newPassword(cmd); err != nil {
				return err
			}
			u, err := d.Accounts.Create(ctx, n)
			if err != nil {
				return err
			}
			return s.print(outUser(u), func(w io.Writer) {
				fmt.Fprintf(w, "%s is %s\n", u.Name, outUser(u).roles())
				if !any {
					fmt.Fprintln(w, "From now on every protocol asks for credentials.")
				}
			})
		})
	}
	return cmd
}

func newUserList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List people with their roles", Args: args(cobra.NoArgs)}
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			people, err := d.Accounts.People(ctx, account.Everywhere)
			if err != nil {
				return err
			}
			list := []userOut{}
			for _, u := range people {
				list = append(list, outUser(u))
			}
			return s.print(list, func(w io.Writer) {
				if len(list) == 0 {
					fmt.Fprintln(w, "No users yet: the server is open on loopback. `assay user add NAME` makes the first one.")
					return
				}
				table(w, "NAME\tROLES\tLAST SEEN\tSTATE", func(row func(cells ...any)) {
					for _, u := range list {
						state := "active"
						if u.Disabled {
							state = "disabled"
						}
						row(u.Name, u.roles(), when(u.LastSeen), state)
					}
				})
			})
		})
	}
	return cmd
}

func newUserPasswd(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "passwd NAME", Short: "Set a person's password; their sessions end", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().Bool("password-stdin", false, "read the password from standard input")
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			password, err := s.newPassword(cmd)
			if err != nil {
				return err
			}
			u, err := d.Accounts.Update(ctx, given[0], account.Change{Password: &password})
			if err != nil {
				return err
			}
			return s.print(outUser(u), func(w io.Writer) { fmt.Fprintf(w, "%s has a new password\n", u.Name) })
		})
	}
	return cmd
}

func newUserRole(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "role NAME ROLE",
		Short:   "Give a role in a workspace; \"none\" takes it away",
		Example: "  assay user role bob approver\n  assay user role bob none --workspace lab",
		Args:    args(cobra.ExactArgs(2)),
	}
	cmd.Flags().Bool("everywhere", false, "the role holds in every workspace")
	workspaceFlag(cmd)
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			role := caller.Role(given[1])
			if role == "none" {
				role = ""
			}
			c := account.Change{Role: &role, Workspace: caller.Workspace(ctx)}
			if everywhere, _ := cmd.Flags().GetBool("everywhere"); everywhere {
				c.Workspace = account.Everywhere
			}
			u, err := d.Accounts.Update(ctx, given[0], c)
			if err != nil {
				return err
			}
			return s.print(outUser(u), func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", u.Name, outUser(u).roles()) })
		})
	}
	return cmd
}

func newUserRemove(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "remove NAME", Short: "Remove a person with their sessions", Args: args(cobra.ExactArgs(1))}
	dataFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			if err := d.Accounts.Remove(ctx, given[0]); err != nil {
				return err
			}
			return s.print(map[string]string{"removed": given[0]}, func(w io.Writer) { fmt.Fprintf(w, "%s is removed\n", given[0]) })
		})
	}
	return cmd
}

// newPassword asks for a password twice on a terminal, or reads one line of
// standard input with --password-stdin.
func (s *streams) newPassword(cmd *cobra.Command) (string, error) {
	if given, _ := cmd.Flags().GetBool("password-stdin"); given {
		line, err := bufio.NewReader(io.LimitReader(s.in, 1<<16)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usageError{fault.Invalidf("there is no terminal to ask for the password on; pass it with --password-stdin")}
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(s.err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.err)
		return string(b), err
	}
	first, err := ask("Password (10 characters or more): ")
	if err != nil {
		return "", err
	}
	second, err := ask("Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fault.Invalidf("the two passwords differ; nothing was changed")
	}
	return first, nil
}

// table writes rows of tab-aligned cells under a header.
func table(w io.Writer, header string, fill func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, header)
	fill(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	})
	t.Flush()
}

// when formats unix milliseconds for people; 0 is never.
func when(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return time.UnixMilli(ms).Format("2006-01-02 15:04:05")
}
