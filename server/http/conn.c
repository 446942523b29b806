#include "http/conn.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"

/* Bytes that the other end has acknowledged: what lies in a socket's buffer is not taken yet. 0
 * where the kernel does not say. */
static uint64_t bytes_taken(const struct conn *client)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return 0;
    return info.tcpi_bytes_acked;
}

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
    client->taken = state == CONN_SERVING ? bytes_taken(client) : 0;
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
        if (spent_s <= LIMIT_REQUEST_SECONDS)
            return NULL;
        /* Long answers have time, as long as they are taken at all. */
        spent_s -= (int64_t)((bytes_taken(client) - client->taken) / LIMIT_ANSWER_BYTES_PER_S);
        return spent_s > LIMIT_REQUEST_SECONDS ? "the answer was not taken" : NULL;
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
