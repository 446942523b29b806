/* route_series.c: GET /runs/{id}/series and /runs/{id}/values: what a run's tags hold. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/filter.h"
#include "http/router.h"
#include "http/write.h"

/* ---- one series -------------------------------------------------------------------------- */

static void write_extreme(struct json *j, const char *key, enum value_kind kind, uint64_t bits)
{
    json_key(j, key);
    if (kind)
        write_number(j, kind, bits);
    else
        json_put_null(j);
}

static void write_meta(struct json *j, const struct series_meta *meta)
{
    static const char *const classes[] = {"unknown", "scalar", "tensor", "blob"};

    write_text(j, "kind", series_kind_word(meta->kind));
    write_bytes(j, "plugin", meta->plugin);
    write_bytes(j, "display_name", meta->display_name);
    write_bytes(j, "description", meta->description);
    write_text(j, "data_class",
               classes[meta->data_class >= 0 && meta->data_class <= 3 ? meta->data_class : 0]);
}

static void write_series(struct json *j, const void *list, size_t i, const char *epoch)
{
    const struct series_summary *s = (const struct series_summary *)list + i;

    json_open(j, '{');
    tagname_write(j, "tag", s->tag);
    tagname_write(j, "dir", s->dir);
    write_meta(j, &s->meta);
    write_u64(j, "count", s->count);
    write_u64(j, "other", s->other);
    write_i64(j, "first_step", s->first_step);
    write_i64(j, "last_step", s->last_step);
    write_double(j, "first_wall", s->first_wall);
    write_double(j, "last_wall", s->last_wall);
    write_extreme(j, "last", s->last_kind, s->last_bits);
    write_extreme(j, "min", s->min_kind, s->min_bits);
    write_i64(j, "min_step", s->min_step);
    write_extreme(j, "max", s->max_kind, s->max_bits);
    write_i64(j, "max_step", s->max_step);
    write_u64(j, "nan", s->nan);
    write_u64(j, "inf", s->inf);
    json_key(j, "cursor");
    json_put_raw(j, "\"", 1);
    buf_printf(j->out, "%s-%" PRIu64 "\"", epoch, s->ordinal);
    json_close(j, '}');
}

/* ---- pages ------------------------------------------------------------------------------- */

struct page {
    const char *total, *name; /* keys of the count of all rows, and of the rows */
    size_t count;
    uint64_t from, limit;
    /* Writes row `i` of `list`. */
    void (*write)(struct json *j, const void *list, size_t i, const char *epoch);
    const void *list;
};

/* One page of a list of this run; `after` of the next one is a row's number. */
static void write_page(struct request *request, const struct page *page)
{
    struct json j = JSON_INIT(&request->reply.body);
    size_t to = (size_t)MIN((uint64_t)page->count, page->from + page->limit);
    char next[24];

    if (to < page->count) {
        snprintf(next, sizeof next, "%zu", to);
        filter_link_next(request, next);
    }
    json_open(&j, '{');
    write_text(&j, "epoch", request->shared->epoch);
    write_text(&j, "run", request->id);
    write_u64(&j, page->total, page->count);
    json_key(&j, page->name);
    json_open(&j, '[');
    for (size_t i = (size_t)page->from; i < to; i++)
        page->write(&j, page->list, i, request->shared->epoch);
    json_close(&j, ']');
    json_close(&j, '}');
    response_json(request);
}

/* ---- series ------------------------------------------------------------------------------ */

struct series_list {
    struct series_summary *all;
    size_t count;
};

static void series_list_done(struct series_list *list)
{
    free(list->all);
}

/* Drops what does not fit, keeping the order. */
static bool select_series(struct request *request, struct series_list *list,
                          enum series_kind kind)
{
    _cleanup_(filter_done) struct filter filter;
    size_t kept = 0;

    if (!filter_init(&filter, request))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if ((!kind || list->all[i].meta.kind == kind) &&
            filter_fits(&filter, list->all[i].tag.data, list->all[i].tag.size))
            list->all[kept++] = list->all[i];
    list->count = kept;
    return filter_ended(&filter, request);
}

void route_series(struct request *request)
{
    _cleanup_(series_list_done) struct series_list list = {0};
    struct run *run = request_run(request);
    enum series_kind kind;
    enum view view;
    uint64_t from, limit;
    int r;

    if (!run || !filter_kind(request, &kind) || !filter_view(request, VIEW_STITCHED, &view) ||
        !request_number(request, "after", 0, LIMIT_SERIES_PER_RUN, 0, &from) ||
        !request_number(request, "limit", 1, LIMIT_LIST_ROWS, LIMIT_LIST_ROWS, &limit))
        return;
    if (response_run_etag(request, run, view == VIEW_ALL ? "-all" : ""))
        return;
    r = run_series(run, view, &list.all, &list.count);
    if (r < 0)
        response_error(request, r);
    else if (select_series(request, &list, kind))
        write_page(request, &(struct page){.total = "total",
                                           .name = "series",
                                           .count = list.count,
                                           .from = from,
                                           .limit = limit,
                                           .write = write_series,
                                           .list = list.all});
}

/* ---- values ------------------------------------------------------------------------------ */

struct place_list {
    struct value_place *all;
    size_t count;
};

static void place_list_done(struct place_list *list)
{
    free(list->all);
}

static bool read_step(struct request *request, bool *ret_given, int64_t *ret)
{
    const char *text = request_value(request, "step");
    char *end;

    *ret_given = text;
    if (!text)
        return true;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (*text && !*end && !errno && strchr("-0123456789", *text))
        return true;
    response_problem(request, 400, "bad-parameter", "step must be a whole number.");
    return false;
}

static void write_place(struct json *j, const void *list, size_t i, const char *epoch)
{
    const struct value_place *place = (const struct value_place *)list + i;

    json_open(j, '{');
    write_i64(j, "step", place->reference.step);
    write_double(j, "wall", place->reference.wall_time);
    tagname_write(j, "file", (struct text){place->path, strlen(place->path)});
    write_u64(j, "generation", place->generation);
    write_u64(j, "attempt", place->attempt);
    write_u64(j, "offset", place->reference.offset);
    write_u64(j, "length", place->reference.length);
    write_u64(j, "record", place->reference.record);
    json_close(j, '}');
}

void route_values(struct request *request)
{
    _cleanup_(place_list_done) struct place_list list = {0};
    const char *tag = request_value(request, "tag"), *dir = request_value(request, "dir");
    struct run *run = request_run(request);
    struct series *series;
    bool one_step;
    int64_t step = 0;
    enum view view;
    uint64_t from, limit;
    size_t kept = 0;
    int r;

    if (!run || !read_step(request, &one_step, &step) ||
        !filter_view(request, VIEW_STITCHED, &view) ||
        !request_number(request, "after", 0, LIMIT_ANSWER_POINTS, 0, &from) ||
        !request_number(request, "limit", 1, LIMIT_LIST_ROWS, LIMIT_LIST_ROWS, &limit))
        return;
    series = request_series(request, run, tag, dir);
    if (!series || response_run_etag(request, run, view == VIEW_ALL ? "-all" : ""))
        return;
    r = series_references(series, view, &list.all, &list.count);
    if (r < 0) {
        response_error(request, r);
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        if (!one_step || list.all[i].reference.step == step)
            list.all[kept++] = list.all[i];
    write_page(request, &(struct page){.total = "count",
                                       .name = "values",
                                       .count = kept,
                                       .from = from,
                                       .limit = limit,
                                       .write = write_place,
                                       .list = list.all});
}
