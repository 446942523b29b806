/* discover.h: log directories to directories with event files, and what happens in them.
 *
 * Keeps a tree of all directories under the logdirs (names, watches, event files by name) and
 * posts to a directory's source which of its files should be looked at. It never opens an event
 * file and decides nothing about one.
 *
 *   walk, inotify, poll ──► discover ── source_post() ──► source (workers)
 *
 * Thread: the tail thread alone. Sources live until the end; nodes come and go with directories.
 *
 * Invariants:
 *   1. A canonical path has at most one LIVE node; other names of it are ALIAS nodes.
 *   2. A directory is watched before it is listed, so that nothing falls between.
 *   3. The walk is depth first and sorted: the name that sorts first is met first. */
#ifndef TB_TAIL_DISCOVER_H
#define TB_TAIL_DISCOVER_H

#include "tail/hashindex.h"
#include "tail/source.h"
#include "tail/watch.h"

struct listing;

struct direntry {
    char *name;
    struct watch_facts facts;
    int wd;         /* of a link's target; -1 */
    bool link;
    bool temporary;
};

enum dirnode_state { DIRNODE_PENDING, DIRNODE_LIVE, DIRNODE_ALIAS, DIRNODE_DEAD };

struct dirnode {
    /* What a look of watch_poll.c touches stands together. */
    struct dirnode *wheel_next, **wheel_place;
    char *path;     /* canonical */
    struct logroot *root;
    uint16_t path_size, below_root; /* where in it the part below the logdir's path begins; 0: it is
                                       elsewhere */
    struct direntry *entries; /* sorted */
    size_t n_entries, sweep_at;
    struct source *source;
    int wd;
    unsigned looks;
    uint32_t interval_ms;
    enum dirnode_state state;
    bool remote;    /* changes made elsewhere give no events */
    bool again;     /* list again at the next look: the mtime proves nothing yet */
    int64_t cost_ns; /* of the last look */
    int64_t mtime_ns; /* the directory's */
    dev_t dev;
    ino_t ino;

    char *name;     /* relative to the logdir, "" for its top */
    const char *base; /* last component of name */
    struct dirnode *parent, **children; /* sorted by base */
    size_t n_children, children_capacity;
    unsigned depth;
    bool link;      /* base is a symbolic link */
    bool queued;    /* waits to be listed */
    bool warned;
    size_t entries_capacity, n_temporary;
    struct dirnode *next_queued, *next_alias;
};

/* One logdir. */
struct logroot {
    char *alias, *path;
    struct dirnode *node; /* NULL: not there */
    int fd;               /* the directory: paths below it are shorter to walk; -1: not to be had */
    bool told_missing;
};

struct discover {
    struct source_set *set;
    bool closing;
    bool many_roots; /* aliases stand before names */
    struct logroot *roots;
    size_t n_roots;
    struct watch_inotify *inotify; /* NULL: never */
    struct watch_wheel wheel;
    struct hashindex by_path, by_wd, sources;
    struct source **source_list;
    size_t n_sources, sources_capacity;
    struct dirnode *stack;               /* new directories: depth first */
    struct dirnode *known, **known_tail; /* known ones to be listed again: after all new ones */
    struct dirnode *aliases;
    size_t n_dirs, n_watches;
    uint32_t poll_ms; /* asked for; 0: as it comes */
    uint64_t roots_due; /* the tick at which the logdirs are looked for */
    bool told_watches, told_dirs, told_depth;
    atomic_bool first_walk_done, waiting_for_logdir;
    _Atomic uint64_t overflows, watches;
};

_must_check_ int discover_init(struct discover *discover, struct source_set *set,
                               const struct tail_options *options);
/* After the pool has stopped: releases the sources too. */
void discover_done(struct discover *discover);

/* The next directory to be listed, NULL: none. */
struct dirnode *discover_take(struct discover *discover);
/* Lists directories that wait for it, for a few milliseconds. True: some are left. */
bool discover_walk(struct discover *discover);
/* An inotify event (ctx: the struct discover). */
void discover_event(void *ctx, const struct inotify_event *event);
/* If it is time: are the logdirs (still) there? */
void discover_check_roots(struct discover *discover);

/* A source that is not there yet, under its key (the directory, or the run's id). NULL: out of
 * memory. */
struct source *discover_make_source(struct discover *discover, const char *key,
                                    const struct tail_run *run);

/* Between the files of discover, and for watch_poll.c. */
struct dirnode *dirnode_new(struct logroot *root, struct dirnode *parent, const char *base,
                            bool link);
struct dirnode *dirnode_free(struct dirnode *node);
/* Index of a child or an entry, or ~index where it belongs. */
ptrdiff_t dirnode_child(const struct dirnode *node, const char *base);
ptrdiff_t dirnode_entry(const struct dirnode *node, const char *name);
/* Neither may be there yet. -ENOMEM. */
_must_check_ int dirnode_add_child(struct dirnode *node, struct dirnode *child);
void dirnode_drop_child(struct dirnode *node, size_t at); /* out of the list, no more */
void dirnode_drop_entry(struct dirnode *node, size_t at);
/* A name that was not there. 0 or -ENOMEM. */
_must_check_ int dirnode_add_entry(struct dirnode *node, const char *name, bool link,
                                   bool temporary);
/* Meets a directory below `node`; it is listed later. */
void discover_add_child(struct discover *discover, struct dirnode *node, const char *base,
                        bool link);
/* The node's source is there, if it has event files or had. False: none. */
bool discover_source(struct discover *discover, struct dirnode *node);
void discover_queue(struct discover *discover, struct dirnode *node);
void discover_remove(struct discover *discover, struct dirnode *node);
/* The node's source looks at a file. */
void discover_post(struct dirnode *node, const char *name);
/* Whose watch is this? NULL: nobody's any more. *ret_file: the entry, NULL: the directory. */
struct dirnode *discover_watched(const struct discover *discover, int wd, const char **ret_file);
/* A watch is gone, or stands for a directory that is not at its path any more. */
void discover_watch_lost(struct discover *discover, int wd);
void discover_forget_entry(struct discover *discover, struct dirnode *node, size_t at);
/* Watches a link's target; false: it has to be polled. */
bool discover_watch_link(struct discover *discover, struct dirnode *node, struct direntry *entry);
bool discover_polled(const struct discover *discover, const struct dirnode *node);

#endif
