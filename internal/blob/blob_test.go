package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

func TestLocal(t *testing.T) {
	suite(t, func(t *testing.T) Store {
		l, err := OpenLocal(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}, sideBySide(3))
}

func TestS3(t *testing.T) {
	where := os.Getenv("ASSAY_TEST_S3")
	if where == "" {
		t.Skip("ASSAY_TEST_S3 is not set")
	}
	suite(t, func(t *testing.T) Store {
		s, err := Open(t.Context(), where+"&prefix="+id.Hex()+"/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}, sideBySide(8))
}

// suite is what every store must do. beside is sideBySide with as many folders
// as the store's own server can bear to see made and removed at once.
func suite(t *testing.T, open func(t *testing.T) Store, beside func(*testing.T, Store)) {
	for name, test := range map[string]func(*testing.T, Store){
		"put, read, replace":  putReadReplace,
		"ranges":              ranges,
		"listing":             listing,
		"deleting":            deleting,
		"broken upload":       brokenUpload,
		"hostile keys":        hostileKeys,
		"composing":           composing,
		"side by side":        beside,
		"larger than a part":  large,
		"nothing to be found": nothing,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s Store, key, text string) {
	t.Helper()
	if n, err := s.Put(t.Context(), key, strings.NewReader(text)); err != nil || n != int64(len(text)) {
		t.Fatalf("Put(%s) = %d, %v", key, n, err)
	}
}

func read(t *testing.T, s Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Fatalf("Open(%s): %v", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func putReadReplace(t *testing.T, s Store) {
	put(t, s, "1/run/artifacts/mo del/wéights.bin", "first")
	put(t, s, "1/run/artifacts/mo del/wéights.bin", "the second")
	put(t, s, "empty", "")
	if got := read(t, s, "1/run/artifacts/mo del/wéights.bin", 0, -1); got != "the second" {
		t.Fatalf("read %q", got)
	}
	size, modified, err := s.Stat(t.Context(), "1/run/artifacts/mo del/wéights.bin")
	if err != nil || size != 10 || modified.IsZero() {
		t.Fatalf("Stat = %d, %v, %v", size, modified, err)
	}
	if got := read(t, s, "empty", 0, -1); got != "" {
		t.Fatalf("empty object read %q", got)
	}
}

func ranges(t *testing.T, s Store) {
	put(t, s, "a/digits", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"}, {9, 1, "9"}, {8, 100, "89"}} {
		if got := read(t, s, "a/digits", c.offset, c.length); got != c.want {
			t.Errorf("from %d, %d bytes: %q, want %q", c.offset, c.length, got, c.want)
		}
	}
}

func list(t *testing.T, s Store, prefix string, limit int) []string {
	t.Helper()
	var out []string
	token := ""
	for range 1000 {
		next, err := s.List(t.Context(), prefix, token, limit, func(name string, dir bool, size int64) {
			if dir {
				name += "/"
			} else {
				name += fmt.Sprint("=", size)
			}
			out = append(out, name)
		})
		if err != nil {
			t.Fatal(err)
		}
		if token = next; token == "" {
			return out
		}
	}
	t.Fatal("the listing does not end")
	return nil
}

func listing(t *testing.T, s Store) {
	for _, key := range []string{"r/b/one", "r/b/two", "r/a", "r/c", "r/d/deep/er", "rest"} {
		put(t, s, key, key)
	}
	for _, c := range []struct{ prefix, want string }{
		{"r", "a=3 b/ c=3 d/"}, {"", "r/ rest=4"}, {"r/b", "one=7 two=7"}, {"r/a", ""}, {"none", ""}, {"r/d", "deep/"},
	} {
		for _, limit := range []int{1, 2, 100} {
			if got := strings.Join(list(t, s, c.prefix, limit), " "); got != c.want {
				t.Errorf("List(%q) by %d: %q, want %q", c.prefix, limit, got, c.want)
			}
		}
	}
}

func deleting(t *testing.T, s Store) {
	for _, key := range []string{"x/a", "x/b/c", "x/b/d", "xy"} {
		put(t, s, key, key)
	}
	if err := s.Delete(t.Context(), "x/a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "x/a"); err != nil {
		t.Fatalf("a second Delete: %v", err)
	}
	if err := s.DeleteAll(t.Context(), "x/b"); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, "", 10); len(got) != 1 || got[0] != "xy=2" {
		t.Fatalf("left: %v", got)
	}
	put(t, s, "x/a", "again")
}

func brokenUpload(t *testing.T, s Store) {
	put(t, s, "k", "whole")
	for _, body := range []io.Reader{
		io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("cut"))),
		io.MultiReader(bytes.NewReader(make([]byte, 3*partSize)), iotest.ErrReader(errors.New("cut"))),
	} {
		if _, err := s.Put(t.Context(), "k", body); !fault.Is(err, fault.Invalid) {
			t.Fatalf("broken upload: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, "k", strings.NewReader("late")); err == nil {
		t.Fatal("a cancelled upload succeeded")
	}
	if got := read(t, s, "k", 0, -1); got != "whole" {
		t.Fatalf("read %q", got)
	}
	if got := list(t, s, "", 10); len(got) != 1 {
		t.Fatalf("a broken upload left something: %v", got)
	}
}

func hostileKeys(t *testing.T, s Store) {
	for _, key := range []string{
		"", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a//b", "a/", "./a", "a/./b", `a\b`, `..\..\x`, "a\x00b",
		strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x", "a/\xff", staging + "/x",
	} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x")); !fault.Is(err, fault.Invalid) {
			t.Errorf("Put(%q): %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, 0, -1); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open(%q): %v", key, err)
		}
		if err := s.DeleteAll(t.Context(), key); !fault.Is(err, fault.Invalid) {
			t.Errorf("DeleteAll(%q): %v", key, err)
		}
	}
}

func composing(t *testing.T, s Store) {
	for i := range 3 {
		put(t, s, fmt.Sprintf("parts/%d", i), strings.Repeat(fmt.Sprint(i), i+1))
	}
	if err := s.Compose(t.Context(), "whole", []string{"parts/2", "parts/0", "parts/1"}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "whole", 0, -1); got != "222011" {
		t.Fatalf("read %q", got)
	}
	if err := s.Compose(t.Context(), "whole", []string{"parts/0", "parts/9"}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("a missing part: %v", err)
	}
	if got := read(t, s, "whole", 0, -1); got != "222011" {
		t.Fatalf("a failed Compose changed the object to %q", got)
	}
}

// sideBySide has eight workers make and remove objects in so many folders. Two
// in one folder is what the local driver must bear; the gateway that stands for
// S3 in tests keeps folders as directories and loses that race itself (a real
// object store has no folders), so that there each worker has its own.
func sideBySide(folders int) func(t *testing.T, s Store) {
	return func(t *testing.T, s Store) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 10 {
					at := w
					if folders < 8 {
						at = (w + i) % folders
					}
					key := fmt.Sprintf("d%d/e/f", at)
					if _, err := s.Put(context.Background(), key, strings.NewReader("text")); err != nil {
						t.Errorf("Put: %v", err)
					}
					if err := s.Delete(context.Background(), key); err != nil {
						t.Errorf("Delete: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if got := list(t, s, "", 10); len(got) != 0 {
			t.Fatalf("left: %v", got)
		}
	}
}

func large(t *testing.T, s Store) {
	const size = 2*partSize + 12345
	n, err := s.Put(t.Context(), "large", io.LimitReader(&pattern{}, size))
	if err != nil || n != size {
		t.Fatalf("Put = %d, %v", n, err)
	}
	r, err := s.Open(t.Context(), "large", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want, got := make([]byte, 64<<10), make([]byte, 64<<10)
	(&pattern{}).Read(want)
	for total := 0; total < size; {
		n, err := io.ReadFull(r, got)
		if total += n; err != nil && total != size {
			t.Fatalf("after %d bytes: %v", total, err)
		}
		if !bytes.Equal(got[:n], want[:n]) {
			t.Fatalf("other bytes before %d", total)
		}
	}
}

// pattern counts bytes up, over and over.
type pattern struct{ at int }

func (r *pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.at + i)
	}
	r.at += len(p)
	return len(p), nil
}

func nothing(t *testing.T, s Store) {
	put(t, s, "dir/file", "x")
	for _, key := range []string{"none", "dir", "dir/file/below", "dir/none"} {
		if _, _, err := s.Stat(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("Stat(%s): %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, 0, -1); !fault.Is(err, fault.NotFound) {
			t.Errorf("Open(%s): %v", key, err)
		}
	}
}

func TestLocalDoesNotFollowLinks(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l, err := OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"link/secret", "file"} {
		if r, err := l.Open(t.Context(), key, 0, -1); err == nil {
			r.Close()
			t.Errorf("%s was readable", key)
		}
	}
	if _, err := l.Put(t.Context(), "link/new", strings.NewReader("x")); err == nil {
		t.Error("a file was made through a link")
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); err == nil {
		t.Error("a file appeared outside")
	}
	if got := list(t, l, "", 10); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func TestLocalFileAndDirectoryOfOneName(t *testing.T) {
	l, err := OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	put(t, l, "a/b", "x")
	put(t, l, "f", "x")
	for _, key := range []string{"a", "f/below"} {
		if _, err := l.Put(t.Context(), key, strings.NewReader("y")); !fault.Is(err, fault.Invalid) {
			t.Errorf("Put(%s): %v", key, err)
		}
	}
}

func TestLocalRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, staging, "unfinished")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Fatalf("still there: %v", err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a//b", "/x", "a\x00", strings.Repeat("a", 300)} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) != nil {
			return
		}
		joined := filepath.Join(dir, key)
		if rel, err := filepath.Rel(dir, joined); err != nil || rel != filepath.FromSlash(key) {
			t.Fatalf("%q became %q (%v)", key, rel, err)
		}
	})
}
