import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/data.css";
import "./style/alerts.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, whenUnauthenticated } from "./api/client";
import { makeRouter } from "./router";
import { sessionKey } from "./session/session";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false, // the event stream says when something changed
      retry: (n, e) => n < 2 && e instanceof ApiError && (e.code === "offline" || e.code === "unavailable" || e.code === "limited"),
    },
  },
});
whenUnauthenticated(() => void client.invalidateQueries({ queryKey: sessionKey }));

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);
