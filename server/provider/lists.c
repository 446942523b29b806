/* Lists: runs, plugins and series, as TensorBoard's pages begin with. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "provider/peek.h"
#include "provider/pick.h"
#include "provider/sample.h"

enum { PEEKED = 32 /* values of a series that are looked at for its longest sequence */ };

/* ---- runs --------------------------------------------------------------------------------- */

static int compare_starts(const void *a, const void *b)
{
    const struct provider_run *x = a, *y = b;

    if (x->start_time != y->start_time)
        return x->start_time < y->start_time ? -1 : 1;
    return strcmp(x->name, y->name);
}

int provider_runs(struct provider *provider, struct text experiment, struct provider_runs *ret,
                  struct provider_error *ret_error)
{
    struct roll *roll = malloc(sizeof *roll);
    struct provider_run *runs = NULL;
    int r = roll ? roll_make(roll, provider, experiment) : -ENOMEM;

    if (r == 0 && !(runs = malloc((roll->count + 1) * sizeof *runs)))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < roll->count; i++) {
        const struct roll_entry *e = &roll->entries[i];
        char *dir = texts_copy(&roll->texts, e->dir.data, e->dir.size);
        if (!dir)
            r = -ENOMEM;
        runs[i] = (struct provider_run){e->name, e->start, e->id, dir};
    }
    if (r != 0) {
        if (roll)
            roll_done(roll);
        free(roll);
        free(runs);
        return provider_broken(ret_error, r);
    }
    qsort(runs, roll->count, sizeof *runs, compare_starts);
    *ret = (struct provider_runs){runs, roll->count, roll};
    return 0;
}

void provider_runs_done(struct provider_runs *runs)
{
    if (runs->memory)
        roll_done(runs->memory);
    free(runs->memory);
    free(runs->runs);
    *runs = (struct provider_runs){0};
}

/* ---- plugins ------------------------------------------------------------------------------ */

struct names {
    struct text *items;
    size_t count;
    struct texts texts;
};

static int add_name(struct names *names, struct text name)
{
    struct text shown;
    size_t at = 0;

    int r = texts_mend(&names->texts, name, &shown);
    if (r < 0)
        return r;
    while (at < names->count && text_compare(names->items[at], shown) < 0)
        at++;
    if (at < names->count && text_equal(names->items[at], shown))
        return 0;
    struct text *items = realloc(names->items, (names->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    names->items = items;
    memmove(items + at + 1, items + at, (names->count - at) * sizeof *items);
    items[at] = shown;
    names->count++;
    return 0;
}

static int add_plugins(struct names *names, struct run *run)
{
    _cleanup_free_ struct series_summary *list = NULL;
    struct text before = {"", 0};
    size_t count = 0;

    int r = run_series(run, VIEW_ALL, &list, &count);
    for (size_t i = 0; i < count && r == 0; i++) {
        const int class = list[i].meta.data_class;
        if (class < PROVIDER_SCALARS || class > PROVIDER_BLOBS)
            continue;
        if (i > 0 && text_equal(before, list[i].meta.plugin) && names->count > 0)
            continue;
        before = list[i].meta.plugin;
        r = add_name(names, before);
    }
    return r;
}

int provider_plugins(struct provider *provider, struct text experiment,
                     struct provider_plugins *ret, struct provider_error *ret_error)
{
    _cleanup_(roll_done) struct roll roll = {0};
    struct names *names = calloc(1, sizeof *names);
    int r = names ? roll_make(&roll, provider, experiment) : -ENOMEM;

    for (size_t i = 0; r == 0 && i < roll.count; i++)
        if (i == 0 || roll.entries[i].run != roll.entries[i - 1].run)
            r = add_plugins(names, roll.entries[i].run);
    *ret = (struct provider_plugins){names ? names->items : NULL, names ? names->count : 0, names};
    if (r < 0) {
        provider_plugins_done(ret);
        return provider_broken(ret_error, r);
    }
    return 0;
}

void provider_plugins_done(struct provider_plugins *plugins)
{
    struct names *names = plugins->memory;

    if (names)
        texts_done(&names->texts);
    free(plugins->names);
    free(names);
    *plugins = (struct provider_plugins){0};
}

/* ---- series ------------------------------------------------------------------------------- */

struct listing {
    struct pick pick; /* its roll holds the names of runs */
    struct texts texts;
    struct readback rb;
    struct provider_row *rows;
    size_t count, capacity;
};

/* The longest sequence of blobs; -1: no value of the series is one. */
static int find_longest(struct listing *l, const struct series_summary *s, int64_t *ret)
{
    struct provider *provider = l->pick.provider;
    const uint64_t key = memo_hash(0, &s->series, sizeof s->series);
    _cleanup_free_ struct value_place *places = NULL;
    uint64_t known;
    size_t count;

    if (memo_get(&provider->lengths, key, s->ordinal, &known)) {
        *ret = (int64_t)known;
        return 0;
    }
    int r = series_references(s->series, VIEW_STITCHED, &places, &count);
    if (r < 0)
        return r;
    int64_t longest = -1;
    const uint64_t limit = MIN((uint64_t)count, (uint64_t)PEEKED);
    readback_run(&l->rb, l->pick.at->id, l->pick.at->path);
    for (uint64_t i = 0; i < limit; i++) {
        size_t at = (size_t)(limit < count ? sample_even(i, limit, count) : i);
        int64_t n = peek_count(&l->rb, &places[at], s);
        if (n == -ENOMEM)
            return -ENOMEM;
        longest = MAX(longest, n < 0 ? -1 : n);
    }
    memo_put(&provider->lengths, key, s->ordinal, (uint64_t)longest);
    *ret = longest;
    return 0;
}

/* Clips of old-style writers are WAV, which their metadata leaves open. */
static struct text mend_content(const struct series_summary *s)
{
    const struct text content = s->meta.content;

    if (s->meta.kind == SERIES_AUDIO && text_equal(content, (struct text){"\x18\x01", 2}))
        return (struct text){"\x10\x0b\x18\x01", 4};
    return content;
}

static int fill_row(struct texts *texts, const struct series_summary *s, const char *run,
                    struct provider_row *row)
{
    *row = (struct provider_row){.run = run, .content = mend_content(s),
                                 .max_step = s->last_step,
                                 .max_wall = isnan(s->max_wall) ? 0 : s->max_wall};
    int r = texts_tag(texts, s->tag, &row->tag);
    if (r == 0)
        r = texts_mend(texts, s->meta.plugin, &row->plugin);
    if (r == 0)
        r = texts_mend(texts, s->meta.display_name, &row->display_name);
    if (r == 0)
        r = texts_mend(texts, s->meta.description, &row->description);
    return r;
}

static int add_row(struct listing *l, const struct series_summary *s)
{
    uint64_t count = pick_count(l->pick.provider, s);
    int64_t longest = 0;

    if (count == 0)
        return 0;
    if (l->pick.data_class == PROVIDER_BLOBS) {
        int r = find_longest(l, s, &longest);
        if (r < 0 || longest < 0)
            return r;
    }
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        void *rows = realloc(l->rows, capacity * sizeof *l->rows);
        if (!rows)
            return -ENOMEM;
        l->rows = rows;
        l->capacity = capacity;
    }
    struct provider_row *row = &l->rows[l->count];
    int r = fill_row(&l->texts, s, l->pick.at->name, row);
    if (r < 0)
        return r;
    row->count = count;
    row->max_length = longest;
    l->count++;
    return 0;
}

static void listing_free(struct listing *l)
{
    pick_done(&l->pick);
    texts_done(&l->texts);
    readback_done(&l->rb);
    free(l->rows);
    free(l);
}

int provider_list(struct provider *provider, const struct provider_query *query,
                  struct provider_list *ret, struct provider_error *ret_error)
{
    struct listing *l = calloc(1, sizeof *l);
    int r;

    if (!l)
        return provider_broken(ret_error, -ENOMEM);
    readback_init(&l->rb, provider);
    r = pick_init(&l->pick, provider, query, ret_error);
    if (r < 0) {
        listing_free(l);
        return r;
    }
    while (r >= 0 && (r = pick_next(&l->pick)) > 0)
        for (size_t i = 0; i < l->pick.n_series && r >= 0; i++)
            r = add_row(l, &l->pick.series[i]);
    if (r < 0) {
        listing_free(l);
        return provider_broken(ret_error, r);
    }
    *ret = (struct provider_list){l->rows, l->count, l};
    return 0;
}

void provider_list_done(struct provider_list *list)
{
    if (list->memory)
        listing_free(list->memory);
    *list = (struct provider_list){0};
}
