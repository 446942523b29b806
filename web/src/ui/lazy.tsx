// Parts of the page that are fetched when they are first shown.

import { type ComponentType, type FunctionComponent, h } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Shows nothing until the part is there, and says so when it cannot be had. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>) {
    let part: ComponentType<P> | null = null;
    const Part: FunctionComponent<P> = props => {
        const [failed, setFailed] = useState(false);
        const [, show] = useState(0);
        useEffect(() => {
            if (part) return;
            load().then(
                got => {
                    part = got;
                    show(1);
                },
                () => setFailed(true),
            );
        }, []);
        if (part) return h(part, props);
        if (!failed) return null;
        return (
            <p class="blank" role="status">
                This part of the page could not be fetched. The server may have been replaced: load
                the page again.
            </p>
        );
    };
    return Part;
}
