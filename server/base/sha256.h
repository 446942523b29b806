/* sha256.h: SHA-256 of a whole buffer, by libcrypto. The only file that includes OpenSSL's EVP.
 *
 * Used for names made from content (a run's id from its path) and for comparing secrets by their
 * hashes. Thread: any. */
#ifndef TB_BASE_SHA256_H
#define TB_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SHA256_BYTES 32
#define SHA256_HEX_BYTES (2 * SHA256_BYTES + 1) /* with the closing NUL */

/* 0, or -ENOMEM when libcrypto cannot work. */
_must_check_ int sha256(const void *data, size_t size, uint8_t ret_digest[SHA256_BYTES]);

/* The same as lower-case hexadecimal digits, cut to `digits` (at most 64), closed by a NUL:
 * `ret_hex` has digits + 1 bytes. */
_must_check_ int sha256_hex(const void *data, size_t size, size_t digits, char *ret_hex);

#endif
