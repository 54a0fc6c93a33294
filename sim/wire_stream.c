// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wire as a Unix stream socket with a 4-byte big-endian length before each
 * frame, as QEMU's -netdev stream. One peer at a time; the next may come when
 * it is gone.
 */
#include "log.h"
#include "sock.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_BYTES (1u << 20) /* for a peer that reads slowly */
#define IN_BYTES  (2 * (WIRE_FRAME_MAX + 4))

struct stream_wire {
	struct wire wire;
	char *path; /* NULL: it is the peer's */
	int listener, peer;
	size_t in_at, in_end, out_at, out_end;
	uint8_t in[IN_BYTES];
	uint8_t out[OUT_BYTES];
};

static void lose_peer(struct stream_wire *s, const char *why)
{
	sim_log(LOG_INFO, "--wire unix: the peer is gone: %s", why);
	close(s->peer);
	s->peer = -1;
	s->in_at = s->in_end = s->out_at = s->out_end = 0;
	s->wire.has_input = false;
}

static void push(struct stream_wire *s)
{
	while (s->out_at < s->out_end) {
		ssize_t n = send(s->peer, s->out + s->out_at, s->out_end - s->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				lose_peer(s, strerror(errno));
			return;
		}
		s->out_at += (size_t)n;
	}
	s->out_at = s->out_end = 0;
}

static int stream_send(struct wire *wire, const uint8_t *frame, size_t len)
{
	struct stream_wire *s = (struct stream_wire *)wire;
	uint32_t be = htonl((uint32_t)len);

	if (s->peer < 0)
		return -ENOTCONN;
	if (s->out_at && OUT_BYTES - s->out_end < len + 4) {
		memmove(s->out, s->out + s->out_at, s->out_end - s->out_at);
		s->out_end -= s->out_at;
		s->out_at = 0;
	}
	if (OUT_BYTES - s->out_end < len + 4)
		return -ENOBUFS;
	memcpy(s->out + s->out_end, &be, 4);
	memcpy(s->out + s->out_end + 4, frame, len);
	s->out_end += len + 4;
	return 0;
}

/* Length of the frame at the front of the buffer when all of it is there, else 0. */
static size_t complete(struct stream_wire *s)
{
	uint32_t be;
	size_t have = s->in_end - s->in_at;

	if (have < 4)
		return 0;
	memcpy(&be, s->in + s->in_at, 4);
	if (!ntohl(be) || ntohl(be) > WIRE_FRAME_MAX) {
		sim_log(LOG_WARN, "--wire unix: a frame's length of %u is not within 1..%u",
			ntohl(be), WIRE_FRAME_MAX);
		lose_peer(s, "its framing is lost");
		return 0;
	}
	return have - 4 >= ntohl(be) ? ntohl(be) : 0;
}

static void fill(struct stream_wire *s)
{
	ssize_t n;

	memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
	s->in_end -= s->in_at;
	s->in_at = 0;
	n = recv(s->peer, s->in + s->in_end, sizeof(s->in) - s->in_end, MSG_DONTWAIT);
	if (n > 0)
		s->in_end += (size_t)n;
	else if (n == 0)
		lose_peer(s, "it closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		lose_peer(s, strerror(errno));
}

static size_t stream_receive(struct wire *wire, uint8_t *frame, size_t room)
{
	struct stream_wire *s = (struct stream_wire *)wire;
	size_t len = s->peer < 0 ? 0 : complete(s);

	if (!len && s->peer >= 0) {
		fill(s);
		len = s->peer < 0 ? 0 : complete(s);
	}
	if (!len) {
		wire->has_input = false;
		return 0;
	}
	memcpy(frame, s->in + s->in_at + 4, len < room ? len : room);
	s->in_at += len + 4;
	return len < room ? len : room;
}

static unsigned int stream_poll(struct wire *wire, struct pollfd *fds, bool want_in)
{
	struct stream_wire *s = (struct stream_wire *)wire;
	bool peer;

	/* What was sent since the last look goes in one call: the peer is woken once. */
	if (s->peer >= 0)
		push(s);
	peer = s->peer >= 0;
	fds[0] = (struct pollfd){ .fd = peer ? s->peer : s->listener };
	if (fds[0].fd < 0)
		return 0;
	if (!peer)
		fds[0].events = POLLIN;
	else
		fds[0].events =
			(short)((want_in ? POLLIN : 0) | (s->out_at < s->out_end ? POLLOUT : 0));
	return 1;
}

static void stream_event(struct wire *wire, const struct pollfd *fds, unsigned int n)
{
	struct stream_wire *s = (struct stream_wire *)wire;

	if (!n || !fds[0].revents)
		return;
	if (s->peer < 0) {
		s->peer = sock_accept(s->listener);
		if (s->peer >= 0)
			sim_log(LOG_INFO, "--wire unix: a peer is there");
		return;
	}
	if (fds[0].revents & POLLOUT)
		push(s);
	if (s->peer >= 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		wire->has_input = true;
}

static void stream_close(struct wire *wire)
{
	struct stream_wire *s = (struct stream_wire *)wire;

	if (s->peer >= 0)
		push(s);
	if (s->peer >= 0)
		close(s->peer);
	if (s->listener >= 0)
		close(s->listener);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
}

static const struct wire_ops stream_ops = { .send = stream_send,
					    .receive = stream_receive,
					    .poll = stream_poll,
					    .event = stream_event,
					    .close = stream_close };

int wire_open_stream(const char *path, bool connects, struct wire **wire)
{
	struct stream_wire *s = calloc(1, sizeof(*s));
	int fd = connects ? sock_connect(path) : sock_listen(path);

	if (fd < 0)
		sim_log(LOG_ERROR, "--wire %s:%s: %s", connects ? "unix-connect" : "unix", path,
			strerror(-fd));
	if (fd < 0 || !s) {
		free(s);
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	s->wire.ops = &stream_ops;
	s->path = connects ? NULL : strdup(path);
	s->listener = connects ? -1 : fd;
	s->peer = connects ? fd : -1;
	*wire = &s->wire;
	return 0;
}
