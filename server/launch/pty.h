/* pty.h: a terminal of its own for a stream that is one, so that progress bars and colours survive.
 *
 * The new terminal has the size and settings of the real one, but for output processing: bytes
 * arrive as they were written and are processed once, by the real terminal. Thread: main. */
#ifndef TB_LAUNCH_PTY_H
#define TB_LAUNCH_PTY_H

#include "base/cleanup.h"

/* Opens a pair after the terminal `like`; both descriptors are close-on-exec. 0 or -errno. */
_must_check_ int pty_open(int like, int *ret_master, int *ret_slave);
/* Gives the pair behind `master` the present size of `like`. */
void pty_copy_size(int like, int master);

#endif
