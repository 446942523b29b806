/* fields.h: values of the headers of uploads and downloads, read strictly. Part of http.
 *
 * Structured fields (RFC 9651) as far as they are used here: an integer, a boolean, the sha-256 of
 * a digest dictionary; and Range with one range (RFC 9110). Pure functions: a fuzz target feeds
 * them alone. Thread: any. */
#ifndef TB_HTTP_FIELDS_H
#define TB_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

/* Digits only, at most 15 of them as the RFC says, without leading zeros. */
bool fields_number(const char *text, uint64_t *ret);
/* "?1" or "?0". */
bool fields_flag(const char *text, bool *ret);
/* "OFFSET-LENGTH", the length not 0. */
bool fields_place(const char *text, uint64_t *ret_offset, uint64_t *ret_length);
/* One or more of these with ", " between. */
bool fields_places(const char *text);
/* The sha-256 member of Repr-Digest; other members are passed over. */
bool fields_digest(const char *text, uint8_t ret_sha256[SHA256_BYTES]);
/* The same the other way round: "sha-256=:…:". */
enum { FIELDS_DIGEST_BYTES = 64 };
void fields_put_digest(const uint8_t sha256[SHA256_BYTES], char out[FIELDS_DIGEST_BYTES]);

enum fields_range {
    RANGE_NONE,  /* not a single byte range: the whole is the answer */
    RANGE_FITS,
    RANGE_NEVER, /* outside: 416 */
};
/* "bytes=a-b", "bytes=a-", "bytes=-n" of `size` bytes: [*ret_from, *ret_to). */
enum fields_range fields_range(const char *text, uint64_t size, uint64_t *ret_from,
                               uint64_t *ret_to);

#endif
