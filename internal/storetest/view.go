package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/view"
)

// Views is the suite of the store of saved views, through its service.
func Views(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *viewBench){
		"own and shared": viewSharing,
		"links":          viewLinks,
		"list":           viewList,
		"refusals":       viewRefusals,
	} {
		t.Run(name, func(t *testing.T) {
			now, log := time.UnixMilli(1_700_000_000_000), &viewAudit{}
			test(t, &viewBench{view.New(sqlstore.NewViews(open(t)), log, func() time.Time { now = now.Add(time.Millisecond); return now }), log})
		})
	}
}

type viewAudit struct{ actions []string }

func (a *viewAudit) Record(_ context.Context, action, _, id string, _, _ any) error {
	a.actions = append(a.actions, action+" "+id)
	return nil
}

type viewBench struct {
	*view.Service
	audit *viewAudit
}

func person(t *testing.T, user string, role caller.Role, workspace string) context.Context {
	return caller.With(t.Context(), caller.Caller{User: user, Role: role, Workspace: workspace})
}

func (b *viewBench) must(t *testing.T, ctx context.Context, d view.Draft) *view.View {
	t.Helper()
	v, err := b.Create(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustFail(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
}

func viewSharing(t *testing.T, b *viewBench) {
	ada, bob, root := person(t, "ada", caller.Editor, "a"), person(t, "bob", caller.Viewer, "a"), person(t, "root", caller.Admin, "a")
	v := b.must(t, ada, view.Draft{Page: "traces", Name: " Slow ones ", State: "?q=execution_time_ms+%3E+1000"})
	if v.Name != "Slow ones" || v.State != "q=execution_time_ms+%3E+1000" || v.Owner != "ada" {
		t.Fatalf("%+v", v)
	}
	_, err := b.View(bob, v.ID)
	mustFail(t, err, fault.NotFound)
	_, err = b.View(person(t, "ada", caller.Editor, "other"), v.ID)
	mustFail(t, err, fault.NotFound)
	yes, no, state := true, false, "q=x"
	if v, err = b.Update(ada, v.ID, view.Change{Shared: &yes, State: &state}); err != nil || !v.Shared || v.State != "q=x" {
		t.Fatal(v, err)
	}
	if got, err := b.View(bob, v.ID); err != nil || got.State != "q=x" || !got.Shared {
		t.Fatal(got, err)
	}
	_, err = b.Update(bob, v.ID, view.Change{State: &state})
	mustFail(t, err, fault.Denied)
	mustFail(t, b.Delete(bob, v.ID), fault.Denied)
	if _, err := b.Update(root, v.ID, view.Change{Shared: &no}); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(ada, v.ID); err != nil || len(b.audit.actions) != 0 {
		t.Fatal("a personal view is nobody else's business", err, b.audit.actions)
	}
	shared := b.must(t, ada, view.Draft{Page: "runs", Name: "Best", State: "", Shared: true})
	if err := b.Delete(root, shared.ID); err != nil || len(b.audit.actions) != 1 || b.audit.actions[0] != "view.delete "+shared.ID {
		t.Fatal(err, b.audit.actions)
	}
	_, err = b.View(ada, shared.ID)
	mustFail(t, err, fault.NotFound)
}

func viewLinks(t *testing.T, b *viewBench) {
	ada, bob := person(t, "ada", caller.Editor, "a"), person(t, "bob", caller.Viewer, "a")
	long := "q=" + strings.Repeat("x", 5000)
	v := b.must(t, ada, view.Draft{Page: "traces", State: long, Shared: true})
	if v.Shared || v.Name != "" {
		t.Fatalf("%+v", v)
	}
	if again := b.must(t, bob, view.Draft{Page: "traces", State: long}); again.ID != v.ID {
		t.Fatal("equal links are one")
	}
	if other := b.must(t, bob, view.Draft{Page: "runs", State: long}); other.ID == v.ID {
		t.Fatal("another page is another link")
	}
	if got, err := b.View(bob, v.ID); err != nil || got.State != long {
		t.Fatal(err)
	}
	list, _, err := b.List(ada, view.List{})
	if err != nil || len(list) != 0 {
		t.Fatal("links stand in no list", list, err)
	}
	name := "n"
	_, err = b.Update(ada, v.ID, view.Change{Name: &name})
	mustFail(t, err, fault.State)
}

func viewList(t *testing.T, b *viewBench) {
	ada, bob := person(t, "ada", caller.Editor, "a"), person(t, "bob", caller.Viewer, "a")
	for i := range 7 {
		b.must(t, ada, view.Draft{Page: "traces", Name: fmt.Sprintf("100%%_%d", i), State: "", Shared: i%2 == 0})
	}
	b.must(t, ada, view.Draft{Page: "runs", Name: "Läufe", State: ""})
	b.must(t, bob, view.Draft{Page: "traces", Name: "100%_3", State: ""})
	var names []string
	token, pages := "", 0
	for {
		list, next, err := b.List(bob, view.List{Page: "traces", Limit: 2, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			names = append(names, v.Name+" "+v.Owner)
		}
		if pages++; next == "" {
			break
		}
		token = next
	}
	if got := strings.Join(names, ","); got != "100%_0 ada,100%_2 ada,100%_3 bob,100%_4 ada,100%_6 ada" || pages != 3 {
		t.Fatal(got, pages)
	}
	for text, n := range map[string]int{"%_4": 1, "UFE": 1, "0%": 7, "x": 0} {
		list, _, err := b.List(ada, view.List{Text: text})
		if err != nil || len(list) != n {
			t.Errorf("%q finds %d, want %d (%v)", text, len(list), n, err)
		}
	}
	_, _, err := b.List(ada, view.List{Page: "traces", Limit: 2, Token: token})
	mustFail(t, err, fault.Invalid) // bob's token
}

func viewRefusals(t *testing.T, b *viewBench) {
	ada, bob := person(t, "ada", caller.Editor, "a"), person(t, "bob", caller.Viewer, "a")
	for what, d := range map[string]view.Draft{
		"page":    {Page: "nowhere", Name: "n"},
		"name":    {Page: "runs", Name: strings.Repeat("n", 121)},
		"control": {Page: "runs", Name: "a\nb"},
		"nested":  {Page: "runs", Name: "n", State: "view=sv-1"},
		"escape":  {Page: "runs", Name: "n", State: "q=%zz"},
		"params":  {Page: "runs", Name: "n", State: manyParams(600)},
	} {
		if _, err := b.Create(ada, d); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := b.Create(ada, view.Draft{Page: "runs", Name: "n", State: "q=" + strings.Repeat("x", 70_000)})
	mustFail(t, err, fault.TooLarge)
	_, err = b.Create(bob, view.Draft{Page: "runs", Name: "n", Shared: true})
	mustFail(t, err, fault.Denied)
	for i := range 500 {
		b.must(t, bob, view.Draft{Page: "runs", Name: fmt.Sprint(i)})
	}
	_, err = b.Create(bob, view.Draft{Page: "runs", Name: "one more"})
	mustFail(t, err, fault.Limited)
	b.must(t, ada, view.Draft{Page: "runs", Name: "not bob's"})
}

func manyParams(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "p%d=1&", i)
	}
	return s.String()
}
