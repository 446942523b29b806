/* route_session.c: POST and DELETE /session: a token becomes a cookie, and the cookie ends. */
#include <errno.h>
#include <string.h>

#include "http/body.h"
#include "http/router.h"
#include "http/write.h"

static void end_session(struct request *request)
{
    char cookie[512];

    auth_session_end(request->shared->options.auth, cookie);
    response_empty(request, 204);
    response_header(request, "Set-Cookie", "%s", cookie);
}

void route_session(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    char token[BODY_TOKEN_BYTES], cookie[512], key[128];
    int r;

    if (request->method == METHOD_DELETE) {
        end_session(request);
        return;
    }
    if (!body_token(request, token))
        return;
    r = auth_session(request->shared->options.auth, request->peer, token, false, cookie, key);
    explicit_bzero(token, sizeof token);
    if (r == -EACCES) {
        response_problem(request, 401, "token-wrong", "This token is not the server's.");
    } else if (r == -EBUSY) {
        response_problem(request, 429, "too-many-failures",
                         "Too many wrong tokens from this address: wait a minute.");
    } else if (r < 0) {
        response_error(request, r);
    } else {
        json_open(&j, '{');
        write_text(&j, "key", key);
        json_close(&j, '}');
        response_json(request);
        response_header(request, "Set-Cookie", "%s", cookie);
        response_header(request, "X-Tailboard-Key", "%s", key);
    }
}
