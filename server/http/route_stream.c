/* route_stream.c: GET /runs/{id}/stream: a metric as JSON lines, for scripts.
 *
 * One line a point, as it comes. Lines may carry "cursor": `from=` with it goes on behind that
 * line. A cursor is the epoch and one ordinal a tag, in the order of the tags. {"behind":true}
 * says that what was sent of this series is void; all of it follows. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "http/ask.h"
#include "http/columns.h"
#include "http/held.h"
#include "http/router.h"
#include "http/write.h"

enum { PIECE = 32768, HEARTBEAT_S = 10, CURSOR_LINES = 10 };

struct followed {
    struct series *series; /* NULL: not there yet */
    char *tag;             /* decoded name */
    char *names;           /* its "run", "dir" and "tag" as JSON members */
    uint64_t ordinal;      /* sent up to here */
    bool from_start;       /* all of it is to be sent */
};

struct stream {
    struct producer producer;
    struct http_shared *shared;
    struct run *run;
    char *dir;
    enum view view;
    struct followed *followed;
    size_t count, next; /* next: whose turn it is to be looked at */
    int64_t last_line_ns, last_cursor_ns;
    unsigned lines; /* since the last cursor */

    /* what is being written: points of `current` */
    struct followed *current; /* NULL: nothing */
    struct news news;    /* its points have been moved to `rows` */
    struct answer rows;  /* the points, or a piece of them: the only owner */
    struct walk *walk;   /* gives the next pieces; NULL: there is none */
    struct held held;
    bool history;
    size_t row;
    uint64_t end; /* ordinal behind it */
};

static void let_go(struct stream *stream)
{
    stream->walk = walk_free(stream->walk);
    answer_done(&stream->rows);
    held_give_back(&stream->held, stream->shared);
    stream->current = NULL;
}

static void stream_free(struct stream *stream)
{
    let_go(stream);
    for (size_t i = 0; i < stream->count; i++) {
        free(stream->followed[i].tag);
        free(stream->followed[i].names);
    }
    free(stream->followed);
    free(stream->dir);
    free(stream);
}

static void free_producer(struct producer *producer)
{
    stream_free((struct stream *)producer);
}

/* ---- lines ------------------------------------------------------------------------------- */

static void put_cursor(struct stream *stream, struct buf *out)
{
    buf_printf(out, ",\"cursor\":\"%s-", stream->shared->epoch);
    for (size_t i = 0; i < stream->count; i++)
        buf_printf(out, "%s%" PRIu64, i ? "." : "", stream->followed[i].ordinal);
    buf_char(out, '"');
    stream->lines = 0;
    stream->last_cursor_ns = clock_ns(NULL);
}

/* Ends a line. A place to go on from is only given where one is: within a batch, only view `all`
 * knows which ordinal a point has. */
static void end_line(struct stream *stream, struct buf *out, bool place)
{
    int64_t now = clock_ns(NULL);

    stream->lines++;
    if (place && (stream->lines >= CURSOR_LINES || now - stream->last_cursor_ns >= NS_PER_S))
        put_cursor(stream, out);
    buf_str(out, "}\n");
    stream->last_line_ns = now;
}

static void put_row(struct stream *stream, struct buf *out, size_t row)
{
    const struct answer *a = &stream->rows;
    struct columns_view view = {.answer = a};
    const struct column value = {"value", COLUMN_VALUE, a->bits};
    struct json j = {.out = out, .comma = true};
    bool last = row + 1 == a->count && a->complete;

    buf_char(out, '{');
    buf_str(out, stream->current->names);
    write_i64(&j, "step", a->step[row]);
    write_double(&j, "wall_time", a->wall[row]);
    json_key(&j, "value");
    columns_put(out, &view, &value, row, true);
    j.comma = true;
    write_u64(&j, "attempt", columns_attempt(a, row));
    if (last)
        stream->current->ordinal = stream->end;
    else if (!stream->history && stream->view == VIEW_ALL)
        stream->current->ordinal++;
    end_line(stream, out, last || (!stream->history && stream->view == VIEW_ALL));
}

static void put_changes(struct stream *stream, struct buf *out)
{
    for (size_t i = 0; i < stream->news.n_truncations; i++) {
        buf_printf(out, "{%s,\"truncate\":%" PRId64, stream->current->names,
                   stream->news.truncate[i]);
        end_line(stream, out, false);
    }
}

static void put_behind(struct stream *stream, struct followed *f, struct buf *out)
{
    buf_printf(out, "{%s,\"behind\":true", f->names);
    end_line(stream, out, false);
}

/* ---- what is next ------------------------------------------------------------------------ */

static bool find(struct stream *stream, struct followed *f)
{
    struct text dir = {stream->dir, strlen(stream->dir)};

    CHECK(f->tag);
    if (!f->series)
        f->series = tagname_find(stream->run, dir, (struct text){f->tag, strlen(f->tag)});
    return f->series;
}

static bool has_news(struct stream *stream, struct followed *f)
{
    return find(stream, f) && (f->from_start || series_ordinal(f->series) != f->ordinal);
}

static bool is_ready(struct producer *producer)
{
    struct stream *stream = (struct stream *)producer;

    if (stream->held.want && !held_is_roomy(&stream->held, stream->shared))
        return false;
    for (size_t i = 0; i < stream->count; i++)
        if (has_news(stream, &stream->followed[i]))
            return true;
    return false;
}

static int look_at_history(struct stream *stream, struct followed *f)
{
    struct query query = {.axis = AXIS_STEP, .view = stream->view};
    struct answer answer;
    int r = series_walk(f->series, &query, &answer, &stream->walk);

    if (r < 0)
        return r;
    f->from_start = false;
    stream->history = true;
    stream->end = answer.ordinal;
    stream->rows = answer;
    if (stream->walk)
        stream->rows.count = 0; /* the pieces come */
    return 0;
}

static int look_at_news(struct stream *stream, struct followed *f, struct buf *out)
{
    int r = series_news(f->series, stream->view, f->ordinal, UINT32_MAX, &stream->news);

    if (r < 0)
        return r;
    if (stream->news.kind == NEWS_BEHIND) {
        put_behind(stream, f, out);
        return look_at_history(stream, f);
    }
    stream->history = false;
    stream->end = stream->news.ordinal;
    stream->rows = stream->news.points;
    stream->news.points = (struct answer){0};
    return 0;
}

/* Begins with the next series that has something. 1: one has; 0: none; -errno. */
static int begin(struct stream *stream, struct buf *out)
{
    for (size_t i = 0; i < stream->count; i++) {
        struct followed *f = &stream->followed[stream->next];
        int r;

        stream->next = (stream->next + 1) % stream->count;
        if (!has_news(stream, f))
            continue;
        stream->news = (struct news){0};
        r = f->from_start ? look_at_history(stream, f) : look_at_news(stream, f, out);
        if (r < 0)
            return r;
        stream->current = f;
        stream->row = 0;
        put_changes(stream, out);
        return 1;
    }
    return 0;
}

/* The piece at hand is written: the next one, or the end of this series' turn. */
static int go_on(struct stream *stream, struct buf *out)
{
    struct followed *f = stream->current;
    int r = 0;

    if (stream->walk) {
        answer_done(&stream->rows);
        r = walk_next(stream->walk, &stream->rows);
    }
    stream->row = 0;
    if (r > 0)
        return 0;
    let_go(stream);
    if (r == -ESTALE) { /* what was sent is void: from the beginning */
        put_behind(stream, f, out);
        f->from_start = true;
        return 0;
    }
    f->ordinal = stream->end;
    return r;
}

/* Takes what history needs. False: to be asked again later. */
static bool take_room(struct stream *stream)
{
    uint64_t points = stream->walk ? walk_points(stream->walk) : stream->rows.count;

    if (!stream->history || held_take(&stream->held, stream->shared, points))
        return true;
    stream->current->from_start = true;
    let_go(stream);
    return false;
}

static int produce(struct producer *producer, struct buf *out)
{
    struct stream *stream = (struct stream *)producer;
    size_t limit = out->length + PIECE;
    int64_t now;
    int r;

    if (producer->stopping)
        return 0;
    if (!stream->current) {
        r = begin(stream, out);
        if (r < 0)
            return r;
        now = clock_ns(NULL);
        if (r == 0 && now - stream->last_line_ns >= HEARTBEAT_S * NS_PER_S) {
            buf_str(out, "{}\n");
            stream->last_line_ns = now;
        }
        producer->due_ns = stream->last_line_ns + HEARTBEAT_S * NS_PER_S;
        if (r == 0)
            return -EAGAIN;
        if (!take_room(stream)) {
            producer->due_ns = now + HELD_RETRY_MS * NS_PER_MS;
            return -EAGAIN;
        }
    }
    while (stream->row < stream->rows.count && out->length < limit && !buf_failed(out))
        put_row(stream, out, stream->row++);
    if (stream->row < stream->rows.count)
        return 1;
    r = go_on(stream, out);
    return r < 0 ? r : 1;
}

/* ---- beginning --------------------------------------------------------------------------- */

/* "now", "start" or a cursor: where each series goes on. */
static bool place_all(struct request *request, struct stream *stream)
{
    const char *from = request_value(request, "from"), *at = from ? strchr(from, '-') : NULL;
    bool now = from && strcmp(from, "now") == 0;
    uint64_t epoch;

    for (size_t i = 0; i < stream->count; i++) {
        struct followed *f = &stream->followed[i];

        f->from_start = !now;
        if (now && find(stream, f))
            f->ordinal = series_ordinal(f->series);
    }
    if (!from || now || strcmp(from, "start") == 0)
        return true;
    if (!at || !ask_epoch(from, (size_t)(at - from), &epoch))
        goto bad;
    for (size_t i = 0; i < stream->count; i++) {
        size_t size = strspn(++at, "0123456789");

        if (size == 0 || size > 19)
            goto bad;
        stream->followed[i].ordinal = strtoull(at, NULL, 10);
        /* Of another epoch: it is behind, so it begins anew. */
        stream->followed[i].from_start = epoch != store_epoch(stream->shared->options.store);
        at += size;
        if (*at != (i + 1 < stream->count ? '.' : '\0'))
            goto bad;
    }
    return true;
bad:
    response_problem(request, 400, "bad-cursor",
                     "from is start, now, or a cursor of this stream with the same tags.");
    return false;
}

static char *make_names(struct request *request, const char *dir, const char *tag)
{
    struct buf out = BUF_INIT(8 * LIMIT_TAG_BYTES + LIMIT_URL_BYTES);
    struct json j = JSON_INIT(&out);

    write_text(&j, "run", request->id);
    write_text(&j, "dir", dir);
    write_text(&j, "tag", tag);
    if (!buf_text(&out)) {
        buf_done(&out);
        return NULL;
    }
    return out.data;
}

static bool add_tags(struct request *request, struct stream *stream)
{
    const struct target *target = &request->target;
    size_t count = 0;

    target_value(target, "tag", &count);
    if (count == 0 || count > LIMIT_STREAM_SERIES) {
        response_problem(request, 400, "bad-parameter", "Give 1 to %d tags, each as tag=….",
                         LIMIT_STREAM_SERIES);
        return false;
    }
    bool whole = (stream->followed = calloc(count, sizeof *stream->followed)) != NULL;
    for (size_t i = 0; whole && i < target->n_pairs; i++) {
        struct followed *f = &stream->followed[stream->count];

        if (strcmp(target->pairs[i].name, "tag") != 0)
            continue;
        stream->count++;
        f->tag = strdup(target->pairs[i].value);
        f->names = make_names(request, stream->dir, target->pairs[i].value);
        whole = f->tag && f->names;
    }
    if (whole && stream->count == count)
        return true;
    response_error(request, -ENOMEM);
    return false;
}

void route_stream(struct request *request)
{
    struct run *run = request_run(request);
    struct stream *stream = run ? calloc(1, sizeof *stream) : NULL;
    const char *dir = request_value(request, "dir");

    if (!stream) {
        if (run)
            response_error(request, -ENOMEM);
        return;
    }
    stream->producer = (struct producer){
        .produce = produce, .ready = is_ready, .free = free_producer, .endless = true};
    stream->shared = request->shared;
    stream->run = run;
    stream->last_line_ns = stream->last_cursor_ns = clock_ns(NULL);
    stream->dir = strdup(dir ? dir : "");
    if (!stream->dir)
        response_error(request, -ENOMEM);
    else {
        struct query query = {0};

        if ((!request_value(request, "view") ||
             ask_view(request, request_value(request, "view"), &query)) &&
            add_tags(request, stream)) {
            stream->view = request_value(request, "view") ? query.view : VIEW_ALL;
            if (place_all(request, stream)) {
                response_producer(request, "application/x-ndjson", &stream->producer);
                return;
            }
        }
    }
    stream_free(stream);
}
