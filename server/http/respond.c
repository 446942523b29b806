#include "http/respond.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/gzip.h"

enum {
    GZIP_FROM = 1024,       /* smaller bodies gain nothing */
    PIECE = 65536,          /* asked of a producer before something is sent */
    BLOCK = 65536,          /* libmicrohttpd's buffer for a streamed body */
    BLOCK_ENDLESS = 8192,
    PIECES_MAX = 1 << 24,   /* what a producer makes in one go */
};

/* The page runs only its own files. Styles set by script through the CSSOM need no exception. */
#define POLICY_PAGE                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "        \
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "                \
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
/* Nothing in an answer of the API is a document. */
#define POLICY_DATA "default-src 'none'; frame-ancestors 'none'; sandbox"

/* A producer on its way out. */
struct outflow {
    struct producer *producer;
    struct respond_host host;
    struct gzip *gzip;
    struct buf plain, packed; /* packed is used only with gzip */
    size_t offset;            /* of what is to be sent */
    bool done;
    int error;
};

static void outflow_free(void *cls)
{
    struct outflow *flow = cls;

    flow->producer->free(flow->producer);
    gzip_free(flow->gzip);
    buf_done(&flow->plain);
    buf_done(&flow->packed);
    free(flow);
}

/* Makes more; 0, -EAGAIN, or an error that ends the connection. */
static int refill(struct outflow *flow)
{
    int r = 1;

    buf_clear(&flow->plain);
    buf_clear(&flow->packed);
    flow->offset = 0;
    while (r == 1 && flow->plain.length < PIECE)
        r = flow->producer->produce(flow->producer, &flow->plain);
    if (buf_failed(&flow->plain))
        r = buf_failed(&flow->plain);
    if (r < 0 && (r != -EAGAIN || flow->plain.length == 0))
        return r;
    flow->done = r == 0;
    if (flow->gzip)
        return gzip_add(flow->gzip, flow->plain.data, flow->plain.length, flow->done,
                        &flow->packed);
    return 0;
}

static ssize_t read_outflow(void *cls, uint64_t position, char *out, size_t max)
{
    struct outflow *flow = cls;
    struct buf *ready = flow->gzip ? &flow->packed : &flow->plain;
    size_t size;

    while (flow->offset == ready->length) {
        int r = flow->done ? 1 : refill(flow);

        if (r == 1)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (r == -EAGAIN) {
            flow->host.suspend(flow->host.ctx, flow->producer);
            return 0;
        }
        if (r < 0)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size = MIN(max, ready->length - flow->offset);
    memcpy(out, ready->data + flow->offset, size);
    flow->offset += size;
    flow->host.sent(flow->host.ctx, size);
    return (ssize_t)size;
}

static struct MHD_Response *streamed(struct response *reply, bool gzip,
                                     const struct respond_host *host)
{
    struct outflow *flow = calloc(1, sizeof *flow);
    struct MHD_Response *response;

    if (!flow)
        return NULL;
    flow->plain.max = flow->packed.max = PIECES_MAX;
    flow->host = *host;
    flow->gzip = gzip ? gzip_new() : NULL;
    if (gzip && !flow->gzip) {
        free(flow);
        return NULL;
    }
    response = MHD_create_response_from_callback(
        reply->producer->sized ? reply->producer->size : MHD_SIZE_UNKNOWN,
        reply->producer->endless ? BLOCK_ENDLESS : BLOCK, read_outflow, flow, outflow_free);
    if (!response) {
        gzip_free(flow->gzip);
        free(flow);
        return NULL;
    }
    flow->producer = TAKE_PTR(reply->producer);
    return response;
}

static bool may_pack(const struct producer *producer)
{
    return !producer->endless && !producer->raw && !producer->sized;
}

static int pack(struct response *reply)
{
    _cleanup_(buf_done) struct buf packed = BUF_INIT(LIMIT_ANSWER_BYTES);
    struct gzip *gzip = gzip_new();
    int r = gzip ? gzip_add(gzip, reply->body.data, reply->body.length, true, &packed) : -ENOMEM;

    gzip_free(gzip);
    if (r < 0)
        return r;
    buf_done(&reply->body);
    reply->body = packed;
    packed = (struct buf){0};
    return 0;
}

static struct MHD_Response *whole(struct response *reply)
{
    struct MHD_Response *response;

    if (reply->fixed)
        return MHD_create_response_from_buffer(reply->fixed_size, (void *)(uintptr_t)reply->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    if (reply->body.length == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer(reply->body.length, reply->body.data,
                                               MHD_RESPMEM_MUST_FREE);
    if (response)
        reply->body = (struct buf){.max = reply->body.max};
    return response;
}

bool respond_takes_gzip(const char *accept_encoding)
{
    const char *at = accept_encoding;

    while (at && *at) {
        size_t size = strcspn(at, ","), word = strcspn(at, ",; \t");
        const char *q = memmem(at, size, "q=", 2);

        if ((word == 4 && strncasecmp(at, "gzip", 4) == 0) || (word == 1 && *at == '*'))
            return !q || strtod(q + 2, NULL) > 0;
        at += size;
        at += strspn(at, ", \t");
    }
    return false;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct request *request, bool gzip)
{
    const struct response *reply = &request->reply;
    const char *at = reply->headers.data, *end = at ? at + reply->headers.length : NULL;
    bool has_cache_control = false;

    for (; at < end; at += strlen(at) + 1) {
        const char *name = at;

        at += strlen(at) + 1;
        add(response, name, at);
        has_cache_control |= strcmp(name, "Cache-Control") == 0;
    }
    if (reply->type)
        add(response, "Content-Type", reply->type);
    if (gzip || reply->compressed)
        add(response, "Content-Encoding", "gzip");
    if (!has_cache_control)
        add(response, "Cache-Control", reply->cacheable ? "no-cache" : "no-store");
    add(response, "Vary", "Accept, Accept-Encoding");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "same-origin");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add(response, "Content-Security-Policy", reply->page ? POLICY_PAGE : POLICY_DATA);
    if (!reply->page)
        add(response, "Tailboard-Epoch", request->shared->epoch);
}

static void count(struct request *request)
{
    struct http_counters *counters = &request->shared->counters;
    unsigned digit = (unsigned)request->reply.status / 100;

    CHECK(digit < ARRAY_LEN(counters->requests));
    atomic_fetch_add_explicit(&counters->requests[digit], 1, memory_order_relaxed);
}

int respond_send(struct MHD_Connection *connection, struct request *request,
                 const struct respond_host *host)
{
    struct response *reply = &request->reply;
    bool takes = respond_takes_gzip(request_header(request, "Accept-Encoding"));
    bool stream = reply->producer && (reply->status == 200 || reply->status == 206);
    bool gzip = takes && !reply->compressed && !reply->fixed &&
                (stream ? may_pack(reply->producer) : reply->body.length >= GZIP_FROM);
    struct MHD_Response *response;
    enum MHD_Result queued;

    if (gzip && !stream && pack(reply) < 0)
        gzip = false;
    response = stream ? streamed(reply, gzip, host) : whole(reply);
    if (!response)
        return -EIO;
    add_headers(response, request, gzip);
    count(request);
    queued = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES ? 0 : -EIO;
}
