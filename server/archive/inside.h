/* inside.h: what the files of this module share: the archive in memory, its queues, its batches.
 *
 *   archive_append() ─► pieces of a file ─┐            ┌─► files, journals ─┐
 *   archive_add_event(), … ─► changes ────┴─► writer ──┴─► batch ──► syncer ┴─► catalog, durable
 *
 * The writer thread writes and notes what it wrote in the open batch. The syncer takes the batch
 * whenever it is free (group commit): syncs, one catalog transaction, new durable lengths,
 * callbacks. While a sync hangs, the writer goes on into the next batch.
 *
 * Owners:
 *   - archive->lock: everything not named below, and which thread may touch what else.
 *   - the writer alone: fd, digest and `opened` of a file; it alone removes pieces.
 *   - the syncer alone: the batch it has taken. A file in it keeps its fd (`committing`).
 *   - archive->catalog_lock: the catalog. Taken without archive->lock held.
 *
 * Invariants of a file: durable ≤ written ≤ received; its pieces cover [written, received) in
 * order, without gaps. */
#ifndef TB_ARCHIVE_INSIDE_H
#define TB_ARCHIVE_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "archive/archive.h"
#include "archive/catalog.h"
#include "archive/place.h"
#include "base/digest.h"

enum { CHECK_BYTES = 4096 }; /* of struct archive_check */

/* Bytes that wait to be written: carried along, or to be read again from the source. */
struct piece {
    struct piece *next;
    uint64_t offset, size;
    bool carried;
    uint32_t check_size, check_crc; /* not carried: CRC-32C of its last bytes; size 0: not known */
    uint8_t data[];
};

struct archive_file {
    struct archive_run *run;
    char *path, *source;
    uint32_t number;
    char *at_path; /* where it sits: another one while a rename waits for the writer */
    uint32_t at_number;
    bool newest, moved; /* moved: it sits below generations/ */
    bool event_file, complete;
    bool made;          /* it is on disk */
    bool reset;         /* a sync failed: written goes back to durable */
    bool gone;          /* its bytes were given up, or the run was purged */
    uint64_t received, written;
    _Atomic uint64_t durable;
    struct archive_check check;
    bool has_sha256;
    uint8_t sha256[DIGEST_BYTES];
    double changed_s;
    struct damage *damage; /* by offset */
    size_t n_damage;
    struct piece *pieces, *last_piece;
    int64_t since_ns; /* when the oldest piece came */
    int source_fd;    /* -1: none held */
    dev_t source_dev;
    ino_t source_ino;
    bool queued;
    struct archive_file *next_queued;

    int fd; /* -1: closed */
    int64_t used_ns;
    bool dirty;      /* in the open batch */
    bool committing; /* in the syncer's */
    uint64_t end;    /* the syncer's: bytes the batch makes durable */
    int sync_fd;     /* the syncer's: fd when the batch was taken; -1: nothing was written */
    uint64_t begun;  /* the disk was told to write so far */
    struct digest digest;
    uint64_t hashed;    /* bytes in the digest */
    uint64_t journaled; /* length last told to files.jsonl; set with the lock, for the end */
};

struct archive_run {
    struct archive *archive;
    struct archive_run_info info; /* never changes */
    char *name, *notes, *tags;
    bool pinned;
    bool made;                    /* the writer's: it is on disk */
    bool line_checked[2];         /* the writer's: its journals end with a whole line */
    double created_s, changed_s, deleted_s;
    bool purged;
    struct archive_file **files;  /* by path and number */
    size_t n_files, files_capacity;
    char **old_paths; /* facts that were given out may name them */
    size_t n_old_paths, old_paths_due; /* due: there is room for so many */
    struct archive_event **events;
    size_t n_events, events_capacity;
    struct catalog_tombstone *tombstones;
    size_t n_tombstones;
    uint64_t bytes; /* durable */
};

enum change_kind {
    CHANGE_RUN,      /* its row and run.json are written anew */
    CHANGE_FILE,     /* a generation begins */
    CHANGE_RENAME,   /* a generation sits under its old name still */
    CHANGE_EVENT,
    CHANGE_DAMAGE,
    CHANGE_REPAIR,
    CHANGE_COMPLETE,
    CHANGE_SYNC,     /* nothing but its place in the queue */
    CHANGE_LENGTH,   /* a line in files.jsonl */
    CHANGE_BURY,     /* as RUN, with the tombstones */
    CHANGE_PURGE,
    CHANGE_MEND,     /* its length and proof become those of the file on disk */
    CHANGE_CATALOG,  /* the catalog is written anew */
};

struct change {
    struct change *next;
    enum change_kind kind;
    struct archive_run *run;
    struct archive_file *file;
    uint64_t upto;     /* the file has to be written so far first */
    uint64_t keep;     /* MEND: at most so many bytes of it stay; 0: it begins anew */
    int64_t asked_ns;  /* SYNC: and every file of the run what came before */
    struct archive_event *event;
    uint64_t place;    /* of the event in its run */
    struct damage damage;
    bool has_sha256;   /* MEND: the object of that content takes its place */
    uint8_t sha256[DIGEST_BYTES];
    void (*done)(void *ctx, int result);
    void *ctx;
    int result;
    size_t size; /* REPAIR: bytes behind the struct, for damage.offset */
    uint8_t data[];
};

/* What one group commit makes durable. */
struct batch {
    struct archive_file **files;
    size_t n_files, files_capacity;
    struct change *changes, **changes_tail;
    struct place_dirs dirs;
    int journals[64];
    const struct archive_run *journal_runs[64];
    int journal_kinds[64];
    size_t n_journals;
    uint64_t bytes;
    int64_t since_ns; /* of its oldest byte or change; 0: empty */
};

/* Why a thread does not get on, and when it tries again. */
struct trouble {
    int error; /* 0: none */
    unsigned failures;
    int64_t retry_ns;
    bool told;
};

struct archive {
    char *dir;
    int root, lock_fd;
    const struct clock *clock;
    uint64_t reserve_bytes;
    unsigned output_generations; /* 0: all */
    void (*written)(void *ctx, struct archive_file *file);
    void (*begun)(void *ctx, struct archive_file *file);
    void *ctx;
    bool remote;

    pthread_mutex_t catalog_lock;
    struct catalog *catalog;

    pthread_mutex_t lock;
    pthread_cond_t work, commit, committed;
    pthread_t writer, syncer;
    bool writer_runs, syncer_runs;
    bool applying;          /* the writer works on a change: the open batch must stay */
    bool stopping, drained; /* drained: the writer has nothing more */
    int64_t stop_ns;
    bool lost;
    struct archive_run **runs; /* by id */
    size_t n_runs, runs_capacity;
    uint64_t n_files, bytes_kept, carried_bytes;
    size_t n_sources;
    struct archive_file *queue, **queue_tail;
    struct change *changes, **changes_tail;
    size_t n_changes;
    struct batch *open, *taken, *taken_spare;
    struct batch batches[2];
    unsigned urgent; /* the writer waits for the next commit */
    struct trouble writer_trouble, syncer_trouble;
    _Atomic int64_t writer_call_ns, syncer_call_ns; /* in a call to the disk since; 0: not */
    int64_t space_ns;
    uint64_t free_bytes;
    int64_t committed_ns, refreshed_ns;

    struct archive_file *opened[LIMIT_ARCHIVE_OPEN_FILES]; /* the writer's */
    size_t n_opened;
    uint8_t *copy_buffer;
};

/* ---- archive.c -------------------------------------------------------------------------- */

static inline int64_t archive_now(void)
{
    return clock_ns(NULL); /* intervals are real ones, whatever the clock of the data */
}
/* Logs once and sets the next try. With the lock. */
void archive_troubled(struct archive *archive, struct trouble *trouble, int error,
                      const char *what);
void archive_no_trouble(struct archive *archive, struct trouble *trouble);

/* The directory and its lock alone, for a rebuild: no catalog, no threads. archive_close() gives it
 * back. -EBUSY: *ret_holder. */
_must_check_ int archive_take(const char *dir, struct archive **ret,
                              struct archive_holder *ret_holder);
/* Who this process is, to a catalog's lease. */
struct catalog_holder archive_self(void);
/* fsck.c: each file below `top`, links too. */
_must_check_ int fsck_walk(int root, const char *top, int (*each)(void *ctx, const char *path),
                           void *ctx);

/* ---- runs.c: the tables in memory, with the lock ------------------------------------------ */

struct archive_run *run_find(const struct archive *archive, const char *id);
/* NULL: out of memory. */
struct archive_run *run_add(struct archive *archive, const struct archive_run_info *info);
void kept_run_free(struct archive_run *run);
struct archive_file *file_find(const struct archive_run *run, const char *path, uint32_t number);
struct archive_file *file_add(struct archive_run *run, const char *path, const char *source,
                              uint32_t number);
_must_check_ int file_add_damage(struct archive_file *file, const struct damage *damage);
_must_check_ int run_add_event(struct archive_run *run, const struct archive_event *event,
                               struct archive_event **ret);
_must_check_ int run_add_tombstone(struct archive_run *run, const char *path,
                                   const struct archive_check *check);
/* A row of the catalog; strings are the run's. */
void run_row(const struct archive_run *run, struct catalog_run *ret);
_must_check_ int file_place(const struct archive_file *file, char *ret, size_t size);
/* Puts a change behind the others and wakes the writer. Takes `change`; NULL is -ENOMEM. */
int change_post(struct archive *archive, struct change *change);
struct change *change_new(enum change_kind kind, struct archive_run *run,
                          struct archive_file *file, size_t more);

/* ---- append.c --------------------------------------------------------------------------- */

/* With the lock: the file has pieces, or must be reset. */
void file_queue(struct archive_file *file);
void file_drop_pieces(struct archive_file *file);
void file_release_source(struct archive_file *file);
/* Without the lock: bytes as archive_read() gives them. */
ssize_t file_read(struct archive_file *file, uint64_t offset, void *ret, size_t size);

/* ---- archiver.c, archiver_change.c, journal.c ------------------------------------------- */

void *writer_main(void *archive);
/* The open batch has the file. With the lock. -ENOMEM. */
_must_check_ int batch_add(struct archive *archive, struct archive_file *file);
/* Hands the open batch over and waits until nothing is under way. With the lock (released
 * meanwhile). -EAGAIN: the syncer does not get on. */
_must_check_ int batch_settle(struct archive *archive);
/* Without the lock, on the writer: opens the file for writing. */
_must_check_ int file_open(struct archive_file *file);
void file_close(struct archive_file *file);
/* Does what a change asks of files; 1: not finished, again later. Without the lock. */
_must_check_ int change_apply(struct archive *archive, struct change *change);
/* The older file of a path to generations/<number>/, both directories synced. */
_must_check_ int generation_move(struct archive *archive, const char *run, const char *path,
                                 uint32_t number);
/* removal.c: the run's directory to trash/, and that emptied. Without the lock, on the writer. */
_must_check_ int purge_run(struct archive *archive, struct archive_run *run);
/* Empties trash/. */
_must_check_ int purge_trash(struct archive *archive);
/* object.c: is this file's content kept once for all? Only then the others are called. */
bool object_wanted(const struct archive_file *file);
/* A durable, closed file of that hash shares the object of the content. */
_must_check_ int object_keep(struct archive *archive, struct archive_file *file,
                             const uint8_t sha256[DIGEST_BYTES]);
/* The file at `place` gets an inode of its own. */
_must_check_ int object_unshare(struct archive *archive, const char *place, uint64_t size);
/* Objects that no file shares any more go. */
_must_check_ int object_sweep(struct archive *archive);
/* Where the object of that content is or would be. */
void object_place(const uint8_t sha256[DIGEST_BYTES], char ret[PLACE_BYTES]);
/* Puts an object's inode in the place of a file's. */
_must_check_ int object_share(struct archive *archive, const char *object, const char *place);
/* run.json, written anew. `first`: the catalog does not know the run yet. */
_must_check_ int journal_run(struct archive *archive, struct archive_run *run, bool first);
enum { JOURNAL_FILES, JOURNAL_EVENTS, JOURNAL_RUN };
/* One line of files.jsonl; it is synced with the open batch. */
_must_check_ int journal_generation(struct archive *archive, struct archive_file *file);
_must_check_ int journal_damage(struct archive *archive, struct archive_file *file,
                                const struct damage *damage);
_must_check_ int journal_event(struct archive *archive, struct archive_run *run,
                               const struct archive_event *event);

/* ---- versions.c ------------------------------------------------------------------------- */

/* Generations of a path that are there. With the lock. */
unsigned versions_count(const struct archive_run *run, const char *path);
/* Older generations of a file of ./outputs go, beyond those that are kept. Without the lock, on the
 * writer. */
_must_check_ int versions_drop(struct archive *archive, const struct archive_file *newest);

/* ---- mend.c, renew.c -------------------------------------------------------------------- */

/* Any thread but the writer's; both wait for the writer and the disk. At most `keep` bytes of the
 * file on disk stay and count; sha256 (may be NULL): the object of that content takes its place. */
_must_check_ int file_mend(struct archive_file *file, uint64_t keep, const uint8_t *sha256);
/* Lost bytes up to `size` from the place where the run was found, if the file there proves by
 * `check` that it is the same. 1: they are here and safe; 0: they are not there; -errno. */
_must_check_ int file_take_back(struct archive_file *file, uint64_t size,
                                const struct archive_check *check, uint64_t keep);
/* A file on disk without a row becomes a generation. -EEXIST: its path has one. */
_must_check_ int file_adopt(struct archive_run *run, const char *path);
_must_check_ int mend_apply(struct archive *archive, struct change *change);
/* The catalog, written anew from what is in memory; the old one stays as catalog.db.old. */
_must_check_ int catalog_renew(struct archive *archive);
_must_check_ int renew_apply(struct archive *archive, struct change *change);
/* Puts catalog.db.new in the place of catalog.db, which becomes catalog.db.old. */
_must_check_ int catalog_swap(struct archive *archive);
#define CATALOG_NEW "catalog.db.new"
/* Posts the change and waits until it is done and durable. */
_must_check_ int change_wait(struct archive *archive, struct change *change);

/* ---- syncer.c --------------------------------------------------------------------------- */

void *syncer_main(void *archive);
/* Over the first `end` bytes; with the lock for the damage list, reads from `fd` without. */
uint64_t file_check_end(const struct archive_file *file, uint64_t end);
_must_check_ int file_make_check(int fd, uint64_t end, struct archive_check *ret);
/* A generation's row. With the lock; `path` has PATHTEXT_BYTES and is filled. */
void file_row(const struct archive_file *file, uint64_t durable, char *path,
              struct catalog_generation *ret);

/* ---- recovery.c: before the threads run --------------------------------------------------- */

_must_check_ int recovery_load(struct archive *archive);
_must_check_ int recovery_run(struct archive *archive);
/* How the archive was left, for the next start: "open" or "clean". A failure makes that start look
 * more closely. */
int recovery_mark(struct archive *archive, const char *value);

#endif
