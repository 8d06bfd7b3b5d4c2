import { useSyncExternalStore } from "react";
import { usePrefs } from "../app/prefs";

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (f) => {
      const m = matchMedia(query);
      m.addEventListener("change", f);
      return () => m.removeEventListener("change", f);
    },
    () => matchMedia(query).matches,
  );
}

export const useNarrow = () => useMedia("(max-width: 639px)");

/** The row height the tokens give, in px; virtual lists need it as a number. */
export function useRowHeight(): number {
  const coarse = useMedia("(pointer: coarse)");
  const { density } = usePrefs();
  return coarse ? 44 : density === "comfortable" ? 36 : 28;
}

/** The colour a token has now, as a canvas can use it. */
export function cssColor(token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
}

/** Changes with the theme, for what is painted rather than styled. */
export function useThemeKey(): string {
  const dark = useMedia("(prefers-color-scheme: dark)");
  const { theme } = usePrefs();
  return theme === "system" ? (dark ? "dark" : "light") : theme;
}
