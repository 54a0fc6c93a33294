// SPDX-License-Identifier: BSD-2-Clause
/* The wire as a Linux tap interface. Without root it must exist and belong to the user (ip tuntap). */
#include "log.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct tap_wire {
	struct wire wire;
	int fd;
};

static int tap_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	return write(((struct tap_wire *)wire)->fd, frame, len) == (ssize_t)len ? 0 : -errno;
}

static size_t tap_receive(struct wire *wire, uint8_t *frame, size_t room)
{
	ssize_t n = read(((struct tap_wire *)wire)->fd, frame, room);

	if (n > 0)
		return (size_t)n;
	wire->has_input = false;
	return 0;
}

static unsigned int tap_poll(struct wire *wire, struct pollfd *fds, bool want_in)
{
	if (!want_in)
		return 0;
	fds[0] = (struct pollfd){ .fd = ((struct tap_wire *)wire)->fd, .events = POLLIN };
	return 1;
}

static void tap_event(struct wire *wire, const struct pollfd *fds, unsigned int n)
{
	if (n && fds[0].revents & POLLIN)
		wire->has_input = true;
}

static void tap_close(struct wire *wire)
{
	close(((struct tap_wire *)wire)->fd);
	free(wire);
}

static const struct wire_ops tap_ops = { .send = tap_send,
					 .receive = tap_receive,
					 .poll = tap_poll,
					 .event = tap_event,
					 .close = tap_close };

int wire_open_tap(const char *name, struct wire **wire)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct tap_wire *t;
	int fd, ret;

	if (strlen(name) >= sizeof(ifr.ifr_name)) {
		sim_log(LOG_ERROR, "--wire tap: the name %s has more than %zu characters", name,
			sizeof(ifr.ifr_name) - 1);
		return -EINVAL;
	}
	memcpy(ifr.ifr_name, name, strlen(name));
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ret = fd < 0 || ioctl(fd, TUNSETIFF, &ifr) ? -errno : 0;
	if (ret) {
		sim_log(LOG_ERROR, "--wire tap:%s: %s", name, strerror(-ret));
		goto fail;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		ret = -ENOMEM;
		goto fail;
	}
	t->wire.ops = &tap_ops;
	t->fd = fd;
	*wire = &t->wire;
	return 0;

fail:
	if (fd >= 0)
		close(fd);
	return ret;
}
