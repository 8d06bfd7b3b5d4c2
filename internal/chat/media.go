package chat

import (
	"encoding/base64"
	"strings"
)

// media reads a picture, document or recording in any form; nil if it has
// neither content nor place.
func media(v object) *Media {
	m := &Media{}
	if own, ok := v["media"].(object); ok { // our own
		v = own
	}
	m.take(v)
	for _, name := range []string{"source", "image_url", "input_audio", "file", "image", "audio", "video", "video_url", "document"} {
		switch inner := v[name].(type) {
		case object:
			m.take(inner)
			if s3, ok := inner["s3Location"].(object); ok {
				m.URL = text(s3["uri"])
			}
		case string:
			m.place(inner)
		}
	}
	if m.URL == "" && m.Data == "" && m.File == "" {
		return nil
	}
	return m
}

// take copies what v says about the medium, without overwriting.
func (m *Media) take(v object) {
	set := func(slot *string, names ...string) {
		if *slot == "" {
			*slot = first(v, names...)
		}
	}
	set(&m.MIME, "mime", "media_type", "mediaType", "mime_type", "mimeType", "format")
	set(&m.Name, "name", "filename", "title")
	set(&m.File, "file_id", "fileId")
	for _, n := range []string{"url", "uri", "fileUri", "file_uri", "file_url"} {
		m.place(text(v[n]))
	}
	if text(v["type"]) == "text" { // Anthropic's document of plain text
		m.place(base64.StdEncoding.EncodeToString([]byte(text(v["data"]))))
	}
	for _, n := range []string{"data", "bytes", "base64", "file_data"} {
		m.place(text(v[n]))
	}
	if text(v["type"]) == "blob" { // OpenTelemetry
		m.place(text(v["content"]))
	}
}

// place takes a URL, a data URL or base64.
func (m *Media) place(s string) {
	switch {
	case s == "":
	case strings.HasPrefix(s, "data:"):
		head, data, ok := strings.Cut(s[len("data:"):], ",")
		if ok && m.Data == "" {
			m.Data = data
			if kind, _, _ := strings.Cut(head, ";"); m.MIME == "" {
				m.MIME = kind
			}
		}
	case strings.Contains(s[:min(len(s), 12)], "://"):
		if m.URL == "" {
			m.URL = s
		}
	default:
		if m.Data == "" {
			m.Data = s
		}
	}
}

// mediaKind says what a medium is, by the part's type or, where that says only
// that it is a file, by its MIME type.
func mediaKind(tag, modality string, m *Media) PartKind {
	switch tag {
	case "image_url", "input_image", "image":
		return Image
	case "input_audio", "audio":
		return Audio
	case "video", "video_url":
		return Video
	case "document":
		return Document
	}
	for _, kind := range []PartKind{Image, Audio, Video} {
		if modality == string(kind) || strings.HasPrefix(m.MIME, string(kind)+"/") {
			return kind
		}
	}
	return Document
}
