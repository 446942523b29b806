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

struct checking {
    struct archive *archive;
    const struct fsck_report *report;
    struct fsck_totals totals;
    uint64_t total;
    uint8_t *bytes;
};

static void find(struct checking *c, enum fsck_finding finding, const char *path)
{
    c->totals.findings[finding]++;
    c->report->found(c->report->ctx, finding, path);
}

/* Is the hash of the first `size` bytes this one? */
static int hash_agrees(struct checking *c, int fd, uint64_t size, const uint8_t *expected)
{
    uint8_t hash[DIGEST_BYTES];
    struct digest digest;

    digest_init(&digest);
    for (uint64_t at = 0; at < size;) {
        ssize_t got = pread(fd, c->bytes, (size_t)MIN(size - at, (uint64_t)READ_BYTES),
                            (off_t)at);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        digest_add(&digest, c->bytes, (size_t)got);
        at += (uint64_t)got;
    }
    digest_get(&digest, hash);
    return memcmp(hash, expected, sizeof hash) == 0;
}

static int check_file(struct checking *c, struct archive_file *file)
{
    const struct archive_file_facts facts = archive_file_facts(file);
    struct archive_check check;
    char place[PLACE_BYTES];
    struct stat st;

    int r = archive_local_path(file, place, sizeof place);
    if (r < 0)
        return r;
    c->totals.files++;
    c->totals.bytes += facts.durable;
    _cleanup_close_ int fd = place_open(c->archive->root, place, O_RDONLY, 0);
    if (fd < 0 || fstat(fd, &st) < 0) {
        find(c, FSCK_MISSING, place);
        return 0;
    }
    if ((uint64_t)st.st_size < facts.durable) {
        find(c, FSCK_SHORT, place);
        return 0;
    }
    if (facts.has_sha256)
        r = hash_agrees(c, fd, facts.durable, facts.sha256);
    else if (facts.check.offset == 0)
        r = 1;
    else if ((r = file_make_check(fd, facts.check.offset, &check)) == 0)
        r = check.head_crc == facts.check.head_crc && check.tail_crc == facts.check.tail_crc;
    if (r <= 0)
        find(c, FSCK_DIFFERS, place);
    if (c->report->progress)
        c->report->progress(c->report->ctx, c->totals.bytes, c->total);
    return 0;
}

/* ---- files without a row ------------------------------------------------------------------ */

static bool is_listed(struct archive_file **files, size_t n, const char *path)
{
    char place[PLACE_BYTES];

    for (size_t i = 0; i < n; i++)
        if (archive_local_path(files[i], place, sizeof place) == 0 && strcmp(place, path) == 0)
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
    struct archive_file **files;
    size_t n;
};

static int check_listed(void *ctx, const char *path)
{
    struct listing_check *l = ctx;

    if (!is_listed(l->files, l->n, path))
        find(l->checking, FSCK_UNLISTED, path);
    return 0;
}

static int check_run(struct checking *c, struct archive_run *run)
{
    static const char *const below[] = {"files", "generations", "console"};
    struct listing_check listing = {.checking = c};
    char top[PLACE_BYTES];

    int r = archive_files(run, &listing.files, &listing.n);
    c->totals.runs++;
    for (size_t i = 0; i < listing.n && r == 0; i++)
        r = check_file(c, listing.files[i]);
    for (size_t i = 0; i < ARRAY_LEN(below) && r == 0; i++) {
        snprintf(top, sizeof top, "runs/%s/%s", archive_run_info(run)->id, below[i]);
        r = fsck_walk(c->archive->root, top, check_listed, &listing);
    }
    free(listing.files);
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
