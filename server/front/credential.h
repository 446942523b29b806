/* credential.h: tokens, cookies and keys as text, compared in constant time. Part of front.
 *
 *   token   43 characters of base64url, 256 random bits
 *   cookie  v1.<token id>.<expiry>.<HMAC of these under the server secret>
 *   key     HMAC of the cookie: what a page adds to changing requests, since other servers on the
 *           same host name see its cookies too
 *
 * The only file of front that includes libcrypto. Thread: any. */
#ifndef TB_FRONT_CREDENTIAL_H
#define TB_FRONT_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/sha256.h"

enum {
    CREDENTIAL_TOKEN_CHARS = 43,
    CREDENTIAL_COOKIE_BYTES = 160,
    CREDENTIAL_KEY_BYTES = 65,
    CREDENTIAL_DAYS = 30,
};

struct credential {
    char secret[64];              /* the server's */
    uint8_t token[SHA256_BYTES];  /* hash of the token */
    char token_id[9];             /* first digits of it: cookies die with their token */
    char cookie_name[24];         /* tailboard_<8 hex>: two servers keep two cookies */
};

/* 0 or -ENOMEM. */
_must_check_ int credential_init(struct credential *credential, const char *secret,
                                 const char *token);

/* Compares two hashes in constant time. */
bool credential_hash_fits(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES]);
bool credential_token_fits(const struct credential *credential, const char *token, size_t size);

/* `out` has room for 4/3 of size and 3 more. */
void credential_base64url(const uint8_t *data, size_t size, char *out);
/* Decodes into out (room for 3/4 of size); the length, or -1 if it is no base64url. */
ssize_t credential_unbase64url(const char *text, size_t size, uint8_t *out);
bool credential_is_text(const char *text, size_t size); /* base64url characters only */

/* Value of a cookie that ends at `expiry` (seconds since 1970). 0 or -ENOMEM. */
_must_check_ int credential_cookie(const struct credential *credential, int64_t expiry,
                                   char ret_cookie[CREDENTIAL_COOKIE_BYTES]);
bool credential_cookie_fits(const struct credential *credential, const char *cookie, size_t size,
                            int64_t now);
/* The same for the token of an id (8 digits), which need not be the server's own. */
_must_check_ int credential_cookie_of(const struct credential *credential, const char *id,
                                      int64_t expiry, char ret_cookie[CREDENTIAL_COOKIE_BYTES]);
/* Whose cookie it is, if it is genuine: the token may be revoked since. */
bool credential_cookie_id(const struct credential *credential, const char *cookie, size_t size,
                          int64_t now, char ret_id[9]);
/* "run.ID.COUNT.HMAC": the token of one run. */
_must_check_ int credential_run_token(const struct credential *credential, const char *run,
                                      char *ret, size_t size);
/* Is it one, and of which run? */
bool credential_run_fits(const struct credential *credential, const char *token, char *ret_run,
                         size_t size);
_must_check_ int credential_key(const struct credential *credential, const char *cookie,
                                size_t size, char ret_key[CREDENTIAL_KEY_BYTES]);
bool credential_key_fits(const struct credential *credential, const char *cookie, size_t size,
                         const char *key);

#endif
