/* haul.h: the ship thread's work for one run: finding files, looking at them, ending.
 *
 * Before: folder.c's walks and news, the timer. After: upload.c's queues. Part of ship.c's
 * machinery. Thread: ship's, but for haul_note_before(). */
#ifndef TB_SHIP_HAUL_H
#define TB_SHIP_HAUL_H

#include "ship/folder.h"
#include "ship/shiprun.h"
#include "ship/upload.h"

/* Before the run is given to the ship thread: the ledger of an earlier process, or (if asked for)
 * a note of all files that are there. */
void haul_note_before(struct shiprun *run);

/* A turn: walks that are due, files that are due, the end. Returns when to come again, ns. */
int64_t haul_turn(struct shiprun *run, struct folder *folder, struct upload *upload,
                  int64_t now_ns);
/* News of inotify. path NULL: everything has to be walked. */
void haul_news(struct shiproot *root, struct folder *folder, struct upload *upload,
               const char *path, bool directory);
/* Writes the ledger. */
void haul_save(struct shiprun *run);

#endif
