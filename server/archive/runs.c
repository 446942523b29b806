/* runs.c: runs and files in memory: tables, lookups, lists, and the queue of changes. */
#include <errno.h>
#include <string.h>

#include "archive/inside.h"
#include "base/check.h"

/* ---- runs ------------------------------------------------------------------------------- */

static size_t run_place(const struct archive *archive, const char *id, bool *ret_there)
{
    size_t low = 0, high = archive->n_runs;

    *ret_there = false;
    if (high > 0 && strcmp(archive->runs[high - 1]->info.id, id) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(archive->runs[middle]->info.id, id);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct archive_run *run_find(const struct archive *archive, const char *id)
{
    bool there;
    size_t at = run_place(archive, id, &there);

    return there ? archive->runs[at] : NULL;
}

void kept_run_free(struct archive_run *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->n_files; i++) {
        struct archive_file *file = run->files[i];
        file_drop_pieces(file);
        file_release_source(file);
        if (file->fd >= 0)
            close(file->fd);
        free(file->damage);
        if (file->at_path != file->path)
            free(file->at_path);
        free(file->path);
        free(file->source);
        free(file);
    }
    for (size_t i = 0; i < run->n_old_paths; i++)
        free(run->old_paths[i]);
    free(run->old_paths);
    for (size_t i = 0; i < run->n_events; i++)
        free(run->events[i]);
    for (size_t i = 0; i < run->n_tombstones; i++)
        free((char *)run->tombstones[i].path);
    free(run->tombstones);
    free(run->files);
    free(run->events);
    free((char *)run->info.id);
    free((char *)run->info.name);
    free((char *)run->info.experiment);
    free((char *)run->info.source);
    free(run->name);
    free(run->notes);
    free(run->tags);
    free(run);
}

struct archive_run *run_add(struct archive *archive, const struct archive_run_info *info)
{
    bool there;
    size_t at = run_place(archive, info->id, &there);
    struct archive_run *run = calloc(1, sizeof *run);

    CHECK(!there);
    if (!run)
        return NULL;
    run->archive = archive;
    run->info = (struct archive_run_info){
        .id = strdup(info->id), .name = strdup(info->name),
        .experiment = strdup(info->experiment), .source = strdup(info->source ? info->source : ""),
        .kind = info->kind,
    };
    run->name = strdup(info->name);
    run->notes = strdup("");
    run->tags = strdup("{}");
    run->created_s = run->changed_s = clock_wall_s(archive->clock);
    bool fine = run->info.id && run->info.name && run->info.experiment && run->info.source &&
                run->name && run->notes && run->tags;
    if (fine && archive->n_runs == archive->runs_capacity) {
        size_t capacity = archive->runs_capacity ? 2 * archive->runs_capacity : 64;
        struct archive_run **runs = realloc(archive->runs, capacity * sizeof(struct archive_run *));
        fine = runs != NULL;
        if (fine) {
            archive->runs = runs;
            archive->runs_capacity = capacity;
        }
    }
    if (!fine) {
        kept_run_free(run);
        return NULL;
    }
    memmove(archive->runs + at + 1, archive->runs + at,
            (archive->n_runs - at) * sizeof(struct archive_run *));
    archive->runs[at] = run;
    archive->n_runs++;
    return run;
}

void run_row(const struct archive_run *run, struct catalog_run *ret)
{
    *ret = (struct catalog_run){
        .id = run->info.id, .name = run->name, .experiment = run->info.experiment,
        .source = run->info.source, .notes = run->notes, .tags = run->tags,
        .kind = (int)run->info.kind, .pinned = run->pinned, .created_s = run->created_s,
        .changed_s = run->changed_s, .deleted_s = run->deleted_s,
    };
}

int archive_run(struct archive *archive, const struct archive_run_info *info,
                struct archive_run **ret)
{
    if (!place_id_ok(info->id) || !info->name || !info->experiment)
        return -EINVAL;
    pthread_mutex_lock(&archive->lock);
    struct archive_run *run = run_find(archive, info->id);
    int r = 0;
    if (run && run->info.kind != info->kind)
        r = -EEXIST;
    else if (run && run->deleted_s > 0)
        r = -ESTALE;
    if (!run) {
        run = run_add(archive, info);
        r = run ? change_post(archive, change_new(CHANGE_RUN, run, NULL, 0)) : -ENOMEM;
    }
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        *ret = run;
    return r;
}

struct archive_run *archive_find_run(struct archive *archive, const char *id)
{
    pthread_mutex_lock(&archive->lock);
    struct archive_run *run = run_find(archive, id);
    pthread_mutex_unlock(&archive->lock);
    return run;
}

const struct archive_run_info *archive_run_info(const struct archive_run *run)
{
    return &run->info;
}

/* ---- files ------------------------------------------------------------------------------ */

/* Where (path, number) stands or belongs. */
static size_t file_place_in(const struct archive_run *run, const char *path, uint32_t number)
{
    size_t low = 0, high = run->n_files;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct archive_file *file = run->files[middle];
        int order = strcmp(file->path, path);
        if (order < 0 || (order == 0 && file->number < number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct archive_file *file_find(const struct archive_run *run, const char *path, uint32_t number)
{
    size_t at = file_place_in(run, path, number > 0 ? number : UINT32_MAX);

    if (number == 0)
        return at > 0 && strcmp(run->files[at - 1]->path, path) == 0 ? run->files[at - 1] : NULL;
    if (at == run->n_files || run->files[at]->number != number ||
        strcmp(run->files[at]->path, path) != 0)
        return NULL;
    return run->files[at];
}

struct archive_file *file_add(struct archive_run *run, const char *path, const char *source,
                              uint32_t number)
{
    size_t at = file_place_in(run, path, number);
    struct archive_file *file = calloc(1, sizeof *file);
    const char *slash = strrchr(path, '/');

    if (!file)
        return NULL;
    file->run = run;
    file->fd = file->source_fd = -1;
    file->number = number;
    file->newest = true;
    file->event_file = strstr(slash ? slash + 1 : path, "tfevents") != NULL;
    file->changed_s = clock_wall_s(run->archive->clock);
    file->at_number = number;
    file->path = strdup(path);
    file->at_path = file->path;
    file->source = strdup(source);
    digest_init(&file->digest);
    bool fine = file->path && file->source;
    if (fine && run->n_files == run->files_capacity) {
        size_t capacity = run->files_capacity ? 2 * run->files_capacity : 4;
        struct archive_file **files =
            realloc(run->files, capacity * sizeof(struct archive_file *));
        fine = files != NULL;
        if (fine) {
            run->files = files;
            run->files_capacity = capacity;
        }
    }
    if (!fine) {
        free(file->path);
        free(file->source);
        free(file);
        return NULL;
    }
    memmove(run->files + at + 1, run->files + at,
            (run->n_files - at) * sizeof(struct archive_file *));
    run->files[at] = file;
    run->n_files++;
    run->archive->n_files++;
    if (at > 0 && strcmp(run->files[at - 1]->path, path) == 0)
        run->files[at - 1]->newest = false;
    return file;
}

int file_place(const struct archive_file *file, char *ret, size_t size)
{
    return place_of(ret, size, file->run->info.id, file->at_path, file->at_number, file->moved);
}

/* Is a file where this path needs a directory, or the reverse? */
static bool is_in_the_way(const struct archive_run *run, const char *path)
{
    char above[LIMIT_PATH_BYTES + 1];
    size_t n = strlen(path), at;

    memcpy(above, path, n + 1);
    for (char *slash = above; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (file_find(run, above, 0))
            return true;
        *slash = '/';
    }
    above[n] = '/'; /* what is below it would come next */
    above[n + 1] = '\0';
    at = file_place_in(run, above, 0);
    return at < run->n_files && strncmp(run->files[at]->path, above, n + 1) == 0;
}

static int may_begin(const struct archive_run *run, const struct archive_file *old,
                     const char *source)
{
    if (run->deleted_s > 0)
        return -ESTALE;
    if (run->n_files >= LIMIT_FILES_PER_RUN)
        return -EDQUOT;
    if (!old)
        return 0;
    if (strcmp(old->source, source) != 0)
        return -EEXIST;
    unsigned count = object_wanted(old) ? versions_count(run, old->path) : old->number;
    return count >= LIMIT_GENERATIONS_PER_PATH ? -EDQUOT : 0;
}

int archive_new_file(struct archive_run *run, const char *path, const char *source,
                     struct archive_file **ret)
{
    struct archive *archive = run->archive;

    if (!place_path_ok(path))
        return -EINVAL;
    pthread_mutex_lock(&archive->lock);
    struct archive_file *old = file_find(run, path, 0), *file = NULL;
    int r = may_begin(run, old, source);
    if (r == 0 && !old && is_in_the_way(run, path))
        r = -EEXIST;
    if (r == 0 && old && old->number > 1 && old->received == 0 && !old->complete) {
        file = old; /* asked for twice */
    } else if (r == 0) {
        file = file_add(run, path, source, old ? old->number + 1 : 1);
        r = file ? change_post(archive, change_new(CHANGE_FILE, run, file, 0)) : -ENOMEM;
    }
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        *ret = file;
    return r;
}

int archive_files(struct archive_run *run, struct archive_file ***ret, size_t *ret_count)
{
    pthread_mutex_lock(&run->archive->lock);
    size_t n = 0;
    struct archive_file **files = malloc((run->n_files + 1) * sizeof(struct archive_file *));
    for (size_t i = 0; files && i < run->n_files; i++)
        if (!run->files[i]->gone)
            files[n++] = run->files[i];
    pthread_mutex_unlock(&run->archive->lock);
    if (!files)
        return -ENOMEM;
    *ret = files;
    *ret_count = n;
    return 0;
}

struct archive_file *archive_find_file(struct archive_run *run, const char *path,
                                       uint32_t generation)
{
    pthread_mutex_lock(&run->archive->lock);
    struct archive_file *file = file_find(run, path, generation);
    if (file && file->gone)
        file = NULL;
    pthread_mutex_unlock(&run->archive->lock);
    return file;
}

struct archive_run *archive_file_run(const struct archive_file *file)
{
    return file->run;
}

struct archive_file_facts archive_file_facts(struct archive_file *file)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    struct archive_file_facts facts = {
        .path = file->path,
        .source = file->source,
        .generation = file->number,
        .newest = file->newest,
        .complete = file->complete,
        .event_file = file->event_file,
        .received = file->received,
        .durable = atomic_load(&file->durable),
        .check = file->check,
        .has_sha256 = file->has_sha256,
        .changed_s = file->changed_s,
    };
    memcpy(facts.sha256, file->sha256, sizeof facts.sha256);
    pthread_mutex_unlock(&archive->lock);
    return facts;
}

uint64_t archive_durable(struct archive_file *file)
{
    return atomic_load(&file->durable);
}

int archive_local_path(struct archive_file *file, char *ret, size_t size)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    int r = file_place(file, ret, size);
    pthread_mutex_unlock(&archive->lock);
    return r;
}

/* Takes a file out of the table, and a path that readers may still hold out of use. */
static int leave_path(struct archive_run *run, struct archive_file *file)
{
    char **old_paths =
        realloc(run->old_paths, (run->old_paths_due + 1) * sizeof *run->old_paths);

    if (!old_paths)
        return -ENOMEM;
    run->old_paths = old_paths;
    run->old_paths_due++;
    size_t at = file_place_in(run, file->path, file->number);
    CHECK(at < run->n_files && run->files[at] == file);
    if (at > 0 && file->newest && strcmp(run->files[at - 1]->path, file->path) == 0)
        run->files[at - 1]->newest = true;
    run->n_files--;
    memmove(run->files + at, run->files + at + 1,
            (run->n_files - at) * sizeof(struct archive_file *));
    return 0;
}

static void take_path(struct archive_run *run, struct archive_file *file, char *path,
                      uint32_t number)
{
    if (file->at_path != file->path) /* not moved yet since the rename before */
        run->old_paths[run->n_old_paths++] = file->path;
    file->path = path;
    file->number = number;
    size_t at = file_place_in(run, path, number);
    file->newest = at == run->n_files || strcmp(run->files[at]->path, path) != 0;
    if (at > 0 && strcmp(run->files[at - 1]->path, path) == 0)
        run->files[at - 1]->newest = false;
    memmove(run->files + at + 1, run->files + at,
            (run->n_files - at) * sizeof(struct archive_file *));
    run->files[at] = file;
    run->n_files++;
}

int archive_rename(struct archive_file *file, const char *path, uint32_t number)
{
    struct archive_run *run = file->run;
    struct archive *archive = run->archive;

    if (!place_path_ok(path) || number == 0)
        return -EINVAL;
    char *copy = strdup(path);
    pthread_mutex_lock(&archive->lock);
    struct change *change = change_new(CHANGE_RENAME, run, file, 0);
    int r = !copy || !change                            ? -ENOMEM
            : run->deleted_s > 0 || file->gone          ? -ESTALE
            : file_find(run, path, number)              ? -EEXIST
                                                        : leave_path(run, file);
    if (r == 0) {
        take_path(run, file, TAKE_PTR(copy), number);
        change_post(archive, change);
    } else {
        free(change);
    }
    pthread_mutex_unlock(&archive->lock);
    free(copy);
    return r;
}

int file_add_damage(struct archive_file *file, const struct damage *damage)
{
    size_t at = 0;

    while (at < file->n_damage && file->damage[at].offset < damage->offset)
        at++;
    if (at < file->n_damage && file->damage[at].offset == damage->offset) {
        file->damage[at] = *damage;
        return 0;
    }
    if (file->n_damage >= LIMIT_DAMAGE_ENTRIES)
        return -EDQUOT;
    if ((file->n_damage & (file->n_damage - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = file->n_damage ? 2 * file->n_damage : 1;
        struct damage *list = realloc(file->damage, capacity * sizeof *list);
        if (!list)
            return -ENOMEM;
        file->damage = list;
    }
    memmove(file->damage + at + 1, file->damage + at,
            (file->n_damage - at) * sizeof *file->damage);
    file->damage[at] = *damage;
    file->n_damage++;
    return 0;
}

/* ---- changes ---------------------------------------------------------------------------- */

struct change *change_new(enum change_kind kind, struct archive_run *run,
                          struct archive_file *file, size_t more)
{
    struct change *change = calloc(1, sizeof *change + more);

    if (!change)
        return NULL;
    change->kind = kind;
    change->run = run;
    change->file = file;
    change->asked_ns = archive_now();
    return change;
}

int change_post(struct archive *archive, struct change *change)
{
    if (!change)
        return -ENOMEM;
    *archive->changes_tail = change;
    archive->changes_tail = &change->next;
    archive->n_changes++;
    pthread_cond_signal(&archive->work);
    return 0;
}

/* ---- the list --------------------------------------------------------------------------- */

static char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static int by_created(const void *a, const void *b)
{
    const struct archive_run_row *x = a, *y = b;

    if (x->created_s != y->created_s)
        return x->created_s < y->created_s ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void fill_row(const struct archive_run *run, char **text, struct archive_run_row *ret)
{
    *ret = (struct archive_run_row){
        .id = put(text, run->info.id),
        .name = put(text, run->name),
        .experiment = put(text, run->info.experiment),
        .source = put(text, run->info.source),
        .notes = put(text, run->notes),
        .tags = put(text, run->tags),
        .kind = run->info.kind,
        .pinned = run->pinned,
        .deleted = run->deleted_s > 0,
        .purged = run->purged,
        .created_s = run->created_s,
        .changed_s = run->changed_s,
        .deleted_s = run->deleted_s,
        .bytes = run->bytes,
        .files = run->n_files,
    };
}

int archive_runs(struct archive *archive, struct archive_run_row **ret, size_t *ret_count)
{
    size_t size = 0;

    pthread_mutex_lock(&archive->lock);
    size_t n = archive->n_runs;
    for (size_t i = 0; i < n; i++) {
        const struct archive_run *run = archive->runs[i];
        size += strlen(run->info.id) + strlen(run->name) + strlen(run->info.experiment) +
                strlen(run->info.source) + strlen(run->notes) + strlen(run->tags) + 6;
    }
    struct archive_run_row *rows = malloc((n + 1) * sizeof *rows + size);
    char *text = rows ? (char *)(rows + n + 1) : NULL;
    for (size_t i = 0; rows && i < n; i++)
        fill_row(archive->runs[i], &text, &rows[i]);
    pthread_mutex_unlock(&archive->lock);
    if (!rows)
        return -ENOMEM;
    qsort(rows, n, sizeof *rows, by_created);
    *ret = rows;
    *ret_count = n;
    return 0;
}
