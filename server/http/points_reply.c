#include "http/points_reply.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
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
    flow->borrowed = r >= 0;
    flow->answer = r >= 0 && flow->news.kind == NEWS_POINTS ? flow->news.points
                                                            : (struct answer){0};
    return r;
}

/* A client that reads slowly keeps its answer in memory: there is a limit to all of them. */
static int hold(struct points_flow *flow)
{
    uint64_t before;

    flow->held = flow->answer.count;
    before = atomic_fetch_add(&flow->shared->held_points, flow->held);
    return before > 0 && before + flow->held > LIMIT_HELD_POINTS ? -EBUSY : 0;
}

static void release(struct points_flow *flow)
{
    atomic_fetch_sub(&flow->shared->held_points, flow->held);
    flow->held = 0;
    if (flow->borrowed)
        news_done(&flow->news);
    else
        answer_done(&flow->answer);
    flow->answer = (struct answer){0}; /* with news it was a copy, and this may be called again */
    flow->have = flow->borrowed = false;
}

int points_look(struct points_flow *flow)
{
    const struct ask_series *s = &flow->ask->series[flow->at];
    struct query query = flow->ask->query;
    int r = 0;

    CHECK(!flow->have);
    flow->answer = (struct answer){.complete = true};
    flow->borrowed = false;
    if (flow->ask->has_after) {
        r = look_at_news(flow, s);
    } else if (s->series) {
        query.max_points = flow->left;
        r = series_query(s->series, &query, &flow->answer);
        if (r >= 0)
            flow->left -= MIN(flow->left, (uint64_t)flow->answer.count);
        if (r >= 0 && flow->left == 0)
            r = -EOVERFLOW;
        if (r >= 0)
            r = hold(flow);
    }
    flow->have = r >= 0;
    if (r < 0)
        release(flow);
    return r;
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

/* All frames of one series at once. */
static int put_binary(struct points_flow *flow, struct buf *out)
{
    uint32_t handle = (uint32_t)flow->at;
    const struct news *news = &flow->news;

    if (flow->ask->has_after && news->kind == NEWS_BEHIND)
        return frame_behind(out, handle, news->ordinal);
    if (flow->ask->has_after && news->kind == NEWS_POINTS)
        for (size_t i = 0; i < news->n_truncations; i++)
            if (frame_truncate(out, handle, news->truncate[i], news->ordinal) < 0)
                return buf_failed(out);
    if (!points_has_answer(flow))
        return 0;
    return frame_answer(out, &flow->answer, handle, flow->ask->cols, flow->ask->query.width > 0);
}

static int produce_binary(struct points_flow *flow, struct buf *out)
{
    int r = flow->have ? 0 : points_look(flow);

    if (r >= 0)
        r = put_binary(flow, out);
    points_next(flow);
    return r < 0 ? r : flow->at < flow->ask->count;
}

static int produce_text(struct points_flow *flow, struct buf *out)
{
    int r = flow->have ? 0 : points_look(flow);

    if (r < 0)
        return r;
    if (flow->stage == TEXT_BEGIN) {
        points_text_begin(flow, out);
        flow->stage = TEXT_HEAD;
    }
    r = points_text(flow, out);
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

    return flow->ask->format == ASK_BINARY ? produce_binary(flow, out) : produce_text(flow, out);
}

static void free_flow(struct producer *producer)
{
    struct points_flow *flow = (struct points_flow *)producer;

    release(flow);
    ask_free(flow->ask);
    free(flow);
}

/* So many points are asked for without a range or width, that it can be refused beforehand. */
static bool is_too_much(const struct ask *ask)
{
    uint64_t sum = 0;
    struct series_summary summary;

    if (ask->has_after || ask->query.width > 0 || ask->query.limited)
        return false;
    for (size_t i = 0; i < ask->count; i++)
        if (ask->series[i].series &&
            series_summarize(ask->series[i].series, ask->query.view, &summary) >= 0)
            sum += summary.count;
    return sum > LIMIT_ANSWER_POINTS;
}

void points_reply(struct request *request, struct ask *ask, bool single)
{
    struct points_flow *flow = calloc(1, sizeof *flow);
    int r = flow ? 0 : -ENOMEM;

    if (r == 0) {
        flow->producer = (struct producer){.produce = produce, .free = free_flow};
        flow->shared = request->shared;
        flow->ask = ask;
        flow->single = single;
        flow->left = LIMIT_ANSWER_POINTS + 1;
        r = is_too_much(ask) ? -EOVERFLOW : points_look(flow);
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
