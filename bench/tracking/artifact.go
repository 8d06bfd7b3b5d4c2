package main

import (
	"context"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// stream is n bytes that do not compress, the same each time, and their sum.
type stream struct {
	block []byte
	left  int64
	n     uint64
	sum   hash.Hash32
}

func newStream(n int64) *stream {
	r := rand.New(rand.NewPCG(9, 9))
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(r.Uint32())
	}
	return &stream{block: block, left: n, sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	// Each read starts elsewhere in the block.
	from := int(s.n * 4099 % uint64(len(s.block)))
	s.n++
	n := copy(p[:min(int64(len(p)), s.left)], s.block[from:])
	s.left -= int64(n)
	s.sum.Write(p[:n])
	return n, nil
}

// measureArtifact compares a large file through the artifact proxy.
func measureArtifact(ctx context.Context, b *bench) error {
	servers, stop, err := b.startAll(ctx, "artifact", false)
	defer stop()
	if err != nil {
		return err
	}
	size := int64(b.artifactMiB) << 20
	group := fmt.Sprintf("an artifact of %s MiB through the proxy", number(float64(b.artifactMiB)))
	up := b.report.higher(group, "upload", "MiB/s")
	upMemory := b.report.lower(group, "upload, server memory at most", "MiB")
	down := b.report.higher(group, "download", "MiB/s")
	downMemory := b.report.lower(group, "download, server memory at most", "MiB")
	for i, s := range servers {
		sum, rate, memory, err := upload(ctx, s, size)
		if err == nil {
			say("%s: up at %s MiB/s with %s MiB of memory", s.name, number(rate), number(memory))
			up.set(i, rate)
			upMemory.set(i, memory)
			rate, memory, err = download(ctx, s, size, sum)
		}
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			up.note("MLflow: %v", err)
			continue
		}
		say("%s: down at %s MiB/s with %s MiB of memory", s.name, number(rate), number(memory))
		down.set(i, rate)
		downMemory.set(i, memory)
		s.stop()
		os.RemoveAll(filepath.Join(s.dir, "artifacts"))
		os.RemoveAll(filepath.Join(s.dir, "data"))
	}
	upMemory.atMost(200)
	downMemory.atMost(200)
	return nil
}

// set gives a row the figure of server i: 0 is Assay.
func (w *row) set(i int, v float64) {
	if i == 0 {
		w.assay(v)
	} else {
		w.mlflow(v)
	}
}

func artifactURL(s *process) string {
	return s.url + "/api/2.0/mlflow-artifacts/artifacts/0/bench/weights.bin"
}

func upload(ctx context.Context, s *process, size int64) (sum uint32, rate, memory float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	body := newStream(size)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, artifactURL(s), body)
	if err != nil {
		return 0, 0, 0, err
	}
	req.ContentLength = size
	highest := s.watch()
	began := time.Now()
	resp, err := (&http.Client{}).Do(req)
	took := time.Since(began)
	memory = float64(highest()) / (1 << 20)
	if err != nil {
		return 0, 0, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return 0, 0, 0, &statusError{resp.StatusCode, string(text)}
	}
	return body.sum.Sum32(), float64(size) / (1 << 20) / took.Seconds(), memory, nil
}

func download(ctx context.Context, s *process, size int64, want uint32) (rate, memory float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, artifactURL(s), nil)
	if err != nil {
		return 0, 0, err
	}
	highest := s.watch()
	began := time.Now()
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		highest()
		return 0, 0, err
	}
	defer resp.Body.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.CopyBuffer(sum, resp.Body, make([]byte, 256<<10))
	took := time.Since(began)
	memory = float64(highest()) / (1 << 20)
	if err == nil && (resp.StatusCode != http.StatusOK || n != size || sum.Sum32() != want) {
		err = fmt.Errorf("status %d, %d of %d bytes, sum %08x for %08x", resp.StatusCode, n, size, sum.Sum32(), want)
	}
	return float64(size) / (1 << 20) / took.Seconds(), memory, err
}
