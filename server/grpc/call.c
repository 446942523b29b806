#include "grpc/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/gzip.h"

const char *const call_header_names[5] = {"authorization", "forwarded", "x-forwarded-for",
                                          "x-real-ip", "via"};

struct call *call_new(struct provider *provider)
{
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->provider = provider;
    call->deadline_ns = INT64_MAX;
    call->in.max = LIMIT_GRPC_REQUEST_BYTES + CALL_PREFIX_BYTES;
    call->unpacked.max = LIMIT_GRPC_REQUEST_BYTES;
    call->out.max = LIMIT_GRPC_ANSWER_BYTES;
    return call;
}

struct call *call_free(struct call *call)
{
    if (!call)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(call->headers); i++)
        free(call->headers[i]);
    buf_done(&call->in);
    buf_done(&call->unpacked);
    buf_done(&call->out);
    provider_blob_done(&call->blob);
    if (call->pieces != &call->whole)
        free(call->pieces);
    free(call);
    return NULL;
}

void call_fail(struct call *call, enum grpc_status status, const char *format, ...)
{
    va_list args;

    call->status = status;
    call->n_pieces = 0;
    va_start(args, format);
    vsnprintf(call->text, sizeof call->text, format, args);
    va_end(args);
}

void call_broken(struct call *call, int r, const struct provider_error *error)
{
    enum grpc_status status = r == -EINVAL ? GRPC_INVALID_ARGUMENT
                              : r == -ENOENT ? GRPC_NOT_FOUND
                              : r == -ENOMEM || r == -EOVERFLOW ? GRPC_RESOURCE_EXHAUSTED
                                                                : GRPC_INTERNAL;

    call_fail(call, status, "%s", error->text);
}

bool call_message(struct call *call)
{
    const unsigned char *p = (const unsigned char *)call->in.data;

    if (call->in.length < CALL_PREFIX_BYTES) {
        call_fail(call, GRPC_INTERNAL, "the request holds no message");
        return false;
    }
    size_t size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (size > LIMIT_GRPC_REQUEST_BYTES) {
        call_fail(call, GRPC_RESOURCE_EXHAUSTED, "a message of %zu bytes; at most %u are taken",
                  size, LIMIT_GRPC_REQUEST_BYTES);
        return false;
    }
    if (size != call->in.length - CALL_PREFIX_BYTES || p[0] > 1) {
        call_fail(call, GRPC_INTERNAL, "the request is not one whole message");
        return false;
    }
    call->message = (struct text){call->in.data + CALL_PREFIX_BYTES, size};
    if (p[0] == 0)
        return true;
    if (!call->gzip) {
        call_fail(call, call->unknown_encoding ? GRPC_UNIMPLEMENTED : GRPC_INTERNAL,
                  "the message is compressed in a way that is not known here; gzip is");
        return false;
    }
    int r = gzip_unpack(call->message.data, call->message.size, &call->unpacked);
    if (r < 0) {
        call_fail(call, r == -EBADMSG ? GRPC_INTERNAL : GRPC_RESOURCE_EXHAUSTED, "%s",
                  r == -EBADMSG ? "the message is no gzip" : "the message is too long unpacked");
        return false;
    }
    call->message = (struct text){call->unpacked.data, call->unpacked.length};
    return true;
}

bool call_deadline(const char *text, size_t size, int64_t now_ns, int64_t *ret_ns)
{
    int64_t value = 0, unit;

    if (size < 2 || size > 9)
        return false;
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    switch (text[size - 1]) {
    case 'H': unit = 3600 * NS_PER_S; break;
    case 'M': unit = 60 * NS_PER_S; break;
    case 'S': unit = NS_PER_S; break;
    case 'm': unit = NS_PER_MS; break;
    case 'u': unit = 1000; break;
    case 'n': unit = 1; break;
    default: return false;
    }
    if (__builtin_mul_overflow(value, unit, &value) ||
        __builtin_add_overflow(value, now_ns, ret_ns))
        *ret_ns = INT64_MAX;
    return true;
}

void call_encode_text(const char *text, struct buf *out)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p >= 0x20 && *p < 0x7f && *p != '%')
            buf_char(out, (char)*p);
        else
            buf_printf(out, "%%%02X", *p);
    }
}

/* ---- methods ------------------------------------------------------------------------------ */

static const struct rpc *find_in(const struct rpc *list, size_t count, const char *path,
                                 size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].path) == size && memcmp(list[i].path, path, size) == 0)
            return &list[i];
    return NULL;
}

const struct rpc *rpc_find(const char *path, size_t size)
{
    const struct rpc *rpc = find_in(rpc_runs, ARRAY_LEN(rpc_runs), path, size);

    if (!rpc)
        rpc = find_in(rpc_series, ARRAY_LEN(rpc_series), path, size);
    return rpc ? rpc : find_in(rpc_blob, ARRAY_LEN(rpc_blob), path, size);
}

/* ---- workers ------------------------------------------------------------------------------ */

enum { WORKERS_MAX = 8 };

struct workers {
    pthread_t threads[WORKERS_MAX];
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct call *first, **last, *done; /* lock */
    size_t waiting;
    bool stopping;
    void (*ready)(void *ctx);
    void *ctx;
};

static void *work(void *arg)
{
    struct workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->first && !w->stopping)
            pthread_cond_wait(&w->work, &w->lock);
        if (w->stopping)
            break;
        struct call *call = w->first;
        w->first = call->next;
        if (!w->first)
            w->last = &w->first;
        w->waiting--;
        pthread_mutex_unlock(&w->lock);
        if (!atomic_load(&call->cancelled))
            call->rpc->answer(call, call->rpc);
        pthread_mutex_lock(&w->lock);
        call->next = w->done;
        w->done = call;
        w->ready(w->ctx);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int workers_start(unsigned count, void (*ready)(void *ctx), void *ctx, struct workers **ret)
{
    struct workers *w = calloc(1, sizeof *w);

    if (!w)
        return -ENOMEM;
    w->last = &w->first;
    w->ready = ready;
    w->ctx = ctx;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    for (w->count = 0; w->count < MIN(count, (unsigned)WORKERS_MAX); w->count++) {
        int r = pthread_create(&w->threads[w->count], NULL, work, w);
        if (r != 0) {
            workers_stop(w);
            return -r;
        }
        pthread_setname_np(w->threads[w->count], "grpc-worker");
    }
    *ret = w;
    return 0;
}

bool workers_give(struct workers *w, struct call *call)
{
    pthread_mutex_lock(&w->lock);
    bool room = w->waiting < LIMIT_GRPC_CALLS;
    if (room) {
        call->next = NULL;
        *w->last = call;
        w->last = &call->next;
        w->waiting++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

struct call *workers_taken(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    struct call *done = TAKE_PTR(w->done);
    pthread_mutex_unlock(&w->lock);
    return done;
}

static void free_calls(struct call *call)
{
    while (call) {
        struct call *next = call->next;
        call_free(call);
        call = next;
    }
}

struct workers *workers_stop(struct workers *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->threads[i], NULL);
    free_calls(w->first);
    free_calls(w->done);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}
