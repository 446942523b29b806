/* chunk.h: up to 4,096 points of one lane, sealed: the same bytes in memory and on disk.
 *
 *   lane.c: raw points ─► block (64, encoded) ─► chunk ─► query.c, news.c (decode)
 *
 * A block is a chunk's column parts of 64 points while the tail is open; sealing only copies them
 * behind one another and adds the header, whose tally answers a bucket that covers the whole
 * chunk. Every block but the last of a chunk is full. Format: docs/formats/chunk.md.
 * A sealed chunk never changes. chunk_open() is for bytes that come from outside; all other
 * functions trust what chunk_seal() made or chunk_open() passed. Thread: any. */
#ifndef TB_STORE_CHUNK_H
#define TB_STORE_CHUNK_H

#include "base/cleanup.h"
#include "base/limits.h"
#include "store/for64.h"
#include "store/store.h"
#include "store/tally.h"

#define CHUNK_MAGIC 0x4b434254u /* "TBCK" */
#define CHUNK_VERSION 1
#define CHUNK_FOR64 1 /* column code */
#define CHUNK_BLOCKS (LIMIT_CHUNK_POINTS / FOR64_BLOCK)

enum chunk_column { CHUNK_STEP, CHUNK_WALL, CHUNK_VALUE, CHUNK_COLUMNS };

struct chunk {
    uint32_t magic;
    uint16_t version;
    uint16_t header_size;
    uint32_t size;       /* of the whole chunk, header and slack included */
    uint32_t header_crc; /* CRC-32C of the header with this field zero */
    uint32_t column_size[CHUNK_COLUMNS];
    uint32_t column_crc[CHUNK_COLUMNS];
    uint8_t code[CHUNK_COLUMNS];
    uint8_t zero[5];
    struct tally tally;
    /* columns follow, then FOR64_SLACK zero bytes */
};
_Static_assert(sizeof(struct chunk) == 208, "layout on disk");

/* 64 (the last: 1..64) encoded points of an open tail. */
struct block {
    struct block *next;
    struct for64_desc desc[CHUNK_COLUMNS];
    uint8_t count; /* 0 only in a parked block without points */
    uint8_t zero;
    uint8_t payload[]; /* step, wall, value; then slack */
};


/* Where decoded points go: `count` items of each column. */
struct points {
    int64_t *step;
    double *wall;
    uint64_t *bits;
};

/* The codec's memory of the points before: two per column (value: image). Makes block decoding
 * a matter of going on. */
struct history {
    uint64_t slot[CHUNK_COLUMNS][FOR64_HISTORY];
};
void history_start(struct history *history, enum value_kind kind, int64_t step, double wall,
                   uint64_t bits);

size_t block_size(const struct block *block);
#define BLOCK_MAX (sizeof(struct block) + CHUNK_COLUMNS * FOR64_MAX_PAYLOAD + FOR64_SLACK)

/* Encodes `count` points of `columns` into `ret` (room: BLOCK_MAX) and moves `history` on. Slots
 * behind the points are overwritten. Returns block_size(ret). */
size_t block_encode(struct columns *columns, size_t count, enum value_kind kind,
                    struct history *history, struct block *ret);
/* Decodes block->count points, moves `history` on. `out` has room for 64. */
void block_decode(const struct block *block, enum value_kind kind, struct history *history,
                  const struct points *out);

/* Bytes of payload per column of an open chunk: kept up as blocks are added. */
struct chunk_payload {
    uint32_t size[CHUNK_COLUMNS];
};
void chunk_count(struct chunk_payload *payload, const struct block *block);

/* Bytes of the chunk that `n_blocks` blocks with this payload make. */
size_t chunk_size(const struct chunk_payload *payload, size_t n_blocks);
/* Writes it to `ret` (room: that size, aligned to 8). The tally is that of all its points. */
void chunk_seal(const struct block *head, size_t n_blocks, const struct chunk_payload *payload,
                const struct tally *tally, struct chunk *ret);

/* Decodes all points; `out` has room for the count rounded up to 64. */
void chunk_decode(const struct chunk *chunk, const struct points *out);

enum chunk_error {
    CHUNK_OK,
    CHUNK_SHORT,    /* fewer bytes than it says, or than a header */
    CHUNK_NO_MAGIC,
    CHUNK_NEWER,    /* a version or column code that this program does not know */
    CHUNK_BAD_CRC,
    CHUNK_BAD_FORM, /* sizes or counts that no encoder writes */
};
const char *chunk_error_word(enum chunk_error error);
/* The same of the header alone, of a chunk that lies elsewhere. */
_must_check_ enum chunk_error chunk_open_head(const struct chunk *head);
/* Checks hostile bytes (aligned to 8): both CRC levels, every length and width. On CHUNK_OK the
 * bytes are a chunk that chunk_decode() may be given. *ret_version: for CHUNK_NEWER. */
_must_check_ enum chunk_error chunk_open(const void *data, size_t size, const struct chunk **ret,
                                         unsigned *ret_version);

#endif
