/* catalog.h: the catalog: which runs there are, which files, and how many bytes of each are safe.
 *
 *   archive (memory) ◄── catalog_each_…() at start       syncer ── catalog_put_…() ──► catalog.db
 *
 * All SQL of the archive is in catalog*.c, within what SQLite and PostgreSQL share. The catalog's
 * durable length is the truth about a file. Rows are put whole (inserted or replaced). Every
 * transaction begins with a check that the lease is still ours.
 *
 * Paths are kept as path_encode() makes them: UTF-8, whatever the bytes on disk are.
 * Thread: one at a time (the archive's catalog lock). */
#ifndef TB_ARCHIVE_CATALOG_H
#define TB_ARCHIVE_CATALOG_H

#include "archive/archive.h"

#define CATALOG_VERSION 1

struct catalog;

/* Opens, makes or migrates. -EPROTO: its version is newer (*ret_version); -EUCLEAN: torn.
 * `remote`: the file system is one of db_is_remote(). */
_must_check_ int catalog_open(const char *path, bool remote, struct catalog **ret,
                              int *ret_version);
/* Accepts NULL; returns NULL. */
struct catalog *catalog_close(struct catalog *catalog);
const char *catalog_message(const struct catalog *catalog);

/* ---- lease ------------------------------------------------------------------------------ */

enum { CATALOG_LEASE_S = 60, CATALOG_REFRESH_S = 10 };

struct catalog_holder {
    char host[LIMIT_NAME_BYTES + 1], boot[40]; /* boot: of this run of the kernel */
    long pid;
    int64_t fencing; /* set by catalog_take_lease() */
};

/* Becomes the holder. -EBUSY: another machine has refreshed it within CATALOG_LEASE_S; *ret_other
 * says which. (On this machine the lock file has decided already.) */
_must_check_ int catalog_take_lease(struct catalog *catalog, const struct catalog_holder *self,
                                    double now_s, struct archive_holder *ret_other);
void catalog_drop_lease(struct catalog *catalog);

/* A transaction. -ESTALE: the lease is another's now, or the catalog is lost (NULL). */
_must_check_ int catalog_begin(struct catalog *catalog, double now_s);
/* Keeps what was done since, if `r` (the first error of it, or of catalog_begin()) is 0; else takes
 * it back. Gives the first error. */
int catalog_end(struct catalog *catalog, int r);

/* ---- rows ------------------------------------------------------------------------------- */

struct catalog_run {
    const char *id, *name, *experiment, *source, *notes, *tags;
    int kind;
    bool pinned;
    double created_s, changed_s, deleted_s; /* deleted_s 0: it is not */
};

enum generation_state { GENERATION_CURRENT = 1, GENERATION_MOVING, GENERATION_OLD };

struct catalog_generation {
    const char *run, *path, *source;
    uint32_t number;
    enum generation_state state; /* MOVING: it is to take the path of the one before */
    bool event_file, complete;
    uint64_t durable;
    struct archive_check check;
    const uint8_t *sha256; /* NULL: not known */
    double changed_s;
};

struct catalog_tombstone { /* what a deleted run's file was */
    const char *run, *path;
    struct archive_check check;
};

_must_check_ int catalog_put_run(struct catalog *catalog, const struct catalog_run *row);
_must_check_ int catalog_put_generation(struct catalog *catalog,
                                        const struct catalog_generation *row);
/* The row gets another key, its damage with it. */
_must_check_ int catalog_rename(struct catalog *catalog, const struct catalog_generation *row,
                                const char *old_path, uint32_t old_number);
_must_check_ int catalog_put_damage(struct catalog *catalog, const char *run, const char *path,
                                    uint32_t number, const struct damage *damage);
_must_check_ int catalog_put_event(struct catalog *catalog, const char *run, uint64_t place,
                                   const struct archive_event *event);
_must_check_ int catalog_put_tombstone(struct catalog *catalog,
                                       const struct catalog_tombstone *row);
_must_check_ int catalog_drop_tombstones(struct catalog *catalog, const char *run);
/* All rows of the run but its tombstones, which stay with the run's own row (`purged` then). */
_must_check_ int catalog_forget_files(struct catalog *catalog, const char *run);
/* One generation's row and damage. */
_must_check_ int catalog_forget_generation(struct catalog *catalog, const char *run,
                                           const char *path, uint32_t number);
/* Small facts of the whole archive; "" if there is none. */
_must_check_ int catalog_set_mark(struct catalog *catalog, const char *name, const char *value);
_must_check_ int catalog_mark(struct catalog *catalog, const char *name, char *ret, size_t size);

/* ---- reading at start: each row once, in the order of the key; a negative result ends it -- */

_must_check_ int catalog_each_run(struct catalog *catalog,
                                  int (*each)(void *ctx, const struct catalog_run *row),
                                  void *ctx);
_must_check_ int catalog_each_generation(
    struct catalog *catalog, int (*each)(void *ctx, const struct catalog_generation *row),
    void *ctx);
_must_check_ int catalog_each_damage(struct catalog *catalog,
                                     int (*each)(void *ctx, const char *run, const char *path,
                                                 uint32_t number, const struct damage *damage),
                                     void *ctx);
_must_check_ int catalog_each_event(struct catalog *catalog,
                                    int (*each)(void *ctx, const char *run,
                                                const struct archive_event *event),
                                    void *ctx);
_must_check_ int catalog_each_tombstone(struct catalog *catalog,
                                        int (*each)(void *ctx,
                                                    const struct catalog_tombstone *row),
                                        void *ctx);

/* ---- between the files of catalog ------------------------------------------------------- */

struct db;
struct db *catalog_db(struct catalog *catalog);
/* Brings the schema up to CATALOG_VERSION, one transaction a step. */
_must_check_ int catalog_migrate(struct db *db, int *ret_version);

#endif
