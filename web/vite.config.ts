// Builds the page into one script and one style sheet with relative addresses, so that it works
// below any path prefix. `--outDir` or WEB_OUT says where to; the default is web/dist.
import { defineConfig } from "vite";

const api = process.env.TAILBOARD_API ?? "http://127.0.0.1:6066";

export default defineConfig({
    base: "./",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
        outDir: process.env.WEB_OUT ?? "dist",
        emptyOutDir: true,
        target: ["chrome123", "firefox121", "safari17.5"],
        cssTarget: ["chrome123", "firefox121", "safari17.5"],
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        cssCodeSplit: true,
        reportCompressedSize: true,
    },
    worker: { format: "es" },
    server: {
        proxy: {
            "/api": { target: api },
            "/live": { target: api, ws: true },
        },
    },
});
