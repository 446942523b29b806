/* route_points.c: POST /points and GET /runs/{id}/points: history, and what came after it. */
#include <stdio.h>
#include <string.h>

#include "http/points_reply.h"
#include "http/router.h"

static void free_ask(void *ask)
{
    ask_free(ask);
}

static bool has_news(struct request *request)
{
    return ask_has_news(request->state, request->shared->options.store);
}

/* Answers, or waits for something to answer. */
static void serve(struct request *request, struct ask *ask, bool single)
{
    if (ask->has_after && !ask_has_news(ask, request->shared->options.store)) {
        if (ask->wait_s > 0 && !request->time_over) {
            request->state = ask;
            request->free_state = free_ask;
            request_wait(request, ask->wait_s, has_news);
            return;
        }
        ask_free(ask);
        response_empty(request, 204);
        return;
    }
    points_reply(request, ask, single);
}

void route_points_post(struct request *request)
{
    struct ask *ask = TAKE_PTR(request->state);

    if (!ask)
        ask = ask_read(request);
    if (ask)
        serve(request, ask, false);
}

/* One address has a representation a format and view: each has its own ETag. */
static bool has_already(struct request *request, struct run *run, const struct ask *ask)
{
    static const char *const formats[] = {
        [ASK_BINARY] = "-binary", [ASK_JSON] = "", [ASK_NDJSON] = "-ndjson", [ASK_CSV] = "-csv",
    };
    char suffix[16];

    snprintf(suffix, sizeof suffix, "%s%s", formats[ask->format],
             ask->query.view == VIEW_ALL ? "-all" : "");
    return response_run_etag(request, run, suffix);
}

void route_points_get(struct request *request)
{
    struct ask *ask = TAKE_PTR(request->state);
    struct run *run = ask ? NULL : request_run(request);

    if (!ask && run)
        ask = ask_query(request, run);
    if (!ask)
        return;
    if (!ask->has_after && has_already(request, run, ask)) {
        ask_free(ask);
        return;
    }
    serve(request, ask, true);
}
