/* The request gate and the acceptor's classifier on arbitrary heads: no crash, and what the gate
 * lets through has one host, one length, and no control character. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "front/classify.h"
#include "http/gate.h"
#include "http/respond.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = LIMIT_HEADERS + 8 };

/* Cuts a head into lines of "name: value", as leniently as the library does. */
static size_t cut(char *text, struct head_field *headers)
{
    size_t count = 0;

    for (char *line; count < HEADERS && (line = strsep(&text, "\n"));) {
        char *colon = strchr(line, ':');

        if (!colon)
            continue;
        *colon++ = '\0';
        colon += strspn(colon, " \t");
        headers[count++] = (struct head_field){line, colon, strlen(line), strlen(colon)};
    }
    return count;
}

static void check_let_through(const struct gate_head *head)
{
    unsigned hosts, lengths, codings;

    head_find(head->headers, head->n_headers, "Host", &hosts);
    head_find(head->headers, head->n_headers, "Content-Length", &lengths);
    head_find(head->headers, head->n_headers, "Transfer-Encoding", &codings);
    CHECK(hosts <= 1 && lengths + codings <= 1);
    CHECK(head->n_headers <= LIMIT_HEADERS);
    for (size_t i = 0; i < head->n_headers; i++)
        CHECK(!strpbrk(head->headers[i].value, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head_field headers[HEADERS];
    struct gate_head head = {.headers = headers};
    struct gate_verdict verdict;
    char *text = malloc(size + 1), *rest = text;
    unsigned count;

    memcpy(text, data, size);
    text[size] = '\0';
    CHECK(classify(text, size, true, "") != CLASSIFY_WAIT);
    classify(text, size, false, "/p");
    head.method = strsep(&rest, " ");
    head.target = rest ? strsep(&rest, " ") : "";
    head.version = rest ? strsep(&rest, "\n") : "";
    head.n_headers = rest ? cut(rest, headers) : 0;
    gate_check(&head, &verdict);
    if (!verdict.status)
        check_let_through(&head);
    respond_takes_gzip(head_find(headers, head.n_headers, "Accept-Encoding", &count));
    free(text);
    return 0;
}
