/* segment.h: an index segment as a file: head, chunks, table, foot (docs/formats/segment.md).
 *
 *   index.c ─► segment_begin(), _put() …, _finish(), _commit()        one new file
 *   index.c ─► segment_chain(): the good files of a folder ─► segment_table()
 *
 * Bytes and files only: what a chunk or a table says is the store's affair. A file counts from its
 * rename on; one that ends before is removed by the next segment_chain(). What is read is hostile:
 * sizes and places are checked before anything is allocated.
 *
 * Threads: one for each writer; reading: any. Folders are given as descriptors, which stay the
 * caller's. */
#ifndef TB_ARCHIVE_SEGMENT_H
#define TB_ARCHIVE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SEGMENT_NAME_BYTES 24 /* "00000001-0000000a.seg" */
#define SEGMENT_VERSION 1

/* One file of a chain. */
struct segment {
    char name[SEGMENT_NAME_BYTES];
    uint32_t first, last;
    uint64_t chain, size;
    uint64_t table_offset, table_size; /* chunks lie in [64, table_offset) */
    uint32_t table_crc;
};

/* ---- writing ---------------------------------------------------------------------------- */

struct segment_writer;

/* A temporary file in `dir`. 0; -ENOMEM; -errno. */
_must_check_ int segment_begin(int dir, uint64_t chain, uint32_t first, uint32_t last,
                               struct segment_writer **ret);
/* Appends bytes, a multiple of 8 of them; ctx is the writer. 0; -errno; -EFBIG. */
_must_check_ int segment_put(void *ctx, const void *data, size_t size, uint64_t *ret_offset);
/* Table and foot, and all of it on the disk. */
_must_check_ int segment_finish(struct segment_writer *writer, const void *table, size_t size);
/* The name, and the folder on the disk: the file counts. */
_must_check_ int segment_commit(struct segment_writer *writer, struct segment *ret);
/* Removes what was not committed. Accepts NULL; returns NULL. */
struct segment_writer *segment_writer_free(struct segment_writer *writer);

/* ---- reading ---------------------------------------------------------------------------- */

/* Checks head and foot of one file. 0; -EBADMSG: torn or none; -EPROTO: a newer version;
 * -errno. */
_must_check_ int segment_open(int dir, const char *name, struct segment *ret);

/* The chain that a folder holds: *ret (freed by the caller) from flush 1 on without a gap; empty:
 * none. Removes files that are not of it: temporary ones, ones that a merge replaced, ones behind
 * a gap or a bad file. *ret_foreign: a file of a newer version is there; then nothing is removed
 * and the chain is empty. 0; -ENOMEM; -errno. */
_must_check_ int segment_chain(int dir, struct segment **ret, size_t *ret_count,
                               bool *ret_foreign);

/* The table, freed by the caller. 0; -EBADMSG; -ENOMEM; -errno. */
_must_check_ int segment_table(int dir, const struct segment *segment, void **ret);
/* Exactly `size` bytes from `offset`. 0; -EIO: the file ends before; -errno. */
_must_check_ int segment_read(int dir, const char *name, uint64_t offset, void *ret, size_t size);
int segment_unlink(int dir, const char *name);

#endif
