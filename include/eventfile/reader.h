/* eventfile/reader.h: follows one event file: sound records as they come, damage as it is judged.
 *
 * Once: ef_reader_new(&reader); ef_reader_attach(reader, fd). Then again and again:
 *
 *     ef_reader_tell(reader, size, changed_ns, now_ns);
 *     while ((r = ef_reader_next(reader, &item)) > 0)
 *         switch (item.kind) ...
 *     // 0: nothing more now; again when the file changed or ef_reader_wait_ns(reader) have passed
 *
 * docs/examples/follow_file.c is a whole program that does so.
 *
 * What is not whole yet is waited for. A *partial tail* (fewer than 12 bytes that are not all zero,
 * or a sound header whose payload is not all there) is no damage. *Suspect* bytes (zeros, a bad
 * CRC, an impossible length) are read again when the file changes (at most once a second) and 1, 5
 * and 30 s after they were first seen bad; records behind them are given out at once. What is bad
 * after 30 s is *damaged*: given out as a gap, and read again at most once a minute when the file
 * changes. A file whose last change lies 30 s back when first met is judged at once.
 *
 * The reader does not open, stat or watch: the caller owns the descriptor and tells the facts.
 * Thread: one owner at a time. Time comes in by parameter; nothing here reads a clock. */
#ifndef EVENTFILE_READER_H
#define EVENTFILE_READER_H

#include <stdint.h>

#include <eventfile/salvage.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ef_reader ef_reader;

enum ef_item_kind {
    EF_ITEM_RECORDS = 1, /* a run of whole, checked records, one behind another */
    EF_ITEM_GAP,         /* a damaged range, judged; also a repaired header, whose record follows.
                            (That a sound record is no Event is found by who decodes it:
                            ef_event_decode() says EF_ERR_NOT_EVENT) */
    EF_ITEM_LATE,        /* bytes that were suspect or damaged, in front of records already given,
                            are sound now. Their records follow as EF_ITEM_RECORDS. The caller that
                            wants file order starts over with ef_reader_rewind(reader, 0) instead;
                            gap.reason is EF_REASON_REPAIRED if they had been given out as a gap */
};

struct ef_item {
    enum ef_item_kind kind;
    uint64_t offset;     /* of the first byte in the file */
    const uint8_t *data; /* RECORDS: framing and payloads, as in the file; valid until the next
                            call on this reader. A record whose header was mended has the mended
                            header here */
    size_t size;         /* RECORDS: bytes */
    size_t records;      /* RECORDS: how many */
    struct ef_gap gap;   /* GAP, LATE */
};

struct ef_reader_stats {
    uint64_t offset;      /* first byte not given out as records or gap */
    uint64_t records;     /* given out since new or rewind */
    uint64_t size;        /* file size last told */
    uint64_t suspect;     /* bytes waiting to be judged */
    uint64_t partial;     /* bytes of a partial tail */
};

/* A reader at offset 0 without a descriptor. 0 or EF_ERR_NOMEM. */
EF_API EF_MUST_CHECK int ef_reader_new(ef_reader **ret_reader);
/* Releases; the descriptor stays open; accepts NULL; returns NULL. */
EF_API ef_reader *ef_reader_free(ef_reader *reader);

/* The descriptor to pread from until the next attach; -1: none (the reader keeps its place). Not
 * closed by the reader. The same bytes are expected behind it up to the reader's offset. */
EF_API void ef_reader_attach(ef_reader *reader, int fd);

/* What the caller knows: size in bytes, time of the last change (mtime) and now, both in ns of any
 * one clock. Call it before ef_reader_next() when the file changed or time passed. */
EF_API void ef_reader_tell(ef_reader *reader, uint64_t size, int64_t changed_ns, int64_t now_ns);

/* Next item: 1 and *ret_item; 0 when nothing can be given now; EF_ERR_IO (errno tells why),
 * EF_ERR_NOMEM: nothing is lost by these, the call can be made again.
 * At the first record of a file EF_ERR_COMPRESSED or EF_ERR_NOT_EVENT_FILE say that it is none
 * (not while it may still become one). Reads at most EF_READ_BYTES a call, unless one record is
 * larger or damage has to be searched. */
EF_API EF_MUST_CHECK int ef_reader_next(ef_reader *reader, struct ef_item *ret_item);

/* Hands over the buffer behind the RECORDS item that the last call of ef_reader_next() gave:
 * item->data stays valid until ef_buffer_give(), whatever the reader does. For callers that let
 * another thread take the records while they read on. NULL: not possible this time (a large
 * record, a mended header, no memory); the item is valid as usual. */
EF_API void *ef_reader_keep(ef_reader *reader, const struct ef_item *item);
/* Gives a kept buffer back. Thread: any. Accepts NULL. */
EF_API void ef_buffer_give(void *buffer);

/* After 0: ns until a look is worth while though the file does not change (a suspect range falls
 * due), or -1. */
EF_API int64_t ef_reader_wait_ns(const ef_reader *reader);

/* Starts over at an offset where a record begins. Everything from there on is given out again,
 * gaps too; when bytes were first seen bad is remembered, so that what was judged stays judged. */
EF_API void ef_reader_rewind(ef_reader *reader, uint64_t offset);

/* Judges everything at once from now on (a finished file, verify, recover): nothing is suspect, a
 * partial tail is given out as a gap EF_REASON_PARTIAL_TAIL by the next call. */
EF_API void ef_reader_finish(ef_reader *reader);

/* Where it stands and what it waits for. */
EF_API struct ef_reader_stats ef_reader_stats(const ef_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
