import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where `npm run dev` finds a server: the real binary, or `npm run mock`.
const server = process.env.ASSAY_URL ?? "http://127.0.0.1:5055";

export default defineConfig({
  base: "/ui/",
  plugins: [
    react(),
    {
      // The server answers every application path with the one page; in
      // development this does.
      name: "application-paths",
      configureServer(dev) {
        dev.middlewares.use((req, _res, next) => {
          if (req.url === "/" || req.url?.startsWith("/w/")) req.url = "/ui/index.html";
          next();
        });
      },
    },
  ],
  build: {
    target: "es2023",
    sourcemap: false,
    chunkSizeWarningLimit: 600,
    assetsInlineLimit: 0, // a data: URL would need a weaker Content-Security-Policy
    modulePreload: { polyfill: false },
  },
  server: { host: "127.0.0.1", port: 5056, proxy: { "/api": server } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
