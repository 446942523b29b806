#include "archive/fsck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/inside.h"

enum { READ_BYTES = 1 << 20 };

const char *fsck_word(enum fsck_finding finding)
{
    static const char *const words[] = {
        [FSCK_MISSING] = "missing", [FSCK_SHORT] = "too short", [FSCK_DIFFERS] = "differs",
        [FSCK_UNLISTED] = "not in the catalog",
    };

    return words[finding];
}

const char *fsck_cure_word(enum fsck_cure cure)
{
    static const char *const words[] = {
        [FSCK_LEFT] = "left as it is",
        [FSCK_RESTORED] = "restored",
        [FSCK_CUT] = "cut to what is there",
        [FSCK_ACCEPTED] = "taken as it is",
        [FSCK_EMPTIED] = "begun anew",
        [FSCK_ENTERED] = "entered",
        [FSCK_FAILED] = "could not be repaired",
    };

    return words[cure];
}

int fsck_renew(struct archive *archive)
{
    return catalog_renew(archive);
}

struct checking {
    struct archive *archive;
    const struct fsck_report *report;
    struct fsck_totals totals;
    uint64_t total;
    uint8_t *bytes;
};

static bool is_stopped(const struct checking *c)
{
    return c->report->stop && atomic_load(c->report->stop);
}

static void find(struct checking *c, enum fsck_finding finding, const char *path,
                 enum fsck_cure cure)
{
    c->totals.findings[finding]++;
    c->totals.cured += cure != FSCK_LEFT && cure != FSCK_FAILED;
    c->report->found(c->report->ctx, finding, path, cure);
}

/* Is the hash of the first `size` bytes this one? */
static int hash_agrees(struct checking *c, int fd, uint64_t size, const uint8_t *expected)
{
    uint8_t hash[DIGEST_BYTES];
    struct digest digest;

    digest_init(&digest);
    for (uint64_t at = 0; at < size && !is_stopped(c);) {
        ssize_t got = pread(fd, c->bytes, (size_t)MIN(size - at, (uint64_t)READ_BYTES),
                            (off_t)at);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        digest_add(&digest, c->bytes, (size_t)got);
        at += (uint64_t)got;
    }
    digest_get(&digest, hash);
    return is_stopped(c) || memcmp(hash, expected, sizeof hash) == 0;
}

/* What is wrong with a file; FSCK_FINDINGS: nothing. */
static enum fsck_finding look(struct checking *c, const struct archive_file_facts *facts,
                              const char *place)
{
    struct archive_check check;
    struct stat st;

    _cleanup_close_ int fd = place_open(c->archive->root, place, O_RDONLY, 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return facts->durable > 0 ? FSCK_MISSING : FSCK_FINDINGS; /* it is not made yet */
    if ((uint64_t)st.st_size < facts->durable)
        return FSCK_SHORT;
    int r = 1;
    if (facts->has_sha256)
        r = hash_agrees(c, fd, facts->durable, facts->sha256);
    else if (facts->check.offset > 0 && (r = file_make_check(fd, facts->check.offset, &check)) == 0)
        r = check.head_crc == facts->check.head_crc && check.tail_crc == facts->check.tail_crc;
    return r > 0 ? FSCK_FINDINGS : FSCK_DIFFERS;
}

/* ---- repairs ------------------------------------------------------------------------------ */

/* Is the content kept as an object still? (A file that shares its inode is damaged with it.) */
static bool has_object(struct checking *c, const struct archive_file_facts *facts)
{
    char object[PLACE_BYTES];
    struct stat st;

    if (!facts->has_sha256)
        return false;
    object_place(facts->sha256, object);
    _cleanup_close_ int fd = place_open(c->archive->root, object, O_RDONLY, 0);
    return fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == facts->durable &&
           hash_agrees(c, fd, facts->durable, facts->sha256) == 1;
}

static enum fsck_cure cure(struct checking *c, struct archive_file *file,
                           const struct archive_file_facts *facts, enum fsck_finding finding)
{
    static const enum fsck_cure otherwise[] = {[FSCK_MISSING] = FSCK_EMPTIED,
                                               [FSCK_SHORT] = FSCK_CUT,
                                               [FSCK_DIFFERS] = FSCK_ACCEPTED};
    uint64_t keep = finding == FSCK_MISSING ? 0 : facts->durable;

    if (has_object(c, facts))
        return file_mend(file, facts->durable, facts->sha256) == 0 ? FSCK_RESTORED : FSCK_FAILED;
    if (is_stopped(c))
        return FSCK_LEFT;
    int r = facts->newest ? file_take_back(file, facts->durable, &facts->check,
                                           finding == FSCK_SHORT ? keep : 0)
                          : 0;
    if (r == 0)
        return file_mend(file, keep, NULL) == 0 ? otherwise[finding] : FSCK_FAILED;
    return r > 0 ? FSCK_RESTORED : FSCK_FAILED;
}

static int check_file(struct checking *c, struct archive_file *file)
{
    enum fsck_finding finding = FSCK_FINDINGS;
    struct archive_file_facts facts;
    char place[PLACE_BYTES];

    /* Twice: it may have been moved or repaired between two looks. */
    for (int tries = 0; tries < 2 && (tries == 0 || finding != FSCK_FINDINGS); tries++) {
        facts = archive_file_facts(file);
        int r = archive_local_path(file, place, sizeof place);
        if (r < 0)
            return r;
        finding = look(c, &facts, place);
    }
    c->totals.files++;
    c->totals.bytes += facts.durable;
    if (finding != FSCK_FINDINGS)
        find(c, finding, place, c->report->repair ? cure(c, file, &facts, finding) : FSCK_LEFT);
    if (c->report->progress)
        c->report->progress(c->report->ctx, c->totals.bytes, c->total);
    return is_stopped(c) ? -ECANCELED : 0;
}

/* ---- files without a row ------------------------------------------------------------------ */

/* Which generation of which path sits there, by its name alone? */
static const char *path_of(const char *place, const char *run, uint32_t *ret_number)
{
    size_t n = strlen("runs/") + strlen(run) + 1;
    char *end;

    *ret_number = 0;
    place += n;
    if (strncmp(place, "files/", 6) == 0)
        return place + 6;
    if (strncmp(place, "generations/", 12) != 0)
        return place;
    *ret_number = (uint32_t)strtoul(place + 12, &end, 10);
    return *end == '/' ? end + 1 : end;
}

static bool sits_at(struct archive_file *file, const char *path)
{
    char place[PLACE_BYTES];

    return file && archive_local_path(file, place, sizeof place) == 0 && strcmp(place, path) == 0;
}

static bool is_listed(struct archive_run *run, const char *place)
{
    _cleanup_free_ struct archive_file **files = NULL;
    uint32_t number;
    size_t n = 0;
    const char *path = path_of(place, archive_run_info(run)->id, &number);

    if (sits_at(archive_find_file(run, path, number), place))
        return true;
    if (archive_files(run, &files, &n) < 0) /* it may be under way to another name */
        return true;
    for (size_t i = 0; i < n; i++)
        if (sits_at(files[i], place))
            return true;
    return false;
}

/* A look at one directory: its files, and its directories for later. */
static int walk_dir(int root, const char *path, struct place_dirs *dirs,
                    int (*each)(void *ctx, const char *path), void *ctx)
{
    char at[PLACE_BYTES];
    int fd = place_open(root, path, O_RDONLY | O_DIRECTORY, 0), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return fd == -ENOENT ? 0 : fd < 0 ? fd : -ENOMEM;
    }
    while (r == 0 && (entry = readdir(dir))) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int n = snprintf(at, sizeof at, "%s/%s", path, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof at ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            r = place_dirs_add(dirs, at);
        else
            r = each(ctx, at);
    }
    closedir(dir);
    return r;
}

int fsck_walk(int root, const char *top, int (*each)(void *ctx, const char *path), void *ctx)
{
    _cleanup_(place_dirs_done) struct place_dirs dirs = {0};
    int r = place_dirs_add(&dirs, top);

    for (size_t i = 0; r == 0 && i < dirs.count; i++)
        r = walk_dir(root, dirs.paths[i], &dirs, each, ctx);
    return r;
}

struct listing_check {
    struct checking *checking;
    struct archive_run *run;
};

static int check_listed(void *ctx, const char *place)
{
    struct listing_check *l = ctx;
    struct checking *c = l->checking;
    enum fsck_cure done = FSCK_LEFT;
    uint32_t number;

    if (is_stopped(c))
        return -ECANCELED;
    if (is_listed(l->run, place))
        return 0;
    _cleanup_close_ int fd = place_open(c->archive->root, place, O_PATH, 0);
    if (fd < 0 || is_listed(l->run, place)) /* it moved meanwhile */
        return 0;
    const char *path = path_of(place, archive_run_info(l->run)->id, &number);
    if (c->report->repair && number == 0) {
        int r = file_adopt(l->run, path);
        done = r == 0 ? FSCK_ENTERED : r == -EEXIST || r == -EINVAL ? FSCK_LEFT : FSCK_FAILED;
    }
    find(c, FSCK_UNLISTED, place, done);
    return 0;
}

static int check_run(struct checking *c, struct archive_run *run)
{
    static const char *const below[] = {"files", "generations", "console"};
    struct listing_check listing = {.checking = c, .run = run};
    _cleanup_free_ struct archive_file **files = NULL;
    char top[PLACE_BYTES];
    size_t n = 0;

    int r = archive_files(run, &files, &n);
    c->totals.runs++;
    for (size_t i = 0; i < n && r == 0; i++)
        r = check_file(c, files[i]);
    for (size_t i = 0; i < ARRAY_LEN(below) && r == 0; i++) {
        snprintf(top, sizeof top, "runs/%s/%s", archive_run_info(run)->id, below[i]);
        r = fsck_walk(c->archive->root, top, check_listed, &listing);
    }
    return r;
}

int fsck_check(struct archive *archive, const struct fsck_report *report, struct fsck_totals *ret)
{
    struct checking c = {.archive = archive, .report = report,
                         .total = archive_status(archive).bytes_kept};
    struct archive_run_row *rows = NULL;
    size_t n = 0;

    c.bytes = malloc(READ_BYTES);
    int r = c.bytes ? archive_runs(archive, &rows, &n) : -ENOMEM;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct archive_run *run = rows[i].purged ? NULL : archive_find_run(archive, rows[i].id);
        r = run ? check_run(&c, run) : 0;
    }
    free(rows);
    free(c.bytes);
    *ret = c.totals;
    return r;
}
