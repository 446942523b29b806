#include "tail/source.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/sha256.h"
#include "tail/sorted.h"
#include "tail/tailfile.h"

enum { RUN_ID_DIGITS = 16 };

struct source *source_new(struct source_set *set, const char *path, const char *name,
                          const char *experiment)
{
    struct source *source = calloc(1, sizeof *source);

    if (!source)
        return NULL;
    source->set = set;
    source->task.due_ns = -1;
    source->dirty_tail = &source->dirty;
    source->path = strdup(path);
    source->name = strdup(name);
    source->experiment = strdup(experiment);
    if (!source->path || !source->name || !source->experiment)
        return source_free(source);
    return source;
}

static void clear_mail(struct source_mail *mail)
{
    for (size_t i = 0; i < mail->n_names; i++)
        free(mail->names[i]);
    free(mail->names);
    mail->names = NULL;
    mail->n_names = mail->capacity = 0;
}

struct source *source_free(struct source *source)
{
    if (!source)
        return NULL;
    for (size_t i = 0; i < source->n_files; i++)
        tailfile_free(source->files[i]);
    while (source->orphans) {
        struct tailfile *file = source->orphans;
        source->orphans = file->next_orphan;
        tailfile_free(file);
    }
    while (source->added) {
        struct tailfile *file = source->added;
        source->added = file->next_orphan;
        tailfile_free(file);
    }
    while (source->mail.additions) {
        struct addition *addition = source->mail.additions;
        source->mail.additions = addition->next;
        free(addition);
    }
    clear_mail(&source->mail);
    hashindex_done(&source->by_inode);
    free(source->files);
    free(source->path);
    free(source->name);
    free(source->experiment);
    free(source->id);
    free(source);
    return NULL;
}

static const char *mail_name(const void *item)
{
    return *(char *const *)item;
}

static int mail_add(struct source_mail *mail, const char *name)
{
    static const struct sorted names = {sizeof(char *), mail_name};
    ptrdiff_t place = sorted_place(&names, mail->names, mail->n_names, name);

    if (place >= 0)
        return 0;
    char *copy = strdup(name);
    if (!copy ||
        sorted_open(&names, &mail->names, &mail->n_names, &mail->capacity, (size_t)~place) < 0) {
        free(copy);
        return -ENOMEM;
    }
    mail->names[~place] = copy;
    return 0;
}

int source_post(struct source *source, const char *const *names, size_t n, bool all, bool live)
{
    struct pool *pool = &source->set->pool;
    int r = 0;

    pool_lock(pool);
    source->mail.all |= all;
    for (size_t i = 0; i < n; i++) {
        if (mail_add(&source->mail, names[i]) < 0) {
            source->mail.all = true;
            r = -ENOMEM;
        }
    }
    pool_wake_locked(pool, &source->task, live);
    pool_unlock(pool);
    return r;
}

void source_post_watch(struct source *source, enum tail_watch watch, uint32_t poll_ms,
                       uint32_t left_out)
{
    pool_lock(&source->set->pool);
    source->mail.watch = watch;
    source->mail.poll_ms = poll_ms;
    source->mail.left_out = left_out;
    pool_unlock(&source->set->pool);
}

void source_post_addition(struct source *source, struct addition *addition)
{
    struct pool *pool = &source->set->pool;

    pool_lock(pool);
    addition->next = source->mail.additions;
    source->mail.additions = addition;
    pool_wake_locked(pool, &source->task, false);
    pool_unlock(pool);
}

void source_poke(struct source *source)
{
    struct pool *pool = &source->set->pool;

    pool_lock(pool);
    source->mail.poked = true;
    pool_wake_locked(pool, &source->task, true);
    pool_unlock(pool);
}

void source_mark_dirty(struct source *source, struct tailfile *file)
{
    if (file->is_dirty)
        return;
    file->is_dirty = true;
    file->next_dirty = NULL;
    *source->dirty_tail = file;
    source->dirty_tail = &file->next_dirty;
}

static struct tailfile *take_dirty(struct source *source)
{
    struct tailfile *file = source->dirty;

    if (!file)
        return NULL;
    source->dirty = file->next_dirty;
    if (!source->dirty)
        source->dirty_tail = &source->dirty;
    file->is_dirty = false;
    return file;
}

void source_wait_until(struct source *source, struct tailfile *file, int64_t due_ns)
{
    file->due_ns = due_ns;
    if (due_ns < 0 || file->is_waiting)
        return; /* a file without a due time leaves the list at the next look */
    file->is_waiting = true;
    file->next_waiting = source->waiting;
    source->waiting = file;
}

/* Files that are due become dirty. Returns the earliest time of the others, -1 if none. */
static int64_t look_at_waiting(struct source *source, int64_t now_ns)
{
    int64_t earliest = -1;

    for (struct tailfile **place = &source->waiting; *place;) {
        struct tailfile *file = *place;
        if (file->due_ns >= 0 && file->due_ns > now_ns) {
            if (earliest < 0 || file->due_ns < earliest)
                earliest = file->due_ns;
            place = &file->next_waiting;
            continue;
        }
        *place = file->next_waiting;
        file->is_waiting = false;
        if (file->due_ns >= 0) {
            file->more = true;
            source_mark_dirty(source, file);
        }
        file->due_ns = -1;
    }
    return earliest;
}

static const char *file_name(const void *item)
{
    return (*(struct tailfile *const *)item)->name;
}

static const struct sorted files = {sizeof(struct tailfile *), file_name};

static ptrdiff_t file_place(const struct source *source, const char *name)
{
    return sorted_place(&files, source->files, source->n_files, name);
}

static int insert_file(struct source *source, struct tailfile *file)
{
    ptrdiff_t place = file_place(source, file->name);

    DCHECK(place < 0);
    if (sorted_open(&files, &source->files, &source->n_files, &source->capacity,
                    (size_t)~place) < 0)
        return -ENOMEM;
    source->files[~place] = file;
    return 0;
}

static void remove_file(struct source *source, const struct tailfile *file)
{
    ptrdiff_t at = file_place(source, file->name);

    DCHECK(at >= 0 && source->files[at] == file);
    sorted_close(&files, source->files, &source->n_files, (size_t)at);
}

int source_replace(struct source *source, struct tailfile *old, struct tailfile *file)
{
    if (!old)
        return insert_file(source, file);
    ptrdiff_t at = file_place(source, old->name);
    DCHECK(at >= 0 && source->files[at] == old && strcmp(old->name, file->name) == 0);
    source->files[at] = file;
    old->next_orphan = source->orphans;
    source->orphans = old;
    return 0;
}

static void take_name(struct source *source, const char *name)
{
    ptrdiff_t at = file_place(source, name);
    struct tailfile *file = at >= 0 ? source->files[at] : tailfile_new(source, name);

    if (file && at < 0 && insert_file(source, file) < 0)
        file = tailfile_free(file);
    if (!file) {
        log_error("out of memory: %s/%s is looked at later", source->path, name);
        atomic_store(&source->relist, true);
        atomic_store(&source->set->relists, true);
        return;
    }
    source_mark_dirty(source, file);
    for (struct tailfile *f = source->orphans; f; f = f->next_orphan) {
        if (strcmp(f->name, name) == 0)
            source_mark_dirty(source, f); /* it may be the one that grew */
    }
}

static void unlink_waiting(struct source *source, const struct tailfile *file)
{
    for (struct tailfile **p = &source->waiting; *p; p = &(*p)->next_waiting) {
        if (*p == file) {
            *p = file->next_waiting;
            return;
        }
    }
}

static void unlink_dirty(struct source *source, const struct tailfile *file)
{
    for (struct tailfile **p = &source->dirty; *p; p = &(*p)->next_dirty) {
        if (*p != file)
            continue;
        *p = file->next_dirty;
        if (!*p)
            source->dirty_tail = p;
        return;
    }
}

/* Does the path of `file` still lead to it? */
static bool at_its_path(const struct source *source, const struct tailfile *file)
{
    char path[LIMIT_PATH_BYTES];
    struct stat st;

    int n = snprintf(path, sizeof path, "%s/%s", source->path, file->name);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) < 0)
        return false;
    return st.st_dev == file->facts.dev && st.st_ino == file->facts.ino;
}

static uint64_t inode_hash(dev_t dev, ino_t ino)
{
    return hashindex_hash_number((uint64_t)ino * 31 + (uint64_t)dev);
}

void source_set_inode(struct source *source, struct tailfile *file, const struct stat *st)
{
    if (st && file->facts.dev == st->st_dev && file->facts.ino == st->st_ino && file->indexed)
        return;
    if (file->indexed)
        hashindex_remove(&source->by_inode, inode_hash(file->facts.dev, file->facts.ino), file);
    file->indexed = false;
    if (!st)
        return;
    file->facts.dev = st->st_dev;
    file->facts.ino = st->st_ino;
    /* Without memory a rename of this file is not recognized: it is read anew. */
    file->indexed =
        hashindex_add(&source->by_inode, inode_hash(st->st_dev, st->st_ino), file) == 0;
}

struct tailfile *source_find_moved(struct source *source, const struct stat *st)
{
    struct tailfile *file =
        hashindex_find(&source->by_inode, inode_hash(st->st_dev, st->st_ino), NULL);

    if (!file || file->facts.ino != st->st_ino || file->facts.dev != st->st_dev)
        return NULL;
    return file->replaced || !at_its_path(source, file) ? file : NULL;
}

/* Takes a file out of the place it has. A later life under its old path loses its ancestors: they
 * move along. */
static void leave_path(struct source *source, struct tailfile *file)
{
    ptrdiff_t at = file_place(source, file->name);

    if (at >= 0 && source->files[at] == file) {
        remove_file(source, file);
        take_name(source, file->name);
        return;
    }
    if (at >= 0)
        source->files[at]->n_earlier = 0;
    for (struct tailfile **p = &source->orphans; *p; p = &(*p)->next_orphan) {
        if (*p == file) {
            *p = file->next_orphan;
            return;
        }
    }
}

/* The lives that had the name before stand in front of the file's own. Without memory for the list
 * they are not renamed if the file is once more. */
static void adopt_earlier(struct tailfile *file, struct tailfile *newcomer)
{
    size_t n = newcomer->n_earlier + file->n_earlier;
    void **all = newcomer->n_earlier ? calloc(n, sizeof *all) : NULL;

    if (!all)
        return;
    memcpy(all, newcomer->earlier, newcomer->n_earlier * sizeof *all);
    if (file->n_earlier > 0)
        memcpy(all + newcomer->n_earlier, file->earlier, file->n_earlier * sizeof *all);
    free(file->earlier);
    file->earlier = all;
    file->n_earlier = n;
}

void source_rename(struct source *source, struct tailfile *file, struct tailfile *newcomer)
{
    const struct tail_sink *sink = &source->set->sink;

    leave_path(source, file);
    ptrdiff_t at = file_place(source, newcomer->name);
    DCHECK(at >= 0 && source->files[at] == newcomer);
    source->files[at] = file;
    free(file->name);
    file->name = TAKE_PTR(newcomer->name);
    file->replaced = false;
    uint32_t number = newcomer->number; /* its lives come behind those that had the name before */
    for (size_t i = 0; i < file->n_earlier; i++)
        sink->renamed(sink->ctx, source->handle, file->earlier[i], file->name, number++);
    sink->renamed(sink->ctx, source->handle, file->handle, file->name, number);
    file->number = number;
    adopt_earlier(file, newcomer);
    unlink_dirty(source, newcomer);
    unlink_waiting(source, newcomer);
    tailfile_free(newcomer);
    source_mark_dirty(source, file);
}

/* Orphans that were given up, and files that never came to be, are released. */
static void drop_dead(struct source *source)
{
    for (struct tailfile **p = &source->orphans; *p;) {
        struct tailfile *file = *p;
        if (file->fd >= 0 || file->due_ns >= 0 || file->is_dirty || file->is_waiting) {
            p = &file->next_orphan;
            continue;
        }
        *p = file->next_orphan;
        tailfile_free(file);
    }
}

static struct tailfile *find_added(struct source *source, const struct tail_added *added)
{
    struct tailfile *file = source->added;

    while (file && (file->number != added->number || strcmp(file->name, added->path) != 0))
        file = file->next_orphan;
    return file;
}

/* Files that were added since, in their order; and those that grow, if somebody poked. */
static void take_additions(struct source *source, struct source_mail *mail)
{
    struct addition *turned = NULL;

    while (mail->additions) {
        struct addition *addition = mail->additions;
        mail->additions = addition->next;
        addition->next = turned;
        turned = addition;
    }
    while (turned) {
        struct addition *addition = turned;
        turned = addition->next;
        struct tailfile *file = find_added(source, &addition->added);
        if (file && tailfile_moved(file, &addition->added) == 0) {
            source_mark_dirty(source, file);
        } else if (!file && (file = tailfile_new_added(source, &addition->added))) {
            file->next_orphan = source->added;
            source->added = file;
            source_mark_dirty(source, file);
        } else {
            log_error("out of memory: %s is not read", addition->added.at);
        }
        free(addition);
    }
    for (struct tailfile *f = mail->poked ? source->added : NULL; f; f = f->next_orphan)
        if (f->grows)
            source_mark_dirty(source, f);
}

static void take_mail(struct source *source)
{
    struct source_mail mail;

    pool_lock(&source->set->pool);
    mail = source->mail;
    source->mail.additions = NULL;
    source->mail.poked = false;
    source->mail.names = NULL;
    source->mail.n_names = source->mail.capacity = 0;
    source->mail.all = false;
    pool_unlock(&source->set->pool);
    /* New names first: one of them may be a known file's new name, which must be known before
     * somebody else is met under the old one. */
    for (size_t i = 0; i < mail.n_names; i++) {
        if (file_place(source, mail.names[i]) < 0)
            take_name(source, mail.names[i]);
    }
    for (size_t i = 0; i < mail.n_names; i++)
        take_name(source, mail.names[i]);
    for (size_t i = 0; mail.all && i < source->n_files; i++)
        source_mark_dirty(source, source->files[i]);
    for (struct tailfile *f = mail.all ? source->orphans : NULL; f; f = f->next_orphan)
        source_mark_dirty(source, f);
    take_additions(source, &mail);
    source->state.watch = mail.watch;
    source->state.poll_ms = mail.poll_ms;
    source->state.left_out = mail.left_out;
    clear_mail(&mail);
}

static bool announce(struct source *source)
{
    const struct tail_sink *sink = &source->set->sink;
    char id[RUN_ID_DIGITS + 1];

    if (source->handle || source->refused)
        return !source->refused;
    if (source->id || sha256_hex(source->path, strlen(source->path), RUN_ID_DIGITS, id) == 0) {
        struct tail_run run = {.id = source->id ? source->id : id,
                               .name = source->name,
                               .experiment = source->experiment,
                               .path = source->path};
        source->handle = sink->run_found(sink->ctx, &run);
    }
    if (!source->handle) {
        source->refused = true;
        log_warn("%s: the run cannot be taken up", source->path);
        return false;
    }
    atomic_fetch_add(&source->set->runs, 1);
    return true;
}

void source_forget(struct source *source, struct tailfile *file)
{
    remove_file(source, file);
    unlink_dirty(source, file);
    unlink_waiting(source, file);
    tailfile_free(file);
}

static void tell_state(struct source *source)
{
    const struct tail_sink *sink = &source->set->sink;
    struct tail_state *state = &source->state;

    state->gone = source->present == 0;
    state->cut_at_source = source->cut > 0;
    state->unreadable = source->unreadable;
    state->loading = source->dirty != NULL;
    if (source->told_once && memcmp(&source->told, state, sizeof *state) == 0)
        return;
    memcpy(&source->told, state, sizeof *state); /* padding too: it is compared */
    source->told_once = true;
    sink->state(sink->ctx, source->handle, state);
}

static void end_first_load(struct source *source)
{
    if (!source->first_load)
        return;
    source->first_load = false;
    atomic_fetch_sub(&source->set->loading, 1);
}

static void reread_file(struct source *source, struct tailfile *file)
{
    if (file->state == TAILFILE_NEW || file->known_end == 0)
        return;
    file->replay_due = file->more = true;
    source_mark_dirty(source, file);
}

/* The sink has lost what it was given. */
static void reread_all(struct source *source)
{
    const struct tail_sink *sink = &source->set->sink;

    if (!sink->reread || !sink->reread(sink->ctx, source->handle))
        return;
    for (size_t i = 0; i < source->n_files; i++)
        reread_file(source, source->files[i]);
    for (struct tailfile *f = source->orphans; f; f = f->next_orphan)
        reread_file(source, f);
    for (struct tailfile *f = source->added; f; f = f->next_orphan)
        reread_file(source, f);
}

bool source_may_read(struct source_turn *turn)
{
    struct source_set *set = turn->source->set;
    const int64_t most = LIMIT_TURN_ALONE_BYTES - LIMIT_TURN_BYTES;

    if (pool_stopping(&set->pool))
        return false;
    if (turn->budget > 0)
        return true;
    if (turn->granted >= most || pool_wanted(&set->pool) ||
        clock_ns(set->clock) - turn->now_ns >= LIMIT_TURN_ALONE_MS * NS_PER_MS)
        return false;
    turn->budget += LIMIT_TURN_BYTES / 8;
    turn->granted += LIMIT_TURN_BYTES / 8;
    return turn->budget > 0;
}

struct pool_verdict source_turn(struct pool_task *task)
{
    struct source *source = (struct source *)task;
    struct source_turn turn = {.source = source, .budget = LIMIT_TURN_BYTES};
    struct pool_verdict verdict = {.due_ns = -1};

    turn.now_ns = clock_ns(source->set->clock);
    take_mail(source);
    if (!announce(source)) {
        end_first_load(source);
        return verdict;
    }
    reread_all(source);
    look_at_waiting(source, turn.now_ns);
    while (source_may_read(&turn)) {
        struct tailfile *file = take_dirty(source);
        if (!file)
            break;
        tailfile_visit(file, &turn);
    }
    drop_dead(source);
    tell_state(source);
    source->set->sink.commit(source->set->sink.ctx, source->handle);
    verdict.due_ns = look_at_waiting(source, turn.now_ns);
    verdict.more = source->dirty != NULL;
    if (!verdict.more)
        end_first_load(source);
    return verdict;
}
