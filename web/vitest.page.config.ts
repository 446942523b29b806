import { defineConfig } from "vitest/config";

// The page in a real browser, one file after another: two browsers at once would share two cores.
export default defineConfig({
    test: {
        include: ["test/page/**/*.spec.ts"],
        environment: "node",
        fileParallelism: false,
        // What a test waits for comes sooner or later: a busy machine must not decide.
        expect: { poll: { timeout: 25000 } },
        testTimeout: 90000,
        hookTimeout: 60000,
    },
});
