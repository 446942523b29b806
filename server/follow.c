#include "follow.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <eventfile/salvage.h>

#include "base/check.h"
#include "base/log.h"

enum { LOGS = 5, LAST_BYTES = 4096, REPAIRS = 16 };

struct follow_run;

/* The receiver's handle of a generation, and where it is kept. */
struct follow_file {
    struct follow_file *next;
    struct follow_run *run;
    void *inner;
    struct archive_file *kept; /* NULL: it is not archived */
    char *path;                /* as the tailer knows it */
    uint32_t number;
    bool added;                /* read from the archive: it is there already */
    uint64_t end;              /* bytes that were given on as records or damage */
    struct damage repairs[REPAIRS];
    size_t n_repairs;
};

struct follow_run {
    struct follow_run *next;
    void *inner;
    struct archive_run *kept; /* NULL: not archived */
    struct follow_file *files;
    bool found; /* it has a directory */
};

struct follow {
    struct tail_sink inner;
    struct archive *archive;
    pthread_mutex_t lock; /* tail, waiting, runs */
    struct tail *tail;
    struct waiting *waiting; /* came before the tailer did */
    struct follow_run *runs;
};

/* A call of tail_add_file() that came before there was a tailer. */
struct waiting {
    struct waiting *next;
    struct archive_file *kept;
    struct follow_file *file; /* NULL: the sink is asked */
};

/* ---- names -------------------------------------------------------------------------------- */

static int kept_path(const struct follow_run *run, const char *path, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%s%s", run->found ? "logs/" : "", path);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* The directory of an archived file: its path below logs/ without the name, with nodes/k/ kept. */
static void dir_of(const char *path, char ret[LIMIT_PATH_BYTES + 1])
{
    const char *slash = strrchr(path, '/'), *logs = strncmp(path, "logs/", LOGS) == 0 ? path : NULL;
    size_t kept = 0;

    ret[0] = '\0';
    if (!logs && strncmp(path, "nodes/", 6) == 0) {
        logs = strstr(path, "/logs/");
        kept = logs ? (size_t)(logs - path) : 0;
        logs = logs ? logs + 1 : NULL;
    }
    if (!logs || !slash)
        return;
    size_t n = slash > logs + LOGS ? (size_t)(slash - (logs + LOGS)) : 0;
    snprintf(ret, LIMIT_PATH_BYTES + 1, "%.*s%s%.*s", (int)kept, path, kept && n ? "/" : "",
             (int)n, n ? logs + LOGS : "");
}

static struct tail_run tail_run_of(struct archive_run *kept)
{
    const struct archive_run_info *info = archive_run_info(kept);

    return (struct tail_run){.id = info->id, .name = info->name,
                             .experiment = info->experiment,
                             .path = info->kind == ARCHIVE_RUN_FOUND ? info->source : ""};
}

/* ---- to the tailer ------------------------------------------------------------------------ */

static int add(struct follow *follow, struct tail *tail, struct archive_file *kept,
               struct follow_file *file)
{
    struct archive_run *run = archive_file_run(kept);
    const struct archive_file_facts facts = archive_file_facts(kept);
    const bool found = archive_run_info(run)->kind == ARCHIVE_RUN_FOUND;
    char place[2 * LIMIT_PATH_BYTES], at[3 * LIMIT_PATH_BYTES], dir[LIMIT_PATH_BYTES + 1] = "";

    int r = archive_local_path(kept, place, sizeof place);
    if (r < 0)
        return r;
    snprintf(at, sizeof at, "%s/%s", archive_dir(follow->archive), place);
    if (!found)
        dir_of(facts.path, dir);
    const struct tail_added added = {
        .run = tail_run_of(run),
        .dir = dir,
        .path = found && strncmp(facts.path, "logs/", LOGS) == 0 ? facts.path + LOGS : facts.path,
        .number = facts.generation,
        .at = at,
        .grows = !found && facts.newest,
        .unless_found = found && !file,
        .handle = file,
    };
    return tail_add_file(tail, &added);
}

/* Now, or as soon as there is a tailer. */
static int add_later(struct follow *follow, struct archive_file *kept, struct follow_file *file)
{
    pthread_mutex_lock(&follow->lock);
    struct tail *tail = follow->tail;
    struct waiting *waiting = tail ? NULL : malloc(sizeof *waiting);
    if (waiting) {
        *waiting = (struct waiting){follow->waiting, kept, file};
        follow->waiting = waiting;
    }
    /* Not outside the lock: follow_stop() must know that nobody is inside. */
    int r = tail ? add(follow, tail, kept, file) : waiting ? 0 : -ENOMEM;
    pthread_mutex_unlock(&follow->lock);
    return r;
}

static bool is_read(struct archive_file *kept)
{
    return archive_file_facts(kept).event_file;
}

void follow_begun(void *ctx, struct archive_file *kept)
{
    struct archive_run *run = archive_file_run(kept);

    if (archive_run_info(run)->kind == ARCHIVE_RUN_FOUND || !is_read(kept))
        return;
    if (add_later(ctx, kept, NULL) < 0)
        log_error("%s: not shown before the next start: out of memory",
                  archive_file_facts(kept).path);
}

void follow_written(void *ctx, struct archive_file *kept)
{
    struct follow *follow = ctx;
    const struct archive_run_info *info = archive_run_info(archive_file_run(kept));

    if (info->kind == ARCHIVE_RUN_FOUND)
        return;
    pthread_mutex_lock(&follow->lock);
    if (follow->tail)
        tail_poke(follow->tail, info->id);
    pthread_mutex_unlock(&follow->lock);
}

static int add_run(struct follow *follow, struct archive_run *run)
{
    struct archive_file **files;
    size_t n;

    int r = archive_files(run, &files, &n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct archive_file_facts facts = archive_file_facts(files[i]);
        if (facts.newest && facts.event_file) /* older ones come with it */
            r = add_later(follow, files[i], NULL);
    }
    free(files);
    return r;
}

int follow_start(struct follow *follow, struct tail *tail)
{
    struct archive_run_row *rows = NULL;
    size_t n = 0;

    pthread_mutex_lock(&follow->lock);
    follow->tail = tail;
    struct waiting *list = follow->waiting;
    follow->waiting = NULL;
    int r = 0;
    while (list) {
        struct waiting *next = list->next;
        if (r == 0)
            r = add(follow, tail, list->kept, list->file);
        free(list);
        list = next;
    }
    pthread_mutex_unlock(&follow->lock);
    if (r == 0)
        r = archive_runs(follow->archive, &rows, &n);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct archive_run *run = archive_find_run(follow->archive, rows[i].id);
        if (run && !rows[i].deleted)
            r = add_run(follow, run);
    }
    free(rows);
    return r;
}

uint64_t follow_durable(struct follow *follow, const char *run_id, const char *path,
                        uint32_t generation)
{
    struct archive_run *run = archive_find_run(follow->archive, run_id);
    char at[LIMIT_PATH_BYTES + LOGS + 1];

    if (!run)
        return UINT64_MAX;
    snprintf(at, sizeof at, "%s%s",
             archive_run_info(run)->kind == ARCHIVE_RUN_FOUND ? "logs/" : "", path);
    struct archive_file *kept = archive_find_file(run, at, generation);
    return kept ? archive_durable(kept) : UINT64_MAX;
}

void follow_stop(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    follow->tail = NULL;
    pthread_mutex_unlock(&follow->lock);
}

/* ---- from the tailer: runs and generations ------------------------------------------------ */

static void *sink_run_found(void *ctx, const struct tail_run *tail_run)
{
    struct follow *follow = ctx;
    const struct archive_run_info info = {.id = tail_run->id, .name = tail_run->name,
                                          .experiment = tail_run->experiment,
                                          .source = tail_run->path, .kind = ARCHIVE_RUN_FOUND};
    struct archive_run *kept = archive_find_run(follow->archive, tail_run->id);

    if (kept && archive_is_deleted(kept))
        return NULL;
    int r = kept ? 0 : archive_run(follow->archive, &info, &kept);
    if (r < 0) {
        log_warn("run %s is not archived: %s", tail_run->name, strerrordesc_np(-r));
        kept = NULL;
    }
    struct follow_run *run = calloc(1, sizeof *run);
    void *inner = run ? follow->inner.run_found(follow->inner.ctx, tail_run) : NULL;
    if (!inner) {
        free(run);
        return NULL;
    }
    run->inner = inner;
    run->kept = kept;
    run->found = !kept || archive_run_info(kept)->kind == ARCHIVE_RUN_FOUND;
    pthread_mutex_lock(&follow->lock);
    run->next = follow->runs;
    follow->runs = run;
    pthread_mutex_unlock(&follow->lock);
    return run;
}

static struct follow_file *find(struct follow_run *run, const char *path, uint32_t number)
{
    for (struct follow_file *file = run->files; file; file = file->next)
        if (file->number == number && strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

static struct follow_file *make(struct follow *follow, struct follow_run *run,
                                const struct tail_generation *generation,
                                struct archive_file *kept)
{
    struct follow_file *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->run = run;
    file->kept = kept;
    file->number = generation->number;
    file->added = generation->added;
    file->end = generation->offset;
    file->path = strdup(generation->path);
    file->inner = file->path ? follow->inner.generation(follow->inner.ctx, run->inner, generation)
                             : NULL;
    if (!file->inner) {
        free(file->path);
        free(file);
        return NULL;
    }
    file->next = run->files;
    run->files = file;
    return file;
}

/* Kept generations of a path before `newer` are read from the archive, where the receiver does not
 * have all of them: the server may have been killed within one, or the source replaced before all
 * was read again that is kept. Their files may have been moved away since they were added. */
static int add_older(struct follow *follow, struct follow_run *run,
                     const struct tail_generation *newer, const char *path)
{
    for (uint32_t number = 1; number < newer->number; number++) {
        struct archive_file *kept = archive_find_file(run->kept, path, number);
        struct follow_file *file = find(run, newer->path, number);
        uint32_t known = number;
        struct tail_place place = {0};
        if (!file && follow->inner.resume)
            follow->inner.resume(follow->inner.ctx, run->inner, newer->path, &known, &place);
        place.offset = file ? file->end : place.offset;
        if (!kept || (place.offset > 0 && place.offset >= archive_durable(kept)))
            continue;
        const struct tail_generation older = {.path = newer->path, .number = number,
                                              .size = archive_durable(kept), .dir = newer->dir,
                                              .offset = place.offset, .added = true};
        file = file ? file : make(follow, run, &older, kept);
        int r = file ? add_later(follow, kept, file) : -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

/* The generation in the archive: the one of that number, or a new one. */
static struct archive_file *keep(struct follow_run *run, const char *path, uint32_t number)
{
    struct archive_file *kept = archive_find_file(run->kept, path, number);

    if (kept)
        return kept;
    int r = archive_new_file(run->kept, path, "", &kept);
    if (r == 0 && archive_file_facts(kept).generation != number)
        r = -EEXIST;
    if (r < 0)
        log_warn("%s/%s is not archived: %s", archive_run_info(run->kept)->name, path,
                 strerrordesc_np(-r));
    return r < 0 ? NULL : kept;
}

static void *sink_generation(void *ctx, void *run_ctx, const struct tail_generation *generation)
{
    struct follow *follow = ctx;
    struct follow_run *run = run_ctx;
    struct follow_file *known = find(run, generation->path, generation->number);
    char path[LIMIT_PATH_BYTES + LOGS + 1];

    if (known) { /* it was read from the archive, and its source is back */
        known->added &= generation->added;
        return known;
    }
    if (!run->kept || kept_path(run, generation->path, path, sizeof path) < 0)
        return make(follow, run, generation, NULL);
    if (add_older(follow, run, generation, path) < 0)
        return NULL;
    return make(follow, run, generation, keep(run, path, generation->number));
}

/* That kept generation (0: the newest), and the proof that the archive has of it. What was read of
 * it already is not read again. */
static bool sink_resume(void *ctx, void *run_ctx, const char *path, uint32_t *wanted,
                        struct tail_place *ret)
{
    struct follow *follow = ctx;
    struct follow_run *run = run_ctx;
    char at[LIMIT_PATH_BYTES + LOGS + 1];
    struct tail_place place;
    uint32_t number = *wanted;

    bool known = follow->inner.resume &&
                 follow->inner.resume(follow->inner.ctx, run->inner, path, &number, &place);
    struct archive_file *kept = NULL;
    if (run->kept && kept_path(run, path, at, sizeof at) == 0)
        kept = archive_find_file(run->kept, at, *wanted);
    if (kept) {
        const struct archive_file_facts facts = archive_file_facts(kept);
        const uint32_t size = (uint32_t)MIN(facts.check.offset, (uint64_t)LAST_BYTES);
        const struct follow_file *read = find(run, path, facts.generation);
        if (!known || number < facts.generation)
            place = (struct tail_place){.offset = read ? read->end : 0,
                                        .head_size = size,
                                        .head_crc = facts.check.head_crc,
                                        .window_end = facts.check.offset,
                                        .window_size = size,
                                        .window_crc = facts.check.tail_crc};
        number = known ? MAX(number, facts.generation) : facts.generation;
        known = true;
    }
    if (!known)
        return false;
    *wanted = number;
    *ret = place;
    return true;
}

/* ---- from the tailer: bytes --------------------------------------------------------------- */

/* Ranges that were damage and are sound now. */
static void repair(struct follow_file *file, int fd)
{
    for (size_t i = 0; i < file->n_repairs; i++) {
        const struct damage *damage = &file->repairs[i];
        uint8_t *bytes = damage->length <= LIMIT_BODY_BYTES ? malloc(damage->length) : NULL;
        if (bytes && pread(fd, bytes, damage->length, (off_t)damage->offset) ==
                         (ssize_t)damage->length &&
            archive_repair(file->kept, damage->offset, bytes, damage->length) < 0)
            log_debug("%s: a mended range was not listed as damage", file->path);
        free(bytes);
    }
    file->n_repairs = 0;
}

static bool sink_bytes(void *ctx, void *run, void *generation, uint64_t end, int fd)
{
    struct follow_file *file = generation;
    uint8_t bytes[LIMIT_CARRIED_BYTES];

    if (!file->kept || file->added)
        return true;
    if (file->n_repairs > 0)
        repair(file, fd);
    uint64_t received = archive_received(file->kept);
    if (end <= received)
        return true;
    uint64_t size = end - received;
    size_t last = (size_t)MIN(size, size <= sizeof bytes ? (uint64_t)sizeof bytes
                                                         : (uint64_t)LAST_BYTES);
    if (pread(fd, bytes, last, (off_t)(end - last)) != (ssize_t)last)
        return true; /* cut this very moment: the next visit finds out */
    int r = last == size ? archive_append(file->kept, received, bytes, last, fd)
                         : archive_append_range(file->kept, received, size, fd, bytes, last);
    return r == 0 || r == -ESTALE; /* deleted, or lost for good */
}

static int sink_span(void *ctx, void *run, void *generation, const struct span *span)
{
    struct follow *follow = ctx;
    struct follow_file *file = generation;

    int r = follow->inner.span(follow->inner.ctx, ((struct follow_run *)run)->inner, file->inner,
                               span);
    if (r >= 0)
        file->end = MAX(file->end, span->offset + span->size);
    return r;
}

static void sink_damage(void *ctx, void *run, void *generation, const struct damage *damage)
{
    struct follow *follow = ctx;
    struct follow_file *file = generation;

    follow->inner.damage(follow->inner.ctx, ((struct follow_run *)run)->inner, file->inner,
                         damage);
    if (damage->reason != EF_REASON_REPAIRED)
        file->end = MAX(file->end, damage->offset + damage->length);
    if (!file->kept || file->added)
        return;
    if (damage->reason == EF_REASON_REPAIRED) {
        if (file->n_repairs < REPAIRS)
            file->repairs[file->n_repairs++] = *damage;
    } else if (archive_damage(file->kept, damage) < 0) {
        log_debug("%s: more damage than is listed", file->path);
    }
}

/* ---- from the tailer: what passes through ------------------------------------------------- */

static void sink_place(void *ctx, void *run, void *generation, const struct tail_place *place)
{
    struct follow *follow = ctx;

    if (follow->inner.place)
        follow->inner.place(follow->inner.ctx, ((struct follow_run *)run)->inner,
                            ((struct follow_file *)generation)->inner, place);
}

static void sink_replay_begin(void *ctx, void *run, void *generation)
{
    struct follow *follow = ctx;

    follow->inner.replay_begin(follow->inner.ctx, ((struct follow_run *)run)->inner,
                               ((struct follow_file *)generation)->inner);
}

static void sink_replay_end(void *ctx, void *run, void *generation)
{
    struct follow *follow = ctx;

    follow->inner.replay_end(follow->inner.ctx, ((struct follow_run *)run)->inner,
                             ((struct follow_file *)generation)->inner);
}

static void sink_state(void *ctx, void *run_ctx, const struct tail_state *state)
{
    struct follow *follow = ctx;
    struct follow_run *run = run_ctx;
    struct tail_state told = *state;

    told.gone = run->found && state->gone; /* a job's files are at home here */
    follow->inner.state(follow->inner.ctx, run->inner, &told);
}

static bool sink_reread(void *ctx, void *run)
{
    struct follow *follow = ctx;

    return follow->inner.reread &&
           follow->inner.reread(follow->inner.ctx, ((struct follow_run *)run)->inner);
}

static void sink_commit(void *ctx, void *run)
{
    struct follow *follow = ctx;

    follow->inner.commit(follow->inner.ctx, ((struct follow_run *)run)->inner);
}

static void sink_renamed(void *ctx, void *run_ctx, void *generation, const char *path,
                         uint32_t number)
{
    struct follow *follow = ctx;
    struct follow_run *run = run_ctx;
    struct follow_file *file = generation;
    char at[LIMIT_PATH_BYTES + LOGS + 1];
    char *copy = strdup(path);

    follow->inner.renamed(follow->inner.ctx, run->inner, file->inner, path, number);
    if (copy) {
        free(file->path);
        file->path = copy;
        file->number = number;
    }
    if (!file->kept || kept_path(run, path, at, sizeof at) < 0)
        return;
    int r = archive_rename(file->kept, at, number);
    if (r < 0)
        log_warn("%s keeps its old name in the archive: %s", path, strerrordesc_np(-r));
}

/* ---- life --------------------------------------------------------------------------------- */

struct tail_sink follow_sink(struct follow *follow, struct archive *archive)
{
    follow->archive = archive;
    return (struct tail_sink){
        .ctx = follow,
        .run_found = sink_run_found,
        .generation = sink_generation,
        .resume = sink_resume,
        .place = sink_place,
        .bytes = sink_bytes,
        .renamed = sink_renamed,
        .span = sink_span,
        .damage = sink_damage,
        .replay_begin = sink_replay_begin,
        .replay_end = sink_replay_end,
        .state = sink_state,
        .reread = sink_reread,
        .commit = sink_commit,
    };
}

struct follow *follow_new(const struct tail_sink *inner)
{
    struct follow *follow = calloc(1, sizeof *follow);

    if (!follow)
        return NULL;
    follow->inner = *inner;
    pthread_mutex_init(&follow->lock, NULL);
    return follow;
}

struct follow *follow_free(struct follow *follow)
{
    if (!follow)
        return NULL;
    while (follow->runs) {
        struct follow_run *run = follow->runs;
        follow->runs = run->next;
        while (run->files) {
            struct follow_file *file = run->files;
            run->files = file->next;
            free(file->path);
            free(file);
        }
        free(run);
    }
    while (follow->waiting) {
        struct waiting *waiting = follow->waiting;
        follow->waiting = waiting->next;
        free(waiting);
    }
    pthread_mutex_destroy(&follow->lock);
    free(follow);
    return NULL;
}
