#include "live/socket.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "live/hub.h"
#include "live/upgrade.h"

#define RX_BYTES 4096              /* of a message that are handed on at a time */
#define UNSENT_BYTES (128 * 1024)  /* in the kernel: a slow reader gets newer data this way */
#define LARGE_NOFILE 4000000       /* the library makes tables of that many */
#define LOOP_CHECKS_MS 50          /* while the last words are sent */

_Static_assert(LWS_PRE <= HUB_HEADROOM && HUB_HEADROOM % 8 == 0,
               "frames begin at multiples of 8 behind the library's headroom");

struct arrival {
    int fd;
    struct peer peer;
};

struct socket {
    struct live_options o;
    struct hub hub;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    uv_prepare_t prepare;
    struct lws_context *context;
    struct lws_vhost *vhost;
    uint64_t idle_ns, before_ns;  /* for the share of time that the loop is busy */
    const struct peer *adopting;  /* whose request it is that is being adopted */
    bool opened;                  /* … which became a client */
    bool closing;                 /* bye was said; live thread */

    pthread_mutex_t lock;         /* of the following */
    struct arrival *arrivals;
    size_t n_arrivals, arrivals_capacity;
    bool stopping;
};

/* The library's per-connection memory. */
struct connection {
    struct client *client;
    struct peer peer;
    bool closing; /* a close frame was sent */
};

static void connection_ended(struct socket *s, const struct peer *peer)
{
    if (s->o.closed)
        s->o.closed(s->o.closed_ctx, peer);
}

/* ---- library callbacks ------------------------------------------------------------------ */

static int on_established(struct socket *s, struct lws *wsi, struct connection *connection)
{
    connection->client = hub_open(&s->hub, wsi);
    if (!connection->client)
        return -1;
    connection->peer = *s->adopting;
    s->opened = true;
    if (s->closing)
        client_say_bye(connection->client, BYE_SHUTDOWN);
    return 0;
}

static int write_output(struct lws *wsi, struct socket *s, const struct output *output)
{
    enum lws_write_protocol kind = output->kind == OUTPUT_TEXT     ? LWS_WRITE_TEXT
                                   : output->kind == OUTPUT_BINARY ? LWS_WRITE_BINARY
                                                                   : LWS_WRITE_PING;
    int n = lws_write(wsi, (unsigned char *)output->data, output->size, kind);

    if (n < (int)output->size)
        return -1;
    atomic_fetch_add_explicit(&s->hub.stat_messages, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->hub.stat_bytes, output->size, memory_order_relaxed);
    return 0;
}

/* Sends the close frame by hand: Debian's build of the library closes twice when it is told to
 * close (a self-test that was left in), and the frame is lost. The connection ends with the
 * client's answer, or after LIMIT_LIVE_BYE_MS. */
static int say_close(struct lws *wsi, struct connection *connection, int code)
{
    unsigned char frame[LWS_PRE + 4] = {0};

    frame[LWS_PRE] = 0x88; /* the last of its message, close */
    frame[LWS_PRE + 1] = 2;
    frame[LWS_PRE + 2] = (unsigned char)(code >> 8);
    frame[LWS_PRE + 3] = (unsigned char)code;
    connection->closing = true;
    lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, LIMIT_LIVE_BYE_MS / 1000);
    return lws_write(wsi, frame + LWS_PRE, 4, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

static int on_writable(struct socket *s, struct lws *wsi, struct connection *connection)
{
    struct client *client = connection->client;
    struct output output;

    if (lws_partial_buffered(wsi)) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    client_writable(client, &output);
    if (output.kind == OUTPUT_CLOSE)
        return say_close(wsi, connection, output.close_code);
    if (output.kind != OUTPUT_NONE && write_output(wsi, s, &output) < 0)
        return -1;
    if (output.more)
        lws_callback_on_writable(wsi);
    return 0;
}

static void on_closed(struct socket *s, struct connection *connection)
{
    if (!connection->client)
        return;
    hub_close(&s->hub, connection->client);
    connection->client = NULL;
    connection_ended(s, &connection->peer);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct connection *connection = user;
    struct socket *s = lws_context_user(lws_get_context(wsi));
    struct client *client = connection ? connection->client : NULL;

    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return connection ? on_established(s, wsi, connection) : -1;
    case LWS_CALLBACK_RECEIVE:
        if (client)
            client_receive(client, in, len,
                           lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi),
                           lws_frame_is_binary(wsi));
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (client)
            client_heard(client);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return client ? on_writable(s, wsi, connection) : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return connection && connection->closing ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
        if (connection)
            on_closed(s, connection);
        return 0;
    case LWS_CALLBACK_HTTP:
        return -1; /* no pages here */
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {
        .name = UPGRADE_PROTOCOL,
        .callback = callback,
        .per_session_data_size = sizeof(struct connection),
        .rx_buffer_size = RX_BYTES,
        .tx_packet_size = LIMIT_LIVE_TEXT_BYTES,
    },
    {.name = NULL},
};

/* ---- what the hub asks for -------------------------------------------------------------- */

static void wake(void *ctx)
{
    struct socket *s = ctx;

    uv_async_send(&s->wake);
}

static void want(void *ctx, void *connection)
{
    (void)ctx;
    lws_callback_on_writable(connection);
}

static void kill_connection(void *ctx, void *connection)
{
    (void)ctx;
    lws_set_timeout(connection, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void flow(void *ctx, void *connection, bool read)
{
    (void)ctx;
    lws_rx_flow_control(connection, read);
}

/* ---- arrivals --------------------------------------------------------------------------- */

/* Sends the answer and closes. The socket's buffer is empty, so that it fits. */
static void refuse(struct socket *s, const struct arrival *arrival, const struct upgrade *upgrade)
{
    const char *text = upgrade->text;
    ssize_t n = send(arrival->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);

    log_debug("live: %s refused: %s%s", arrival->peer.text, upgrade->code,
              n < 0 ? ", and gone" : "");
    shutdown(arrival->fd, SHUT_WR);
    close(arrival->fd);
    connection_ended(s, &arrival->peer);
}

static void set_socket_options(int fd)
{
    int on = 1, unsent = UNSENT_BYTES;

    /* Socket pairs have neither; that is fine. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static void adopt(struct socket *s, const struct arrival *arrival, const char *request)
{
    set_socket_options(arrival->fd);
    s->opened = false;
    s->adopting = &arrival->peer;
    struct lws *wsi = lws_adopt_socket_vhost_readbuf(s->vhost, arrival->fd, request,
                                                     strlen(request));
    if (s->opened)
        return;
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    connection_ended(s, &arrival->peer);
}

static void arrive(struct socket *s, const struct arrival *arrival)
{
    char data[LIMIT_HEADER_BYTES];
    struct upgrade upgrade;
    ssize_t n = recv(arrival->fd, data, sizeof data, MSG_PEEK | MSG_DONTWAIT);

    upgrade_read(data, n > 0 ? (size_t)n : 0, &arrival->peer, s->o.auth, s->o.prefix, &upgrade);
    /* Takes the header off the socket; what is behind it stays for the library. */
    if (upgrade.size > 0)
        n = recv(arrival->fd, data, upgrade.size, MSG_DONTWAIT);
    else
        (void)recv(arrival->fd, data, sizeof data, MSG_DONTWAIT);
    if (!upgrade.admitted)
        refuse(s, arrival, &upgrade);
    else if (n == (ssize_t)upgrade.size)
        adopt(s, arrival, upgrade.text);
    else {
        close(arrival->fd);
        connection_ended(s, &arrival->peer);
    }
}

void socket_take(struct socket *s, int fd, const struct peer *peer)
{
    bool taken = false;

    pthread_mutex_lock(&s->lock);
    if (s->n_arrivals == s->arrivals_capacity && !s->stopping) {
        size_t capacity = MAX(s->arrivals_capacity * 2, (size_t)16);
        struct arrival *arrivals = realloc(s->arrivals, capacity * sizeof *arrivals);
        if (arrivals) {
            s->arrivals = arrivals;
            s->arrivals_capacity = capacity;
        }
    }
    if (!s->stopping && s->n_arrivals < s->arrivals_capacity) {
        s->arrivals[s->n_arrivals++] = (struct arrival){fd, *peer};
        taken = true;
    }
    if (taken) /* under the lock: the loop lives as long as it is not stopping */
        uv_async_send(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (taken)
        return;
    close(fd);
    connection_ended(s, peer);
}

/* true: the loop is to end. */
static bool take_arrivals(struct socket *s)
{
    pthread_mutex_lock(&s->lock);
    struct arrival *arrivals = s->arrivals;
    size_t n = s->n_arrivals;
    bool stopping = s->stopping;
    s->arrivals = NULL;
    s->n_arrivals = s->arrivals_capacity = 0;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        arrive(s, &arrivals[i]);
    free(arrivals);
    return stopping;
}

/* ---- the loop --------------------------------------------------------------------------- */

static void turn(struct socket *s);

static void on_timer(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_wake(uv_async_t *async)
{
    turn(async->data);
}

static void turn(struct socket *s)
{
    if (take_arrivals(s) && !s->closing) {
        s->closing = true;
        hub_say_bye(&s->hub, BYE_SHUTDOWN);
    }
    int64_t next = hub_turn(&s->hub);
    if (next == 0) {
        uv_timer_stop(&s->timer);
        return;
    }
    int64_t wait = next - hub_now(&s->hub);
    uint64_t ms = wait <= 0 ? 0 : (uint64_t)((wait + NS_PER_MS - 1) / NS_PER_MS);
    uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* Before each wait: how long the loop was busy since the last one. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct socket *s = prepare->data;
    uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(&s->loop);
    uint64_t all = now - s->before_ns, waited = idle - s->idle_ns;

    s->before_ns = now;
    s->idle_ns = idle;
    hub_busy(&s->hub, all > waited ? (int64_t)(all - waited) : 0);
    atomic_store_explicit(&s->hub.stat_clients, s->hub.n_clients, memory_order_relaxed);
    atomic_store_explicit(&s->hub.stat_watches, s->hub.n_watches, memory_order_relaxed);
}

static bool is_done(const struct socket *s, int64_t since_ns)
{
    return s->closing &&
           (!s->hub.clients || clock_ns(NULL) - since_ns > LIMIT_LIVE_BYE_MS * NS_PER_MS);
}

void socket_run(struct socket *s)
{
    int64_t since = 0;

    s->before_ns = uv_hrtime();
    s->idle_ns = uv_metrics_idle_time(&s->loop);
    while (!is_done(s, since)) {
        uv_run(&s->loop, UV_RUN_ONCE);
        if (!s->closing || since)
            continue;
        since = clock_ns(NULL);
        /* A timer of the loop ends the wait for those who do not take their leave. */
        uv_timer_start(&s->timer, on_timer, LOOP_CHECKS_MS, LOOP_CHECKS_MS);
    }
}

void socket_stop(struct socket *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->wake);
}

/* ---- making and ending ------------------------------------------------------------------ */

static void no_log(int level, const char *line)
{
    (void)level;
    (void)line;
}

static int make_context(struct socket *s)
{
    void *loops[] = {&s->loop};
    struct rlimit files;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                   LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES,
        .foreign_loops = loops,
        .max_http_header_data = LIMIT_HEADER_BYTES,
        .server_string = "tailboard",
        .pcontext = &s->context,
        .user = s,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > LARGE_NOFILE)
        info.fd_limit_per_thread = LARGE_NOFILE;
    lws_set_log_level(0, no_log);
    s->context = lws_create_context(&info);
    if (!s->context) {
        log_error("live: libwebsockets does not start; is its libuv plug-in "
                  "(libwebsockets-evlib-uv) installed?");
        return -ENOTSUP;
    }
    s->vhost = lws_get_vhost_by_name(s->context, "default");
    CHECK(s->vhost);
    return 0;
}

static int make_loop(struct socket *s)
{
    int r = uv_loop_init(&s->loop);

    if (r < 0)
        return r;
    uv_loop_configure(&s->loop, UV_METRICS_IDLE_TIME);
    r = uv_async_init(&s->loop, &s->wake, on_wake);
    if (r < 0) {
        uv_loop_close(&s->loop);
        return r;
    }
    uv_timer_init(&s->loop, &s->timer);
    uv_prepare_init(&s->loop, &s->prepare);
    uv_prepare_start(&s->prepare, on_prepare);
    s->loop.data = s->wake.data = s->timer.data = s->prepare.data = s;
    return 0;
}

static void end_loop(struct socket *s)
{
    uv_close((uv_handle_t *)&s->wake, NULL);
    uv_close((uv_handle_t *)&s->timer, NULL);
    uv_close((uv_handle_t *)&s->prepare, NULL);
    while (uv_run(&s->loop, UV_RUN_NOWAIT) != 0)
        ;
    if (uv_loop_close(&s->loop) != 0)
        log_debug("live: the loop still had handles");
}

static void count_handle(uv_handle_t *handle, void *arg)
{
    struct socket *s = handle->loop->data;
    unsigned *others = arg;

    if (handle != (uv_handle_t *)&s->wake && handle != (uv_handle_t *)&s->timer &&
        handle != (uv_handle_t *)&s->prepare)
        ++*others;
}

/* On a loop of ours the library ends in steps: it closes its handles, which takes turns of the
 * loop, and only when the last is closed may it free itself (its code is in a plug-in that it
 * unloads, and the close callbacks are in there). */
static void end_context(struct socket *s)
{
    for (int step = 0; s->context && step < 3; step++) {
        unsigned others = 1;

        lws_context_destroy(s->context);
        for (int turns = 0; others > 0 && turns < 1000; turns++) {
            uv_run(&s->loop, UV_RUN_NOWAIT);
            others = 0;
            uv_walk(&s->loop, count_handle, &others);
        }
    }
}

struct hub *socket_hub(struct socket *s)
{
    return &s->hub;
}

int socket_new(const struct live_options *options, struct socket **ret)
{
    struct socket *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->o = *options;
    pthread_mutex_init(&s->lock, NULL);
    struct hub_options hub = {
        .store = options->store,
        .clock = options->clock,
        .ctx = s,
        .wake = wake,
        .want = want,
        .kill = kill_connection,
        .flow = flow,
    };
    r = make_loop(s);
    if (r == 0 && (r = make_context(s)) < 0)
        end_loop(s);
    if (r == 0 && (r = hub_init(&s->hub, &hub)) < 0) {
        end_context(s);
        end_loop(s);
    }
    if (r < 0) {
        pthread_mutex_destroy(&s->lock);
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct socket *socket_free(struct socket *s)
{
    if (!s)
        return NULL;
    end_context(s);
    hub_done(&s->hub);
    end_loop(s);
    for (size_t i = 0; i < s->n_arrivals; i++) {
        close(s->arrivals[i].fd);
        connection_ended(s, &s->arrivals[i].peer);
    }
    free(s->arrivals);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}
