// SPDX-License-Identifier: BSD-2-Clause
/*
 * The byte stream of one client: headers, bodies and descriptors in, one
 * sendmsg a reply out. A client that stops in the middle of a message or does
 * not read its replies holds up nobody but itself.
 */
#include "log.h"
#include "vfio_user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES_A_TURN 16

struct vfu_conn {
	struct vfu_device *dev;
	int fd;
	size_t have; /* bytes of the message at hand, header included */
	size_t out_at, out_end;
	unsigned int fds_lost; /* descriptors beyond VFU_FDS_MAX, closed by us or the kernel */
	struct vfu_msg msg;
	uint8_t in[VFU_MSG_MAX];
	struct {
		struct vfu_header hdr;
		uint8_t body[VFU_MSG_MAX];
	} out;
};

struct vfu_conn *vfu_conn_new(struct vfu_device *dev, int fd)
{
	struct vfu_conn *conn = malloc(sizeof(*conn));

	if (!conn)
		return NULL;
	conn->dev = dev;
	conn->fd = fd;
	conn->have = conn->out_at = conn->out_end = 0;
	conn->fds_lost = 0;
	conn->msg.nfds = 0;
	dev->negotiated = false;
	return conn;
}

static void close_fds(struct vfu_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->nfds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->nfds = 0;
}

void vfu_conn_free(struct vfu_conn *conn)
{
	if (!conn)
		return;
	close_fds(&conn->msg);
	close(conn->fd);
	vfu_device_disconnect(conn->dev);
	free(conn);
}

int vfu_conn_fd(const struct vfu_conn *conn)
{
	return conn->fd;
}

bool vfu_conn_wants_out(const struct vfu_conn *conn)
{
	return conn->out_at < conn->out_end;
}

/* Keeps the descriptors of one received piece, VFU_FDS_MAX a message at most. */
static void collect_fds(struct vfu_conn *conn, struct msghdr *msg)
{
	struct cmsghdr *c;

	if (msg->msg_flags & MSG_CTRUNC)
		conn->fds_lost++;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t i, n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (conn->msg.nfds < VFU_FDS_MAX) {
				conn->msg.fds[conn->msg.nfds++] = fd;
			} else {
				close(fd);
				conn->fds_lost++;
			}
		}
	}
}

/* Receives until `want` bytes of the message are there. 1: they are; 0: later; negative: gone. */
static int receive(struct vfu_conn *conn, size_t want)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * VFU_FDS_MAX * sizeof(int))];
	} control;

	while (conn->have < want) {
		struct iovec iov = { conn->in + conn->have, want - conn->have };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		collect_fds(conn, &msg);
		if (n == 0)
			return -ECONNRESET;
		conn->have += (size_t)n;
	}
	return 1;
}

/* Sends what is left of the reply. False: the client is gone. */
static bool flush_reply(struct vfu_conn *conn)
{
	while (conn->out_at < conn->out_end) {
		ssize_t n = send(conn->fd, (uint8_t *)&conn->out + conn->out_at,
				 conn->out_end - conn->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		conn->out_at += (size_t)n;
	}
	return true;
}

static bool reply(struct vfu_conn *conn, int len_or_error)
{
	size_t len = len_or_error < 0 ? 0 : (size_t)len_or_error;

	conn->out.hdr = conn->msg.hdr;
	conn->out.hdr.size = (uint32_t)(sizeof(conn->out.hdr) + len);
	conn->out.hdr.flags = VFU_F_REPLY | (len_or_error < 0 ? VFU_F_ERROR : 0);
	conn->out.hdr.error = len_or_error < 0 ? (uint32_t)-len_or_error : 0;
	conn->out_at = 0;
	conn->out_end = conn->out.hdr.size;
	return flush_reply(conn);
}

/* The length that the header states cannot be: where the next message begins is lost. */
static bool refuse_stream(struct vfu_conn *conn)
{
	const struct vfu_header *h = &conn->msg.hdr;

	sim_log(LOG_WARN, "message %u, command %u: size %u is not between %zu and %u; closing",
		h->id, h->cmd, h->size, sizeof(*h), VFU_MSG_MAX);
	reply(conn, h->size < sizeof(*h) ? -EINVAL : -EMSGSIZE);
	return false;
}

static bool serve_message(struct vfu_conn *conn)
{
	struct vfu_msg *msg = &conn->msg;
	int ret;

	msg->body = conn->in + sizeof(msg->hdr);
	msg->len = msg->hdr.size - sizeof(msg->hdr);
	if ((msg->hdr.flags & VFU_F_TYPE) == VFU_F_REPLY) {
		sim_log(LOG_WARN, "message %u, command %u: a reply to nothing that was asked",
			msg->hdr.id, msg->hdr.cmd);
		close_fds(msg);
		conn->fds_lost = 0;
		return true;
	}
	if (msg->hdr.flags & VFU_F_TYPE) {
		sim_log(LOG_WARN,
			"message %u, command %u: type %u in flags is neither command nor reply",
			msg->hdr.id, msg->hdr.cmd, msg->hdr.flags & VFU_F_TYPE);
		ret = -EINVAL;
	} else if (conn->fds_lost) {
		sim_log(LOG_WARN, "message %u, command %u: more than %u descriptors", msg->hdr.id,
			msg->hdr.cmd, VFU_FDS_MAX);
		ret = -EINVAL;
	} else {
		ret = vfu_command(conn->dev, msg, conn->out.body, sizeof(conn->out.body));
	}
	close_fds(msg);
	conn->fds_lost = 0;
	if (msg->hdr.flags & VFU_F_NO_REPLY)
		return true;
	return reply(conn, ret);
}

bool vfu_conn_serve(struct vfu_conn *conn)
{
	int i, ret;

	for (i = 0; i < MESSAGES_A_TURN; i++) {
		if (!flush_reply(conn))
			return false;
		if (vfu_conn_wants_out(conn))
			return true;
		if (conn->have < sizeof(conn->msg.hdr)) {
			ret = receive(conn, sizeof(conn->msg.hdr));
			if (ret <= 0)
				break;
			memcpy(&conn->msg.hdr, conn->in, sizeof(conn->msg.hdr));
			if (conn->msg.hdr.size < sizeof(conn->msg.hdr) ||
			    conn->msg.hdr.size > VFU_MSG_MAX)
				return refuse_stream(conn);
		}
		ret = receive(conn, conn->msg.hdr.size);
		if (ret <= 0)
			break;
		conn->have = 0;
		if (!serve_message(conn))
			return false;
	}
	if (i == MESSAGES_A_TURN || ret == 0)
		return true;
	if (conn->have)
		sim_log(LOG_WARN, "the client left in the middle of a message, after %zu bytes",
			conn->have);
	return false;
}
