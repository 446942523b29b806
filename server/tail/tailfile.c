#include "tail/tailfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

#define ORPHAN_NS (60 * NS_PER_S) /* a deleted file is closed when nothing came for so long */

/* Allowed moves, from row to column. */
static const bool moves[TAILFILE_STATES][TAILFILE_STATES] = {
    [TAILFILE_NEW] = {[TAILFILE_FOLLOWED] = true},
    [TAILFILE_FOLLOWED] = {[TAILFILE_CUT] = true, [TAILFILE_REFUSED] = true,
                           [TAILFILE_ORPHAN] = true},
    [TAILFILE_CUT] = {[TAILFILE_FOLLOWED] = true, [TAILFILE_ORPHAN] = true},
    [TAILFILE_REFUSED] = {[TAILFILE_FOLLOWED] = true, [TAILFILE_ORPHAN] = true},
    [TAILFILE_ORPHAN] = {[TAILFILE_FOLLOWED] = true, [TAILFILE_CUT] = true},
};

static void move(struct tailfile *file, enum tailfile_state state)
{
    if (file->state == state)
        return;
    CHECK(moves[file->state][state]);
    file->source->cut += state == TAILFILE_CUT;
    file->source->cut -= file->state == TAILFILE_CUT;
    file->state = state;
}

struct tailfile *tailfile_new(struct source *source, const char *name)
{
    struct tailfile *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->source = source;
    file->fd = -1;
    file->due_ns = -1;
    file->number = 1;
    file->name = strdup(name);
    if (!file->name)
        return tailfile_free(file);
    return file;
}

struct tailfile *tailfile_free(struct tailfile *file)
{
    if (!file)
        return NULL;
    if (file->fd >= 0)
        fdcache_close(&file->source->set->fdcache, &file->source->set->pool, file);
    source_set_inode(file->source, file, NULL);
    ef_reader_free(file->reader);
    identity_done(&file->identity);
    free(file->earlier);
    free(file->name);
    free(file->at);
    free(file->dir);
    free(file);
    return NULL;
}

struct tailfile *tailfile_new_added(struct source *source, const struct tail_added *added)
{
    struct tailfile *file = tailfile_new(source, added->path);

    if (!file)
        return NULL;
    file->number = added->number;
    file->handle = added->handle;
    file->grows = added->grows;
    file->at = strdup(added->at);
    file->dir = strdup(added->dir);
    return file->at && file->dir ? file : tailfile_free(file);
}

int tailfile_moved(struct tailfile *file, const struct tail_added *added)
{
    char *at = strdup(added->at);

    if (!at)
        return -ENOMEM;
    free(file->at);
    file->at = at;
    file->grows = added->grows;
    file->handle = file->handle ? file->handle : added->handle;
    return 0;
}

void tailfile_detach(struct tailfile *file)
{
    if (file->reader)
        ef_reader_attach(file->reader, -1);
}

static void close_file(struct tailfile *file)
{
    if (file->fd >= 0)
        fdcache_close(&file->source->set->fdcache, &file->source->set->pool, file);
}

static void keep_open(struct tailfile *file, int fd)
{
    file->fd = fd;
    ef_reader_attach(file->reader, fd);
    fdcache_use(&file->source->set->fdcache, &file->source->set->pool, file);
}

static void set_present(struct tailfile *file, bool present)
{
    if (present != file->present) {
        file->source->present += present;
        file->source->present -= !present;
    }
    file->present = present;
}

static void set_unreadable(struct tailfile *file, bool unreadable)
{
    if (unreadable != file->unreadable) {
        file->source->unreadable += unreadable;
        file->source->unreadable -= !unreadable;
    }
    file->unreadable = unreadable;
}

static int64_t ns_of(struct timespec t)
{
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Is what was no event file perhaps another one now? While it only grows, the reader knows when
 * to look again. */
static void note_refused(struct tailfile *file, const struct stat *st)
{
    if (file->state == TAILFILE_REFUSED || file->was_refused)
        file->ask_again |= file->facts.dev != st->st_dev || file->facts.ino != st->st_ino ||
                           (uint64_t)st->st_size < file->facts.size;
}

static bool facts_equal(const struct tailfile_facts *facts, const struct stat *st)
{
    return facts->dev == st->st_dev && facts->ino == st->st_ino &&
           facts->size == (uint64_t)st->st_size && facts->mtime_ns == ns_of(st->st_mtim) &&
           facts->ctime_ns == ns_of(st->st_ctim);
}

static void set_facts(struct tailfile *file, const struct source_turn *turn, const struct stat *st)
{
    int64_t mtime = ns_of(st->st_mtim);

    /* The reader's clock is the monotonic one: the wall may be set. */
    if (mtime != file->facts.mtime_ns) {
        double age_s = clock_wall_s(file->source->set->clock) - (double)mtime / 1e9;
        file->changed_ns = turn->now_ns - (int64_t)(age_s * 1e9);
    }
    source_set_inode(file->source, file, st);
    file->facts.size = (uint64_t)st->st_size;
    file->facts.mtime_ns = mtime;
    file->facts.ctime_ns = ns_of(st->st_ctim);
}

/* Opens what the path leads to now. A descriptor and *ret_st, or -errno (-ENOENT also for what is
 * no regular file). */
static int open_path(const char *path, struct stat *ret_st)
{
    /* Not blocking: the path may lead to a pipe by now. */
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;
    if (fstat(fd, ret_st) < 0)
        return -errno;
    if (!S_ISREG(ret_st->st_mode))
        return -ENOENT;
    return TAKE_FD(fd);
}

static void retry_soon(struct tailfile *file, const struct source_turn *turn)
{
    source_wait_until(file->source, file, turn->now_ns + NS_PER_S);
}

/* The path leads nowhere. What is open is read to its end. */
static void path_lost(struct tailfile *file, struct source_turn *turn)
{
    struct stat st;

    set_present(file, false);
    set_unreadable(file, false);
    tailfile_no_trouble(file);
    if (file->state == TAILFILE_NEW) {
        source_forget(file->source, file);
        return;
    }
    if (file->state != TAILFILE_ORPHAN) {
        file->was_refused = file->state == TAILFILE_REFUSED;
        move(file, TAILFILE_ORPHAN);
        file->orphan_until_ns = turn->now_ns + ORPHAN_NS;
    }
    if (file->fd < 0)
        return;
    uint64_t before = file->known_end;
    if (!file->was_refused && fstat(file->fd, &st) == 0 &&
        (uint64_t)st.st_size >= file->known_end &&
        identity_check(&file->identity, file->fd, (uint64_t)st.st_size, false, &turn->scratch) ==
            IDENTITY_EQUAL) {
        set_facts(file, turn, &st);
        if (!tailfile_read(file, turn, (uint64_t)st.st_size))
            return;
    }
    if (file->known_end > before)
        file->orphan_until_ns = turn->now_ns + ORPHAN_NS;
    if (file->due_ns >= 0)
        return; /* the reader wants another look */
    if (turn->now_ns >= file->orphan_until_ns)
        close_file(file);
    else
        source_wait_until(file->source, file, file->orphan_until_ns);
}

static void path_failed(struct tailfile *file, struct source_turn *turn, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENXIO:
        path_lost(file, turn);
        break;
    case EACCES:
    case EPERM:
        set_present(file, true);
        set_unreadable(file, true);
        tailfile_trouble(file, "permission denied");
        break;
    default:
        tailfile_trouble(file, strerrordesc_np(error));
        retry_soon(file, turn);
    }
}

/* Is the path's life known from before the start? Then it goes on there. 0; -errno: the proof
 * cannot be read now. */
static int resume_life(struct tailfile *file, struct source_turn *turn, int fd,
                       const struct stat *st, uint64_t *ret_offset)
{
    const struct tail_sink *sink = &file->source->set->sink;
    struct tail_place place = {0};
    uint32_t number = file->at ? file->number : 0;

    *ret_offset = 0;
    if (!sink->resume || (file->handle && !file->at) || file->n_earlier > 0 ||
        !sink->resume(sink->ctx, file->source->handle, file->name, &number, &place))
        return 0;
    const struct identity_mark head = {place.head_size, place.head_size, place.head_crc};
    const struct identity_mark window = {place.window_end, place.window_size, place.window_crc};
    if (file->at && number != file->number)
        return 0;
    identity_done(&file->identity);
    int r = identity_resume(&file->identity, fd, (uint64_t)st->st_size, &head, &window,
                            place.offset, &turn->scratch);
    if (r < 0)
        return r;
    /* A newer generation took its place just now; where it went is told soon. */
    if (r == IDENTITY_DIFFERENT && file->at && file->misses++ < 3)
        return -ESTALE;
    file->number = number;
    if (r == IDENTITY_EQUAL) {
        ef_reader_rewind(file->reader, place.offset);
        file->known_end = place.offset;
        *ret_offset = place.offset;
    } else {
        identity_done(&file->identity);
        turn->scratch.size = 0;
        file->number += !file->at;
    }
    return 0;
}

static void go_on(struct tailfile *file, struct source_turn *turn, int check,
                  const struct stat *st);

/* First sight of a file, or of a new life: tells the sink and reads. Takes the descriptor. */
static void begin_life(struct tailfile *file, struct source_turn *turn, int fd,
                       const struct stat *st)
{
    struct source *source = file->source;
    const struct tail_sink *sink = &source->set->sink;
    struct tail_generation generation = {.path = file->name, .number = file->number,
                                         .size = (uint64_t)st->st_size,
                                         .dir = file->dir ? file->dir : "",
                                         .added = file->at != NULL};
    _cleanup_close_ int owned = fd;

    if (!file->reader && ef_reader_new(&file->reader) < 0)
        file->reader = NULL;
    int r = file->reader ? resume_life(file, turn, fd, st, &generation.offset) : 0;
    if (r < 0) {
        tailfile_trouble(file, strerrordesc_np(-r));
        retry_soon(file, turn);
        return;
    }
    generation.number = file->number;
    if (file->reader && !file->handle)
        file->handle = sink->generation(sink->ctx, source->handle, &generation);
    if (!file->handle) {
        tailfile_trouble(file, "out of memory");
        retry_soon(file, turn);
        return;
    }
    atomic_fetch_add(&source->set->files, 1);
    set_unreadable(file, false);
    set_facts(file, turn, st);
    move(file, TAILFILE_FOLLOWED);
    keep_open(file, TAKE_FD(owned));
    if (generation.offset > 0) {
        tailfile_note_newest(file);
        go_on(file, turn, IDENTITY_EQUAL, st);
        return;
    }
    turn->scratch.size = 0;
    tailfile_read(file, turn, file->facts.size);
}

/* Handles of the lives before: those of `old`, and its own. */
static int inherit(struct tailfile *file, const struct tailfile *old)
{
    size_t n = old->n_earlier + 1;

    file->earlier = calloc(n, sizeof *file->earlier);
    if (!file->earlier)
        return -ENOMEM;
    if (old->n_earlier > 0)
        memcpy(file->earlier, old->earlier, old->n_earlier * sizeof *file->earlier);
    file->earlier[n - 1] = old->handle;
    file->n_earlier = n;
    file->number = old->number + 1;
    return 0;
}

/* Other bytes stand under the path: the old life ends, a new one begins. */
static void new_life(struct tailfile *old, struct source_turn *turn, const struct stat *st)
{
    struct source *source = old->source;

    if (old->number >= LIMIT_GENERATIONS_PER_PATH) {
        tailfile_trouble(old, "rewritten too often, not read any more");
        return;
    }
    struct tailfile *file = tailfile_new(source, old->name);
    if (!file || inherit(file, old) < 0 || source_replace(source, old, file) < 0) {
        tailfile_free(file);
        tailfile_trouble(old, "out of memory");
        retry_soon(old, turn);
        return;
    }
    if (old->facts.dev == st->st_dev && old->facts.ino == st->st_ino)
        close_file(old); /* rewritten in place: nothing of it is left */
    set_present(old, false);
    set_unreadable(old, false);
    tailfile_no_trouble(old);
    move(old, TAILFILE_ORPHAN);
    old->replaced = true;
    old->orphan_until_ns = turn->now_ns + ORPHAN_NS;
    source_wait_until(source, old, old->orphan_until_ns);
    set_present(file, true);
    source_mark_dirty(source, file);
}

/* Is a known file found again under the new name? Its lives go on there, behind those that had the
 * name before; where that would be too many, it is read anew. */
static bool is_moved(const struct tailfile *moved, const struct tailfile *newcomer,
                     struct source_turn *turn, int fd, const struct stat *st)
{
    return moved && newcomer->number + moved->n_earlier <= LIMIT_GENERATIONS_PER_PATH &&
           (uint64_t)st->st_size >= moved->known_end &&
           (moved->known_end > 0 || moved->fd >= 0) &&
           identity_check(&moved->identity, fd, (uint64_t)st->st_size, true, &turn->scratch) ==
               IDENTITY_EQUAL;
}

/* A new name. */
static void meet(struct tailfile *file, struct source_turn *turn)
{
    struct stat st = {0};
    int fd = open_path(turn->path, &st);

    if (fd < 0) {
        path_failed(file, turn, -fd);
        return;
    }
    struct tailfile *moved = source_find_moved(file->source, &st);
    if (is_moved(moved, file, turn, fd, &st)) {
        close(fd);
        source_rename(file->source, moved, file);
        return;
    }
    if (moved)
        close_file(moved); /* what comes now is this file's */
    set_present(file, true);
    begin_life(file, turn, fd, &st);
}

/* A file that was no event file has changed: it is asked anew, from its start. */
static int ask_again(struct tailfile *file)
{
    ef_reader *reader;

    if (ef_reader_new(&reader) < 0)
        return -ENOMEM;
    ef_reader_free(file->reader);
    file->reader = reader;
    ef_reader_attach(reader, file->fd);
    return 0;
}

/* The descriptor's bytes are those that were read (`check`): where does it go on? */
static void go_on(struct tailfile *file, struct source_turn *turn, int check,
                  const struct stat *st)
{
    if (check < 0) {
        tailfile_trouble(file, strerrordesc_np(-check));
        retry_soon(file, turn);
    } else if (check == IDENTITY_DIFFERENT) {
        new_life(file, turn, st);
    } else if ((uint64_t)st->st_size < file->known_end) {
        move(file, TAILFILE_CUT);
        file->more = false;
        file->settled = true;
        tailfile_count(file);
    } else {
        if (file->ask_again && ask_again(file) < 0) {
            retry_soon(file, turn);
            return;
        }
        file->ask_again = file->was_refused = false;
        set_unreadable(file, false);
        move(file, TAILFILE_FOLLOWED);
        tailfile_read(file, turn, (uint64_t)st->st_size);
    }
}

/* The path leads to the file that was read. */
static void same_inode(struct tailfile *file, struct source_turn *turn, const struct stat *seen)
{
    struct stat st = {0};
    bool reopened = file->fd < 0, whole = file->state != TAILFILE_FOLLOWED;

    if (facts_equal(&file->facts, seen) && !file->more && !file->unreadable && !whole)
        return;
    if (facts_equal(&file->facts, seen) && file->state == TAILFILE_REFUSED && !file->more)
        return;
    note_refused(file, seen);
    if (reopened) {
        int fd = open_path(turn->path, &st);
        if (fd < 0) {
            path_failed(file, turn, -fd);
            return;
        }
        if (st.st_ino != seen->st_ino || st.st_dev != seen->st_dev) {
            close(fd); /* replaced this very moment */
            source_mark_dirty(file->source, file);
            turn->budget -= LIMIT_TURN_BYTES / 64;
            return;
        }
        keep_open(file, fd);
    } else if (fstat(file->fd, &st) == 0) {
        fdcache_use(&file->source->set->fdcache, &file->source->set->pool, file);
    } else {
        st = *seen;
    }
    set_facts(file, turn, &st);
    bool shorter = (uint64_t)st.st_size < file->known_end;
    int check = identity_check(&file->identity, file->fd, (uint64_t)st.st_size,
                               reopened || whole || shorter, &turn->scratch);
    go_on(file, turn, check, &st);
}

/* What the descriptor still holds of a file that lost its path. False: come back. */
static bool drain(struct tailfile *file, struct source_turn *turn)
{
    struct stat st = {0};

    if (file->fd < 0 || file->state == TAILFILE_REFUSED || file->was_refused)
        return true;
    if (fstat(file->fd, &st) < 0 || (uint64_t)st.st_size < file->known_end ||
        identity_check(&file->identity, file->fd, (uint64_t)st.st_size, false, &turn->scratch) !=
            IDENTITY_EQUAL)
        return true;
    set_facts(file, turn, &st);
    return tailfile_read(file, turn, (uint64_t)st.st_size) || file->due_ns >= 0;
}

/* The path leads to another file than the one that was read. */
static void other_inode(struct tailfile *file, struct source_turn *turn)
{
    struct stat st = {0};

    if (!drain(file, turn))
        return;
    int fd = open_path(turn->path, &st);
    if (fd < 0) {
        path_failed(file, turn, -fd);
        return;
    }
    note_refused(file, &st);
    int check = identity_check(&file->identity, fd, (uint64_t)st.st_size, true, &turn->scratch);
    if (check == IDENTITY_EQUAL && (uint64_t)st.st_size >= file->known_end) {
        close_file(file);
        set_facts(file, turn, &st);
        keep_open(file, fd);
    } else {
        close(fd);
    }
    go_on(file, turn, check, &st);
}

static void visit_replaced(struct tailfile *file, struct source_turn *turn)
{
    uint64_t before = file->known_end;

    if (!drain(file, turn))
        return;
    if (file->known_end > before)
        file->orphan_until_ns = turn->now_ns + ORPHAN_NS;
    if (turn->now_ns >= file->orphan_until_ns)
        close_file(file);
    else if (file->due_ns < 0)
        source_wait_until(file->source, file, file->orphan_until_ns);
}

/* A file that was added: its place and its bytes are what its owner says they are. */
static void visit_added(struct tailfile *file, struct source_turn *turn)
{
    struct stat st = {0};
    int fd = file->fd >= 0 ? file->fd : open_path(file->at, &st);

    if (fd < 0 || (file->fd >= 0 && fstat(fd, &st) < 0)) {
        tailfile_trouble(file, strerrordesc_np(fd < 0 ? -fd : errno));
        if (file->grows)
            retry_soon(file, turn);
        return;
    }
    if (file->state == TAILFILE_NEW) {
        begin_life(file, turn, fd, &st);
        return;
    }
    set_facts(file, turn, &st);
    keep_open(file, fd);
    if (file->state == TAILFILE_REFUSED && (ask_again(file) < 0 || file->known_end > 0))
        return;
    if ((uint64_t)st.st_size < file->known_end) /* it will be whole again, or stays as it is */
        return;
    move(file, TAILFILE_FOLLOWED);
    turn->scratch.size = 0;
    if (identity_check(&file->identity, fd, (uint64_t)st.st_size, false, &turn->scratch) ==
        IDENTITY_EQUAL)
        tailfile_read(file, turn, (uint64_t)st.st_size);
}

void tailfile_visit(struct tailfile *file, struct source_turn *turn)
{
    struct source *source = file->source;
    struct stat st = {0};

    if (file->at) {
        visit_added(file, turn);
        return;
    }

    if (file->replaced) {
        visit_replaced(file, turn);
        return;
    }
    int n = snprintf(turn->path, sizeof turn->path, "%s/%s", source->path, file->name);
    if (n < 0 || (size_t)n >= sizeof turn->path) {
        tailfile_trouble(file, "path too long");
        return;
    }
    if (stat(turn->path, &st) < 0) {
        path_failed(file, turn, errno);
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        path_lost(file, turn);
        return;
    }
    if (file->state == TAILFILE_NEW) {
        meet(file, turn);
        return;
    }
    set_present(file, true);
    if (st.st_dev == file->facts.dev && st.st_ino == file->facts.ino)
        same_inode(file, turn, &st);
    else
        other_inode(file, turn);
}
