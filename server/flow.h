/* flow.h: the values that cross the tree: span, point and frame.
 *
 *   tail ── span ──► ingest ── point ──► store ── frame ──► live, http
 *
 * A stage calls forward through callbacks that the wiring (server.c) hands it and never includes
 * the stage behind it. Nothing travels upstream here: the reader's place is the tailer's own. */
#ifndef TB_FLOW_H
#define TB_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A byte range of one generation of one event file: whole records, both CRCs of each checked by
 * whoever made the span. Borrowed for the duration of the call it is handed to. */
struct span {
    uint64_t offset;     /* of the first byte in the file */
    const uint8_t *data; /* framing and payloads as in the file */
    size_t size;
    size_t records;
};

/* How a number was written; the store keeps its bits. Equal to enum ef_number by value. */
enum value_kind {
    VALUE_F32 = 1, VALUE_F64,
    VALUE_I8, VALUE_I16, VALUE_I32, VALUE_I64,
    VALUE_U8, VALUE_U16, VALUE_U32, VALUE_U64,
    VALUE_BOOL,
};

/* One value of one series. bits: F32: the 32 bits; F64: the 64 bits; signed kinds sign-extended,
 * unsigned and bool zero-extended. */
struct point {
    int64_t step;
    double wall_time; /* seconds since 1970, as written: may be NaN or infinite */
    uint64_t bits;
    enum value_kind kind;
};

/* A message of the wire: bytes ready to be sent, 8-byte aligned frames one behind another. */
struct frame {
    const uint8_t *data;
    size_t size;
};

/* A damaged range, as the tailer found it and readers list it. Words: ef_reason_word(). */
struct damage {
    uint64_t offset, length;
    int reason;         /* enum ef_reason */
    bool limited;       /* the reading limit of one file was met */
    double found_wall_s; /* when, seconds since 1970 */
};

#endif
