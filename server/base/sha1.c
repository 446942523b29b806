#include "base/sha1.h"

#include <errno.h>
#include <openssl/evp.h>

int sha1(const void *data, size_t size, uint8_t ret_digest[SHA1_BYTES])
{
    unsigned length = SHA1_BYTES;

    return EVP_Digest(data, size, ret_digest, &length, EVP_sha1(), NULL) == 1 ? 0 : -ENOMEM;
}

int sha1_base64(const void *data, size_t size, char ret_text[29])
{
    uint8_t digest[SHA1_BYTES];
    int r = sha1(data, size, digest);

    if (r < 0)
        return r;
    EVP_EncodeBlock((unsigned char *)ret_text, digest, sizeof digest);
    return 0;
}
