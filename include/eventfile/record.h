/* eventfile/record.h: bytes to records, without I/O.
 *
 * Two forms of one check. ef_record_check() looks at one record in memory. The parser is fed
 * pieces of a file, cut anywhere, and gives the same records for every cut. Both are strict: they
 * stop at the first byte that does not hold. To pass damage see <eventfile/salvage.h>; to follow
 * a growing file see <eventfile/reader.h>.
 *
 * Record: u64 LE length | u32 LE masked CRC-32C of those 8 bytes | payload | u32 LE masked CRC-32C
 * of the payload. Both CRCs are always checked. */
#ifndef EVENTFILE_RECORD_H
#define EVENTFILE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <eventfile/error.h>
#include <eventfile/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ef_record {
    uint64_t offset;     /* of the header in the file */
    const uint8_t *data; /* payload; owner and lifetime are said at the function that fills it */
    uint64_t size;       /* payload bytes */
};

/* Checks the record that begins at `data`.
 * Returns 1 and its payload size in *ret_size (the record is *ret_size + EF_RECORD_OVERHEAD
 * bytes long) if it is whole and sound; 0 if `size` bytes do not hold all of it and those there
 * do not contradict (a header of 12 zero bytes does); EF_ERR_ZEROS, EF_ERR_HEADER, EF_ERR_LENGTH
 * or EF_ERR_PAYLOAD. On EF_ERR_PAYLOAD and on 0 with a whole header *ret_size is set as well. */
EF_API EF_MUST_CHECK int ef_record_check(const void *data, size_t size, uint64_t *ret_size);

typedef struct ef_parser ef_parser;

/* A parser whose first byte has the given file offset. NULL when out of memory. */
EF_API ef_parser *ef_parser_new(uint64_t offset);
/* Releases; accepts NULL; returns NULL. */
EF_API ef_parser *ef_parser_free(ef_parser *parser);

/* Hands over the next piece. It is borrowed until ef_parser_next() returns 0 or an error; only
 * then may the next piece come (EF_ERR_INVALID otherwise). */
EF_API EF_MUST_CHECK int ef_parser_feed(ef_parser *parser, const void *data, size_t size);

/* Takes the next record. Returns 1 and a record whose payload stays valid until the next call on
 * this parser; 0 when more bytes are needed; a code < 0 when the bytes at ef_parser_offset() are
 * damaged (the parser stays there: every further call returns the same code). Memory is taken as
 * bytes arrive, never by what a length field promises. */
EF_API EF_MUST_CHECK int ef_parser_next(ef_parser *parser, struct ef_record *ret_record);

/* Offset of the first byte that no returned record covers. */
EF_API uint64_t ef_parser_offset(const ef_parser *parser);

#ifdef __cplusplus
}
#endif

#endif
