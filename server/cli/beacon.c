#include "cli/beacon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

struct light {
    char url[BEACON_URL_BYTES], host[LIMIT_NAME_BYTES + 1];
    long pid;
};

static void this_host(char ret[LIMIT_NAME_BYTES + 1])
{
    if (gethostname(ret, LIMIT_NAME_BYTES) < 0)
        snprintf(ret, LIMIT_NAME_BYTES, "unknown");
    ret[LIMIT_NAME_BYTES] = '\0';
}

static bool read_light(const char *dir, struct light *ret)
{
    char path[LIMIT_PATH_BYTES + 16], line[BEACON_URL_BYTES + LIMIT_NAME_BYTES + 64];

    snprintf(path, sizeof path, "%s/server", dir);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n <= 0)
        return false;
    line[n] = '\0';
    return sscanf(line, "%599s %255s %ld", ret->url, ret->host, &ret->pid) == 3 && ret->pid > 0;
}

static void write_light(const char *dir, const struct light *light)
{
    char path[LIMIT_PATH_BYTES + 16], temporary[LIMIT_PATH_BYTES + 40];

    snprintf(path, sizeof path, "%s/server", dir);
    snprintf(temporary, sizeof temporary, "%s.%ld", path, light->pid);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool fine = fd >= 0 && dprintf(fd, "%s %s %ld\n", light->url, light->host, light->pid) > 0;
    if (fd >= 0)
        fine = close(fd) == 0 && fine;
    if (!fine || rename(temporary, path) < 0) {
        log_debug("%s cannot be written: %s", path, strerror(errno));
        unlink(temporary);
    }
}

void beacon_light(const struct config *config, const struct server *server)
{
    const char *host = config->host && !config->bind_all ? config->host : "localhost";
    struct light light = {.pid = getpid()};

    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        host = "localhost";
    this_host(light.host);
    snprintf(light.url, sizeof light.url, strchr(host, ':') ? "http://[%.255s]:%u%s"
                                                            : "http://%.255s:%u%s",
             host, server_port(server), config->prefix);
    if (server_has_archive(server))
        write_light(config->archive_dir, &light);
    write_light(config->state_dir, &light);
}

static void put_out(const char *dir)
{
    char path[LIMIT_PATH_BYTES + 16], host[LIMIT_NAME_BYTES + 1];
    struct light light;

    this_host(host);
    if (!*dir || !read_light(dir, &light) || light.pid != getpid() ||
        strcmp(light.host, host) != 0)
        return; /* another server's by now */
    snprintf(path, sizeof path, "%s/server", dir);
    unlink(path);
}

void beacon_put_out(const struct config *config)
{
    put_out(config->archive_dir);
    put_out(config->state_dir);
}

bool beacon_find(const char *dir, char ret_url[BEACON_URL_BYTES])
{
    char host[LIMIT_NAME_BYTES + 1];
    struct light light;

    this_host(host);
    if (!read_light(dir, &light) || strcmp(light.host, host) != 0 ||
        (kill((pid_t)light.pid, 0) < 0 && errno != EPERM))
        return false;
    snprintf(ret_url, BEACON_URL_BYTES, "%s", light.url);
    return true;
}
