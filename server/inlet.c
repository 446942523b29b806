#include "inlet.h"

#include <string.h>

static void *sink_run_found(void *ctx, const struct tail_run *run)
{
    struct inlet *inlet = ctx;
    const struct run_info info = {
        .id = run->id, .name = run->name, .experiment = run->experiment, .path = run->path};

    return ingest_run_found(inlet->ingest, &info);
}

static void *sink_generation(void *ctx, void *run, const struct tail_generation *generation)
{
    struct inlet *inlet = ctx;

    return ingest_generation(inlet->ingest, run, generation->dir, generation->path,
                             generation->number);
}

static bool sink_resume(void *ctx, void *run, const char *path, uint32_t *number,
                        struct tail_place *ret)
{
    struct inlet *inlet = ctx;
    struct place place;

    if (!ingest_resume(inlet->ingest, run, path, number, &place))
        return false;
    *ret = (struct tail_place){place.offset,     place.head_size,   place.head_crc,
                               place.window_end, place.window_size, place.window_crc};
    return true;
}

static void sink_place(void *ctx, void *run, void *generation, const struct tail_place *p)
{
    struct inlet *inlet = ctx;
    const struct place place = {p->offset,     p->head_size,   p->head_crc,
                                p->window_end, p->window_size, p->window_crc};

    ingest_place(inlet->ingest, run, generation, &place);
}

static void sink_renamed(void *ctx, void *run, void *generation, const char *path,
                         uint32_t number)
{
    ingest_renamed(((struct inlet *)ctx)->ingest, run, generation, path, number);
}

static int sink_span(void *ctx, void *run, void *generation, const struct span *span)
{
    struct inlet *inlet = ctx;
    int r = inlet->index ? index_admit(inlet->index) : 0;

    return r < 0 ? r : ingest_span(inlet->ingest, run, generation, span);
}

static void sink_damage(void *ctx, void *run, void *generation, const struct damage *damage)
{
    ingest_damage(((struct inlet *)ctx)->ingest, run, generation, damage);
}

static void sink_replay_begin(void *ctx, void *run, void *generation)
{
    ingest_replay_begin(((struct inlet *)ctx)->ingest, run, generation);
}

static void sink_replay_end(void *ctx, void *run, void *generation)
{
    ingest_replay_end(((struct inlet *)ctx)->ingest, run, generation);
}

static bool sink_reread(void *ctx, void *run)
{
    struct index *index = ((struct inlet *)ctx)->index;
    return index && index_reread(index, ingest_store_run(run));
}

static void sink_commit(void *ctx, void *run)
{
    ingest_commit(((struct inlet *)ctx)->ingest, run);
}

static void sink_state(void *ctx, void *run, const struct tail_state *state)
{
    struct run_source source = {
        .watch = state->watch == TAIL_WATCH_INOTIFY ? "inotify" : "poll",
        .poll_ms = state->poll_ms, .gone = state->gone, .loading = state->loading,
        .cut_at_source = state->cut_at_source, .unreadable = state->unreadable,
        .left_out = state->left_out, .bytes_total = state->bytes_total,
        .bytes_read = state->bytes_read, .newest_byte_wall_s = state->newest_byte_wall_s,
    };

    _Static_assert(sizeof source.message == sizeof state->message, "the same message");
    memcpy(source.message, state->message, sizeof source.message);
    ingest_state(((struct inlet *)ctx)->ingest, run, &source);
}

struct tail_sink inlet_sink(struct inlet *inlet)
{
    return (struct tail_sink){
        .ctx = inlet,
        .run_found = sink_run_found,
        .generation = sink_generation,
        .resume = sink_resume,
        .place = sink_place,
        .renamed = sink_renamed,
        .span = sink_span,
        .damage = sink_damage,
        .replay_begin = sink_replay_begin,
        .replay_end = sink_replay_end,
        .state = sink_state,
        .reread = sink_reread,
        .commit = sink_commit,
    };
}
