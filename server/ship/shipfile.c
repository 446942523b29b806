#include "ship/shipfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include <eventfile/crc32c.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "ship/shiprun.h"

#define CHECK_BYTES 4096
#define SETTLE_NS (5 * NS_PER_S) /* a whole file has not changed for so long */
#define SETTLE_REMOTE_NS (30 * NS_PER_S)
#define SETTLE_AGE_NS (2 * NS_PER_S) /* and its mtime is so old */
#define LOOK_BYTES (64u << 20)       /* judged in one look */
#define HASH_BYTES (16u << 20)       /* hashed again in one turn */
#define REWRITE_NS (60 * NS_PER_S)   /* between two generations of a file of ./logs */
#define DOUBT_NS (3 * NS_PER_S)      /* durable within that, or asked for */
#define GAPS_MAX 1000

struct shipfile *shipfile_new(struct shiproot *root, const char *path, const char *name,
                              enum shipfile_kind kind)
{
    struct shipfile *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->root = root;
    file->path = strdup(path);
    file->name = strdup(name);
    file->kind = kind;
    file->fd = -1;
    file->due_ns = -1;
    file->state = kind == SHIPFILE_WHOLE ? SHIPFILE_RESTING : SHIPFILE_ASK;
    digest_init(&file->digest);
    return file->path && file->name ? file : shipfile_free(file);
}

struct shipfile *shipfile_free(struct shipfile *file)
{
    if (!file)
        return NULL;
    shipfile_rest(file);
    free(file->gaps);
    free(file->path);
    free(file->name);
    free(file);
    return NULL;
}

static struct shipfile_facts facts_of(const struct stat *st)
{
    return (struct shipfile_facts){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec,
    };
}

static bool same_file(const struct shipfile_facts *a, const struct shipfile_facts *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static bool same_facts(const struct shipfile_facts *a, const struct shipfile_facts *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static void trouble(struct shipfile *file, const char *why)
{
    if (!file->told)
        shiprun_leave_out(file->root->run, file->name, why);
    file->told = true;
}

/* ---- event files: what may be sent -------------------------------------------------------- */

static void add_gap(struct shipfile *file, const struct ef_gap *gap)
{
    size_t kept = 0;

    for (size_t i = 0; i < file->n_gaps; i++) /* what is acknowledged is over */
        if (file->gaps[i].offset + file->gaps[i].length > file->acked)
            file->gaps[kept++] = file->gaps[i];
    file->n_gaps = kept;
    if (kept == GAPS_MAX)
        return; /* they go unmarked: the server finds them by itself */
    struct shipfile_gap *gaps = realloc(file->gaps, (kept + 1) * sizeof *gaps);
    if (!gaps)
        return;
    file->gaps = gaps;
    file->gaps[file->n_gaps++] = (struct shipfile_gap){gap->offset, gap->length};
}

static void take_item(struct shipfile *file, const struct ef_item *item)
{
    if (item->kind == EF_ITEM_GAP)
        add_gap(file, &item->gap);
    else if (item->kind == EF_ITEM_LATE && item->gap.reason == EF_REASON_REPAIRED &&
             item->gap.offset + item->gap.length <= file->sent)
        file->repair = (struct shipfile_gap){item->gap.offset, item->gap.length};
}

/* Event files that turn out to be something else are followed like any other. */
static void follow_plainly(struct shipfile *file)
{
    file->kind = SHIPFILE_FOLLOW;
    file->reader = ef_reader_free(file->reader);
    file->limit = file->facts.size;
    file->due_ns = -1;
}

/* Runs the reader over what is new: limit is what may be sent. */
static void judge(struct shipfile *file, int64_t now_ns)
{
    struct timespec wall;
    struct ef_item item;
    uint64_t read = 0;
    int r = 0;

    if (!file->reader) {
        if (ef_reader_new(&file->reader) < 0)
            return;
        ef_reader_rewind(file->reader, MIN(file->boundary, file->facts.size));
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t age = wall.tv_sec * NS_PER_S + wall.tv_nsec - file->facts.mtime_ns;
    ef_reader_attach(file->reader, file->fd);
    ef_reader_tell(file->reader, file->facts.size, now_ns - MAX(age, 0), now_ns);
    if (file->final)
        ef_reader_finish(file->reader);
    while (read < LOOK_BYTES && (r = ef_reader_next(file->reader, &item)) > 0) {
        take_item(file, &item);
        read += item.kind == EF_ITEM_RECORDS ? item.size : 0;
    }
    if (r == EF_ERR_COMPRESSED || r == EF_ERR_NOT_EVENT_FILE) {
        follow_plainly(file);
        return;
    }
    struct ef_reader_stats stats = ef_reader_stats(file->reader);
    file->judged = r == 0;
    file->limit = r == 0 && (stats.suspect == 0 || file->final) ? file->facts.size : stats.offset;
    if (stats.suspect == 0)
        file->boundary = stats.offset;
    int64_t wait = ef_reader_wait_ns(file->reader);
    file->due_ns = r != 0 ? now_ns : wait < 0 ? -1 : now_ns + wait;
}

/* ---- looking ------------------------------------------------------------------------------ */

static bool open_file(struct shipfile *file)
{
    struct stat st;

    if (file->fd >= 0)
        return true;
    /* Links of ./logs to files are followed, as TensorBoard does; nothing may hold us up. */
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd < 0) {
        int error = errno;
        file->gone = error == ENOENT || error == ENOTDIR;
        if (error == EMFILE || error == ENFILE)
            file->due_ns = file->looked_ns + NS_PER_S;
        else if (!file->gone)
            trouble(file, strerror(error));
        return false;
    }
    if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(TAKE_FD(file->fd));
        file->gone = true;
        return false;
    }
    file->gone = false;
    return true;
}

/* The bytes that were remembered, now: 1 equal, 0 different, -errno. */
int shipfile_unchanged(struct shipfile *file)
{
    uint8_t now[SHIPFILE_MEMORY];
    uint64_t size = file->facts.size;
    size_t head = (size_t)MIN((uint64_t)file->head_size, size);

    if (head > 0) {
        ssize_t n = fileio_read(file->fd, now, head, 0);
        if (n < 0)
            return (int)n;
        if ((size_t)n != head || memcmp(now, file->head, head) != 0)
            return 0;
    }
    if (file->last_size == 0 || file->sent > size)
        return 1;
    ssize_t n = fileio_read(file->fd, now, file->last_size, file->sent - file->last_size);
    if (n < 0)
        return (int)n;
    return (size_t)n == file->last_size && memcmp(now, file->last, file->last_size) == 0;
}

/* What was learned from the file on disk is of no use any more. What is remembered of the bytes
 * that were sent stays: the file is compared with it. */
static void start_over(struct shipfile *file)
{
    file->reader = ef_reader_free(file->reader);
    file->boundary = 0;
    file->n_gaps = 0;
    file->repair.length = 0;
    file->unsure = false;
    digest_init(&file->digest);
}

/* The path leads to another file than the one that is open. True: the new one is open now. */
static bool change_over(struct shipfile *file)
{
    if (file->state == SHIPFILE_OPEN && file->sent < file->limit) {
        file->replaced = true; /* what is left of the old one goes first */
        return true;
    }
    file->replaced = false;
    close(TAKE_FD(file->fd));
    start_over(file);
    if (file->state != SHIPFILE_REFUSED && file->state != SHIPFILE_WAITING)
        file->state = SHIPFILE_ASK;
    file->resync = file->under_way > 0;
    return open_file(file);
}

/* A file that is followed. */
static bool look_followed(struct shipfile *file, int64_t now_ns)
{
    struct shipfile_facts was = file->facts;
    struct stat st, at_path;

    if (file->before) {
        if (stat(file->path, &st) < 0)
            return false;
        struct shipfile_facts facts = facts_of(&st);
        if (same_facts(&was, &facts))
            return false;
        file->before = false;
    }
    if (!open_file(file) || fstat(file->fd, &st) < 0)
        return false;
    if (stat(file->path, &at_path) < 0) {
        file->gone = errno == ENOENT;
    } else if (at_path.st_ino != st.st_ino || at_path.st_dev != st.st_dev) {
        if (!change_over(file) || fstat(file->fd, &st) < 0)
            return false;
    }
    file->facts = facts_of(&st);
    if (!same_facts(&was, &file->facts))
        file->changed_ns = now_ns;
    bool changed = !same_facts(&was, &file->facts) || !same_file(&was, &file->facts);
    if (changed && (file->state == SHIPFILE_OPEN || file->state == SHIPFILE_DONE)) {
        bool ask = file->facts.size < file->sent || file->unproven;
        if (ask || shipfile_unchanged(file) != 1) {
            file->resync = true;
            start_over(file);
        } else if (file->state == SHIPFILE_DONE && file->facts.size > file->sent) {
            file->state = SHIPFILE_OPEN; /* it goes on after all */
        }
    }
    if (file->kind == SHIPFILE_EVENT)
        judge(file, now_ns);
    else
        file->limit = file->facts.size;
    return shipfile_wants(file);
}

/* A file that is taken as a whole. */
static bool look_whole(struct shipfile *file, int64_t now_ns)
{
    int64_t settle = file->root->remote ? SETTLE_REMOTE_NS : SETTLE_NS;
    struct timespec wall;
    struct stat st;

    file->due_ns = -1;
    if (lstat(file->path, &st) < 0 || !S_ISREG(st.st_mode)) {
        file->gone = true;
        return shipfile_wants(file);
    }
    struct shipfile_facts facts = facts_of(&st);
    bool changed = !same_facts(&facts, &file->facts);
    file->gone = false;
    if (changed) {
        if (file->fd >= 0)
            return shipfile_wants(file); /* on its way: found out before the last request */
        file->facts = facts;
        file->changed_ns = now_ns;
        file->before = false;
        if (file->under_way == 0)
            file->state = SHIPFILE_RESTING;
    }
    if (file->before || file->state != SHIPFILE_RESTING)
        return shipfile_wants(file);
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t age = wall.tv_sec * NS_PER_S + wall.tv_nsec - facts.mtime_ns;
    int64_t wait = MAX(file->changed_ns + settle - now_ns, SETTLE_AGE_NS - age);
    if (age > settle)
        wait = 0; /* it was left alone long before it was met */
    if (wait > 0 && !file->final) {
        file->due_ns = now_ns + MIN(wait, settle);
        return false;
    }
    if (!file->root->outputs && file->anew_ns && !file->final &&
        now_ns < file->anew_ns + REWRITE_NS) {
        file->due_ns = file->anew_ns + REWRITE_NS; /* the newest waits */
        return false;
    }
    shipfile_rest(file);
    start_over(file);
    file->limit = file->facts.size;
    file->state = SHIPFILE_ASK;
    return true;
}

bool shipfile_ready(struct shipfile *file, int64_t now_ns)
{
    struct stat st;

    if (file->fd >= 0)
        return true;
    if (file->kind != SHIPFILE_WHOLE) {
        shipfile_look(file, now_ns);
        return file->fd >= 0;
    }
    if (!open_file(file)) {
        file->due_ns = now_ns + NS_PER_S;
        return false;
    }
    struct shipfile_facts facts = fstat(file->fd, &st) < 0 ? file->facts : facts_of(&st);
    if (same_facts(&facts, &file->facts))
        return true;
    if (file->final) { /* as it is now */
        file->facts = facts;
        file->limit = facts.size;
        return true;
    }
    shipfile_drop(file, now_ns);
    return false;
}

void shipfile_meet(struct shipfile *file, const struct stat *st, int64_t now_ns)
{
    file->facts = facts_of(st);
    file->changed_ns = now_ns;
    file->gone = false;
    if (file->kind == SHIPFILE_WHOLE)
        file->due_ns = now_ns;
}

bool shipfile_is_news(const struct shipfile *file, const struct stat *st)
{
    struct shipfile_facts facts = facts_of(st);

    return !same_facts(&facts, &file->facts) || file->gone;
}

void shipfile_rewritten(struct shipfile *file, int64_t now_ns)
{
    file->anew_ns = file->anew_ns ? file->anew_ns : now_ns - REWRITE_NS;
    file->kind = SHIPFILE_WHOLE;
    shipfile_drop(file, now_ns);
}

bool shipfile_look(struct shipfile *file, int64_t now_ns)
{
    file->looked_ns = now_ns;
    if (file->state == SHIPFILE_REFUSED)
        return false;
    return file->kind == SHIPFILE_WHOLE ? look_whole(file, now_ns) : look_followed(file, now_ns);
}

bool shipfile_doubts(struct shipfile *file, int64_t now_ns)
{
    if (file->state != SHIPFILE_OPEN || file->acked >= file->sent || file->under_way > 0 ||
        file->resync || file->queued || now_ns - file->heard_ns < DOUBT_NS)
        return false;
    file->heard_ns = now_ns;
    file->unsure = file->resync = true;
    return true;
}

void shipfile_rest(struct shipfile *file)
{
    file->reader = ef_reader_free(file->reader);
    if (file->fd >= 0)
        close(TAKE_FD(file->fd));
}

static bool wants_completion(const struct shipfile *file)
{
    bool whole = file->kind == SHIPFILE_WHOLE || file->final;

    return whole && !file->completing && file->sent == file->limit && !file->gone &&
           (file->kind != SHIPFILE_EVENT || file->judged || file->fd < 0);
}

bool shipfile_wants(const struct shipfile *file)
{
    if (file->before || file->state == SHIPFILE_REFUSED || file->state == SHIPFILE_RESTING ||
        file->state == SHIPFILE_WAITING)
        return false;
    if (file->resync)
        return file->under_way == 0;
    if (file->state == SHIPFILE_ASK || file->state == SHIPFILE_ANEW)
        return file->fd >= 0 || (!file->gone && !file->told);
    if (file->state == SHIPFILE_DONE)
        return false;
    return file->sent < file->limit || file->repair.length > 0 || wants_completion(file);
}

bool shipfile_over(const struct shipfile *file)
{
    if (file->before || file->state == SHIPFILE_DONE || file->state == SHIPFILE_REFUSED)
        return true;
    if (file->under_way > 0)
        return false;
    if ((file->gone || file->told) && file->fd < 0) /* nothing can be had any more */
        return true;
    /* Cut at its source: the server has more than there is here. */
    return file->state == SHIPFILE_OPEN && file->sent > file->facts.size &&
           file->kind != SHIPFILE_WHOLE;
}

/* ---- the server's side -------------------------------------------------------------------- */

static int range_equal(struct shipfile *file, uint64_t offset, size_t size, uint32_t crc)
{
    uint8_t bytes[CHECK_BYTES];

    ssize_t n = fileio_read(file->fd, bytes, size, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == size && ef_crc32c(bytes, size) == crc;
}

int shipfile_compare(struct shipfile *file, const struct channel_check *check)
{
    size_t size = (size_t)MIN(check->offset, (uint64_t)CHECK_BYTES);
    int equal = 1;

    if (!check->has || size == 0)
        return 1;
    /* Shorter than what it is compared with: it was cut since, or the server proves all it has and
     * nothing less. What was sent is remembered, in part; nothing is when this process is new. */
    if (file->facts.size < size)
        return file->head_size > 0 ? shipfile_unchanged(file) : 0;
    equal = range_equal(file, 0, size, check->head);
    if (equal == 1 && file->facts.size >= check->offset)
        equal = range_equal(file, check->offset - size, size, check->tail);
    return equal;
}

void shipfile_begin_anew(struct shipfile *file, uint32_t generation, int64_t now_ns)
{
    start_over(file);
    shipfile_resume(file, generation, 0);
    if (file->kind == SHIPFILE_WHOLE && file->anew_ns)
        file->anew_ns = now_ns;
    shipfile_look(file, now_ns);
}

void shipfile_resume(struct shipfile *file, uint32_t generation, uint64_t offset)
{
    file->generation = generation;
    file->acked = file->sent = offset;
    file->resync = file->completing = false;
    file->state = SHIPFILE_OPEN;
    file->last_size = 0;
    file->unproven = file->kind != SHIPFILE_WHOLE && offset > file->facts.size;
    if (offset == 0) {
        file->head_size = 0;
    } else if (file->fd >= 0) {
        uint64_t have = MIN(offset, file->facts.size);
        size_t n = (size_t)MIN(have, (uint64_t)SHIPFILE_MEMORY);
        if (n > file->head_size && fileio_read(file->fd, file->head, n, 0) == (ssize_t)n)
            file->head_size = (uint32_t)n;
        if (have == offset && fileio_read(file->fd, file->last, n, offset - n) == (ssize_t)n)
            file->last_size = (uint32_t)n;
    }
    if (file->digest.size > offset)
        digest_init(&file->digest);
}

/* Remembers the bytes before `sent`. */
static void remember(struct shipfile *file, const uint8_t *data, size_t size)
{
    if (file->head_size < SHIPFILE_MEMORY && file->sent == file->head_size) {
        size_t n = MIN(size, (size_t)SHIPFILE_MEMORY - file->head_size);
        memcpy(file->head + file->head_size, data, n);
        file->head_size += (uint32_t)n;
    }
    if (size >= SHIPFILE_MEMORY) {
        memcpy(file->last, data + size - SHIPFILE_MEMORY, SHIPFILE_MEMORY);
        file->last_size = SHIPFILE_MEMORY;
        return;
    }
    size_t keep = MIN((size_t)file->last_size, SHIPFILE_MEMORY - size);
    memmove(file->last, file->last + file->last_size - keep, keep);
    memcpy(file->last + keep, data, size);
    file->last_size = (uint32_t)(keep + size);
}

ssize_t shipfile_read(struct shipfile *file, void *data, size_t size)
{
    ssize_t n = fileio_read(file->fd, data, size, file->sent);

    if (n < 0)
        return n;
    if (n == 0)
        return -ESTALE; /* shorter than when it was looked at */
    /* Behind the read: it may have been rewritten since it was looked at. */
    if (file->kind != SHIPFILE_WHOLE && shipfile_unchanged(file) != 1)
        return -ESTALE;
    if (file->digest.size == file->sent)
        digest_add(&file->digest, data, (size_t)n);
    remember(file, data, (size_t)n);
    file->sent += (uint64_t)n;
    return n;
}

int shipfile_hash(struct shipfile *file)
{
    _cleanup_free_ uint8_t *piece = NULL;
    size_t done = 0;

    if (file->digest.size == file->sent)
        return 1;
    piece = malloc(256 << 10);
    if (!piece)
        return -ENOMEM;
    while (file->digest.size < file->sent) {
        size_t want = (size_t)MIN((uint64_t)(256 << 10), file->sent - file->digest.size);
        ssize_t n = fileio_read(file->fd, piece, want, file->digest.size);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -ESTALE;
        digest_add(&file->digest, piece, (size_t)n);
        done += (size_t)n;
        if (done >= HASH_BYTES)
            return file->digest.size == file->sent;
    }
    return 1;
}

bool shipfile_held_still(struct shipfile *file)
{
    struct stat st, at_path;

    if (file->fd < 0 || fstat(file->fd, &st) < 0)
        return false;
    struct shipfile_facts now = facts_of(&st);
    if (!same_facts(&now, &file->facts))
        return false;
    if (lstat(file->path, &at_path) < 0)
        return true; /* deleted since: what was taken is whole */
    now = facts_of(&at_path);
    return same_facts(&now, &file->facts);
}

void shipfile_drop(struct shipfile *file, int64_t now_ns)
{
    shipfile_rest(file);
    start_over(file);
    file->state = SHIPFILE_RESTING;
    file->facts = (struct shipfile_facts){0};
    file->due_ns = now_ns;
}
