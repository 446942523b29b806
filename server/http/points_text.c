/* points_text.c: points as JSON, JSON lines and CSV. A large series is written in pieces, so that
 * no more than one piece of text is held. */
#include <inttypes.h>
#include <string.h>

#include "http/points_flow.h"
#include "http/write.h"

static void put_cursor(struct buf *out, const struct points_flow *flow, uint64_t ordinal)
{
    buf_printf(out, "\"%s-%" PRIu64 "\"", flow->shared->epoch, ordinal);
}

static uint64_t ordinal_of(const struct points_flow *flow)
{
    return flow->ask->has_after ? flow->news.ordinal : flow->head.ordinal;
}

/* "run", "dir" and "tag" of the series at hand. */
static void put_names(struct buf *out, const struct points_flow *flow)
{
    const struct ask_series *s = &flow->ask->series[flow->at];
    struct json j = {.out = out};

    write_text(&j, "run", s->run);
    write_bytes(&j, "dir", s->dir);
    write_bytes(&j, "tag", s->tag);
}

static bool is_row_form(const struct points_flow *flow)
{
    return flow->single && (flow->ask->format == ASK_NDJSON || flow->ask->format == ASK_CSV);
}

static bool is_flat(const struct points_flow *flow)
{
    return flow->single && flow->ask->format == ASK_JSON && !flow->ask->has_after;
}

/* ---- around the frames ------------------------------------------------------------------- */

static void put_csv_head(struct points_flow *flow, struct buf *out)
{
    columns_of(&flow->rows, flow->ask->cols, &flow->view);
    for (size_t i = 0; i < flow->view.count; i++) {
        const char *name = flow->view.list[i].name;

        buf_str(out, !flow->head.buckets && strcmp(name, "wall") == 0 ? "wall_time" : name);
        buf_char(out, ',');
    }
    buf_str(out, "attempt\r\n");
}

void points_text_begin(struct points_flow *flow, struct buf *out)
{
    if (flow->ask->format == ASK_CSV) {
        put_csv_head(flow, out);
    } else if (flow->ask->format == ASK_JSON) {
        buf_printf(out, "{\"epoch\":\"%s\",", flow->shared->epoch);
        if (flow->single) {
            put_names(out, flow);
            buf_str(out, ",\"cursor\":");
            put_cursor(out, flow, ordinal_of(flow));
            buf_char(out, ',');
        }
        if (!is_flat(flow))
            buf_str(out, "\"frames\":[");
    }
}

void points_text_end(struct points_flow *flow, struct buf *out)
{
    if (flow->ask->format == ASK_JSON)
        buf_str(out, is_flat(flow) ? "}\n" : "]}\n");
}

/* Before and behind each object of the list. */
static void open_frame(struct points_flow *flow, struct buf *out)
{
    if (is_flat(flow))
        return;
    if (flow->ask->format == ASK_JSON && flow->any)
        buf_char(out, ',');
    flow->any = true;
    buf_char(out, '{');
}

static void close_frame(struct points_flow *flow, struct buf *out)
{
    if (is_flat(flow))
        return;
    buf_char(out, '}');
    if (flow->ask->format == ASK_NDJSON)
        buf_char(out, '\n');
}

/* ---- frames ------------------------------------------------------------------------------ */

/* The columns of the piece at hand. */
static void see_columns(struct points_flow *flow)
{
    columns_of(&flow->rows, flow->ask->cols, &flow->view);
    if (points_mixed(flow) && flow->rows.attempts)
        flow->view.list[flow->view.count++] =
            (struct column){"attempts", COLUMN_U32, flow->rows.attempts};
}

static void put_head(struct points_flow *flow, struct buf *out)
{
    const struct answer *a = &flow->head;

    open_frame(flow, out);
    buf_printf(out, "\"kind\":\"%s\",\"handle\":%zu,\"count\":%zu,",
               a->buckets ? "buckets" : "points", flow->at, a->count);
    if (!points_mixed(flow))
        buf_printf(out, "\"attempt\":%" PRIu32 ",", a->attempt);
    buf_printf(out, "\"ordinal\":%" PRIu64 ",\"complete\":%s", ordinal_of(flow),
               a->complete ? "true" : "false");
    see_columns(flow);
}

/* Numbers of the column at hand until the text is long enough; goes on to the next column at its
 * end. A long answer is walked once a column: nothing of it is kept. */
static int put_column(struct points_flow *flow, struct buf *out)
{
    const struct column *column = &flow->view.list[flow->column];
    size_t limit = out->length + POINTS_PIECE;
    int r;

    if (!flow->open)
        buf_printf(out, ",\"%s\":[", column->name);
    for (; flow->row < flow->rows.count && out->length < limit; flow->row++) {
        if (buf_failed(out))
            return buf_failed(out);
        if (flow->open)
            buf_char(out, ',');
        flow->open = true;
        columns_put(out, &flow->view, column, flow->row, true);
    }
    if (flow->row < flow->rows.count)
        return 1;
    flow->row = 0;
    r = points_more(flow);
    if (r == 0) {
        buf_char(out, ']');
        flow->open = false;
        flow->column++;
        r = flow->column < flow->view.count ? points_again(flow) : 1;
    }
    if (r > 0 && flow->column < flow->view.count)
        see_columns(flow);
    return r;
}

static void put_changes(struct points_flow *flow, struct buf *out)
{
    const struct news *news = &flow->news;
    size_t count = news->kind == NEWS_POINTS ? news->n_truncations : 0;

    if (!flow->ask->has_after)
        return;
    for (size_t i = 0; i < count; i++) {
        open_frame(flow, out);
        buf_printf(out, "\"kind\":\"truncate\",\"handle\":%zu,\"step\":%" PRId64
                        ",\"ordinal\":%" PRIu64, flow->at, news->truncate[i], news->ordinal);
        close_frame(flow, out);
    }
    if (news->kind == NEWS_BEHIND) {
        open_frame(flow, out);
        buf_printf(out, "\"kind\":\"behind\",\"handle\":%zu,\"ordinal\":%" PRIu64, flow->at,
                   news->ordinal);
        close_frame(flow, out);
    }
}

static int text_frames(struct points_flow *flow, struct buf *out)
{
    if (flow->stage == TEXT_HEAD) {
        put_changes(flow, out);
        if (!points_has_answer(flow))
            return 0;
        put_head(flow, out);
        flow->stage = TEXT_ROWS;
    }
    if (flow->column < flow->view.count)
        return put_column(flow, out);
    close_frame(flow, out);
    return 0;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void put_csv_row(struct points_flow *flow, struct buf *out)
{
    for (size_t i = 0; i < flow->view.count; i++) {
        columns_put(out, &flow->view, &flow->view.list[i], flow->row, false);
        buf_char(out, ',');
    }
    buf_printf(out, "%" PRIu32 "\r\n", columns_attempt(&flow->rows, flow->row));
}

static void put_line(struct points_flow *flow, struct buf *out)
{
    buf_char(out, '{');
    put_names(out, flow);
    for (size_t i = 0; i < flow->view.count; i++) {
        const char *name = flow->view.list[i].name;

        buf_printf(out, ",\"%s\":", !flow->head.buckets && strcmp(name, "wall") == 0
                                        ? "wall_time" : name);
        columns_put(out, &flow->view, &flow->view.list[i], flow->row, true);
    }
    buf_printf(out, ",\"attempt\":%" PRIu32 "}\n", columns_attempt(&flow->rows, flow->row));
}

/* Changes, in the words of GET …/stream. */
static void put_change_lines(struct points_flow *flow, struct buf *out)
{
    const struct news *news = &flow->news;
    size_t count = news->kind == NEWS_POINTS ? news->n_truncations : 0;

    if (!flow->ask->has_after || flow->ask->format == ASK_CSV)
        return;
    for (size_t i = 0; i < count; i++) {
        buf_char(out, '{');
        put_names(out, flow);
        buf_printf(out, ",\"truncate\":%" PRId64 "}\n", news->truncate[i]);
    }
    if (news->kind == NEWS_BEHIND) {
        buf_char(out, '{');
        put_names(out, flow);
        buf_str(out, ",\"behind\":true}\n");
    }
}

static int text_rows(struct points_flow *flow, struct buf *out)
{
    size_t limit = out->length + POINTS_PIECE;

    if (flow->stage == TEXT_HEAD) {
        put_change_lines(flow, out);
        flow->stage = TEXT_ROWS;
    }
    columns_of(&flow->rows, flow->ask->cols, &flow->view);
    for (; flow->row < flow->rows.count && out->length < limit; flow->row++) {
        if (buf_failed(out))
            return buf_failed(out);
        if (flow->ask->format == ASK_CSV)
            put_csv_row(flow, out);
        else
            put_line(flow, out);
    }
    if (flow->row < flow->rows.count)
        return 1;
    flow->row = 0;
    return points_more(flow);
}

int points_text(struct points_flow *flow, struct buf *out)
{
    return is_row_form(flow) ? text_rows(flow, out) : text_frames(flow, out);
}
