#include "http/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/lives.h"

void request_init(struct request *request, struct http_shared *shared, const struct peer *peer)
{
    *request = (struct request){
        .shared = shared,
        .peer = peer,
        .target = {.query = ""},
        .body = BUF_INIT(LIMIT_BODY_BYTES),
        .reply = {.body = BUF_INIT(LIMIT_ANSWER_BYTES), .headers = BUF_INIT(LIMIT_HEADER_BYTES)},
    };
}

void request_done(struct request *request)
{
    if (request->state && request->free_state)
        request->free_state(request->state);
    if (request->reply.producer)
        request->reply.producer->free(request->reply.producer);
    target_done(&request->target);
    buf_done(&request->body);
    buf_done(&request->reply.body);
    buf_done(&request->reply.headers);
    free((void *)request->headers);
    free(request->path);
    request->path = NULL;
    request->headers = NULL;
    request->state = NULL;
    request->reply.producer = NULL;
}

const char *request_header(const struct request *request, const char *name)
{
    return head_only(request->headers, request->n_headers, name);
}

const char *request_value(const struct request *request, const char *name)
{
    return target_value(&request->target, name, NULL);
}

bool request_number(struct request *request, const char *name, uint64_t min, uint64_t max,
                    uint64_t usual, uint64_t *ret)
{
    const char *text = request_value(request, name);
    uint64_t value = 0;

    if (!text) {
        *ret = usual;
        return true;
    }
    if (*text && strlen(text) <= 19 && strspn(text, "0123456789") == strlen(text)) {
        value = strtoull(text, NULL, 10);
        if (value >= min && value <= max) {
            *ret = value;
            return true;
        }
    }
    response_problem(request, 400, "bad-parameter",
                  "%s must be a whole number from %" PRIu64 " to %" PRIu64 ".", name, min, max);
    return false;
}

void request_wait(struct request *request, double seconds, bool (*ready)(struct request *))
{
    if (request->due_ns == 0)
        request->due_ns = clock_ns(NULL) + (int64_t)(seconds * (double)NS_PER_S);
    request->ready = ready;
    request->waits = true;
}

static bool has_committed(struct request *request)
{
    return run_commit_number(request->wait_run) != request->wait_commit;
}

void request_wait_commit(struct request *request, struct run *run, uint64_t commit,
                         double seconds)
{
    request->wait_run = run;
    request->wait_commit = commit;
    request_wait(request, seconds, has_committed);
}

struct run *request_run(struct request *request)
{
    struct run *run;

    lives_bring(request->shared->lives, request->id);
    run = store_find_run(request->shared->options.store, request->id);
    if (!run)
        response_problem(request, 404, "no-such-run", "There is no run with the id %.70s.",
                      request->id);
    if (run && run_is_deleted(run)) {
        response_problem(request, 410, "deleted", "The run %.70s was deleted.", request->id);
        return NULL;
    }
    return run;
}

struct series *request_series(struct request *request, struct run *run, const char *tag,
                              const char *dir)
{
    struct text dir_text = {dir ? dir : "", dir ? strlen(dir) : 0};
    struct series *series;

    if (!tag) {
        response_problem(request, 400, "bad-parameter", "tag is needed.");
        return NULL;
    }
    series = tagname_find(run, dir_text, (struct text){tag, strlen(tag)});
    if (!series)
        response_problem(request, 404, "no-such-series", "This run has no tag \"%.200s\".", tag);
    return series;
}

double request_now(const struct request *request)
{
    return clock_wall_s(request->shared->options.clock);
}

void response_problem(struct request *request, int status, const char *code, const char *format,
                      ...)
{
    struct buf *body = &request->reply.body;
    char detail[512];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    buf_clear(body);
    head_problem(body, status, code, detail);
    request->reply.status = status;
    request->reply.type = "application/problem+json";
    request->reply.cacheable = false;
    if (status == 401)
        response_header(request, "WWW-Authenticate", "Bearer realm=\"tailboard\"");
    if (status == 429 || status == 503 || status == 507)
        response_header(request, "Retry-After", "%d", status == 429 ? 60 : status == 507 ? 30 : 5);
}

void response_error(struct request *request, int error)
{
    if (error == -EOVERFLOW)
        response_problem(request, 400, "too-many-points",
                      "The answer would hold more than %d points: give a range or a width.",
                      LIMIT_ANSWER_POINTS);
    else if (error == -EBUSY)
        response_problem(request, 503, "busy",
                         "Too many large answers are under way: try again later.");
    else if (error == -ENOMEM)
        response_problem(request, 503, "out-of-memory", "The server is out of memory.");
    else
        response_problem(request, 500, "internal", "The server failed: %s.", strerror(-error));
}

void response_header(struct request *request, const char *name, const char *format, ...)
{
    struct buf *headers = &request->reply.headers;
    va_list args;
    char value[2048];
    int n;

    va_start(args, format);
    n = vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof value || strpbrk(value, "\r\n"))
        return;
    if (buf_reserve(headers, strlen(name) + (size_t)n + 2) < 0)
        return;
    buf_add(headers, name, strlen(name) + 1);
    buf_add(headers, value, (size_t)n + 1);
}

void response_body(struct request *request, int status, const char *type)
{
    int error = buf_failed(&request->reply.body);

    if (error) {
        response_error(request, error == -EMSGSIZE ? -EOVERFLOW : error);
        return;
    }
    request->reply.status = status;
    request->reply.type = type;
}

void response_empty(struct request *request, int status)
{
    buf_clear(&request->reply.body);
    request->reply.status = status;
    request->reply.type = NULL;
}

void response_producer(struct request *request, const char *type, struct producer *producer)
{
    request->reply.status = 200;
    request->reply.type = type;
    request->reply.producer = producer;
}

/* The opaque part: without W/ and quotes. */
static bool same_etag(const char *listed, size_t size, const char *etag)
{
    if (strncmp(etag, "W/", 2) == 0)
        etag += 2;
    if (size > 2 && strncmp(listed, "W/", 2) == 0) {
        listed += 2;
        size -= 2;
    }
    return size == strlen(etag) && memcmp(listed, etag, size) == 0;
}

static bool client_has(const struct request *request, const char *etag)
{
    const char *at = request_header(request, "If-None-Match");

    if (!at || !(request->method & (METHOD_GET | METHOD_HEAD)))
        return false;
    if (strcmp(at, "*") == 0)
        return true;
    while (*at) {
        size_t size;

        at += strspn(at, ", \t");
        size = strcspn(at, ", \t");
        if (size > 0 && same_etag(at, size, etag))
            return true;
        at += size;
    }
    return false;
}

bool response_etag(struct request *request, const char *etag)
{
    response_header(request, "ETag", "%s", etag);
    request->reply.cacheable = true;
    if (!client_has(request, etag))
        return false;
    response_empty(request, 304);
    return true;
}

bool response_run_etag(struct request *request, struct run *run, const char *suffix)
{
    char etag[96];

    snprintf(etag, sizeof etag, "W/\"%s-%" PRIu64 "%s\"", request->shared->epoch,
             run_commit_number(run), suffix);
    return response_etag(request, etag);
}
