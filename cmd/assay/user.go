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
or not a server runs on it; with --server they ask a server, as the user of
ASSAY_TOKEN, or of ASSAY_USERNAME and ASSAY_PASSWORD. From the first user on,
every protocol asks for credentials.`,
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
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		n := account.NewUser{Name: given[0]}
		role, _ := flags.GetString("role")
		n.Role = caller.Role(role)
		n.DisplayName, _ = flags.GetString("display-name")
		everywhere, _ := flags.GetBool("everywhere")
		if c, err := remote(cmd); c != nil || err != nil {
			return s.addRemote(cmd, c, n, everywhere, err)
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			n.Workspace = caller.Workspace(ctx)
			any, err := d.Accounts.AnyUser(ctx)
			if err != nil {
				return err
			}
			if !any && role == "" {
				n.Role, everywhere = caller.Admin, true
			}
			if n.Role == "" {
				return errNoRole
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

var errNoRole = usageError{fault.Invalidf("--role is needed: viewer, annotator, editor, approver or admin")}

// addRemote adds n on a server; err is why there is none.
func (s *streams) addRemote(cmd *cobra.Command, c *client, n account.NewUser, everywhere bool, err error) error {
	if err != nil {
		return err
	}
	if n.Role == "" {
		return errNoRole
	}
	if everywhere {
		n.Workspace = account.Everywhere
	}
	if n.Password, err = s.newPassword(cmd); err != nil {
		return err
	}
	u, err := c.addUser(cmd, n)
	if err != nil {
		return err
	}
	return s.print(u, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", u.Name, u.roles()) })
}

// printUser prints a user that was changed, unless err says that it was not.
func (s *streams) printUser(u userOut, err error) error {
	if err != nil {
		return err
	}
	return s.print(u, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", u.Name, u.roles()) })
}

func newUserList(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List people with their roles", Args: args(cobra.NoArgs)}
	dataFlags(cmd.Flags())
	remoteFlag(cmd)
	workspaceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if c, err := remote(cmd); c != nil || err != nil {
			if err != nil {
				return err
			}
			list, err := c.people(cmd)
			if err != nil {
				return err
			}
			return s.printUsers(list)
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			people, err := d.Accounts.People(ctx, account.Everywhere)
			if err != nil {
				return err
			}
			list := []userOut{}
			for _, u := range people {
				list = append(list, outUser(u))
			}
			return s.printUsers(list)
		})
	}
	return cmd
}

func (s *streams) printUsers(list []userOut) error {
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
}

func newUserPasswd(s *streams) *cobra.Command {
	cmd := &cobra.Command{Use: "passwd NAME", Short: "Set a person's password; their sessions end", Args: args(cobra.ExactArgs(1))}
	cmd.Flags().Bool("password-stdin", false, "read the password from standard input")
	workspaceFlag(cmd)
	dataFlags(cmd.Flags())
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := remote(cmd)
		if err != nil {
			return err
		}
		password, err := s.newPassword(cmd)
		if err != nil {
			return err
		}
		if c != nil {
			return s.printUser(c.changeUser(cmd, given[0], map[string]any{"password": password}))
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
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
	remoteFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		role := caller.Role(given[1])
		if role == "none" {
			role = ""
		}
		if c, err := remote(cmd); c != nil || err != nil {
			if err != nil {
				return err
			}
			return s.printUser(c.changeUser(cmd, given[0], map[string]any{"role": role}))
		}
		return withData(cmd, s, func(ctx context.Context, d *app.Data) error {
			c := account.Change{Role: &role, Workspace: caller.Workspace(ctx)}
			if everywhere, _ := cmd.Flags().GetBool("everywhere"); everywhere {
				c.Workspace = account.Everywhere
			}
			u, err := d.Accounts.Update(ctx, given[0], c)
			return s.printUser(outUser(u), err)
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
