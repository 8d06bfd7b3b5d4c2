package mlflow

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// Clients send the parts of a large file side by side to addresses that the
// server gives out, as an object store would. Ours are on the server itself;
// each is signed, because clients send no credentials to them.

func (h artifacts) uploads() []route {
	const mpu = "mlflow-artifacts/mpu/"
	part := streamed(http.MethodPut, mpu+"part/{upload_id}/{part}", caller.Write, h.putPart)
	part.Signed = true
	return []route{
		streamed(http.MethodPost, mpu+"create/{path...}", caller.Write, h.createUpload),
		streamed(http.MethodPost, mpu+"complete/{path...}", caller.Write, h.completeUpload),
		streamed(http.MethodPost, mpu+"abort/{path...}", caller.Write, h.abortUpload),
		part,
	}
}

type uploadRequest struct {
	Path     string       `json:"path"` // of the file on the client
	NumParts *Int         `json:"num_parts"`
	UploadID string       `json:"upload_id"`
	Parts    []uploadPart `json:"parts"`
}

type uploadPart struct {
	Number Int    `json:"part_number"`
	ETag   string `json:"etag"`
	URL    string `json:"url"`
}

// decodeUpload reads the request; the address names the folder, the body the
// file, of which only the last segment is wanted.
func decodeUpload(r *http.Request) (*uploadRequest, string, error) {
	req := &uploadRequest{}
	body, err := readBody(r)
	if err != nil {
		return nil, "", err
	}
	if len(body) > 0 {
		if err := decodeJSON(body, req); err != nil {
			return nil, "", err
		}
	}
	if err := present("path", req.Path); err != nil {
		return nil, "", err
	}
	name := path.Base(strings.ReplaceAll(req.Path, `\`, "/"))
	return req, path.Join(r.PathValue("path"), name), nil
}

type uploadCredential struct {
	URL     string            `json:"url"`
	Number  int               `json:"part_number"`
	Headers map[string]string `json:"headers"`
}

type uploadCreated struct {
	UploadID    string             `json:"upload_id"`
	Credentials []uploadCredential `json:"credentials"`
}

func (h artifacts) createUpload(w http.ResponseWriter, r *http.Request) error {
	req, p, err := decodeUpload(r)
	if err != nil {
		return err
	}
	n := Int(1)
	if req.NumParts != nil {
		n = *req.NumParts
	}
	u, err := h.files.BeginUpload(r.Context(), tracking.ArtifactRoot, p, int(min(n, 1<<20)))
	if err != nil {
		return err
	}
	answer := uploadCreated{UploadID: u.ID}
	for i, signature := range u.Parts {
		answer.Credentials = append(answer.Credentials, uploadCredential{
			URL: h.base(r) + "/api/2.0/mlflow-artifacts/mpu/part/" + u.ID + "/" + strconv.Itoa(i+1) +
				"?signature=" + url.QueryEscape(signature),
			Number: i + 1, Headers: map[string]string{},
		})
	}
	return writeJSON(w, answer)
}

// base is the address of the server as the client of r knows it.
func (h artifacts) base(r *http.Request) string {
	if h.cfg.PublicURL != "" {
		return strings.TrimSuffix(h.cfg.PublicURL, "/")
	}
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (h artifacts) putPart(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.PathValue("part"))
	if err != nil {
		return fault.Invalidf("Invalid value %q for parameter 'part' supplied: expected an integer", clip(r.PathValue("part")))
	}
	size, err := h.files.PutPart(r.Context(), r.PathValue("upload_id"), n, r.URL.Query().Get("signature"), r.Body)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+strconv.Itoa(n)+"-"+strconv.FormatInt(size, 10)+`"`)
	return writeJSON(w, empty{})
}

func (h artifacts) completeUpload(w http.ResponseWriter, r *http.Request) error {
	req, p, err := decodeUpload(r)
	if err != nil {
		return err
	}
	if len(req.Parts) == 0 {
		return missing("parts")
	}
	numbers := make([]int, len(req.Parts))
	for i, part := range req.Parts {
		numbers[i] = int(part.Number)
	}
	slices.Sort(numbers)
	if err := h.files.CompleteUpload(r.Context(), tracking.ArtifactRoot, p, req.UploadID, numbers); err != nil {
		return err
	}
	h.stored(r.Context(), p)
	return writeJSON(w, empty{})
}

func (h artifacts) abortUpload(w http.ResponseWriter, r *http.Request) error {
	req, p, err := decodeUpload(r)
	if err != nil {
		return err
	}
	if err := h.files.AbortUpload(r.Context(), tracking.ArtifactRoot, p, req.UploadID); err != nil {
		return err
	}
	return writeJSON(w, empty{})
}
