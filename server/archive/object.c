/* object.c: content that is there already is not stored a second time.
 *
 *   files/outputs/… complete ──► objects/ab/cdef… (its SHA-256) ──► the same inode under both names
 *
 * Only whole files of ./outputs, whose hash is known. An object is never written to: a file that
 * shares one gets an inode of its own before bytes are added (object_unshare()). Where links cannot
 * be made (EMLINK, file systems without them), the file stays a copy. Thread: the writer. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/inside.h"

enum { COPY_BYTES = 256 << 10 };

bool object_wanted(const struct archive_file *file)
{
    return strncmp(file->path, "outputs/", 8) == 0 ||
           (strncmp(file->path, "nodes/", 6) == 0 && strstr(file->path, "/outputs/"));
}

void object_place(const uint8_t sha256[DIGEST_BYTES], char ret[PLACE_BYTES])
{
    int n = snprintf(ret, PLACE_BYTES, "objects/%02x/", sha256[0]);

    for (size_t i = 1; i < DIGEST_BYTES; i++)
        n += snprintf(ret + n, PLACE_BYTES - (size_t)n, "%02x", sha256[i]);
}

int object_share(struct archive *archive, const char *object, const char *place)
{
    char temporary[PLACE_BYTES + 8];

    snprintf(temporary, sizeof temporary, "%s.tmp", object);
    int r = place_unlink(archive->root, temporary);
    if (r == 0 || r == -ENOENT)
        r = place_link(archive->root, object, temporary);
    if (r == 0)
        r = place_rename(archive->root, temporary, place);
    if (r == 0)
        r = place_dirs_add_parent(&archive->open->dirs, place);
    return r;
}

/* An object of the right size is the same content: its name is its hash. */
static bool is_whole(struct archive *archive, const char *object, uint64_t size)
{
    struct stat st;
    _cleanup_close_ int fd = place_open(archive->root, object, O_RDONLY, 0);

    return fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

int object_keep(struct archive *archive, struct archive_file *file,
                const uint8_t sha256[DIGEST_BYTES])
{
    char object[PLACE_BYTES], place[PLACE_BYTES];

    object_place(sha256, object);
    pthread_mutex_lock(&archive->lock);
    int r = file_place(file, place, sizeof place);
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        r = place_make_parents(archive->root, object, &archive->open->dirs);
    if (r < 0)
        return r;
    r = place_link(archive->root, place, object);
    if (r == 0)
        r = place_dirs_add_parent(&archive->open->dirs, object);
    else if (r == -EEXIST && is_whole(archive, object, file->written))
        r = object_share(archive, object, place);
    /* A copy does as well. */
    return r == -EMLINK || r == -EEXIST || r == -EPERM || r == -EOPNOTSUPP ? 0 : r;
}

/* Copies `from` into `to`. */
static int copy_all(int from, int to, uint64_t size)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    int r = bytes ? 0 : -ENOMEM;

    for (uint64_t at = 0; r == 0 && at < size;) {
        ssize_t got = pread(from, bytes, (size_t)MIN(size - at, (uint64_t)COPY_BYTES), (off_t)at);
        ssize_t put = got > 0 ? pwrite(to, bytes, (size_t)got, (off_t)at) : got;
        if (put <= 0)
            r = put < 0 ? -errno : -EUCLEAN;
        else
            at += (uint64_t)put;
    }
    free(bytes);
    return r;
}

int object_unshare(struct archive *archive, const char *place, uint64_t size)
{
    static const char temporary[] = "unshare.tmp"; /* there is one writer */

    _cleanup_close_ int from = place_open(archive->root, place, O_RDONLY, 0);
    _cleanup_close_ int to =
        place_open(archive->root, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int r = from < 0 ? from : to < 0 ? to : copy_all(from, to, size);
    if (r == 0 && fdatasync(to) < 0)
        r = -errno;
    if (r == 0)
        r = place_rename(archive->root, temporary, place);
    return r == 0 ? place_sync_parent(archive->root, place) : r;
}

/* After a purge: objects that no file shares any more. */
static int drop_lonely(void *ctx, const char *place)
{
    struct archive *archive = ctx;
    struct stat st;
    _cleanup_close_ int fd = place_open(archive->root, place, O_PATH, 0);

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink > 1)
        return 0;
    int r = place_unlink(archive->root, place);
    return r == -ENOENT ? 0 : r;
}

int object_sweep(struct archive *archive)
{
    return fsck_walk(archive->root, "objects", drop_lonely, archive);
}
