/* fuzz_upgrade.c: the request that opens a WebSocket, as any bytes.
 *
 * Whatever comes: either an answer of ours, or a request of our own wording for the library. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "live/upgrade.h"

static struct auth *auth;
static char state_dir[] = "/tmp/fuzz-upgrade-XXXXXX";

static void remove_state(void)
{
    char command[64];

    auth = auth_free(auth);
    snprintf(command, sizeof command, "rm -rf %s", state_dir);
    if (system(command) != 0)
        perror(state_dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer peer = {.loopback = true, .own_user = size % 2, .text = "fuzz"};
    struct upgrade upgrade;

    if (!auth) {
        CHECK(mkdtemp(state_dir));
        CHECK(auth_new(&(struct auth_options){.state_dir = state_dir, .prefix = ""}, &auth) == 0);
        atexit(remove_state);
    }
    upgrade_read((const char *)data, size, &peer, auth, "", &upgrade);
    CHECK(upgrade.size <= size);
    if (upgrade.admitted) {
        CHECK(upgrade.size > 0);
        CHECK(strncmp(upgrade.text, "GET /live HTTP/1.1\r\nHost: tailboard\r\n", 37) == 0);
        CHECK(strlen(strstr(upgrade.text, "\r\n\r\n")) == 4);
    } else
        CHECK(strncmp(upgrade.text, "HTTP/1.1 4", 10) == 0);
    return 0;
}
