/* tailfile.h: one life of one event file: what its path leads to, what was read, what comes next.
 *
 *   source ── visit ──► is it the same file? ──► ef_reader ──► sink (span, damage, replay)
 *
 * States and what moves between them:
 *
 *   NEW ──open──► FOLLOWED ◄──grows, equal── CUT      shorter, but equal as far as it goes
 *    │               │ └─────shorter──────►  │
 *    │               ├──first record is none──► REFUSED   until the file is another one
 *    │               └──path gone or another's──► ORPHAN  read to its end by the descriptor
 *    └──path gone──► (forgotten)
 *
 * A file whose bytes differ becomes an ORPHAN, and a new life (number + 1) takes its path. An
 * ORPHAN found under another name of the directory goes on there.
 *
 * Thread: the worker that has the source; the cache links as in fdcache.h. */
#ifndef TB_TAIL_TAILFILE_H
#define TB_TAIL_TAILFILE_H

#include <sys/stat.h>

#include <eventfile/reader.h>

#include "tail/source.h"

enum tailfile_state {
    TAILFILE_NEW,
    TAILFILE_FOLLOWED,
    TAILFILE_CUT,
    TAILFILE_REFUSED,
    TAILFILE_ORPHAN,
    TAILFILE_STATES,
};

/* What stat() said when the file was last looked at. */
struct tailfile_facts {
    dev_t dev;
    ino_t ino;
    uint64_t size;
    int64_t mtime_ns, ctime_ns;
};

struct tailfile {
    struct source *source;
    char *name;
    char *at;     /* an added file: where it is; NULL: in the source's directory */
    char *dir;    /* of an added file */
    bool grows;   /* it is looked at when poked */
    unsigned misses; /* visits when other bytes were at its place */
    enum tailfile_state state;
    int fd; /* -1: closed */
    struct tailfile_facts facts;
    int64_t changed_ns;   /* the mtime in the reader's clock; made anew when the mtime changes */
    ef_reader *reader;
    uint64_t known_end;   /* bytes up to here were given out as records or damage */
    uint64_t counted_size, counted_read; /* this file's part in the source's sums */
    struct identity identity;

    void *handle;         /* the sink's, for the present life */
    uint32_t number;
    void **earlier;       /* handles of earlier lives of this lineage */
    size_t n_earlier;

    int64_t due_ns;       /* -1: none */
    int64_t orphan_until_ns; /* then it is closed, if nothing came */
    uint64_t replay_to;   /* a replay is under way up to here; 0: none */
    bool replay_due;      /* one must begin: the sink could not take something */
    bool ask_again;       /* it was no event file, and is another file now */
    bool was_refused;     /* an orphan that was no event file */
    bool replaced;        /* another file has its path: it is among the orphans */
    bool present;         /* the path leads to a regular file */
    bool unreadable;      /* counted in the source */
    bool logged;          /* its present trouble was told */
    bool more;            /* unread bytes are known to be there */
    bool settled;         /* nothing unread: may be closed */
    bool is_dirty, is_waiting, indexed;
    struct tailfile *next_dirty, *next_waiting, *next_orphan;

    bool cached; /* these under the pool's lock */
    struct tailfile *newer, *older_used;
};

/* A file nobody has looked at yet. NULL: out of memory. */
struct tailfile *tailfile_new(struct source *source, const char *name);
/* Closes and releases; not linked anywhere any more. Accepts NULL; returns NULL. */
struct tailfile *tailfile_free(struct tailfile *file);

/* One visit: looks where the path leads, decides, reads within the turn's budget. */
void tailfile_visit(struct tailfile *file, struct source_turn *turn);

/* Gives the descriptor up (the caller closes it): the reader keeps its place. */
void tailfile_detach(struct tailfile *file);

/* An added file; takes nothing of it. NULL: out of memory. */
struct tailfile *tailfile_new_added(struct source *source, const struct tail_added *added);
/* It was added again: it is at another place now, or has more bytes. 0; -ENOMEM. */
_must_check_ int tailfile_moved(struct tailfile *file, const struct tail_added *added);

/* From tailfile_read.c: reads what is there up to `size`. False: not to the end, for want of
 * budget or by a trouble that was noted. */
bool tailfile_read(struct tailfile *file, struct source_turn *turn, uint64_t size);
/* Says once what is wrong, in the source's state and the log. */
void tailfile_trouble(struct tailfile *file, const char *what);
/* The file is fine again. */
void tailfile_no_trouble(struct tailfile *file);
/* Tells the source how new the newest byte is that is known of the file. */
void tailfile_note_newest(const struct tailfile *file);
/* Adds the file's present size and reading place to the sums. */
void tailfile_count(struct tailfile *file);

#endif
