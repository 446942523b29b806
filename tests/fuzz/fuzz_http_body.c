/* Bodies of POST /points and POST /session against an empty store: no crash, and either an ask
 * within the limits or a problem. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/ask.h"
#include "http/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *empty_store(void)
{
    static struct store *store;

    if (!store) {
        const struct store_options options = {.epoch = 1};

        store = store_new(&options);
        CHECK(store);
    }
    return store;
}

static void check_ask(struct request *request)
{
    struct ask *ask = ask_read(request);

    CHECK(!ask == (request->reply.status != 0));
    if (!ask)
        return;
    CHECK(ask->count > 0 && ask->count <= LIMIT_QUERY_SERIES);
    CHECK(ask->query.width <= LIMIT_WIDTH_PX && ask->cols != 0);
    ask_has_news(ask, empty_store());
    ask_free(ask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_shared shared;
    static const struct peer peer;
    char token[BODY_TOKEN_BYTES];
    struct request request;

    shared.options.store = empty_store();
    for (int i = 0; i < 2; i++) {
        request_init(&request, &shared, &peer);
        if (buf_add(&request.body, data, size) == 0) {
            if (i == 0)
                check_ask(&request);
            else
                body_token(&request, token);
        }
        request_done(&request);
    }
    return 0;
}
