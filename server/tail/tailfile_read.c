/* tailfile_read.c: what the reader gives, handed to the sink; replays; trouble and its retries. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "tail/ahead.h"
#include "tail/tailfile.h"

enum { GAP_COST_BYTES = 4096 }; /* of a turn's budget, for a damaged range */

void tailfile_trouble(struct tailfile *file, const char *what)
{
    struct source *source = file->source;

    if (!file->logged) {
        file->logged = true;
        source->troubled++;
        log_warn("%s/%s: %s", source->path, file->name, what);
    }
    char *message = source->state.message;
    memset(message, 0, sizeof source->state.message);
    snprintf(message, sizeof source->state.message, "%s: %s", what, file->name);
}

void tailfile_no_trouble(struct tailfile *file)
{
    struct source *source = file->source;

    if (!file->logged)
        return;
    file->logged = false;
    if (--source->troubled == 0)
        memset(source->state.message, 0, sizeof source->state.message);
}

static void add_difference(_Atomic uint64_t *sum, uint64_t *own, uint64_t *part, uint64_t now)
{
    *own += now - *part;
    atomic_fetch_add_explicit(sum, now - *part, memory_order_relaxed);
    *part = now;
}

void tailfile_count(struct tailfile *file)
{
    struct source *source = file->source;
    struct source_set *set = source->set;
    uint64_t size = MAX(file->facts.size, file->known_end), read = file->known_end;

    if (file->reader) {
        struct ef_reader_stats stats = ef_reader_stats(file->reader);
        read = MAX(read, stats.offset + stats.suspect + stats.partial);
    }
    if (file->state == TAILFILE_REFUSED)
        read = size;
    add_difference(&set->bytes_total, &source->state.bytes_total, &file->counted_size, size);
    add_difference(&set->bytes_read, &source->state.bytes_read, &file->counted_read,
                   MIN(read, size));
}

static void retry_later(struct tailfile *file, const struct source_turn *turn, const char *why)
{
    tailfile_trouble(file, why);
    source_wait_until(file->source, file, turn->now_ns + NS_PER_S);
}

static void begin_replay(struct tailfile *file, struct source_turn *turn)
{
    const struct tail_sink *sink = &file->source->set->sink;

    file->replay_due = false;
    file->replay_to = file->known_end;
    identity_done(&file->identity);
    turn->scratch.size = 0;
    ef_reader_rewind(file->reader, 0);
    sink->replay_begin(sink->ctx, file->source->handle, file->handle);
}

static void end_replay(struct tailfile *file)
{
    const struct tail_sink *sink = &file->source->set->sink;

    if (file->replay_to == 0)
        return;
    file->replay_to = 0;
    sink->replay_end(sink->ctx, file->source->handle, file->handle);
}

/* The sink had no memory for a span. The reader goes back to it; where that would give things
 * twice, all is given again. */
static int span_refused(struct tailfile *file, struct source_turn *turn, uint64_t offset)
{
    retry_later(file, turn, "out of memory");
    if (file->replay_to > 0 || ef_reader_stats(file->reader).suspect > 0)
        file->replay_due = true;
    else
        ef_reader_rewind(file->reader, offset);
    return -ENOMEM;
}

/* A file and the turn that reads it. */
struct reading {
    struct tailfile *file;
    struct source_turn *turn;
};

/* May run on another worker than the turn, which then leaves file and turn alone (ahead.h). */
static int give_records(void *ctx, const struct ef_item *item)
{
    struct tailfile *file = ((struct reading *)ctx)->file;
    struct source_turn *turn = ((struct reading *)ctx)->turn;
    struct source *source = file->source;
    const struct tail_sink *sink = &source->set->sink;
    struct span span = {.offset = item->offset, .data = item->data, .size = item->size,
                        .records = item->records};

    int r = sink->span(sink->ctx, source->handle, file->handle, &span);
    if (r < 0)
        return r;
    /* Without memory for a mark the comparison is coarser, nothing else. */
    (void)identity_feed(&file->identity, &turn->scratch, item->offset, item->data, item->size);
    file->known_end = MAX(file->known_end, item->offset + item->size);
    turn->bytes_came = true;
    atomic_fetch_add_explicit(&source->set->records, item->records, memory_order_relaxed);
    if (file->replay_to > 0 && item->offset + item->size >= file->replay_to)
        end_replay(file);
    return 0;
}

static void give_damage(struct tailfile *file, struct source_turn *turn, const struct ef_gap *gap)
{
    struct source *source = file->source;
    const struct tail_sink *sink = &source->set->sink;
    struct damage damage = {
        .offset = gap->offset,
        .length = gap->length,
        .reason = (int)gap->reason,
        .limited = gap->limited,
        .found_wall_s = clock_wall_s(source->set->clock),
    };

    identity_leave_out(&file->identity, &turn->scratch, gap->offset, gap->length);
    turn->budget -= GAP_COST_BYTES;
    sink->damage(sink->ctx, source->handle, file->handle, &damage);
}

static int give_item(struct reading *reading, const struct ef_item *item)
{
    struct tailfile *file = reading->file;
    struct source_turn *turn = reading->turn;

    switch (item->kind) {
    case EF_ITEM_RECORDS:
        if (give_records(reading, item) == 0)
            return 0;
        return span_refused(file, turn, item->offset);
    case EF_ITEM_GAP:
        give_damage(file, turn, &item->gap);
        file->known_end = MAX(file->known_end, item->gap.offset + item->gap.length);
        if (file->replay_to > 0 && item->gap.offset + item->gap.length >= file->replay_to)
            end_replay(file);
        return 0;
    case EF_ITEM_LATE:
        if (item->gap.reason == EF_REASON_REPAIRED)
            give_damage(file, turn, &item->gap);
        begin_replay(file, turn);
        return 0;
    }
    return 0;
}

/* The reader has nothing now. */
static void at_end(struct tailfile *file, const struct source_turn *turn)
{
    int64_t wait = ef_reader_wait_ns(file->reader);

    end_replay(file);
    file->more = false;
    file->settled = ef_reader_stats(file->reader).suspect == 0;
    if (wait >= 0)
        source_wait_until(file->source, file, turn->now_ns + wait);
    tailfile_no_trouble(file);
}

static void reader_failed(struct tailfile *file, struct source_turn *turn, int code, int error)
{
    if (code == EF_ERR_COMPRESSED || code == EF_ERR_NOT_EVENT_FILE) {
        file->state = TAILFILE_REFUSED;
        file->settled = true;
        file->more = false;
        tailfile_trouble(file, ef_strerror(code));
        int64_t wait = ef_reader_wait_ns(file->reader);
        if (wait >= 0)
            source_wait_until(file->source, file, turn->now_ns + wait);
        return;
    }
    if (code == EF_ERR_IO && error == ESTALE)
        fdcache_close(&file->source->set->fdcache, &file->source->set->pool, file);
    retry_later(file, turn, code == EF_ERR_IO ? strerrordesc_np(error) : ef_strerror(code));
}

/* The turn is over in the middle of the file. Its buffer goes back: many files may be so. */
static void pause_here(struct tailfile *file, const struct ef_item *last)
{
    struct ef_reader_stats stats = ef_reader_stats(file->reader);

    if (last->kind == EF_ITEM_RECORDS && stats.suspect == 0 &&
        stats.offset == last->offset + last->size)
        ef_reader_rewind(file->reader, stats.offset);
    source_mark_dirty(file->source, file);
}

/* Bytes that were there before came when the file was changed last. */
void tailfile_note_newest(const struct tailfile *file)
{
    struct source *source = file->source;
    double changed_s = (double)file->facts.mtime_ns / 1e9;
    double now_s = clock_wall_s(source->set->clock);

    source->state.newest_byte_wall_s =
        MAX(source->state.newest_byte_wall_s, MIN(changed_s, now_s));
}

/* One item to the sink: a long run of records by another worker, if one has nothing to do. */
static int pass_on(struct reading *reading, struct ahead *ahead, const struct ef_item *item)
{
    struct tailfile *file = reading->file;

    if (item->kind == EF_ITEM_RECORDS) {
        reading->turn->budget -= (int64_t)item->size;
        if (item->size >= AHEAD_MIN_BYTES && ahead_wanted(ahead)) {
            void *buffer = ef_reader_keep(file->reader, item);
            if (buffer)
                return ahead_push(ahead, item, buffer);
        }
    }
    int r = ahead_settle(ahead);
    return r < 0 ? r : give_item(reading, item);
}

/* Reads and passes on until the budget is used up. As ef_reader_next(): 0 at the end, 1 before;
 * what the sink refused is noted, and a visit is due. */
static int read_on(struct reading *reading, struct ef_item *item)
{
    struct tailfile *file = reading->file;
    struct pool *pool = &file->source->set->pool;
    struct ahead ahead;
    int r = 1, given = 0;

    ahead_init(&ahead, pool, give_records, reading);
    while (given == 0 && source_may_read(reading->turn)) {
        r = ef_reader_next(file->reader, item);
        if (r <= 0)
            break;
        given = pass_on(reading, &ahead, item);
    }
    int error = errno;
    if (ahead_settle(&ahead) < 0) {
        span_refused(file, reading->turn, ahead.error_offset);
        return 1;
    }
    errno = error;
    return given < 0 ? 1 : r;
}

/* Tells how far the file was given, where that is one offset. */
static void tell_place(struct tailfile *file)
{
    const struct tail_sink *sink = &file->source->set->sink;
    struct ef_reader_stats stats = ef_reader_stats(file->reader);
    const struct identity *id = &file->identity;
    const struct tail_place place = {.offset = stats.offset,
                                     .head_size = id->head_size,
                                     .head_crc = id->head_crc,
                                     .window_end = id->window_end,
                                     .window_size = id->window_size,
                                     .window_crc = id->window_crc};

    if (sink->place && stats.suspect == 0 && stats.offset == file->known_end &&
        file->replay_to == 0 && !file->replay_due && file->state == TAILFILE_FOLLOWED)
        sink->place(sink->ctx, file->source->handle, file->handle, &place);
}

/* Offers the bytes that will not change any more. */
static void offer_bytes(struct tailfile *file, const struct source_turn *turn)
{
    const struct tail_sink *sink = &file->source->set->sink;
    struct ef_reader_stats stats = ef_reader_stats(file->reader);
    uint64_t end = stats.suspect > 0 ? stats.offset : stats.offset + stats.partial;

    if (!sink->bytes || file->at || file->fd < 0 || file->state != TAILFILE_FOLLOWED || end == 0)
        return;
    if (!sink->bytes(sink->ctx, file->source->handle, file->handle, end, file->fd)) {
        file->settled = false; /* its descriptor is kept */
        if (file->due_ns < 0 || file->due_ns > turn->now_ns + NS_PER_S)
            source_wait_until(file->source, file, turn->now_ns + NS_PER_S);
    }
}

bool tailfile_read(struct tailfile *file, struct source_turn *turn, uint64_t size)
{
    struct source *source = file->source;
    struct reading reading = {file, turn};
    struct ef_item item = {0};

    file->settled = false;
    file->more = true;
    turn->bytes_came = false;
    source_wait_until(source, file, -1); /* what is due is known anew at the end */
    ef_reader_tell(file->reader, size, file->changed_ns, turn->now_ns);
    if (file->replay_due)
        begin_replay(file, turn);
    int r = read_on(&reading, &item);
    if (r == 0)
        at_end(file, turn);
    else if (r < 0)
        reader_failed(file, turn, r, errno);
    else if (file->due_ns < 0)
        pause_here(file, &item);
    identity_settle(&file->identity, &turn->scratch);
    tell_place(file);
    offer_bytes(file, turn);
    if (turn->bytes_came)
        tailfile_note_newest(file);
    tailfile_count(file);
    return r == 0;
}
