#include "store/run.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"

void run_lock(struct run *run)
{
    pthread_mutex_lock(&run->lock);
}

void run_unlock(struct run *run)
{
    pthread_mutex_unlock(&run->lock);
}

void run_write_begin(struct run *run)
{
    pthread_mutex_lock(&run->writing);
}

void run_write_end(struct run *run)
{
    pthread_mutex_unlock(&run->writing);
}

void run_set_kept(struct run *run, void *kept)
{
    run->kept = kept;
}

void *run_kept(const struct run *run)
{
    return run->kept;
}

int run_grow(void *array_pointer, size_t *cap, size_t count, size_t item)
{
    void **array = array_pointer;

    if (count < *cap)
        return 0;
    size_t want = *cap ? *cap * 2 : 4;
    void *grown = realloc(*array, want * item);
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *cap = want;
    return 0;
}

void run_free(struct run *run)
{
    for (size_t i = 0; i < run->n_series; i++)
        series_done(run->series[i]);
    for (size_t i = 0; i < run->n_generations; i++)
        generation_done(run->generations[i]);
    for (struct dir *dir = run->dirs; dir; dir = dir->next) {
        free(dir->generations);
        free(dir->files);
        free(dir->hiding);
    }
    slab_done(&run->slab);
    free(run->generations);
    free(run->series);
    free(run->changed_list);
    symtab_done(&run->series_table);
    free(run->damage);
    pthread_mutex_destroy(&run->lock);
    pthread_mutex_destroy(&run->writing);
    free(run);
}

/* The run and its four strings in one piece. */
struct run *run_new(struct store *store, const struct run_info *info)
{
    const char *from[4] = {info->id, info->name, info->experiment, info->path};
    const char **to[4];
    size_t size = sizeof(struct run);

    for (int i = 0; i < 4; i++) {
        from[i] = from[i] ? from[i] : "";
        size += strlen(from[i]) + 1;
    }
    struct run *run = calloc(1, size);
    if (!run)
        return NULL;
    if (pthread_mutex_init(&run->lock, NULL) != 0) {
        free(run);
        return NULL;
    }
    pthread_mutex_init(&run->writing, NULL);
    char *text = (char *)(run + 1);
    to[0] = &run->id;
    to[1] = &run->name;
    to[2] = &run->experiment;
    to[3] = &run->path;
    for (int i = 0; i < 4; i++) {
        size_t length = strlen(from[i]) + 1;
        memcpy(text, from[i], length);
        *to[i] = text;
        text += length;
    }
    run->store = store;
    run->life.deleted = info->deleted;
    run->commit_wall_s = run->last_points_s = run->usual_interval_s = NAN;
    run->first_wall = run->last_wall = NAN;
    slab_init(&run->slab, lane_release_chain);
    run->slab.pool = store->pool;
    return run;
}

static bool same_run(const void *item, const void *key)
{
    return strcmp(((const struct run *)item)->id, key) == 0;
}

static struct run *add_run(struct store *store, const struct run_info *info, uint64_t hash)
{
    if (store->n_runs >= LIMIT_DIRS ||
        run_grow(&store->runs, &store->cap_runs, store->n_runs, sizeof *store->runs) < 0)
        return NULL;
    struct run *run = run_new(store, info);
    if (!run)
        return NULL;
    if (symtab_add(&store->run_table, hash, run) < 0) {
        run_free(run);
        return NULL;
    }
    store->runs[store->n_runs++] = run;
    return run;
}

int run_enter(struct run *run)
{
    struct store *store = run->store;
    uint64_t hash = symtab_hash(store->seed, run->id, strlen(run->id));
    int r = 0;

    pthread_mutex_lock(&store->lock);
    if (symtab_find(&store->run_table, hash, same_run, run->id))
        r = -EEXIST;
    else if (store->n_runs >= LIMIT_DIRS)
        r = -ENOSPC;
    else if (run_grow(&store->runs, &store->cap_runs, store->n_runs, sizeof *store->runs) < 0 ||
             symtab_add(&store->run_table, hash, run) < 0)
        r = -ENOMEM;
    else
        store->runs[store->n_runs++] = run;
    pthread_mutex_unlock(&store->lock);
    return r;
}

void store_set_maker(struct store *store,
                     struct run *(*make)(void *ctx, const struct run_info *info), void *ctx)
{
    pthread_mutex_lock(&store->lock);
    store->make = make;
    store->make_ctx = ctx;
    pthread_mutex_unlock(&store->lock);
}

struct run *store_run(struct store *store, const struct run_info *info)
{
    struct run *run = store_find_run(store, info->id);

    if (run)
        return run;
    pthread_mutex_lock(&store->lock);
    struct run *(*make)(void *, const struct run_info *) = store->make;
    void *ctx = store->make_ctx;
    pthread_mutex_unlock(&store->lock);
    run = make ? make(ctx, info) : NULL;
    return run ? run : store_make_run(store, info);
}

struct run *store_make_run(struct store *store, const struct run_info *info)
{
    uint64_t hash = symtab_hash(store->seed, info->id, strlen(info->id));

    pthread_mutex_lock(&store->lock);
    struct run *run = symtab_find(&store->run_table, hash, same_run, info->id);
    if (!run)
        run = add_run(store, info, hash);
    pthread_mutex_unlock(&store->lock);
    return run;
}

struct run *store_find_run(struct store *store, const char *id)
{
    uint64_t hash = symtab_hash(store->seed, id, strlen(id));

    pthread_mutex_lock(&store->lock);
    struct run *run = symtab_find(&store->run_table, hash, same_run, id);
    pthread_mutex_unlock(&store->lock);
    return run;
}

struct dir *run_dir(struct run *run, const char *name)
{
    size_t size = strlen(name);

    for (struct dir *dir = run->dirs; dir; dir = dir->next) {
        if (dir->name.size == size && memcmp(dir->name.data, name, size) == 0)
            return dir;
    }
    struct dir *dir = slab_zalloc(&run->slab, sizeof *dir);
    char *copy = slab_alloc(&run->slab, size + 1);
    if (!dir || !copy)
        return NULL;
    memcpy(copy, name, size + 1);
    dir->run = run;
    dir->name = (struct text){copy, size};
    run_lock(run);
    dir->next = run->dirs;
    run->dirs = dir;
    run_unlock(run);
    return dir;
}

void run_source(struct run *run, const struct run_source *source)
{
    run->next_source = *source;
    run->next_source.message[sizeof source->message - 1] = 0;
    run->source_set = true;
}

uint64_t run_commit_number(struct run *run)
{
    run_lock(run);
    uint64_t number = run->commit;
    run_unlock(run);
    return number;
}

/* ---- summary ----------------------------------------------------------------------------- */

#define QUIET_AT_LEAST_S 30.0
#define QUIET_INTERVALS 3.0

const char *activity_word(enum activity activity)
{
    static const char *const words[] = {"live", "quiet", "gone"};

    return words[activity];
}

static enum activity activity_of(const struct run *run, double now)
{
    double newest = run->source.newest_byte_wall_s;

    if (run->source.gone)
        return ACTIVITY_GONE;
    if (!(newest > 0))
        newest = run->commit_wall_s;
    double patience = QUIET_AT_LEAST_S;
    if (run->usual_interval_s * QUIET_INTERVALS > patience)
        patience = run->usual_interval_s * QUIET_INTERVALS;
    return now - newest <= patience ? ACTIVITY_LIVE : ACTIVITY_QUIET;
}

/* Highest attempt of a file with a value, and how many attempts hide something. */
static void count_attempts(const struct run *run, struct run_summary *ret)
{
    for (size_t i = 0; i < run->n_generations; i++) {
        const struct generation *g = run->generations[i];
        if (g->pub.values > 0 && g->attempt > 0)
            ret->attempts = MAX(ret->attempts, g->attempt + g->pub_parts - 1);
    }
    for (const struct dir *dir = run->dirs; dir; dir = dir->next) {
        uint32_t hiding = 0;
        for (size_t a = 2; a < dir->n_hiding; a++)
            hiding += dir->hiding[a];
        ret->restarts = MAX(ret->restarts, hiding);
    }
}

void run_summarize(struct run *run, struct run_summary *ret)
{
    struct run_summary s = {.run = run,
                            .id = run->id,
                            .name = run->name,
                            .experiment = run->experiment,
                            .path = run->path};
    double now = clock_wall_s(run->store->options.clock);

    run_lock(run);
    s.activity = activity_of(run, now);
    count_attempts(run, &s);
    s.first_wall = run->first_wall;
    s.last_wall = run->last_wall;
    s.points = run->points;
    s.hidden = run->hidden;
    s.references = run->references;
    s.series = run->n_visible;
    s.files = run->n_generations;
    s.bytes = run->source.bytes_read;
    s.damage = run->damage_total;
    s.commit = run->commit;
    s.commit_wall_s = run->commit_wall_s;
    s.usual_interval_s = run->usual_interval_s;
    s.source = run->source;
    s.life = run->life;
    s.changed = atomic_load(&run->change);
    run_unlock(run);
    *ret = s;
}
