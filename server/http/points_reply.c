#include "http/points_reply.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/points_flow.h"

static const char *const types[] = {
    [ASK_BINARY] = "application/vnd.tailboard.points",
    [ASK_JSON] = "application/json",
    [ASK_NDJSON] = "application/x-ndjson",
    [ASK_CSV] = "text/csv; charset=utf-8",
};

static int look_at_news(struct points_flow *flow, const struct ask_series *s)
{
    int r;

    flow->news = (struct news){.kind = NEWS_NONE, .ordinal = s->ordinal};
    if (!s->series)
        return 0;
    if (flow->ask->other_epoch) {
        flow->news = (struct news){.kind = NEWS_BEHIND, .ordinal = series_ordinal(s->series)};
        return 0;
    }
    r = series_news(s->series, flow->ask->query.view, s->ordinal, LIMIT_LIVE_BUCKETS, &flow->news);
    if (r >= 0 && flow->news.kind == NEWS_POINTS)
        flow->rows = flow->news.points;
    flow->news.points = (struct answer){0};
    return r;
}

static void release(struct points_flow *flow)
{
    held_give_back(&flow->held, flow->shared);
    flow->walk = walk_free(flow->walk);
    news_done(&flow->news);
    answer_done(&flow->rows);
    flow->have = false;
}

static bool is_ready(struct producer *producer)
{
    struct points_flow *flow = (struct points_flow *)producer;

    return held_is_roomy(&flow->held, flow->shared);
}

/* ---- one series -------------------------------------------------------------------------- */

/* Without columns, for these have one owner. */
static struct answer scalars_of(const struct answer *a)
{
    return (struct answer){.buckets = a->buckets, .complete = a->complete, .count = a->count,
                           .ordinal = a->ordinal, .attempt = a->attempt, .kind = a->kind};
}

/* History: a long answer is not gathered before there is room for what that takes. */
static int look_at_history(struct points_flow *flow, const struct ask_series *s)
{
    int r = series_walk(s->series, &flow->ask->query, &flow->rows, &flow->walk);

    if (r < 0)
        return r;
    if (flow->walk) {
        flow->head = flow->rows;
        flow->rows = (struct answer){0};
    }
    if (!held_take(&flow->held, flow->shared,
                   flow->walk ? walk_points(flow->walk) : flow->rows.count))
        return -EBUSY;
    return 0;
}

int points_look(struct points_flow *flow)
{
    const struct ask_series *s = &flow->ask->series[flow->at];
    int r = 0;

    CHECK(!flow->have);
    flow->rows = (struct answer){.complete = true};
    if (flow->ask->has_after)
        r = look_at_news(flow, s);
    else if (s->series)
        r = look_at_history(flow, s);
    if (r >= 0 && !flow->walk)
        flow->head = scalars_of(&flow->rows);
    else if (r >= 0)
        r = points_more(flow);
    flow->have = r >= 0;
    if (r < 0)
        release(flow);
    return r < 0 ? r : 0;
}

int points_more(struct points_flow *flow)
{
    if (!flow->walk)
        return 0;
    answer_done(&flow->rows);
    return walk_next(flow->walk, &flow->rows);
}

int points_again(struct points_flow *flow)
{
    if (!flow->walk)
        return 1;
    walk_rewind(flow->walk);
    return points_more(flow);
}

bool points_has_answer(const struct points_flow *flow)
{
    return !flow->ask->has_after || flow->news.kind == NEWS_POINTS;
}

void points_next(struct points_flow *flow)
{
    release(flow);
    flow->at++;
    flow->stage = TEXT_HEAD;
    flow->column = flow->row = 0;
}

/* What stands before the points. */
static int put_changes(struct points_flow *flow, struct buf *out)
{
    uint32_t handle = (uint32_t)flow->at;
    const struct news *news = &flow->news;

    if (!flow->ask->has_after)
        return 0;
    if (news->kind == NEWS_BEHIND)
        return frame_behind(out, handle, news->ordinal);
    for (size_t i = 0; news->kind == NEWS_POINTS && i < news->n_truncations; i++)
        if (frame_truncate(out, handle, news->truncate[i], news->ordinal) < 0)
            return buf_failed(out);
    return 0;
}

/* A frame a piece. */
static int produce_binary(struct points_flow *flow, struct buf *out)
{
    int r = 0;

    if (flow->stage != TEXT_ROWS)
        r = put_changes(flow, out);
    flow->stage = TEXT_ROWS;
    if (r >= 0 && points_has_answer(flow))
        r = frame_answer(out, &flow->rows, (uint32_t)flow->at, flow->ask->cols,
                         flow->ask->query.width > 0);
    if (r >= 0)
        r = points_more(flow);
    if (r != 0)
        return r;
    points_next(flow);
    return flow->at < flow->ask->count;
}

static int produce_text(struct points_flow *flow, struct buf *out)
{
    int r;

    if (flow->stage == TEXT_BEGIN) {
        points_text_begin(flow, out);
        flow->stage = TEXT_HEAD;
    }
    r = points_text(flow, out);
    if (r < 0)
        return r;
    if (r == 0)
        points_next(flow);
    if (flow->at < flow->ask->count)
        return 1;
    points_text_end(flow, out);
    return 0;
}

static int produce(struct producer *producer, struct buf *out)
{
    struct points_flow *flow = (struct points_flow *)producer;
    int r = flow->have ? 0 : points_look(flow);

    if (r == -EBUSY) { /* something has been sent already: it goes on when others have ended */
        producer->due_ns = clock_ns(NULL) + HELD_RETRY_MS * NS_PER_MS;
        return -EAGAIN;
    }
    if (r < 0)
        return r;
    return flow->ask->format == ASK_BINARY ? produce_binary(flow, out) : produce_text(flow, out);
}

static void free_flow(struct producer *producer)
{
    struct points_flow *flow = (struct points_flow *)producer;

    release(flow);
    ask_free(flow->ask);
    free(flow);
}

/* Would it hold too many points? What was ever appended is a bound that costs nothing; only if
 * that is not enough each series is asked. 1; 0; -errno. */
static int is_too_much(const struct ask *ask)
{
    const struct query *query = &ask->query;
    uint64_t most = query->width ? (uint64_t)4 * query->width : UINT64_MAX, sum = 0, count;

    if (ask->has_after)
        return 0;
    for (size_t i = 0; i < ask->count && sum <= LIMIT_ANSWER_POINTS; i++)
        if (ask->series[i].series)
            sum += MIN(series_ordinal(ask->series[i].series), most);
    if (sum <= LIMIT_ANSWER_POINTS)
        return 0;
    sum = 0;
    for (size_t i = 0; i < ask->count && sum <= LIMIT_ANSWER_POINTS; i++) {
        if (!ask->series[i].series)
            continue;
        if (series_count(ask->series[i].series, query, &count) < 0)
            return -ENOMEM;
        sum += count;
    }
    return sum > LIMIT_ANSWER_POINTS;
}

void points_reply(struct request *request, struct ask *ask, bool single)
{
    struct points_flow *flow = calloc(1, sizeof *flow);
    int r = flow ? 0 : -ENOMEM;

    if (r == 0) {
        flow->producer = (struct producer){
            .produce = produce, .ready = is_ready, .free = free_flow};
        flow->shared = request->shared;
        flow->ask = ask;
        flow->single = single;
        r = is_too_much(ask);
        r = r > 0 ? -EOVERFLOW : r < 0 ? r : points_look(flow);
    } else {
        ask_free(ask);
    }
    if (r >= 0) {
        response_producer(request, types[ask->format], &flow->producer);
        return;
    }
    if (flow)
        free_flow(&flow->producer);
    response_error(request, r);
}
