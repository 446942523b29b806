/* digest.h: SHA-256 piece by piece, without a library.
 *
 * For the programs of compute nodes, which carry no crypto library, and for files that are hashed
 * while they pass. Uses the CPU's SHA instructions where there are any. For hashing and comparing
 * secrets see sha256.h. Thread: one owner at a time. */
#ifndef TB_BASE_DIGEST_H
#define TB_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32
#define DIGEST_BASE64_BYTES 45 /* with the closing NUL */

struct digest {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    uint8_t block[64];
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t size);
/* The hash of everything so far; more may be added afterwards. */
void digest_get(const struct digest *digest, uint8_t ret[DIGEST_BYTES]);

/* The hash as in the header Repr-Digest, between the colons. */
void digest_base64(const uint8_t hash[DIGEST_BYTES], char ret[DIGEST_BASE64_BYTES]);

#endif
