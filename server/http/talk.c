#include "http/talk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "http/bridge.h"
#include "http/router.h"

enum { HOLD_MS = 5 }; /* between two offers of a piece of a body */

/* ---- connections ------------------------------------------------------------------------- */

static struct conn *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* Who is at the other end of a descriptor that was just given to the daemon. */
static struct inbox_item *find_arriving(struct worker *worker, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    for (size_t i = 0; info && i < worker->arriving_count; i++)
        if (worker->arriving[i].fd == info->connect_fd)
            return &worker->arriving[i];
    return NULL;
}

static struct conn *connection_began(struct worker *worker, struct MHD_Connection *connection)
{
    struct inbox_item *item = find_arriving(worker, connection);
    struct conn *client = item ? calloc(1, sizeof *client) : NULL;

    if (!client)
        return NULL;
    client->worker = worker;
    client->connection = connection;
    client->fd = item->fd;
    client->peer = item->peer;
    client->since_ns = clock_ns(NULL);
    client->next = worker->clients;
    if (client->next)
        client->next->previous = client;
    worker->clients = client;
    item->fd = -1;
    atomic_fetch_add_explicit(&worker->shared->counters.clients, 1, memory_order_relaxed);
    return client;
}

static void end_request(struct conn *client)
{
    if (!client->has_request)
        return;
    request_done(&client->request);
    free(client->address);
    client->address = NULL;
    client->has_request = client->head_seen = client->endless = client->held = false;
    client->marked = 0;
    client->stream = NULL;
    if (client->state != CONN_IDLE)
        conn_state(client, CONN_IDLE);
}

static void connection_ended(struct worker *worker, struct conn *client)
{
    CHECK(!client->waiting);
    end_request(client);
    *(client->previous ? &client->previous->next : &worker->clients) = client->next;
    if (client->next)
        client->next->previous = client->previous;
    worker_left(worker, &client->peer, client->bridged);
    atomic_fetch_sub_explicit(&worker->shared->counters.clients, 1, memory_order_relaxed);
    free(client);
}

void talk_connection(void *worker, struct MHD_Connection *connection, void **socket_context,
                     enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = connection_began(worker, connection);
    } else if (*socket_context) {
        connection_ended(worker, *socket_context);
        *socket_context = NULL;
    }
}

/* ---- the head ---------------------------------------------------------------------------- */

void *talk_address(void *worker, const char *uri, struct MHD_Connection *connection)
{
    struct conn *client = client_of(connection);

    if (!client)
        return NULL;
    end_request(client);
    client->address = strdup(uri);
    client->address_end = (uintptr_t)uri + strlen(uri);
    if (!client->address)
        return NULL;
    request_init(&client->request, client->worker->shared, &client->peer);
    client->has_request = true;
    conn_state(client, CONN_READING);
    return client;
}

struct head_list {
    struct head_field *headers;
    size_t count, capacity;
};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_size, const char *value, size_t value_size)
{
    struct head_list *list = cls;

    if (list->count == list->capacity)
        return MHD_NO;
    list->headers[list->count++] = (struct head_field){
        .name = name,
        .name_size = name_size,
        .value = value ? value : "",
        .value_size = value ? value_size : 0,
    };
    return MHD_YES;
}

#if MHD_VERSION < 0x00097701
/* This version takes a bare line feed for the end of a line, and cuts a text at a NUL. It leaves
 * the head where it was read, with NULs for line ends and separators, and all strings point into
 * it: so in a sound head each string begins where the one before it makes expect, and the whole
 * is as long as they are together. */
static bool lines_are_sound(const struct conn *client, const char *method, const char *version)
{
    const struct request *request = &client->request;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    uintptr_t end = (uintptr_t)version + strlen(version);

    if ((uintptr_t)version != client->address_end + 1)
        return false;
    for (size_t i = 0; i < request->n_headers; i++) {
        if ((uintptr_t)request->headers[i].name != end + 2)
            return false;
        end = (uintptr_t)request->headers[i].value + request->headers[i].value_size;
    }
    return info && (uintptr_t)method + info->header_size == end + 4;
}
#else
static bool lines_are_sound(const struct conn *client, const char *method, const char *version)
{
    return true; /* the library's discipline level sees to it */
}
#endif

static int collect_headers(struct conn *client)
{
    struct head_list list = {.capacity = LIMIT_HEADERS + 1};

    list.headers = calloc(list.capacity, sizeof *list.headers);
    if (!list.headers)
        return -ENOMEM;
    MHD_get_connection_values_n(client->connection, MHD_HEADER_KIND, add_header, &list);
    client->request.headers = list.headers;
    client->request.n_headers = list.count;
    return 0;
}

static unsigned method_of(const char *word)
{
    static const struct {
        const char *word;
        unsigned method;
    } methods[] = {{"GET", METHOD_GET}, {"HEAD", METHOD_HEAD}, {"POST", METHOD_POST},
                   {"DELETE", METHOD_DELETE}, {"PATCH", METHOD_PATCH}, {"PUT", METHOD_PUT}};

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(word, methods[i].word) == 0)
            return methods[i].method;
    return 0;
}

static uint64_t body_max(const struct request *request)
{
    return request->intake.max ? request->intake.max : LIMIT_BODY_BYTES;
}

static void refuse_large(struct request *request)
{
    response_problem(request, 413, "body-too-large", "A body has at most %" PRIu64 " bytes.",
                     body_max(request));
}

/* Gate and router; the reply is filled if the answer is known already. Returns the announced
 * length of the body. */
static uint64_t read_head(struct conn *client, const char *method, const char *version)
{
    struct request *request = &client->request;
    struct gate_head head = {.method = method, .target = client->address, .version = version};
    struct gate_verdict verdict;

    request->method = method_of(method);
    request->method_text = method;
    request->announced = UINT64_MAX;
    if (collect_headers(client) < 0) {
        response_error(request, -ENOMEM);
        return UINT64_MAX;
    }
    head.headers = request->headers;
    head.n_headers = request->n_headers;
    gate_check(&head, &verdict);
    if (!verdict.status && !lines_are_sound(client, method, version)) {
        verdict.status = 400;
        verdict.detail = "The head's lines must end with CR LF and hold no NUL.";
    }
    request->announced = verdict.length;
    if (verdict.status)
        response_problem(request, verdict.status, "bad-request", "%s", verdict.detail);
    else
        router_find(request, client->address);
    if (!request->reply.status && verdict.length != UINT64_MAX &&
        verdict.length > body_max(request))
        refuse_large(request);
    /* What is behind a head that is not believed cannot be told apart from the next request. */
    if (verdict.status)
        response_header(request, "Connection", "close");
    return verdict.status ? UINT64_MAX : verdict.length;
}

/* ---- the answer -------------------------------------------------------------------------- */

static void suspend_stream(void *ctx, struct producer *producer)
{
    struct conn *client = ctx;

    client->stream = producer;
    worker_suspend(client->worker, client);
}

static void count_sent(void *ctx, size_t bytes)
{
    struct conn *client = ctx;

    client->sent += bytes;
    atomic_fetch_add_explicit(&client->worker->shared->counters.bytes, bytes,
                              memory_order_relaxed);
}

static void upgraded(void *cls, struct MHD_Connection *connection, void *context,
                     const char *extra, size_t extra_size, MHD_socket socket,
                     struct MHD_UpgradeResponseHandle *handle)
{
    bridge_open(cls, socket, extra, extra_size, handle);
}

void talk_upgrade_end(void *handle)
{
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* A WebSocket request that came late, on a connection that served others before. */
static enum MHD_Result upgrade(struct conn *client)
{
    struct request *request = &client->request;
    struct MHD_Response *response = MHD_create_response_for_upgrade(upgraded, client);
    const char *at = request->reply.headers.data;
    const char *end = at ? at + request->reply.headers.length : NULL;
    enum MHD_Result queued;

    if (!response)
        return MHD_NO;
    for (; at < end; at += strlen(at) + 1) {
        const char *name = at;

        at += strlen(at) + 1;
        MHD_add_response_header(response, name, at);
    }
    queued = MHD_queue_response(client->connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer(struct conn *client)
{
    struct request *request = &client->request;
    struct respond_host host = {client, suspend_stream, count_sent};

    if (client->state == CONN_READING)
        conn_state(client, CONN_SERVING);
    if (request->reply.status == 101)
        return upgrade(client);
    client->endless = request->reply.producer && request->reply.producer->endless;
    return respond_send(client->connection, request, &host) == 0 ? MHD_YES : MHD_NO;
}

/* An answer before the body is read closes the connection. So a small body that is on its way
 * already is passed over first; a client that waits for "100 Continue" has sent nothing. */
static bool answers_at_once(const struct request *request, uint64_t length)
{
    bool sent = !request_header(request, "Expect") && length <= LIMIT_BODY_BYTES;

    if (request->route && request->route->begin && sent)
        return false;
    return length > 0 && request->reply.status;
}

/* Enough came for another while. */
static void count_body(struct conn *client, size_t size)
{
    client->sent += size;
    if (client->request.intake.max && client->sent - client->marked >= LIMIT_DRIP_BYTES) {
        client->marked = client->sent;
        client->since_ns = clock_ns(NULL);
    }
}

/* The piece stays where it is; it is offered again a little later. */
static enum MHD_Result hold_body(struct conn *client)
{
    client->request.due_ns = clock_ns(NULL) + HOLD_MS * NS_PER_MS;
    client->request.ready = NULL;
    client->held = true;
    worker_suspend(client->worker, client);
    return MHD_YES;
}

/* A piece of the body; it is read to its end even when the answer is known. */
static enum MHD_Result take_body(struct conn *client, const char *data, size_t *size)
{
    struct request *request = &client->request;
    uint64_t max = body_max(request);
    int r = 0;

    if (client->held) {
        client->held = request->time_over = false;
        request->due_ns = 0;
    }
    if (!request->reply.status && *size > max - MIN(max, client->sent))
        refuse_large(request);
    else if (!request->reply.status && request->intake.max)
        r = request->intake.take(request, data, *size);
    else if (!request->reply.status && buf_add(&request->body, data, *size) < 0)
        refuse_large(request);
    if (r == -EAGAIN && !atomic_load(&client->worker->stopping))
        return hold_body(client);
    if (r == -EAGAIN)
        return MHD_NO;
    count_body(client, *size);
    *size = 0;
    return client->sent > 4 * (uint64_t)LIMIT_BODY_BYTES && request->reply.status ? MHD_NO
                                                                                 : MHD_YES;
}

enum MHD_Result talk_handle(void *worker, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload_data,
                            size_t *upload_size, void **context)
{
    struct conn *client = *context;
    struct request *request;

    if (!client)
        return MHD_NO;
    request = &client->request;
    if (!client->head_seen) {
        client->head_seen = true;
        return answers_at_once(request, read_head(client, method, version)) ? answer(client)
                                                                            : MHD_YES;
    }
    if (*upload_size > 0)
        return take_body(client, upload_data, upload_size);
    if (client->state == CONN_READING)
        conn_state(client, CONN_SERVING);
    request->time_over |= atomic_load(&client->worker->stopping);
    if (!request->reply.status)
        router_serve(request);
    if (request->waits) {
        request->reply.status = 0; /* it will be asked again */
        worker_suspend(client->worker, client);
        return MHD_YES;
    }
    if (!request->reply.status)
        response_problem(request, 500, "internal", "The server has no answer.");
    return answer(client);
}

void talk_completed(void *worker, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode code)
{
    struct conn *client = *context;
    char byte;

    *context = NULL;
    if (!client)
        return;
    end_request(client);
    /* The library does not look for an end that came together with the request. */
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && !client->bridged &&
        recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(client->fd, SHUT_RDWR);
}
