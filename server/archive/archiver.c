/* archiver.c: the archiver thread: pieces to files, changes in their order, batches filled.
 *
 *   changes ─► change_apply() ─┐
 *   queue of files ─► turn() ──┴─► open batch ─► syncer
 *
 * Changes go first: what a file needs to be written comes before its bytes. A file that is behind
 * gets LIMIT_ARCHIVE_TURN_BYTES, then the next one. What fails is tried again with growing pauses;
 * nothing is taken from a queue before it is done. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>

#include <eventfile/crc32c.h>
#include <eventfile/salvage.h>

#include "archive/inside.h"
#include "base/check.h"
#include "base/log.h"

enum { IOV_PIECES = 64, COPY_BYTES = 1 << 20, SPACE_MS = 1000, TELL_BYTES = 64 << 20,
       WRITE_BEHIND_BYTES = 1 << 20, WRITER_NICE = 10 };

/* ---- the open batch ----------------------------------------------------------------------- */

static void batch_begin(struct archive *archive)
{
    if (archive->open->since_ns > 0)
        return;
    archive->open->since_ns = archive_now();
    /* The syncer sleeps for long when there is nothing: now it has a time to wake at. */
    pthread_cond_signal(&archive->commit);
}

int batch_add(struct archive *archive, struct archive_file *file)
{
    struct batch *batch = archive->open;

    if (file->dirty)
        return 0;
    if (batch->n_files == batch->files_capacity) {
        size_t capacity = batch->files_capacity ? 2 * batch->files_capacity : 16;
        struct archive_file **files =
            realloc(batch->files, capacity * sizeof(struct archive_file *));
        if (!files)
            return -ENOMEM;
        batch->files = files;
        batch->files_capacity = capacity;
    }
    batch->files[batch->n_files++] = file;
    file->dirty = true;
    batch_begin(archive);
    return 0;
}

static bool batch_is_full(const struct batch *batch)
{
    return batch->n_files >= LIMIT_ARCHIVE_OPEN_FILES - 16 || batch->dirs.count >= 192 ||
           batch->n_journals + 4 > ARRAY_LEN(batch->journals);
}

/* The pause of a condition variable, on the monotonic clock. */
static void wait_ms(struct archive *archive, pthread_cond_t *condition, int64_t ms)
{
    int64_t until = archive_now() + ms * NS_PER_MS;
    const struct timespec at = {until / NS_PER_S, until % NS_PER_S};

    pthread_cond_clockwait(condition, &archive->lock, CLOCK_MONOTONIC, &at);
}

int batch_settle(struct archive *archive)
{
    bool applying = archive->applying; /* what a change did so far may be committed early */

    archive->applying = false;
    archive->urgent++;
    while (archive->open->since_ns > 0 || archive->taken) {
        if (archive->syncer_trouble.error || archive->lost)
            break;
        pthread_cond_signal(&archive->commit);
        wait_ms(archive, &archive->committed, 1000);
    }
    archive->urgent--;
    archive->applying = applying;
    return archive->open->since_ns > 0 || archive->taken ? -EAGAIN : 0;
}

/* ---- descriptors of files ----------------------------------------------------------------- */

void file_close(struct archive_file *file)
{
    struct archive *archive = file->run->archive;

    if (file->fd < 0)
        return;
    close(file->fd);
    file->fd = -1;
    for (size_t i = 0; i < archive->n_opened; i++) {
        if (archive->opened[i] == file) {
            archive->opened[i] = archive->opened[--archive->n_opened];
            break;
        }
    }
}

/* Closes the file that was used longest ago and is in no batch. */
static int make_room(struct archive *archive)
{
    struct archive_file *oldest = NULL;

    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < archive->n_opened; i++) {
        struct archive_file *file = archive->opened[i];
        if (!file->dirty && !file->committing && (!oldest || file->used_ns < oldest->used_ns))
            oldest = file;
    }
    pthread_mutex_unlock(&archive->lock);
    if (!oldest)
        return -EAGAIN;
    file_close(oldest);
    return 0;
}

int file_open(struct archive_file *file)
{
    struct archive *archive = file->run->archive;
    char place[PLACE_BYTES];
    struct stat st;

    file->used_ns = archive_now();
    if (file->fd >= 0)
        return 0;
    if (archive->n_opened == ARRAY_LEN(archive->opened)) {
        int r = make_room(archive);
        if (r < 0)
            return r;
    }
    int r = file_place(file, place, sizeof place);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = place_open(archive->root, place, O_RDWR, 0);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_nlink > 1 && object_wanted(file)) {
        r = object_unshare(archive, place, file->written);
        close(fd);
        fd = r < 0 ? -1 : place_open(archive->root, place, O_RDWR, 0);
        if (fd < 0 || fstat(fd, &st) < 0)
            return r < 0 ? r : fd < 0 ? fd : -errno;
    }
    /* Bytes behind what we know of were never ours to keep. */
    if ((uint64_t)st.st_size > file->written && ftruncate(fd, (off_t)file->written) < 0)
        return -errno;
    if ((uint64_t)st.st_size < file->written)
        return -EUCLEAN;
    pthread_mutex_lock(&archive->lock); /* the syncer looks at it */
    file->fd = TAKE_FD(fd);
    pthread_mutex_unlock(&archive->lock);
    archive->opened[archive->n_opened++] = file;
    return 0;
}

/* ---- one turn of a file ------------------------------------------------------------------- */

/* The disk begins with what has come together, so that little is left to do when the batch is
 * synced. Nothing is waited for, and an error shows in the sync. */
static void write_behind(struct archive_file *file, uint64_t end)
{
    uint64_t from = MIN(file->begun, end);

    if (end - from < WRITE_BEHIND_BYTES)
        return;
    (void)sync_file_range(file->fd, (off_t)from, (off_t)(end - from), SYNC_FILE_RANGE_WRITE);
    file->begun = end;
}

/* Carried pieces that follow one another, in one call. Bytes written or -errno. */
static ssize_t write_carried(struct archive_file *file, const struct iovec *iov, int n)
{
    ssize_t wrote = pwritev(file->fd, iov, n, (off_t)file->written);

    if (wrote < 0)
        return -errno;
    size_t left = (size_t)wrote;
    for (int i = 0; i < n && left > 0 && file->source[0] && file->hashed == file->written; i++) {
        size_t size = MIN(left, iov[i].iov_len);
        digest_add(&file->digest, iov[i].iov_base, size);
        left -= size;
    }
    if (file->source[0] && file->hashed == file->written)
        file->hashed += (uint64_t)wrote;
    return wrote;
}

/* What was copied must be what was shown: the last bytes of the range are compared. */
static bool copy_is_right(const struct archive_file *file, const struct piece *piece)
{
    uint8_t bytes[CHECK_BYTES];
    uint64_t end = piece->offset + piece->size;

    if (piece->check_size == 0)
        return true;
    ssize_t got = pread(file->fd, bytes, piece->check_size, (off_t)(end - piece->check_size));
    return got == (ssize_t)piece->check_size && ef_crc32c(bytes, (size_t)got) == piece->check_crc;
}

/* A range of the source. Bytes copied, 0: the source has none there; -errno of our side;
 * *ret_source_error: of the source's. */
static ssize_t copy_range(struct archive_file *file, int source, uint64_t offset, size_t size,
                          int *ret_source_error)
{
    struct archive *archive = file->run->archive;
    size_t done = 0;

    while (done < size) {
        size_t want = MIN(size - done, (size_t)COPY_BYTES);
        ssize_t got = pread(source, archive->copy_buffer, want, (off_t)(offset + done));
        if (got <= 0) {
            *ret_source_error = got < 0 ? -errno : 0;
            break;
        }
        for (ssize_t at = 0; at < got;) {
            ssize_t wrote = pwrite(file->fd, archive->copy_buffer + at, (size_t)(got - at),
                                   (off_t)(offset + done + (size_t)at));
            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote <= 0)
                return wrote < 0 ? -errno : -EIO;
            at += wrote;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* The source does not have the bytes any more that were shown. With the lock. */
static void give_up(struct archive_file *file, int error)
{
    struct archive *archive = file->run->archive;
    const struct damage damage = {
        .offset = file->written,
        .length = file->received - file->written,
        .reason = EF_REASON_NOT_ARCHIVED,
        .found_wall_s = clock_wall_s(archive->clock),
    };

    log_warn("%s/%s: %llu bytes could not be archived: %s", file->run->name, file->path,
             (unsigned long long)damage.length,
             error ? strerrordesc_np(-error) : "their source was cut or rewritten first");
    file_drop_pieces(file);
    file->received = file->written;
    file_release_source(file);
    struct change *change = change_new(CHANGE_DAMAGE, file->run, file, 0);
    if (!change || file_add_damage(file, &damage) < 0) {
        free(change);
        return;
    }
    change->damage = damage;
    change->upto = file->written;
    change_post(archive, change);
}

/* After `n` bytes were written. With the lock. */
static void advance(struct archive_file *file, uint64_t n)
{
    struct archive *archive = file->run->archive;

    file->written += n;
    archive->open->bytes += n;
    while (n > 0) {
        struct piece *piece = file->pieces;
        CHECK(piece); /* no more was written than there was */
        uint64_t part = MIN(n, piece->size);
        if (piece->carried)
            archive->carried_bytes -= part;
        n -= part;
        if (part < piece->size) {
            if (piece->carried)
                memmove(piece->data, piece->data + part, (size_t)(piece->size - part));
            piece->offset += part;
            piece->size -= part;
            break;
        }
        file->pieces = piece->next;
        if (!file->pieces)
            file->last_piece = NULL;
        free(piece);
    }
    if (archive->committed_ns + LIMIT_ARCHIVE_COMMIT_MS * NS_PER_MS <= archive_now() ||
        archive->urgent)
        pthread_cond_signal(&archive->commit);
}

static int turn_carried(struct archive_file *file)
{
    struct archive *archive = file->run->archive;
    struct iovec iov[IOV_PIECES];
    int n = 0;

    for (struct piece *piece = file->pieces; piece && piece->carried && n < IOV_PIECES;
         piece = piece->next)
        iov[n++] = (struct iovec){piece->data, (size_t)piece->size};
    pthread_mutex_unlock(&archive->lock);
    ssize_t wrote = write_carried(file, iov, n);
    pthread_mutex_lock(&archive->lock);
    if (wrote < 0)
        return (int)wrote;
    int r = batch_add(archive, file);
    if (r == 0)
        advance(file, (uint64_t)wrote);
    return r;
}

static int turn_copied(struct archive_file *file)
{
    struct archive *archive = file->run->archive;
    struct piece piece = *file->pieces;
    int source = file->source_fd, source_error = 0;

    /* The descriptor is ours to use: only the writer and appends to this file replace it. */
    _cleanup_close_ int own = source >= 0 ? fcntl(source, F_DUPFD_CLOEXEC, 3) : -1;
    size_t size = (size_t)MIN(piece.size, (uint64_t)LIMIT_ARCHIVE_TURN_BYTES);
    pthread_mutex_unlock(&archive->lock);
    ssize_t wrote = own < 0 ? 0 : copy_range(file, own, piece.offset, size, &source_error);
    if (wrote > 0)
        write_behind(file, piece.offset + (uint64_t)wrote);
    bool right = wrote < (ssize_t)size || size < piece.size || copy_is_right(file, &piece);
    pthread_mutex_lock(&archive->lock);
    if (wrote < 0)
        return (int)wrote;
    if (right && wrote > 0) {
        int r = batch_add(archive, file);
        if (r < 0)
            return r;
        advance(file, (uint64_t)wrote);
    }
    if (!right || wrote < (ssize_t)size)
        give_up(file, source_error);
    return 0;
}

/* A sync failed: what was written since the durable length counts as unwritten, and is written
 * again from its source; where there is none, whoever sent it has to send it again. */
static int begin_again(struct archive_file *file)
{
    uint64_t durable = atomic_load(&file->durable);
    struct piece *piece = NULL;

    if (file->source_fd >= 0 && file->written > durable) {
        piece = calloc(1, sizeof *piece);
        if (!piece)
            return -ENOMEM;
        piece->offset = durable;
        piece->size = file->written - durable;
        piece->next = file->pieces;
        file->pieces = piece;
        if (!file->last_piece)
            file->last_piece = piece;
    } else if (file->source_fd < 0) {
        file_drop_pieces(file);
        file->received = durable;
    }
    file->written = file->begun = durable;
    file->hashed = 0;
    digest_init(&file->digest);
    file->reset = false;
    file_close(file); /* the page cache of this descriptor is not believed any more */
    return file->made ? batch_add(file->run->archive, file) : 0; /* its row was in the batch too */
}

/* Writes some of a file. With the lock, released meanwhile. */
static int turn(struct archive *archive, struct archive_file *file)
{
    int r = file->reset ? begin_again(file) : 0;

    if (r < 0 || !file->pieces)
        return r;
    pthread_mutex_unlock(&archive->lock);
    atomic_store(&archive->writer_call_ns, archive_now());
    r = file_open(file);
    pthread_mutex_lock(&archive->lock);
    for (uint64_t from = file->written;
         r == 0 && file->pieces && file->written - from < LIMIT_ARCHIVE_TURN_BYTES;)
        r = file->pieces->carried ? turn_carried(file) : turn_copied(file);
    atomic_store(&archive->writer_call_ns, 0);
    if (file->written >= file->journaled + TELL_BYTES && r == 0)
        r = change_post(archive, change_new(CHANGE_LENGTH, file->run, file, 0));
    if (archive->written && r == 0) {
        pthread_mutex_unlock(&archive->lock);
        archive->written(archive->ctx, file);
        pthread_mutex_lock(&archive->lock);
    }
    return r;
}

/* ---- the queues --------------------------------------------------------------------------- */

static int next_file(struct archive *archive)
{
    struct archive_file *file = archive->queue;

    int r = turn(archive, file);
    if (r < 0)
        return r;
    archive->queue = file->next_queued;
    if (!archive->queue)
        archive->queue_tail = &archive->queue;
    file->queued = false;
    if (file->pieces || file->reset)
        file_queue(file);
    return 0;
}

/* What has to be written before the change's turn; NULL: nothing. */
static struct archive_file *needed_first(const struct change *change)
{
    const struct archive_run *run = change->run;

    if (change->file && (change->file->written < change->upto || change->file->reset) &&
        (change->file->pieces || change->file->reset))
        return change->file;
    if (change->kind != CHANGE_SYNC || !run)
        return NULL;
    for (size_t i = 0; i < run->n_files; i++)
        if ((run->files[i]->pieces && run->files[i]->since_ns <= change->asked_ns) ||
            run->files[i]->reset)
            return run->files[i];
    return NULL;
}

static void take_change(struct archive *archive, struct change *change)
{
    struct batch *batch = archive->open;
    struct change **place = &archive->changes;

    while (*place != change) /* changes of a failed batch may have come in front of it */
        place = &(*place)->next;
    *place = change->next;
    if (!change->next)
        archive->changes_tail = place;
    change->next = NULL;
    *batch->changes_tail = change;
    batch->changes_tail = &change->next;
    batch_begin(archive);
    pthread_cond_signal(&archive->commit);
}

static int next_change(struct archive *archive)
{
    struct change *change = archive->changes;
    struct archive_file *first = needed_first(change);

    if (first)
        return turn(archive, first);
    archive->applying = true;
    pthread_mutex_unlock(&archive->lock);
    atomic_store(&archive->writer_call_ns, archive_now());
    int r = change_apply(archive, change);
    atomic_store(&archive->writer_call_ns, 0);
    pthread_mutex_lock(&archive->lock);
    archive->applying = false;
    if (archive->open->n_journals > 0 || archive->open->dirs.count > 0)
        batch_begin(archive);
    pthread_cond_signal(&archive->commit);
    if (r == 0)
        take_change(archive, change);
    if (r > 0 && archive->queue && archive->queue->made)
        return next_file(archive); /* not finished: a file has its turn in between */
    return r < 0 ? r : 0;
}

/* Is there room on the disk? -ENOSPC below the reserve. With the lock, released meanwhile. */
static int look_at_space(struct archive *archive)
{
    struct statvfs fs;

    if (archive_now() < archive->space_ns)
        return archive->free_bytes < archive->reserve_bytes ? -ENOSPC : 0;
    pthread_mutex_unlock(&archive->lock);
    int r = fstatvfs(archive->root, &fs) < 0 ? -errno : 0;
    pthread_mutex_lock(&archive->lock);
    archive->space_ns = archive_now() + SPACE_MS * NS_PER_MS;
    if (r < 0)
        return r;
    archive->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return archive->free_bytes < archive->reserve_bytes ? -ENOSPC : 0;
}

static int work(struct archive *archive)
{
    if (batch_is_full(archive->open))
        return batch_settle(archive);
    int r = look_at_space(archive);
    if (r < 0)
        return r;
    return archive->changes ? next_change(archive) : next_file(archive);
}

static bool has_work(const struct archive *archive)
{
    return !archive->lost && (archive->changes || archive->queue);
}

void *writer_main(void *p)
{
    struct archive *archive = p;
    struct trouble *trouble = &archive->writer_trouble;

    pthread_setname_np(pthread_self(), "archiver");
    /* Points go first: copies take what the readers leave of the processors. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICE);
    pthread_mutex_lock(&archive->lock);
    while (!archive->stopping || has_work(archive)) {
        int64_t now = archive_now();
        if (archive->stopping && now > archive->stop_ns)
            break;
        if (!has_work(archive)) {
            wait_ms(archive, &archive->work, trouble->error ? 100 : 60000);
            if (trouble->error && look_at_space(archive) == 0)
                archive_no_trouble(archive, trouble);
            continue;
        }
        if (now < trouble->retry_ns) {
            wait_ms(archive, &archive->work, MIN((trouble->retry_ns - now) / NS_PER_MS + 1, 1000));
            continue;
        }
        int r = work(archive);
        if (r == 0)
            archive_no_trouble(archive, trouble);
        else if (r == -EAGAIN)
            wait_ms(archive, &archive->committed, 100); /* the syncer's trouble is told by it */
        else
            archive_troubled(archive, trouble, r, "written");
    }
    archive->drained = true;
    pthread_cond_broadcast(&archive->commit);
    pthread_mutex_unlock(&archive->lock);
    return NULL;
}
