import { render } from "preact";
import { boot } from "./boot";
import { takeToken } from "./net/session";
import { addressStart } from "./ui/address";
import { announceStart } from "./ui/announce";
import { App } from "./ui/app";
import { filtersStart } from "./ui/filters";
import { fillStart } from "./ui/first";
import { followStart } from "./ui/follow";
import { keysStart } from "./ui/keys";
import { placesStart } from "./ui/places";
import { themeStart } from "./ui/theme";
import "./ui/css/tokens.css";
import "./ui/css/base.css";
import "./ui/css/controls.css";
import "./ui/css/frame.css";
import "./ui/css/side.css";
import "./ui/css/charts.css";
import "./ui/css/float.css";
import "./ui/css/blank.css";
import "./ui/css/narrow.css";

/** How long the page waits for its runs before it shows itself without them. */
const FIRST_MS = 80;

themeStart();
// The token of the address is taken before the address is read as a view.
const token = takeToken();
const read = addressStart().then(() => {
    filtersStart();
    followStart();
    keysStart();
    placesStart();
    announceStart();
});
const booted = boot(token, read);
void Promise.race([booted, new Promise(go => setTimeout(go, FIRST_MS))]).then(() =>
    // A task of its own, after the one that asked for the first charts.
    setTimeout(() => {
        render(<App />, document.getElementById("app") as HTMLElement);
        void booted.then(fillStart);
    }),
);
