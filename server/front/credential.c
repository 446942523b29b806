#include "front/credential.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void credential_base64url(const uint8_t *data, size_t size, char *out)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = alphabet[bits >> (have - 6) & 63];
    }
    if (have > 0)
        *out++ = alphabet[bits << (6 - have) & 63];
    *out = '\0';
}

bool credential_is_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\0' || !strchr(alphabet, text[i]))
            return false;
    return true;
}

ssize_t credential_unbase64url(const char *text, size_t size, uint8_t *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    while (size > 0 && text[size - 1] == '=')
        size--;
    if (!credential_is_text(text, size))
        return -1;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 6 | (uint32_t)(strchr(alphabet, text[i]) - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return (ssize_t)n;
}

/* HMAC-SHA256 of "<purpose>:<data>" as 64 digits. */
static int mac(const struct credential *c, const char *purpose, const char *data, size_t size,
               char ret_hex[CREDENTIAL_KEY_BYTES])
{
    char text[CREDENTIAL_COOKIE_BYTES + 16];
    uint8_t digest[SHA256_BYTES];
    unsigned length = sizeof digest;
    int n = snprintf(text, sizeof text, "%s:%.*s", purpose, (int)size, data);

    if (n < 0 || (size_t)n >= sizeof text)
        return -EMSGSIZE;
    if (!HMAC(EVP_sha256(), c->secret, (int)strlen(c->secret), (const uint8_t *)text, (size_t)n,
              digest, &length))
        return -ENOMEM;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int credential_init(struct credential *credential, const char *secret, const char *token)
{
    struct credential c = {0};
    char hex[9];
    int r;

    if (strlen(secret) >= sizeof c.secret)
        return -EMSGSIZE;
    memcpy(c.secret, secret, strlen(secret) + 1);
    r = sha256(token, strlen(token), c.token);
    if (r == 0)
        r = sha256_hex(token, strlen(token), 8, c.token_id);
    if (r == 0)
        r = sha256_hex(secret, strlen(secret), 8, hex);
    if (r < 0)
        return r;
    snprintf(c.cookie_name, sizeof c.cookie_name, "tailboard_%s", hex);
    *credential = c;
    return 0;
}

bool credential_hash_fits(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
    return CRYPTO_memcmp(a, b, SHA256_BYTES) == 0;
}

bool credential_token_fits(const struct credential *credential, const char *token, size_t size)
{
    uint8_t hash[SHA256_BYTES];

    return sha256(token, size, hash) == 0 && credential_hash_fits(hash, credential->token);
}

int credential_cookie(const struct credential *credential, int64_t expiry,
                      char ret_cookie[CREDENTIAL_COOKIE_BYTES])
{
    return credential_cookie_of(credential, credential->token_id, expiry, ret_cookie);
}

int credential_cookie_of(const struct credential *credential, const char *id, int64_t expiry,
                         char ret_cookie[CREDENTIAL_COOKIE_BYTES])
{
    char head[CREDENTIAL_COOKIE_BYTES], hex[CREDENTIAL_KEY_BYTES];
    int n = snprintf(head, sizeof head, "v1.%.8s.%" PRId64, id, expiry);
    int r = mac(credential, "cookie", head, (size_t)n, hex);

    if (r < 0)
        return r;
    n = snprintf(ret_cookie, CREDENTIAL_COOKIE_BYTES, "%.*s.%s", n, head, hex);
    return n < CREDENTIAL_COOKIE_BYTES ? 0 : -EMSGSIZE;
}

bool credential_cookie_id(const struct credential *credential, const char *cookie, size_t size,
                          int64_t now, char ret_id[9])
{
    char text[CREDENTIAL_COOKIE_BYTES], want[CREDENTIAL_COOKIE_BYTES], id[9], *end;
    int64_t until;

    if (size >= sizeof text || size < 13 || memcmp(cookie, "v1.", 3) != 0)
        return false;
    memcpy(text, cookie, size);
    text[size] = '\0';
    if (strcspn(text + 3, ".") != 8 || text[12] < '1' || text[12] > '9')
        return false;
    memcpy(id, text + 3, 8);
    id[8] = '\0';
    errno = 0;
    until = strtoll(text + 12, &end, 10);
    if (errno || *end != '.' || until <= now)
        return false;
    /* Made anew from its expiry, it must be the same to the last byte. */
    if (credential_cookie_of(credential, id, until, want) < 0 || strlen(want) != size ||
        CRYPTO_memcmp(want, text, size) != 0)
        return false;
    memcpy(ret_id, id, sizeof id);
    return true;
}

bool credential_cookie_fits(const struct credential *credential, const char *cookie, size_t size,
                            int64_t now)
{
    char id[9];

    return credential_cookie_id(credential, cookie, size, now, id) &&
           strcmp(id, credential->token_id) == 0;
}

/* The count is there so that a run's token can be made anew one day. */
int credential_run_token(const struct credential *credential, const char *run, char *ret,
                         size_t size)
{
    char head[CREDENTIAL_COOKIE_BYTES], hex[CREDENTIAL_KEY_BYTES];
    int n = snprintf(head, sizeof head, "%s.1", run), r;

    if (n < 0 || (size_t)n >= sizeof head)
        return -EMSGSIZE;
    r = mac(credential, "run", head, (size_t)n, hex);
    if (r < 0)
        return r;
    n = snprintf(ret, size, "run.%s.%s", head, hex);
    return n < 0 || (size_t)n >= size ? -EMSGSIZE : 0;
}

bool credential_run_fits(const struct credential *credential, const char *token, char *ret_run,
                         size_t size)
{
    char want[2 * CREDENTIAL_COOKIE_BYTES], run[CREDENTIAL_COOKIE_BYTES];
    size_t length;

    if (strncmp(token, "run.", 4) != 0)
        return false;
    length = strcspn(token + 4, ".");
    if (length == 0 || length >= sizeof run || length >= size)
        return false;
    memcpy(run, token + 4, length);
    run[length] = '\0';
    if (credential_run_token(credential, run, want, sizeof want) < 0 ||
        strlen(want) != strlen(token) || CRYPTO_memcmp(want, token, strlen(want)) != 0)
        return false;
    memcpy(ret_run, run, length + 1);
    return true;
}

int credential_key(const struct credential *credential, const char *cookie, size_t size,
                   char ret_key[CREDENTIAL_KEY_BYTES])
{
    return mac(credential, "key", cookie, size, ret_key);
}

bool credential_key_fits(const struct credential *credential, const char *cookie, size_t size,
                         const char *key)
{
    char want[CREDENTIAL_KEY_BYTES];

    return strlen(key) == CREDENTIAL_KEY_BYTES - 1 &&
           credential_key(credential, cookie, size, want) == 0 &&
           CRYPTO_memcmp(want, key, CREDENTIAL_KEY_BYTES - 1) == 0;
}
