#include "index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/log.h"
#include "index_state.h"

#define FLUSH_BYTES_LEAST (UINT64_C(1) << 20)
#define FLUSH_BYTES_MOST (UINT64_C(8) << 20)
#define ADMIT_S 1

/* ---- folders ----------------------------------------------------------------------------- */

/* Makes every missing folder of the path. */
static int make_folders(const char *path)
{
    char part[LIMIT_PATH_BYTES];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof part)
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int index_open_folder(struct index *index, const char *id, bool make)
{
    char path[LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s%s%s", index->dir, id, *index->below ? "/" : "",
                     index->below);

    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    int r = make ? make_folders(path) : 0;
    if (r < 0)
        return r;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    (void)futimens(fd, NULL); /* last used; for those who look for what may go */
    return TAKE_FD(fd);
}

/* ---- restoring --------------------------------------------------------------------------- */

/* Tables of the first `count` segments into the store. 0; else which one was bad: *ret_bad. */
static int restore(struct indexrun *r, const struct run_info *info, struct segment *chain,
                   size_t count, size_t *ret_bad)
{
    struct restore *restore = restore_new(r->index->options.store, info);
    int e = restore ? 0 : -ENOMEM;

    for (size_t i = 0; i < count && e == 0; i++) {
        _cleanup_free_ void *table = NULL;
        struct indexfile *file = index_new_file(r, &chain[i]);
        *ret_bad = i;
        e = file ? index_add_file(r, file) : -ENOMEM;
        if (e == 0)
            e = segment_table(r->dir, &chain[i], &table);
        if (e == 0)
            e = restore_apply(restore, table, chain[i].table_size, &file->file,
                              chain[i].table_offset);
    }
    if (e == 0)
        e = restore_end(&restore, chain[0].chain, r, &r->run);
    restore_free(restore);
    return e;
}

static void drop_files(struct indexrun *r, bool remove)
{
    while (r->n_files > 0)
        index_drop_file(r->files[--r->n_files], remove);
}

/* A bad segment ends the chain: what is before it is a good state, an earlier one. */
static void restore_chain(struct indexrun *r, const struct run_info *info)
{
    _cleanup_free_ struct segment *chain = NULL;
    size_t count = 0, bad = 0;
    bool foreign = false;

    int e = segment_chain(r->dir, &chain, &count, &foreign);
    if (foreign) {
        log_warn("run %s: its index was written by a newer version and is left alone", info->name);
        close(r->dir);
        r->dir = -1;
        return;
    }
    for (size_t i = 0; r->index->options.anew && i < count; i++)
        segment_unlink(r->dir, chain[i].name);
    if (r->index->options.anew)
        count = 0;
    while (e == 0 && count > 0) {
        e = restore(r, info, chain, count, &bad);
        if (e == 0)
            break;
        drop_files(r, false);
        if (e == -ENOMEM || e == -EEXIST || e == -ENOSPC)
            break;
        log_warn("run %s: segment %s is not usable (%s); its files are read again from before it",
                 info->name, chain[bad].name, e == -ESTALE ? "of another run" : strerror(-e));
        while (count > bad)
            segment_unlink(r->dir, chain[--count].name);
        e = 0;
    }
    if (e < 0)
        log_warn("run %s: the index cannot be read: %s", info->name, strerror(-e));
}

static void list_run(struct indexrun *r)
{
    struct index *index = r->index;
    struct run_summary summary;

    run_set_kept(r->run, r);
    run_summarize(r->run, &summary);
    atomic_fetch_add(&index->restored, r->n_files > 0);
    atomic_fetch_add(&index->restored_points, summary.points);
    pthread_mutex_lock(&index->lock);
    r->next = index->runs;
    index->runs = r;
    r->dirty = true; /* somebody may have been faster with a commit */
    index_activate(r);
    pthread_mutex_unlock(&index->lock);
}

/* A run may be met by two threads at once, by its directory and by its archived files: one takes
 * it up, the other waits. */
struct starting {
    struct starting *next;
    const char *id;
};

static void start_run(struct index *index, struct starting *self)
{
    pthread_mutex_lock(&index->lock);
    for (struct starting *s = index->starting; s;) {
        if (strcmp(s->id, self->id) != 0) {
            s = s->next;
            continue;
        }
        pthread_cond_wait(&index->less, &index->lock);
        s = index->starting;
    }
    self->next = index->starting;
    index->starting = self;
    pthread_mutex_unlock(&index->lock);
}

static void run_started(struct index *index, struct starting *self)
{
    struct starting **at = &index->starting;

    pthread_mutex_lock(&index->lock);
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    pthread_cond_broadcast(&index->less);
    pthread_mutex_unlock(&index->lock);
}

static struct run *take_up(struct index *index, const struct run_info *info)
{
    struct indexrun *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->index = index;
    snprintf(r->id, sizeof r->id, "%s", info->id);
    r->dir = index_open_folder(index, info->id, false);
    if (r->dir == -EWOULDBLOCK)
        log_info("run %s: its index is another server's", info->name);
    else if (r->dir < 0 && r->dir != -ENOENT)
        log_warn("run %s: no index: %s", info->name, strerror(-r->dir));
    if (r->dir >= 0)
        restore_chain(r, info);
    if (!r->run)
        r->run = store_make_run(index->options.store, info);
    if (!r->run) {
        if (r->dir >= 0)
            close(r->dir);
        free(r->files);
        free(r);
        return NULL;
    }
    list_run(r);
    return r->run;
}

/* store_set_maker() */
static struct run *make_run(void *ctx, const struct run_info *info)
{
    struct index *index = ctx;
    struct starting self = {.id = info->id};

    start_run(index, &self);
    struct run *run = store_find_run(index->options.store, info->id);
    if (!run)
        run = take_up(index, info);
    run_started(index, &self);
    return run;
}

/* ---- commits ----------------------------------------------------------------------------- */

/* With the lock. Memory that answers do not need yet may wait for the index. */
static void note_load(struct index *index, int64_t now)
{
    if (now - index->load_ns >= INDEX_HOLD_NS) {
        index->burst_ns = now;
        atomic_store(&index->limit, index->options.memory_bytes / 16 * 3);
    }
    index->load_ns = now;
}

/* The writer's thread, which holds the run for writing. */
static void note_commit(void *ctx, const struct commit *commit)
{
    struct index *index = ctx;
    struct indexrun *r = run_kept(commit->run);
    bool loading;
    int64_t now = clock_ns(NULL);

    if (!r || r->index != index || r->run != commit->run) /* being restored */
        return;
    index_count(r, &loading);
    pthread_mutex_lock(&index->lock);
    if (r->dir < 0 && r->dir != -ENOENT) {
        pthread_mutex_unlock(&index->lock);
        return;
    }
    if (loading || r->commit_ns == 0)
        note_load(index, now);
    r->dirty_ns = r->dirty ? r->dirty_ns : now;
    r->dirty = true;
    r->commit_ns = now;
    r->loaded = r->loaded || (!loading && (r->loading || r->flushed_ns == 0));
    r->loading = loading;
    index_activate(r);
    bool much = index_has_much(r, now) && !r->busy && now >= r->retry_ns &&
                !index->working && !index->jobs;
    r->busy = r->busy || much;
    pthread_mutex_unlock(&index->lock);
    if (much)
        index_take(r);
}

bool index_reread(struct index *index, struct run *run)
{
    struct indexrun *r = run_kept(run);

    return r && r->index == index && atomic_load_explicit(&r->reread, memory_order_relaxed) &&
           atomic_exchange(&r->reread, false);
}

int index_admit(struct index *index)
{
    struct timespec until;
    int r = 0;

    if (atomic_load_explicit(&index->resident, memory_order_relaxed) <=
        atomic_load_explicit(&index->limit, memory_order_relaxed))
        return 0;
    atomic_fetch_add(&index->waits, 1);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ADMIT_S;
    pthread_mutex_lock(&index->lock);
    pthread_cond_signal(&index->wake);
    while (r == 0 && atomic_load(&index->resident) > atomic_load(&index->limit) && !index->stopping)
        r = pthread_cond_timedwait(&index->less, &index->lock, &until);
    pthread_mutex_unlock(&index->lock);
    return atomic_load(&index->resident) > 2 * atomic_load(&index->limit) ? -ENOMEM : 0;
}

/* ---- life -------------------------------------------------------------------------------- */

static struct index *index_free(struct index *index)
{
    while (index->runs) {
        struct indexrun *r = index->runs;
        index->runs = r->next;
        drop_files(r, r->told_broken); /* not healed: made anew at the next start */
        while (r->replaced) {
            struct indexfile *next = r->replaced->next;
            index_drop_file(r->replaced, true);
            r->replaced = next;
        }
        if (r->dir >= 0)
            close(r->dir);
        free(r->files);
        free(r);
    }
    pthread_cond_destroy(&index->wake);
    pthread_cond_destroy(&index->less);
    pthread_mutex_destroy(&index->lock);
    free(index->dir);
    free(index->below);
    free(index);
    return NULL;
}

static void init_locks(struct index *index)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&index->lock, NULL);
    pthread_cond_init(&index->wake, &monotonic);
    pthread_cond_init(&index->less, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int index_open(const struct index_options *options, struct index **ret)
{
    struct index *index = calloc(1, sizeof *index);

    if (!index)
        return -ENOMEM;
    index->options = *options;
    index->jobs_tail = &index->jobs;
    index->burst_ns = index->load_ns = clock_ns(NULL);
    index->limit = options->memory_bytes / 16 * 3; /* a server that starts reads what is there */
    index->flush_bytes = MAX(MIN(options->memory_bytes / 64, FLUSH_BYTES_MOST), FLUSH_BYTES_LEAST);
    init_locks(index);
    index->dir = strdup(options->dir);
    index->below = strdup(options->below);
    int r = index->dir && index->below ? make_folders(index->dir) : -ENOMEM;
    if (r == 0)
        r = store_subscribe(options->store, note_commit, index);
    if (r < 0) {
        index_free(index);
        return r;
    }
    r = -pthread_create(&index->thread, NULL, index_thread, index);
    if (r < 0) {
        store_unsubscribe(options->store, note_commit, index);
        index_free(index);
        return r;
    }
    store_set_maker(options->store, make_run, index);
    *ret = index;
    return 0;
}

struct index *index_close(struct index *index)
{
    if (!index)
        return NULL;
    store_set_maker(index->options.store, NULL, NULL);
    store_unsubscribe(index->options.store, note_commit, index);
    pthread_mutex_lock(&index->lock);
    index->stopping = true;
    pthread_cond_signal(&index->wake);
    pthread_cond_broadcast(&index->less);
    pthread_mutex_unlock(&index->lock);
    pthread_join(index->thread, NULL);
    return index_free(index);
}

struct index_stats index_stats(struct index *index)
{
    return (struct index_stats){
        .segments = atomic_load(&index->segments),
        .segment_bytes = atomic_load(&index->segment_bytes),
        .flushes = atomic_load(&index->flushes),
        .merges = atomic_load(&index->merges),
        .written_bytes = atomic_load(&index->written),
        .failures = atomic_load(&index->failures),
        .broken = atomic_load(&index->broken),
        .restored_runs = atomic_load(&index->restored),
        .restored_points = atomic_load(&index->restored_points),
        .resident_bytes = atomic_load(&index->resident),
        .waits = atomic_load(&index->waits),
    };
}
