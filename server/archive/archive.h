/* archive.h: every byte that was followed, kept: the run history on disk.
 *
 *   tail  ── bytes ──┐                       ┌─► files/…        (byte-identical)
 *   http  ── upload ─┼─► queue ─► archiver ──┼─► run.json, files.jsonl
 *   cli   ── change ─┘    thread             └─► catalog.db     (durable lengths: the truth)
 *                            │
 *                            └─► acknowledged: archive_durable(), done callbacks
 *
 * Visible is not durable: points are shown at once, bytes become durable behind them. A group
 * commit is: write, fdatasync of the files, fsync of new directories, one catalog transaction, then
 * acknowledge. Layout, recovery and rules: docs/formats/archive.md.
 *
 * Threads: one archiver thread owns every write to files, catalog and index; a syncer thread of its
 * own waits for the disk, so that a slow sync delays no write. All calls below are for any thread
 * unless they say otherwise and none of them waits for the disk. Handles live as long as the
 * archive. Callbacks are made by the archiver thread, without locks, and must be quick. */
#ifndef TB_ARCHIVE_ARCHIVE_H
#define TB_ARCHIVE_ARCHIVE_H

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "flow.h"

struct archive;
struct archive_run;
struct archive_file; /* one generation of one path of a run */

/* ---- life ------------------------------------------------------------------------------- */

struct archive_options {
    const char *dir;           /* made if missing, mode 0700 */
    bool must_exist;           /* -ENOENT in place of making one */
    uint64_t reserve_bytes;    /* kept free on the disk; 0: the smaller of 5 % and 10 GB */
    unsigned output_generations; /* kept of a file of ./outputs, with the newest; 0: all */
    const struct clock *clock; /* NULL: the system's */
    /* May be NULL. More of a file can be read at its place now; by the writer thread, quickly. */
    void (*written)(void *ctx, struct archive_file *file);
    /* May be NULL. A generation of this start is on disk now, empty; before its first `written`. */
    void (*begun)(void *ctx, struct archive_file *file);
    void *ctx;
};

/* Who has it, when it is taken. */
struct archive_holder {
    char host[LIMIT_NAME_BYTES + 1];
    long pid; /* 0: unknown */
};

/* Takes lock and lease, completes what a crash left undone (recovery), starts the threads. 0;
 * -EBUSY: *ret_holder says who has it; -EPROTO: a catalog of a newer version (its number was
 * logged); -ENOTDIR, -EACCES, -EROFS, -ENOSPC…: as the system said. */
_must_check_ int archive_open(const struct archive_options *options, struct archive **ret,
                              struct archive_holder *ret_holder);
/* Waits until all that was given is durable, at most so long, and not while it is in trouble. */
void archive_settle(struct archive *archive, unsigned milliseconds);
/* Commits what is queued (at most 10 s, then says what is left), joins, frees. Accepts NULL. */
struct archive *archive_close(struct archive *archive);

enum archive_state {
    ARCHIVE_OK,
    ARCHIVE_FULL,      /* below the reserve, ENOSPC or EDQUOT: paused, goes on by itself */
    ARCHIVE_FAILING,   /* I/O error or read-only: tried again with backoff */
    ARCHIVE_HUNG,      /* a call has not come back for 10 s */
    ARCHIVE_LOST,      /* another holds the lease: stopped for good */
};
const char *archive_state_word(enum archive_state state); /* "ok", "full", … */

struct archive_status {
    enum archive_state state;
    char message[160];      /* why; "" when ok */
    const char *dir;
    uint64_t bytes_kept;    /* durable, all runs */
    uint64_t bytes_behind;  /* known and not durable yet */
    double behind_s;        /* age of the oldest of these; 0: none */
    uint64_t free_bytes, reserve_bytes;
    uint64_t runs, files;
};
struct archive_status archive_status(struct archive *archive);
const char *archive_dir(const struct archive *archive); /* as given */
bool archive_is_remote(const struct archive *archive);  /* on NFS, Lustre, FUSE or the like */

/* ---- runs ------------------------------------------------------------------------------- */

enum archive_run_kind { ARCHIVE_RUN_FOUND = 1, ARCHIVE_RUN_JOB, ARCHIVE_RUN_IMPORTED };

struct archive_run_info { /* strings are copied */
    const char *id, *name, *experiment;
    const char *source;        /* directory at the source; "" for jobs */
    enum archive_run_kind kind;
};

/* Finds or makes the run. -EEXIST: that id is a run of another kind; -ESTALE: it was deleted
 * (archive_tombstone() tells which files may make it anew); -ENOMEM. */
_must_check_ int archive_run(struct archive *archive, const struct archive_run_info *info,
                             struct archive_run **ret);
/* NULL: not in the catalog. */
struct archive_run *archive_find_run(struct archive *archive, const char *id);
const struct archive_run_info *archive_run_info(const struct archive_run *run);

/* ---- files ------------------------------------------------------------------------------ */

/* Proof that a file is the same: CRC-32C (not masked) of the first and of the last
 * min(4096, offset) bytes before `offset`. */
struct archive_check {
    uint64_t offset;
    uint32_t head_crc, tail_crc;
};

struct archive_file_facts {
    const char *path;          /* "logs/…", "outputs/…", "nodes/1/logs/…" */
    const char *source;        /* as given to archive_new_file(); both live with the archive */
    uint32_t generation;       /* 1, 2, …, of this path */
    bool newest;
    bool complete;             /* its end was told and its hash agreed */
    bool event_file;
    uint64_t received;         /* bytes known here */
    uint64_t durable;          /* bytes acknowledged */
    struct archive_check check; /* over the durable bytes */
    bool has_sha256;
    uint8_t sha256[32];
    double changed_s;          /* newest byte, seconds since 1970 */
};

/* All generations of all files of a run, by path and generation; *ret freed by the caller. */
_must_check_ int archive_files(struct archive_run *run, struct archive_file ***ret,
                               size_t *ret_count);
/* The newest generation (generation 0) or that one; NULL: none. */
struct archive_file *archive_find_file(struct archive_run *run, const char *path,
                                       uint32_t generation);
struct archive_run *archive_file_run(const struct archive_file *file);
struct archive_file_facts archive_file_facts(struct archive_file *file);
uint64_t archive_durable(struct archive_file *file);

/* Opens the next generation of `path` (made if the path is new). A path's older generation moves
 * to generations/<n>/. source: who sends it, "" for this machine's tailer. 0 and *ret; -EINVAL: a
 * name that may not be (LIMIT_NAME_BYTES, LIMIT_PATH_BYTES, "", ".", "..", NUL); -EEXIST: the path
 * belongs to another source, or it is a directory, or one of its directories is a file; -EDQUOT:
 * LIMIT_GENERATIONS_PER_PATH or LIMIT_FILES_PER_RUN; -ESTALE: the run is deleted. */
_must_check_ int archive_new_file(struct archive_run *run, const char *path, const char *source,
                                  struct archive_file **ret);
/* This generation is found under another path now, as `number` of it (a rename at the source).
 * -EINVAL: no name that may be; -EEXIST: that generation is there; -ENOMEM. */
_must_check_ int archive_rename(struct archive_file *file, const char *path, uint32_t number);
/* Where a file sits now for readers on this machine, relative to the archive's directory. Valid
 * until the path gets a new generation: check the generation again after opening. */
_must_check_ int archive_local_path(struct archive_file *file, char *ret, size_t size);

/* Bytes [offset, offset + size) of a file. `data` holds them all (then they are copied: at most
 * LIMIT_CARRIED_BYTES with a descriptor), or is NULL: they are read again from `fd` (duplicated,
 * kept until they are safe). With both, large or many ones are read again too, and compared at
 * their end. fd -1: the sender keeps them; it may have to send again what is not durable.
 * Bytes that are known already are compared, not written: -EBADMSG when they differ (this may wait
 * for the disk). A gap: -ERANGE. -EAGAIN: the queue is full, again soon; -ENOSPC (paused), -EIO
 * (failing), -ESTALE (the run is deleted, an older generation of an upload, or the archive lost),
 * -EMFILE, -ENOMEM. */
_must_check_ int archive_append(struct archive_file *file, uint64_t offset, const void *data,
                                size_t size, int fd);
/* The same for a range that is read from `fd` alone: `last` are its last bytes as they were shown
 * (at most 4,096), which the copy must end with. */
_must_check_ int archive_append_range(struct archive_file *file, uint64_t offset, uint64_t size,
                                      int fd, const void *last, size_t last_size);
/* Bytes known here: archive_file_facts().received alone. */
uint64_t archive_received(struct archive_file *file);
/* The only archived bytes that may change: a listed damaged range, now with good CRCs. */
_must_check_ int archive_repair(struct archive_file *file, uint64_t offset, const void *data,
                                size_t size);
_must_check_ int archive_damage(struct archive_file *file, const struct damage *damage);
/* All damage listed of a file, by offset; *ret freed by the caller. */
_must_check_ int archive_damages(struct archive_file *file, struct damage **ret,
                                 size_t *ret_count);
/* Does the file behind `fd`, `size` bytes long, hold what is kept of this one, as far as both go?
 * By content: the first and the last sound 4,096 bytes. 1 yes, 0 no, or -errno. Waits for disks. */
_must_check_ int archive_continues(struct archive_file *file, int fd, uint64_t size);
/* The file has its last byte; with sha256 the hash of all must agree. `done` (may be NULL) is
 * called once all is durable: 0, or -EBADMSG when the hash differs, or the error. */
_must_check_ int archive_complete(struct archive_file *file, const uint8_t *sha256,
                                  void (*done)(void *ctx, int result), void *ctx);
/* Calls `done` once everything given so far for this run is durable. */
_must_check_ int archive_sync(struct archive_run *run, void (*done)(void *ctx, int result),
                              void *ctx);

/* Reads kept bytes (durable or not); what of [offset, offset + size) is there. May wait for the
 * disk. Bytes read, 0 at the end, or -errno. */
ssize_t archive_read(struct archive_file *file, uint64_t offset, void *ret, size_t size);
/* The proof over the first `offset` bytes, all of which are durable. May wait for the disk. 0 or
 * -errno. */
_must_check_ int archive_check_at(struct archive_file *file, uint64_t offset,
                                  struct archive_check *ret);

/* ---- events and notes ------------------------------------------------------------------- */

/* One event of a run's life (docs/formats/archive.md); text members are copied. `id` makes it
 * idempotent. */
struct archive_event {
    const char *id, *kind, *source; /* kind: "created", "started", …; source: "agent", … */
    uint32_t attempt;
    int32_t rank;                   /* -1: none */
    double time_s;
    const char *data;               /* JSON object, "{}" if nothing */
};
/* `done` as above; an event that is known is fine and changes nothing. */
_must_check_ int archive_add_event(struct archive_run *run, const struct archive_event *event,
                                   void (*done)(void *ctx, int result), void *ctx);
/* All events in order of arrival; one block, freed by the caller. */
_must_check_ int archive_events(struct archive_run *run, struct archive_event **ret,
                                size_t *ret_count);

/* What people write to a run. NULL members stay as they are. */
struct archive_notes {
    const char *name, *notes;
    const char *tags;   /* JSON object of strings */
    int pinned;         /* -1: as it is */
};
_must_check_ int archive_set_notes(struct archive_run *run, const struct archive_notes *notes,
                                   void (*done)(void *ctx, int result), void *ctx);

/* ---- lists ------------------------------------------------------------------------------ */

struct archive_run_row { /* strings are inside *ret of archive_runs() */
    const char *id, *name, *experiment, *source, *notes, *tags;
    enum archive_run_kind kind;
    bool pinned, deleted;
    bool purged;               /* deleted for good: only its tombstone is left */
    double created_s, changed_s, deleted_s;
    uint64_t bytes, files;
};
/* Every run of the catalog, deleted ones too, by created_s; one block, freed by the caller. May
 * wait for the catalog. */
_must_check_ int archive_runs(struct archive *archive, struct archive_run_row **ret,
                              size_t *ret_count);

/* ---- deleting --------------------------------------------------------------------------- */

/* Marks the run deleted, with its source and the identities of its files (tombstone). -EBUSY: it
 * has a heartbeat or bytes of the last 10 minutes and `force` is not set. */
_must_check_ int archive_delete(struct archive_run *run, bool force,
                                void (*done)(void *ctx, int result), void *ctx);
bool archive_is_deleted(struct archive_run *run);
/* Takes it back until it is purged: -ENOENT then. */
_must_check_ int archive_undelete(struct archive_run *run, void (*done)(void *ctx, int result),
                                  void *ctx);
/* Moves what was deleted `grace_s` ago or longer to trash/ and unlinks it. */
_must_check_ int archive_purge(struct archive *archive, double grace_s,
                               void (*done)(void *ctx, int result), void *ctx);
/* Does a file at the source continue one of a deleted run? */
bool archive_tombstone(struct archive_run *run, const char *path,
                       const struct archive_check *check);

#endif
