#include "grpc/session.h"

#include <endian.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"

enum { READ_BYTES = 65536, WRITE_BYTES = 256 << 10, STREAM_WINDOW = 1 << 20,
       SESSION_WINDOW = 4 << 20, HEADER_BYTES = 16384 };

/* ---- answers ------------------------------------------------------------------------------ */

static nghttp2_nv pair(const char *name, const char *value, size_t size)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), size, 0};
}

static size_t trailer(const struct call *call, char code[12], struct buf *text, nghttp2_nv *out)
{
    int n = snprintf(code, 12, "%d", (int)call->status);

    out[0] = pair("grpc-status", code, (size_t)n);
    if (call->status == GRPC_OK || !*call->text)
        return 1;
    call_encode_text(call->text, text);
    if (buf_failed(text))
        return 1;
    out[1] = pair("grpc-message", text->data, text->length);
    return 2;
}

static size_t copy_piece(struct call *call, uint8_t *to, size_t size)
{
    size_t done = 0;

    while (done < size && call->piece < call->n_pieces) {
        const struct call_piece *p = &call->pieces[call->piece];
        size_t at = call->sent, n;
        if (at < p->head_size) {
            n = MIN(size - done, p->head_size - at);
            memcpy(to + done, p->head + at, n);
        } else {
            at -= p->head_size;
            n = MIN(size - done, p->size - at);
            if (n > 0)
                memcpy(to + done, p->data + at, n);
        }
        done += n;
        call->sent += n;
        if (call->sent == p->head_size + p->size) {
            call->piece++;
            call->sent = 0;
        }
    }
    return done;
}

static ssize_t give_data(nghttp2_session *ng, int32_t stream, uint8_t *to, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct call *call = source->ptr;
    _cleanup_(buf_done) struct buf text = BUF_INIT(4 * CALL_TEXT_BYTES);
    nghttp2_nv pairs[2];
    char code[12];

    size_t n = copy_piece(call, to, size);
    if (call->piece < call->n_pieces)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(ng, stream, pairs, trailer(call, code, &text, pairs)) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return (ssize_t)n;
}

static ssize_t frame_size(nghttp2_session *ng, uint8_t type, int32_t stream, int32_t session_window,
                          int32_t stream_window, uint32_t remote_max, void *ctx)
{
    int64_t n = MIN(MIN((int64_t)session_window, stream_window), MIN((int64_t)remote_max, 65536));

    return MAX(n, 1);
}

static void submit(struct session *s, struct call *call)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(4 * CALL_TEXT_BYTES);
    nghttp2_nv pairs[5] = {pair(":status", "200", 3),
                           pair("content-type", "application/grpc", 16),
                           pair("grpc-accept-encoding", "identity,gzip", 13)};
    const nghttp2_data_provider data = {.source.ptr = call, .read_callback = give_data};
    char code[12];
    int r;

    call->submitted = true;
    if (call->status != GRPC_OK) { /* trailers only */
        size_t n = trailer(call, code, &text, pairs + 3);
        r = nghttp2_submit_response(s->ng, call->stream, pairs, 3 + n, NULL);
    } else {
        r = nghttp2_submit_response(s->ng, call->stream, pairs, 3, &data);
    }
    if (r != 0)
        nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_INTERNAL_ERROR);
}

/* A unary answer is one message: what the method wrote. */
static void make_whole(struct call *call)
{
    if (call->pieces || call->status != GRPC_OK)
        return;
    if (buf_failed(&call->out)) {
        call_fail(call, GRPC_RESOURCE_EXHAUSTED,
                  "the answer would be too long; ask for fewer points or series");
        return;
    }
    uint32_t size = htobe32((uint32_t)call->out.length);
    call->whole = (struct call_piece){.head_size = CALL_PREFIX_BYTES,
                                      .data = (const uint8_t *)call->out.data,
                                      .size = call->out.length};
    memcpy(call->whole.head + 1, &size, sizeof size);
    call->pieces = &call->whole;
    call->n_pieces = 1;
    call->held = call->out.length;
}

/* ---- calls -------------------------------------------------------------------------------- */

static void unlink_call(struct session *s, struct call *call)
{
    *(call->previous_open ? &call->previous_open->next_open : &s->open) = call->next_open;
    if (call->next_open)
        call->next_open->previous_open = call->previous_open;
    call->session = NULL;
}

/* The stream is gone. A worker may still have the call. */
static void leave(struct session *s, struct call *call)
{
    unlink_call(s, call);
    s->moved_ns = clock_ns(NULL);
    if (call->dispatched && !call->answered) {
        atomic_store(&call->cancelled, true);
        return;
    }
    if (call->answered)
        *s->home->held -= call->held;
    call_free(call);
}

static void fail_now(struct session *s, struct call *call)
{
    call->refused = true; /* what the client still sends is not kept */
    buf_done(&call->in);
    if (!call->submitted)
        submit(s, call);
}

static const char *header_of(void *ctx, const char *name, unsigned *ret_count)
{
    const struct call *call = ctx;

    *ret_count = 0;
    if (strcasecmp(name, "host") == 0) { /* not looked at here: no browser speaks this */
        *ret_count = 1;
        return "localhost";
    }
    for (size_t i = 0; i < ARRAY_LEN(call_header_names); i++)
        if (strcasecmp(name, call_header_names[i]) == 0 && call->headers[i]) {
            *ret_count = 1;
            return call->headers[i];
        }
    return NULL;
}

static bool admit_call(struct session *s, struct call *call)
{
    const struct auth_request request = {.peer = &s->peer, .method = "GET", .reads_only = true,
                                         .needs = AUTH_READ, .header = header_of, .ctx = call};
    struct auth_verdict verdict;

    if (!s->home->options.auth)
        return true;
    auth_check(s->home->options.auth, &request, &verdict);
    if (verdict.status == 0)
        return true;
    call_fail(call, verdict.status == 401   ? GRPC_UNAUTHENTICATED
                    : verdict.status == 403 ? GRPC_PERMISSION_DENIED
                                            : GRPC_RESOURCE_EXHAUSTED,
              "%s", verdict.detail);
    return false;
}

/* The headers are all there. */
static void begin(struct session *s, struct call *call)
{
    if (!call->is_grpc) {
        const nghttp2_nv status = pair(":status", "415", 3);
        call->submitted = call->refused = true;
        nghttp2_submit_response(s->ng, call->stream, &status, 1, NULL);
        return;
    }
    if (!admit_call(s, call)) {
        fail_now(s, call);
    } else if (!call->rpc) {
        call_fail(call, GRPC_UNIMPLEMENTED, "no such method");
        fail_now(s, call);
    }
}

static void dispatch(struct session *s, struct call *call)
{
    if (call->refused || call->dispatched || call->submitted)
        return;
    if (!call_message(call)) {
        fail_now(s, call);
        return;
    }
    if (*s->home->held > LIMIT_GRPC_HELD_BYTES || !workers_give(s->home->workers, call)) {
        call_fail(call, GRPC_RESOURCE_EXHAUSTED, "too much is being answered; try again");
        fail_now(s, call);
        return;
    }
    call->dispatched = true;
}

void session_answered(const struct session_home *home, struct call *call)
{
    if (!call->session) {
        call_free(call);
        return;
    }
    call->answered = true;
    make_whole(call);
    *home->held += call->held;
    if (!call->submitted)
        submit(call->session, call);
}

/* ---- nghttp2's calls ---------------------------------------------------------------------- */

static int on_begin(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
    struct session *s = ctx;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct call *call = call_new(s->home->options.provider);
    if (!call)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    call->session = s;
    call->stream = frame->hd.stream_id;
    call->next_open = s->open;
    if (s->open)
        s->open->previous_open = call;
    s->open = call;
    nghttp2_session_set_stream_user_data(ng, call->stream, call);
    return 0;
}

static bool named(const uint8_t *name, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(name, word, size) == 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *ctx)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

    if (!call || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    if (named(name, name_size, ":path")) {
        call->rpc = rpc_find((const char *)value, size);
    } else if (named(name, name_size, "content-type")) {
        call->is_grpc = size >= 16 && memcmp(value, "application/grpc", 16) == 0;
    } else if (named(name, name_size, "grpc-encoding")) {
        call->gzip = named(value, size, "gzip");
        call->unknown_encoding = !call->gzip && !named(value, size, "identity");
    } else if (named(name, name_size, "grpc-timeout")) {
        call_deadline((const char *)value, size, clock_ns(NULL), &call->deadline_ns);
    }
    for (size_t i = 0; i < ARRAY_LEN(call_header_names); i++)
        if (named(name, name_size, call_header_names[i])) {
            free(call->headers[i]);
            call->headers[i] = strndup((const char *)value, size);
            if (!call->headers[i])
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t size, void *ctx)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, stream);

    if (!call || call->refused || call->dispatched)
        return 0;
    if (buf_add(&call->in, data, size) == 0)
        return 0;
    call_fail(call, GRPC_RESOURCE_EXHAUSTED, "a message is longer than %u bytes",
              LIMIT_GRPC_REQUEST_BYTES);
    fail_now(ctx, call);
    return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

    if (!call)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        begin(ctx, call);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        dispatch(ctx, call);
    return 0;
}

static int on_close(nghttp2_session *ng, int32_t stream, uint32_t code, void *ctx)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, stream);

    if (call)
        leave(ctx, call);
    return 0;
}

static int open_session(struct session *s)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_GRPC_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_BYTES},
    };

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frame_size);
    int r = nghttp2_option_new(&option);
    if (r == 0) {
        nghttp2_option_set_peer_max_concurrent_streams(option, LIMIT_GRPC_STREAMS);
        r = nghttp2_session_server_new2(&s->ng, callbacks, s, option);
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(callbacks);
    if (r == 0)
        r = nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (r == 0)
        r = nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, SESSION_WINDOW);
    return r == 0 ? 0 : -ENOMEM;
}

/* ---- bytes in and out --------------------------------------------------------------------- */

int session_write(struct session *s)
{
    for (;;) {
        while (s->out.length < WRITE_BYTES) {
            const uint8_t *data;
            ssize_t n = nghttp2_session_mem_send(s->ng, &data);
            if (n < 0)
                return -EPROTO;
            if (n == 0)
                break;
            if (buf_add(&s->out, data, (size_t)n) < 0)
                return -ENOMEM;
        }
        if (s->out.length == 0)
            return 0;
        while (s->out_sent < s->out.length) {
            ssize_t n = send(s->fd, s->out.data + s->out_sent, s->out.length - s->out_sent,
                             MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return errno == EAGAIN ? 1 : -errno;
            s->out_sent += (size_t)n;
            s->moved_ns = clock_ns(NULL);
        }
        s->out_sent = 0;
        buf_clear(&s->out);
    }
}

int session_read(struct session *s)
{
    static _Thread_local uint8_t buffer[READ_BYTES];

    for (;;) {
        ssize_t n = recv(s->fd, buffer, READ_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno;
        if (nghttp2_session_mem_recv(s->ng, buffer, (size_t)n) < 0)
            return -EPROTO;
        if (n < READ_BYTES)
            return 0;
    }
}

/* ---- life --------------------------------------------------------------------------------- */

struct session *session_new(const struct session_home *home, int fd, const struct peer *peer)
{
    struct session *s = calloc(1, sizeof *s);

    if (!s) {
        close(fd);
        if (home->options.closed)
            home->options.closed(home->options.closed_ctx, peer);
        return NULL;
    }
    s->home = home;
    s->fd = fd;
    s->peer = *peer;
    s->out.max = WRITE_BYTES + (1 << 20);
    s->moved_ns = clock_ns(NULL);
    if (open_session(s) < 0)
        return session_free(s);
    return s;
}

struct session *session_free(struct session *s)
{
    const struct grpc_options *options = &s->home->options;

    while (s->open)
        leave(s, s->open);
    nghttp2_session_del(s->ng);
    close(s->fd);
    buf_done(&s->out);
    if (options->closed)
        options->closed(options->closed_ctx, &s->peer);
    free(s);
    return NULL;
}

bool session_is_over(const struct session *s)
{
    return !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng) &&
           s->out.length == 0;
}

void session_end(struct session *s)
{
    nghttp2_session_terminate_session(s->ng, NGHTTP2_NO_ERROR);
    if (session_write(s) < 0)
        s->dead = true;
}

bool session_look_after(struct session *s, int64_t now)
{
    const int64_t quiet = now - s->moved_ns;
    struct call *next;
    bool answering = s->out.length > 0;

    for (struct call *call = s->open; call; call = next) {
        next = call->next_open;
        answering = answering || call->submitted;
        if (call->deadline_ns > now || call->submitted)
            continue;
        /* A worker may be writing the answer: only the stream ends here. */
        nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
        call->deadline_ns = INT64_MAX;
    }
    return (answering && quiet > LIMIT_GRPC_STALLED_SECONDS * NS_PER_S) ||
           (!s->open && quiet > LIMIT_GRPC_IDLE_SECONDS * NS_PER_S);
}
