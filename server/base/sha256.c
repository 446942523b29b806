#include "base/sha256.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/check.h"

/* Looked up once: libcrypto does it anew for each hash else, which costs more than a short hash. */
static EVP_MD *algorithm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void look_up(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL); /* for the life of the process */
}

int sha256(const void *data, size_t size, uint8_t ret_digest[SHA256_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    pthread_once(&once, look_up);
    if (!algorithm || EVP_Digest(data, size, digest, &length, algorithm, NULL) != 1)
        return -ENOMEM;
    CHECK(length == SHA256_BYTES);
    memcpy(ret_digest, digest, SHA256_BYTES);
    return 0;
}

int sha256_hex(const void *data, size_t size, size_t digits, char *ret_hex)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_BYTES];

    CHECK(digits <= 2 * SHA256_BYTES);
    int r = sha256(data, size, digest);
    if (r < 0)
        return r;
    for (size_t i = 0; i < digits; i++)
        ret_hex[i] = hex[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
    ret_hex[digits] = '\0';
    return 0;
}
