#include "history_rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/check.h"

enum { ANSWER_MAX = 96 << 20, DEADLINE_S = 60 };

static void *accept_all(void *arg)
{
    struct history_rig *rig = arg;
    int fd;

    while ((fd = accept4(rig->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer peer = {.loopback = true, .own_user = !rig->stranger, .text = "127.0.0.1"};

        peer.address.ss_family = AF_INET;
        http_take(rig->http, fd, &peer);
    }
    return NULL;
}

static void listen_anywhere(struct history_rig *rig)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(rig->listener >= 0);
    CHECK(bind(rig->listener, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(rig->listener, 1024) == 0);
    CHECK(getsockname(rig->listener, (struct sockaddr *)&at, &size) == 0);
    rig->port = ntohs(at.sin_port);
}

static void start(struct history_rig *rig)
{
    char state[80], archive[80];
    struct archive_holder holder;
    struct http_options options = {.workers = 2};

    snprintf(state, sizeof state, "%s/state", rig->dir);
    snprintf(archive, sizeof archive, "%s/archive", rig->dir);
    rig->store = store_new(&(struct store_options){0});
    CHECK(rig->store);
    CHECK(archive_open(&(struct archive_options){.dir = archive, .reserve_bytes = 1 << 20},
                       &rig->archive, &holder) == 0);
    CHECK(auth_new(&(struct auth_options){.state_dir = state, .prefix = ""}, &rig->auth) == 0);
    options.store = rig->store;
    options.auth = rig->auth;
    options.archive = rig->archive;
    CHECK(http_start(&options, &rig->http) == 0);
    listen_anywhere(rig);
    CHECK(pthread_create(&rig->thread, NULL, accept_all, rig) == 0);
}

static void stop(struct history_rig *rig)
{
    shutdown(rig->listener, SHUT_RDWR);
    pthread_join(rig->thread, NULL);
    close(rig->listener);
    http_stop(rig->http);
    auth_free(rig->auth);
    archive_close(rig->archive);
    store_free(rig->store);
}

void history_rig_start(struct history_rig *rig)
{
    *rig = (struct history_rig){.dir = "/tmp/history-rig-XXXXXX"};
    CHECK(mkdtemp(rig->dir));
    start(rig);
}

void history_rig_again(struct history_rig *rig)
{
    stop(rig);
    start(rig);
}

void history_rig_stop(struct history_rig *rig)
{
    char command[128];

    stop(rig);
    snprintf(command, sizeof command, "rm -rf %s", rig->dir);
    CHECK(system(command) == 0);
}

/* ---- requests ---------------------------------------------------------------------------- */

int history_rig_connect(struct history_rig *rig)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(rig->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval deadline = {.tv_sec = DEADLINE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

bool history_send(int fd, const void *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        data = (const char *)data + n;
        size -= (size_t)n;
    }
    return true;
}

const char *history_header(const struct history_answer *answer, const char *name, char *out,
                           size_t size)
{
    const char *line = answer->head;

    out[0] = '\0';
    while (line && (line = strstr(line, "\r\n")) != NULL) {
        size_t length = strlen(name);

        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1 + strspn(line + length + 1, " ");
            snprintf(out, size, "%.*s", (int)strcspn(line, "\r"), line);
            break;
        }
    }
    return out;
}

/* Where the body is to end; SIZE_MAX: at the end of the connection. */
static size_t length_of(const struct history_answer *answer)
{
    char text[32];

    if (answer->status == 204 || answer->status == 304 || answer->status < 200)
        return 0;
    history_header(answer, "Content-Length", text, sizeof text);
    return *text ? strtoul(text, NULL, 10) : SIZE_MAX;
}

struct history_answer history_read(int fd)
{
    struct history_answer answer = {0};
    struct buf held = BUF_INIT(ANSWER_MAX);
    size_t want = SIZE_MAX, head = 0;

    while (!answer.head || held.length - head < want) {
        char piece[65536], *end;
        /* Not a byte beyond this answer: the next one may be there already. */
        size_t more = answer.head ? MIN(sizeof piece, want - (held.length - head)) : 1;
        ssize_t n = recv(fd, piece, more, 0);

        if (n <= 0)
            break;
        CHECK(buf_add(&held, piece, (size_t)n) == 0);
        if (answer.head)
            continue;
        end = strstr(buf_text(&held), "\r\n\r\n");
        if (!end)
            continue;
        head = (size_t)(end - held.data) + 4;
        answer.head = strndup(held.data, head - 2);
        answer.status = (int)strtol(held.data + 9, NULL, 10);
        want = length_of(&answer);
    }
    if (answer.head) {
        answer.size = held.length - head;
        answer.body = calloc(1, answer.size + 1);
        memcpy(answer.body, held.data + head, answer.size);
    }
    buf_done(&held);
    return answer;
}

void history_answer_done(struct history_answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct history_answer){0};
}

struct history_answer history_ask(struct history_rig *rig, const char *method, const char *path,
                                  const char *headers, const void *body, size_t size)
{
    struct buf request = BUF_INIT(ANSWER_MAX);
    struct history_answer answer;
    int fd = history_rig_connect(rig);

    buf_printf(&request, "%s /api/v1%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s",
               method, path, headers ? headers : "");
    if (body)
        buf_printf(&request, "Content-Length: %zu\r\n", size);
    buf_str(&request, "\r\n");
    if (body)
        buf_add(&request, body, size);
    history_send(fd, request.data, request.length);
    buf_done(&request);
    answer = history_read(fd); /* a HEAD's has a length and no body: the connection ends it */
    close(fd);
    return answer;
}
