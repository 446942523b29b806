/* What came to a series after an ordinal: series_news(). One look under the lock copies the log
 * entries and the lanes; decoding happens outside. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/query.h"

/* Entries after the cursor, copied. */
struct recent {
    struct log_entry *entries;
    size_t count;
};

static void recent_done(struct recent *recent)
{
    free(recent->entries);
}

/* Events after the cursor decide first. True: `news` says behind. */
static bool read_events(const struct series *series, enum view view, uint64_t ordinal,
                        struct news *news)
{
    if (series->lost_event > ordinal || ordinal > series->ordinal)
        return true;
    for (size_t i = 0; i < series->n_events; i++) {
        const struct series_event *e = &series->events[i];
        if (e->reset && e->ordinal > ordinal)
            return true;
        if (!e->reset && e->ordinal >= ordinal && view == VIEW_STITCHED)
            news->truncate[news->n_truncations++] = e->step;
    }
    return false;
}

static int copy_log(const struct series *series, uint64_t ordinal, struct recent *ret)
{
    size_t first = series->n_log;

    while (first > 0 && series->log[first - 1].ordinal + series->log[first - 1].count > ordinal)
        first--;
    ret->count = series->n_log - first;
    ret->entries = malloc((ret->count + 1) * sizeof *ret->entries);
    if (!ret->entries)
        return -ENOMEM;
    memcpy(ret->entries, series->log + first, ret->count * sizeof *ret->entries);
    if (ret->count > 0 && ret->entries[0].ordinal < ordinal) {
        uint64_t skip = ordinal - ret->entries[0].ordinal;
        ret->entries[0].ordinal += skip;
        ret->entries[0].index += skip;
        ret->entries[0].count -= skip;
    }
    return 0;
}

/* The consistent part. 1: told already (`ret` is complete), 0: points may follow. */
static int look_at(struct series *series, enum view view, uint64_t ordinal, struct look *look,
                   struct recent *recent, struct news *ret)
{
    int r = 1;

    run_lock(series->run);
    ret->ordinal = series->ordinal;
    if (series->meta && (read_events(series, view, ordinal, ret) ||
                         series->ordinal - ordinal > LIMIT_LIVE_BACKLOG_POINTS)) {
        ret->kind = NEWS_BEHIND;
        ret->n_truncations = 0;
    } else if (series->meta && series->meta->kind == SERIES_SCALAR &&
               (series->ordinal > ordinal || ret->n_truncations > 0)) {
        r = copy_log(series, ordinal, recent);
        if (r == 0)
            r = series_look_locked(series, view, look);
    }
    run_unlock(series->run);
    return r;
}

/* Appends items [from, to) of decoded points, without the hidden ones. */
static void gather_points(const struct lane_view *v, const struct points *p, uint64_t from,
                          uint64_t to, enum value_kind kind, struct gather *g)
{
    for (uint64_t k = from; k < to; k++) {
        if (v->has_cut && p->step[k] >= v->cut)
            continue;
        CHECK(g->count < g->cap);
        g->step[g->count] = p->step[k];
        g->wall[g->count] = p->wall[k];
        g->bits[g->count] = p->bits[k];
        g->attempt[g->count] = v->attempt;
        g->kind[g->count++] = (uint8_t)kind;
    }
}

/* The usual case: what is new lies behind the last block. */
static bool gather_rest(const struct lane_view *v, const struct log_entry *entry, struct gather *g)
{
    int64_t step[HOT_POINTS];
    double wall[HOT_POINTS];
    uint64_t bits[HOT_POINTS], start = v->data.count - view_rest(v);
    const struct points p = {step, wall, bits};

    if (entry->index < start)
        return false;
    view_decode_rest(v, &p);
    gather_points(v, &p, entry->index - start, entry->index + entry->count - start, v->data.kind,
                  g);
    return true;
}

/* Appends items [index, index + count) of a lane, without the hidden ones. */
static int gather_entry(const struct lane_view *v, const struct log_entry *entry,
                        struct scratch *scratch, struct gather *g)
{
    const struct points *p = &scratch->points;
    uint64_t at = 0, end = entry->index + entry->count;

    if (gather_rest(v, entry, g))
        return 0;
    for (size_t i = 0; i < view_pieces(v) && at < end; i++) {
        bool tail = i == v->data.n_chunks;
        uint64_t size = tail ? v->data.count - at : chunk_at(v->data.chunks, i)->tally.count;
        if (at + size > entry->index) {
            if (!p->step && scratch_init(scratch) < 0)
                return -ENOMEM;
            ssize_t decoded = view_decode(v, i, p);
            if (decoded < 0)
                return (int)decoded;
            CHECK((uint64_t)decoded == size);
            uint64_t from = entry->index > at ? entry->index - at : 0;
            gather_points(v, p, from, MIN(size, end - at), view_kind(v, i), g);
        }
        at += size;
    }
    return 0;
}

/* Equal shares of the points, in order of steps. */
static int share(const struct gather *g, uint32_t max, struct answer *ret)
{
    _cleanup_free_ struct bucket *buckets = calloc((size_t)max + 1, sizeof *buckets);
    size_t each = (g->count + max - 1) / max;

    if (!buckets)
        return -ENOMEM;
    for (size_t i = 0; i < g->count; i++)
        bucket_add(&buckets[i / each], AXIS_STEP, g->step[i], g->wall[i], g->bits[i], g->kind[i],
                   g->attempt[i]);
    return answer_buckets(ret, buckets, max);
}

int series_news(struct series *series, enum view view, uint64_t ordinal, uint32_t max_points,
                struct news *ret)
{
    _cleanup_(look_done) struct look look = {0};
    _cleanup_(recent_done) struct recent recent = {0};
    _cleanup_(scratch_done) struct scratch scratch = {0};
    _cleanup_(gather_done) struct gather g = {0};
    struct news news = {.kind = NEWS_NONE};

    int r = look_at(series, view, ordinal, &look, &recent, &news);
    if (r < 0)
        return r;
    if (r > 0) {
        *ret = news;
        return 0;
    }
    size_t most = 0;
    for (size_t i = 0; i < recent.count; i++)
        most += recent.entries[i].count;
    if (gather_init(&g, most) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < recent.count; i++) {
        for (size_t l = 0; l < look.n_lanes; l++) {
            if (look.lanes[l].lane != recent.entries[i].lane)
                continue;
            r = gather_entry(&look.lanes[l], &recent.entries[i], &scratch, &g);
            if (r < 0)
                return r;
        }
    }
    if (g.count > 0 || news.n_truncations > 0)
        news.kind = NEWS_POINTS;
    if (max_points > 0 && g.count > max_points)
        r = gather_sort(&g, AXIS_STEP) < 0 ? -ENOMEM : share(&g, max_points, &news.points);
    else
        answer_points(&news.points, &g);
    if (r < 0)
        return r;
    news.points.ordinal = news.ordinal;
    news.points.complete = true;
    *ret = news;
    return 0;
}

void news_done(struct news *news)
{
    answer_done(&news->points);
}
