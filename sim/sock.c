// SPDX-License-Identifier: BSD-2-Clause
/* Unix stream sockets by path. */
#include "sock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *un)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(un->sun_path))
		return -ENAMETOOLONG;
	memcpy(un->sun_path, path, strlen(path));
	return 0;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int sock_connect(const char *path)
{
	struct sockaddr_un un;
	int fd, ret = address(path, &un);

	if (ret)
		return ret;
	fd = new_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* True when `path` is a socket that a dead process has left behind. */
static int is_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	fd = sock_connect(path);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

/* Binds under another name and gives the socket its own when one can connect to it, at once. */
static int listen_at(int fd, const char *path)
{
	struct sockaddr_un un;
	char early[sizeof(un.sun_path)];
	int ret;

	if ((size_t)snprintf(early, sizeof(early), "%s.%d", path, getpid()) >= sizeof(early))
		return -ENAMETOOLONG;
	ret = address(early, &un);
	if (ret)
		return ret;
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)))
		return -errno;
	ret = listen(fd, 8) || link(early, path) ? -errno : 0;
	unlink(early);
	return ret == -EEXIST ? -EADDRINUSE : ret;
}

int sock_listen(const char *path)
{
	int ret, fd = new_socket();

	if (fd < 0)
		return fd;
	if (is_stale(path))
		unlink(path);
	ret = listen_at(fd, path);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int sock_accept(int fd)
{
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return client < 0 ? -errno : client;
}
