/* admit.h: the rules that let a request in, as a pure function. Part of front.
 *
 * auth.c finds out what a request carries and whether that is genuine; this file only decides, so
 * that the whole table of docs/security.md is one unit test. Thread: any. */
#ifndef TB_FRONT_ADMIT_H
#define TB_FRONT_ADMIT_H

#include "front/front.h"

enum admit_proof { ADMIT_ABSENT, ADMIT_WRONG, ADMIT_GOOD };

struct admit_case {
    const char *method;
    bool websocket;
    bool reads_only;     /* changes nothing, whatever its method */
    bool own_user;       /* the peer's socket is ours */
    bool by_user_off;    /* --auth token, --public-url */
    const char *proxied; /* name of a header that a proxy left, or NULL */
    const char *host, *origin, *fetch_site; /* values, or NULL */
    unsigned hosts, origins;                /* how often they were sent */
    enum admit_proof token, cookie;
    bool key;            /* the key that goes with the cookie is there and right */
    const char *public_url;
    const char *const *allow_hosts, *const *allow_origins;
};

/* Everything but 429, which is auth.c's. */
void admit(const struct admit_case *c, struct auth_verdict *ret);
/* Only the rules about who made the browser ask. */
void admit_origin(const struct admit_case *c, struct auth_verdict *ret);

#endif
