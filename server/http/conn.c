#include "http/conn.h"

#include "base/check.h"
#include "base/clock.h"

void conn_state(struct conn *client, enum conn_state state)
{
    static const unsigned allowed[] = {
        [CONN_IDLE] = 1u << CONN_READING,
        [CONN_READING] = 1u << CONN_SERVING | 1u << CONN_IDLE,
        [CONN_SERVING] = 1u << CONN_IDLE,
    };

    CHECK(allowed[client->state] & 1u << state);
    client->state = state;
    client->since_ns = clock_ns(NULL);
    client->sent = 0;
}

const char *conn_late(const struct conn *client, int64_t now)
{
    int64_t spent_s = (now - client->since_ns) / NS_PER_S;

    if (client->waiting || client->cut || client->bridged || client->endless)
        return NULL;
    switch (client->state) {
    case CONN_IDLE:
        return spent_s > LIMIT_IDLE_SECONDS ? "no request" : NULL;
    case CONN_READING:
        return spent_s > LIMIT_REQUEST_SECONDS ? "the request did not end" : NULL;
    case CONN_SERVING:
        /* Long answers have time, as long as they are taken at all. */
        return spent_s > LIMIT_REQUEST_SECONDS +
                             (int64_t)(client->sent / LIMIT_ANSWER_BYTES_PER_S)
                   ? "the answer was not taken" : NULL;
    }
    return NULL;
}

int64_t conn_due_ns(const struct conn *client)
{
    return client->stream ? client->stream->due_ns : client->request.due_ns;
}

bool conn_ready(struct conn *client)
{
    if (client->stream)
        return client->stream->ready && client->stream->ready(client->stream);
    return client->request.ready && client->request.ready(&client->request);
}
