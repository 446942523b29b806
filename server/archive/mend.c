/* mend.c: a generation that is not as its row says becomes sound again while the archive runs.
 *
 *   fsck ─ file_mend() ─► CHANGE_MEND ─► writer: mend_apply() ─► row, journal
 *        └ file_take_back() ─► the same, then archive_append_range() from the source
 *
 * The writer alone changes lengths that go back: nothing is under way for the file then. What a
 * sender still holds it sends again, because it is told the new length. Threads: mend_apply() the
 * writer's, the others any but that. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "archive/inside.h"
#include "base/check.h"
#include "base/log.h"

enum { LOGS = 5 /* "logs/" */, TICK_MS = 100 };

/* ---- waiting ------------------------------------------------------------------------------ */

/* Shared by who waits and by the change, which may outlive the wait. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t came;
    unsigned owners;
    bool done;
    int result;
};

static struct waiter *waiter_new(void)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (!waiter)
        return NULL;
    pthread_mutex_init(&waiter->lock, NULL);
    pthread_cond_init(&waiter->came, NULL);
    waiter->owners = 2;
    return waiter;
}

/* With its lock. */
static void waiter_drop(struct waiter *waiter)
{
    bool last = --waiter->owners == 0;

    pthread_mutex_unlock(&waiter->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&waiter->lock);
    pthread_cond_destroy(&waiter->came);
    free(waiter);
}

static void waiter_done(void *ctx, int result)
{
    struct waiter *waiter = ctx;

    pthread_mutex_lock(&waiter->lock);
    waiter->done = true;
    waiter->result = result;
    pthread_cond_signal(&waiter->came);
    waiter_drop(waiter);
}

/* As long as the archive gets on. */
static int waiter_wait(struct waiter *waiter, struct archive *archive)
{
    int64_t well_ns = archive_now();

    pthread_mutex_lock(&waiter->lock);
    while (!waiter->done && archive_now() - well_ns < LIMIT_ARCHIVE_BACKOFF_MS * NS_PER_MS) {
        int64_t again = archive_now() + TICK_MS * NS_PER_MS;
        const struct timespec at = {again / NS_PER_S, again % NS_PER_S};
        if (pthread_cond_clockwait(&waiter->came, &waiter->lock, CLOCK_MONOTONIC, &at) == 0)
            continue;
        if (archive_status(archive).state == ARCHIVE_OK)
            well_ns = archive_now();
    }
    int r = waiter->done ? waiter->result : -ETIMEDOUT;
    waiter_drop(waiter);
    return r;
}

int change_wait(struct archive *archive, struct change *change)
{
    struct waiter *waiter = waiter_new();

    if (!change || !waiter) {
        free(change);
        free(waiter);
        return -ENOMEM;
    }
    change->done = waiter_done;
    change->ctx = waiter;
    pthread_mutex_lock(&archive->lock);
    bool over = archive->lost || archive->stopping;
    if (!over)
        change_post(archive, change);
    pthread_mutex_unlock(&archive->lock);
    if (!over)
        return waiter_wait(waiter, archive);
    free(change);
    free(waiter);
    return -ESTALE;
}

/* ---- the writer's side -------------------------------------------------------------------- */

static int begin_anew(struct archive *archive, const char *place)
{
    int r = place_unlink(archive->root, place);

    if (r < 0 && r != -ENOENT)
        return r;
    _cleanup_close_ int fd = place_open(archive->root, place, O_WRONLY | O_CREAT | O_EXCL, 0600);
    return fd < 0 ? fd : place_dirs_add_parent(&archive->open->dirs, place);
}

/* What is there is not the content that the object's name says: nobody may share it. */
static int forget_object(struct archive *archive, const struct archive_file *file)
{
    char object[PLACE_BYTES];

    if (!file->has_sha256 || !object_wanted(file))
        return 0;
    object_place(file->sha256, object);
    int r = place_unlink(archive->root, object);
    return r == -ENOENT ? 0 : r;
}

/* With the lock. */
static int stand_at(struct archive_file *file, uint64_t size, const struct archive_check *check,
                    bool whole)
{
    struct archive *archive = file->run->archive;
    uint64_t before = atomic_load(&file->durable);

    file_drop_pieces(file);
    file->reset = false;
    file->written = file->received = size;
    if (size < before) {
        archive->bytes_kept -= before - size;
        file->run->bytes -= before - size;
        atomic_store(&file->durable, size);
    }
    file->check = *check;
    file->complete = file->has_sha256 = whole;
    file->hashed = 0;
    digest_init(&file->digest);
    return batch_add(archive, file);
}

static int measure(struct archive *archive, struct change *change, const char *place)
{
    struct archive_file *file = change->file;
    struct archive_check check;
    struct stat st;

    _cleanup_close_ int fd = place_open(archive->root, place, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || fdatasync(fd) < 0)
        return -errno;
    uint64_t size = MIN((uint64_t)st.st_size, change->keep);
    pthread_mutex_lock(&archive->lock);
    uint64_t end = file_check_end(file, size);
    pthread_mutex_unlock(&archive->lock);
    int r = file_make_check(fd, end, &check);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    r = stand_at(file, size, &check, change->has_sha256);
    pthread_mutex_unlock(&archive->lock);
    return r == 0 ? journal_generation(archive, file) : r;
}

static int mend(struct archive *archive, struct change *change, const char *place)
{
    struct archive_file *file = change->file;
    char object[PLACE_BYTES];

    int r = place_make_parents(archive->root, place, &archive->open->dirs);
    if (r == 0 && change->has_sha256) {
        object_place(change->sha256, object);
        r = object_share(archive, object, place);
    } else if (r == 0) {
        r = forget_object(archive, file);
        if (r == 0 && change->keep == 0)
            r = begin_anew(archive, place);
    }
    return r == 0 ? measure(archive, change, place) : r;
}

int mend_apply(struct archive *archive, struct change *change)
{
    struct archive_file *file = change->file;
    char place[PLACE_BYTES];

    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive);
    if (r == 0)
        file_close(file);
    int named = file_place(file, place, sizeof place);
    pthread_mutex_unlock(&archive->lock);
    if (r < 0)
        return r;
    change->result = named < 0 ? named : mend(archive, change, place);
    return 0; /* whoever asked is told: nothing of the archive waits for it */
}

/* ---- asked for ---------------------------------------------------------------------------- */

int file_mend(struct archive_file *file, uint64_t keep, const uint8_t *sha256)
{
    struct archive_run *run = file->run;
    struct change *change = change_new(CHANGE_MEND, run, file, 0);

    if (change) {
        change->keep = keep;
        change->has_sha256 = sha256 != NULL;
        if (sha256)
            memcpy(change->sha256, sha256, sizeof change->sha256);
    }
    return change_wait(run->archive, change);
}

/* The file where the run was found, if it holds what was acknowledged; -1: it does not. */
static int open_source(struct archive_file *file, const struct archive_check *check)
{
    const struct archive_run_info *info = &file->run->info;
    char path[2 * LIMIT_PATH_BYTES];
    struct archive_check there;
    struct stat st;

    if (info->kind != ARCHIVE_RUN_FOUND || strncmp(file->path, "logs/", LOGS) != 0 ||
        check->offset == 0)
        return -1;
    snprintf(path, sizeof path, "%s/%s", info->source, file->path + LOGS);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size < check->offset || file_make_check(fd, check->offset, &there) < 0 ||
        there.head_crc != check->head_crc || there.tail_crc != check->tail_crc)
        return -1;
    return TAKE_FD(fd);
}

int file_take_back(struct archive_file *file, uint64_t size, const struct archive_check *check,
                   uint64_t keep)
{
    uint8_t last[CHECK_BYTES];
    struct stat st;

    _cleanup_close_ int fd = open_source(file, check);
    if (fd < 0 || fstat(fd, &st) < 0)
        return 0;
    int r = file_mend(file, keep, NULL);
    if (r < 0)
        return r;
    uint64_t end = MIN(size, (uint64_t)st.st_size), from = archive_received(file);
    if (end <= from)
        return 1; /* the tailer was faster */
    size_t n = (size_t)MIN(end - from, (uint64_t)sizeof last);
    if (pread(fd, last, n, (off_t)(end - n)) != (ssize_t)n)
        return 0;
    r = archive_append_range(file, from, end - from, fd, last, n);
    if (r == 0)
        r = change_wait(file->run->archive, change_new(CHANGE_SYNC, file->run, NULL, 0));
    return r < 0 ? r : 1;
}

int file_adopt(struct archive_run *run, const char *path)
{
    struct archive *archive = run->archive;
    const char *source = run->info.kind == ARCHIVE_RUN_FOUND ? "" : "rebuilt";
    int r = 0;

    if (!place_path_ok(path))
        return -EINVAL;
    pthread_mutex_lock(&archive->lock);
    struct archive_file *file = NULL;
    if (file_find(run, path, 0))
        r = -EEXIST;
    else if (run->deleted_s > 0)
        r = -ESTALE;
    else
        file = file_add(run, path, source, 1);
    if (file)
        file->made = true;
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        r = file ? file_mend(file, UINT64_MAX, NULL) : -ENOMEM;
    if (r == 0 && archive->begun)
        archive->begun(archive->ctx, file);
    return r;
}
