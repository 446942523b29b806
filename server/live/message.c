#include "live/message.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int bad(struct message_error *error, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int bad(struct message_error *error, const char *code, const char *format, ...)
{
    va_list args;

    error->code = code;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return -EBADMSG;
}

static struct text text_of(const json_t *value)
{
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* Epochs are hexadecimal text, 1 to 16 digits. */
static bool parse_epoch(const char *text, size_t size, uint64_t *ret)
{
    uint64_t epoch = 0;

    if (size < 1 || size > 16)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, text[i]);
        if (!at || !*at)
            return false;
        epoch = epoch << 4 | (uint64_t)(at - digits);
    }
    *ret = epoch;
    return true;
}

/* "epoch-ordinal" */
static bool parse_cursor(const char *text, uint64_t *ret_epoch, uint64_t *ret_ordinal)
{
    const char *dash = strchr(text, '-');
    uint64_t ordinal = 0;

    if (!dash || !dash[1] || strlen(dash + 1) > 19 ||
        !parse_epoch(text, (size_t)(dash - text), ret_epoch))
        return false;
    for (const char *p = dash + 1; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        ordinal = ordinal * 10 + (uint64_t)(*p - '0');
    }
    *ret_ordinal = ordinal;
    return true;
}

static int parse_id(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *id = json_object_get(root, "id");

    if (!id)
        return 0;
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) > UINT32_MAX)
        return bad(error, "bad-id", "id must be a whole number from 0 to 2^32 - 1");
    m->has_id = true;
    m->id = (uint32_t)json_integer_value(id);
    return 0;
}

static bool fits_id(const char *text, size_t size)
{
    return size > 0 && size <= LIMIT_RUN_ID_BYTES && !memchr(text, '\0', size);
}

/* ID, or [ID, DIR] */
static int parse_run(const json_t *item, struct message_run *ret, struct message_error *error)
{
    const json_t *id = json_is_array(item) ? json_array_get(item, 0) : item;
    const json_t *dir = json_is_array(item) ? json_array_get(item, 1) : NULL;

    if (!json_is_string(id) || !fits_id(json_string_value(id), json_string_length(id)))
        return bad(error, "bad-run", "a run is ID or [ID, DIR] with an id of 1 to %d bytes",
                   LIMIT_RUN_ID_BYTES);
    if (dir && (!json_is_string(dir) || json_string_length(dir) > LIMIT_PATH_BYTES))
        return bad(error, "bad-run", "a dir is text of at most %d bytes", LIMIT_PATH_BYTES);
    ret->id = json_string_value(id);
    ret->dir = dir ? text_of(dir) : (struct text){"", 0};
    return 0;
}

static int parse_tag(const json_t *item, struct text *ret, struct message_error *error)
{
    if (!json_is_string(item) || json_string_length(item) > LIMIT_TAG_BYTES)
        return bad(error, "bad-tag", "a tag is text of at most %d bytes", LIMIT_TAG_BYTES);
    *ret = text_of(item);
    return 0;
}

/* `series: [run, tag]` or `[run, tag, dir]`, with `cursor` */
static int parse_single(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *series = json_object_get(root, "series");
    const json_t *cursor = json_object_get(root, "cursor");
    size_t n = json_array_size(series);

    if (!json_is_array(series) || n < 2 || n > 3)
        return bad(error, "bad-series", "series must be [run, tag] or [run, tag, dir]");
    m->runs = calloc(1, sizeof *m->runs);
    m->tags = calloc(1, sizeof *m->tags);
    m->ordinals = calloc(1, sizeof *m->ordinals);
    if (!m->runs || !m->tags || !m->ordinals)
        return -ENOMEM;
    m->n_runs = m->n_tags = 1;
    const json_t *id = json_array_get(series, 0), *dir = json_array_get(series, 2);
    int r = parse_run(id, &m->runs[0], error);
    if (r == 0)
        r = parse_tag(json_array_get(series, 1), &m->tags[0], error);
    if (r == 0 && dir)
        r = parse_tag(dir, &m->runs[0].dir, error);
    if (r < 0)
        return r;
    m->ordinals[0] = MESSAGE_FROM_END;
    if (!cursor || json_is_null(cursor))
        return 0;
    if (!json_is_string(cursor) ||
        !parse_cursor(json_string_value(cursor), &m->epoch, &m->ordinals[0]))
        return bad(error, "bad-cursor", "cursor must be null or text of the form EPOCH-ORDINAL");
    m->has_epoch = true;
    return 0;
}

static int parse_lists(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *runs = json_object_get(root, "runs"), *tags = json_object_get(root, "tags");
    size_t n_runs = json_array_size(runs), n_tags = json_array_size(tags);
    int r = 0;

    if (!json_is_array(runs) || !json_is_array(tags))
        return bad(error, "bad-block", "a block needs the lists runs and tags");
    if (n_runs && n_tags > LIMIT_WATCHES_PER_CLIENT / n_runs)
        return bad(error, "too-many-watches", "at most %d series a connection",
                   LIMIT_WATCHES_PER_CLIENT);
    m->runs = calloc(n_runs + 1, sizeof *m->runs);
    m->tags = calloc(n_tags + 1, sizeof *m->tags);
    if (!m->runs || !m->tags)
        return -ENOMEM;
    for (; r == 0 && m->n_runs < n_runs; m->n_runs++)
        r = parse_run(json_array_get(runs, m->n_runs), &m->runs[m->n_runs], error);
    for (; r == 0 && m->n_tags < n_tags; m->n_tags++)
        r = parse_tag(json_array_get(tags, m->n_tags), &m->tags[m->n_tags], error);
    m->count = (uint64_t)n_runs * n_tags;
    if (r == 0 && m->count && m->id > UINT32_MAX - (m->count - 1))
        return bad(error, "bad-id", "the last id of the block is over 2^32 - 1");
    return r;
}

/* `epoch` and `ordinals`, one a series; a null or negative one means from the end */
static int parse_ordinals(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *epoch = json_object_get(root, "epoch");
    const json_t *ordinals = json_object_get(root, "ordinals");

    if (!ordinals || json_is_null(ordinals))
        return 0;
    if (!json_is_string(epoch) ||
        !parse_epoch(json_string_value(epoch), json_string_length(epoch), &m->epoch))
        return bad(error, "bad-cursor", "ordinals need the epoch they were counted in");
    if (json_array_size(ordinals) != m->count)
        return bad(error, "bad-cursor", "ordinals must be one a series of the block");
    m->has_epoch = true;
    m->ordinals = calloc(m->count + 1, sizeof *m->ordinals);
    if (!m->ordinals)
        return -ENOMEM;
    for (size_t i = 0; i < m->count; i++) {
        const json_t *item = json_array_get(ordinals, i);

        if (!json_is_integer(item) && !json_is_null(item))
            return bad(error, "bad-cursor", "ordinals must be whole numbers or null");
        bool from_end = json_is_null(item) || json_integer_value(item) < 0;
        m->ordinals[i] = from_end ? MESSAGE_FROM_END : (uint64_t)json_integer_value(item);
    }
    return 0;
}

/* A list of column names; none: all of them. */
static int parse_cols(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *cols = json_object_get(root, "cols"), *item;
    size_t i;

    m->cols = COL_ALL;
    if (!cols || json_is_null(cols))
        return 0;
    if (!json_is_array(cols))
        return bad(error, "bad-cols", "cols must be a list of column names");
    m->cols = 0;
    json_array_foreach(cols, i, item)
    {
        const char *name = json_string_value(item);
        uint32_t bit = name ? frame_column_parse(name, json_string_length(item)) : 0;
        if (!bit)
            return bad(error, "bad-cols", "unknown column %.40s", name ? name : "");
        m->cols |= bit;
    }
    return 0;
}

static int parse_watch(const json_t *root, struct message *m, struct message_error *error)
{
    const char *view = json_string_value(json_object_get(root, "view"));
    int r;

    if (!m->has_id)
        return bad(error, "bad-id", "watch needs an id");
    m->view = VIEW_STITCHED;
    if (view && strcmp(view, "all") == 0)
        m->view = VIEW_ALL;
    else if (view && strcmp(view, "stitched") != 0)
        return bad(error, "bad-view", "view must be stitched or all");
    r = parse_cols(root, m, error);
    if (r < 0)
        return r;
    if (json_object_get(root, "series"))
        return parse_single(root, m, error);
    r = parse_lists(root, m, error);
    return r < 0 ? r : parse_ordinals(root, m, error);
}

/* `ids`, or a block: `id` with `count`, or with `runs` and `tags` */
static int parse_unwatch(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *ids = json_object_get(root, "ids"), *count = json_object_get(root, "count");
    size_t n = json_array_size(ids);

    if (json_is_array(ids)) {
        m->ids = calloc(n + 1, sizeof *m->ids);
        if (!m->ids)
            return -ENOMEM;
        for (; m->n_ids < n; m->n_ids++) {
            const json_t *id = json_array_get(ids, m->n_ids);
            if (!json_is_integer(id) || json_integer_value(id) < 0 ||
                json_integer_value(id) > UINT32_MAX)
                return bad(error, "bad-id", "ids must be whole numbers from 0 to 2^32 - 1");
            m->ids[m->n_ids] = (uint32_t)json_integer_value(id);
        }
        return 0;
    }
    if (!m->has_id)
        return bad(error, "bad-id", "unwatch needs ids, or the id of a block");
    m->count = 1;
    if (json_is_integer(count)) {
        json_int_t given = json_integer_value(count);
        if (given < 0 || given > LIMIT_WATCHES_PER_CLIENT)
            return bad(error, "bad-block", "count must be 0 to %d", LIMIT_WATCHES_PER_CLIENT);
        m->count = (uint64_t)given;
    } else if (json_object_get(root, "runs"))
        return parse_lists(root, m, error);
    return 0;
}

static int parse_ack(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *bytes = json_object_get(root, "bytes");

    if (!json_is_integer(bytes) || json_integer_value(bytes) < 0)
        return bad(error, "bad-ack", "ack needs bytes");
    m->bytes = (uint64_t)json_integer_value(bytes);
    return 0;
}

static int parse_runs(const json_t *root, struct message *m, struct message_error *error)
{
    const json_t *on = json_object_get(root, "on"), *cursor = json_object_get(root, "cursor");

    m->on = !on || json_is_true(on);
    if (cursor && !json_is_null(cursor)) {
        if (!json_is_string(cursor) ||
            !parse_cursor(json_string_value(cursor), &m->epoch, &m->since))
            return bad(error, "bad-cursor", "cursor must be null or that of GET /runs");
        m->has_epoch = true;
    }
    m->experiment = json_string_value(json_object_get(root, "experiment"));
    m->query = json_string_value(json_object_get(root, "q"));
    if ((m->experiment && strlen(m->experiment) > LIMIT_NAME_BYTES) ||
        (m->query && strlen(m->query) > LIMIT_NAME_BYTES))
        return bad(error, "bad-filter", "a filter has at most %d bytes", LIMIT_NAME_BYTES);
    return 0;
}

static enum message_kind kind_of(const char *t)
{
    static const char *const words[] = {"", "watch", "unwatch", "ack", "runs", "pause", "resume"};

    for (size_t i = 1; i < ARRAY_LEN(words); i++)
        if (strcmp(t, words[i]) == 0)
            return (enum message_kind)i;
    return MESSAGE_UNKNOWN;
}

int message_parse(const char *data, size_t size, struct message *ret,
                  struct message_error *error)
{
    struct message m = {0};
    json_error_t where;
    int r;

    *ret = m;
    json_t *root = json_loadb(data, size, JSON_ALLOW_NUL, &where);
    if (!root)
        return bad(error, "bad-json", "%.120s", where.text);
    m.memory = root;
    const char *t = json_string_value(json_object_get(root, "t"));
    if (!t)
        r = bad(error, "bad-message", "a message is an object with t");
    else {
        m.kind = kind_of(t);
        r = m.kind == MESSAGE_UNKNOWN ? 0 : parse_id(root, &m, error);
    }
    if (r == 0 && m.kind == MESSAGE_WATCH)
        r = parse_watch(root, &m, error);
    else if (r == 0 && m.kind == MESSAGE_UNWATCH)
        r = parse_unwatch(root, &m, error);
    else if (r == 0 && m.kind == MESSAGE_ACK)
        r = parse_ack(root, &m, error);
    else if (r == 0 && m.kind == MESSAGE_RUNS)
        r = parse_runs(root, &m, error);
    if (r < 0) {
        ret->has_id = m.has_id;
        ret->id = m.id;
        message_done(&m);
        return r;
    }
    *ret = m;
    return 0;
}

void message_done(struct message *message)
{
    free(message->runs);
    free(message->tags);
    free(message->ordinals);
    free(message->ids);
    json_decref(message->memory);
    *message = (struct message){0};
}
