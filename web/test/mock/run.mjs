// npm run mock -- [scenario] [port]: the built page with made-up runs, to look at by hand.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const { module } = await runnerImport(resolve(here, "server.ts"));
const [scenario = "demo", port = "6066"] = process.argv.slice(2);
const dist = process.env.WEB_OUT ?? resolve(here, "../../dist");
const mock = new module.Mock({ scenario, dist, port: Number(port) });
console.log(`${scenario}: ${await mock.start()}`);
process.on("SIGINT", () => mock.stop().then(() => process.exit()));
