/* index_flush.c: the index thread: writes snapshots, merges segments, lets go of old files.
 *
 *   commit (much in memory) ── job ──┐
 *   every TICK_MS: what is due? ─────┴─► write ─► (bytes safe?) ─► rename ─► adopt ─► merge?
 *
 * When a run is due: at once when much of it is in memory; when its first load is over; then at
 * most every INTERVAL_S. While loads are under way, and a moment longer, nothing is due unless
 * memory is short: they want the processors and the disk. One run is written at a time. A failure
 * is told once and tried again with growing pauses; points stay in memory meanwhile. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "index_state.h"

enum {
    TICK_MS = 100,
    IDLE_S = 2,   /* a run without a commit for so long stands still */
    SWEEP_S = 10, /* what is written only to let go of tails, at most so often a run */
    INTERVAL_S = 30,
    QUIET_S = 60,
    RETRY_MOST_S = 60,
    DURABLE_MS = 2000,
};
#define FILES_MANY 8 /* a run with more files is merged, whatever their sizes */
#define MERGE_LEAST 4

/* ---- files ------------------------------------------------------------------------------- */

static int file_read(void *ctx, uint64_t offset, void *ret, size_t size)
{
    const struct indexfile *file = ctx;

    return segment_read(file->owner->dir, file->segment.name, offset, ret, size);
}

static void file_broken(void *ctx, int error)
{
    const struct indexfile *file = ctx;

    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE)
        return; /* ours, not the file's */
    atomic_store(&file->owner->broken, error);
    pthread_mutex_lock(&file->owner->index->lock);
    index_activate(file->owner);
    pthread_mutex_unlock(&file->owner->index->lock);
}

void index_activate(struct indexrun *r)
{
    struct index *index = r->index;

    if (r->active)
        return;
    r->active = true;
    r->next_active = index->active;
    if (!index->active)
        pthread_cond_signal(&index->wake);
    index->active = r;
}

struct indexfile *index_new_file(struct indexrun *r, const struct segment *segment)
{
    struct indexfile *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->segment = *segment;
    file->owner = r;
    file->file = (struct chunk_file){.read = file_read,
                                     .broken = file_broken,
                                     .ctx = file,
                                     .id = chunkcache_file_id(r->index->options.store->cache),
                                     .first = segment->first,
                                     .last = segment->last};
    atomic_fetch_add(&r->index->segments, 1);
    atomic_fetch_add(&r->index->segment_bytes, segment->size);
    return file;
}

void index_drop_file(struct indexfile *file, bool remove)
{
    struct index *index = file->owner->index;

    if (remove)
        segment_unlink(file->owner->dir, file->segment.name);
    atomic_fetch_sub(&index->segments, 1);
    atomic_fetch_sub(&index->segment_bytes, file->segment.size);
    free(file);
}

int index_add_file(struct indexrun *r, struct indexfile *file)
{
    if (run_grow(&r->files, &r->cap_files, r->n_files, sizeof *r->files) < 0) {
        index_drop_file(file, false);
        return -ENOMEM;
    }
    r->files[r->n_files++] = file;
    return 0;
}

/* ---- what is in memory ------------------------------------------------------------------- */

void index_count(struct indexrun *r, bool *ret_loading)
{
    struct index *index = r->index;
    uint64_t open, resident = run_resident(r->run, &open, ret_loading);

    pthread_mutex_lock(&index->lock);
    atomic_fetch_add(&index->resident, resident - r->resident);
    atomic_fetch_add(&index->open, open - r->open);
    r->resident = resident;
    r->open = open;
    if (atomic_load(&index->resident) <= atomic_load(&index->limit))
        pthread_cond_broadcast(&index->less);
    pthread_mutex_unlock(&index->lock);
}

void index_take(struct indexrun *r)
{
    struct index *index = r->index;
    struct snapshot *s;

    int e = snapshot_take(r->run, 0, &s);
    pthread_mutex_lock(&index->lock);
    if (e == 0) {
        CHECK(!r->job);
        r->job = s;
        r->next_job = NULL;
        *index->jobs_tail = r;
        index->jobs_tail = &r->next_job;
        pthread_cond_signal(&index->wake);
    } else {
        r->busy = false; /* the next commit or tick tries again */
    }
    pthread_mutex_unlock(&index->lock);
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Waits for the bytes that the snapshot covers to be safe. */
static int wait_durable(struct indexrun *r, const struct snapshot *s)
{
    const struct index_options *o = &r->index->options;

    for (size_t i = 0; o->durable && i < s->n_generations; i++) {
        const struct snapshot_generation *g = &s->generations[i];
        uint32_t number = generation_number(g->generation);
        int waited = 0;
        while (o->durable(o->ctx, r->id, g->path, number) < g->place.offset) {
            if (waited++ >= DURABLE_MS / 5)
                return -EAGAIN;
            struct timespec pause = {0, 5000000};
            nanosleep(&pause, NULL);
        }
    }
    return 0;
}

/* A run that had no folder gets one. What another server put there in between stays its own. */
static int make_folder(struct indexrun *r)
{
    struct segment *chain = NULL;
    size_t count = 0;
    bool foreign = false;

    if (r->dir != -ENOENT)
        return MIN(r->dir, 0);
    int dir = index_open_folder(r->index, r->id, true);
    int e = dir < 0 ? dir : segment_chain(dir, &chain, &count, &foreign);
    free(chain);
    if (e == 0 && (count > 0 || foreign))
        e = -EWOULDBLOCK;
    if (e < 0 && dir >= 0)
        close(dir);
    if (e == -EWOULDBLOCK)
        log_info("run %s: its index is another server's", r->id);
    if (e == 0 || e == -EWOULDBLOCK) { /* or it is tried again */
        pthread_mutex_lock(&r->index->lock);
        r->dir = e == 0 ? dir : e;
        pthread_mutex_unlock(&r->index->lock);
    }
    return e;
}

static int write_file(struct indexrun *r, struct snapshot *s, struct segment *ret)
{
    _cleanup_(buf_done) struct buf table = BUF_INIT(LIMIT_SEGMENT_TABLE_BYTES);
    struct segment_writer *w = NULL;

    int e = segment_begin(r->dir, s->chain, s->first, s->last, &w);
    if (e == 0)
        e = snapshot_write(s, segment_put, w, &table);
    if (e == 0)
        e = segment_finish(w, table.data, table.length);
    if (e == 0)
        e = wait_durable(r, s);
    if (e == 0)
        e = segment_commit(w, ret);
    segment_writer_free(w);
    return e;
}

static void told_failure(struct indexrun *r, int error)
{
    struct index *index = r->index;
    int64_t pause = (int64_t)1 << MIN(r->failures, 6u);

    atomic_fetch_add(&index->failures, 1);
    if (r->failures++ == 0 && error != -EAGAIN)
        log_warn("run %s: its index cannot be written: %s; it is tried again", r->id,
                 strerror(-error));
    pthread_mutex_lock(&index->lock);
    r->retry_ns = clock_ns(NULL) + MIN(pause, RETRY_MOST_S) * NS_PER_S;
    pthread_mutex_unlock(&index->lock);
}

/* Files that the new one stands for wait until nobody reads them. */
static void replace_files(struct indexrun *r, uint32_t first)
{
    while (r->n_files > 0 && r->files[r->n_files - 1]->segment.first >= first) {
        struct indexfile *file = r->files[--r->n_files];
        file->next = r->replaced;
        r->replaced = file;
    }
}

/* Writes a snapshot and frees it. */
static void flush(struct indexrun *r, struct snapshot *s)
{
    struct index *index = r->index;
    bool merge = s->first < s->last, loading, all = false;
    enum snapshot_tails tails = TAILS_STAY;
    struct segment segment;

    pthread_mutex_lock(&index->lock);
    int64_t commit_ns = r->commit_ns;
    if (!r->loading)
        tails = clock_ns(NULL) - commit_ns > IDLE_S * NS_PER_S ? TAILS_ALL : TAILS_PARKED;
    pthread_mutex_unlock(&index->lock);
    int e = make_folder(r);
    if (e == 0)
        e = run_grow(&r->files, &r->cap_files, r->n_files, sizeof *r->files);
    if (e == 0)
        e = write_file(r, s, &segment);
    struct indexfile *file = e == 0 ? index_new_file(r, &segment) : NULL;
    if (e == 0 && !file)
        e = -ENOMEM;
    run_write_begin(r->run);
    if (e == 0) {
        all = snapshot_adopt(s, &file->file, tails);
        snapshot_free(s);
    } else {
        snapshot_abandon(s);
    }
    run_write_end(r->run);
    if (e == 0) {
        if (merge && all)
            replace_files(r, segment.first);
        if (r->told_broken && segment.first == 1) {
            r->told_broken = false;
            atomic_store(&r->broken, 0);
        }
        CHECK(index_add_file(r, file) == 0); /* there is room */
        atomic_fetch_add(merge ? &index->merges : &index->flushes, 1);
        atomic_fetch_add(&index->written, segment.size);
        r->failures = 0;
    }
    if (e < 0)
        told_failure(r, e);
    index_count(r, &loading);
    pthread_mutex_lock(&index->lock);
    r->flushed_ns = e == 0 ? clock_ns(NULL) : r->flushed_ns;
    r->dirty = e < 0 || r->commit_ns != commit_ns;
    r->dirty_ns = r->commit_ns;
    r->loaded = false;
    pthread_mutex_unlock(&index->lock);
}

/* Takes and writes: all since the flush `base`, or what is new. */
static int take_and_flush(struct indexrun *r, uint32_t base)
{
    struct snapshot *s;

    run_write_begin(r->run);
    int e = snapshot_take(r->run, base, &s);
    run_write_end(r->run);
    if (e == 0)
        flush(r, s);
    return e;
}

/* ---- merging ----------------------------------------------------------------------------- */

/* Where to begin: the newest files, as long as none is larger than twice those behind it. n_files:
 * nothing to merge. */
static size_t merge_from(const struct indexrun *r, bool quiet)
{
    uint64_t behind = 0;
    size_t from = r->n_files, least = quiet ? 2 : MERGE_LEAST;

    for (size_t i = r->n_files; i-- > 0;) {
        uint64_t size = r->files[i]->segment.size;
        if (size + behind > LIMIT_MERGE_BYTES)
            break;
        if (!quiet && behind > 0 && size > 2 * behind && r->n_files - i < FILES_MANY)
            break;
        behind += size;
        from = i;
    }
    return r->n_files - from >= least ? from : r->n_files;
}

static void merge(struct indexrun *r, bool quiet)
{
    size_t from = merge_from(r, quiet);

    if (from < r->n_files && take_and_flush(r, r->files[from]->segment.first) == -ENOMEM)
        told_failure(r, -ENOMEM);
}

static void let_go(struct indexrun *r)
{
    for (struct indexfile **at = &r->replaced; *at;) {
        struct indexfile *file = *at;
        run_write_begin(r->run);
        bool gone = run_pass(r->run, &file->passes);
        run_write_end(r->run);
        if (!gone) {
            at = &file->next;
            continue;
        }
        *at = file->next;
        index_drop_file(file, true);
    }
}

/* ---- a segment that is not what it was ---------------------------------------------------
 *
 * The files are read again as replays, which replace all lanes at one commit each. Then nothing
 * names the damaged chunk any more, and everything can be written anew in place of all segments. */

static void look_at_broken(struct indexrun *r)
{
    int error = atomic_load(&r->broken);

    if (error == 0 || r->told_broken)
        return;
    r->told_broken = true;
    atomic_fetch_add(&r->index->broken, 1);
    log_error("run %s: its index is damaged (%s); its files are read again", r->id,
              strerror(-error));
    atomic_store(&r->reread, true);
    if (r->index->options.reread)
        r->index->options.reread(r->index->options.ctx);
}

/* ---- the thread -------------------------------------------------------------------------- */

static bool is_short(const struct index *index)
{
    return atomic_load(&index->resident) > atomic_load(&index->limit) / 2;
}

/* Open tails may have an eighth of the memory. Beyond, those of runs that do not grow at present
 * are written and let go early. */
static bool tails_are_many(const struct index *index)
{
    return atomic_load(&index->open) > index->options.memory_bytes / 8;
}

/* With the lock. */
static bool wants_sealing(const struct indexrun *r, int64_t now)
{
    return r->open > 0 && !r->loading && tails_are_many(r->index) &&
           now - r->commit_ns > IDLE_S * NS_PER_S &&
           (r->flushed_ns < r->commit_ns || now - r->flushed_ns >= SWEEP_S * NS_PER_S);
}

/* With the lock: also runs with tails that were written already and stayed in memory. */
static void sweep_tails(struct index *index, int64_t now)
{
    if (!tails_are_many(index) || now - index->swept_ns < NS_PER_S)
        return;
    index->swept_ns = now;
    for (struct indexrun *r = index->runs; r; r = r->next) {
        if (wants_sealing(r, now))
            index_activate(r);
    }
}

bool index_holds(const struct index *index, int64_t now)
{
    return !index->stopping && !is_short(index) && now - index->load_ns < INDEX_HOLD_NS &&
           now - index->burst_ns < INTERVAL_S * NS_PER_S;
}

bool index_has_much(const struct indexrun *r, int64_t now)
{
    const struct index *index = r->index;

    return r->resident >= index->flush_bytes &&
           (is_short(index) || (!r->loading && !index_holds(index, now)));
}

static bool is_due(const struct indexrun *r, int64_t now, bool stopping)
{
    if ((r->dir < 0 && r->dir != -ENOENT) || !(r->dirty || r->told_broken))
        return false;
    if (stopping)
        return true;
    if (now < r->retry_ns)
        return false;
    if (r->told_broken)
        return !r->loading && now - r->commit_ns >= NS_PER_S;
    if (r->loaded || index_has_much(r, now))
        return true;
    if (r->resident > 0 && is_short(r->index))
        return true; /* many runs with a little each */
    if (wants_sealing(r, now))
        return true;
    return now - r->dirty_ns >= INTERVAL_S * NS_PER_S &&
           now - r->flushed_ns >= INTERVAL_S * NS_PER_S;
}

/* False: nothing is left to be done for now. */
static bool tend(struct indexrun *r, bool stopping)
{
    struct index *index = r->index;
    int64_t now = clock_ns(NULL);

    pthread_mutex_lock(&index->lock);
    if (r->busy) {
        pthread_mutex_unlock(&index->lock);
        return true;
    }
    bool due = is_due(r, now, stopping), calm = now >= r->retry_ns;
    bool quiet = now - r->commit_ns >= QUIET_S * NS_PER_S;
    bool seal = !due && !stopping && calm && !r->told_broken && wants_sealing(r, now);
    r->busy = true;
    pthread_mutex_unlock(&index->lock);
    uint32_t base = r->told_broken && r->n_files > 0 ? 1 : 0;
    if (seal && r->dir >= 0 && r->n_files > 0) /* what was written is written again, and goes */
        (void)take_and_flush(r, r->files[r->n_files - 1]->segment.first);
    if (due && take_and_flush(r, base) == -ENODATA) {
        pthread_mutex_lock(&index->lock);
        r->dirty = r->loaded = false;
        pthread_mutex_unlock(&index->lock);
    }
    if (!stopping && calm && r->dir >= 0 && !r->told_broken)
        merge(r, quiet);
    if (r->replaced)
        let_go(r);
    look_at_broken(r);
    pthread_mutex_lock(&index->lock);
    r->busy = false;
    bool broken = r->told_broken || atomic_load(&r->broken) != 0;
    bool more = (r->dir >= 0 || r->dir == -ENOENT) &&
                (r->dirty || broken || r->replaced || merge_from(r, true) < r->n_files);
    pthread_mutex_unlock(&index->lock);
    return more;
}

static struct indexrun *next_job(struct index *index, struct snapshot **ret)
{
    struct indexrun *r = index->jobs;

    if (!r)
        return NULL;
    index->jobs = r->next_job;
    if (!index->jobs)
        index->jobs_tail = &index->jobs;
    *ret = TAKE_PTR(r->job);
    return r;
}

static void do_jobs(struct index *index)
{
    struct snapshot *s;

    pthread_mutex_lock(&index->lock);
    for (struct indexrun *r; (r = next_job(index, &s));) {
        pthread_mutex_unlock(&index->lock);
        flush(r, s);
        pthread_mutex_lock(&index->lock);
        r->busy = false;
    }
    pthread_mutex_unlock(&index->lock);
}

/* False: not now. */
static bool tend_all(struct index *index, bool stopping)
{
    int64_t now = clock_ns(NULL);

    pthread_mutex_lock(&index->lock);
    if (index_holds(index, now)) {
        pthread_mutex_unlock(&index->lock);
        return false;
    }
    if (now - index->load_ns >= INDEX_HOLD_NS &&
        atomic_load(&index->resident) <= index->options.memory_bytes / 16)
        atomic_store(&index->limit, index->options.memory_bytes / 8);
    sweep_tails(index, now);
    struct indexrun *r = TAKE_PTR(index->active);
    pthread_mutex_unlock(&index->lock);
    for (struct indexrun *next; r; r = next) {
        next = r->next_active;
        do_jobs(index);
        bool more = tend(r, stopping);
        pthread_mutex_lock(&index->lock);
        r->active = false;
        if (more || r->dirty || r->job) {
            r->active = true;
            r->next_active = index->active;
            index->active = r;
        }
        pthread_mutex_unlock(&index->lock);
    }
    return true;
}

/* At the start, and whenever a good part of the limit was written. */
static void trim(struct index *index, bool first)
{
    uint64_t written = atomic_load(&index->written), most = index->options.most_bytes;

    if (most == 0 || (!first && written - index->trimmed_at < most / 16))
        return;
    index->trimmed_at = written;
    index_trim(index->dir, most);
}

void *index_thread(void *ctx)
{
    struct index *index = ctx;
    bool stopping = false, trimmed = false;

    while (!stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / NS_PER_S;
        until.tv_nsec %= NS_PER_S;
        pthread_mutex_lock(&index->lock);
        while (!index->jobs && !index->active && !index->stopping && trimmed)
            pthread_cond_wait(&index->wake, &index->lock);
        if (!index->jobs && !index->stopping)
            pthread_cond_timedwait(&index->wake, &index->lock, &until);
        stopping = index->stopping;
        index->working = true;
        pthread_mutex_unlock(&index->lock);
        do_jobs(index);
        if (tend_all(index, stopping) && !stopping) {
            trim(index, !trimmed);
            trimmed = true;
        }
        pthread_mutex_lock(&index->lock);
        index->working = false;
        pthread_mutex_unlock(&index->lock);
    }
    return NULL;
}
