#include "archive/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <eventfile/crc32c.h>

#include "base/check.h"
#include "base/fileio.h"
#include "base/limits.h"

#define SEGMENT_MAGIC 0x47534254u /* "TBSG" */
#define FOOT_MAGIC 0x45534254u    /* "TBSE" */
#define BUFFER_BYTES ((size_t)256 << 10)
#define TEMPORARY ".tmp"

struct head {
    uint32_t magic;
    uint16_t version, size;
    uint32_t crc, zero;
    uint64_t chain;
    uint32_t first, last;
    uint8_t rest[32];
};
_Static_assert(sizeof(struct head) == 64, "layout on disk");

struct foot {
    uint32_t magic, crc;
    uint64_t table_offset, table_size;
    uint32_t table_crc, zero;
    uint64_t file_size, chain;
    uint8_t rest[16];
};
_Static_assert(sizeof(struct foot) == 64, "layout on disk");

struct segment_writer {
    int dir, fd;
    struct segment segment;
    char temporary[SEGMENT_NAME_BYTES + sizeof TEMPORARY];
    bool exists;
    uint64_t size; /* put so far */
    uint8_t *buffer;
    size_t used;
};

static void format_name(char *ret, uint32_t first, uint32_t last)
{
    snprintf(ret, SEGMENT_NAME_BYTES, "%08" PRIx32 "-%08" PRIx32 ".seg", first, last);
}

/* ---- writing ----------------------------------------------------------------------------- */

static int put(struct segment_writer *w, const void *data, size_t size)
{
    int r = 0;

    if (size > LIMIT_SEGMENT_BYTES - w->size)
        return -EFBIG;
    w->size += size;
    if (size > BUFFER_BYTES - w->used) {
        r = fileio_write(w->fd, w->buffer, w->used);
        w->used = 0;
    }
    if (r == 0 && size > BUFFER_BYTES)
        return fileio_write(w->fd, data, size);
    memcpy(w->buffer + w->used, data, r == 0 ? size : 0);
    w->used += r == 0 ? size : 0;
    return r;
}

int segment_begin(int dir, uint64_t chain, uint32_t first, uint32_t last,
                  struct segment_writer **ret)
{
    struct segment_writer *w = calloc(1, sizeof *w);
    struct head head = {.magic = SEGMENT_MAGIC,
                        .version = SEGMENT_VERSION,
                        .size = sizeof head,
                        .chain = chain,
                        .first = first,
                        .last = last};
    int r;

    if (!w)
        return -ENOMEM;
    w->dir = dir;
    w->segment = (struct segment){.first = first, .last = last, .chain = chain};
    format_name(w->segment.name, first, last);
    snprintf(w->temporary, sizeof w->temporary, "%s" TEMPORARY, w->segment.name);
    w->buffer = malloc(BUFFER_BYTES);
    w->fd = openat(dir, w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    r = w->fd < 0 ? -errno : w->buffer ? 0 : -ENOMEM;
    w->exists = w->fd >= 0;
    head.crc = ef_crc32c(&head, sizeof head);
    if (r == 0)
        r = put(w, &head, sizeof head);
    if (r < 0) {
        segment_writer_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

int segment_put(void *ctx, const void *data, size_t size, uint64_t *ret_offset)
{
    struct segment_writer *w = ctx;
    uint64_t offset = w->size;

    DCHECK(size % 8 == 0);
    int r = put(w, data, size);
    if (r == 0)
        *ret_offset = offset;
    return r;
}

int segment_finish(struct segment_writer *w, const void *table, size_t size)
{
    static const uint8_t zeros[8];
    struct foot foot = {.magic = FOOT_MAGIC,
                        .table_offset = w->size,
                        .table_size = size,
                        .table_crc = ef_crc32c(table, size),
                        .chain = w->segment.chain};
    int r = size > LIMIT_SEGMENT_TABLE_BYTES ? -EFBIG : put(w, table, size);

    if (r == 0)
        r = put(w, zeros, (8 - size % 8) % 8);
    foot.file_size = w->size + sizeof foot;
    foot.crc = ef_crc32c(&foot, sizeof foot);
    if (r == 0)
        r = put(w, &foot, sizeof foot);
    if (r == 0)
        r = fileio_write(w->fd, w->buffer, w->used);
    w->used = 0;
    if (r == 0 && fdatasync(w->fd) < 0)
        r = -errno;
    w->segment.size = foot.file_size;
    w->segment.table_offset = foot.table_offset;
    w->segment.table_size = foot.table_size;
    w->segment.table_crc = foot.table_crc;
    return r;
}

int segment_commit(struct segment_writer *w, struct segment *ret)
{
    if (renameat(w->dir, w->temporary, w->dir, w->segment.name) < 0)
        return -errno;
    w->exists = false;
    if (fsync(w->dir) < 0) { /* whether the name is safe is not known: not there, then */
        int error = errno;
        unlinkat(w->dir, w->segment.name, 0);
        return -error;
    }
    *ret = w->segment;
    return 0;
}

struct segment_writer *segment_writer_free(struct segment_writer *w)
{
    if (!w)
        return NULL;
    if (w->fd >= 0)
        close(w->fd);
    if (w->exists)
        unlinkat(w->dir, w->temporary, 0);
    free(w->buffer);
    free(w);
    return NULL;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Exactly `size` bytes: a segment that ends before is torn. */
static int read_all(int fd, uint64_t offset, void *ret, size_t size)
{
    ssize_t n = fileio_read(fd, ret, size, offset);

    return n < 0 ? (int)n : (size_t)n < size ? -EIO : 0;
}

static int open_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

int segment_read(int dir, const char *name, uint64_t offset, void *ret, size_t size)
{
    _cleanup_close_ int fd = open_file(dir, name);

    return fd < 0 ? fd : read_all(fd, offset, ret, size);
}

static bool crc_holds(const void *data, size_t size, size_t crc_at)
{
    uint8_t copy[64];
    uint32_t crc;

    CHECK(size <= sizeof copy);
    memcpy(copy, data, size);
    memcpy(&crc, copy + crc_at, sizeof crc);
    memset(copy + crc_at, 0, sizeof crc);
    return ef_crc32c(copy, size) == crc;
}

/* 0; -EBADMSG; -EPROTO. */
static int check_head(const struct head *head)
{
    if (head->magic != SEGMENT_MAGIC)
        return -EBADMSG;
    if (head->version > SEGMENT_VERSION)
        return -EPROTO;
    if (head->size != sizeof *head || !crc_holds(head, sizeof *head, offsetof(struct head, crc)) ||
        head->first == 0 || head->last < head->first || head->chain == 0)
        return -EBADMSG;
    return 0;
}

static bool foot_ok(const struct foot *foot, const struct head *head, uint64_t size)
{
    uint64_t end = size - sizeof *foot;

    return foot->magic == FOOT_MAGIC && crc_holds(foot, sizeof *foot, offsetof(struct foot, crc)) &&
           foot->file_size == size && foot->chain == head->chain &&
           foot->table_offset >= sizeof *head && foot->table_offset % 8 == 0 &&
           foot->table_offset <= end && foot->table_size <= end - foot->table_offset &&
           foot->table_size <= LIMIT_SEGMENT_TABLE_BYTES &&
           end - foot->table_offset - foot->table_size < 8;
}

int segment_open(int dir, const char *name, struct segment *ret)
{
    _cleanup_close_ int fd = open_file(dir, name);
    struct segment segment = {0};
    struct head head;
    struct foot foot;
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof head || strlen(name) >= sizeof ret->name)
        return -EBADMSG;
    uint64_t size = (uint64_t)st.st_size;
    int r = read_all(fd, 0, &head, sizeof head);
    if (r == 0)
        r = check_head(&head);
    if (r < 0)
        return r;
    if (size < sizeof head + sizeof foot)
        return -EBADMSG;
    r = read_all(fd, size - sizeof foot, &foot, sizeof foot);
    if (r < 0)
        return r;
    format_name(segment.name, head.first, head.last);
    if (!foot_ok(&foot, &head, size) || strcmp(segment.name, name) != 0)
        return -EBADMSG;
    segment.first = head.first;
    segment.last = head.last;
    segment.chain = head.chain;
    segment.size = size;
    segment.table_offset = foot.table_offset;
    segment.table_size = foot.table_size;
    segment.table_crc = foot.table_crc;
    *ret = segment;
    return 0;
}

int segment_table(int dir, const struct segment *segment, void **ret)
{
    _cleanup_free_ void *table = malloc(segment->table_size + 1);

    if (!table)
        return -ENOMEM;
    int r = segment_read(dir, segment->name, segment->table_offset, table, segment->table_size);
    if (r < 0)
        return r;
    if (ef_crc32c(table, segment->table_size) != segment->table_crc)
        return -EBADMSG;
    *ret = TAKE_PTR(table);
    return 0;
}

int segment_unlink(int dir, const char *name)
{
    return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

/* ---- a folder ---------------------------------------------------------------------------- */

struct listing {
    char (*names)[SEGMENT_NAME_BYTES + sizeof TEMPORARY];
    size_t count, capacity;
};

static int add_name(struct listing *list, const char *name)
{
    if (list->count == LIMIT_SEGMENTS_PER_RUN)
        return -E2BIG;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        void *grown = realloc(list->names, capacity * sizeof *list->names);
        if (!grown)
            return -ENOMEM;
        list->names = grown;
        list->capacity = capacity;
    }
    size_t size = strlen(name) + 1; /* is_ours(): it is short */
    CHECK(size <= sizeof *list->names);
    memcpy(list->names[list->count++], name, size);
    return 0;
}

/* Names that are ours: others are left alone. */
static bool is_ours(const char *name)
{
    uint32_t first, last;
    char made[SEGMENT_NAME_BYTES];
    size_t length = strlen(name);

    if (length != SEGMENT_NAME_BYTES - 3 && length != SEGMENT_NAME_BYTES - 3 + strlen(TEMPORARY))
        return false;
    if (sscanf(name, "%8" SCNx32 "-%8" SCNx32, &first, &last) != 2)
        return false;
    format_name(made, first, last);
    size_t base = strlen(made);
    return strncmp(name, made, base) == 0 &&
           (name[base] == 0 || strcmp(name + base, TEMPORARY) == 0);
}

static int list_folder(int dir, struct listing *list)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (!folder) {
        r = -errno;
        if (fd >= 0)
            close(fd);
        return r;
    }
    for (struct dirent *entry; r == 0 && (entry = readdir(folder));) {
        if (is_ours(entry->d_name))
            r = add_name(list, entry->d_name);
    }
    closedir(folder);
    return r;
}

/* By first flush; of those that begin together, the widest first. */
static int by_range(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (y->last > x->last) - (y->last < x->last);
}

/* Puts the good chain to the front; returns its length. */
static size_t choose_chain(struct segment *all, size_t count)
{
    uint32_t next = 1;
    size_t n = 0;

    if (count > 0)
        qsort(all, count, sizeof *all, by_range);
    for (size_t i = 0; i < count; i++) {
        if (all[i].first != next || (n > 0 && all[i].chain != all[0].chain))
            continue;
        struct segment chosen = all[i];
        all[i] = all[n];
        all[n++] = chosen;
        if (chosen.last == UINT32_MAX)
            break;
        next = chosen.last + 1;
    }
    return n;
}

static bool is_chosen(const struct segment *chain, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(chain[i].name, name) == 0)
            return true;
    }
    return false;
}

int segment_chain(int dir, struct segment **ret, size_t *ret_count, bool *ret_foreign)
{
    struct listing list = {0};
    size_t count = 0;

    int r = list_folder(dir, &list);
    struct segment *all = r == 0 ? calloc(list.count + 1, sizeof *all) : NULL;
    if (r == 0 && !all)
        r = -ENOMEM;
    *ret_foreign = false;
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        int e = segment_open(dir, list.names[i], &all[count]);
        *ret_foreign = *ret_foreign || e == -EPROTO;
        if (e == -EMFILE || e == -ENFILE || e == -ENOMEM)
            r = e;
        count += e == 0;
    }
    if (r < 0) {
        free(all);
        free(list.names);
        return r;
    }
    count = *ret_foreign ? 0 : choose_chain(all, count);
    for (size_t i = 0; !*ret_foreign && i < list.count; i++) {
        if (!is_chosen(all, count, list.names[i]))
            unlinkat(dir, list.names[i], 0);
    }
    free(list.names);
    *ret = all;
    *ret_count = count;
    return 0;
}
