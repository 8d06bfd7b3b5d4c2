// Markdown, sanitised. The renderer and the sanitiser load when first needed;
// remote images stay blocked until asked for.
import { useEffect, useState } from "react";

type Render = (text: string, images: boolean) => { html: string; blocked: number };
let loading: Promise<Render> | null = null;

function load(): Promise<Render> {
  loading ??= Promise.all([import("marked"), import("dompurify")]).then(([{ Marked }, { default: purify }]) => {
    const marked = new Marked({ gfm: true, breaks: true });
    return (text, images) => {
      let blocked = 0;
      const clean = purify.sanitize(marked.parse(text, { async: false }), {
        RETURN_DOM_FRAGMENT: true,
        FORBID_TAGS: ["style", "form", "input", "button", "iframe", "video", "audio", "svg", "math"],
        FORBID_ATTR: ["style", "class", "id", "srcset"],
      });
      for (const img of clean.querySelectorAll("img")) {
        if (images || (img.getAttribute("src") ?? "").startsWith("data:image/")) continue;
        blocked++;
        const note = document.createElement("em");
        note.textContent = `[image: ${img.alt || img.getAttribute("src") || ""}]`;
        img.replaceWith(note);
      }
      for (const a of clean.querySelectorAll("a")) {
        a.target = "_blank";
        a.rel = "noopener noreferrer";
      }
      const box = document.createElement("div");
      box.append(clean);
      return { html: box.innerHTML, blocked };
    };
  });
  return loading;
}

export function Markdown({ text }: { text: string }) {
  const [images, setImages] = useState(false);
  const [done, setDone] = useState<{ html: string; blocked: number } | null>(null);
  useEffect(() => {
    let gone = false;
    // A megabyte of Markdown is read as text, not rendered.
    if (text.length < 1_000_000) void load().then((render) => { if (!gone) setDone(render(text, images)); });
    return () => { gone = true; };
  }, [text, images]);
  if (!done) return <pre className="text" dir="auto">{text}</pre>;
  return (
    <>
      {done.blocked > 0 && <p className="label muted" style={{ marginBottom: 8 }}>{done.blocked} remote image{done.blocked > 1 ? "s are" : " is"} blocked. <button className="link" onClick={() => setImages(true)}>Load</button></p>}
      <div className="markdown" dir="auto" dangerouslySetInnerHTML={{ __html: done.html }} />
    </>
  );
}
