#include "cli/asker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "cli/beacon.h"
#include "cli/local.h"
#include "cli/tunnel.h"
#include "ship/channel.h"

enum { PIECE = 256 << 10, LINE_MAX_BYTES = 16384, ANSWER_BYTES_MAX = 1 << 30, TOKEN_BYTES = 512 };
#define USUAL_SERVER "http://localhost:6006"

struct asker {
    const struct cli_command *command;
    struct server_name server;
    const char *url;
    char found[BEACON_URL_BYTES]; /* of a server that said where it is */
    struct local *local; /* asked in place of a server; NULL: not */
    char token[TOKEN_BYTES];
};

static int say(const struct asker *asker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int say(const struct asker *asker, const char *format, ...)
{
    char text[1024], safe[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_escape(safe, sizeof safe, text, strlen(text));
    fprintf(stderr, "tailboard %s: %s\n", asker->command->name, safe);
    return CLI_FAILED;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* Does somebody listen there? */
static bool answers(const struct server_name *server)
{
    struct tunnel *tunnel = NULL;
    int r = tunnel_open(server, &tunnel);

    tunnel_close(tunnel);
    return r == 0;
}

static int read_token(struct asker *asker, const char *path)
{
    const char *from_env = getenv("TAILBOARD_TOKEN");
    _cleanup_fclose_ FILE *file = path ? fopen(path, "re") : NULL;

    if (!path) {
        snprintf(asker->token, sizeof asker->token, "%s", from_env ? from_env : "");
        return 0;
    }
    if (!file || !fgets(asker->token, sizeof asker->token, file))
        return say(asker, "%s: %s", path, file ? "it is empty" : strerror(errno));
    asker->token[strcspn(asker->token, " \r\n")] = '\0';
    return 0;
}

static int open_usual(struct asker *asker, const struct asker_options *options);

/* A server of this command's own on the archive. As local_open(). */
static int open_local(struct asker *asker, const struct asker_options *options)
{
    char url[40];
    int r = local_open(options->archive, options->state, &asker->local);

    if (r < 0)
        return r;
    snprintf(url, sizeof url, "http://localhost:%u", local_port(asker->local));
    return channel_parse(url, &asker->server);
}

/* Does a server say in this directory where it is, and answer there? */
static bool open_beacon(struct asker *asker, const char *dir)
{
    struct server_name name;

    if (!beacon_find(dir, asker->found) || channel_parse(asker->found, &name) < 0)
        return false;
    if (!answers(&name))
        return false;
    asker->server = name;
    asker->url = asker->found;
    return true;
}

/* No server and no archive was named. */
static bool open_known(struct asker *asker, const struct asker_options *options)
{
    char dir[LIMIT_PATH_BYTES];

    if (config_state_place(options->state, dir, sizeof dir) == 0 && open_beacon(asker, dir))
        return true;
    return config_archive_place(NULL, dir, sizeof dir) == 0 && open_beacon(asker, dir);
}

static int open_archive(struct asker *asker, const struct asker_options *options)
{
    if (open_beacon(asker, options->archive))
        return 0;
    int r = open_local(asker, options);
    if (r == 0)
        return 0;
    if (!options->exact)
        return open_usual(asker, options);
    if (r == -EBUSY)
        return say(asker, "%s: another process has it, and does not say where it answers: name it "
                          "with --server", options->archive);
    return say(asker, "%s: %s", options->archive,
               r == -ENOENT ? "there is no archive" : strerror(-r));
}

/* No server was named: the usual one, or else the archive itself. */
static int open_usual(struct asker *asker, const struct asker_options *options)
{
    if (answers(&asker->server))
        return 0;
    int r = open_local(asker, options);
    if (r == -ENOENT)
        return say(asker, "no server answers at %s, and there is no archive to open: name one "
                           "with --server or --archive", asker->url);
    if (r == -EBUSY)
        return say(asker, "another process has the archive, and does not answer at %s: name it "
                           "with --server", asker->url);
    return r < 0 ? say(asker, "the archive cannot be opened: %s", strerror(-r)) : 0;
}

int asker_open(const struct cli_command *command, const struct asker_options *options,
                struct asker **ret)
{
    struct asker *asker = calloc(1, sizeof *asker);
    int r;

    if (!asker)
        return CLI_FAILED;
    asker->command = command;
    asker->url = options->server && *options->server ? options->server : USUAL_SERVER;
    if (channel_parse(asker->url, &asker->server) < 0)
        r = say(asker, "--server: '%s' is no http:// or https:// address", asker->url);
    else
        r = read_token(asker, options->token_file);
    bool named = options->server && *options->server;
    if (r == 0 && options->archive && !named)
        r = open_archive(asker, options);
    else if (r == 0 && !named && !open_known(asker, options))
        r = open_usual(asker, options);
    if (r != 0) {
        asker_close(asker);
        return r;
    }
    *ret = asker;
    return 0;
}

struct asker *asker_close(struct asker *asker)
{
    if (!asker)
        return NULL;
    local_close(asker->local);
    explicit_bzero(asker->token, sizeof asker->token);
    free(asker);
    return NULL;
}

/* ---- one request ------------------------------------------------------------------------- */

/* An answer on its way in. */
struct intake {
    struct tunnel *tunnel;
    size_t from, to;
    bool chunked, sized;
    uint64_t left;
    char bytes[PIECE];
};

static int send_request(const struct asker *asker, struct tunnel *tunnel,
                        const struct asker_request *request)
{
    _cleanup_(buf_done) struct buf head = BUF_INIT(1 << 20);
    char piece[65536];
    uint64_t left = request->size;
    int r;

    buf_printf(&head, "%s %s%s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n", request->method,
               asker->server.prefix, request->target, asker->server.host, asker->server.port);
    if (*asker->token)
        buf_printf(&head, "Authorization: Bearer %s\r\n", asker->token);
    if (request->headers)
        buf_str(&head, request->headers);
    if (request->body || request->fd >= 0)
        buf_printf(&head, "Content-Length: %zu\r\n", request->size);
    buf_str(&head, "\r\n");
    if (request->body)
        buf_add(&head, request->body, request->size);
    if (buf_failed(&head))
        return buf_failed(&head);
    r = tunnel_send(tunnel, head.data, head.length);
    while (r == 0 && request->fd >= 0 && left > 0) {
        ssize_t n = read(request->fd, piece, MIN(left, (uint64_t)sizeof piece));

        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        r = tunnel_send(tunnel, piece, (size_t)n);
        left -= (uint64_t)n;
    }
    return r;
}

/* Reads on. 1; 0: the end; -errno. */
static int fill(struct intake *in)
{
    ssize_t n;

    if (in->from == in->to)
        in->from = in->to = 0;
    n = tunnel_receive(in->tunnel, in->bytes + in->to, sizeof in->bytes - in->to);
    if (n < 0)
        return (int)n;
    in->to += (size_t)n;
    return n > 0;
}

/* One line without its end; -EPROTO when there is none. */
static int read_line(struct intake *in, char *out, size_t size)
{
    for (;;) {
        char *end = memchr(in->bytes + in->from, '\n', in->to - in->from);
        size_t length;
        int r;

        if (end) {
            length = (size_t)(end - (in->bytes + in->from));
            if (length >= size)
                return -EPROTO;
            memcpy(out, in->bytes + in->from, length);
            out[length] = '\0';
            out[strcspn(out, "\r")] = '\0';
            in->from += length + 1;
            return 0;
        }
        if (in->from > 0) {
            memmove(in->bytes, in->bytes + in->from, in->to - in->from);
            in->to -= in->from;
            in->from = 0;
        }
        if (in->to > LINE_MAX_BYTES)
            return -EPROTO;
        r = fill(in);
        if (r <= 0)
            return r < 0 ? r : -EPROTO;
    }
}

static void take_header(struct intake *in, struct asker_reply *reply, char *line)
{
    char *value = strchr(line, ':');

    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " \t");
    if (strcasecmp(line, "Content-Length") == 0) {
        in->sized = true;
        in->left = strtoull(value, NULL, 10);
    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        in->chunked = strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(line, "ETag") == 0) {
        snprintf(reply->etag, sizeof reply->etag, "%s", value);
    } else if (strcasecmp(line, "Repr-Digest") == 0) {
        snprintf(reply->digest, sizeof reply->digest, "%s", value);
    } else if (strcasecmp(line, "Upload-Offset") == 0) {
        reply->offset = strtoull(value, NULL, 10);
    } else if (strcasecmp(line, "Tailboard-Received") == 0) {
        reply->received = strtoull(value, NULL, 10);
    }
}

static int read_head(struct intake *in, struct asker_reply *reply)
{
    char line[LINE_MAX_BYTES];
    int r = read_line(in, line, sizeof line);

    if (r == 0 && (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12))
        r = -EPROTO;
    if (r < 0)
        return r;
    reply->status = (int)strtol(line + 9, NULL, 10);
    while ((r = read_line(in, line, sizeof line)) == 0 && *line)
        take_header(in, reply, line);
    return r;
}

/* Gives up to in->left bytes of the body away. */
static int give(struct intake *in, const struct asker_request *request,
                struct asker_reply *reply)
{
    while (in->left > 0) {
        size_t n = MIN((uint64_t)(in->to - in->from), in->left);
        int r;

        if (n == 0) {
            r = fill(in);
            if (r == 0 && in->left == UINT64_MAX)
                return 0; /* ends with the connection */
            if (r <= 0)
                return r < 0 ? r : -EPIPE;
            continue;
        }
        r = request->take && reply->status < 300
                ? request->take(request->ctx, in->bytes + in->from, n)
                : buf_add(&reply->body, in->bytes + in->from, n);
        if (r != 0)
            return r;
        in->from += n;
        if (in->left != UINT64_MAX)
            in->left -= n;
    }
    return 0;
}

static int read_body(struct intake *in, const struct asker_request *request,
                     struct asker_reply *reply)
{
    char line[LINE_MAX_BYTES];
    int r;

    if (!in->chunked) {
        if (!in->sized)
            in->left = reply->status == 204 || reply->status == 304 ? 0 : UINT64_MAX;
        return give(in, request, reply);
    }
    for (;;) {
        r = read_line(in, line, sizeof line);
        if (r < 0)
            return r;
        in->left = strtoull(line, NULL, 16);
        if (in->left == 0)
            return read_line(in, line, sizeof line);
        r = give(in, request, reply);
        if (r == 0)
            r = read_line(in, line, sizeof line);
        if (r != 0)
            return r;
    }
}

void asker_reply_done(struct asker_reply *reply)
{
    buf_done(&reply->body);
}

int asker_ask(struct asker *asker, const struct asker_request *request,
               struct asker_reply *ret)
{
    struct intake *in = calloc(1, sizeof *in);
    struct asker_reply reply = {.body = BUF_INIT(ANSWER_BYTES_MAX)};
    int r;

    if (!in)
        return CLI_FAILED;
    r = tunnel_open(&asker->server, &in->tunnel);
    if (r == 0)
        r = send_request(asker, in->tunnel, request);
    if (r == 0 || r == -EPIPE || r == -ECONNRESET) /* a refusal may have come early */
        r = read_head(in, &reply);
    if (r == 0 && strcmp(request->method, "HEAD") != 0)
        r = read_body(in, request, &reply);
    reply.whole = r == 0;
    char why[300];
    snprintf(why, sizeof why, "%s", r < 0 ? tunnel_error(in->tunnel) : "");
    tunnel_close(in->tunnel);
    free(in);
    if (r < 0 && (reply.status == 0 || !request->take)) {
        asker_reply_done(&reply);
        return say(asker, "%s: %s", asker->local ? "the archive" : asker->url,
                   *why           ? why
                   : r == -EPROTO ? "the answer is not HTTP"
                                  : strerror(-r));
    }
    *ret = reply;
    return 0;
}

int asker_refused(struct asker *asker, const struct asker_reply *reply)
{
    struct buf *body = (struct buf *)(uintptr_t)&reply->body;
    json_t *root = json_loads(buf_text(body) ? buf_text(body) : "", 0, NULL);
    const char *detail = asker_text(root, "detail");

    if (*detail)
        say(asker, "%s", detail);
    else
        say(asker, "the server answers %d", reply->status);
    json_decref(root);
    return CLI_FAILED;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *parsed(struct asker *asker, struct asker_reply *reply)
{
    json_t *root = NULL;

    if (reply->status < 200 || reply->status > 299)
        asker_refused(asker, reply);
    else if (reply->body.length == 0)
        root = json_object();
    else if (!(root = json_loadb(reply->body.data, reply->body.length, 0, NULL)))
        say(asker, "the answer is no JSON");
    asker_reply_done(reply);
    return root;
}

json_t *asker_get(struct asker *asker, const char *target, int *ret_status)
{
    const struct asker_request request = ASKER_REQUEST("GET", target);
    struct asker_reply reply = {0};

    if (asker_ask(asker, &request, &reply) != 0)
        return NULL;
    if (ret_status)
        *ret_status = reply.status;
    return parsed(asker, &reply);
}

json_t *asker_send(struct asker *asker, const char *method, const char *target,
                    const json_t *body)
{
    _cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct asker_request request = ASKER_REQUEST(method, target);
    struct asker_reply reply;

    if (text) {
        request.headers = "Content-Type: application/json\r\n";
        request.body = text;
        request.size = strlen(text);
    } else if (strcmp(method, "POST") == 0) {
        request.body = "";
    }
    return asker_ask(asker, &request, &reply) == 0 ? parsed(asker, &reply) : NULL;
}

void asker_quote(struct buf *out, const char *text, bool slashes)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "-._~";

    for (const char *p = text; *p; p++) {
        if (strchr(plain, *p) || (slashes && *p == '/'))
            buf_char(out, *p);
        else
            buf_printf(out, "%%%02X", (unsigned char)*p);
    }
}

const char *asker_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

double asker_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

void asker_print(FILE *out, const char *text)
{
    char safe[4096];

    log_escape(safe, sizeof safe, text, strlen(text));
    fputs(safe, out);
}

/* ---- runs -------------------------------------------------------------------------------- */

int asker_each_run(struct asker *asker, const char *query,
                    int (*each)(void *ctx, json_t *run), void *ctx)
{
    char after[LIMIT_RUN_ID_BYTES + 1] = "";
    size_t seen = 0, total = 1;

    while (seen < total) {
        _cleanup_(buf_done) struct buf target = BUF_INIT(1 << 16);
        json_t *root, *run;
        size_t i;
        int r = 0;

        buf_printf(&target, "/api/v1/runs?%s%s%s", query, *after ? "&after=" : "", after);
        root = buf_text(&target) ? asker_get(asker, buf_text(&target), NULL) : NULL;
        if (!root)
            return CLI_FAILED;
        total = (size_t)asker_number(root, "total");
        json_array_foreach(json_object_get(root, "runs"), i, run) {
            snprintf(after, sizeof after, "%s", asker_text(run, "id"));
            seen++;
            r = r == 0 ? each(ctx, run) : r;
        }
        if (json_array_size(json_object_get(root, "runs")) == 0)
            total = 0;
        json_decref(root);
        if (r != 0)
            return r;
    }
    return 0;
}

struct search {
    const char *name;
    json_t *found;
    unsigned count;
};

static int compare_run(void *ctx, json_t *run)
{
    struct search *search = ctx;
    const char *id = asker_text(run, "id"), *title = asker_text(run, "title");
    size_t length = strlen(search->name);
    bool exact = strcmp(id, search->name) == 0;

    if (!exact && !(length >= 4 && strncmp(id, search->name, length) == 0) &&
        strcmp(asker_text(run, "name"), search->name) != 0 && strcmp(title, search->name) != 0)
        return 0;
    if (search->count++ == 0 || exact) {
        json_decref(search->found);
        search->found = json_incref(run);
    }
    if (exact)
        search->count = 1;
    return exact ? -1 : 0;
}

json_t *asker_find_run(struct asker *asker, const char *name)
{
    struct search search = {.name = name};
    int r = asker_each_run(asker, "", compare_run, &search);

    if (r > 0)
        return NULL;
    if (search.count == 1)
        return search.found;
    json_decref(search.found);
    say(asker, search.count ? "'%s' fits %u runs: give an id" : "there is no run '%s'", name,
        search.count);
    return NULL;
}
