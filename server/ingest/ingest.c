#include "ingest/ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/log.h"
#include "ingest/filestate.h"

enum { POOL_MAX = 64 }; /* decoders kept for the next span; more threads than that make their own */

/* A run as the tailer's worker sees it: handle of all its calls. */
struct ingestrun {
    struct ingestrun *next; /* of all, for ingest_free() */
    struct ingest *ingest;
    struct run *run;
    struct filestate *files;
};

struct ingest {
    struct store *store;
    pthread_mutex_t lock; /* runs and pool */
    struct ingestrun *runs;
    ef_decoder *pool[POOL_MAX];
    unsigned pooled;
    _Atomic uint64_t records, points, references, not_events, left_out, fallbacks;
};

struct ingest *ingest_new(struct store *store)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);

    if (!ingest)
        return NULL;
    ingest->store = store;
    pthread_mutex_init(&ingest->lock, NULL);
    return ingest;
}

static struct ingestrun *ingestrun_free(struct ingestrun *r)
{
    while (r->files) {
        struct filestate *next = r->files->next;
        filestate_free(r->files);
        r->files = next;
    }
    free(r);
    return NULL;
}

struct ingest *ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return NULL;
    while (ingest->runs) {
        struct ingestrun *next = ingest->runs->next;
        ingestrun_free(ingest->runs);
        ingest->runs = next;
    }
    while (ingest->pooled > 0)
        ef_decoder_free(ingest->pool[--ingest->pooled]);
    pthread_mutex_destroy(&ingest->lock);
    free(ingest);
    return NULL;
}

/* ---- decoders: one for each thread that is inside ingest_span() ---------------------------- */

static ef_decoder *borrow_decoder(struct ingest *ingest)
{
    ef_decoder *decoder = NULL;

    pthread_mutex_lock(&ingest->lock);
    if (ingest->pooled > 0)
        decoder = ingest->pool[--ingest->pooled];
    pthread_mutex_unlock(&ingest->lock);
    return decoder ? decoder : ef_decoder_new();
}

static void return_decoder(struct ingest *ingest, ef_decoder *decoder)
{
    pthread_mutex_lock(&ingest->lock);
    if (ingest->pooled < POOL_MAX) {
        ingest->pool[ingest->pooled++] = decoder;
        decoder = NULL;
    }
    pthread_mutex_unlock(&ingest->lock);
    ef_decoder_free(decoder);
}

/* ---- the calls of the sink ---------------------------------------------------------------- */

void *ingest_run_found(void *ctx, const struct run_info *info)
{
    struct ingest *ingest = ctx;
    struct ingestrun *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->ingest = ingest;
    r->run = store_run(ingest->store, info);
    if (!r->run) {
        log_error("run %s cannot be taken in: out of memory, or more than %d runs", info->name,
                  LIMIT_DIRS);
        return ingestrun_free(r);
    }
    pthread_mutex_lock(&ingest->lock);
    r->next = ingest->runs;
    ingest->runs = r;
    pthread_mutex_unlock(&ingest->lock);
    return r;
}

void *ingest_generation(void *ctx, void *run, const char *dir, const char *path, uint32_t number)
{
    struct ingestrun *r = run;

    run_write_begin(r->run);
    struct generation *generation = run_find_generation(r->run, path, number);
    if (!generation)
        generation = run_generation(r->run, dir, path, number);
    struct filestate *file = generation ? filestate_new(r->run, generation) : NULL;
    run_write_end(r->run);
    if (!file)
        return NULL;
    file->next = r->files;
    r->files = file;
    return file;
}

bool ingest_resume(void *ctx, void *run, const char *path, uint32_t *number, struct place *ret)
{
    struct ingestrun *r = run;

    run_write_begin(r->run);
    struct generation *generation = run_find_generation(r->run, path, *number);
    bool known = generation && generation_placed(generation, ret);
    if (known)
        *number = generation_number(generation);
    run_write_end(r->run);
    return known;
}

struct run *ingest_store_run(void *run)
{
    return ((struct ingestrun *)run)->run;
}

void ingest_place(void *ctx, void *run, void *generation, const struct place *place)
{
    struct filestate *file = generation;

    run_write_begin(file->run);
    generation_place(file->generation, file->stop.set ? NULL : place);
    run_write_end(file->run);
}

void ingest_renamed(void *ctx, void *run, void *generation, const char *path, uint32_t number)
{
    struct filestate *file = generation;

    run_write_begin(file->run);
    int r = generation_rename(file->generation, path, number);
    run_write_end(file->run);
    if (r < 0)
        log_error("%s: keeps its old name in the list of files: out of memory", path);
}

int ingest_span(void *ctx, void *run, void *generation, const struct span *span)
{
    struct ingest *ingest = ctx;
    struct filestate_tally tally = {0};
    ef_decoder *decoder = borrow_decoder(ingest);

    if (!decoder)
        return -ENOMEM;
    uint64_t fallbacks = ef_decoder_fallbacks(decoder);
    struct run *of = ((struct filestate *)generation)->run;
    run_write_begin(of);
    int r = filestate_span(generation, decoder, span, &tally);
    run_write_end(of);
    fallbacks = ef_decoder_fallbacks(decoder) - fallbacks;
    return_decoder(ingest, decoder);
    atomic_fetch_add_explicit(&ingest->records, tally.records, memory_order_relaxed);
    atomic_fetch_add_explicit(&ingest->points, tally.points, memory_order_relaxed);
    if (tally.references)
        atomic_fetch_add_explicit(&ingest->references, tally.references, memory_order_relaxed);
    if (tally.not_events)
        atomic_fetch_add_explicit(&ingest->not_events, tally.not_events, memory_order_relaxed);
    if (tally.left_out)
        atomic_fetch_add_explicit(&ingest->left_out, tally.left_out, memory_order_relaxed);
    if (fallbacks)
        atomic_fetch_add_explicit(&ingest->fallbacks, fallbacks, memory_order_relaxed);
    return r;
}

void ingest_damage(void *ctx, void *run, void *generation, const struct damage *damage)
{
    struct filestate *file = generation;

    run_write_begin(file->run);
    int r = generation_damage(file->generation, damage);
    run_write_end(file->run);
    if (r < 0)
        log_error("damage at offset %llu cannot be listed: out of memory",
                  (unsigned long long)damage->offset);
}

void ingest_replay_begin(void *ctx, void *run, void *generation)
{
    struct filestate *file = generation;

    run_write_begin(file->run);
    filestate_replay_begin(file);
    run_write_end(file->run);
}

void ingest_replay_end(void *ctx, void *run, void *generation)
{
    struct filestate *file = generation;

    run_write_begin(file->run);
    int r = filestate_replay_end(file);
    run_write_end(file->run);
    if (r < 0)
        log_error("repaired bytes are not shown: out of memory");
}

void ingest_state(void *ctx, void *run, const struct run_source *source)
{
    struct ingestrun *r = run;

    run_write_begin(r->run);
    run_source(r->run, source);
    run_write_end(r->run);
}

void ingest_commit(void *ctx, void *run)
{
    struct ingestrun *r = run;

    run_write_begin(r->run);
    int e = run_commit(r->run);
    run_write_end(r->run);
    if (e < 0)
        log_error("new points are held back until the next turn: out of memory");
}

struct ingest_stats ingest_stats(struct ingest *ingest)
{
    return (struct ingest_stats){
        .records = atomic_load_explicit(&ingest->records, memory_order_relaxed),
        .points = atomic_load_explicit(&ingest->points, memory_order_relaxed),
        .references = atomic_load_explicit(&ingest->references, memory_order_relaxed),
        .not_events = atomic_load_explicit(&ingest->not_events, memory_order_relaxed),
        .left_out = atomic_load_explicit(&ingest->left_out, memory_order_relaxed),
        .fallbacks = atomic_load_explicit(&ingest->fallbacks, memory_order_relaxed),
    };
}
