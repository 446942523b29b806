#include "http/router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}

static const struct route routes[] = {
    {"api/v1", METHOD_GET, 0, route_root, NULL, NULL},
    {"api/v1/openapi.json", METHOD_GET, 0, route_openapi, NULL, NULL},
    {"api/v1/session", METHOD_POST | METHOD_DELETE, ROUTE_JSON, route_session, NULL, NULL},
    {"api/v1/experiments", METHOD_GET, 0, route_experiments, NULL, NULL},
    {"api/v1/runs", METHOD_GET, 0, route_runs,
     NAMES("deleted", "experiment", "activity", "status", "parent", "tag", "q", "sort", "limit",
           "after"),
     NULL},
    {"api/v1/runs/{id}", METHOD_GET | METHOD_PUT | METHOD_PATCH | METHOD_DELETE, ROUTE_JSON,
     route_run_change, NAMES("wait", "force"), NULL},
    {"api/v1/runs/{id}/restore", METHOD_POST, ROUTE_ADMIN, route_restore, NULL, NULL},
    {"api/v1/runs/{id}/events", METHOD_GET | METHOD_POST, ROUTE_JSON, route_events,
     NAMES("wait"), NULL},
    {"api/v1/runs/{id}/cancel", METHOD_POST, ROUTE_JSON, route_cancel, NULL, NULL},
    {"api/v1/runs/{id}/console", METHOD_GET, 0, route_console,
     NAMES("rank", "stream", "attempt", "offset", "follow"), NULL},
    {"api/v1/runs/{id}/series", METHOD_GET, 0, route_series,
     NAMES("q", "kind", "view", "limit", "after"), NULL},
    {"api/v1/runs/{id}/values", METHOD_GET, 0, route_values,
     NAMES("tag", "dir", "step", "view", "limit", "after"), NULL},
    {"api/v1/runs/{id}/damage", METHOD_GET, 0, route_damage, NULL, NULL},
    {"api/v1/runs/{id}/files", METHOD_GET, 0, route_files, NULL, NULL},
    {"api/v1/runs/{id}/files.tar", METHOD_GET, 0, route_tar, NAMES("match"), NULL},
    {"api/v1/runs/{id}/files/{path}", METHOD_GET | METHOD_POST | METHOD_PATCH, 0, route_upload,
     NAMES("source", "replaces", "generation", "at"), upload_begin},
    {"api/v1/runs/{id}/attempts", METHOD_GET, 0, route_attempts, NULL, NULL},
    {"api/v1/runs/{id}/points", METHOD_GET, 0, route_points_get,
     NAMES("tag", "dir", "x", "from", "to", "width", "cols", "view", "format", "after", "wait"),
     NULL},
    {"api/v1/runs/{id}/stream", METHOD_GET, 0, route_stream,
     NAMES("tag", "dir", "from", "view"), NULL},
    {"api/v1/tokens", METHOD_GET | METHOD_POST, ROUTE_JSON | ROUTE_ADMIN, route_tokens, NULL,
     NULL},
    {"api/v1/tokens/{id}", METHOD_DELETE, ROUTE_ADMIN, route_token, NULL, NULL},
    {"api/v1/retain", METHOD_POST, ROUTE_JSON | ROUTE_ADMIN, route_retain, NULL, NULL},
    {"api/v1/fsck", METHOD_GET | METHOD_POST | METHOD_DELETE, ROUTE_JSON | ROUTE_ADMIN, route_fsck,
     NAMES("wait", "from"), NULL},
    {"api/v1/tags", METHOD_GET, 0, route_tags, NAMES("runs", "q", "kind"), NULL},
    {"api/v1/points", METHOD_POST, ROUTE_READS | ROUTE_JSON, route_points_post, NAMES("format"),
     NULL},
    {"healthz", METHOD_GET, ROUTE_OPEN, route_health, NULL, NULL},
    {"metrics", METHOD_GET, 0, route_metrics, NULL, NULL},
    {"live", METHOD_GET, ROUTE_OPEN, route_live, NULL, NULL},
};

/* Whatever is not in the table and not below api/: files of the page and its client routes. */
static const struct route page = {"", METHOD_GET, ROUTE_OPEN | ROUTE_PAGE, route_page, NULL,
                                  NULL};

/* Does the path fit the pattern? The segment under {id} is given out, and where {path} begins. */
static bool fits(const struct target *target, const char *pattern, const char **ret_id,
                 size_t *ret_path)
{
    size_t i = 0;

    for (const char *at = pattern; *at; i++) {
        size_t size = strcspn(at, "/");

        if (i == target->n_segments)
            return false;
        if (size == 6 && memcmp(at, "{path}", 6) == 0) {
            *ret_path = i;
            return true;
        }
        if (size == 4 && memcmp(at, "{id}", 4) == 0)
            *ret_id = target->segments[i];
        else if (strlen(target->segments[i]) != size || memcmp(at, target->segments[i], size) != 0)
            return false;
        at += size;
        at += *at == '/';
    }
    return i == target->n_segments;
}

/* Joins the rest of the path again: each part must be one part, as it was written. */
static void join_path(struct request *request, size_t from)
{
    const struct target *target = &request->target;
    struct buf path = BUF_INIT(LIMIT_PATH_BYTES + 1);

    for (size_t i = from; i < target->n_segments; i++) {
        const char *part = target->segments[i];
        size_t size = strlen(part);

        if (size == 0 || size > LIMIT_NAME_BYTES || strchr(part, '/') || strcmp(part, ".") == 0 ||
            strcmp(part, "..") == 0) {
            response_problem(request, 400, "bad-path",
                             "A part of the path is empty, \".\", \"..\" or too long.");
            break;
        }
        if (i > from)
            buf_char(&path, '/');
        buf_str(&path, part);
    }
    if (!request->reply.status && !buf_text(&path))
        response_problem(request, 400, "bad-path", "The path has more than %d bytes.",
                         LIMIT_PATH_BYTES);
    request->path = path.data;
}

static const struct route *find_route(struct request *request)
{
    const struct target *target = &request->target;
    size_t path;

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        request->id = NULL;
        path = 0;
        if (!fits(target, routes[i].path, &request->id, &path))
            continue;
        if (path > 0)
            join_path(request, path);
        return &routes[i];
    }
    if (target->n_segments > 0 && strcmp(target->segments[0], "api") == 0)
        return NULL;
    return &page;
}

static bool id_is_sound(const char *id)
{
    size_t length = strlen(id);

    return length > 0 && length <= LIMIT_RUN_ID_BYTES &&
           strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") ==
               length;
}

const char *router_header(void *ctx, const char *name, unsigned *ret_count)
{
    const struct request *request = ctx;

    return head_find(request->headers, request->n_headers, name, ret_count);
}

static enum auth_right right_needed(const struct request *request)
{
    const struct route *route = request->route;
    bool reads = request->method == METHOD_GET || request->method == METHOD_HEAD ||
                 route->flags & ROUTE_READS || route->serve == route_session;

    return route->flags & ROUTE_ADMIN || (request->method == METHOD_DELETE && !reads)
               ? AUTH_ADMIN : reads ? AUTH_READ : AUTH_WRITE;
}

static void check_caller(struct request *request)
{
    const struct route *route = request->route;
    struct auth_request ask = {
        .peer = request->peer,
        .method = request->method_text,
        .reads_only = route->flags & ROUTE_READS,
        .needs = right_needed(request),
        .run = request->id,
        .header = router_header,
        .ctx = request,
    };
    struct auth *auth = request->shared->options.auth;
    bool open = route->flags & ROUTE_OPEN || (route->serve == route_session &&
                                              request->method == METHOD_POST);

    if (open)
        auth_check_origin(auth, &ask, &request->verdict);
    else
        auth_check(auth, &ask, &request->verdict);
    /* A link on another site may lead to the page itself. */
    if (route->flags & ROUTE_PAGE)
        request->verdict.status = 0;
    if (request->verdict.status)
        response_problem(request, request->verdict.status, request->verdict.code, "%s",
                      request->verdict.detail);
}

static void check_method(struct request *request)
{
    static const struct {
        unsigned method;
        const char *words;
    } words[] = {{METHOD_GET, "GET, HEAD"}, {METHOD_POST, "POST"}, {METHOD_PUT, "PUT"},
                 {METHOD_PATCH, "PATCH"}, {METHOD_DELETE, "DELETE"}};
    char allow[64] = "";
    size_t n = 0;
    const struct route *route = request->route;
    unsigned method = request->method == METHOD_HEAD ? METHOD_GET : request->method;

    if (route->methods & method)
        return;
    response_problem(request, 405, "method-not-allowed", "%.20s is not for this resource.",
                  request->method_text);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (route->methods & words[i].method)
            n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "",
                                  words[i].words);
    response_header(request, "Allow", "%s", allow);
}

static bool may_repeat(const struct route *route, const char *name)
{
    return route->serve == route_stream && strcmp(name, "tag") == 0;
}

static void check_names(struct request *request)
{
    const struct target *target = &request->target;

    if (request->route->flags & ROUTE_PAGE)
        return;
    for (size_t i = 0; i < target->n_pairs; i++) {
        const char *name = target->pairs[i].name;
        const char *const *known = request->route->names;
        size_t count;

        while (known && *known && strcmp(*known, name) != 0)
            known++;
        if (!known || !*known) {
            response_problem(request, 400, "unknown-parameter",
                          "This resource has no parameter \"%.60s\".", name);
            return;
        }
        target_value(target, name, &count);
        if (count > 1 && !may_repeat(request->route, name)) {
            response_problem(request, 400, "bad-parameter", "%.60s was given twice.", name);
            return;
        }
    }
}

static void check_type(struct request *request)
{
    const char *type = request_header(request, "Content-Type");
    size_t size = type ? strcspn(type, "; \t") : 0;

    if (!(request->route->flags & ROUTE_JSON) ||
        !(request->method & (METHOD_POST | METHOD_PUT | METHOD_PATCH)))
        return;
    if (size != 16 || strncasecmp(type, "application/json", 16) != 0)
        response_problem(request, 415, "json-needed", "Send the body as application/json.");
    else if (request_header(request, "Content-Encoding"))
        response_problem(request, 415, "no-encodings", "Send the body without Content-Encoding.");
}

/* The part of the address behind the prefix; NULL: it is not below it, and that is answered. */
static const char *behind_prefix(struct request *request, const char *address)
{
    const char *prefix = request->shared->prefix;
    size_t length = strlen(prefix);

    if (strncmp(address, prefix, length) == 0 && address[length] == '/')
        return address + length;
    if (length > 0 && strncmp(address, prefix, length) == 0 &&
        (address[length] == '\0' || address[length] == '?')) {
        response_empty(request, 308);
        response_header(request, "Location", "%s/", prefix);
    } else {
        response_problem(request, 404, "not-found", "Everything is below %s/.", prefix);
    }
    return NULL;
}

void router_find(struct request *request, const char *address)
{
    static void (*const checks[])(struct request *) = {check_method, check_caller, check_names,
                                                       check_type};
    const char *path = behind_prefix(request, address);
    int r;

    if (!path)
        return;
    r = target_init(&request->target, path);
    if (r == -ENOMEM) {
        response_error(request, r);
        return;
    }
    if (r < 0) {
        response_problem(request, 400, "bad-address", "The address is not well formed.");
        return;
    }
    request->route = find_route(request);
    if (!request->route) {
        response_problem(request, 404, "not-found", "There is no such resource.");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(checks) && !request->reply.status; i++)
        checks[i](request);
    if (!request->reply.status && request->id && !id_is_sound(request->id))
        response_problem(request, 404, "no-such-run",
                         "A run's id is made of letters, digits, _ and -.");
    if (!request->reply.status && request->route->begin)
        request->route->begin(request);
}

void router_serve(struct request *request)
{
    /* What an earlier call, before a wait, may have left. */
    request->waits = false;
    request->reply.status = 0;
    buf_clear(&request->reply.headers);
    buf_clear(&request->reply.body);
    request->route->serve(request);
}
