/* append.c: bytes come in: as pieces of a file that wait to be written; and kept bytes read. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <eventfile/crc32c.h>

#include "archive/inside.h"
#include "base/check.h"

enum { COMPARE_BYTES = 64 << 10 };

void file_queue(struct archive_file *file)
{
    struct archive *archive = file->run->archive;

    if (file->queued)
        return;
    file->queued = true;
    file->next_queued = NULL;
    *archive->queue_tail = file;
    archive->queue_tail = &file->next_queued;
    pthread_cond_signal(&archive->work);
}

void file_drop_pieces(struct archive_file *file)
{
    while (file->pieces) {
        struct piece *piece = file->pieces;
        file->pieces = piece->next;
        if (piece->carried)
            file->run->archive->carried_bytes -= piece->size;
        free(piece);
    }
    file->last_piece = NULL;
}

void file_release_source(struct archive_file *file)
{
    if (file->source_fd < 0)
        return;
    close(file->source_fd);
    file->source_fd = -1;
    file->run->archive->n_sources--;
}

/* Keeps a descriptor of the source until the bytes are safe: the newest file of the path, for an
 * older one may lack the new bytes. */
static int hold_source(struct archive_file *file, int fd)
{
    struct archive *archive = file->run->archive;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (file->source_fd >= 0 && st.st_dev == file->source_dev && st.st_ino == file->source_ino)
        return 0;
    if (file->source_fd < 0 && archive->n_sources >= LIMIT_ARCHIVE_SOURCES)
        return -EMFILE;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return -errno;
    file_release_source(file);
    archive->n_sources++;
    file->source_fd = copy;
    file->source_dev = st.st_dev;
    file->source_ino = st.st_ino;
    return 0;
}

/* `data` holds the last bytes of the range, `data_size` of them: all, if it is carried. */
static int add_piece(struct archive_file *file, uint64_t offset, uint64_t size, const void *data,
                     size_t data_size, bool carried)
{
    struct piece *last = file->last_piece, *piece = NULL;

    if (carried || !last || last->carried) {
        piece = malloc(sizeof *piece + (carried ? (size_t)size : 0));
        if (!piece)
            return -ENOMEM;
        *piece = (struct piece){.offset = offset, .carried = carried};
        if (last)
            last->next = piece;
        else
            file->pieces = piece;
        file->last_piece = piece;
    } else {
        piece = last;
    }
    piece->size += size;
    if (carried) {
        memcpy(piece->data, data, (size_t)size);
        file->run->archive->carried_bytes += size;
    } else {
        piece->check_size = (uint32_t)MIN(data_size, (size_t)CHECK_BYTES);
        piece->check_crc = ef_crc32c((const char *)data + data_size - piece->check_size,
                                     piece->check_size);
    }
    return 0;
}

/* Why bytes without a source to read them from again are not taken now. */
static int refusal(const struct archive *archive)
{
    int error = archive->writer_trouble.error ? archive->writer_trouble.error
                                              : archive->syncer_trouble.error;

    if (archive->lost)
        return -ESTALE;
    if (error == -ENOSPC || error == -EDQUOT)
        return -ENOSPC;
    return error ? -EIO : 0;
}

/* The end of each way to take bytes. */
static void note_received(struct archive_file *file, uint64_t size)
{
    if (file->received == file->written)
        file->since_ns = archive_now();
    file->received += size;
    file->complete = false;
    file->changed_s = clock_wall_s(file->run->archive->clock);
    file->run->changed_s = file->changed_s;
    file_queue(file);
}

/* Bytes behind all that is known. With the lock. */
static int take_bytes(struct archive_file *file, uint64_t offset, const void *data, size_t size,
                      int fd)
{
    struct archive *archive = file->run->archive;
    int refused = refusal(archive);
    bool room = refused == 0 && archive->carried_bytes + size <= LIMIT_ARCHIVE_QUEUE_BYTES;
    bool carried = data && room && (fd < 0 || size <= LIMIT_CARRIED_BYTES);

    if (!carried && fd < 0)
        return refused ? refused : room ? -EINVAL : -EAGAIN;
    int r = fd >= 0 ? hold_source(file, fd) : 0;
    if (r < 0 && !carried)
        return r;
    r = add_piece(file, offset, size, data, data ? size : 0, carried);
    if (r == 0)
        note_received(file, size);
    return r;
}

int archive_append_range(struct archive_file *file, uint64_t offset, uint64_t size, int fd,
                         const void *last, size_t last_size)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    int r = file->run->deleted_s > 0 || file->gone || archive->lost ? -ESTALE
            : offset != file->received                             ? -ERANGE
            : last_size > size                                     ? -EINVAL
                                                                   : hold_source(file, fd);
    if (r == 0)
        r = add_piece(file, offset, size, last, last_size, false);
    if (r == 0)
        note_received(file, size);
    pthread_mutex_unlock(&archive->lock);
    return r;
}

uint64_t archive_received(struct archive_file *file)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    uint64_t received = file->received;
    pthread_mutex_unlock(&archive->lock);
    return received;
}

/* Are these bytes, which are known already, the same ones? Without the lock. */
static int compare(struct archive_file *file, uint64_t offset, const uint8_t *data, size_t size)
{
    uint8_t *known = malloc(COMPARE_BYTES);
    int r = known ? 0 : -ENOMEM;

    while (r == 0 && size > 0) {
        ssize_t n = file_read(file, offset, known, MIN(size, (size_t)COMPARE_BYTES));
        if (n <= 0)
            r = n < 0 ? (int)n : -ERANGE;
        else if (memcmp(known, data, (size_t)n) != 0)
            r = -EBADMSG;
        if (r < 0)
            break;
        offset += (size_t)n;
        data += n;
        size -= (size_t)n;
    }
    free(known);
    return r;
}

int archive_append(struct archive_file *file, uint64_t offset, const void *data, size_t size,
                   int fd)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    uint64_t known = file->received;
    int r = file->run->deleted_s > 0 || file->gone ? -ESTALE
            : !file->newest && file->source[0]      ? -ESTALE
            : offset > known                        ? -ERANGE
                                                    : 0;
    if (r == 0 && offset < known && data) {
        size_t overlap = (size_t)MIN((uint64_t)size, known - offset);
        pthread_mutex_unlock(&archive->lock);
        r = compare(file, offset, data, overlap);
        if (r < 0)
            return r;
        pthread_mutex_lock(&archive->lock);
    }
    if (r == 0 && offset < known) {
        size_t overlap = (size_t)MIN((uint64_t)size, known - offset);
        offset += overlap;
        size -= overlap;
        data = data ? (const char *)data + overlap : NULL;
    }
    if (r == 0 && size > 0)
        r = offset == file->received ? take_bytes(file, offset, data, size, fd)
                                     : -ERANGE; /* another was faster, or a sync failed */
    pthread_mutex_unlock(&archive->lock);
    return r;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* From the pieces that wait. With the lock. */
static ssize_t read_piece(const struct archive_file *file, uint64_t offset, void *ret, size_t size)
{
    const struct piece *piece = file->pieces;

    while (piece && offset >= piece->offset + piece->size)
        piece = piece->next;
    if (!piece || offset < piece->offset)
        return 0;
    size_t n = (size_t)MIN((uint64_t)size, piece->offset + piece->size - offset);
    if (piece->carried) {
        memcpy(ret, piece->data + (offset - piece->offset), n);
        return (ssize_t)n;
    }
    if (file->source_fd < 0)
        return 0;
    ssize_t got = pread(file->source_fd, ret, n, (off_t)offset);
    return got < 0 ? -errno : got;
}

static ssize_t read_written(struct archive_file *file, const char *place, uint64_t offset,
                            void *ret, size_t size)
{
    _cleanup_close_ int fd = place_open(file->run->archive->root, place, O_RDONLY, 0);

    if (fd < 0)
        return fd;
    ssize_t got = pread(fd, ret, size, (off_t)offset);
    return got < 0 ? -errno : got;
}

ssize_t file_read(struct archive_file *file, uint64_t offset, void *ret, size_t size)
{
    struct archive *archive = file->run->archive;
    char place[PLACE_BYTES];
    ssize_t got = -EIO;

    for (int tries = 0; tries < 3; tries++) {
        pthread_mutex_lock(&archive->lock);
        bool moved = file->moved;
        uint64_t written = file->written;
        int r = file_place(file, place, sizeof place);
        if (offset >= written || r < 0) {
            got = r < 0 ? r : read_piece(file, offset, ret, size);
            pthread_mutex_unlock(&archive->lock);
            return got;
        }
        pthread_mutex_unlock(&archive->lock);
        size = (size_t)MIN((uint64_t)size, written - offset);
        got = read_written(file, place, offset, ret, size);
        pthread_mutex_lock(&archive->lock);
        bool same = file->moved == moved;
        pthread_mutex_unlock(&archive->lock);
        if (same)
            break; /* else it was moved to generations/ meanwhile: once more */
    }
    return got;
}

ssize_t archive_read(struct archive_file *file, uint64_t offset, void *ret, size_t size)
{
    return file_read(file, offset, ret, size);
}

static int kept_crc(struct archive_file *file, uint64_t offset, size_t size, uint32_t *ret)
{
    uint8_t bytes[CHECK_BYTES];

    for (size_t at = 0; at < size;) {
        ssize_t got = file_read(file, offset + at, bytes + at, size - at);
        if (got <= 0)
            return got < 0 ? (int)got : -EIO;
        at += (size_t)got;
    }
    *ret = ef_crc32c(bytes, size);
    return 0;
}

int archive_check_at(struct archive_file *file, uint64_t offset, struct archive_check *ret)
{
    size_t size = (size_t)MIN(offset, (uint64_t)CHECK_BYTES);
    struct archive_check check = {.offset = offset};

    int r = kept_crc(file, 0, size, &check.head_crc);
    if (r == 0)
        r = kept_crc(file, offset - size, size, &check.tail_crc);
    if (r == 0)
        *ret = check;
    return r;
}

int archive_continues(struct archive_file *file, int fd, uint64_t size)
{
    struct archive *archive = file->run->archive;
    uint8_t ours[CHECK_BYTES], theirs[CHECK_BYTES];

    pthread_mutex_lock(&archive->lock);
    uint64_t end = MIN(file->received, size);
    end = file_check_end(file, end);
    pthread_mutex_unlock(&archive->lock);
    const size_t n = (size_t)MIN(end, (uint64_t)CHECK_BYTES);
    const uint64_t from[] = {0, end - n};
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        for (size_t at = 0; at < n;) {
            ssize_t got = file_read(file, from[i] + at, ours, n - at);
            if (got <= 0)
                return got < 0 ? (int)got : 0;
            ssize_t has = pread(fd, theirs, (size_t)got, (off_t)(from[i] + at));
            if (has < 0)
                return -errno;
            if (has < got || memcmp(ours, theirs, (size_t)got) != 0)
                return 0;
            at += (size_t)got;
        }
    }
    return 1;
}
