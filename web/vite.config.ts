// Builds the page into one script and one style sheet with relative addresses, so that it works
// below any path prefix. `--outDir` or WEB_OUT says where to; the default is web/dist.
import { defineConfig, type Plugin } from "vite";

const api = process.env.TAILBOARD_API ?? "http://127.0.0.1:6066";

/** Path builders of uPlot that this page does not use; without their export they fall away. */
function leanPlot(): Plugin {
    const builders = /\(paths\.(?:spline|bars|stepped)\s*=\s*\w+\);/g;
    return {
        name: "lean-uplot",
        transform(code, id) {
            if (!id.includes("uPlot.esm")) return;
            const lean = code.replace(builders, "");
            if (lean === code) throw new Error("uPlot exports its path builders in another way");
            return { code: lean, map: null };
        },
    };
}

export default defineConfig({
    plugins: [leanPlot()],
    base: "./",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
        outDir: process.env.WEB_OUT ?? "dist",
        emptyOutDir: true,
        target: ["chrome123", "firefox121", "safari17.5"],
        cssTarget: ["chrome123", "firefox121", "safari17.5"],
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        cssCodeSplit: false,
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
