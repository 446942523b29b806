/* series.c: a tag's lanes as one series: kind and metadata of its first value, ordinals, summary.
 *
 * What readers ask of a series without its points; points are query.c's and news.c's. Names of
 * kinds as in requests and answers stand here too. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/run.h"

static const struct {
    enum series_kind kind;
    const char *word;
} kind_words[] = {
    {SERIES_SCALAR, "scalar"},       {SERIES_TENSOR, "tensor"}, {SERIES_HISTOGRAM, "histogram"},
    {SERIES_IMAGE, "image"},         {SERIES_AUDIO, "audio"},   {SERIES_TEXT, "text"},
    {SERIES_HPARAMS, "hparams"},     {SERIES_GRAPH, "graph"},   {SERIES_BLOB, "blob"},
};

const char *series_kind_word(enum series_kind kind)
{
    CHECK(kind >= SERIES_SCALAR && kind <= SERIES_BLOB);
    return kind_words[kind - 1].word;
}

enum series_kind series_kind_parse(const char *word, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_words); i++) {
        if (strlen(kind_words[i].word) == size && memcmp(kind_words[i].word, word, size) == 0)
            return kind_words[i].kind;
    }
    return 0;
}

/* ---- the table --------------------------------------------------------------------------- */

struct series_key {
    struct text dir, tag;
};

static bool same_series(const void *item, const void *key)
{
    const struct series *series = item;
    const struct series_key *k = key;
    struct text dir = series->dir->name, tag = series->tag;

    return tag.size == k->tag.size && dir.size == k->dir.size &&
           (tag.size == 0 || memcmp(tag.data, k->tag.data, tag.size) == 0) &&
           (dir.size == 0 || memcmp(dir.data, k->dir.data, dir.size) == 0);
}

static uint64_t hash_key(const struct run *run, const struct series_key *key)
{
    uint64_t seed = symtab_hash(run->store->seed, key->dir.data, key->dir.size);

    return symtab_hash(seed, key->tag.data, key->tag.size);
}

struct series *series_lookup(struct run *run, struct text dir, struct text tag)
{
    struct series_key key = {dir, tag};

    return symtab_find(&run->series_table, hash_key(run, &key), same_series, &key);
}

struct series *run_series_make(struct run *run, struct dir *dir, struct text tag)
{
    struct series_key key = {dir->name, tag};
    uint64_t hash = hash_key(run, &key);
    struct series *series = symtab_find(&run->series_table, hash, same_series, &key);

    if (series)
        return series;
    if (run->n_series >= LIMIT_SERIES_PER_RUN)
        return NULL;
    series = slab_zalloc(&run->slab, sizeof *series);
    char *copy = slab_alloc(&run->slab, tag.size + 1);
    if (!series || !copy)
        return NULL;
    if (tag.size > 0)
        memcpy(copy, tag.data, tag.size);
    copy[tag.size] = 0;
    series->run = run;
    series->dir = dir;
    series->tag = (struct text){copy, tag.size};
    run_lock(run);
    int r = run_grow(&run->series, &run->cap_series, run->n_series, sizeof *run->series);
    if (r == 0)
        r = symtab_add(&run->series_table, hash, series);
    if (r == 0)
        run->series[run->n_series++] = series;
    run_unlock(run);
    return r == 0 ? series : NULL;
}

struct series *run_find_series(struct run *run, struct text dir, struct text tag)
{
    run_lock(run);
    struct series *series = series_lookup(run, dir, tag);
    if (series && !series->meta)
        series = NULL; /* its first commit is still to come */
    run_unlock(run);
    return series;
}

struct run *series_run(const struct series *series)
{
    return series->run;
}

uint64_t series_ordinal(struct series *series)
{
    run_lock(series->run);
    uint64_t ordinal = series->ordinal;
    run_unlock(series->run);
    return ordinal;
}

void series_done(struct series *series)
{
    free(series->lanes);
    free(series->next_lanes);
    free(series->log);
    free(series->events);
}

/* ---- this commit ------------------------------------------------------------------------- */

void series_touch(struct series *series)
{
    struct run *run = series->run;

    run->touched = true;
    if (series->changed)
        return;
    series->changed = true;
    series->next_changed = run->changed;
    run->changed = series;
    run->n_changed++;
}

static int reserve(void *array_pointer, size_t *cap, size_t want, size_t item)
{
    void **array = array_pointer;

    if (want <= *cap)
        return 0;
    want = MAX(want, *cap + *cap / 2);
    void *grown = realloc(*array, want * item);
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *cap = want;
    return 0;
}

/* Entries that nobody may ask for any more: further behind than the backlog. */
static void prune_log(struct series *series)
{
    uint64_t oldest = series->ordinal > LIMIT_LIVE_BACKLOG_POINTS
                          ? series->ordinal - LIMIT_LIVE_BACKLOG_POINTS
                          : 0;
    size_t gone = 0;

    while (gone < series->n_log &&
           series->log[gone].ordinal + series->log[gone].count <= oldest)
        gone++;
    if (gone == 0)
        return;
    series->log_start = series->log[gone - 1].ordinal + series->log[gone - 1].count;
    series->n_log -= gone;
    memmove(series->log, series->log + gone, series->n_log * sizeof *series->log);
}

int series_reserve(struct series *series, size_t more_log, size_t more_events)
{
    int r = 0;

    run_lock(series->run);
    if (series->n_log + more_log > series->cap_log) {
        prune_log(series);
        r = reserve(&series->log, &series->cap_log, series->n_log + more_log,
                    sizeof *series->log);
    }
    size_t events = MIN(series->n_events + more_events, (size_t)LIMIT_SERIES_EVENTS);
    if (r == 0)
        r = reserve(&series->events, &series->cap_events, events, sizeof *series->events);
    run_unlock(series->run);
    return r;
}

void series_log(struct series *series, struct lane *lane, uint64_t index, uint64_t count)
{
    struct log_entry *last = series->n_log ? &series->log[series->n_log - 1] : NULL;

    if (last && last->lane == lane && last->index + last->count == index &&
        last->ordinal + last->count == series->ordinal) {
        last->count += count;
    } else {
        CHECK(series->log && series->n_log < series->cap_log);
        series->log[series->n_log++] =
            (struct log_entry){.ordinal = series->ordinal, .index = index, .count = count,
                               .lane = lane};
    }
    series->ordinal += count;
}

void series_event(struct series *series, const struct series_event *event)
{
    CHECK(series->n_events < series->cap_events || series->n_events == LIMIT_SERIES_EVENTS);
    if (series->n_events == LIMIT_SERIES_EVENTS) {
        series->lost_event = series->events[0].ordinal + 1;
        series->n_events--;
        memmove(series->events, series->events + 1, series->n_events * sizeof *series->events);
    }
    series->events[series->n_events++] = *event;
}

/* ---- looking ----------------------------------------------------------------------------- */

void lane_view_of(const struct lane *lane, bool published, struct lane_view *ret)
{
    *ret = (struct lane_view){
        .lane = lane, .path = lane->generation->path,
        .number = lane->generation->number, .attempt = lane->attempt};
    if (published) {
        ret->data = lane->pub;
        ret->acc = lane->pub_acc;
        ret->has_cut = lane->has_cut;
        ret->cut = lane->cut;
        return;
    }
    ret->data = lane->cur;
    ret->data.raw = lane->hot.raw;
    ret->data.n_raw = lane->hot.used;
    ret->data.kind = lane->hot.kind;
    ret->data.count += lane->hot.used;
    ret->acc = lane->cur.parked ? lane->cur.parked->tally : lane->acc;
    ret->has_cut = lane->next_has_cut;
    ret->cut = lane->next_cut;
    ret->attempt = lane->next_attempt;
}

int series_look_locked(struct series *series, enum view view, struct look *ret)
{
    struct run *run = series->run;
    size_t count = 0;

    struct lane_view *lanes = malloc((series->n_lanes + 1) * sizeof *lanes);
    if (!lanes)
        return -ENOMEM;
    for (size_t i = 0; series->meta && i < series->n_lanes; i++) {
        const struct lane *lane = series->lanes[i];
        if (lane->meta->kind != series->meta->kind || lane->pub.count == 0)
            continue;
        lane_view_of(lane, true, &lanes[count]);
        lanes[count].order = (uint32_t)i;
        if (view == VIEW_ALL)
            lanes[count].has_cut = false;
        count++;
    }
    *ret = (struct look){.run = run,
                         .parity = slab_enter(&run->slab),
                         .view = view,
                         .kind = series->meta ? series->meta->kind : 0,
                         .n_lanes = count,
                         .lanes = lanes,
                         .ordinal = series->ordinal,
                         .first_wall = run->first_wall};
    return 0;
}

int series_look(struct series *series, enum view view, struct look *ret)
{
    run_lock(series->run);
    int r = series_look_locked(series, view, ret);
    run_unlock(series->run);
    return r;
}

void look_done(struct look *look)
{
    if (!look->run)
        return;
    run_lock(look->run);
    slab_leave(&look->run->slab, look->parity);
    run_unlock(look->run);
    free(look->lanes);
    *look = (struct look){0};
}
