/* auth.c: what a request carries, and whether it is genuine; admit.c decides what follows.
 *
 * Thread: any; only `throttle` changes after auth_new(), under its own lock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/admit.h"
#include "front/credential.h"
#include "front/secret.h"
#include "front/throttle.h"
#include "front/tokens.h"

struct auth {
    enum auth_mode mode;
    char *prefix, *public_url;
    char **allow_hosts, **allow_origins;
    char token[SECRET_TEXT_BYTES];
    bool token_is_new;
    struct credential credential;
    struct tokens tokens;
    struct throttle throttle;
};

/* What a request carries beside the proofs that admit.c looks at. */
struct holder {
    enum auth_right token, cookie; /* rights of these; 0: none or not genuine */
    bool run;                      /* the token is that of one run … */
    char run_id[LIMIT_RUN_ID_BYTES + 1];
};

static char **list_free(char **list)
{
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
    return NULL;
}

/* A copy of a NULL-ended list; NULL for none, and with *failed when out of memory. */
static char **list_copy(const char *const *list, bool *failed)
{
    size_t count = 0;
    char **copy;

    if (!list)
        return NULL;
    while (list[count])
        count++;
    copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(list[i]);
        *failed |= !copy[i];
    }
    *failed |= !copy;
    return copy;
}

static int load(struct auth *auth, const char *dir)
{
    char secret[SECRET_TEXT_BYTES];
    bool made;
    int r = secret_dir(dir);

    if (r == 0)
        r = secret_load(dir, "secret", secret, &made);
    if (r == 0)
        r = secret_load(dir, "token", auth->token, &auth->token_is_new);
    if (r == 0)
        r = credential_init(&auth->credential, secret, auth->token);
    explicit_bzero(secret, sizeof secret);
    return r;
}

static const char *reason(int error)
{
    if (error == -EPERM)
        return "the files \"secret\" and \"token\" must be ours and mode 0600";
    if (error == -EBADMSG)
        return "\"secret\" or \"token\" is not a file that this program wrote; remove it";
    return strerror(-error);
}

int auth_new(const struct auth_options *options, struct auth **ret)
{
    struct auth *auth = calloc(1, sizeof *auth);
    bool failed = false;
    int r;

    if (!auth)
        return -ENOMEM;
    throttle_init(&auth->throttle);
    r = tokens_init(&auth->tokens, options->state_dir);
    auth->mode = options->mode;
    auth->prefix = strdup(options->prefix ? options->prefix : "");
    auth->public_url = options->public_url ? strdup(options->public_url) : NULL;
    auth->allow_hosts = list_copy(options->allow_hosts, &failed);
    auth->allow_origins = list_copy(options->allow_origins, &failed);
    failed |= !auth->prefix || (options->public_url && !auth->public_url);
    if (r == 0)
        r = failed ? -ENOMEM : load(auth, options->state_dir);
    if (r < 0) {
        log_error("cannot use the state directory %s: %s", options->state_dir, reason(r));
        auth_free(auth);
        return r;
    }
    *ret = auth;
    return 0;
}

struct auth *auth_free(struct auth *auth)
{
    if (!auth)
        return NULL;
    throttle_done(&auth->throttle);
    tokens_done(&auth->tokens);
    free(auth->prefix);
    free(auth->public_url);
    list_free(auth->allow_hosts);
    list_free(auth->allow_origins);
    explicit_bzero(auth, sizeof *auth);
    free(auth);
    return NULL;
}

const char *auth_token(const struct auth *auth)
{
    return auth->token;
}

bool auth_token_is_new(const struct auth *auth)
{
    return auth->token_is_new;
}

static const char *one_header(const struct auth_request *request, const char *name)
{
    unsigned count = 0;
    const char *value = request->header(request->ctx, name, &count);

    return count == 1 ? value : NULL;
}

static const char *proxy_header(const struct auth_request *request)
{
    static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
                                        "X-Forwarded-Proto", "X-Real-IP", "Via"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsigned count = 0;

        request->header(request->ctx, names[i], &count);
        if (count > 0)
            return names[i];
    }
    return NULL;
}

/* The right that a token's text gives; 0: none. ret_id: of whose cookies it makes. */
static enum auth_right right_of(struct auth *auth, const char *token, size_t size, char ret_id[9])
{
    uint8_t hash[SHA256_BYTES];

    if (sha256(token, size, hash) < 0)
        return 0;
    if (credential_hash_fits(hash, auth->credential.token)) {
        memcpy(ret_id, auth->credential.token_id, sizeof auth->credential.token_id);
        return AUTH_ADMIN;
    }
    return tokens_find(&auth->tokens, hash, ret_id);
}

static enum admit_proof take_token(struct auth *auth, const char *token, size_t size,
                                   struct holder *holder)
{
    char id[9];

    holder->token = right_of(auth, token, size, id);
    return holder->token ? ADMIT_GOOD : ADMIT_WRONG;
}

static enum admit_proof bearer_of(struct auth *auth, const struct auth_request *request,
                                  struct holder *holder)
{
    unsigned count = 0;
    const char *value = request->header(request->ctx, "Authorization", &count);

    if (count == 0)
        return ADMIT_ABSENT;
    if (count > 1 || strncasecmp(value, "Bearer ", 7) != 0)
        return ADMIT_WRONG;
    value += 7 + strspn(value + 7, " ");
    holder->run = credential_run_fits(&auth->credential, value, holder->run_id,
                                      sizeof holder->run_id);
    if (holder->run)
        return ADMIT_GOOD;
    return take_token(auth, value, strlen(value), holder);
}

/* "tailboard.v1, bearer.<base64url of the token>": for pages in frames, which get no cookie. */
static enum admit_proof protocol_of(struct auth *auth, const struct auth_request *request,
                                    struct holder *holder)
{
    const char *at = one_header(request, "Sec-WebSocket-Protocol");
    enum admit_proof proof = ADMIT_ABSENT;

    while (at && *at) {
        size_t size = strcspn(at, ", \t");
        uint8_t token[256];
        ssize_t n;

        if (size > 7 && size < sizeof token && strncmp(at, "bearer.", 7) == 0) {
            n = credential_unbase64url(at + 7, size - 7, token);
            proof = ADMIT_WRONG;
            if (n > 0 && take_token(auth, (const char *)token, (size_t)n, holder) == ADMIT_GOOD)
                return ADMIT_GOOD;
        }
        at += size;
        at += strspn(at, ", \t");
    }
    return proof;
}

/* A cookie has the right of the token that it was given for, as long as there is that. */
static enum auth_right right_of_cookie(struct auth *auth, const char *value, size_t size,
                                       int64_t now)
{
    char id[9];

    if (!credential_cookie_id(&auth->credential, value, size, now, id))
        return 0;
    return strcmp(id, auth->credential.token_id) == 0 ? AUTH_ADMIN
                                                      : tokens_find_id(&auth->tokens, id);
}

/* Looks through all cookies of our name, for a browser may send several. */
static void look_for_cookie(struct auth *auth, const struct auth_request *request,
                            struct admit_case *c, struct holder *holder)
{
    const char *at = one_header(request, "Cookie"), *name = auth->credential.cookie_name;
    const char *key = one_header(request, "X-Tailboard-Key");
    size_t length = strlen(name);
    int64_t now = (int64_t)clock_wall_s(NULL);

    while (at && *at) {
        size_t size = strcspn(at, ";");

        if (size > length && strncmp(at, name, length) == 0 && at[length] == '=') {
            const char *value = at + length + 1;
            size_t value_size = size - length - 1;

            holder->cookie = right_of_cookie(auth, value, value_size, now);
            if (holder->cookie) {
                c->cookie = ADMIT_GOOD;
                c->key = key && credential_key_fits(&auth->credential, value, value_size, key);
                return;
            }
            c->cookie = ADMIT_WRONG;
        }
        at += size;
        at += strspn(at, "; ");
    }
}

/* What the rules about browsers look at. */
static void fill_origin(const struct auth *auth, const struct auth_request *request,
                        struct admit_case *c)
{
    c->method = request->method;
    c->websocket = request->websocket;
    c->public_url = auth->public_url;
    c->allow_origins = (const char *const *)auth->allow_origins;
    c->fetch_site = one_header(request, "Sec-Fetch-Site");
    c->host = request->header(request->ctx, "Host", &c->hosts);
    c->origin = request->header(request->ctx, "Origin", &c->origins);
}

void auth_check_origin(const struct auth *auth, const struct auth_request *request,
                       struct auth_verdict *ret)
{
    struct admit_case c = {0};

    fill_origin(auth, request, &c);
    admit_origin(&c, ret);
}

/* Is the right of whoever was admitted enough for this request? */
static void check_right(const struct auth_request *request, const struct holder *holder,
                        struct auth_verdict *ret)
{
    enum auth_right needs = request->needs ? request->needs : AUTH_READ;
    enum auth_right has = ret->by_user ? AUTH_ADMIN : ret->by_token ? holder->token
                                                                    : holder->cookie;

    if (ret->by_token && holder->run) {
        ret->by_run_token = request->run && strcmp(request->run, holder->run_id) == 0;
        has = ret->by_run_token ? AUTH_WRITE : 0;
    }
    ret->right = has;
    if (has >= needs)
        return;
    ret->status = 403;
    ret->code = "not-allowed";
    if (ret->by_token && holder->run && !ret->by_run_token)
        snprintf(ret->detail, sizeof ret->detail, "This token is for the run %s alone.",
                 holder->run_id);
    else
        snprintf(ret->detail, sizeof ret->detail,
                 "This token has the right to %s, and this needs %s.", auth_right_word(has),
                 auth_right_word(needs));
}

void auth_check(struct auth *auth, const struct auth_request *request, struct auth_verdict *ret)
{
    struct admit_case c = {
        .reads_only = request->reads_only,
        .own_user = request->peer->own_user,
        .by_user_off = auth->mode == AUTH_TOKEN || auth->public_url,
        .proxied = proxy_header(request),
        .allow_hosts = (const char *const *)auth->allow_hosts,
    };
    struct holder holder = {0};
    int64_t now = clock_ns(NULL);

    c.token = bearer_of(auth, request, &holder);

    fill_origin(auth, request, &c);
    if (c.token != ADMIT_GOOD && request->websocket) {
        enum admit_proof proof = protocol_of(auth, request, &holder);
        c.token = proof != ADMIT_ABSENT ? proof : c.token;
    }
    look_for_cookie(auth, request, &c, &holder);
    admit(&c, ret);
    if (ret->status == 0)
        check_right(request, &holder, ret);
    if (ret->status != 401)
        return;
    if (c.token == ADMIT_WRONG)
        throttle_failed(&auth->throttle, &request->peer->address, now);
    if (throttle_is_over(&auth->throttle, &request->peer->address, now)) {
        ret->status = 429;
        ret->code = "too-many-failures";
        snprintf(ret->detail, sizeof ret->detail, "Too many wrong tokens from %s: wait a minute.",
                 request->peer->text);
    }
}

static void write_cookie(const struct auth *auth, const char *value, int64_t seconds, bool secure,
                         char out[512])
{
    secure |= auth->public_url && strncasecmp(auth->public_url, "https:", 6) == 0;
    snprintf(out, 512, "%s=%s; Path=%.256s; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s",
             auth->credential.cookie_name, value, auth->prefix[0] ? auth->prefix : "/", seconds,
             secure ? "; Secure" : "");
}

int auth_session(struct auth *auth, const struct peer *peer, const char *token, bool secure,
                 char ret_cookie[512], char ret_key[128])
{
    char cookie[CREDENTIAL_COOKIE_BYTES], key[CREDENTIAL_KEY_BYTES];
    const int64_t seconds = INT64_C(86400) * CREDENTIAL_DAYS;
    int64_t now = clock_ns(NULL);
    char id[9];
    int r;

    if (!right_of(auth, token, strlen(token), id)) {
        throttle_failed(&auth->throttle, &peer->address, now);
        return throttle_is_over(&auth->throttle, &peer->address, now) ? -EBUSY : -EACCES;
    }
    r = credential_cookie_of(&auth->credential, id, (int64_t)clock_wall_s(NULL) + seconds, cookie);
    if (r == 0)
        r = credential_key(&auth->credential, cookie, strlen(cookie), key);
    if (r < 0)
        return r;
    write_cookie(auth, cookie, seconds, secure, ret_cookie);
    snprintf(ret_key, 128, "%s", key);
    return 0;
}

void auth_session_end(const struct auth *auth, char ret_cookie[512])
{
    write_cookie(auth, "", 0, false, ret_cookie);
}

/* ---- further tokens ---------------------------------------------------------------------- */

int auth_run_token(const struct auth *auth, const char *run, char ret_token[AUTH_RUN_TOKEN_BYTES])
{
    return credential_run_token(&auth->credential, run, ret_token, AUTH_RUN_TOKEN_BYTES);
}

int auth_tokens_list(struct auth *auth, struct token_row **ret, size_t *ret_count)
{
    return tokens_list(&auth->tokens, ret, ret_count);
}

int auth_tokens_add(struct auth *auth, const char *name, enum auth_right right, char ret_text[64],
                    char ret_id[9])
{
    return tokens_add(&auth->tokens, name, right, ret_text, ret_id);
}

int auth_tokens_revoke(struct auth *auth, const char *id)
{
    return tokens_revoke(&auth->tokens, id);
}
