/* fsck_rebuild.c: the catalog made anew from the journals and the files of each run.
 *
 * The journals are hostile in the sense that a crash may have torn them: a line that is no JSON
 * object is passed over. What lies on disk decides: a generation counts if its file is there, with
 * the length that it has; a file that no line names becomes a generation of its own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <eventfile/salvage.h>

#include "archive/fsck.h"
#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/db.h"

struct rebuilding {
    struct archive *archive; /* root and catalog alone */
    struct fsck_totals totals;
    struct archive_run *run;
};

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : otherwise;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Each whole line of a journal that is a JSON object. */
static int each_line(int root, const char *place,
                     int (*each)(struct rebuilding *b, const json_t *line), struct rebuilding *b)
{
    int fd = place_open(root, place, O_RDONLY, 0), r = 0;
    _cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    _cleanup_free_ char *line = NULL;
    size_t capacity = 0;
    ssize_t n;

    if (!file) {
        if (fd >= 0)
            close(fd);
        return fd == -ENOENT ? 0 : fd < 0 ? fd : -ENOMEM;
    }
    while (r == 0 && (n = getline(&line, &capacity, file)) > 0) {
        json_t *object = (size_t)n <= LIMIT_JOURNAL_LINE_BYTES
                             ? json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL)
                             : NULL;
        if (json_is_object(object))
            r = each(b, object);
        json_decref(object);
    }
    return r;
}

static struct archive_file *line_file(struct rebuilding *b, const json_t *line)
{
    char path[LIMIT_PATH_BYTES + 1];
    json_int_t number = json_integer_value(json_object_get(line, "generation"));

    if (pathtext_decode(path, sizeof path, text_of(line, "path", "")) < 0 ||
        !place_path_ok(path) || number < 1 || number > LIMIT_FILES_PER_RUN)
        return NULL;
    struct archive_file *file = file_find(b->run, path, (uint32_t)number);
    return file ? file
                : file_add(b->run, path, text_of(line, "source", ""), (uint32_t)number);
}

static bool parse_hash(const char *hex, uint8_t ret[DIGEST_BYTES])
{
    if (strlen(hex) != 2 * DIGEST_BYTES ||
        strspn(hex, "0123456789abcdef") != 2 * (size_t)DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        ret[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static int reason_of(const char *word)
{
    for (int reason = EF_REASON_ZEROS; reason <= EF_REASON_PARTIAL_TAIL; reason++)
        if (strcmp(ef_reason_word((enum ef_reason)reason), word) == 0)
            return reason;
    return EF_REASON_HEADER;
}

static int take_file_line(struct rebuilding *b, const json_t *line)
{
    struct archive_file *file = line_file(b, line);

    if (!file)
        return 0;
    if (strcmp(text_of(line, "what", ""), "damage") == 0) {
        const struct damage damage = {
            .offset = (uint64_t)json_integer_value(json_object_get(line, "offset")),
            .length = (uint64_t)json_integer_value(json_object_get(line, "length")),
            .reason = reason_of(text_of(line, "reason", "")),
            .limited = json_is_true(json_object_get(line, "limited")),
            .found_wall_s = json_number_value(json_object_get(line, "found_s")),
        };
        int r = file_add_damage(file, &damage);
        return r == -EDQUOT ? 0 : r;
    }
    file->journaled = (uint64_t)json_integer_value(json_object_get(line, "durable"));
    file->complete = json_is_true(json_object_get(line, "complete"));
    file->has_sha256 = parse_hash(text_of(line, "sha256", ""), file->sha256);
    file->changed_s = json_number_value(json_object_get(line, "changed_s"));
    return 0;
}

static int take_event_line(struct rebuilding *b, const json_t *line)
{
    _cleanup_free_ char *data =
        json_dumps(json_object_get(line, "data"), JSON_COMPACT | JSON_ENCODE_ANY);
    const struct archive_event event = {
        .id = text_of(line, "id", ""),
        .kind = text_of(line, "kind", ""),
        .source = text_of(line, "source", ""),
        .attempt = (uint32_t)json_integer_value(json_object_get(line, "attempt")),
        .rank = (int32_t)json_integer_value(json_object_get(line, "rank")),
        .time_s = json_number_value(json_object_get(line, "time_s")),
        .data = data ? data : "{}",
    };
    struct archive_event *kept;

    for (size_t i = 0; i < b->run->n_events; i++)
        if (strcmp(b->run->events[i]->id, event.id) == 0)
            return 0; /* written twice around a failed sync */
    return run_add_event(b->run, &event, &kept);
}

static enum archive_run_kind kind_of(const char *word)
{
    return strcmp(word, "job") == 0        ? ARCHIVE_RUN_JOB
           : strcmp(word, "imported") == 0 ? ARCHIVE_RUN_IMPORTED
                                           : ARCHIVE_RUN_FOUND;
}

static int take_run_line(struct rebuilding *b, const json_t *line)
{
    struct archive_run *run = b->run;
    char *name = strdup(text_of(line, "name", run->name));
    char *notes = strdup(text_of(line, "notes", ""));
    char *tags = json_dumps(json_object_get(line, "tags"), JSON_COMPACT);

    if (name) {
        free(run->name);
        run->name = name;
    }
    if (notes) {
        free(run->notes);
        run->notes = notes;
    }
    if (tags) {
        free(run->tags);
        run->tags = tags;
    }
    run->created_s = json_number_value(json_object_get(line, "created_s"));
    run->deleted_s = json_number_value(json_object_get(line, "deleted_s"));
    run->pinned = json_is_true(json_object_get(line, "pinned"));
    return name && notes ? 0 : -ENOMEM;
}

static int make_run(struct rebuilding *b, const json_t *line)
{
    char source[LIMIT_PATH_BYTES + 1];
    const char *id = text_of(line, "id", "");

    if (!place_id_ok(id) || run_find(b->archive, id) ||
        pathtext_decode(source, sizeof source, text_of(line, "source", "")) < 0)
        return 0;
    const struct archive_run_info info = {
        .id = id,
        .name = text_of(line, "found_name", text_of(line, "name", id)),
        .experiment = text_of(line, "experiment", ""),
        .source = source,
        .kind = kind_of(text_of(line, "kind", "")),
    };
    b->run = run_add(b->archive, &info);
    return b->run ? take_run_line(b, line) : -ENOMEM;
}

/* ---- what is on disk ---------------------------------------------------------------------- */

/* A file that no line names: the journal was lost. */
static int take_unnamed(void *ctx, const char *place)
{
    struct rebuilding *b = ctx;
    char prefix[PLACE_BYTES];
    uint32_t number = 1;

    int n = snprintf(prefix, sizeof prefix, "runs/%s/files/", b->run->info.id);
    if (n <= 0 || strncmp(place, prefix, (size_t)n) != 0)
        n = snprintf(prefix, sizeof prefix, "runs/%s/", b->run->info.id);
    const char *path = place + n;
    if (!place_path_ok(path) || file_find(b->run, path, 0))
        return 0;
    struct archive_file *file = file_add(b->run, path, b->run->info.kind == ARCHIVE_RUN_FOUND
                                                          ? "" : "rebuilt", number);
    return file ? 0 : -ENOMEM;
}

/* Where a generation lies: under its own name, or below generations/. */
static int measure(struct rebuilding *b, struct archive_file *file)
{
    char place[PLACE_BYTES];
    struct stat st;

    for (int moved = 1; moved >= 0; moved--) {
        int r = place_of(place, sizeof place, b->run->info.id, file->path, file->number, moved);
        if (r < 0)
            return r;
        if (moved == 0 && !file->newest)
            break; /* the name is a later one's */
        _cleanup_close_ int fd = place_open(b->archive->root, place, O_RDONLY, 0);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        file->moved = moved;
        file->written = file->received = (uint64_t)st.st_size;
        if (file->journaled != file->written)
            file->complete = file->has_sha256 = false;
        if (fdatasync(fd) < 0)
            return -errno;
        return file_make_check(fd, file_check_end(file, file->written), &file->check);
    }
    file->gone = true;
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int put_file(struct rebuilding *b, struct archive_file *file)
{
    char path[PATHTEXT_BYTES];
    struct catalog_generation row;

    if (file->gone)
        return 0;
    file_row(file, file->written, path, &row);
    int r = catalog_put_generation(b->archive->catalog, &row);
    for (size_t i = 0; r == 0 && i < file->n_damage; i++)
        r = catalog_put_damage(b->archive->catalog, b->run->info.id, path, file->number,
                               &file->damage[i]);
    b->totals.files++;
    b->totals.bytes += file->written;
    return r;
}

static int put_run(struct rebuilding *b)
{
    struct archive_run *run = b->run;
    struct catalog_run row;
    int r = 0;

    run->changed_s = run->created_s;
    for (size_t i = 0; i < run->n_files && r == 0; i++) {
        r = measure(b, run->files[i]);
        run->changed_s = MAX(run->changed_s, run->files[i]->changed_s);
    }
    run_row(run, &row);
    if (r == 0)
        r = catalog_put_run(b->archive->catalog, &row);
    for (size_t i = 0; i < run->n_files && r == 0; i++)
        r = put_file(b, run->files[i]);
    for (size_t i = 0; i < run->n_events && r == 0; i++)
        r = catalog_put_event(b->archive->catalog, run->info.id, i + 1, run->events[i]);
    b->totals.runs++;
    return r;
}

static int rebuild_run(struct rebuilding *b, const char *id)
{
    static const char *const below[] = {"files", "console"};
    char place[PLACE_BYTES];

    b->run = NULL;
    snprintf(place, sizeof place, "runs/%s/run.json", id);
    int r = each_line(b->archive->root, place, make_run, b);
    if (r < 0)
        return r;
    if (!b->run || strcmp(b->run->info.id, id) != 0) { /* no word about it, but its files */
        const struct archive_run_info info = {.id = id, .name = id, .experiment = "", .source = "",
                                              .kind = ARCHIVE_RUN_IMPORTED};
        b->run = place_id_ok(id) ? run_add(b->archive, &info) : NULL;
        if (!b->run)
            return place_id_ok(id) ? -ENOMEM : 0;
    }
    snprintf(place, sizeof place, "runs/%s/files.jsonl", id);
    r = each_line(b->archive->root, place, take_file_line, b);
    snprintf(place, sizeof place, "runs/%s/events.jsonl", id);
    if (r == 0)
        r = each_line(b->archive->root, place, take_event_line, b);
    for (size_t i = 0; i < ARRAY_LEN(below) && r == 0; i++) {
        snprintf(place, sizeof place, "runs/%s/%s", id, below[i]);
        r = fsck_walk(b->archive->root, place, take_unnamed, b);
    }
    return r == 0 ? put_run(b) : r;
}

static int rebuild_runs(struct rebuilding *b)
{
    int fd = place_open(b->archive->root, "runs", O_RDONLY | O_DIRECTORY, 0), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return fd < 0 ? fd : -ENOMEM;
    }
    while (r == 0 && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            r = rebuild_run(b, entry->d_name);
    closedir(dir);
    return r;
}

/* All rows into a catalog beside the old one. */
static int make_catalog(struct rebuilding *b)
{
    char path[LIMIT_PATH_BYTES + 32];
    int version;

    snprintf(path, sizeof path, "%s/" CATALOG_NEW, b->archive->dir);
    int r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
    if (r == 0)
        r = catalog_open(path, db_is_remote(b->archive->dir), &b->archive->catalog, &version);
    if (r < 0)
        return r;
    r = catalog_begin(b->archive->catalog, 0);
    if (r == 0)
        r = rebuild_runs(b);
    if (r == 0)
        r = catalog_set_mark(b->archive->catalog, "stop", "rebuilt");
    r = catalog_end(b->archive->catalog, r);
    b->archive->catalog = catalog_close(b->archive->catalog);
    return r;
}

int fsck_rebuild(const char *dir, struct fsck_totals *ret, struct archive_holder *ret_holder)
{
    struct rebuilding b = {0};

    int r = archive_take(dir, &b.archive, ret_holder);
    if (r < 0)
        return r;
    r = make_catalog(&b);
    if (r == 0)
        r = catalog_swap(b.archive);
    archive_close(b.archive);
    *ret = b.totals;
    return r;
}
