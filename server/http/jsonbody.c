#include "http/jsonbody.h"

#include <errno.h>
#include <string.h>

#include "http/body.h"

json_t *jsonbody_read(struct request *request, bool array)
{
    const struct buf *body = &request->body;
    json_error_t error = {.text = ""};
    json_t *root;

    if (body->length == 0)
        return array ? json_array() : json_object();
    if (!body_is_shallow(body->data, body->length)) {
        response_problem(request, 400, "bad-json", "The body is nested too deeply.");
        return NULL;
    }
    root = json_loadb(body->data, body->length, JSON_REJECT_DUPLICATES, &error);
    if (array ? json_is_array(root) : json_is_object(root))
        return root;
    response_problem(request, 400, "bad-json", "The body is no JSON %s: %.200s.",
                     array ? "array" : "object", root ? "it is something else" : error.text);
    json_decref(root);
    return NULL;
}

bool jsonbody_knows(struct request *request, const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        const char *const *name = known;

        while (*name && strcmp(*name, key) != 0)
            name++;
        if (*name)
            continue;
        response_problem(request, 400, "unknown-parameter",
                         "The body has an unknown member \"%.60s\".", key);
        return false;
    }
    return true;
}

bool jsonbody_text(struct request *request, const json_t *object, const char *key, size_t max,
                   const char **ret)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    if (!value || json_is_null(value))
        return true;
    if (text && json_string_length(value) <= max && strlen(text) == json_string_length(value)) {
        *ret = text;
        return true;
    }
    response_problem(request, 400, "bad-parameter", "%s is a text of at most %zu bytes.", key,
                     max);
    return false;
}

char *jsonbody_line(struct request *request, const json_t *value, size_t max)
{
    char *line = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

    if (!line) {
        response_error(request, -ENOMEM);
        return NULL;
    }
    if (strlen(line) <= max)
        return line;
    response_problem(request, 413, "too-large", "A part of the body has more than %zu bytes.",
                     max);
    free(line);
    return NULL;
}

bool jsonbody_has_tag(const char *tags, const char *tag)
{
    const char *colon = strchr(tag, ':');
    char key[LIMIT_NAME_BYTES + 1];
    json_t *root;
    const char *value;
    bool has;

    if (!*tags || !colon || (size_t)(colon - tag) >= sizeof key)
        return false;
    memcpy(key, tag, (size_t)(colon - tag));
    key[colon - tag] = '\0';
    root = json_loads(tags, 0, NULL);
    value = json_string_value(json_object_get(root, key));
    has = value && strcmp(value, colon + 1) == 0;
    json_decref(root);
    return has;
}

int jsonbody_member(const char *object, const char *key, char **ret)
{
    json_t *root = json_loads(object, 0, NULL);
    const char *text = json_string_value(json_object_get(root, key));
    char *copy = text ? strdup(text) : NULL;

    json_decref(root);
    if (text && !copy)
        return -ENOMEM;
    if (copy)
        *ret = copy;
    return 0;
}
