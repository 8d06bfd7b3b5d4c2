/** A text in which the words searched for are marked, letter case aside, in any script. */
export function Marked({ text, words }: { text: string; words: string }) {
  const list = words.split(/[\s"“”]+/).filter(Boolean);
  if (list.length === 0) return <>{text}</>;
  const any = new RegExp(`(${list.map((w) => w.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|")})`, "giu");
  return <>{text.split(any).map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part))}</>;
}
