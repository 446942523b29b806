#include "http/ask.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>


void ask_find(struct ask *ask, struct store *store)
{
    struct run *run = NULL;
    const char *id = NULL;

    for (size_t i = 0; i < ask->count; i++) {
        struct ask_series *s = &ask->series[i];

        if (s->series)
            continue;
        if (!id || strcmp(id, s->run) != 0) {
            id = s->run;
            run = store_find_run(store, id);
        }
        if (run)
            s->series = tagname_find(run, s->dir, s->tag);
    }
}

bool ask_has_news(struct ask *ask, struct store *store)
{
    ask_find(ask, store);
    for (size_t i = 0; i < ask->count; i++) {
        const struct ask_series *s = &ask->series[i];

        if (s->series && (ask->other_epoch || series_ordinal(s->series) != s->ordinal))
            return true;
    }
    return ask->other_epoch;
}

bool ask_axis(struct request *request, const char *word, struct query *query)
{
    if (!word || strcmp(word, "step") == 0)
        query->axis = AXIS_STEP;
    else if (strcmp(word, "wall") == 0)
        query->axis = AXIS_WALL;
    else if (strcmp(word, "relative") == 0)
        query->axis = AXIS_RELATIVE;
    else {
        response_problem(request, 400, "bad-parameter", "x is step, wall or relative.");
        return false;
    }
    return true;
}

bool ask_view(struct request *request, const char *word, struct query *query)
{
    if (!word || strcmp(word, "stitched") == 0)
        query->view = VIEW_STITCHED;
    else if (strcmp(word, "all") == 0)
        query->view = VIEW_ALL;
    else {
        response_problem(request, 400, "bad-parameter", "view is stitched or all.");
        return false;
    }
    return true;
}

bool ask_cols(struct request *request, const char *words, size_t size, uint32_t *cols)
{
    const char *end = words + size;

    while (words < end) {
        const char *comma = memchr(words, ',', (size_t)(end - words));
        size_t length = (size_t)((comma ? comma : end) - words);
        uint32_t bit = length > 0 ? frame_column_parse(words, length) : 0;

        if (!bit) {
            response_problem(request, 400, "bad-parameter", "cols has no column \"%.*s\".",
                             (int)MIN(length, (size_t)40), words);
            return false;
        }
        *cols |= bit;
        words += length + 1;
    }
    return true;
}

static int64_t clamp_step(double x)
{
    if (x >= 9223372036854775807.0)
        return INT64_MAX;
    return x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x;
}

bool ask_range(struct request *request, struct query *query, double from, double to)
{
    if (isnan(from) || isnan(to) || from > to) {
        response_problem(request, 400, "bad-parameter",
                         "A range is two numbers, the smaller one first.");
        return false;
    }
    query->limited = true;
    query->from = from;
    query->to = to;
    query->from_step = clamp_step(ceil(from));
    query->to_step = clamp_step(floor(to));
    return true;
}

bool ask_epoch(const char *text, size_t size, uint64_t *ret)
{
    uint64_t epoch = 0;

    if (size == 0 || size > 16)
        return false;
    for (size_t i = 0; i < size; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = text[i] ? strchr(digits, text[i]) : NULL;

        if (!at)
            return false;
        epoch = epoch << 4 | (uint64_t)(at - digits);
    }
    *ret = epoch;
    return true;
}

/* ---- the form ---------------------------------------------------------------------------- */

static const struct {
    const char *word, *type;
    enum ask_format format;
} formats[] = {
    {"json", "application/json", ASK_JSON},
    {"binary", "application/vnd.tailboard.points", ASK_BINARY},
    {"ndjson", "application/x-ndjson", ASK_NDJSON},
    {"csv", "text/csv", ASK_CSV},
};

/* How much one entry of Accept wants a type; 0: not at all. */
static double wish(const char *entry, size_t size, const char *type)
{
    size_t word = strcspn(entry, ",; \t");
    const char *q = memmem(entry, size, "q=", 2);
    double weight = q ? strtod(q + 2, NULL) : 1.0, part = 1.0;

    if (word == 3 && memcmp(entry, "*/*", 3) == 0)
        part = 0.01;
    else if (word > 2 && memcmp(entry + word - 2, "/*", 2) == 0 &&
             strncasecmp(entry, type, word - 1) == 0)
        part = 0.1;
    else if (word != strlen(type) || strncasecmp(entry, type, word) != 0)
        part = 0;
    return weight * part;
}

static double wish_of(const char *accept, const char *type)
{
    double best = 0;

    for (const char *at = accept; *at;) {
        size_t size = strcspn(at, ",");

        best = fmax(best, wish(at, size, type));
        at += size;
        at += strspn(at, ", \t");
    }
    return best;
}

bool ask_choose_format(struct request *request, bool csv, enum ask_format *ret)
{
    const char *word = request_value(request, "format");
    const char *accept = request_header(request, "Accept");
    double best = 0;

    *ret = ASK_JSON;
    if (!word && !accept)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        double want = word ? strcmp(word, formats[i].word) == 0 : wish_of(accept, formats[i].type);

        if (want <= best || (formats[i].format == ASK_CSV && !csv))
            continue;
        best = want;
        *ret = formats[i].format;
    }
    if (best > 0)
        return true;
    if (word)
        response_problem(request, 400, "bad-parameter", "format is json, binary%s or ndjson.",
                         csv ? ", csv" : "");
    else
        response_problem(request, 406, "not-acceptable",
                         "Points come as application/json, application/vnd.tailboard.points%s or "
                         "application/x-ndjson.", csv ? ", text/csv" : "");
    return false;
}

/* ---- GET /runs/{id}/points --------------------------------------------------------------- */

static bool read_bound(struct request *request, const char *name, double usual, double *ret)
{
    const char *text = request_value(request, name);
    char *end;

    *ret = usual;
    if (!text)
        return true;
    *ret = strtod(text, &end);
    if (*text && !*end && strchr("-+.0123456789I", *text))
        return true;
    response_problem(request, 400, "bad-parameter", "%s must be a number.", name);
    return false;
}

/* Whole numbers keep all their digits. */
static void exact_step(struct request *request, const char *name, int64_t *step)
{
    const char *text = request_value(request, name);
    char *end;
    int64_t value;

    if (!text)
        return;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (!*end && !errno)
        *step = value;
}

static bool read_range(struct request *request, struct query *query)
{
    double from, to;

    if (!request_value(request, "from") && !request_value(request, "to"))
        return true;
    if (!read_bound(request, "from", -INFINITY, &from) ||
        !read_bound(request, "to", INFINITY, &to) || !ask_range(request, query, from, to))
        return false;
    exact_step(request, "from", &query->from_step);
    exact_step(request, "to", &query->to_step);
    return true;
}

static bool read_after(struct request *request, struct ask *ask)
{
    const char *text = request_value(request, "after"), *dash = text ? strchr(text, '-') : NULL;
    uint64_t epoch, wait;

    if (!request_number(request, "wait", 0, LIMIT_WAIT_SECONDS, 0, &wait))
        return false;
    ask->wait_s = (double)wait;
    if (!text)
        return true;
    if (!dash || !ask_epoch(text, (size_t)(dash - text), &epoch) || !dash[1] ||
        strlen(dash + 1) > 19 || strspn(dash + 1, "0123456789") != strlen(dash + 1)) {
        response_problem(request, 400, "bad-cursor", "after must be a cursor of this API.");
        return false;
    }
    ask->has_after = true;
    ask->other_epoch = epoch != store_epoch(request->shared->options.store);
    ask->series[0].ordinal = strtoull(dash + 1, NULL, 10);
    return true;
}

static bool read_query(struct request *request, struct ask *ask)
{
    const char *cols = request_value(request, "cols");
    uint64_t width;

    if (!ask_axis(request, request_value(request, "x"), &ask->query) ||
        !ask_view(request, request_value(request, "view"), &ask->query) ||
        !read_range(request, &ask->query) || !read_after(request, ask) ||
        !request_number(request, "width", 1, LIMIT_WIDTH_PX, 0, &width) ||
        !ask_choose_format(request, true, &ask->format))
        return false;
    ask->query.width = (uint32_t)width;
    if (cols && !ask_cols(request, cols, strlen(cols), &ask->cols))
        return false;
    if (!ask->cols)
        ask->cols = COL_ALL;
    return true;
}

struct ask *ask_query(struct request *request, struct run *run)
{
    const char *tag = request_value(request, "tag"), *dir = request_value(request, "dir");
    struct series *series = request_series(request, run, tag, dir);
    struct ask *ask = series ? calloc(1, sizeof *ask) : NULL;

    if (!series)
        return NULL;
    if (ask)
        ask->series = calloc(1, sizeof *ask->series);
    if (!ask || !ask->series) {
        response_error(request, -ENOMEM);
        return ask_free(ask);
    }
    ask->count = 1;
    ask->series[0] = (struct ask_series){
        .series = series,
        .run = request->id,
        .dir = {dir ? dir : "", dir ? strlen(dir) : 0},
        .tag = {tag, strlen(tag)},
    };
    return read_query(request, ask) ? ask : ask_free(ask);
}
