// Links and navigation by plain URL. A URL is pushed as it is, so that names
// with slashes or percent signs, encoded by to(), stay encoded.
import { useRouter } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, useCallback } from "react";

export function useGo(): (href: string, how?: { replace?: boolean }) => void {
  const router = useRouter();
  return useCallback((href, how) => (how?.replace ? router.history.replace(href) : router.history.push(href)), [router]);
}

export function A({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const go = useGo();
  return (
    <a href={href} {...rest} onClick={(e) => {
      onClick?.(e);
      // A new tab or window is the browser's business.
      if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || rest.target) return;
      e.preventDefault();
      go(href);
    }} />
  );
}
