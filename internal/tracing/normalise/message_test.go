package normalise

import (
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func TestReasoningAndMediaAreToldFromText(t *testing.T) {
	for name, c := range map[string]struct{ message, text, reasoning, media string }{
		"anthropic":                          {`{"role":"assistant","content":[{"type":"thinking","thinking":"hmm"},{"type":"text","text":"four"}]}`, "four", "hmm", ""},
		"gen_ai":                             {`{"role":"assistant","parts":[{"type":"reasoning","content":"2+2"},{"type":"text","content":"4"}]}`, "4", "2+2", ""},
		"deepseek":                           {`{"role":"assistant","reasoning_content":"long","content":"short"}`, "short", "long", ""},
		"a person's reasoning is no model's": {`{"role":"user","reasoning":"because","content":"why"}`, "why", "", ""},
		"openai image":                       {`{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lG"}}]}`, "what?", "", "data:image/gif;base64,R0lG"},
		"anthropic image":                    {`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}]}`, "", "", "data:image/png;base64,iVBO"},
		"remote image":                       {`{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]}`, "", "", "https://example.com/a.png"},
		"gen_ai blob":                        {`{"role":"user","parts":[{"type":"blob","mime_type":"audio/wav","content":"UklG"}]}`, "", "", "data:audio/wav;base64,UklG"},
		"a document of words":                {`{"role":"user","content":[{"type":"document","text":"a page"}]}`, "a page", "", ""},
	} {
		v := parsed(trace.StringValue(c.message))
		list := appendMessages(nil, v, Human, 0)
		if len(list) != 1 {
			t.Errorf("%s: %d messages", name, len(list))
			continue
		}
		m, url := list[0], ""
		for _, p := range m.Media {
			url += p.URL
		}
		if m.Text != c.text || m.Reasoning != c.reasoning || url != c.media {
			t.Errorf("%s: text %q, reasoning %q, media %q", name, m.Text, m.Reasoning, url)
		}
	}
}
