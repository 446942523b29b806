/* beacon.h: a server on this machine says where it answers, and commands find it there.
 *
 *   serve ─ beacon_light() ─► ARCHIVE/server, STATE/server ─ beacon_find() ─► asker
 *
 * One line: address, host, process. A file that a dead process left is not believed.
 * Private to cli/. Thread: main. */
#ifndef TB_CLI_BEACON_H
#define TB_CLI_BEACON_H

#include <stdbool.h>

#include "server.h"

enum { BEACON_URL_BYTES = 600 };

/* Writes the files; where that fails, commands need --server. */
void beacon_light(const struct config *config, const struct server *server);
/* Removes those that are this process's. */
void beacon_put_out(const struct config *config);

/* The address of the living server that says so in this directory. False: there is none. */
bool beacon_find(const char *dir, char ret_url[BEACON_URL_BYTES]);

#endif
