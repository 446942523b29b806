/* route_tags.c: GET /tags: which tags the chosen runs have, with the runs of each. One request
 * tells a page all it needs to lay out its charts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "http/filter.h"
#include "http/router.h"
#include "http/write.h"
#include "store/natural.h"

struct entry {
    struct text tag, dir;
    struct series_meta meta;
    size_t run; /* index */
};

struct tag_list {
    struct run_summary *runs;
    size_t n_runs;
    struct entry *entries;
    size_t count, capacity;
};

static void tag_list_done(struct tag_list *list)
{
    free(list->runs);
    free(list->entries);
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = natural_compare(a->tag.data, a->tag.size, b->tag.data, b->tag.size);

    if (order == 0)
        order = (a->meta.kind > b->meta.kind) - (a->meta.kind < b->meta.kind);
    if (order == 0)
        order = (a->run > b->run) - (a->run < b->run);
    return order ? order : natural_compare(a->dir.data, a->dir.size, b->dir.data, b->dir.size);
}

static bool same_tag(const struct entry *a, const struct entry *b)
{
    return a->meta.kind == b->meta.kind && a->tag.size == b->tag.size &&
           memcmp(a->tag.data, b->tag.data, a->tag.size) == 0;
}

static int add_entry(struct tag_list *list, const struct series_summary *series, size_t run)
{
    if (list->count == list->capacity) {
        size_t want = MAX(2 * list->capacity, (size_t)256);
        void *more = realloc(list->entries, want * sizeof *list->entries);

        if (!more)
            return -ENOMEM;
        list->entries = more;
        list->capacity = want;
    }
    list->entries[list->count++] = (struct entry){series->tag, series->dir, series->meta, run};
    return 0;
}

static int add_run(struct tag_list *list, struct filter *filter, enum series_kind kind, size_t run)
{
    _cleanup_free_ struct series_summary *series = NULL;
    size_t count;
    int r = run_series(list->runs[run].run, VIEW_ALL, &series, &count);

    for (size_t i = 0; i < count && r >= 0; i++)
        if ((!kind || series[i].meta.kind == kind) &&
            filter_fits(filter, series[i].tag.data, series[i].tag.size))
            r = add_entry(list, &series[i], run);
    return r;
}

/* Is `id` one of the comma-separated ones? */
static bool is_listed(const char *ids, const char *id)
{
    size_t length = strlen(id);

    for (const char *at = ids; *at;) {
        size_t size = strcspn(at, ",");

        if (size == length && memcmp(at, id, size) == 0)
            return true;
        at += size;
        at += *at == ',';
    }
    return false;
}

/* Keeps the runs asked for, in the store's order; all without `runs`. */
static void choose_runs(struct request *request, struct tag_list *list)
{
    const char *ids = request_value(request, "runs");
    size_t kept = 0;

    for (size_t i = 0; i < list->n_runs; i++)
        if (!ids || is_listed(ids, list->runs[i].id))
            list->runs[kept++] = list->runs[i];
    list->n_runs = kept;
}

/* An id, or [id, dir] for a directory of its own. */
static void write_run(struct json *j, const struct tag_list *list, const struct entry *entry)
{
    const char *id = list->runs[entry->run].id;

    if (entry->dir.size == 0) {
        json_put_text(j, id);
        return;
    }
    json_open(j, '[');
    json_put_text(j, id);
    tagname_put(j, entry->dir);
    json_close(j, ']');
}

/* One tag with all its runs; returns the index behind them. */
static size_t write_tag(struct json *j, const struct tag_list *list, size_t i)
{
    const struct entry *first = &list->entries[i];

    json_open(j, '{');
    tagname_write(j, "tag", first->tag);
    write_text(j, "kind", series_kind_word(first->meta.kind));
    write_bytes(j, "plugin", first->meta.plugin);
    write_bytes(j, "display_name", first->meta.display_name);
    write_bytes(j, "description", first->meta.description);
    json_key(j, "runs");
    json_open(j, '[');
    for (; i < list->count && same_tag(first, &list->entries[i]); i++)
        write_run(j, list, &list->entries[i]);
    json_close(j, ']');
    json_close(j, '}');
    return i;
}

static void write_tags(struct request *request, const struct tag_list *list)
{
    struct json j = JSON_INIT(&request->reply.body);
    struct buf *out = &request->reply.body;
    char etag[64], hex[33];

    json_open(&j, '{');
    write_text(&j, "epoch", request->shared->epoch);
    json_key(&j, "tags");
    json_open(&j, '[');
    for (size_t i = 0; i < list->count;)
        i = write_tag(&j, list, i);
    json_close(&j, ']');
    json_close(&j, '}');
    if (!buf_failed(out) && sha256_hex(out->data, out->length, 32, hex) == 0) {
        snprintf(etag, sizeof etag, "W/\"%s\"", hex);
        if (response_etag(request, etag))
            return;
    }
    response_json(request);
}

void route_tags(struct request *request)
{
    _cleanup_(tag_list_done) struct tag_list list = {0};
    _cleanup_(filter_done) struct filter filter;
    enum series_kind kind;
    int r;

    if (!filter_init(&filter, request) || !filter_kind(request, &kind))
        return;
    r = store_runs(request->shared->options.store, &list.runs, &list.n_runs);
    if (r >= 0)
        choose_runs(request, &list);
    for (size_t i = 0; i < list.n_runs && r >= 0; i++)
        r = add_run(&list, &filter, kind, i);
    if (r < 0) {
        response_error(request, r);
        return;
    }
    if (!filter_ended(&filter, request))
        return;
    if (list.count > 0)
        qsort(list.entries, list.count, sizeof *list.entries, compare_entries);
    write_tags(request, &list);
}
