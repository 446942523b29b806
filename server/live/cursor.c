#include "live/cursor.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define FRAME_HANDLE 4
#define FRAME_LENGTH 16
#define FRAME_HEADER 32

/* Frames of `news`; the truncations carry the ordinal that the client has, as its cursor does not
 * move before the message is complete. */
static int encode(struct buf *out, const struct news *news, const struct cursor *cursor,
                  uint32_t handle)
{
    int r = 0;

    if (news->kind == NEWS_BEHIND)
        return frame_behind(out, handle, news->ordinal);
    for (size_t i = 0; r == 0 && i < news->n_truncations; i++)
        r = frame_truncate(out, handle, news->truncate[i], cursor->ordinal);
    return r < 0 ? r : frame_answer(out, &news->points, handle, cursor->cols, true);
}

/* Asks the store and appends. The ordinal after it goes to *ret_to. 0, 1 (behind), -errno. */
static int emit_news(const struct cursor *cursor, struct buf *out, uint32_t handle,
                     uint64_t *ret_to)
{
    size_t before = out->length;
    struct news news;
    int r = series_news(cursor->topic->series, cursor->view, cursor->ordinal,
                        LIMIT_LIVE_BUCKETS, &news);

    if (r < 0)
        return r;
    *ret_to = news.kind == NEWS_NONE ? cursor->ordinal : news.ordinal;
    if (news.kind != NEWS_NONE)
        r = encode(out, &news, cursor, handle);
    bool behind = news.kind == NEWS_BEHIND;
    news_done(&news);
    if (r < 0) {
        out->length = before;
        return r;
    }
    return behind ? 1 : 0;
}

/* Copies frames, with the handle put into each header. */
static int copy_frames(struct buf *out, const struct buf *frames, uint32_t handle)
{
    size_t start = out->length;
    int r = buf_add(out, frames->data, frames->length);

    if (r < 0)
        return r;
    for (size_t at = 0; at + FRAME_HEADER <= frames->length;) {
        uint64_t length;

        memcpy(&length, frames->data + at + FRAME_LENGTH, sizeof length);
        memcpy(out->data + start + at + FRAME_HANDLE, &handle, sizeof handle);
        CHECK(length >= FRAME_HEADER && length <= frames->length - at);
        at += length;
    }
    return 0;
}

/* The shared frames of the cursor's place, made if they are of another place or time. */
static struct encoded *shared_frames(struct cursor *cursor)
{
    struct topic *topic = cursor->topic;
    struct encoded *e = topic->encoded[cursor->view];

    if (!e) {
        e = calloc(1, sizeof *e);
        if (!e)
            return NULL;
        e->frames.max = LIMIT_LIVE_TEXT_BYTES;
        topic->encoded[cursor->view] = e;
    }
    if (e->filled && e->version == topic->version && e->from == cursor->ordinal &&
        e->cols == cursor->cols)
        return e;
    buf_clear(&e->frames);
    int r = emit_news(cursor, &e->frames, 0, &e->to);
    e->filled = r >= 0;
    e->behind = r == 1;
    e->version = topic->version;
    e->from = cursor->ordinal;
    e->cols = cursor->cols;
    return e->filled ? e : NULL;
}

static int emit_refusal(struct cursor *cursor, struct buf *out)
{
    struct series *series = cursor->topic->series;
    int r = frame_behind(out, cursor->handle, series ? series_ordinal(series) : 0);

    return r < 0 ? r : 1;
}

int cursor_emit(struct cursor *cursor, struct buf *out)
{
    struct topic *topic = cursor->topic;
    size_t before = out->length;
    uint64_t to = cursor->ordinal;
    int r = 0;

    if (cursor->refused)
        r = emit_refusal(cursor, out);
    else if (topic->series && topic->watchers > 1) {
        struct encoded *e = shared_frames(cursor);
        if (!e)
            return -ENOMEM;
        r = copy_frames(out, &e->frames, cursor->handle);
        if (r == 0 && e->behind)
            r = 1;
        to = e->to;
    } else if (topic->series)
        r = emit_news(cursor, out, cursor->handle, &to);
    if (r < 0) {
        out->length = before;
        out->error = 0;
        return r;
    }
    cursor->ordinal = to;
    cursor->seen = topic->version;
    return r;
}
