/* SPDX-License-Identifier: BSD-2-Clause */
/* Unix stream sockets by path. All descriptors are non-blocking and close on exec. */
#ifndef SIM_SOCK_H
#define SIM_SOCK_H

/*
 * A listening socket at `path`, which appears there when one can connect to it;
 * a socket that nobody listens on any more is
 * replaced. Returns the descriptor or -EADDRINUSE (somebody listens, or it is
 * no socket), -ENAMETOOLONG, ...
 */
int sock_listen(const char *path);
int sock_connect(const char *path);

/* A waiting client, or -EAGAIN. */
int sock_accept(int fd);

#endif
