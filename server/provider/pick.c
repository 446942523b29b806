#include "provider/pick.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

enum { FEW_TAGS = 64 }; /* looked up one by one */

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static bool is_among(struct text name, const struct text *names, size_t count)
{
    return count > 0 && bsearch(&name, names, count, sizeof *names, compare_texts);
}

static struct text *copy_names(char **at, const struct text *names, size_t count)
{
    struct text *copy = malloc((count + 1) * sizeof *copy);

    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (struct text){*at, names[i].size};
        if (names[i].size > 0)
            memcpy(*at, names[i].data, names[i].size);
        *at += names[i].size;
    }
    if (copy)
        qsort(copy, count, sizeof *copy, compare_texts);
    return copy;
}

static int copy_query(struct pick *pick, const struct provider_query *q)
{
    size_t size = q->plugin.size + 1;

    for (size_t i = 0; i < q->n_runs; i++)
        size += q->runs[i].size;
    for (size_t i = 0; i < q->n_tags; i++)
        size += q->tags[i].size;
    char *at = pick->words = malloc(size);
    if (!at)
        return -ENOMEM;
    memcpy(at, q->plugin.data, q->plugin.size);
    pick->plugin = (struct text){at, q->plugin.size};
    at += q->plugin.size;
    pick->runs = copy_names(&at, q->runs, q->n_runs);
    pick->tags = copy_names(&at, q->tags, q->n_tags);
    pick->n_runs = q->n_runs;
    pick->n_tags = q->n_tags;
    pick->by_runs = q->by_runs;
    pick->by_tags = q->by_tags;
    pick->data_class = q->data_class;
    return pick->runs && pick->tags ? 0 : -ENOMEM;
}

int pick_init(struct pick *pick, struct provider *provider, const struct provider_query *query,
              struct provider_error *ret_error)
{
    *pick = (struct pick){.provider = provider};
    if (query->plugin.size == 0)
        return provider_fail(ret_error, -EINVAL, "must specify non-empty plugin name");
    int r = copy_query(pick, query);
    if (r == 0)
        r = roll_make(&pick->roll, provider, query->experiment);
    return r < 0 ? provider_broken(ret_error, r) : 0;
}

void pick_done(struct pick *pick)
{
    roll_done(&pick->roll);
    free(pick->words);
    free(pick->runs);
    free(pick->tags);
    free(pick->series);
    free(pick->all);
    *pick = (struct pick){0};
}

/* ---- series ------------------------------------------------------------------------------- */

static bool is_wanted(const struct pick *pick, const struct series_summary *s)
{
    return s->meta.data_class == (int)pick->data_class &&
           text_equal(s->meta.plugin, pick->plugin) && text_equal(s->dir, pick->at->dir);
}

/* A tag that is not UTF-8 is asked for by the name that it is shown by. */
static bool tag_is_wanted(const struct pick *pick, struct text tag)
{
    struct texts texts = {NULL};
    struct text shown;
    bool wanted = false;

    if (!pick->by_tags)
        return true;
    if (texts_tag(&texts, tag, &shown) == 0)
        wanted = is_among(shown, pick->tags, pick->n_tags);
    texts_done(&texts);
    return wanted;
}

static int look_up(struct pick *pick)
{
    pick->series = malloc((pick->n_tags + 1) * sizeof *pick->series);
    if (!pick->series)
        return -ENOMEM;
    for (size_t i = 0; i < pick->n_tags; i++) {
        if (i > 0 && text_equal(pick->tags[i], pick->tags[i - 1]))
            continue;
        struct series *series = tagname_find(pick->at->run, pick->at->dir, pick->tags[i]);
        if (!series)
            continue;
        struct series_summary *s = &pick->series[pick->n_series];
        int r = series_summarize(series, VIEW_STITCHED, s);
        if (r < 0)
            return r;
        pick->n_series += is_wanted(pick, s);
    }
    return 0;
}

static int go_through(struct pick *pick)
{
    if (pick->all_of != pick->at->run) {
        free(pick->all);
        pick->all = NULL;
        pick->all_of = NULL;
        int r = run_series(pick->at->run, VIEW_STITCHED, &pick->all, &pick->n_all);
        if (r < 0)
            return r;
        pick->all_of = pick->at->run;
    }
    pick->series = malloc((pick->n_all + 1) * sizeof *pick->series);
    if (!pick->series)
        return -ENOMEM;
    for (size_t i = 0; i < pick->n_all; i++)
        if (is_wanted(pick, &pick->all[i]) && tag_is_wanted(pick, pick->all[i].tag))
            pick->series[pick->n_series++] = pick->all[i];
    return 0;
}

int pick_next(struct pick *pick)
{
    while (pick->entry < pick->roll.count) {
        const struct roll_entry *entry = &pick->roll.entries[pick->entry++];
        if (pick->by_runs && !is_among(text_from(entry->name), pick->runs, pick->n_runs))
            continue;
        if (pick->by_tags && pick->n_tags == 0)
            return 0;
        free(pick->series);
        pick->series = NULL;
        pick->n_series = 0;
        pick->at = entry;
        int r = pick->by_tags && pick->n_tags <= FEW_TAGS ? look_up(pick) : go_through(pick);
        if (r < 0)
            return r;
        if (pick->n_series > 0)
            return 1;
    }
    return 0;
}

uint64_t pick_count(const struct provider *provider, const struct series_summary *series)
{
    bool said, numbers = series->meta.kind == SERIES_SCALAR;

    if (numbers != (series->meta.data_class == PROVIDER_SCALARS))
        return 0;
    return MIN(series->count, hints_most(&provider->hints, series->meta.plugin, &said));
}
