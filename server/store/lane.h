/* lane.h: the points of one (series, generation, part), in the order of the file.
 *
 *   lane_add() ─► raw block ─► encoded block ─► chunk        (writer: `cur`)
 *   run_commit() ─► lane_publish(): `pub` = `cur`             (under the run's lock)
 *   view.h reads `pub` and follows its pointers
 *
 * Invariants. 1: what `pub` ever showed to a reader is not written again until the slab says that
 * no reader is left: raw slots behind the published count are the writer's, a block's `next` is
 * set once, chunks and their table only grow (a grown table is a copy). 2: all blocks of a chunk
 * but the last are full. 3: a chunk has one kind of value.
 * A parked lane has given its raw block back: its last points are an encoded block with its own
 * history, and become raw again with the next point. Thread: the run's writer; `pub`, `cut` and
 * `attempt` are written under the run's lock. */
#ifndef TB_STORE_LANE_H
#define TB_STORE_LANE_H

#include "store/chunkcache.h"
#include "store/slab.h"
#include "store/store.h"

struct parked {
    struct history history; /* before its first point */
    struct tally tally;     /* of the open chunk with these points */
    struct block block;
};

struct lane_data {
    struct chunk **chunks;
    struct block *head;     /* blocks of the open chunk */
    struct parked *parked;  /* points behind them, or … */
    struct columns *raw;    /* … these */
    uint32_t n_chunks, n_blocks, n_raw, kind;
    uint32_t block_bytes;   /* of the blocks */
    uint32_t cap_chunks, cap_references; /* of the tables */
    int64_t first_step;     /* first point of the open chunk, if n_blocks > 0 */
    double first_wall;
    uint64_t first_bits;
    struct reference *references; /* lanes that are not scalar; `count` of them */
    uint64_t count;         /* all points, or references */
    uint64_t resident;      /* bytes of the chunks that are in memory */
};

struct lane {
    struct lane_hot hot;    /* first: hot.h */
    struct series *series;
    struct generation *generation;
    struct lane *next_dirty, *next_in_series;
    const struct series_meta *meta;
    uint64_t first_offset;  /* of the record with its first value */
    int64_t first_step;     /* of its first value in file order, if it has any */
    uint32_t part;
    bool dirty, linked, has_first;
    bool replaced;          /* by a replay: goes when that is shown */
    bool raw_shared;        /* readers may know the raw block */
    bool reopen;            /* the last chunk was an open tail, and becomes one with a point */
    bool restored;          /* came from segments; `hidden` is known for `cut` */
    bool unflushed;         /* is on run->unflushed */
    uint32_t flushed_chunks, flushed_in; /* sealed and in segments; the flush that last had it */
    uint64_t flushed_count; /* points or references in segments */
    struct lane *next_unflushed;
    struct block *tail;
    struct history history; /* behind the last encoded block */
    struct chunk_payload payload; /* of the open chunk's blocks */
    struct lane_data cur;
    struct tally acc;       /* of the open chunk's blocks */

    struct lane_data pub;
    struct tally pub_acc;   /* with the parked points, if there are any */
    uint64_t hidden, next_hidden; /* of pub.count, in the stitched view */
    int64_t hidden_max;     /* largest step of the lane, if some are hidden */
    int64_t cut;            /* points from this step on are hidden, if has_cut */
    bool has_cut, next_has_cut;
    uint32_t attempt, next_attempt;
    int64_t next_cut;
    /* writer: largest published step below a cut, of which settle.c need not ask again; unset by
     * lane_publish() */
    bool extent_known, extent_any, extent_has_cut;
    int64_t extent_cut, extent_max;
};

/* Points held by the writer's side, published or not. */
static inline uint64_t lane_count(const struct lane *lane)
{
    return lane->cur.count + lane->hot.used;
}

/* Appends what must be looked at twice; see lane_add(). */
int lane_append(struct lane *lane, struct slab *slab, int64_t step, double wall_time,
                enum value_kind kind, uint64_t bits);
int lane_append_reference(struct lane *lane, struct slab *slab, const struct reference *reference);
/* Gives the raw block back, for lanes that will not grow soon. Without memory: stays as it is. */
void lane_park(struct lane *lane, struct slab *slab);
/* Of the points behind the sealed chunks; `data` is a published one. */
uint64_t lane_open_bytes(const struct lane_data *data);
/* Appends a chunk to the table. -ENOMEM. */
int lane_add_chunk(struct lane *lane, struct slab *slab, struct chunk *chunk);
/* The points behind the sealed chunks, which readers may know, are given back: others stand for
 * them. -ENOMEM: nothing changed. */
int lane_drop_tail(struct lane *lane, struct slab *slab);
/* Under the run's lock: readers see everything from now on. */
void lane_publish(struct lane *lane);
/* Retires all memory of the lane and the lane itself. -ENOMEM: nothing was done. */
int lane_retire(struct lane *lane, struct slab *slab);
/* For slab_init(): frees a chain of blocks. */
void lane_release_chain(struct slab *slab, void *chain, size_t count);
/* Frees what the slab does not own (tables beyond SLAB_LARGE). At the end of the run. */
void lane_done(struct lane *lane, struct slab *slab);

#endif
