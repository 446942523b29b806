#include "front/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The two ends as the peer's socket sees them: local is the peer, remote is us. */
struct tuple {
    uint8_t local[16], remote[16];
    uint16_t local_port, remote_port; /* network order */
    bool v4;
    uint32_t scope;
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void peer_finder_init(struct peer_finder *finder)
{
    struct timeval patience = {.tv_usec = 200000};
    _cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
    unsigned overflow = 65534;

    if (f && fscanf(f, "%u", &overflow) != 1)
        overflow = 65534;
    *finder = (struct peer_finder){.uid = geteuid()};
    finder->uid_counts = finder->uid != (uid_t)overflow;
    finder->netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (finder->netlink >= 0)
        setsockopt(finder->netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void peer_finder_done(struct peer_finder *finder)
{
    if (finder->netlink >= 0)
        close(finder->netlink);
    finder->netlink = -1;
}

static void widen(const struct sockaddr_storage *address, uint8_t out[16], uint16_t *port)
{
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + 12, &v4.sin_addr, 4);
        *port = v4.sin_port;
    } else {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        memcpy(out, &v6.sin6_addr, 16);
        *port = v6.sin6_port;
    }
}

static bool is_mapped(const uint8_t address[16])
{
    return memcmp(address, mapped, sizeof mapped) == 0;
}

bool peer_is_loopback(const struct sockaddr_storage *address)
{
    static const uint8_t one[16] = {[15] = 1};
    uint8_t wide[16];
    uint16_t port;

    if (address->ss_family != AF_INET && address->ss_family != AF_INET6)
        return false;
    widen(address, wide, &port);
    return memcmp(wide, one, 16) == 0 || (is_mapped(wide) && wide[12] == 127);
}

/* 1: ours; 0: not; -errno: the kernel could not say. */
static int receive_answer(const struct peer_finder *finder)
{
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } in;

    for (;;) {
        ssize_t n = recv(finder->netlink, &in, sizeof in, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (!NLMSG_OK(&in.header, (size_t)n))
            return -EPROTO;
        if (in.header.nlmsg_seq != finder->sequence)
            continue; /* an answer that came after we had stopped waiting for it */
        if (in.header.nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = NLMSG_DATA(&in.header);
            return error->error == -ENOENT ? 0 : error->error ? error->error : -EPROTO;
        }
        if (in.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
            in.header.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            return -EPROTO;
        const struct inet_diag_msg *message = NLMSG_DATA(&in.header);
        return message->idiag_inode != 0 && message->idiag_uid == finder->uid;
    }
}

static int ask_kernel(struct peer_finder *finder, const struct tuple *tuple)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } out = {
        .header = {.nlmsg_len = sizeof out, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = ++finder->sequence},
        .request = {.sdiag_family = tuple->v4 ? AF_INET : AF_INET6, .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = ~0u,
                    .id = {.idiag_sport = tuple->local_port, .idiag_dport = tuple->remote_port,
                           .idiag_if = tuple->scope,
                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    size_t skip = tuple->v4 ? 12 : 0;

    memcpy(out.request.id.idiag_src, tuple->local + skip, 16 - skip);
    memcpy(out.request.id.idiag_dst, tuple->remote + skip, 16 - skip);
    if (sendto(finder->netlink, &out, sizeof out, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return -errno;
    return receive_answer(finder);
}

/* "0100007F:1F90" or 32 digits: words of 4 bytes in the machine's order. */
static bool parse_end(const char *text, uint8_t address[16], uint16_t *port)
{
    const char *colon = strchr(text, ':');
    size_t digits = colon ? (size_t)(colon - text) : 0;
    unsigned value;

    if (digits != 8 && digits != 32)
        return false;
    memcpy(address, mapped, sizeof mapped);
    for (size_t i = 0; i < digits / 8; i++) {
        uint32_t word;
        if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
            return false;
        memcpy(address + (digits == 8 ? 12 : 4 * i), &word, 4);
    }
    if (sscanf(colon + 1, "%4x", &value) != 1)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

bool peer_row_parse(const char *line, struct peer_row *ret)
{
    char local[64], remote[64];
    unsigned uid;
    uint64_t inode;

    if (sscanf(line, " %*d: %63s %63s %*s %*s %*s %*s %u %*s %" SCNu64, local, remote, &uid,
               &inode) != 4)
        return false;
    if (!parse_end(local, ret->local, &ret->local_port) ||
        !parse_end(remote, ret->remote, &ret->remote_port))
        return false;
    ret->uid = uid;
    ret->inode = inode;
    return true;
}

static bool same_ends(const struct peer_row *row, const struct tuple *tuple)
{
    return row->local_port == tuple->local_port && row->remote_port == tuple->remote_port &&
           memcmp(row->local, tuple->local, 16) == 0 && memcmp(row->remote, tuple->remote, 16) == 0;
}

static bool read_proc(const struct peer_finder *finder, const struct tuple *tuple)
{
    static const char *const names[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        _cleanup_fclose_ FILE *f = fopen(names[i], "re");
        struct peer_row row;
        char line[512];

        while (f && fgets(line, sizeof line, f))
            if (peer_row_parse(line, &row) && same_ends(&row, tuple))
                return row.inode != 0 && row.uid == finder->uid;
    }
    return false;
}

static bool is_own_user(struct peer_finder *finder, int fd, const struct sockaddr_storage *address)
{
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    struct tuple tuple = {0};
    int r = -ENOSYS;

    if (!finder->uid_counts || getsockname(fd, (struct sockaddr *)&own, &size) < 0)
        return false;
    widen(address, tuple.local, &tuple.local_port);
    widen(&own, tuple.remote, &tuple.remote_port);
    tuple.v4 = is_mapped(tuple.local);
    if (finder->netlink >= 0)
        r = ask_kernel(finder, &tuple);
    return r >= 0 ? r > 0 : read_proc(finder, &tuple);
}

void peer_find(struct peer_finder *finder, int fd, const struct sockaddr_storage *address,
               struct peer *ret)
{
    uint8_t wide[16] = {0};
    uint16_t port = 0;

    *ret = (struct peer){.address = *address, .text = "?"};
    if (address->ss_family != AF_INET && address->ss_family != AF_INET6)
        return;
    widen(address, wide, &port);
    if (is_mapped(wide))
        inet_ntop(AF_INET, wide + 12, ret->text, sizeof ret->text);
    else
        inet_ntop(AF_INET6, wide, ret->text, sizeof ret->text);
    ret->loopback = peer_is_loopback(address);
    ret->own_user = ret->loopback && is_own_user(finder, fd, address);
}
