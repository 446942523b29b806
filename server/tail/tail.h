/* tail.h: log directories in, spans out.
 *
 * Finds directories with event files under the given logdirs, follows every event file in them
 * (inotify where the file system has it, polling elsewhere, a safety poll every 5 s everywhere),
 * decides what is the same file (generations), and hands whole checked records forward.
 *
 *   discover ─► watch (inotify | poll) ─► tailfile (identity, ef_reader) ─► struct tail_sink
 *
 * Threads: one "tail" thread (libuv) owns discovery, watches and timers; `workers` threads read.
 * A directory (run) belongs to one worker at a time: its sink calls never overlap and are ordered,
 * though they may come from different threads over time (with a happens-before between them).
 * Live directories are served before backlog; a directory with backlog gives way after
 * LIMIT_TURN_BYTES.
 *
 * The sink must not call back into the tailer, but for tail_add_file() and tail_poke(). */
#ifndef TB_TAIL_TAIL_H
#define TB_TAIL_TAIL_H

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow.h"

/* One --logdir argument, resolved: see tail_logdir_parse(). */
struct tail_logdir {
    char *alias; /* shown in front of run names if there are several logdirs; the experiment */
    char *path;  /* as given, without trailing slashes */
};

/* What a run is told by when found. Strings are borrowed for the call. */
struct tail_run {
    const char *id;         /* 16 hex digits: SHA-256 of the directory's canonical path, cut */
    const char *name;       /* path relative to its logdir, "." for the top; "ALIAS/…" if several */
    const char *experiment; /* the logdir's alias */
    const char *path;       /* of the directory, canonical */
};

/* One life of a file under a path. */
struct tail_generation {
    const char *path;  /* relative to the run's directory; bytes as on disk, perhaps not UTF-8 */
    uint32_t number;   /* 1 for the first life under this path, then rising */
    uint64_t size;     /* bytes when found */
    uint64_t offset;   /* spans will begin here: 0, or where tail_sink.resume said */
    const char *dir;   /* of the run: "" but for files that were added with another */
    bool added;        /* by tail_add_file() */
};

/* How far a file was given, and what proves that another descriptor shows the same file: CRC-32C
 * of its first head_size bytes and of the window_size bytes before window_end, both at most 4,096.
 * Damaged bytes are in neither. */
struct tail_place {
    uint64_t offset;
    uint32_t head_size, head_crc;
    uint64_t window_end;
    uint32_t window_size, window_crc;
};

enum tail_watch { TAIL_WATCH_INOTIFY, TAIL_WATCH_POLL };

/* State of a run's source, told when it changes. */
struct tail_state {
    enum tail_watch watch;
    uint32_t poll_ms;      /* shortest interval when polled, else 0 */
    bool gone;             /* no event file of this run is there any more */
    bool cut_at_source;    /* a file became shorter but equal as far as it goes */
    uint32_t unreadable;   /* files that cannot be opened now */
    uint32_t left_out;     /* temporary names that look like event files and were left out */
    uint64_t bytes_total;  /* size of all files of the run as far as known */
    uint64_t bytes_read;   /* of these, read (given out, passed, or waiting to be judged) */
    bool loading;          /* backlog is being read */
    double newest_byte_wall_s; /* when bytes last came, seconds since 1970; of backlog: when its
                                * file was changed last */
    char message[160];     /* why, when something is wrong: "permission denied: events.…"; or "" */
};

/* Where it all goes. Every call but run_found is made by the worker that has the run now. A
 * negative result of `generation` or `span` (-ENOMEM) is logged by the tailer, and the file is
 * tried again from the same place after a second. */
struct tail_sink {
    void *ctx;
    /* A directory with event files. Returns the receiver's handle, passed to all other calls
     * (NULL: refused; the directory is left alone until the next start). Any worker. */
    void *(*run_found)(void *ctx, const struct tail_run *run);
    /* A new file, or a new life of a path. Returns the handle for the next calls, or NULL. */
    void *(*generation)(void *ctx, void *run, const struct tail_generation *generation);
    /* Before `generation`, at first sight of a path: is its life *number known from before (0: the
     * newest)? True: *number, and where to go on (*ret; its window may lie behind the offset). If
     * the file proves to be the same, that life goes on at the offset; else the next number
     * begins. May be NULL. */
    bool (*resume)(void *ctx, void *run, const char *path, uint32_t *number,
                   struct tail_place *ret);
    /* The end of a file's part of a turn: all before place->offset was given, nothing behind it,
     * no bytes in front of it are suspect. Not called where that is not so. May be NULL. */
    void (*place)(void *ctx, void *run, void *generation, const struct tail_place *place);
    /* The end of a file's part of a turn: the bytes before `end` can be kept as they are (sound
     * records, judged damage, a partial tail; nothing suspect); `fd` shows them, borrowed. False:
     * not all of them were taken; asked again after a second. Not for added files. May be NULL. */
    bool (*bytes)(void *ctx, void *run, void *generation, uint64_t end, int fd);
    /* The path of a generation changed (rename in the same directory); `number`: its number under
     * the new one, behind those of the lives which had that path before. */
    void (*renamed)(void *ctx, void *run, void *generation, const char *path, uint32_t number);
    int (*span)(void *ctx, void *run, void *generation, const struct span *span);
    void (*damage)(void *ctx, void *run, void *generation, const struct damage *damage);
    /* Bytes in front of what was given are sound now: spans of this generation follow from offset
     * 0 and replace, at the commit after replay_end, all that was given before. Damage is listed
     * anew as well, but for entries of reason EF_REASON_REPAIRED. A replay may last many turns; a
     * second replay_begin starts it over; one that never ends (the file is gone) leaves what was
     * given before. */
    void (*replay_begin)(void *ctx, void *run, void *generation);
    void (*replay_end)(void *ctx, void *run, void *generation);
    void (*state)(void *ctx, void *run, const struct tail_state *state);
    /* The beginning of a turn: true once when all that was given for this run is to be given again,
     * by replays of all its files. May be NULL. */
    bool (*reread)(void *ctx, void *run);
    /* The end of a turn: what was given since the last commit may be shown. */
    void (*commit)(void *ctx, void *run);
};

struct tail_options {
    const struct tail_logdir *logdirs;
    size_t n_logdirs;
    unsigned workers;          /* threads that read; 0: as many as there are CPUs */
    uint32_t poll_ms;          /* 0: decided by the file system */
    bool force_poll;           /* never inotify */
    const struct clock *clock; /* NULL: the system's */
    struct tail_sink sink;
};

struct tail;

/* "PATH" or "ALIAS:PATH" (alias only if it matches [A-Za-z0-9_-]+ and no file of that whole name
 * exists). 0; -EINVAL for an empty path; -ENOMEM. */
_must_check_ int tail_logdir_parse(const char *arg, struct tail_logdir *ret);
void tail_logdir_done(struct tail_logdir *logdir);

/* Starts the threads. The options' strings are copied. -EEXIST when two logdirs have the same
 * alias, -errno when threads or the loop cannot be had. A logdir that is not there yet is waited
 * for (logged once); one that is a file is -ENOTDIR. */
_must_check_ int tail_start(const struct tail_options *options, struct tail **ret);
/* Stops and joins all threads, within a fraction of a second even in the middle of a load; frees.
 * No sink call is made after it returns. Accepts NULL; returns NULL. */
struct tail *tail_stop(struct tail *tail);

struct tail_stats {
    uint64_t runs, files, bytes_read, bytes_total, records;
    uint64_t inotify_overflows, watches;
    bool first_walk_done;   /* every logdir was walked once */
    bool caught_up;         /* and everything found then was read */
    bool waiting_for_logdir;
};
/* Any thread. */
struct tail_stats tail_stats(struct tail *tail);

/* One generation of a file that is kept elsewhere than in a followed directory. Strings are
 * borrowed for the call. */
struct tail_added {
    struct tail_run run; /* path "": it has no directory */
    const char *dir;     /* of the run, "" for the top */
    const char *path;    /* as in struct tail_generation */
    uint32_t number;
    const char *at;      /* the file */
    bool grows;          /* tail_poke() tells when */
    bool unless_found;   /* left to the run's directory, if that has it after the first walk */
    void *handle;        /* what the sink would answer to its `generation`; NULL: it is asked */
};

/* Any thread: reads that file as one of its run's, which is found or made. It is read beside what
 * the run's directory holds. 0 or -ENOMEM. */
_must_check_ int tail_add_file(struct tail *tail, const struct tail_added *added);
/* Any thread: every run gets a turn soon, in which tail_sink.reread is asked. Accepts NULL. */
void tail_wake(struct tail *tail);
/* Any thread: files of this run that were added may have grown. */
void tail_poke(struct tail *tail, const char *run_id);

#endif
