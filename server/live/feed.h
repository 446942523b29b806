/* feed.h: what is watched: a feed per run, a topic per series, shared by all clients.
 *
 *   commit ─► hub ─► feed and topics get a new version ─► each sub of the feed: client is due
 *
 * Runs and series may not exist yet: feeds are found by run id, topics by (dir, tag), and are tied
 * to the store when a commit brings what they wait for. A topic also holds the frames that were
 * last made of it, so that a thousand clients at one place cost one encoding.
 *
 * Invariants:
 *   1. A topic exists exactly as long as a cursor points to it, a feed as long as it has a sub.
 *   2. topic->version <= feed->version <= feeds->version; versions only rise.
 * Thread: the live thread. */
#ifndef TB_LIVE_FEED_H
#define TB_LIVE_FEED_H

#include "live/idmap.h"
#include "store/store.h"

struct sub;

/* Frames of what a series got after one ordinal, with handle 0. */
struct encoded {
    uint64_t version, from, to;
    uint32_t cols;
    bool behind, filled;
    struct buf frames;
};

struct topic {
    struct feed *feed;
    struct topic *next, *previous_waiting, *next_waiting;
    struct series *series; /* NULL: not there yet */
    uint64_t hash, version;
    uint64_t shown_hash;   /* in feed->shown, if it may be a shown name; else 0 */
    uint32_t watchers;
    uint32_t listed;       /* place in feed->listed, counted from 1; 0: not listed as new */
    struct encoded *encoded[2]; /* by view; made when two clients share the topic */
    size_t dir_size, tag_size;
    char text[];           /* dir, then tag */
};

struct feed {
    struct feeds *feeds;
    struct feed *next;     /* same hash of the id */
    struct run *run;       /* NULL: not there yet */
    uint64_t hash, version;
    struct idmap by_name, by_series; /* topics */
    struct topic *waiting; /* without a series */
    struct sub *subs;
    size_t n_subs;
    /* Series that appeared since the first sub, in the order they were noticed. */
    struct series **listed;
    size_t n_listed, listed_capacity;
    struct idmap known;    /* series -> 1 */
    struct idmap shown;    /* name_hash() of what a series is shown as, if not by its own name */
    bool list_due, list_overflow;
    int64_t list_ns;       /* not looked for before */
    uint64_t damage_version;
    uint64_t marked;       /* the hub's round in which all subs were marked as due */
    char id[];
};

struct feeds {
    struct store *store;
    uint64_t version;
    struct idmap by_id, by_run;
    size_t waiting;        /* feeds without a run */
    struct feed **due;     /* feeds with list_due */
    size_t n_due, due_capacity;
};

void feeds_init(struct feeds *feeds, struct store *store);
void feeds_done(struct feeds *feeds); /* all subs are gone */

/* The feed of a run id, made if it is new. NULL: out of memory. The caller adds a sub or calls
 * feed_drop(). */
struct feed *feed_get(struct feeds *feeds, const char *id);
/* Frees the feed if no sub is left. */
void feed_drop(struct feed *feed);

/* The topic of (dir, tag), made if it is new; counts one watcher. NULL: out of memory. */
struct topic *topic_get(struct feed *feed, struct text dir, struct text tag);
/* One watcher less; the last one frees it. */
void topic_drop(struct topic *topic);

/* A commit of `run`: ties what waited for it. Returns the feed, or NULL if nobody watches it. */
struct feed *feeds_commit(struct feeds *feeds, struct run *run, bool new_series);
/* A series of the feed changed. */
void feed_changed(struct feed *feed, struct series *series);
/* Looks for series that are new in feeds where that is due. Returns when to be called again (ns),
 * or 0 if there is nothing to wait for. `found` is called for each feed that got some. */
int64_t feeds_list(struct feeds *feeds, int64_t now_ns, void (*found)(struct feed *feed));

#endif
