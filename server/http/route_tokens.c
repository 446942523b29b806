/* route_tokens.c: GET and POST /tokens, DELETE /tokens/{id}: further tokens, each with a right. */
#include <errno.h>
#include <string.h>

#include "http/jsonbody.h"
#include "http/router.h"
#include "http/write.h"

static void list_tokens(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    _cleanup_free_ struct token_row *rows = NULL;
    size_t count;
    int r = auth_tokens_list(request->shared->options.auth, &rows, &count);

    if (r < 0) {
        response_error(request, r);
        return;
    }
    json_open(&j, '{');
    json_key(&j, "tokens");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&j, '{');
        write_text(&j, "id", rows[i].id);
        write_text(&j, "name", rows[i].name);
        write_text(&j, "right", auth_right_word(rows[i].right));
        json_key(&j, "made_time");
        json_put_time(&j, rows[i].made_s);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    response_json(request);
}

static bool read_wish(struct request *request, const json_t *body, const char **name,
                      enum auth_right *right)
{
    static const char *const known[] = {"name", "right", NULL};
    const char *word = "";

    if (!jsonbody_knows(request, body, known) ||
        !jsonbody_text(request, body, "name", TOKEN_NAME_BYTES, name) ||
        !jsonbody_text(request, body, "right", 16, &word))
        return false;
    *right = auth_right_parse(word);
    if (!*right)
        response_problem(request, 400, "bad-parameter", "right is read, write or admin.");
    return *right;
}

static void add_token(struct request *request)
{
    struct json j = JSON_INIT(&request->reply.body);
    json_t *body = jsonbody_read(request, false);
    const char *name = "";
    enum auth_right right;
    char text[64], id[9];
    int r;

    if (!body || !read_wish(request, body, &name, &right)) {
        json_decref(body);
        return;
    }
    r = auth_tokens_add(request->shared->options.auth, name, right, text, id);
    json_decref(body);
    if (r == -EINVAL) {
        response_problem(request, 400, "bad-parameter", "name is one line of at most %d bytes.",
                         TOKEN_NAME_BYTES);
    } else if (r == -EDQUOT) {
        response_problem(request, 409, "too-many-tokens", "There are at most %d tokens.",
                         LIMIT_TOKENS);
    } else if (r < 0) {
        response_error(request, r);
    } else {
        json_open(&j, '{');
        write_text(&j, "id", id);
        write_text(&j, "token", text);
        json_close(&j, '}');
        response_body(request, 201, "application/json");
    }
    explicit_bzero(text, sizeof text);
}

void route_tokens(struct request *request)
{
    if (request->method == METHOD_POST)
        add_token(request);
    else
        list_tokens(request);
}

void route_token(struct request *request)
{
    int r = auth_tokens_revoke(request->shared->options.auth, request->id);

    if (r == -ENOENT)
        response_problem(request, 404, "no-such-token", "There is no token of this id.");
    else if (r < 0)
        response_error(request, r);
    else
        response_empty(request, 204);
}
