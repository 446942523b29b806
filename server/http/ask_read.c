/* ask_read.c: the JSON bodies of requests: POST /points and POST /session. The only file of http
 * that includes jansson.
 *
 * Depth is checked before parsing, for the parser recurses. Unknown members are errors, as unknown
 * names of a query are. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "http/ask.h"
#include "http/body.h"
#include "http/lives.h"

struct ask *ask_free(struct ask *ask)
{
    if (!ask)
        return NULL;
    free(ask->series);
    json_decref(ask->root);
    free(ask);
    return NULL;
}

bool body_is_shallow(const char *text, size_t size)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > LIMIT_JSON_DEPTH)
                return false;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* The body as an object with members from `known` only. NULL: a problem is the reply. */
static json_t *read_object(struct request *request, const char *const *known)
{
    const struct buf *body = &request->body;
    json_error_t error;
    const char *key;
    json_t *root, *value;

    if (!body_is_shallow(body->data, body->length)) {
        response_problem(request, 400, "bad-json", "The body is nested too deeply.");
        return NULL;
    }
    root = json_loadb(body->data ? body->data : "", body->length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        response_problem(request, 400, "bad-json", "The body is no JSON object: %.200s.",
                         root ? "it is something else" : error.text);
        json_decref(root);
        return NULL;
    }
    json_object_foreach(root, key, value) {
        const char *const *name = known;

        while (*name && strcmp(*name, key) != 0)
            name++;
        if (!*name) {
            response_problem(request, 400, "unknown-parameter", "The body has an unknown member "
                                                                "\"%.60s\".", key);
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

static bool bad(struct request *request, const char *what)
{
    response_problem(request, 400, "bad-parameter", "%s", what);
    return false;
}

static struct text text_of(const json_t *value)
{
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* ---- which series ------------------------------------------------------------------------ */

static bool make_list(struct request *request, struct ask *ask, size_t count)
{
    if (count == 0 || count > LIMIT_QUERY_SERIES) {
        response_problem(request, 400, "too-many-series",
                         "A request asks for 1 to %d series; this one for %zu.",
                         LIMIT_QUERY_SERIES, count);
        return false;
    }
    ask->series = calloc(count, sizeof *ask->series);
    ask->count = count;
    if (!ask->series)
        response_error(request, -ENOMEM);
    return ask->series;
}

static bool read_pairs(struct request *request, struct ask *ask, const json_t *list)
{
    if (!make_list(request, ask, json_array_size(list)))
        return false;
    for (size_t i = 0; i < ask->count; i++) {
        const json_t *item = json_array_get(list, i), *run = json_array_get(item, 0);
        const json_t *tag = json_array_get(item, 1), *dir = json_array_get(item, 2);
        size_t size = json_array_size(item);

        if (size < 2 || size > 3 || !json_is_string(run) || !json_is_string(tag) ||
            (dir && !json_is_string(dir)))
            return bad(request, "series is a list of [run, tag] or [run, tag, dir].");
        ask->series[i] = (struct ask_series){
            .run = json_string_value(run),
            .tag = text_of(tag),
            .dir = dir ? text_of(dir) : (struct text){"", 0},
        };
    }
    return true;
}

/* ID or [ID, DIR]. */
static bool read_block_run(const json_t *item, struct ask_series *ret)
{
    const json_t *dir = json_array_get(item, 1);

    *ret = (struct ask_series){.dir = {"", 0}};
    if (json_is_string(item)) {
        ret->run = json_string_value(item);
        return true;
    }
    if (json_array_size(item) != 2 || !json_is_string(dir))
        return false;
    ret->run = json_string_value(json_array_get(item, 0));
    ret->dir = text_of(dir);
    return ret->run;
}

static bool read_block(struct request *request, struct ask *ask, const json_t *block)
{
    static const char form[] = "A block is {runs: [ID or [ID, DIR], …], tags: […]}.";
    const json_t *runs = json_object_get(block, "runs"), *tags = json_object_get(block, "tags");
    size_t n_runs = json_array_size(runs), n_tags = json_array_size(tags);

    if (!json_is_array(runs) || !json_is_array(tags))
        return bad(request, form);
    if (!make_list(request, ask, n_runs * n_tags))
        return false;
    for (size_t r = 0; r < n_runs; r++) {
        struct ask_series run;

        if (!read_block_run(json_array_get(runs, r), &run))
            return bad(request, form);
        for (size_t t = 0; t < n_tags; t++) {
            const json_t *tag = json_array_get(tags, t);

            if (!json_is_string(tag))
                return bad(request, form);
            run.tag = text_of(tag);
            ask->series[r * n_tags + t] = run;
        }
    }
    return true;
}

static bool read_series(struct request *request, struct ask *ask, const json_t *root)
{
    const json_t *series = json_object_get(root, "series");

    if (json_is_array(series))
        return read_pairs(request, ask, series);
    if (json_is_object(series) && json_object_size(series) == 2)
        return read_block(request, ask, series);
    if (!series && json_object_get(root, "runs"))
        return read_block(request, ask, root);
    return bad(request, "series is a list of [run, tag], or a block {runs, tags}.");
}

/* ---- the rest ---------------------------------------------------------------------------- */

static bool read_word(struct request *request, const json_t *root, const char *key,
                      struct query *query,
                      bool (*read)(struct request *, const char *, struct query *))
{
    const json_t *value = json_object_get(root, key);

    if (value && !json_is_null(value) && !json_is_string(value))
        return bad(request, "x and view are words.");
    return read(request, json_string_value(value), query);
}

static bool read_range(struct request *request, struct query *query, const json_t *root)
{
    const json_t *range = json_object_get(root, "range");
    const json_t *from = json_array_get(range, 0), *to = json_array_get(range, 1);

    if (!range || json_is_null(range))
        return true;
    if (json_array_size(range) != 2 || !(json_is_number(from) || json_is_null(from)) ||
        !(json_is_number(to) || json_is_null(to)))
        return bad(request, "range is [from, to] or null.");
    if (!ask_range(request, query, json_is_null(from) ? -INFINITY : json_number_value(from),
                   json_is_null(to) ? INFINITY : json_number_value(to)))
        return false;
    if (json_is_integer(from))
        query->from_step = json_integer_value(from);
    if (json_is_integer(to))
        query->to_step = json_integer_value(to);
    return true;
}

static bool read_cols(struct request *request, struct ask *ask, const json_t *root)
{
    const json_t *cols = json_object_get(root, "cols");
    size_t i;
    json_t *name;

    ask->cols = 0;
    if (cols && !json_is_null(cols) && !json_is_array(cols))
        return bad(request, "cols is a list of names.");
    json_array_foreach(cols, i, name) {
        if (!json_is_string(name) || json_string_length(name) == 0)
            return bad(request, "cols is a list of names.");
        if (!ask_cols(request, json_string_value(name), json_string_length(name), &ask->cols))
            return false;
    }
    if (!ask->cols)
        ask->cols = COL_ALL;
    return true;
}

static bool read_width(struct request *request, struct query *query, const json_t *root)
{
    const json_t *width = json_object_get(root, "width");
    double px = json_number_value(width);

    if (!width || json_is_null(width))
        return true;
    if (!json_is_number(width) || !(px >= 1 && px <= LIMIT_WIDTH_PX)) {
        response_problem(request, 400, "bad-parameter", "width is a number from 1 to %d, or null.",
                         LIMIT_WIDTH_PX);
        return false;
    }
    query->width = (uint32_t)px;
    return true;
}

static bool read_after(struct request *request, struct ask *ask, const json_t *root)
{
    const json_t *after = json_object_get(root, "after"), *epoch = json_object_get(root, "epoch");
    const json_t *wait = json_object_get(root, "wait");
    uint64_t number;

    if (wait && (!json_is_number(wait) || !(json_number_value(wait) >= 0) ||
                 json_number_value(wait) > LIMIT_WAIT_SECONDS))
        return bad(request, "wait is a number of seconds, at most 30.");
    ask->wait_s = json_number_value(wait);
    if (!after || json_is_null(after))
        return true;
    if (json_array_size(after) != ask->count || !json_is_string(epoch) ||
        !ask_epoch(json_string_value(epoch), json_string_length(epoch), &number))
        return bad(request, "after is a list with one ordinal a series, of the epoch given.");
    ask->has_after = true;
    ask->other_epoch = number != store_epoch(request->shared->options.store);
    for (size_t i = 0; i < ask->count; i++) {
        const json_t *ordinal = json_array_get(after, i);

        if (!json_is_integer(ordinal) || json_integer_value(ordinal) < 0)
            return bad(request, "An ordinal is a whole number.");
        ask->series[i].ordinal = (uint64_t)json_integer_value(ordinal);
    }
    return true;
}

struct ask *ask_read(struct request *request)
{
    static const char *const known[] = {"series", "runs", "tags", "x", "range", "width", "cols",
                                        "view", "epoch", "after", "wait", NULL};
    json_t *root = read_object(request, known);
    struct ask *ask = root ? calloc(1, sizeof *ask) : NULL;

    if (!ask) {
        if (root)
            response_error(request, -ENOMEM);
        json_decref(root);
        return NULL;
    }
    ask->root = root;
    if (!read_series(request, ask, root) ||
        !read_word(request, root, "x", &ask->query, ask_axis) ||
        !read_word(request, root, "view", &ask->query, ask_view) ||
        !read_range(request, &ask->query, root) || !read_cols(request, ask, root) ||
        !read_width(request, &ask->query, root) || !read_after(request, ask, root) ||
        !ask_choose_format(request, false, &ask->format))
        return ask_free(ask);
    for (size_t i = 0; i < ask->count; i++)
        lives_bring(request->shared->lives, ask->series[i].run);
    ask_find(ask, request->shared->options.store);
    return ask;
}

bool body_token(struct request *request, char ret_token[BODY_TOKEN_BYTES])
{
    static const char *const known[] = {"token", NULL};
    json_t *root = read_object(request, known);
    const json_t *token = json_object_get(root, "token");
    bool fits = json_is_string(token) && json_string_length(token) < BODY_TOKEN_BYTES;

    if (!root)
        return false;
    if (fits)
        memcpy(ret_token, json_string_value(token), json_string_length(token) + 1);
    else
        bad(request, "token is a text.");
    json_decref(root);
    return fits;
}
