// Links that survive mail and chat: an address over 2,000 characters becomes a
// stored view, and its id stands in the address instead.
import { api } from "../api/client";
import { copy, toastError } from "../app/toast";
import { parseSearch, to } from "../app/url";
import { pageOf, stateOf } from "./data";

export const longest = 2000;

/** The address of what is shown now, short enough to send. */
export async function link(href = location.href): Promise<string> {
  const u = new URL(href);
  const page = pageOf(u.pathname);
  if (href.length <= longest || !page) return href;
  const ws = decodeURIComponent(u.pathname.split("/")[2]!);
  const v = await api.post("/w/{ws}/views", { path: { ws }, body: { page, state: stateOf(parseSearch(u.search)), shared: false } });
  return `${u.origin}${page === "compare" ? to(ws, "runs", "compare") : to(ws, page)}?view=${encodeURIComponent(v.view_id)}`;
}

export async function copyLink(): Promise<void> {
  try {
    await copy(await link(), "Link copied");
  } catch (e) {
    toastError(e);
  }
}
