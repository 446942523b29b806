/* syncer.c: the thread that waits for the disk: group commits, one after the other.
 *
 *   batch ─► fdatasync files, journals; fsync directories ─► one transaction ─► durable, callbacks
 *
 * A sync that fails proves nothing when repeated: the batch's bytes count as unwritten, the writer
 * writes them again, and its changes are done again. A transaction that fails is tried again as it
 * is: the files are safe by then. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include <eventfile/crc32c.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/log.h"

enum { BIG_BATCH_BYTES = 256 << 20 };

/* ---- proof of the durable bytes ----------------------------------------------------------- */

uint64_t file_check_end(const struct archive_file *file, uint64_t end)
{
    for (size_t i = file->n_damage; i-- > 0;) {
        const struct damage *damage = &file->damage[i];
        if (damage->offset < end && damage->offset + damage->length + CHECK_BYTES > end)
            end = damage->offset;
        if (damage->offset < CHECK_BYTES && damage->offset > 0 && damage->offset < end)
            end = damage->offset; /* the head too must be sound bytes */
    }
    return end;
}

static int crc_of(int fd, uint64_t offset, size_t size, uint32_t *ret)
{
    uint8_t bytes[CHECK_BYTES];

    for (size_t at = 0; at < size;) {
        ssize_t got = pread(fd, bytes + at, size - at, (off_t)(offset + at));
        if (got <= 0)
            return got < 0 ? -errno : -EUCLEAN;
        at += (size_t)got;
    }
    *ret = ef_crc32c(bytes, size);
    return 0;
}

int file_make_check(int fd, uint64_t end, struct archive_check *ret)
{
    size_t size = (size_t)MIN(end, (uint64_t)CHECK_BYTES);
    struct archive_check check = {.offset = end};

    int r = crc_of(fd, 0, size, &check.head_crc);
    if (r == 0)
        r = crc_of(fd, end - size, size, &check.tail_crc);
    if (r == 0)
        *ret = check;
    return r;
}

void file_row(const struct archive_file *file, uint64_t durable, char *path,
              struct catalog_generation *ret)
{
    pathtext_encode(path, PATHTEXT_BYTES, file->at_path);
    *ret = (struct catalog_generation){
        .run = file->run->info.id,
        .path = path,
        .source = file->source,
        .number = file->at_number,
        .state = file->moved ? GENERATION_OLD : GENERATION_CURRENT,
        .event_file = file->event_file,
        .complete = file->complete,
        .durable = durable,
        .check = file->check,
        .sha256 = file->has_sha256 ? file->sha256 : NULL,
        .changed_s = file->changed_s,
    };
}

/* ---- step 2: the disk --------------------------------------------------------------------- */

static int sync_files(struct archive *archive, struct batch *batch)
{
    /* All begin before one is waited for. */
    for (size_t i = 0; i < batch->n_files && batch->n_files > 1; i++)
        if (batch->files[i]->sync_fd >= 0)
            (void)sync_file_range(batch->files[i]->sync_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < batch->n_journals && batch->n_journals > 1; i++)
        (void)sync_file_range(batch->journals[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < batch->n_files; i++)
        if (batch->files[i]->sync_fd >= 0 && fdatasync(batch->files[i]->sync_fd) < 0)
            return -errno;
    for (size_t i = 0; i < batch->n_journals; i++)
        if (fdatasync(batch->journals[i]) < 0)
            return -errno;
    for (size_t i = 0; i < batch->dirs.count; i++) {
        int r = place_sync_dir(archive->root, batch->dirs.paths[i]);
        if (r < 0 && r != -ENOENT) /* it may have been moved away since */
            return r;
    }
    return 0;
}

static int make_checks(struct archive *archive, struct batch *batch)
{
    for (size_t i = 0; i < batch->n_files; i++) {
        struct archive_file *file = batch->files[i];
        struct archive_check check;
        if (file->sync_fd < 0)
            continue;
        pthread_mutex_lock(&archive->lock);
        uint64_t end = file_check_end(file, file->end);
        pthread_mutex_unlock(&archive->lock);
        int r = file_make_check(file->sync_fd, end, &check);
        if (r < 0)
            return r;
        pthread_mutex_lock(&archive->lock);
        file->check = check;
        pthread_mutex_unlock(&archive->lock);
    }
    return 0;
}

/* ---- step 3: the catalog ------------------------------------------------------------------ */

/* The row is copied under the lock: notes may change while SQLite waits. */
static int put_run(struct archive *archive, const struct archive_run *run)
{
    struct catalog_run row;

    pthread_mutex_lock(&archive->lock);
    run_row(run, &row);
    _cleanup_free_ char *name = strdup(row.name), *notes = strdup(row.notes),
                        *tags = strdup(row.tags);
    pthread_mutex_unlock(&archive->lock);
    if (!name || !notes || !tags)
        return -ENOMEM;
    row.name = name;
    row.notes = notes;
    row.tags = tags;
    return catalog_put_run(archive->catalog, &row);
}

static int put_tombstones(struct archive *archive, struct archive_run *run)
{
    int r = catalog_drop_tombstones(archive->catalog, run->info.id);

    for (size_t i = 0; r == 0 && run->deleted_s > 0 && i < run->n_tombstones; i++)
        r = catalog_put_tombstone(archive->catalog, &run->tombstones[i]);
    return r;
}

static int put_early(struct archive *archive, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_RUN:
        return put_run(archive, change->run);
    case CHANGE_BURY:
        return put_run(archive, change->run) < 0 ? -EIO : put_tombstones(archive, change->run);
    default:
        return 0;
    }
}

static int put_late(struct archive *archive, const struct change *change)
{
    char path[PATHTEXT_BYTES];

    switch (change->kind) {
    case CHANGE_EVENT:
        return catalog_put_event(archive->catalog, change->run->info.id, change->place,
                                 change->event);
    case CHANGE_DAMAGE:
    case CHANGE_REPAIR:
        if (change->file->gone)
            return 0;
        pathtext_encode(path, sizeof path, change->file->at_path);
        return catalog_put_damage(archive->catalog, change->run->info.id, path,
                                  change->file->at_number, &change->damage);
    case CHANGE_PURGE:
        return catalog_forget_files(archive->catalog, change->run->info.id);
    default:
        return 0;
    }
}

static int put_file(struct archive *archive, const struct archive_file *file)
{
    char path[PATHTEXT_BYTES];
    uint8_t sha256[DIGEST_BYTES];
    struct catalog_generation row;

    pthread_mutex_lock(&archive->lock);
    file_row(file, file->end, path, &row);
    memcpy(sha256, file->sha256, sizeof sha256);
    bool gone = file->gone;
    pthread_mutex_unlock(&archive->lock);
    if (row.sha256)
        row.sha256 = sha256;
    return gone ? 0 : catalog_put_generation(archive->catalog, &row);
}

static int transaction(struct archive *archive, struct batch *batch)
{
    pthread_mutex_lock(&archive->catalog_lock);
    int r = catalog_begin(archive->catalog, clock_wall_s(NULL));
    for (struct change *c = batch->changes; r == 0 && c; c = c->next)
        r = put_early(archive, c);
    for (size_t i = 0; r == 0 && i < batch->n_files; i++)
        r = put_file(archive, batch->files[i]);
    for (struct change *c = batch->changes; r == 0 && c; c = c->next)
        r = put_late(archive, c);
    r = catalog_end(archive->catalog, r);
    pthread_mutex_unlock(&archive->catalog_lock);
    return r;
}

/* ---- step 4: acknowledge ------------------------------------------------------------------ */

static void acknowledge(struct archive *archive, struct batch *batch)
{
    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < batch->n_files; i++) {
        struct archive_file *file = batch->files[i];
        uint64_t before = atomic_load(&file->durable);
        file->committing = false;
        if (file->end > before) {
            archive->bytes_kept += file->end - before;
            file->run->bytes += file->end - before;
            atomic_store(&file->durable, file->end);
        }
        if (file->end == file->received && !file->reset)
            file_release_source(file);
    }
    pthread_mutex_unlock(&archive->lock);
    for (struct change *c = batch->changes; c;) {
        struct change *next = c->next;
        if (c->done)
            c->done(c->ctx, c->result);
        free(c);
        c = next;
    }
    batch->changes = NULL;
    batch->changes_tail = &batch->changes;
}

/* The batch's bytes count as unwritten; its changes are the writer's first ones again. */
static void take_back(struct archive *archive, struct batch *batch)
{
    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < batch->n_files; i++) {
        struct archive_file *file = batch->files[i];
        file->committing = false;
        file->reset = true;
        file_queue(file);
    }
    if (batch->changes) {
        *batch->changes_tail = archive->changes;
        if (!archive->changes)
            archive->changes_tail = batch->changes_tail;
        archive->changes = batch->changes;
    }
    batch->changes = NULL;
    batch->changes_tail = &batch->changes;
    pthread_cond_signal(&archive->work);
    pthread_mutex_unlock(&archive->lock);
}

static void empty_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->n_journals; i++)
        close(batch->journals[i]);
    place_dirs_done(&batch->dirs);
    batch->n_files = batch->n_journals = 0;
    batch->bytes = 0;
    batch->since_ns = 0;
}

/* ---- the thread --------------------------------------------------------------------------- */

static void pause_ms(struct archive *archive, int64_t ms)
{
    int64_t until = archive_now() + MAX(ms, (int64_t)1) * NS_PER_MS;
    const struct timespec at = {until / NS_PER_S, until % NS_PER_S};

    pthread_cond_clockwait(&archive->commit, &archive->lock, CLOCK_MONOTONIC, &at);
}

/* The transaction, again and again. With the lock, released meanwhile. */
static int commit_rows(struct archive *archive, struct batch *batch)
{
    for (;;) {
        pthread_mutex_unlock(&archive->lock);
        atomic_store(&archive->syncer_call_ns, archive_now());
        int r = transaction(archive, batch);
        atomic_store(&archive->syncer_call_ns, 0);
        pthread_mutex_lock(&archive->lock);
        if (r == 0)
            return 0;
        if (r == -ESTALE) {
            archive->lost = true;
            log_error("another server has taken the archive %s over: archiving stops",
                      archive->dir);
            return r;
        }
        archive_troubled(archive, &archive->syncer_trouble, r, "entered in the catalog");
        while (archive_now() < archive->syncer_trouble.retry_ns) {
            if (archive->stopping && archive_now() > archive->stop_ns)
                return r;
            pause_ms(archive, MIN((int64_t)100,
                                  (archive->syncer_trouble.retry_ns - archive_now()) / NS_PER_MS));
        }
    }
}

/* The files of a batch and how far each is written. One that must begin again is left out: what
 * was written to it is not believed. */
static void take_files(struct batch *batch)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->n_files; i++) {
        struct archive_file *file = batch->files[i];
        file->dirty = false;
        if (file->reset)
            continue;
        file->committing = true;
        file->end = file->written;
        file->sync_fd = file->fd;
        batch->files[n++] = file;
    }
    batch->n_files = n;
}

/* One group commit. With the lock, released meanwhile. */
static void commit_batch(struct archive *archive)
{
    struct batch *batch = archive->open, *spare = archive->taken_spare;

    archive->taken = batch;
    archive->open = spare;
    archive->committed_ns = archive_now();
    take_files(batch);
    pthread_mutex_unlock(&archive->lock);
    atomic_store(&archive->syncer_call_ns, archive_now());
    int r = sync_files(archive, batch);
    if (r == 0)
        r = make_checks(archive, batch);
    atomic_store(&archive->syncer_call_ns, 0);
    if (r < 0)
        take_back(archive, batch);
    pthread_mutex_lock(&archive->lock);
    if (r < 0) {
        archive_troubled(archive, &archive->syncer_trouble, r, "synced");
    } else if (commit_rows(archive, batch) == 0) {
        pthread_mutex_unlock(&archive->lock);
        acknowledge(archive, batch);
        pthread_mutex_lock(&archive->lock);
        archive_no_trouble(archive, &archive->syncer_trouble);
    } else {
        pthread_mutex_unlock(&archive->lock);
        take_back(archive, batch);
        pthread_mutex_lock(&archive->lock);
    }
    empty_batch(batch);
    archive->taken = NULL;
    archive->taken_spare = batch;
    pthread_cond_broadcast(&archive->committed);
}

/* Milliseconds until the open batch is due; 0: now; -1: there is nothing. */
static int64_t due_in(const struct archive *archive)
{
    int64_t now = archive_now(), due = archive->committed_ns + LIMIT_ARCHIVE_COMMIT_MS * NS_PER_MS;

    if (archive->open->since_ns == 0 || archive->applying)
        return -1; /* the writer wakes us when it is done */
    if (now < archive->syncer_trouble.retry_ns)
        return (archive->syncer_trouble.retry_ns - now) / NS_PER_MS + 1;
    bool waited_for = archive->urgent > 0 || archive->drained;
    for (const struct change *c = archive->open->changes; c && !waited_for; c = c->next)
        waited_for = c->done != NULL;
    if (waited_for || archive->open->bytes >= BIG_BATCH_BYTES || now >= due)
        return 0;
    return (due - now) / NS_PER_MS + 1;
}

static void refresh_lease(struct archive *archive)
{
    static struct batch nothing;

    archive->refreshed_ns = archive_now();
    (void)commit_rows(archive, &nothing);
}

void *syncer_main(void *p)
{
    struct archive *archive = p;

    pthread_setname_np(pthread_self(), "syncer");
    pthread_mutex_lock(&archive->lock);
    while (!archive->lost) {
        int64_t ms = due_in(archive);
        if (ms == 0) {
            commit_batch(archive);
            archive->refreshed_ns = archive_now();
            continue;
        }
        if (archive->drained && (ms < 0 || archive_now() > archive->stop_ns))
            break;
        if (archive_now() - archive->refreshed_ns >= CATALOG_REFRESH_S * NS_PER_S)
            refresh_lease(archive);
        else
            pause_ms(archive, ms < 0 ? CATALOG_REFRESH_S * 1000 : ms);
    }
    while (archive->lost && !archive->drained)
        pause_ms(archive, 1000);
    pthread_mutex_unlock(&archive->lock);
    return NULL;
}
