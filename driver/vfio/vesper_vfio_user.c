// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transport over a vfio-user socket (QEMU docs/interop/vfio-user.rst, version 0.0).
 *
 * One request is under way at a time, so whatever comes next must be its
 * reply. After a message that is not, or that comes too late, nobody knows
 * where the next one begins: the connection is given up.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vesper_error.h"
#include "vesper_transport.h"

enum vfio_user_cmd {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_GET_INFO = 4,
	CMD_GET_REGION_INFO = 5,
	CMD_GET_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_RESET = 13,
};

static const char *const cmd_names[] = {
	[CMD_VERSION] = "VERSION",
	[CMD_DMA_MAP] = "DMA_MAP",
	[CMD_DMA_UNMAP] = "DMA_UNMAP",
	[CMD_GET_INFO] = "DEVICE_GET_INFO",
	[CMD_GET_REGION_INFO] = "DEVICE_GET_REGION_INFO",
	[CMD_GET_IRQ_INFO] = "DEVICE_GET_IRQ_INFO",
	[CMD_SET_IRQS] = "DEVICE_SET_IRQS",
	[CMD_REGION_READ] = "REGION_READ",
	[CMD_REGION_WRITE] = "REGION_WRITE",
	[CMD_RESET] = "DEVICE_RESET",
};

#define MSG_TYPE_MASK 0x0fu
#define MSG_COMMAND   0x00u
#define MSG_REPLY     0x01u
#define MSG_NO_REPLY  0x10u
#define MSG_ERROR     0x20u
#define PAYLOAD_MAX   4096 /* the largest that is asked for: a mailbox window, and headers */
#define ERRNO_MAX     4095

#define REGION_READ    1u
#define REGION_WRITE   2u
#define DMA_READ_WRITE 3u
#define IRQ_MSIX       2
#define IRQ_EVENTFD    (1u << 2)
#define IRQ_TRIGGER    (1u << 5)

struct msg_header {
	vesper_le16 id;
	vesper_le16 cmd;
	vesper_le32 size; /* with this header */
	vesper_le32 flags;
	vesper_le32 error;
};

struct msg_version {
	vesper_le16 major;
	vesper_le16 minor;
	char json[256];
};

struct msg_device_info {
	vesper_le32 argsz, flags, regions, irqs;
};

struct msg_region_info {
	vesper_le32 argsz, flags, index, cap_offset;
	vesper_le64 size, offset;
};

struct msg_irq_info {
	vesper_le32 argsz, flags, index, count;
};

struct msg_set_irqs {
	vesper_le32 argsz, flags, index, start, count;
};

struct msg_dma_map {
	vesper_le32 argsz, flags;
	vesper_le64 offset, addr, size;
};

struct msg_dma_unmap {
	vesper_le32 argsz, flags;
	vesper_le64 addr, size;
};

struct msg_region_access {
	vesper_le64 offset;
	vesper_le32 region, count;
};

struct vfio_user {
	struct vesper_transport base;
	pthread_mutex_t lock;
	int fd;
	int broken; /* negative errno once the connection has been given up */
	u32 timeout_ms;
	u16 next_id;
	u64 config_size;
};

/* A request and what its reply must look like. */
struct exchange {
	enum vfio_user_cmd cmd;
	u32 flags; /* MSG_NO_REPLY */
	const void *out, *out2;
	u32 out_len, out2_len;
	int fd; /* to pass, or -1 */
	void *in, *in2;
	u32 in_len, in2_len;
	u32 in_min;  /* shortest payload; in_len + in2_len unless the length varies */
	u32 *in_got; /* payload bytes of a reply whose length varies, else NULL */
};

static struct vfio_user *to_vfio_user(struct vesper_transport *t)
{
	return (struct vfio_user *)t;
}

static int give_up(struct vfio_user *v, int err)
{
	v->broken = err;
	shutdown(v->fd, SHUT_RDWR);
	return err;
}

/* Wait until the socket is ready for @events. */
static int wait_ready(struct vfio_user *v, short events, u64 deadline, enum vfio_user_cmd cmd)
{
	struct pollfd p = { .fd = v->fd, .events = events };
	int n;

	do {
		u64 now = vesper_now_ms();

		n = poll(&p, 1, now < deadline ? (int)(deadline - now) : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return vesper_error(-errno, "poll: %s", strerror(errno));
	if (!n)
		return vesper_error(-ETIMEDOUT, "vfio-user: no answer to %s within %u ms",
				    cmd_names[cmd], v->timeout_ms);
	return 0;
}

/* Leave out the first @n bytes of what an iovec array names. */
static void skip_iov(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

static int send_request(struct vfio_user *v, const struct exchange *x, u16 id, u64 deadline)
{
	struct msg_header h = {
		.id = cpu_to_le16(id),
		.cmd = cpu_to_le16(x->cmd),
		.size = cpu_to_le32(sizeof(h) + x->out_len + x->out2_len),
		.flags = cpu_to_le32(MSG_COMMAND | x->flags),
	};
	struct iovec iov[3] = {
		{ &h, sizeof(h) },
		{ (void *)x->out, x->out_len },
		{ (void *)x->out2, x->out2_len },
	};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	ssize_t n;
	int err;

	if (x->fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &x->fd, sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
	}
	while (m.msg_iovlen) {
		n = sendmsg(v->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			skip_iov(&m, (size_t)n);
			m.msg_control = NULL; /* the descriptor went with the first byte */
			m.msg_controllen = 0;
		} else if (errno == EAGAIN) {
			err = wait_ready(v, POLLOUT, deadline, x->cmd);
			if (err)
				return err;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return vesper_error(-ECONNRESET,
					    "vfio-user: the card closed the connection before %s",
					    cmd_names[x->cmd]);
		} else if (errno != EINTR) {
			return vesper_error(-errno, "vfio-user: sendmsg: %s", strerror(errno));
		}
	}
	return 0;
}

/* Fill what @m names; stop early once the message at its head, @h, is complete. */
static int receive(struct vfio_user *v, const struct exchange *x, struct msghdr *m,
		   const struct msg_header *h, u32 *got, u64 deadline)
{
	ssize_t n;
	int err;

	*got = 0;
	while (m->msg_iovlen && (*got < sizeof(*h) || *got < le32_to_cpu(h->size))) {
		/* Plain bytes: descriptors that a server might send along go nowhere. */
		n = recvmsg(v->fd, m, MSG_DONTWAIT);
		if (n > 0) {
			*got += (u32)n;
			skip_iov(m, (size_t)n);
		} else if (n == 0 || errno == ECONNRESET) {
			return vesper_error(
				-ECONNRESET,
				"vfio-user: the card closed the connection, %s unanswered",
				cmd_names[x->cmd]);
		} else if (errno == EAGAIN) {
			err = wait_ready(v, POLLIN, deadline, x->cmd);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return vesper_error(-errno, "vfio-user: recvmsg: %s", strerror(errno));
		}
	}
	return 0;
}

static int check_header(const struct exchange *x, const struct msg_header *h, u16 id)
{
	const char *name = cmd_names[x->cmd];
	u32 size = le32_to_cpu(h->size), flags = le32_to_cpu(h->flags);

	if ((flags & MSG_TYPE_MASK) != MSG_REPLY)
		return vesper_error(
			-EPROTO,
			"vfio-user: a message of type %u (flags 0x%x) came in place of the reply to %s",
			flags & MSG_TYPE_MASK, flags, name);
	if (le16_to_cpu(h->id) != id)
		return vesper_error(-EPROTO, "vfio-user: reply to %s carries id %u, expected %u",
				    name, le16_to_cpu(h->id), id);
	if (le16_to_cpu(h->cmd) != x->cmd)
		return vesper_error(-EPROTO, "vfio-user: reply to %s carries command %u", name,
				    le16_to_cpu(h->cmd));
	if (size < sizeof(*h))
		return vesper_error(
			-EPROTO,
			"vfio-user: reply to %s gives its size as %u, less than its header", name,
			size);
	return 0;
}

/* -EREMOTEIO: an error reply; the server's errno is in the header, and the stream is in order. */
static int receive_reply(struct vfio_user *v, const struct exchange *x, u16 id,
			 struct msg_header *h, u64 deadline)
{
	struct iovec iov[3] = { { h, sizeof(*h) }, { x->in, x->in_len }, { x->in2, x->in2_len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	u32 got, size, room = x->in_len + x->in2_len;
	int err;

	err = receive(v, x, &m, h, &got, deadline);
	if (!err)
		err = check_header(x, h, id);
	if (err)
		return err;
	size = le32_to_cpu(h->size) - (u32)sizeof(*h);
	if (got > size + sizeof(*h))
		return vesper_error(-EPROTO, "vfio-user: %zu bytes follow the reply to %s",
				    got - size - sizeof(*h), cmd_names[x->cmd]);
	if (size <= room && (le32_to_cpu(h->flags) & MSG_ERROR))
		return -EREMOTEIO;
	if (size < x->in_min || size > room)
		return vesper_error(-EPROTO,
				    "vfio-user: reply to %s has a payload of %u bytes, expected %u",
				    cmd_names[x->cmd], size, x->in_min);
	if (x->in_got)
		*x->in_got = size;
	return 0;
}

static int call(struct vfio_user *v, const struct exchange *x)
{
	struct msg_header h = { 0 };
	u64 deadline;
	int err;
	u32 error;
	u16 id;

	pthread_mutex_lock(&v->lock);
	if (v->broken) {
		err = vesper_error(v->broken,
				   "vfio-user: the connection was given up after an earlier error");
		goto out;
	}
	id = v->next_id++;
	deadline = vesper_now_ms() + v->timeout_ms;
	err = send_request(v, x, id, deadline);
	if (!err && !(x->flags & MSG_NO_REPLY))
		err = receive_reply(v, x, id, &h, deadline);
	if (err == -EREMOTEIO) {
		error = le32_to_cpu(h.error);
		if (!error || error > ERRNO_MAX)
			error = EIO;
		err = vesper_error(-(int)error, "vfio-user: the card answered %s with an error: %s",
				   cmd_names[x->cmd], strerror((int)error));
	} else if (err) {
		give_up(v, err);
	}
out:
	pthread_mutex_unlock(&v->lock);
	return err;
}

/* A request of one structure that is answered by one of the same length. */
static int call_simple(struct vfio_user *v, enum vfio_user_cmd cmd, const void *out, u32 out_len,
		       void *in, u32 in_len)
{
	struct exchange x = {
		.cmd = cmd,
		.out = out,
		.out_len = out_len,
		.fd = -1,
		.in = in,
		.in_len = in_len,
		.in_min = in_len,
	};

	return call(v, &x);
}

static int check_range(struct vfio_user *v, u32 region, u64 offset, u32 len)
{
	u64 size = region == VESPER_REGION_BAR0	  ? v->base.bar0_size :
		   region == VESPER_REGION_CONFIG ? v->config_size :
						    0;

	if (len > PAYLOAD_MAX || offset > size || len > size - offset)
		return vesper_error(-ERANGE,
				    "%u bytes at 0x%llx are beyond region %u of %llu bytes", len,
				    (unsigned long long)offset, region, (unsigned long long)size);
	return 0;
}

static int check_echo(const struct msg_region_access *sent, const struct msg_region_access *got,
		      struct vfio_user *v, enum vfio_user_cmd cmd)
{
	if (!memcmp(sent, got, sizeof(*sent)))
		return 0;
	return give_up(
		v,
		vesper_error(
			-EPROTO,
			"vfio-user: reply to %s is about %u bytes at 0x%llx of region %u, asked for %u at 0x%llx of %u",
			cmd_names[cmd], le32_to_cpu(got->count),
			(unsigned long long)le64_to_cpu(got->offset), le32_to_cpu(got->region),
			le32_to_cpu(sent->count), (unsigned long long)le64_to_cpu(sent->offset),
			le32_to_cpu(sent->region)));
}

static int vfio_user_read(struct vesper_transport *t, u32 region, u64 offset, void *data, u32 len)
{
	struct vfio_user *v = to_vfio_user(t);
	struct msg_region_access sent = { cpu_to_le64(offset), cpu_to_le32(region),
					  cpu_to_le32(len) };
	struct msg_region_access got;
	struct exchange x = {
		.cmd = CMD_REGION_READ,
		.out = &sent,
		.out_len = sizeof(sent),
		.fd = -1,
		.in = &got,
		.in_len = sizeof(got),
		.in2 = data,
		.in2_len = len,
		.in_min = sizeof(got) + len,
	};
	int err;

	err = check_range(v, region, offset, len);
	if (!err)
		err = call(v, &x);
	if (!err)
		err = check_echo(&sent, &got, v, CMD_REGION_READ);
	return err;
}

static int vfio_user_write(struct vesper_transport *t, u32 region, u64 offset, const void *data,
			   u32 len)
{
	struct vfio_user *v = to_vfio_user(t);
	struct msg_region_access sent = { cpu_to_le64(offset), cpu_to_le32(region),
					  cpu_to_le32(len) };
	struct msg_region_access got;
	struct exchange x = {
		.cmd = CMD_REGION_WRITE,
		.out = &sent,
		.out_len = sizeof(sent),
		.out2 = data,
		.out2_len = len,
		.fd = -1,
		.in = &got,
		.in_len = sizeof(got),
		.in_min = sizeof(got),
	};
	int err;

	err = check_range(v, region, offset, len);
	if (!err)
		err = call(v, &x);
	if (!err)
		err = check_echo(&sent, &got, v, CMD_REGION_WRITE);
	return err;
}

static int vfio_user_post32(struct vesper_transport *t, u32 region, u64 offset, u32 value)
{
	struct {
		struct msg_region_access where;
		vesper_le32 value;
	} __attribute__((packed)) out = {
		{ cpu_to_le64(offset), cpu_to_le32(region), cpu_to_le32(4) },
		cpu_to_le32(value),
	};
	struct exchange x = {
		.cmd = CMD_REGION_WRITE,
		.flags = MSG_NO_REPLY,
		.out = &out,
		.out_len = sizeof(out),
		.fd = -1,
	};
	int err = check_range(to_vfio_user(t), region, offset, 4);

	return err ? err : call(to_vfio_user(t), &x);
}

static int vfio_user_dma_map(struct vesper_transport *t, int fd, u64 offset, void *mem, u64 iova,
			     u64 size)
{
	struct msg_dma_map map = {
		.argsz = cpu_to_le32(sizeof(map)),
		.flags = cpu_to_le32(DMA_READ_WRITE),
		.offset = cpu_to_le64(offset),
		.addr = cpu_to_le64(iova),
		.size = cpu_to_le64(size),
	};
	struct exchange x = { .cmd = CMD_DMA_MAP, .out = &map, .out_len = sizeof(map), .fd = fd };

	(void)mem; /* the card maps the descriptor itself */
	return call(to_vfio_user(t), &x);
}

static int vfio_user_dma_unmap(struct vesper_transport *t, u64 iova, u64 size)
{
	struct msg_dma_unmap unmap = {
		.argsz = cpu_to_le32(sizeof(unmap)),
		.addr = cpu_to_le64(iova),
		.size = cpu_to_le64(size),
	};
	struct msg_dma_unmap echo;

	return call_simple(to_vfio_user(t), CMD_DMA_UNMAP, &unmap, sizeof(unmap), &echo,
			   sizeof(echo));
}

static int vfio_user_irq_set(struct vesper_transport *t, u32 vector, int fd)
{
	struct msg_set_irqs set = {
		.argsz = cpu_to_le32(sizeof(set)),
		.flags = cpu_to_le32(IRQ_EVENTFD | IRQ_TRIGGER),
		.index = cpu_to_le32(IRQ_MSIX),
		.start = cpu_to_le32(vector),
		.count = cpu_to_le32(1),
	};
	struct exchange x = { .cmd = CMD_SET_IRQS, .out = &set, .out_len = sizeof(set), .fd = fd };

	return call(to_vfio_user(t), &x);
}

static int vfio_user_reset(struct vesper_transport *t)
{
	return call_simple(to_vfio_user(t), CMD_RESET, NULL, 0, NULL, 0);
}

static int vfio_user_hangup_fd(struct vesper_transport *t)
{
	return to_vfio_user(t)->fd;
}

static void vfio_user_close(struct vesper_transport *t)
{
	struct vfio_user *v = to_vfio_user(t);

	if (v->fd >= 0)
		close(v->fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static const struct vesper_transport_ops vfio_user_ops = {
	.name = "vfio-user",
	.read = vfio_user_read,
	.write = vfio_user_write,
	.post32 = vfio_user_post32,
	.dma_map = vfio_user_dma_map,
	.dma_unmap = vfio_user_dma_unmap,
	.irq_set = vfio_user_irq_set,
	.reset = vfio_user_reset,
	.hangup_fd = vfio_user_hangup_fd,
	.close = vfio_user_close,
};

static int connect_socket(struct vfio_user *v, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval limit = { v->timeout_ms / 1000, v->timeout_ms % 1000 * 1000 };

	if (strlen(path) >= sizeof(addr.sun_path))
		return vesper_error(-ENAMETOOLONG,
				    "socket path '%s' has %zu bytes, at most %zu fit", path,
				    strlen(path), sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (v->fd < 0)
		return vesper_error(-errno, "socket: %s", strerror(errno));
	/* Connecting waits while the server's backlog is full. */
	setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(v->fd, (struct sockaddr *)&addr, sizeof(addr)))
		return 0;
	if (errno == EAGAIN)
		return vesper_error(-ETIMEDOUT, "'%s' did not accept a connection within %u ms",
				    path, v->timeout_ms);
	return vesper_error(-errno, "cannot connect to the card at '%s': %s", path,
			    strerror(errno));
}

static int negotiate(struct vfio_user *v)
{
	static const char capabilities[] =
		"{\"capabilities\":{\"max_msg_fds\":1,\"max_data_xfer_size\":4096}}";
	struct msg_version out = { 0 }, in = { 0 };
	u32 got = 0;
	struct exchange x = {
		.cmd = CMD_VERSION,
		.out = &out,
		.out_len = offsetof(struct msg_version, json) + sizeof(capabilities),
		.fd = -1,
		.in = &in,
		.in_len = sizeof(in),
		.in_min = offsetof(struct msg_version, json),
		.in_got = &got,
	};
	int err;

	memcpy(out.json, capabilities, sizeof(capabilities));
	err = call(v, &x);
	if (err)
		return err;
	if (le16_to_cpu(in.major) != 0)
		return vesper_error(-EPROTO,
				    "vfio-user: the server speaks version %u.%u, this driver 0.0",
				    le16_to_cpu(in.major), le16_to_cpu(in.minor));
	got -= x.in_min;
	if (got && in.json[got - 1])
		return vesper_error(-EPROTO,
				    "vfio-user: the server's capabilities do not end in NUL");
	return 0;
}

static int region_size(struct vfio_user *v, u32 index, u64 *size)
{
	struct msg_region_info info = {
		.argsz = cpu_to_le32(sizeof(info)),
		.index = cpu_to_le32(index),
	};
	u32 flags;
	int err = call_simple(v, CMD_GET_REGION_INFO, &info, sizeof(info), &info, sizeof(info));

	if (err)
		return err;
	flags = le32_to_cpu(info.flags);
	if (le32_to_cpu(info.index) != index || (flags & 3) != (REGION_READ | REGION_WRITE))
		return vesper_error(
			-EPROTO,
			"vfio-user: region %u is described as region %u with flags 0x%x, expected read and write",
			index, le32_to_cpu(info.index), flags);
	*size = le64_to_cpu(info.size);
	return 0;
}

static int learn_device(struct vfio_user *v)
{
	struct msg_device_info dev = { .argsz = cpu_to_le32(sizeof(dev)) };
	struct msg_irq_info irq = {
		.argsz = cpu_to_le32(sizeof(irq)),
		.index = cpu_to_le32(IRQ_MSIX),
	};
	int err = call_simple(v, CMD_GET_INFO, &dev, sizeof(dev), &dev, sizeof(dev));

	if (err)
		return err;
	if (le32_to_cpu(dev.regions) <= VESPER_REGION_CONFIG || le32_to_cpu(dev.irqs) <= IRQ_MSIX)
		return vesper_error(-EPROTO,
				    "vfio-user: not a PCI device: %u regions, %u interrupt types",
				    le32_to_cpu(dev.regions), le32_to_cpu(dev.irqs));
	err = region_size(v, VESPER_REGION_BAR0, &v->base.bar0_size);
	if (!err)
		err = region_size(v, VESPER_REGION_CONFIG, &v->config_size);
	if (!err)
		err = call_simple(v, CMD_GET_IRQ_INFO, &irq, sizeof(irq), &irq, sizeof(irq));
	if (!err)
		v->base.vectors = le32_to_cpu(irq.count);
	return err;
}

int vesper_vfio_user_open(const char *path, u32 timeout_ms, struct vesper_transport **transport)
{
	struct vfio_user *v = calloc(1, sizeof(*v));
	int err;

	*transport = NULL;
	if (!v)
		return vesper_error(-ENOMEM, "out of memory");
	v->base.ops = &vfio_user_ops;
	v->fd = -1;
	v->timeout_ms = timeout_ms;
	pthread_mutex_init(&v->lock, NULL);
	err = connect_socket(v, path);
	if (!err)
		err = negotiate(v);
	if (!err)
		err = learn_device(v);
	if (err) {
		vfio_user_close(&v->base);
		return err;
	}
	*transport = &v->base;
	return 0;
}
