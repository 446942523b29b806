import { defineConfig } from "vitest/config";

// The page in a real browser, one file after another: two browsers at once would share two cores.
export default defineConfig({
    test: {
        include: ["test/page/**/*.spec.ts"],
        environment: "node",
        fileParallelism: false,
        testTimeout: 30000,
        hookTimeout: 60000,
    },
});
